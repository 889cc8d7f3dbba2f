"""Painters of drafts: soft masks, and what they keep of photos and paintings."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

import impasto
from impasto.engine.regions import Masks
from impasto.inputs.run_inputs import RunInputs
from impasto.options.fields import PaintOptions
from impasto.stylizer.regions import MAX_STYLES, DraftPainter, feather
from impasto.stylizer.stylizer import Stylizer, load_stylizer

OPTIONS = PaintOptions(strength=100.0)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the stylizer's methods, as often as they are called."""
    names: list[str] = []
    for name in ("encode", "measure_style"):
        method = getattr(Stylizer, name)

        def counted(self: Stylizer, *args: object, name: str = name, method: object = method, **settings: object):  # type: ignore[no-untyped-def]
            names.append(name)
            return method(self, *args, **settings)  # type: ignore[operator]

        monkeypatch.setattr(Stylizer, name, counted)
    return names


@pytest.fixture
def inputs(photo_pixels: np.ndarray, painting_pixels: np.ndarray) -> RunInputs:
    left = np.zeros(photo_pixels.shape[:2], np.uint8)
    left[:, :30] = 255
    return RunInputs.load(photo_pixels, painting_pixels, [impasto.Region(left, painting_pixels[::-1].copy())])


def test_paintings_are_measured_once(inputs: RunInputs, photo_pixels: np.ndarray, calls: list[str]) -> None:
    painter = DraftPainter(load_stylizer())
    first = painter.paint(inputs, OPTIONS, 40)
    assert calls.count("measure_style") == 2
    np.testing.assert_array_equal(painter.paint(inputs, OPTIONS, 40), first)
    another_photo = RunInputs(impasto.picture_from_array(255 - photo_pixels), inputs.regions)
    painter.paint(another_photo, OPTIONS, 40)
    assert calls.count("measure_style") == 2


@pytest.mark.parametrize("change", ["size", "brush scale", "weight", "colour", "method", "amount", "photo", "mask"])
def test_whatever_changes_them_is_measured_again(inputs: RunInputs, change: str, calls: list[str]) -> None:
    (painting,) = inputs.background.paintings
    other = impasto.Painting(painting.picture.pixels()[:, ::-1].copy())
    inputs = replace(inputs, regions=(impasto.Region(None, [painting, other]),))
    options = OPTIONS if change != "photo" else PaintOptions(strength=100.0, color="photo")
    painter, edge, before, then = DraftPainter(load_stylizer()), 40, inputs, options
    if change == "size":
        edge = 48
    elif change == "brush scale":
        then = PaintOptions(strength=100.0, brush_scale=0.5)
    elif change in ("colour", "method", "amount"):
        then = PaintOptions(strength=100.0, color="photo")
        options = {
            "colour": options,
            "method": PaintOptions(strength=100.0, color="photo", color_method="histogram"),
            "amount": PaintOptions(strength=100.0, color="photo", color_strength=50.0),
        }[change]
    elif change == "photo":
        assert inputs.photo is not None
        inputs = replace(inputs, photo=impasto.picture_from_array(1 - inputs.photo.pixels()))
    else:
        mask = np.full((64, 64), 255, np.uint8)
        mask[:40] = 0
        changed = impasto.Painting(painting.picture, weight=2.0) if change == "weight" else None
        changed = changed or impasto.Painting(painting.picture, mask=mask)
        inputs = replace(inputs, regions=(impasto.Region(None, [changed, other]),))
    first = painter.measure(before, before.background, options, 40)
    again = painter.measure(inputs, inputs.background, then, edge)
    assert calls.count("measure_style") == 4
    alone = DraftPainter(load_stylizer()).measure(inputs, inputs.background, then, edge)
    for layer in ("rgb", "relu3_1"):
        assert not torch.equal(again.moments[layer].outer, first.moments[layer].outer)
        assert torch.equal(again.moments[layer].outer, alone.moments[layer].outer)


def test_no_more_than_so_many_paintings_are_kept(
    photo_pixels: np.ndarray, painting_pixels: np.ndarray, monkeypatch: pytest.MonkeyPatch, calls: list[str]
) -> None:
    monkeypatch.setattr("impasto.stylizer.regions.MAX_STYLES", 2)
    painter = DraftPainter(load_stylizer())
    for shift in (0, 1, 2, 2, 1, 0):
        inputs = RunInputs.load(photo_pixels, np.roll(painting_pixels, shift, axis=0))
        painter.measure(inputs, inputs.background, OPTIONS, 40)
    assert calls.count("measure_style") == 4
    assert MAX_STYLES >= 8


def test_a_photo_is_kept_if_asked(inputs: RunInputs, photo_pixels: np.ndarray, calls: list[str]) -> None:
    plain = RunInputs(inputs.photo, inputs.regions[:1])
    once, keeping = DraftPainter(load_stylizer()), DraftPainter(load_stylizer(), keep_photo=True)
    for _ in range(2):
        np.testing.assert_array_equal(once.paint(plain, OPTIONS, 40), keeping.paint(plain, OPTIONS, 40))
    assert calls.count("encode") == 3
    keeping.paint(plain, OPTIONS, 48)
    keeping.paint(replace(plain, photo=impasto.picture_from_array(255 - photo_pixels)), OPTIONS, 48)
    assert calls.count("encode") == 5


def test_a_background_that_was_measured_takes_the_place_of_its_paintings(inputs: RunInputs) -> None:
    painter = DraftPainter(load_stylizer())
    style = painter.measure(inputs, inputs.background, OPTIONS, 40)
    without = replace(inputs, regions=(impasto.Region(None), *inputs.regions[1:]))
    draft = painter.paint(inputs, OPTIONS, 40)
    np.testing.assert_array_equal(painter.paint(without, OPTIONS, 40, background=style), draft)
    assert not np.allclose(painter.paint(without, OPTIONS, 40), draft, atol=0.01)


def test_full_strength_leaves_no_photo_but_where_it_stays(inputs: RunInputs) -> None:
    painter, half = DraftPainter(load_stylizer()), PaintOptions(strength=50.0)
    full = painter.paint(inputs, OPTIONS, 40)
    np.testing.assert_array_equal(painter.paint(inputs, half, 40, strength_of=lambda _: 100.0), full)
    assert not np.allclose(painter.paint(inputs, half, 40), full, atol=0.01)


def test_feathered_masks_come_to_one() -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        shares = rng.random((3, 20, 30)) * (rng.random((3, 20, 30)) < 0.4)
        shares[2, 5:9] = 1
        shares[:2, 5:9] = 0
        shares[0] += shares.sum(0) == 0
        shares /= shares.sum(0)
        first, second, kept = (torch.tensor(share, dtype=torch.float32) for share in shares)
        areas, whole = feather(Masks([first, second], kept), 2)
        np.testing.assert_allclose(sum(areas) + whole, 1, atol=1e-6)
        assert (whole >= kept).all()
        assert (whole[5:9] == 1).all()
        assert all((area >= 0).all() for area in areas)
