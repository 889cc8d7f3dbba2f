"""Lanczos-3 against its formula, whole or in strips; the same bytes however many threads there are."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from impasto.images import resize
from impasto.images.resize import fit_long_edge, lanczos_resize

sides = st.integers(1, 20_000)

RESIZE = """
import hashlib
import numpy as np
from impasto.images.picture import picture_from_array
pixels = np.random.default_rng(0).integers(0, 256, (400, 640, 3), dtype=np.uint8)
picture = picture_from_array(pixels)
parts = [picture.pixels(*size).tobytes() for size in ((60, 96), (300, 480), (500, 800))]
print(hashlib.sha256(b"".join(parts)).hexdigest())
"""


def test_bytes_do_not_depend_on_the_threads_of_blas() -> None:
    hashes = set()
    for threads in ("1", "2"):
        limits = {"OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads, "MKL_NUM_THREADS": threads}
        done = subprocess.run(
            [sys.executable, "-c", RESIZE], capture_output=True, text=True, check=True, env=os.environ | limits
        )
        hashes.add(done.stdout)
    assert len(hashes) == 1


def matrix(old: int, new: int) -> NDArray[np.float64]:
    """Weights [new, old]: samples sit at pixel centres, the kernel widens with the reduction, rows sum to 1."""
    scale, reach = old / new, max(old / new, 1.0)
    offsets = (np.arange(old) - ((np.arange(new) + 0.5) * scale - 0.5)[:, None]) / reach
    weights = np.where(np.abs(offsets) < 3, np.sinc(offsets) * np.sinc(offsets / 3), 0.0)
    return weights / weights.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("floats_at_once", [1000, 2**30])
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ((1, 1), (5, 7)), ((7, 5), (1, 1)), ((1, 9), (4, 4)), ((64, 48), (63, 47)), ((31, 33), (62, 33)),
        ((4097, 5), (64, 10)), ((5, 4097), (7, 4096)), ((257, 255), (3, 400)),
    ],
)  # fmt: skip
def test_agrees_with_the_formula(
    old: tuple[int, int], new: tuple[int, int], floats_at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resize, "FLOATS_AT_ONCE", floats_at_once)
    pixels = np.random.default_rng(0).random((*old, 2), np.float32)
    found = lanczos_resize(lambda rows, channel: pixels[rows, :, channel], 2, old, new)
    expected = np.einsum(
        "yi,ijc,xj->yxc", matrix(old[0], new[0]), pixels.astype(np.float64), matrix(old[1], new[1]), optimize=True
    )
    assert found.dtype == np.float32
    assert np.abs(found - expected).max() < 1e-6


def test_only_a_few_rows_are_read_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resize, "FLOATS_AT_ONCE", 100)
    asked: list[tuple[int, int]] = []

    def read(rows: slice, channel: int) -> NDArray[np.float32]:
        asked.append((rows.start, rows.stop))
        return np.zeros((rows.stop - rows.start, 20), np.float32)

    lanczos_resize(read, 1, (23, 20), (5, 6))
    assert asked == [(0, 5), (5, 10), (10, 15), (15, 20), (20, 23)]


@given(sides, sides, sides)
def test_fit_long_edge(height: int, width: int, long_edge: int) -> None:
    fitted = fit_long_edge(height, width, long_edge)
    assert max(fitted) == long_edge
    assert min(fitted) >= 1
    # to the pixel: each side is within half of the exact one, or the 1 px below which none can go
    for side, own in zip(fitted, (height, width), strict=True):
        exact = own * long_edge / max(height, width)
        assert abs(side - exact) <= 0.5 + 1e-9 * exact or side == 1 > exact


@given(sides, sides)
def test_fit_long_edge_to_its_own_changes_nothing(height: int, width: int) -> None:
    assert fit_long_edge(height, width, max(height, width)) == (height, width)


@given(sides, sides, sides)
def test_fit_long_edge_knows_no_up_from_sideways(height: int, width: int, long_edge: int) -> None:
    assert fit_long_edge(height, width, long_edge) == fit_long_edge(width, height, long_edge)[::-1]
