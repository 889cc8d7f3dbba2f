"""Resized pictures are the same bytes however many threads a linear algebra library has."""

from __future__ import annotations

import os
import subprocess
import sys

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
