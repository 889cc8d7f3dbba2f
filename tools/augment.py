"""Training crops: photographs and art, and what a half-painted pastiche looks like.

While a pastiche is painted the encoder is asked about pictures that are neither photograph nor painting:
noisy, blurred, colour-shifted, one image showing through another. The crops cover these.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyvips
import torch
import torch.nn.functional as F
from torch import Tensor


def load_images(paths: list[Path]) -> list[Tensor]:
    """Decode to uint8 [3, height, width]; small, so that all of them stay in memory."""
    images = []
    for path in paths:
        image = pyvips.Image.new_from_file(str(path), access="sequential").colourspace("srgb")
        pixels = np.asarray(image[:3].numpy() if image.bands >= 3 else image[0].bandjoin([image[0], image[0]]).numpy())
        images.append(torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1))))
    return images


def augment(images: list[Tensor], batch: int, crop: int, generator: torch.Generator) -> Tensor:
    """A batch [batch, 3, crop, crop] in [0, 1], drawn with `generator` alone."""
    pictures = torch.stack([_crop(images, crop, generator) for _ in range(batch)])
    pictures = _recolour(pictures, generator)
    pictures = _mix(pictures, generator)
    pictures = _blur(pictures, generator)
    return _noise(pictures, generator).clamp(0, 1)


def _uniform(generator: torch.Generator, low: float, high: float, *shape: int) -> Tensor:
    return low + (high - low) * torch.rand(*shape, generator=generator)


def _integer(generator: torch.Generator, below: int) -> int:
    return int(torch.randint(max(1, below), (1,), generator=generator))


def _crop(images: list[Tensor], crop: int, generator: torch.Generator) -> Tensor:
    """A square of a random image at a random scale, flipped at random."""
    image = images[_integer(generator, len(images))]
    height, width = image.shape[-2:]
    longest = min(height, width)
    # Half the crops at their own scale; else from half to the whole short side, brought to `crop`.
    side = crop if _integer(generator, 2) else crop // 2 + _integer(generator, longest - crop // 2 + 1)
    side = min(side, longest)
    top, left = _integer(generator, height - side + 1), _integer(generator, width - side + 1)
    square = image[:, top : top + side, left : left + side].float() / 255
    if side != crop:
        square = F.interpolate(square[None], (crop, crop), mode="bilinear", antialias=True)[0]
    if _integer(generator, 2):
        square = square.flip(-1)
    if _integer(generator, 4) == 0:
        square = square.transpose(-1, -2)
    return square


def _recolour(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Contrast, brightness, colour shift; now and then permuted or inverted channels."""
    batch = len(pictures)
    chosen = (torch.rand(batch, 1, 1, 1, generator=generator) < 0.6).float()
    contrast = _uniform(generator, -1.2, 0.5, batch, 1, 1, 1).exp() * _uniform(generator, 0.85, 1.15, batch, 3, 1, 1)
    shift = _uniform(generator, -0.2, 0.2, batch, 1, 1, 1) + _uniform(generator, -0.12, 0.12, batch, 3, 1, 1)
    mean = pictures.mean((-2, -1), keepdim=True)
    changed = (pictures - mean) * contrast + mean + shift
    pictures = pictures + chosen * (changed - pictures)
    for index in range(batch):
        if _integer(generator, 8) == 0:
            pictures[index] = pictures[index][torch.randperm(3, generator=generator)]
        if _integer(generator, 12) == 0:
            pictures[index] = 1 - pictures[index]
    return pictures


def _mix(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """A third of the crops: another crop shows through, evenly or in soft patches."""
    other = pictures.roll(1, 0)
    batch, _, height, width = pictures.shape
    cells = 2 + _integer(generator, 12)
    soft = F.interpolate(torch.rand(batch, 1, cells, cells, generator=generator), (height, width), mode="bicubic")
    patches = ((soft - 0.5) * 6).sigmoid()
    even = _uniform(generator, 0.1, 0.9, batch, 1, 1, 1).expand_as(patches)
    mask = torch.where(torch.rand(batch, 1, 1, 1, generator=generator) < 0.5, patches, even)
    return torch.where(
        torch.rand(batch, 1, 1, 1, generator=generator) < 0.33, torch.lerp(pictures, other, mask), pictures
    )


def _blur(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """A quarter of the crops are blurred (Gaussian, 0.5 to 3 px), three tenths of these sharpened instead."""
    sigma = float(_uniform(generator, 0.5, 3.0, 1))
    radius = int(3 * sigma + 0.5)
    kernel = torch.exp(-0.5 * (torch.arange(-radius, radius + 1) / sigma) ** 2)
    kernel = (kernel / kernel.sum()).view(1, 1, -1, 1).expand(3, 1, -1, 1)
    padded = F.pad(pictures, (radius,) * 4, mode="reflect")
    blurred = F.conv2d(F.conv2d(padded, kernel, groups=3), kernel.transpose(2, 3), groups=3)
    batch = len(pictures)
    amount = torch.where(torch.rand(batch, 1, 1, 1, generator=generator) < 0.7, 1.0, -1.0)
    chosen = (torch.rand(batch, 1, 1, 1, generator=generator) < 0.25).float()
    return pictures + chosen * amount * (blurred - pictures)


def _noise(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Two fifths of the crops: grey or coloured noise, fine or coarse; a few are little else."""
    batch, _, height, width = pictures.shape
    fine = torch.randn(batch, 3, height, width, generator=generator)
    coarse = F.interpolate(
        torch.randn(batch, 3, height // 2, width // 2, generator=generator), (height, width), mode="bilinear"
    )
    noise = torch.where(torch.rand(batch, 1, 1, 1, generator=generator) < 0.5, fine, coarse)
    grey = torch.rand(batch, 1, 1, 1, generator=generator) < 0.3
    noise = torch.where(grey, noise[:, :1].expand_as(noise), noise)
    level = 0.15 * torch.rand(batch, 1, 1, 1, generator=generator) ** 1.5
    level = torch.where(torch.rand(batch, 1, 1, 1, generator=generator) < 0.1, level * 3, level)
    chosen = (torch.rand(batch, 1, 1, 1, generator=generator) < 0.4).float()
    return pictures + chosen * level * noise
