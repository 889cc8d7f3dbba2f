"""Training pictures: loaded, held out, cropped."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image
from stylizers import random_images

from impasto.errors import OptionError
from impasto.stylizer.training.data import HELD_OUT, SHORT_SIDE_PX, TrainingSet, load_training_set, random_crop


def test_pictures_are_reduced_and_read_as_rgb(tmp_path: Path) -> None:
    Image.new("RGB", (900, 600), (10, 20, 30)).save(tmp_path / "large.png")
    Image.new("L", (40, 50), 77).save(tmp_path / "grey.png")
    pictures = load_training_set([tmp_path / "large.png"], [tmp_path / "grey.png"])
    (large,), (grey,) = pictures.photos, pictures.paintings
    assert large.shape == (3, SHORT_SIDE_PX, 432)
    assert large[:, 100, 100].tolist() == [10, 20, 30]
    assert grey.shape == (3, 50, 40)
    assert grey[:, 5, 5].tolist() == [77, 77, 77]


def test_both_photos_and_paintings_are_needed() -> None:
    with pytest.raises(OptionError, match="2 photos and 0 paintings to train on: both are needed"):
        TrainingSet(random_images(2, 0), [])


def test_pictures_are_held_out_where_there_are_enough() -> None:
    many, few = list(torch.arange(10 * HELD_OUT)), list(torch.arange(10 * HELD_OUT - 1))
    training, sample = TrainingSet(many, few).hold_out()
    assert [*sample.photos, *training.photos] == many
    assert len(sample.photos) == len(sample.paintings) == HELD_OUT
    assert training.paintings == few


def test_crops_are_squares_of_every_size_mirrored_half_the_time() -> None:
    rows, columns = torch.meshgrid(torch.arange(120), torch.arange(200), indexing="ij")
    image = torch.stack([rows, columns, torch.full_like(rows, 128)]).byte()
    generator = torch.Generator().manual_seed(0)
    crops = [random_crop([image], 32, generator) for _ in range(200)]
    assert all(crop.shape == (1, 3, 32, 32) for crop in crops)
    coloured = [crop for crop in crops if bool((crop[:, 2] - 128 / 255).abs().max() < 1e-3)]  # not made paler
    assert 0.5 < len(coloured) / len(crops) < 0.8
    steps = torch.stack([255 * crop[0, 1, 16].diff().mean() for crop in coloured])
    assert 0.35 < float((steps < 0).float().mean()) < 0.65
    assert float(steps.abs().min()) < 1.3
    assert float(steps.abs().max()) > 3.2  # pixels of the photo to one of the crop
