"""Canvases and resampling of pictures as tensors [1, 3, height, width]."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Shaped
from numpy.typing import NDArray
from torch import Tensor

from impasto.images.color_meaning import ColorMeaning, to_srgb

Picture4 = Float[Tensor, "1 channels height width"]
Resized = Float[Tensor, "1 channels {height_px} {width_px}"]  # by the function's own arguments


def pixels_to_tensor(pixels: NDArray[Any]) -> Shaped[Tensor, "1 channels height width"]:
    """A picture [height, width, channels] as a tensor [1, channels, height, width]: a view, channels last in memory."""
    return torch.from_numpy(pixels).permute(2, 0, 1)[None]


def tensor_to_pixels(picture: Tensor) -> NDArray[Any]:
    """A tensor [1, channels, height, width], on any device, as an array [height, width, channels]."""
    pixels: NDArray[Any] = picture[0].permute(1, 2, 0).contiguous().cpu().numpy()
    return pixels


def tensor_to_srgb(
    picture: Float[Tensor, "1 3 height width"], meaning: ColorMeaning
) -> Float[Tensor, "1 3 height width"]:
    """A frame of this colour meaning, [0, 1], as sRGB: `to_srgb` for a tensor, in memory of its own."""
    return pixels_to_tensor(to_srgb(picture[0].permute(1, 2, 0).cpu().numpy(), meaning)).to(picture.device)


def mirror_indices(length: int, before: int, after: int) -> Tensor:
    """Indices that extend `length` positions by reflection (edge not repeated), as often as needed."""
    if length == 1:
        return torch.zeros(before + 1 + after, dtype=torch.long)
    period = 2 * (length - 1)
    wave = torch.arange(-before, length + after).remainder(period)
    return torch.minimum(wave, period - wave)


def extend_mirrored(pictures: Picture4, top: int, left: int, height_px: int, width_px: int) -> Resized:
    """Put `pictures` at (top, left) of a canvas of the given size, continued by reflection on every side."""
    height, width = pictures.shape[-2:]
    rows = mirror_indices(height, top, height_px - height - top).to(pictures.device)
    columns = mirror_indices(width, left, width_px - width - left).to(pictures.device)
    return pictures.index_select(-2, rows).index_select(-1, columns)


def resize(pictures: Picture4, height_px: int, width_px: int, mode: str = "bicubic") -> Resized:
    """Resample a tensor without change of colour space: for pictures in the making, not for inputs."""
    if tuple(pictures.shape[-2:]) == (height_px, width_px):
        return pictures
    shrinks = height_px < pictures.shape[-2] or width_px < pictures.shape[-1]
    return F.interpolate(pictures, (height_px, width_px), mode=mode, antialias=shrinks)
