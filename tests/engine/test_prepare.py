"""A prepared run: what its plan says as an event, and what it says before anything is painted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from impasto.engine.prepare import PIXEL_RANGE, Prepared, prepare
from impasto.errors import OptionError
from impasto.inputs.run_inputs import RunInputs
from impasto.options.fields import PaintOptions


@pytest.fixture
def prepared(quick: dict[str, Any], photo_pixels: NDArray[np.uint8], painting_pixels: NDArray[np.uint8]) -> Any:
    def build(*, photo: bool = True, **changes: Any) -> Prepared:
        inputs = RunInputs.load(photo_pixels if photo else None, painting_pixels)
        return prepare(inputs, PaintOptions(**(quick | changes)))

    return build


def test_the_plan_as_an_event(prepared: Any) -> None:
    run = prepared()
    assert run.size == (38, 48)  # of a photo of 48 x 60 px
    assert run.started.scales_px == ((25, 32), (38, 48))  # scale by scale, each rounded
    assert run.started.steps == (3, 2)
    assert run.started.tiles == (1, 1)
    assert run.started.precision == "float32"
    assert run.started.peak_bytes == run.plan.peak_bytes > 0
    assert not run.notices


def test_what_is_done_otherwise_is_said(prepared: Any) -> None:
    assert prepared(strength=0).notices == ("strength 0 is the photo itself: nothing is painted",)
    texture = {"content_layers": {}, "balance": "fixed", "starting_point": "noise", "padding_mode": "circular"}
    run = prepared(photo=False, shape_px=(40, 24), size_px=None, **texture)
    assert run.size == (24, 40)
    assert (run.plan.scales[-1].height_px, run.plan.scales[-1].width_px) == (32, 32)  # whole strides of 16 px
    assert run.notices == ("a picture that wraps around has sides of whole 16 px: 32x32 px in place of 40x24 px",)


def test_strokes_of_a_texture_are_as_large_as_in_its_painting(prepared: Any) -> None:
    texture = {"content_layers": {}, "balance": "fixed", "starting_point": "noise", "size_px": None}
    run = prepared(photo=False, shape_px=(128, 96), **texture)
    assert run.options.brush_scale == pytest.approx(64 / 128)  # a painting of 64 px


def test_papers_units_are_of_pixels_up_to_255(quick: dict[str, Any], painting_pixels: NDArray[np.uint8]) -> None:
    inputs, changes = RunInputs.load(painting_pixels, painting_pixels), {"encoder": "lite", "balance": "fixed"}
    plain, papers = (
        prepare(inputs, PaintOptions(**(quick | changes | {"style_loss": "gram", "loss_units": units}))).encoder
        for units in ("scale-free", "gatys")
    )
    for layer, matrix in plain.geometry.items():
        np.testing.assert_allclose(papers.geometry[layer], PIXEL_RANGE * matrix)


def test_a_missing_weights_file_is_refused_before_anything_else(prepared: Any, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="no layer"):
        prepared(style_layers={"relu9_9": 1.0})
