"""The sound of a clip, taken over packet by packet: nothing of it is decoded."""

from __future__ import annotations

import io
from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from impasto.errors import OptionError
from impasto.video.frames import ClipInfo
from impasto.video.video_file import load_av, opened, origin

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.packet import Packet


class Sound:
    """The sound streams of a clip on their way into another file.

    Parameters
    ----------
    source: the clip.
    container: where they go; a stream is added to it for each.
    primed: whether it holds what only primes a decoder, before 0. Matroska does so only for sound that comes from
        Matroska; for others it would move the whole film instead.
    """

    def __init__(self, source: ClipInfo, container: OutputContainer, *, primed: bool) -> None:
        self._opened = opened(source.path)
        self._source = self._opened.__enter__()
        self._origin = origin(self._source)
        self._primed = primed
        self._streams: dict[int, Any] = {}
        for stream in self._source.streams.audio:
            copy = container.add_stream_from_template(stream)
            copy.metadata.update({key: stream.metadata[key] for key in ("language",) if key in stream.metadata})
            self._streams[stream.index] = copy
        self._packets = self._in_order()
        self._next = next(self._packets, None)

    def up_to(self, time: Fraction | None, begin: Fraction) -> Iterator[Packet[Any]]:
        """The packets that are due before `time` of the clip (None: all), placed so that `begin` becomes 0.

        Those before `begin` are left out, unless `begin` is 0: what precedes 0 primes the decoder.
        """
        while self._next is not None and (time is None or self._next[0] < time):
            at, packet = self._next
            self._next = next(self._packets, None)
            if begin and at < begin:
                continue
            if not self._primed and at + (packet.duration or 0) * packet.time_base <= 0:
                continue
            shift = round((self._origin + begin) / packet.time_base)
            packet.stream = self._streams[packet.stream_index]
            packet.pts = None if packet.pts is None else packet.pts - shift
            packet.dts = None if packet.dts is None else packet.dts - shift
            yield packet

    def close(self) -> None:
        """Let go of the source."""
        self._packets.close()
        self._opened.__exit__(None, None, None)

    def _in_order(self) -> Any:
        """The packets as they stand in the file, each with its time in the clip; up to the first damaged one."""
        av = load_av()
        streams = list(self._source.streams.audio)
        time = Fraction(0)
        packets = self._source.demux(*streams)
        while True:
            try:
                packet = next(packets, None)
            except av.FFmpegError:
                return
            if packet is None:
                return
            if not packet.size:
                continue
            stamp = packet.pts if packet.pts is not None else packet.dts
            time = time if stamp is None else stamp * packet.time_base - self._origin
            yield time, packet


def check_sound(source: ClipInfo, ending: str, container_format: str) -> None:
    """Refuse sound that a container cannot hold, before anything is painted: `OptionError`."""
    av = load_av()
    with opened(source.path) as container:
        contexts = [stream.codec_context for stream in container.streams.audio]
        names = [context.codec.canonical_name if context is not None else "of an unknown codec" for context in contexts]
    with av.open(io.BytesIO(), "w", format=container_format) as trial:
        held = trial.supported_codecs
    for name in names:
        if name not in held:
            raise OptionError(f"{ending} cannot hold the clip's sound ({name}); choose .mkv, or leave the sound out")
