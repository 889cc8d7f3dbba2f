"""Clips with known content, made with PyAV: a counter painted into every frame, and a tone as sound."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from impasto.video.clip import open_clip, write_clip
from impasto.video.frames import ClipWriter

BITS = 6  # of the counter: black and white blocks along the top
BLOCK_PX = 8


def counted(index: int, height_px: int = 48, width_px: int = 64) -> NDArray[np.uint8]:
    """A frame [height, width, 3] of grey with its number in black and white blocks of 8 px, lowest bit first."""
    pixels = np.full((height_px, width_px, 3), 128, np.uint8)
    for bit in range(BITS):
        pixels[:BLOCK_PX, bit * BLOCK_PX : (bit + 1) * BLOCK_PX] = 255 * (index >> bit & 1)
    return pixels


def count(pixels: Any) -> int:
    """The number in a frame, [1, 3, height, width] in [0, 1]."""
    middle = BLOCK_PX // 2
    return sum(int(pixels[0, 1, middle, bit * BLOCK_PX + middle] > 0.5) << bit for bit in range(BITS))


def make_clip(
    path: Path,
    times: Sequence[Fraction | int] | int = 10,
    *,
    rate: int = 25,
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    size: tuple[int, int] = (64, 48),
    draw: Callable[[int], NDArray[Any]] | None = None,
    drawn_format: str = "rgb24",
    rotation: int = 0,
    aspect: Fraction | None = None,
    tone: str = "",
    time_base: Fraction | None = None,
    options: dict[str, str] | None = None,
    color: dict[str, int] | None = None,
) -> Path:
    """Write a clip. `times` are those of its frames in seconds, or how many there are; `tone` is a codec of sound."""
    times = [Fraction(index, rate) for index in range(times)] if isinstance(times, int) else times
    base = time_base or Fraction(1, rate)
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=rate, options={"g": "5", **(options or {})})
        stream.width, stream.height = size
        stream.pix_fmt = pixel_format
        stream.codec_context.time_base = base
        if aspect:
            stream.codec_context.sample_aspect_ratio = aspect
        for name, value in (color or {}).items():
            setattr(stream.codec_context, name, value)
        if rotation:
            stream.set_display_rotation(rotation)
        sound: Any = container.add_stream(tone, rate=48_000) if tone else None
        for index, time in enumerate(times):
            pixels = draw(index) if draw else counted(index, size[1], size[0])
            frame: Any = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format=drawn_format)
            frame.pts, frame.time_base = round(time / base), base
            for name, value in (color or {}).items():
                setattr(frame, name, value)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        if sound is not None:
            write_tone(container, sound, float(times[-1]) + 1 / rate)
    return path


def write_tone(container: Any, sound: Any, seconds: float) -> None:
    """Add a rising tone."""
    at = np.arange(round(seconds * 48_000)) / 48_000
    wave = (np.sin(2 * np.pi * (300 + 400 * at) * at) * 0.5).astype(np.float32)
    frame = av.AudioFrame.from_ndarray(wave[None], format="fltp", layout="mono")
    frame.sample_rate, frame.pts = 48_000, 0
    resampler = av.AudioResampler(sound.codec_context.format, sound.codec_context.layout, 48_000, frame_size(sound))
    for part in (frame, None):
        for piece in resampler.resample(part):
            container.mux(sound.encode(piece))
    container.mux(sound.encode())


def frame_size(sound: Any) -> int:
    sound.codec_context.open(strict=False)
    return int(sound.codec_context.frame_size or 1024)


def packets(path: Path, kind: str) -> list[tuple[bytes, Fraction]]:
    """The packets of the first stream of a kind ("video", "audio"), with the time at which each is presented."""
    with av.open(str(path)) as container:
        stream = getattr(container.streams, kind)[0]
        return [
            (bytes(packet), packet.pts * packet.time_base)
            for packet in container.demux(stream)
            if packet.size and packet.pts is not None
        ]


def times_of(path: Path) -> list[Fraction]:
    """When the frames of a film appear, by its container, ascending."""
    return sorted(time for _, time in packets(path, "video"))


def copied(source: Path, path: Path, **options: Any) -> ClipWriter:
    """Write a clip again, frame by frame; returns its closed writer."""
    piece = options.get("piece", (None, None))
    with open_clip(source) as clip, write_clip(path, clip.info, **options) as writer:
        for frame in clip.frames(*piece):
            writer.write(frame)
    return writer


def counts(path: Path) -> list[int]:
    """The numbers in the frames of a clip."""
    return [count(frame.pixels) for frame in open_clip(path).frames()]
