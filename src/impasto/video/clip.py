"""Open a clip, and begin one: a video file, a folder of numbered frames, an animation.

>>> with open_clip("clip.mp4") as clip, write_clip("film.mp4", clip.info) as film:  # doctest: +SKIP
...     for frame in clip.frames():
...         film.write(replace(frame, pixels=paint(frame.pixels)))

What holds the frames is found by content for reading, and by the name for writing.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

from impasto.video.frames import Clip, ClipInfo, ClipWriter

DEFAULT_FRAME_RATE = Fraction(24)  # of a folder of frames, which has none


def open_clip(path: str | os.PathLike[str], *, frame_rate: Fraction | int | None = None) -> Clip:
    """Open a video file, a folder of numbered frames, or a GIF or WebP animation.

    Parameters
    ----------
    frame_rate: frames a second, for a folder alone; by default `DEFAULT_FRAME_RATE`.

    Raises
    ------
    InputError: where there is no such clip, or it is damaged, empty or only sound, or a frame of a folder is missing.
    OptionError: for a video file without the extra ``video``.
    """
    from impasto.video.video_file import VideoFile  # loads torch

    return VideoFile(Path(path))


def write_clip(
    path: str | os.PathLike[str],
    like: ClipInfo,
    *,
    codec: str | None = None,
    quality: int | None = None,
    sound: bool = True,
    piece: tuple[float | None, float | None] = (None, None),
    record: Mapping[str, Any] | None = None,
    overwrite: bool = False,
) -> ClipWriter:
    """Begin a clip: .mp4, .mov, .mkv, .webm, .gif, .webp, or a folder of PNG frames (a name without ending).

    Parameters
    ----------
    like: the clip whose times, sound, bit depth and alpha the new one shall have.
    codec, quality: see `impasto.video.codecs`; by default what fits the ending and `like`.
    sound: whether the sound of `like` is copied, packet by packet.
    piece: from and to which second `like` is written, as given to `Clip.frames`: the sound is cut alike, and the first
        frame begins at 0.
    record: kept in the file as JSON, where it can hold a comment.

    Raises
    ------
    OptionError: for an unknown ending or codec, a codec or sound that the container cannot hold, a missing extra.
    OutputError: where the clip cannot be written, or is there already and `overwrite` is false.
    """
    raise NotImplementedError
