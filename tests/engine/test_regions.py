"""How a picture is divided: overlaps share, the rest is the background, some of it stays the photograph."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from impasto.engine.content_weight import ContentWeightController
from impasto.engine.readability import Readability
from impasto.engine.regions import RegionLayout, mask_tensor
from impasto.images.picture import picture_from_array
from impasto.inputs.paintings import Painting, Region
from impasto.inputs.run_inputs import RunInputs
from impasto.options.fields import PaintOptions

CPU = torch.device("cpu")
RNG = np.random.default_rng(0)
PHOTO = picture_from_array(RNG.random((40, 60, 3)))
PAINTINGS = [Painting(picture_from_array(RNG.random((16, 16, 3)))) for _ in range(4)]


def mask(seed: int, height: int = 40, width: int = 60) -> np.ndarray:
    return np.random.default_rng(seed).random((height, width)).astype(np.float32)


def layout(regions: list[Region], background: bool = True, **options: Any) -> RegionLayout:
    inputs = RunInputs.load(PHOTO, PAINTINGS[0] if background else None, regions)
    return RegionLayout(inputs, PaintOptions(**options))


def test_without_regions_it_is_one() -> None:
    whole = layout([])
    assert not whole.divided
    assert len(whole.painted) == 1
    masks = whole.masks(4, 6, CPU)
    assert (masks.regions[0] == 1).all()
    assert masks.photo is None
    assert not masks.strengths


def test_overlapping_masks_share_and_the_rest_is_the_background() -> None:
    own = [mask(seed) for seed in (1, 2, 3)]
    divided = layout([Region(m, PAINTINGS[n + 1]) for n, m in enumerate(own)])
    found = [m.numpy() for m in divided.masks(40, 60, CPU).regions]
    whole = sum(own)
    expected = [np.clip(1 - whole, 0, None), *(m / np.maximum(whole, 1) for m in own)]
    for ours, theirs in zip(found, expected, strict=True):
        assert ours == pytest.approx(theirs, abs=2e-5)  # masks are kept at 16 bit
    assert sum(found) == pytest.approx(1, abs=1e-6)


def test_covered_whole_there_is_no_background() -> None:
    left = np.zeros((40, 60), np.float32)
    left[:, :30] = 1
    divided = layout([Region(left, PAINTINGS[1]), Region(1 - left, PAINTINGS[2])])
    assert [area.paintings for area in divided.painted] == [(PAINTINGS[1],), (PAINTINGS[2],)]
    assert not divided.keeps_photo


@pytest.mark.parametrize("why", ["no painting", "strength 0", "no background", "whole strength 0"])
def test_what_stays_the_photograph(why: str) -> None:
    left = np.zeros((40, 60), np.float32)
    left[:, :30] = 1
    divided = {
        "no painting": lambda: layout([Region(left)]),
        "strength 0": lambda: layout([Region(left, PAINTINGS[1], strength=0)]),
        "no background": lambda: layout([Region(1 - left, PAINTINGS[1])], background=False),
        "whole strength 0": lambda: layout([Region(1 - left, PAINTINGS[1], strength=50)], strength=0),
    }[why]()
    kept = divided.masks(40, 60, CPU).photo
    assert kept is not None
    assert kept.numpy() == pytest.approx(left, abs=1e-6)
    assert len(divided.painted) == 1


def test_nothing_left_to_paint() -> None:
    assert not layout([Region(np.ones((40, 60), np.float32))]).painted
    assert not layout([Region(mask(1), PAINTINGS[1])], strength=0).painted


def test_a_mask_is_resized_without_overshoot_and_keeps_its_mean() -> None:
    edges = (mask(5, 40, 60) > 0.5).astype(np.float32)
    for size in ((10, 15), (80, 120), (33, 47)):
        found = mask_tensor(picture_from_array(edges), *size)
        assert float(found.min()) >= 0
        assert float(found.max()) <= 1
        assert float(found.mean()) == pytest.approx(edges.mean(), abs=0.02)


def test_colours_and_transparency_of_a_mask() -> None:
    colours = np.zeros((2, 3, 4), np.uint8)
    colours[..., 3] = 255
    colours[0, 0, :3], colours[0, 1, :3], colours[1, :, :3] = 255, (255, 0, 0), 255
    colours[1, 1, 3], colours[1, 2, 3] = 0, 51
    found = mask_tensor(picture_from_array(colours), 2, 3)
    assert found.numpy() == pytest.approx(np.array([[1, 0.2126, 0], [1, 0, 0.2]]), abs=1e-6)


def test_alpha_is_a_mask() -> None:
    clear = np.concatenate([RNG.random((40, 60, 3)), mask(6)[..., None]], axis=2)
    photo = picture_from_array(clear)
    divided = RegionLayout(RunInputs.load(photo, PAINTINGS[0], [Region("alpha", PAINTINGS[1])]), PaintOptions())
    assert divided.masks(40, 60, CPU).regions[1].numpy() == pytest.approx(mask(6), abs=2e-5)


def test_strengths_of_their_own_have_weights_of_their_own() -> None:
    thirds = [np.zeros((40, 60), np.float32) for _ in range(3)]
    for n, third in enumerate(thirds):
        third[:, 15 * n : 15 * n + 15] = 1
    regions = [Region(thirds[0], PAINTINGS[1], strength=20), Region(thirds[1], PAINTINGS[2]),
               Region(thirds[2], PAINTINGS[3], strength=80)]  # fmt: skip
    divided = layout(regions)
    assert divided.strengths == [None, 20, 80]
    parts = divided.masks(40, 60, CPU).strengths
    assert [float(part.mean()) for part in parts] == pytest.approx([0.5, 0.25, 0.25], abs=1e-6)
    balance = ContentWeightController(PaintOptions(content_weight=1.0), divided.strengths)
    balance.update([0.3, 0.3, 0.3], coarsest=False)  # what a strength of 50 asks for
    assert balance.weights[0] == pytest.approx(1)
    assert balance.weights[1] > 1 > balance.weights[2]


def test_readability_is_measured_in_each_part(tiny_encoder_file: object) -> None:
    from impasto.encoders import load_encoder

    random = torch.Generator().manual_seed(0)
    photo = torch.rand(1, 3, 64, 96, generator=random)
    left = torch.zeros(64, 96)
    left[:, :48] = 1
    reading = Readability(load_encoder(str(tiny_encoder_file)), photo, [left, 1 - left])
    changed = photo.clone()
    changed[..., 64:] = torch.rand(1, 3, 64, 32, generator=random)
    untouched, other = reading.distances(changed)
    assert untouched < 0.25 * other
    whole = Readability(load_encoder(str(tiny_encoder_file)), photo).distance(changed)
    assert whole == pytest.approx((untouched + other) / 2, abs=1e-5)
