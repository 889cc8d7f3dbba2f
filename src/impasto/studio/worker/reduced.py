"""Reduced copies of a picture that is being painted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from impasto.images.tensors import fit_long_edge, resize
from impasto.images.writing import save_picture

PREVIEW_PX, THUMBNAIL_PX = 1024, 256


def save_reduced(path: Path, pixels: NDArray[np.float32], long_edge_px: int) -> None:
    """Save [height, width, 3] pixels as a JPEG of this size at most."""
    height_px, width_px = pixels.shape[:2]
    if max(height_px, width_px) > long_edge_px:
        picture = torch.from_numpy(pixels).permute(2, 0, 1)[None]
        smaller = resize(picture, *fit_long_edge(height_px, width_px, long_edge_px)).clamp(0, 1)
        pixels = smaller[0].permute(1, 2, 0).numpy()
    save_picture(path, pixels, overwrite=True)
