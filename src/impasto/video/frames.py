"""A clip and its frames, whatever holds them: what `impasto.video.clip` opens and writes.

One frame is in memory at a time, never a list of them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Literal, Self

from impasto.errors import OptionError

if TYPE_CHECKING:
    from torch import Tensor

MAX_FRAME_PIXELS: Final = 100_000_000  # what declares larger frames is not read


@dataclass(frozen=True)
class Frame:
    """One frame as it is seen: upright, square pixels, sRGB.

    Attributes
    ----------
    index: place in the clip, from 0; also where only a piece of the clip is read.
    time: when it appears, in seconds since the start of the clip.
    duration: how long it is shown, in seconds.
    pixels: float32 [1, 3, height, width], sRGB in [0, 1], straight (not multiplied by alpha).
    alpha: float32 [1, 1, height, width] in [0, 1]; None where every pixel is opaque by the clip's format.
    """

    index: int
    time: Fraction
    duration: Fraction
    pixels: Tensor = field(repr=False, compare=False)
    alpha: Tensor | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True)
class ClipInfo:
    """What is known of a clip before its frames are read.

    Attributes
    ----------
    path: the file or folder.
    kind: what holds the frames.
    width_px, height_px: of the frames as they are seen: turned upright, with square pixels.
    frames: how many there are, counted, not believed from a header; None where only reading would tell. Damaged frames
        are counted, too, and left out when the clip is read.
    duration_seconds: from the start of the clip to the end of its last frame.
    frame_rate: frames a second, on average.
    variable_rate: whether frames last differently long.
    time_base: the unit, in seconds, of which all times in the clip are multiples.
    has_audio, has_alpha: whether there is sound; whether frames may be transparent.
    bit_depth: bits of a channel, 8 or more.
    color: matrix, range, primaries and curve of the values in the file, in words.
    hdr: the curve of a clip of high dynamic range, which is read tone-mapped; empty for others.
    container, codec: names of both, as FFmpeg has them.
    record: the run record, where impasto painted the clip.
    """

    path: Path
    kind: Literal["video", "folder", "animation"]
    width_px: int
    height_px: int
    frames: int | None
    duration_seconds: float
    frame_rate: Fraction
    variable_rate: bool
    time_base: Fraction
    has_audio: bool = False
    has_alpha: bool = False
    bit_depth: int = 8
    color: str = "sRGB"
    hdr: Literal["", "PQ", "HLG"] = ""
    container: str = ""
    codec: str = ""
    record: Mapping[str, Any] | None = field(default=None, repr=False)

    def check_piece(self, from_seconds: float | None, to_seconds: float | None) -> None:
        """Refuse a piece that is none, or lies outside the clip: `OptionError`."""
        begin, end = from_seconds or 0, self.duration_seconds if to_seconds is None else to_seconds
        if not 0 <= begin < self.duration_seconds:
            raise OptionError(f"the clip cannot be read from {begin:g} s: it lasts {self.duration_seconds:g} s")
        if not end > begin:
            raise OptionError(f"a piece of a clip ends after it begins: got {begin:g} to {end:g} s")


def exact(seconds: float | None) -> Fraction | None:
    """Seconds as a person gives them, to the microsecond: 0.4 is 2/5."""
    return None if seconds is None else Fraction(seconds).limit_denominator(1_000_000)


class Clip(ABC):
    """A clip that is open for reading. Frames can be read several times, and by several readers at once.

    Attributes
    ----------
    info: what is known of it.
    notices: what was read otherwise than it stands in the file (tone-mapped, frames left out), a line each. What only
        reading shows is added while frames are read.
    """

    def __init__(self, info: ClipInfo, notices: list[str] | None = None) -> None:
        self.info = info
        self.notices = notices if notices is not None else []

    @abstractmethod
    def frames(self, from_seconds: float | None = None, to_seconds: float | None = None) -> Iterator[Frame]:
        """Read the frames that appear at or after `from_seconds` and before `to_seconds`, in order.

        Raises `InputError` where no frame can be read, `OptionError` for times outside the clip.
        """

    def close(self) -> None:
        """Let go of the file. Closing twice does no harm."""
        return

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()


class ClipWriter(ABC):
    """A clip that is being written. It appears under its name when it is closed, or not at all.

    As a context manager it is closed at the end of the block, and discarded when the block fails.

    Attributes
    ----------
    path: where the clip will be.
    notices: what was written otherwise than asked (no sound in a GIF, a row added for an even height), a line each.
        All that is known before the first frame is there from the start.
    """

    def __init__(self, path: Path, notices: list[str] | None = None) -> None:
        self.path = path
        self.notices = notices if notices is not None else []

    @abstractmethod
    def write(self, frame: Frame) -> None:
        """Add a frame, shown at its own time. Frames come in order and in one size, that of the first.

        Raises `OutputError` where it cannot be written (a full disk), and after that discards the clip.
        """

    @abstractmethod
    def close(self) -> None:
        """End the clip with the whole of the sound, and move it to its name; raises `OutputError`."""

    @abstractmethod
    def finish(self) -> None:
        """End the clip early, with the sound up to its last frame, and move it to its name; raises `OutputError`."""

    @abstractmethod
    def discard(self) -> None:
        """Leave nothing behind. After `close` and `finish` this does nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()
