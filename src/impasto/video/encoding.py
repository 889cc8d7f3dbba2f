"""Frames to video files, by PyAV (FFmpeg): the times, the colours and the sound of the clip they come from."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import Tensor

from impasto.errors import OptionError, OutputError
from impasto.images.tensors import resize
from impasto.storage.atomic import move_whole, unfinished, unwritable, written_file
from impasto.video.codecs import FORMATS, Codec
from impasto.video.color import WRITTEN, srgb_to_planes
from impasto.video.frames import ClipInfo, ClipWriter, Frame
from impasto.video.planes import build_frame
from impasto.video.sound import Sound, check_sound
from impasto.video.video_file import load_av, opened

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.packet import Packet

_LIMITED_RANGE, _FULL_RANGE = 1, 2
# The index at the front, for playing while it loads; cuts of sound to the microsecond, not the millisecond.
_MOV_OPTIONS: Final = {"movflags": "+faststart", "movie_timescale": "720000"}
_KEPT: Final = ("creation_time", "date", "copyright", "artist")  # of a clip's metadata: never its position


@dataclass(frozen=True)
class Wanted:
    """How a video file shall be written.

    Attributes
    ----------
    like: the clip whose times, sound, bits and alpha it has.
    sound: whether there is to be sound.
    piece: the first and last second of `like`; None: its beginning, its end.
    record: the run record.
    """

    like: ClipInfo
    codec: Codec
    quality: int | None
    sound: bool
    piece: tuple[float | None, float | None]
    record: Mapping[str, Any] | None


class VideoFileWriter(ClipWriter):
    """A video file that is being written."""

    def __init__(self, path: Path, wanted: Wanted, *, overwrite: bool) -> None:
        self._wanted, self._overwrite = wanted, overwrite
        self._ending = path.suffix.lower()
        self._is_mov = self._ending in (".mp4", ".mov")
        self._options = wanted.codec.encoder_options(wanted.quality)
        _check_encoder(wanted.codec)
        super().__init__(path)
        like = wanted.like
        self._sounds = wanted.sound and like.has_audio
        if self._sounds:
            check_sound(like, self._ending, FORMATS[self._ending])
        self._alpha = like.has_alpha and wanted.codec.has_alpha
        if like.has_alpha and not self._alpha:
            self.notices.append(f"{self._ending} of this codec has no alpha: the film is laid over white")
        self._format = wanted.codec.pixel_format(like.bit_depth, self._alpha)
        self._target = written_file(path, overwrite=overwrite)
        self._temporary = unfinished(self._target)
        self._container: OutputContainer | None = None
        self._stream: Any = None
        self._sound: Sound | None = None
        self._size = (0, 0)
        self._begin = self._first_time = self._end = Fraction(0)
        self._last: int | None = None
        self._durations: dict[int, int] = {}
        self._held: Packet[Any] | None = None
        self._first_dts = 0
        self._done = False

    def write(self, frame: Frame) -> None:
        av = load_av()
        try:
            if self._container is None:
                self._start(frame)
            if tuple(frame.pixels.shape[-2:]) != self._size:
                raise OutputError(f"frame {frame.index} is of another size than the first of {str(self.path)!r}")
            self._mux(self._stream.encode(self._coded(frame)))
        except (av.FFmpegError, OSError) as error:
            self.discard()
            raise self._failed(error) from error
        except BaseException:
            self.discard()
            raise

    def close(self) -> None:
        self._conclude(whole=self._wanted.piece[1] is None)

    def finish(self) -> None:
        self._conclude(whole=False)

    def discard(self) -> None:
        if not self._done:
            self._done = True
            self._let_go()
            self._temporary.unlink(missing_ok=True)

    def _conclude(self, *, whole: bool) -> None:
        if self._done:
            return
        av = load_av()
        try:
            if self._container is None:
                raise unwritable(self.path, "there is no frame in it")
            self._mux(self._stream.encode(None))
            self._mux_last()
            self._mux_sound(None if whole else self._end)
            self._container.close()
            move_whole(self._temporary, self._target, overwrite=self._overwrite)
        except FileExistsError as error:
            raise unwritable(self.path, "it appeared meanwhile; give another name, or --overwrite") from error
        except (av.FFmpegError, OSError) as error:
            raise self._failed(error) from error
        finally:
            self.discard()

    def _let_go(self) -> None:
        """Close the files; what a full disk does not take any more is given up anyway."""
        av = load_av()
        if self._sound is not None:
            self._sound.close()
        if self._container is not None:
            with suppress(av.FFmpegError, OSError):
                self._container.close()

    def _start(self, frame: Frame) -> None:
        av = load_av()
        like, codec = self._wanted.like, self._wanted.codec
        self._begin, self._first_time = frame.time if self._wanted.piece[0] else Fraction(0), frame.time
        height_px, width_px = frame.pixels.shape[-2:]
        self._size = (height_px, width_px)
        coded = [max(-(-side // codec.multiple) * codec.multiple, codec.least_px) for side in self._size]
        if coded != [height_px, width_px]:
            self.notices.append(
                f"the codec holds no {width_px} x {height_px} px: the last column and row are repeated up to "
                f"{coded[1]} x {coded[0]}"
            )
        container = av.open(
            f"file:{self._temporary.absolute()}",
            "w",
            format=FORMATS[self._ending],
            options={**(_MOV_OPTIONS if self._is_mov else {}), "fflags": "+bitexact"},
        )
        self._container = container
        self._stream = _add_stream(container, self._wanted, self._format, self._options, (coded[0], coded[1]))
        for name, value in self._tags.items():
            setattr(self._stream.codec_context, name, value)
        if self._is_mov and codec.tag:
            self._stream.codec_context.codec_tag = codec.tag
        container.metadata.update(_metadata(self._wanted))
        if self._sounds:
            self._sound = Sound(like, container, primed=self._is_mov or "matroska" in like.container)

    def _coded(self, frame: Frame) -> Any:
        """The frame as the encoder takes it."""
        coded: Any = build_frame(self._samples(frame), self._format, self._stream.height, self._stream.width)
        for name, value in self._tags.items():
            setattr(coded, name, value)
        base = self._wanted.like.time_base
        pts = round((frame.time - self._begin) / base)
        if self._last is not None and pts <= self._last:
            raise OutputError(f"frame {frame.index} comes at {float(frame.time):g} s, not after the one before it")
        coded.pts, coded.time_base = pts, base
        self._durations[pts] = max(1, round(frame.duration / base))
        self._last, self._end = pts, frame.time + frame.duration
        return coded

    def _samples(self, frame: Frame) -> list[Tensor]:
        """The numbers of a frame, as `build_frame` takes them."""
        layout = load_av().VideoFormat(self._format)
        pixels, alpha = frame.pixels, frame.alpha
        if alpha is not None:
            alpha = resize(alpha, *self._size).clamp(0, 1)
        if alpha is not None and not self._alpha:
            pixels, alpha = pixels * alpha + (1 - alpha), None
        bits = max(component.bits for component in layout.components)
        top = (1 << bits) - 1
        if layout.is_rgb:
            planes = list(torch.tensor_split((pixels.clamp(0, 1) * top).round(), 3, dim=1))
        else:
            planes = srgb_to_planes(
                pixels, bits, subsampled=(2 // layout.chroma_height(2), 2 // layout.chroma_width(2))
            )
        if self._alpha:
            planes.append((torch.ones_like(pixels[:, :1]) if alpha is None else alpha).mul(top).round())
        return planes

    @property
    def _tags(self) -> dict[str, int]:
        """What the film says of its colours."""
        rgb = self._format in ("bgr0", "bgra", "gbrp16le", "gbrap16le")
        return {
            "colorspace": 0 if rgb else WRITTEN.matrix,
            "color_range": _FULL_RANGE if rgb else _LIMITED_RANGE,
            "color_primaries": WRITTEN.primaries,
            "color_trc": WRITTEN.curve,
        }

    def _mux(self, packets: list[Packet[Any]]) -> None:
        """Write packets of frames, each after the sound that is due before it; the last one is held back."""
        for packet in packets:
            duration = self._durations.pop(packet.pts, 0) if packet.pts is not None else 0
            if duration:
                packet.duration = duration
            if self._held is None:
                self._first_dts = packet.dts or 0
            self._mux_held()
            self._held = packet

    def _mux_held(self) -> None:
        if self._held is not None and self._container is not None:
            if self._held.dts is not None:
                self._mux_sound(self._held.dts * self._held.time_base + self._begin)
            self._container.mux_one(self._held)
            self._held = None

    def _mux_last(self) -> None:
        """Write the last packet. In MP4 the sum of durations, in the order of decoding, is that of the film."""
        if self._held is not None and self._is_mov and self._held.dts is not None:
            before = self._held.dts - self._first_dts
            whole = (self._end - self._first_time) / self._held.time_base
            self._held.duration = max(1, round(whole) - before)
        self._mux_held()

    def _mux_sound(self, due: Fraction | None) -> None:
        if self._sound is not None and self._container is not None:
            for packet in self._sound.up_to(due, self._begin):
                self._container.mux_one(packet)

    def _failed(self, error: Exception) -> OutputError:
        why = getattr(error, "strerror", None) or str(error)
        return unwritable(self.path, f"{why.lower()}; check the free space and the folder")


def _add_stream(
    container: OutputContainer, wanted: Wanted, pixel_format: str, options: dict[str, str], size: tuple[int, int]
) -> Any:
    like = wanted.like
    os.environ.setdefault("SVT_LOG", "1")  # SVT-AV1 would print its settings
    rate = like.frame_rate.limit_denominator(100_000)
    stream: Any = container.add_stream(wanted.codec.encoder, rate=rate, options=options)
    stream.height, stream.width = size
    stream.pix_fmt = pixel_format
    stream.codec_context.time_base = like.time_base
    stream.codec_context.thread_count = 1
    return stream


def _metadata(wanted: Wanted) -> dict[str, str]:
    """What is kept of the clip's own metadata, and the run record."""
    kept: dict[str, str] = {}
    if wanted.like.kind == "video":
        with opened(wanted.like.path) as container:
            kept = {key: container.metadata[key] for key in _KEPT if key in container.metadata}
    if wanted.record is not None:
        kept["comment"] = json.dumps(wanted.record, separators=(",", ":"), ensure_ascii=False)
    return kept


def _check_encoder(codec: Codec) -> None:
    av = load_av()
    try:
        av.Codec(codec.encoder, "w")
    except av.codec.codec.UnknownCodecError as error:
        raise OptionError(
            f"the installed package av has no encoder {codec.encoder}; choose another codec, or install av by pip"
        ) from error
