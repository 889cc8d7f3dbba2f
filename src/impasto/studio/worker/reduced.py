"""Reduced copies of a picture that is being painted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from impasto.images.resize import fit_long_edge
from impasto.images.tensors import pixels_to_tensor, resize, tensor_to_pixels
from impasto.images.writing import save_picture

PREVIEW_PX, THUMBNAIL_PX = 1024, 256


def save_reduced(path: Path, pixels: NDArray[np.float32], long_edge_px: int) -> None:
    """Save [height, width, 3] pixels as a JPEG of this size at most."""
    height_px, width_px = pixels.shape[:2]
    if max(height_px, width_px) > long_edge_px:
        picture = pixels_to_tensor(pixels)
        smaller = resize(picture, *fit_long_edge(height_px, width_px, long_edge_px)).clamp(0, 1)
        pixels = tensor_to_pixels(smaller)
    save_picture(path, pixels, overwrite=True)
