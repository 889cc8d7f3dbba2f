"""Lanczos-3 resizing of pictures that are larger than one would like as floats."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

FLOATS_AT_ONCE = 2**22  # 16 MiB of source, however much a picture is reduced


def lanczos_resize(
    read: Callable[[slice], NDArray[np.float32]], channels: int, old: tuple[int, int], new: tuple[int, int]
) -> NDArray[np.float32]:
    """Resize by Lanczos-3, [old height, old width, channels] to [new height, new width, channels].

    `read` gives source rows as floats, so that only a few of a large picture are floats at a time.
    (libvips' own resize is not used: when enlarging, it moves the picture by up to half a pixel.)
    """
    resized = np.empty((*new, channels), np.float32)
    rows_at_once = max(1, FLOATS_AT_ONCE // (old[1] * channels))
    across = list(_lanczos_blocks(old[1], new[1]))
    for out_rows, in_rows, down in _lanczos_blocks(old[0], new[0]):
        rows = np.zeros((len(down), old[1] * channels), np.float32)
        for start in range(0, down.shape[1], rows_at_once):
            some = slice(in_rows.start + start, min(in_rows.start + start + rows_at_once, in_rows.stop))
            rows += _product(down[:, start : start + rows_at_once], read(some).reshape(-1, old[1] * channels))
        strip = rows.reshape(-1, old[1], channels)
        columns = strip.transpose(1, 0, 2).reshape(old[1], -1)
        for out_columns, in_columns, weights in across:
            block = _product(weights, columns[in_columns]).reshape(-1, len(strip), channels)
            resized[out_rows, out_columns] = block.transpose(1, 0, 2)
    return resized


def _product(weights: NDArray[np.float32], samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Matrix product without BLAS, whose last bits depend on how many threads it has (and optimisers amplify them)."""
    product: NDArray[np.float32] = np.einsum("ij,jk->ik", weights, samples)
    return product


def _lanczos_blocks(old: int, new: int, block: int = 16) -> Iterator[tuple[slice, slice, NDArray[np.float32]]]:
    """Yield for each block of new samples: its slice, the old samples it reads, and their weights.

    Weights are [new samples, old samples]. Samples sit at pixel centres, the kernel widens with the
    reduction, and taps beyond the border are left out (each row of weights sums to 1).
    """
    scale = old / new
    reach = max(scale, 1.0)
    for start in range(0, new, block):
        stop = min(start + block, new)
        centres = (np.arange(start, stop) + 0.5) * scale - 0.5
        first = max(0, int(np.ceil(centres[0] - 3 * reach)))
        last = min(old, int(np.floor(centres[-1] + 3 * reach)) + 1)
        offsets = (np.arange(first, last) - centres[:, None]) / reach
        weights = np.where(np.abs(offsets) < 3, np.sinc(offsets) * np.sinc(offsets / 3), 0.0)
        weights /= weights.sum(axis=1, keepdims=True)
        yield slice(start, stop), slice(first, last), weights.astype(np.float32)
