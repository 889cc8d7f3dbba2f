"""Sizes that keep the proportions, and Lanczos-3 resizing of pictures too large to hold as floats."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

FLOATS_AT_ONCE = 2**19  # 2 MiB that Pillow is given at a time

Plane = NDArray[np.float32]


def lanczos_resize(
    read: Callable[[slice, int], Plane], channels: int, old: tuple[int, int], new: tuple[int, int]
) -> NDArray[np.float32]:
    """Resize by Lanczos-3, [old height, old width, channels] to [new height, new width, channels].

    `read` gives some rows of a channel as floats, so that only a few of a large picture are floats at a time. First
    each row is resized, then each column. Pillow does it on one thread, so with the same bits everywhere. (libvips' own
    resize is not used: when enlarging, it moves the picture by up to half a pixel.)
    """
    resized = np.empty((*new, channels), np.float32)
    rows_resized = np.empty((old[0], new[1]), np.float32)
    rows_at_once = max(1, FLOATS_AT_ONCE // max(old[1], new[1]))
    columns_at_once = max(1, FLOATS_AT_ONCE // max(old[0], new[0]))
    for channel in range(channels):
        for start in range(0, old[0], rows_at_once):
            rows = slice(start, min(start + rows_at_once, old[0]))
            rows_resized[rows] = _resize(read(rows, channel), rows.stop - rows.start, new[1])
        for start in range(0, new[1], columns_at_once):
            columns = slice(start, min(start + columns_at_once, new[1]))
            resized[:, columns, channel] = _resize(rows_resized[:, columns], new[0], columns.stop - columns.start)
    return resized


def _resize(plane: Plane, height_px: int, width_px: int) -> Plane:
    from PIL import Image  # here: what needs no picture loads without it

    image = Image.fromarray(np.ascontiguousarray(plane))
    return np.asarray(image.resize((width_px, height_px), Image.Resampling.LANCZOS))


def fit_long_edge(height_px: int, width_px: int, long_edge_px: int) -> tuple[int, int]:
    """(height, width) with the given long edge and the same aspect ratio; no side under 1 px."""
    longest = max(height_px, width_px)
    return (
        max(1, round(height_px * long_edge_px / longest)),
        max(1, round(width_px * long_edge_px / longest)),
    )
