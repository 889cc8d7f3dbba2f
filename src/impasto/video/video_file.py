"""Video files to frames, by PyAV (FFmpeg).

A header is not believed: at opening all packets are counted and their times taken, without decoding them, and one frame
is decoded. Reading then holds two frames at a time.
"""

from __future__ import annotations

import bisect
import itertools
import json
import os
from array import array
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from torch import Tensor

from impasto.errors import OptionError, first_line
from impasto.images.picture import unreadable
from impasto.images.tensors import resize
from impasto.storage.files import why_not_a_file
from impasto.storage.installed import install_command
from impasto.video.color import UNSPECIFIED, ColorCoding, planes_to_srgb
from impasto.video.frames import MAX_FRAME_PIXELS, Clip, ClipInfo, Frame, exact
from impasto.video.planes import read_planes

if TYPE_CHECKING:
    import av
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

# Only what is a film or sound by itself. Playlists, lists and patterns (hls, concat, image2) open other files.
_FORMATS: Final = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,ogg,asf,mxf,ivf,h264,hevc,obu,nut,dv,rm,"
    "wav,mp3,flac,aac,aiff,y4m,yuv4mpegpipe"
)
_FULL_RANGE, _LIMITED_RANGE = 2, 1
_STEADY_SECONDS: Final = Fraction(3, 2000)  # Matroska rounds times to 1/1000 s: that is no variable rate
_PRIMING_SECONDS: Final = Fraction(1, 10)  # codecs of sound begin a little before 0, and players leave it out
_LAST_SECONDS: Final = 10  # a header that has the last frame shown for longer is not believed
_FOR_FILMS: Final = ("h264", "hevc", "vp9", "av1", "mpeg4")  # whose grey is of limited range, unlike that of pictures
_HD_PX: Final = 720  # from this height on a film that says nothing has the colours of HD


def load_av() -> Any:
    """The package `av`; raises `OptionError` without the extra ``video``."""
    try:
        import av
    except ImportError as error:
        raise OptionError(f"video files need the extra 'video': {install_command('video')}") from error
    return av


@contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[InputContainer]:
    """Open a video or sound file and nothing else, whatever its name or content says; raises `InputError`."""
    av = load_av()
    try:
        if why := why_not_a_file(path):
            raise unreadable(path, f"{why}; give a video file")
        if not Path(path).stat().st_size:
            raise unreadable(path, "the file is empty; get it again")
        name = f"file:{Path(path).absolute()}"  # a colon in a name is then no protocol
        options = {"protocol_whitelist": "file", "format_whitelist": _FORMATS}
        container = av.open(name, options=options, metadata_errors="replace")
    except av.FFmpegError as error:
        raise unreadable(path, f"it is no video that impasto reads, or damaged ({reason(error)})") from error
    except (OSError, ValueError) as error:
        raise unreadable(path, f"{getattr(error, 'strerror', None) or first_line(error)}") from error
    with container:
        yield container


def reason(error: av.FFmpegError) -> str:
    """What FFmpeg says, without its numbers and names."""
    return (error.strerror or type(error).__name__).lower()


def origin(container: InputContainer) -> Fraction:
    """The time in the file that is 0 for who watches it."""
    streams = [*container.streams.video, *container.streams.audio]
    starts = [
        stream.start_time * stream.time_base
        for stream in streams
        if stream.start_time is not None and stream.time_base is not None
    ]
    start = Fraction(min(starts, default=0))
    return Fraction(0) if -_PRIMING_SECONDS < start < 0 else start


@dataclass(frozen=True)
class _Times:
    """When the packets of a stream are shown, in units of `time_base`, ascending; empty where they do not say.

    `end` is that of the last one; None where the file does not say.
    """

    count: int
    shown: array[int]
    end: int | None


class VideoFile(Clip):
    """A clip in a video file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.notices = []
        with opened(path) as container:
            stream = _video_stream(path, container)
            codec = stream.codec_context.codec.canonical_name
            self._times = _packet_times(container, stream)
            self._time_base = Fraction(stream.time_base or Fraction(1, 90_000))
            self._origin = origin(container)
            if container.format.name == "avi" and self._times.shown:  # it has no times: FFmpeg's begin at a delay
                self._origin = self._times.shown[0] * self._time_base
        first = next(self._decoded(None), None)
        if first is None:
            raise unreadable(path, "no frame in it can be decoded; get it again")
        self._turn = _turn(first)
        self._coding = _coding(first, codec)
        if not self._coding.readable:
            raise unreadable(path, f"its colours are coded in an unknown way ({self._coding}); convert it to BT.709")
        with opened(path) as container:
            stream = _video_stream(path, container)
            self._square_px = _square(first.height, first.width, _aspect(stream))  # of all, should a frame differ
            super().__init__(self._describe(container, stream, first), self.notices)
        if self.info.hdr:
            self.notices.append(f"the clip is in HDR ({self.info.hdr}); it is tone-mapped to sRGB")
        if first.interlaced_frame:
            self.notices.append("the clip is interlaced: moving edges are combed; deinterlace it first")

    def frames(self, from_seconds: float | None = None, to_seconds: float | None = None) -> Iterator[Frame]:
        self.info.check_piece(from_seconds, to_seconds)
        return self._frames(exact(from_seconds) or Fraction(0), exact(to_seconds))

    def _frames(self, begin: Fraction, end: Fraction | None) -> Iterator[Frame]:
        timed = self._timed(begin or None)
        current = next(timed, None)
        while current is not None:
            following = next(timed, None)
            index, time, frame = current
            current = following
            if end is not None and time >= end:
                return
            if time < begin:
                continue
            duration = following[1] - time if following else self._last_duration(time)
            yield Frame(index, time, duration, *self._seen(frame))

    def _timed(self, begin: Fraction | None) -> Iterator[tuple[int, Fraction, VideoFrame]]:
        """Frames with their index and time, from some place before `begin` on."""
        index, last = 0, None
        for frame in self._decoded(begin):
            time = self._time(frame, last)
            if last is None and begin is not None and self._times.shown:
                if time > begin:
                    break
                index = bisect.bisect_left(self._times.shown, round((time + self._origin) / self._time_base))
            yield index, time, frame
            index, last = index + 1, time
        if last is None and begin is not None:  # the file has no place to begin at before `begin`
            yield from self._timed(None)

    def _time(self, frame: VideoFrame, last: Fraction | None) -> Fraction:
        """When a frame appears; later than the last one, whatever the file says."""
        if frame.pts is None or not self._times.shown:
            return Fraction(0) if last is None else last + 1 / self.info.frame_rate
        time = frame.pts * self._time_base - self._origin
        return time if last is None or time > last else last + self._time_base

    def _last_duration(self, time: Fraction) -> Fraction:
        if self._times.end is not None:
            rest = self._times.end * self._time_base - self._origin - time
            if rest > 0:
                return rest
        return 1 / self.info.frame_rate

    def _decoded(self, begin: Fraction | None) -> Iterator[VideoFrame]:
        """Decode the clip, from the last place at or before `begin` where decoding can start."""
        av = load_av()
        with opened(self._path) as container:
            stream = _video_stream(self._path, container)
            decoder = _decoder(stream)
            if begin and self._times.shown:
                container.seek(int((begin + self._origin) / self._time_base), stream=stream, backward=True)
            damaged = 0
            packets = container.demux(stream)
            while True:
                try:
                    packet = next(packets, None)
                    if packet is None:
                        break
                    frames = decoder.decode(packet if packet.size else None)
                except av.FFmpegError:
                    damaged += 1
                    if damaged > self._times.count:
                        break
                    continue
                yield from frames
        if damaged:
            notice = f"{damaged} damaged pieces of the clip could not be read: frames are left out there"
            if notice not in self.notices:
                self.notices.append(notice)

    def _seen(self, frame: VideoFrame) -> tuple[Tensor, Tensor | None]:
        """The pixels and alpha of a frame, as it is seen."""
        planes, alpha, bits = read_planes(frame)
        pictures = [planes_to_srgb(planes, self._coding, bits)]
        if alpha is not None:
            pictures.append(alpha / ((1 << bits) - 1))
        seen = [self._upright(picture) for picture in pictures]
        return seen[0], seen[1] if alpha is not None else None

    def _upright(self, picture: Tensor) -> Tensor:
        picture = resize(picture, *self._square_px).clamp(0, 1)
        swap, flips = self._turn
        if swap:
            picture = picture.transpose(-1, -2)
        return picture.flip(flips).contiguous() if swap or flips else picture

    def _describe(self, container: InputContainer, stream: VideoStream, first: VideoFrame) -> ClipInfo:
        height_px, width_px = reversed(self._square_px) if self._turn[0] else self._square_px
        if height_px * width_px > MAX_FRAME_PIXELS:
            raise unreadable(self._path, f"its frames of {width_px} x {height_px} px are too large; make it smaller")
        rate, duration, variable = self._rate(stream)
        return ClipInfo(
            path=self._path.absolute(),
            kind="video",
            width_px=width_px,
            height_px=height_px,
            frames=self._times.count,
            duration_seconds=float(duration),
            frame_rate=rate,
            variable_rate=variable,
            time_base=self._time_base,
            has_audio=bool(container.streams.audio),
            has_alpha=any(component.is_alpha for component in first.format.components),
            bit_depth=max(component.bits for component in first.format.components),
            color=str(self._coding),
            hdr=self._coding.hdr,
            container=container.format.name,
            codec=stream.codec_context.codec.canonical_name,
            record=_record(container.metadata),
        )

    def _rate(self, stream: VideoStream) -> tuple[Fraction, Fraction, bool]:
        """Frames a second, duration, and whether frames last differently long."""
        shown, end, base = self._times.shown, self._times.end, self._time_base
        declared = Fraction(stream.average_rate or stream.guessed_rate or 25)
        if not shown:
            return declared, self._times.count / declared, False
        steps = [later - earlier for earlier, later in itertools.pairwise(shown)]
        rate = declared
        if steps and shown[-1] > shown[0]:
            measured = len(steps) / ((shown[-1] - shown[0]) * base)
            if abs(declared - measured) > measured / 50:
                rate = measured.limit_denominator(1001)
        last = 1 / rate if end is None else (end - shown[-1]) * base
        duration = shown[-1] * base - self._origin + last
        return rate, duration, bool(steps) and (max(steps) - min(steps)) * base > _STEADY_SECONDS


def _video_stream(path: Path, container: InputContainer) -> VideoStream:
    """The stream of moving pictures: not the cover of a record."""
    av = load_av()
    covers = av.stream.Disposition.attached_pic
    moving = [stream for stream in container.streams.video if not stream.disposition & covers]
    if not moving:
        what = "there is only sound in it" if container.streams.audio else "there is no video in it"
        raise unreadable(path, f"{what}; give a video file")
    known = [stream for stream in moving if stream.codec_context is not None]
    if not known:
        raise unreadable(path, "its codec is not known here; convert it to H.264")
    stream: VideoStream = max(known, key=lambda one: one.width * one.height)
    stream.codec_context.thread_count = 1
    return stream


def _packet_times(container: InputContainer, stream: VideoStream) -> _Times:
    av = load_av()
    count, shown, last, end, complete = 0, array("q"), None, None, True
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except av.FFmpegError:  # cut short: what came before is there
            break
        if packet is None:
            break
        if not packet.size or packet.is_discard:
            continue
        count += 1
        if packet.pts is None:
            complete = False
            continue
        shown.append(packet.pts)
        if last is None or packet.pts > last:
            last, end = packet.pts, packet.pts + (packet.duration or 0)
    if not complete or last is None:
        return _Times(count, array("q"), None)
    if stream.start_time is not None and stream.duration:  # durations of packets are in the order of decoding
        declared = stream.start_time + stream.duration
        if last < declared <= last + _LAST_SECONDS / Fraction(stream.time_base or 1):
            end = declared
    return _Times(count, array("q", sorted(shown)), end if end and end > last else None)


def _decoder(stream: VideoStream) -> Any:
    """The stream's decoder; for alpha in VP8 and VP9 the one that sees it."""
    name = stream.codec_context.codec.canonical_name
    if stream.metadata.get("alpha_mode") != "1" or name not in ("vp8", "vp9"):
        return stream.codec_context
    decoder = load_av().CodecContext.create("libvpx-vp9" if name == "vp9" else "libvpx", "r")
    decoder.extradata, decoder.thread_count = stream.codec_context.extradata, 1
    return decoder


def _turn(frame: VideoFrame) -> tuple[bool, tuple[int, ...]]:
    """How a frame is set upright by its display matrix: whether rows become columns, and what is then flipped."""
    side_data: Any = frame.side_data
    for data in side_data:
        if data.type.name == "DISPLAYMATRIX":
            a, b, _, c, d = np.frombuffer(bytes(data), "<i4")[:5]
            swap = abs(b) + abs(c) > abs(a) + abs(d)
            across, down = (c, b) if swap else (a, d)
            return bool(swap), tuple(axis for axis, sign in ((-1, across), (-2, down)) if sign < 0)
    return False, ()


def _coding(frame: VideoFrame, codec: str) -> ColorCoding:
    """What the numbers of a frame mean; where the file does not say, what players take it for."""
    rgb = frame.format.is_rgb or frame.format.has_palette
    matrix = int(frame.colorspace)
    if rgb:
        matrix = 0
    elif matrix in (0, UNSPECIFIED):
        matrix = 1 if max(frame.height, frame.width * 9 // 16) >= _HD_PX else 6
    jpeg = frame.format.name.startswith("yuvj")
    grey = len(frame.format.components) == 1 and codec not in _FOR_FILMS
    full = rgb or jpeg or frame.color_range == _FULL_RANGE or (grey and frame.color_range != _LIMITED_RANGE)
    return ColorCoding(matrix, full, int(frame.color_primaries), int(frame.color_trc), centred=jpeg)


def _aspect(stream: VideoStream) -> Fraction:
    """Width of a pixel over its height; 1 where the file says nothing or nonsense."""
    aspect = Fraction(stream.sample_aspect_ratio or 1)
    return aspect if Fraction(1, 4) <= aspect <= 4 else Fraction(1)


def _square(height_px: int, width_px: int, aspect: Fraction) -> tuple[int, int]:
    """The size with square pixels: the side that is short of pixels gets more."""
    if aspect >= 1:
        return height_px, round(width_px * aspect)
    return round(height_px / aspect), width_px


def _record(metadata: Mapping[str, str]) -> Mapping[str, Any] | None:
    """The run record that a comment holds; None for other comments."""
    try:
        record = json.loads(metadata.get("comment", metadata.get("COMMENT", "")))
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None
