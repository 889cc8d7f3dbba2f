"""The run folder of a film: everything that is finished, so that it can be ended at any time and go on.

::

    film.json               the plan: what decides the film (as a SHA-256), its size and its shots
    times.txt               number, time and duration of every frame, a line each
    shot-00001.safetensors  what the frames of a shot have in common, or what was tuned for it
    frame-0000001.png       a finished frame, of 8 or 16 bit, with its alpha
    match-0000001-....      where a frame lies in the key before it ("after") and in the next ("before"), of keyed shots
    state.safetensors       after some frame, all that the next one depends on
    part.sha256             of the film as far as it was painted, where it was stopped early

Every file appears whole or not at all. The plan is written last of what is found before painting.

Somebody else may have made the folder: what is read is checked, and symbolic links are neither read nor followed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from impasto.errors import CheckpointError, InputError, OutputError
from impasto.images.picture import quantise
from impasto.images.reading import load_picture
from impasto.storage.atomic import open_whole, unwritable, write_whole
from impasto.storage.files import read_own, why_not_own
from impasto.storage.tensorfile import TensorFormat
from impasto.video.flow import Pixels, load_cv2

PLAN, TIMES, STATE, PART = "film.json", "times.txt", "state.safetensors", "part.sha256"
OUR_FILES = (PLAN, TIMES, STATE, PART, "shot-*.safetensors", "match-*.safetensors", "frame-*.png", ".impasto-*.part")
FORMAT_VERSION = 1
PNG_EFFORT = 1  # of 9: more takes long, for little
PNG_BYTES = 0.8  # of the samples' bytes, about, for paint
MAX_PLAN_BYTES = 100_000_000
MAX_FRAMES = 100_000_000  # six weeks
# Index, time and duration in seconds, as fractions of numbers that are not absurd.
_FRACTION = r"\d{1,18}(?:/[1-9]\d{0,17})?"
_TIME = re.compile(rf"(\d{{1,9}}) (-?{_FRACTION}) ({_FRACTION})\n", re.ASCII)

Arrays = Mapping[str, NDArray[Any]]
_ARRAYS = TensorFormat("impasto-film", "1", "film", CheckpointError, covered=lambda about: about.get("frame", ""))


class FilmPlan(BaseModel):
    """What is known of a film before it is painted.

    Attributes
    ----------
    identity: SHA-256 of all that decides its frames.
    frames: how many there are. shots: where each begins, counted in frames from 0.
    frame_seconds: that one takes, about.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format_version: int = FORMAT_VERSION
    identity: str
    frames: int = Field(ge=1, le=MAX_FRAMES)
    shots: tuple[int, ...]
    height_px: int = Field(ge=1)
    width_px: int = Field(ge=1)
    frame_seconds: float = Field(ge=0, le=1e6)

    @model_validator(mode="after")
    def _shots_follow(self) -> Self:
        rising = all(start < following for start, following in pairwise((*self.shots, self.frames)))
        if self.format_version != FORMAT_VERSION or self.shots[:1] != (0,) or not rising:
            raise ValueError("another format, or shots that do not follow one another")
        return self

    def frames_of(self, shot: int) -> tuple[int, int]:
        """The first frame of a shot, and the one after its last."""
        return self.shots[shot], (*self.shots, self.frames)[shot + 1]

    def shot_of(self, frame: int) -> int:
        """The shot that a frame is in, from 0."""
        return max(shot for shot, start in enumerate(self.shots) if start <= frame)


@dataclass(frozen=True)
class FrameTime:
    """A frame's place in the clip, and when it is shown."""

    index: int
    time: Fraction
    duration: Fraction


@dataclass(frozen=True)
class FilmFolder:
    """See the module's description. What cannot be written raises `OutputError`."""

    path: Path
    bit_depth: int = field(default=8)

    def make(self) -> None:
        """Make the folder, unless it is there."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"cannot make the run folder {str(self.path)!r}: {error.strerror}") from error

    def plan(self) -> FilmPlan | None:
        """The plan of the film that is in here; None where there is none, or a damaged one."""
        try:
            return FilmPlan.model_validate_json(read_own(self.path / PLAN, MAX_PLAN_BYTES))
        except (OSError, ValidationError, ValueError):
            return None

    def save_plan(self, plan: FilmPlan) -> None:
        self._write(PLAN, json.dumps(plan.model_dump(mode="json"), indent=1).encode())

    @contextmanager
    def writing_times(self) -> Iterator[Callable[[FrameTime], object]]:
        """A function that writes the time of the next frame, so that they are not all held."""
        try:
            with open_whole(self.path / TIMES) as file:
                yield lambda one: file.write(f"{one.index} {one.time} {one.duration}\n".encode())
        except OSError as error:
            raise OutputError(f"cannot write in {str(self.path)!r}: {error.strerror}") from error

    def times(self, first: int = 0) -> Iterator[FrameTime]:
        """The frames of the film from one of them on; raises `CheckpointError` where they are missing or damaged."""
        path = self.path / TIMES
        if why := why_not_own(path):
            raise self.damaged(TIMES, why)
        shown = FrameTime(-1, Fraction(-(10**18)), Fraction(0))
        with path.open("rb") as file:
            for number, line in enumerate(iter(lambda: file.readline(256), b"")):
                match = _TIME.fullmatch(line.decode(errors="replace"))
                if match is None:
                    raise self.damaged(TIMES, f"line {number + 1} says no time")
                before, shown = shown, FrameTime(int(match[1]), Fraction(match[2]), Fraction(match[3]))
                if shown.index <= before.index or shown.time <= before.time:
                    raise self.damaged(TIMES, f"line {number + 1} goes back")
                if number >= first:
                    yield shown

    def shot_path(self, shot: int) -> Path:
        return self.path / f"shot-{shot + 1:05}.safetensors"

    def save_shot(self, shot: int, arrays: Arrays) -> None:
        self._write(self.shot_path(shot).name, _ARRAYS.pack({}, arrays))

    def load_shot(self, shot: int) -> dict[str, NDArray[Any]]:
        """What was saved of a shot; raises `CheckpointError` where it is missing or damaged."""
        name = self.shot_path(shot).name
        arrays = self._arrays(name)[1]
        if not all(_finite(array) for array in arrays.values()):
            raise self.damaged(name, "it holds numbers that are none")
        return arrays

    def match_path(self, frame: int, side: str) -> Path:
        return self.path / f"match-{frame + 1:07}-{side}.safetensors"

    def save_match(self, frame: int, side: str, arrays: Arrays) -> None:
        self._write(self.match_path(frame, side).name, _ARRAYS.pack({}, arrays))

    def load_match(self, frame: int, side: str) -> dict[str, NDArray[Any]]:
        """What was saved of a match; raises `CheckpointError` where it is missing or damaged."""
        return self._arrays(self.match_path(frame, side).name)[1]

    def save_state(self, frame: int, arrays: Arrays) -> None:
        """Keep what the frames after this one depend on."""
        self._write(STATE, _ARRAYS.pack({"frame": str(frame)}, arrays))

    def load_state(self) -> tuple[int, dict[str, NDArray[Any]]] | None:
        """The frame after which the state was saved, and the state; None where there is none to go on from."""
        try:
            about, arrays = self._arrays(STATE)
            frame = int(about["frame"])
        except (CheckpointError, KeyError, ValueError):
            return None
        sound = frame >= 0 and all(_finite(array) and (np.abs(array) <= 1).all() for array in arrays.values())
        return (frame, arrays) if sound else None

    def save_part(self, sha256: str) -> None:
        """Note what the film was when it was stopped, so that it may be replaced when it goes on."""
        self._write(PART, sha256.encode())

    def is_part(self, sha256: str) -> bool:
        """Whether a film is the part of this one that was written when it was stopped."""
        try:
            return read_own(self.path / PART, 64) == sha256.encode()
        except OSError:
            return False

    def save_frame(self, frame: int, data: bytes) -> None:
        """Write a finished frame, as `encode_frame` gives it."""
        self._write(self.frame_path(frame).name, data)

    def load_frame(self, frame: int, height_px: int, width_px: int) -> tuple[Pixels, Pixels | None]:
        """A finished frame of this size and its alpha; raises `CheckpointError` where it is missing or damaged."""
        path = self.frame_path(frame)
        try:
            if why := why_not_own(path):
                raise self.damaged(path.name, why)
            picture = load_picture(path, max_pixels=height_px * width_px)
        except (InputError, OSError) as error:
            raise self.damaged(path.name, "it cannot be read") from error
        if (*picture.size, picture.bit_depth) != (width_px, height_px, self.bit_depth):
            raise self.damaged(path.name, f"it is no frame of {width_px}x{height_px} px")
        return picture.pixels(), picture.alpha()

    def frame_path(self, frame: int) -> Path:
        return self.path / f"frame-{frame + 1:07}.png"

    def frame_bytes(self, height_px: int, width_px: int) -> int:
        """What a frame takes on the disk, about."""
        return round(height_px * width_px * 3 * self.bit_depth / 8 * PNG_BYTES)

    def remove(self) -> None:
        """Remove what a film left here, and the folder unless there is something else in it."""
        if not self.path.is_dir():
            return
        try:
            for pattern in OUR_FILES:
                for path in self.path.glob(pattern):
                    path.unlink(missing_ok=True)
            if not any(self.path.iterdir()):
                self.path.rmdir()
        except OSError as error:
            raise OutputError(f"cannot clear the run folder {str(self.path)!r}: {error.strerror}; remove it") from error

    def _write(self, name: str, data: bytes) -> None:
        try:
            write_whole(self.path / name, data)
        except OSError as error:
            why = f"{error.strerror or error}; make room, then the same command goes on"
            raise unwritable(self.path / name, why) from error

    def _arrays(self, name: str) -> tuple[dict[str, str], dict[str, NDArray[Any]]]:
        if why := why_not_own(self.path / name):
            raise self.damaged(name, why)
        return _ARRAYS.read(self.path / name)

    def damaged(self, name: str, why: str) -> CheckpointError:
        return CheckpointError(
            f"{str(self.path / name)!r} is damaged ({why}): remove the folder and paint the film again"
        )


def encode_frame(pixels: Pixels, alpha: Pixels | None, bit_depth: int) -> bytes:
    """The PNG of a frame [height, width, 3] in [0, 1] with its alpha, [height, width]."""
    cv2 = load_cv2()
    channels = pixels[..., ::-1] if alpha is None else np.dstack([pixels[..., ::-1], alpha])
    _, data = cv2.imencode(".png", quantise(channels, bit_depth), [cv2.IMWRITE_PNG_COMPRESSION, PNG_EFFORT])
    encoded: bytes = data.tobytes()
    return encoded


def _finite(array: NDArray[Any]) -> bool:
    return array.dtype.kind in "fu" and bool(np.isfinite(array).all())
