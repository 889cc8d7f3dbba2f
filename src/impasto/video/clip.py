"""Open a clip, and begin one: a video file, a folder of numbered frames, an animation.

>>> with open_clip("clip.mp4") as clip, write_clip("film.mp4", clip.info) as film:  # doctest: +SKIP
...     for frame in clip.frames():
...         film.write(replace(frame, pixels=paint(frame.pixels)))

What holds the frames is found by content for reading, and by the name for writing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

from impasto.errors import OptionError, did_you_mean
from impasto.images.picture import unreadable
from impasto.storage.atomic import check_place
from impasto.storage.files import why_not_a_file
from impasto.video.codecs import FORMATS, choose_codec
from impasto.video.frames import Clip, ClipInfo, ClipWriter

ENDINGS = (*FORMATS, ".gif", ".webp")  # of what can be written
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
    kind, place = _kind(path), Path(path)
    if kind == "folder":
        from impasto.video.frame_folder import FrameFolder  # loads torch, as do the others

        return FrameFolder(place, Fraction(frame_rate or DEFAULT_FRAME_RATE))
    if frame_rate is not None:
        raise OptionError("only a folder of frames can be given a frame rate: a film has its own")
    if kind == "animation":
        from impasto.video.animation import Animation

        return Animation(place)
    from impasto.video.video_file import VideoFile

    return VideoFile(place)


def _kind(path: str | os.PathLike[str]) -> Literal["folder", "animation", "video"]:
    """What holds the frames; raises `InputError` for a single picture, and for what cannot be opened."""
    try:
        if why := why_not_a_file(path):
            if Path(path).is_dir():
                return "folder"
            raise unreadable(path, f"{why}; give a film, or a folder of numbered frames")
        with Path(path).open("rb") as file:
            head = file.read(12)
    except (OSError, ValueError) as error:
        raise unreadable(path, f"{getattr(error, 'strerror', None) or error}; check the name") from error
    if re.match(rb"\xff\xd8\xff|\x89PNG|II\*\0|MM\0\*", head):
        raise unreadable(path, "it is a single picture; give a film, or a folder of numbered frames")
    return "animation" if re.match(rb"GIF8|RIFF....WEBP", head, re.DOTALL) else "video"


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
    place = Path(path)
    ending = place.suffix.lower()
    if ending and ending not in ENDINGS:
        raise OptionError(
            f"cannot write {os.fspath(path)!r}: a film is one of {', '.join(ENDINGS)}, or a folder (a name without "
            f"ending){did_you_mean(ending, ENDINGS)}"
        )
    if ending in FORMATS:
        from impasto.video.encoding import VideoFileWriter, Wanted  # loads torch, as do the others

        check_place(path, overwrite=overwrite)
        chosen = choose_codec(ending, codec, bits=like.bit_depth, alpha=like.has_alpha)
        return VideoFileWriter(place, Wanted(like, chosen, quality, sound, piece, record), overwrite=overwrite)
    if codec is not None:
        raise OptionError(f"a codec is chosen for {', '.join(FORMATS)}; leave it out for {ending or 'a folder'}")
    like = like if sound else replace(like, has_audio=False)
    if ending:
        from impasto.video.animation import AnimationWriter

        check_place(path, overwrite=overwrite)
        return AnimationWriter(place, like, quality=quality, overwrite=overwrite)
    if quality is not None:
        raise OptionError("frames in a folder are PNG, without loss: leave the quality out")
    from impasto.video.frame_folder import FrameFolderWriter

    return FrameFolderWriter(place, like, overwrite=overwrite)
