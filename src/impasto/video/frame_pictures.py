"""The frames of a clip as the pictures that are painted: their size, their depth, and which of a shot is looked at."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch

from impasto.images.picture import Picture, picture_from_array, quantise
from impasto.images.resize import fit_long_edge
from impasto.images.tensors import tensor_to_pixels
from impasto.options.fields import DEFAULT_LONG_EDGE_PX
from impasto.storage.hashing import hash_file
from impasto.video.frames import ClipInfo, Frame


def frame_size(size_px: int | None, info: ClipInfo) -> tuple[int, int]:
    """(height, width) of the film of a clip; where no long edge is given, as large as a draft would be."""
    longest = max(info.height_px, info.width_px)
    return fit_long_edge(info.height_px, info.width_px, size_px or min(DEFAULT_LONG_EDGE_PX, longest))


def frame_bits(info: ClipInfo) -> int:
    """Bits in which the frames of a film are kept: those of the clip, or 16."""
    return 8 if info.bit_depth == 8 else 16


def frame_picture(frame: Frame, size: tuple[int, int], bit_depth: int) -> Picture:
    """A frame at the size at which it is painted, (height, width), in 8 or 16 bit."""
    planes = frame.pixels if frame.alpha is None else torch.cat([frame.pixels, frame.alpha], 1)
    picture = picture_from_array(quantise(tensor_to_pixels(planes), bit_depth), name="frame")
    if (picture.height_px, picture.width_px) == size:
        return picture
    resized, alpha = picture.pixels(*size), picture.alpha(*size)
    if alpha is not None:
        resized = np.dstack([resized, alpha])
    return picture_from_array(quantise(resized, bit_depth), name="frame")


def key_frames(start: int, stop: int, count: int) -> list[int]:
    """Evenly spread frames of a shot, each of which has a neighbour in it where the shot has two frames."""
    places = [start + round((stop - start) * (2 * number + 1) / (2 * count)) for number in range(count)]
    return [max(start, min(place, stop - 2)) for place in places]


def hash_clip(path: Path) -> str:
    """SHA-256 of a file, or of the names, sizes and times of a folder's files: it may hold very many."""
    if not path.is_dir():
        return hash_file(path)
    listing = hashlib.sha256()
    for entry in sorted(os.scandir(path), key=lambda entry: entry.name):
        with suppress(OSError):  # a link to nowhere
            facts = entry.stat()
            listing.update(f"{entry.name} {facts.st_size} {facts.st_mtime_ns}\n".encode(errors="surrogateescape"))
    return listing.hexdigest()
