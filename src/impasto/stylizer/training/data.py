"""The pictures that a stylizer is trained on: photographs, of which it sees crops, and paintings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.encoders import Encoder
from impasto.errors import OptionError
from impasto.images.picture import quantise
from impasto.images.reading import load_picture
from impasto.images.tensors import pixels_to_tensor
from impasto.stylizer.statistics import MIDDLE, Batch, batch_statistics
from impasto.stylizer.training.objective import ENCODED, surface_statistics

SHORT_SIDE_PX = 288  # larger pictures are reduced to this, to spare memory
HELD_OUT = 6  # photos, and paintings, for validation and sample sheets alone
PALE_SHARE = 0.35  # of the crops lose some or all colour: a grey photo must be painted colourfully too


@dataclass(frozen=True)
class TrainingSet:
    """Photographs and paintings as uint8 tensors [3, height, width]. Raises `OptionError` without either."""

    photos: Sequence[Tensor]
    paintings: Sequence[Tensor]

    def __post_init__(self) -> None:
        if not self.photos or not self.paintings:
            counts = f"{len(self.photos)} photos and {len(self.paintings)} paintings"
            raise OptionError(f"{counts} to train on: both are needed")

    def hold_out(self) -> tuple[TrainingSet, TrainingSet]:
        """Split into pictures to train on and pictures to look at; too few to split serve as both."""
        training, sample = zip(_hold_out(self.photos), _hold_out(self.paintings), strict=True)
        return TrainingSet(*training), TrainingSet(*sample)


def load_training_set(photos: Sequence[Path], paintings: Sequence[Path]) -> TrainingSet:
    """Load pictures, reduced to a short side of at most `SHORT_SIDE_PX`. Raises `InputError`."""
    return TrainingSet([_load(path) for path in photos], [_load(path) for path in paintings])


def _load(path: Path) -> Tensor:
    picture = load_picture(path)
    factor = min(1.0, SHORT_SIDE_PX / min(picture.height_px, picture.width_px))
    pixels = picture.pixels(round(picture.height_px * factor), round(picture.width_px * factor))
    return pixels_to_tensor(quantise(pixels, 8))[0].contiguous()


def _hold_out(images: Sequence[Tensor]) -> tuple[Sequence[Tensor], Sequence[Tensor]]:
    if len(images) < 10 * HELD_OUT:
        return images, images[:HELD_OUT]
    return images[HELD_OUT:], images[:HELD_OUT]


@dataclass
class PaintingStatistics:
    """Statistics of training paintings at every size, measured when they are first needed."""

    encoder: Encoder
    images: Sequence[Tensor]
    _cache: dict[tuple[int, int], tuple[Batch, Tensor]] = field(default_factory=dict)

    def at(self, index: int, short_px: int) -> tuple[Batch, Tensor]:
        """Style statistics and surface statistics of a painting that is reduced to a short side of `short_px`."""
        if (index, short_px) not in self._cache:
            picture = self._reduced(index, short_px)
            with torch.no_grad():
                statistics = batch_statistics({"rgb": picture - MIDDLE, **self.encoder(picture, ENCODED)})
            surface = surface_statistics(picture)
            # Files hold colours at half the size as a rule: at full size they would seem never to be crisp.
            surface[:, 2] = surface_statistics(self._reduced(index, min(short_px, SHORT_SIDE_PX // 2)))[:, 2]
            self._cache[index, short_px] = statistics, surface
        return self._cache[index, short_px]

    def _reduced(self, index: int, short_px: int) -> Tensor:
        picture = self.images[index][None].float() / 255
        factor = short_px / min(picture.shape[2:])
        if factor >= 1:
            return picture
        size = [round(side * factor) for side in picture.shape[2:]]
        return F.interpolate(picture, size, mode="bicubic", antialias=True).clamp(0, 1)


def random_crop(images: Sequence[Tensor], crop_px: int, generator: torch.Generator) -> Tensor:
    """A square of a random photograph, from the crop's own size to the whole short side; mirrored half the time."""
    image = images[random_integer(generator, len(images))]
    height, width = image.shape[1:]
    longest = min(height, width)
    side = min(crop_px, longest) + random_integer(generator, max(1, longest - crop_px + 1))
    top, left = random_integer(generator, height - side + 1), random_integer(generator, width - side + 1)
    square = image[None, :, top : top + side, left : left + side].float() / 255
    if side != crop_px:
        square = F.interpolate(square, (crop_px, crop_px), mode="bilinear", antialias=True)
    if random_number(generator) < PALE_SHARE:
        grey = square.mean(1, keepdim=True)
        square = torch.lerp(grey, square, random_number(generator))
    return square.flip(-1) if random_integer(generator, 2) else square


def random_integer(generator: torch.Generator, below: int) -> int:
    """A whole number from 0 to `below`, which is excluded."""
    return int(torch.randint(below, (1,), generator=generator))


def random_number(generator: torch.Generator) -> float:
    """A number from 0 to 1."""
    return float(torch.rand(1, generator=generator))
