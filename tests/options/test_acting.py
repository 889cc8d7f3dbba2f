"""Options that the table calls inert change nothing, and those that it does not do change something."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import impasto
from impasto.options.acting import INERT, inert_notices
from impasto.options.fields import PaintOptions, build_options

PIXELS = build_options({})
OTHER: dict[str, Any] = {
    "seed": 5, "optimizer": "adam", "learning_rate": 0.1, "beta1": 0.5, "beta2": 0.5, "epsilon": 0.1, "average": 0.5,
    "margin": 0.4, "scale_factor": 1.2, "color_strength": 40.0, "color_method": "histogram", "strength": 20.0,
    "content_weight": 3.0, "device": "cuda", "layout_weight": 0.5,
}  # fmt: skip
# Where each of them cannot act, beside what the quick run has.
IDLE: dict[str, dict[str, Any]] = {
    "seed": {"starting_point": "content"},
    "margin": {"padding_mode": "circular"},
    "color_strength": {"color": "painting"},
    "color_method": {"color": "painting"},
    "strength": {"balance": "fixed"},
}
AT_WORK: dict[str, dict[str, Any]] = {
    "seed": {"starting_point": "noise"},
    **{name: {"optimizer": "adam"} for name in ("learning_rate", "beta1", "beta2", "epsilon", "average")},
    **{name: {"color": "photo", "color_method": "mean-covariance"} for name in ("color_strength", "color_method")},
    "content_weight": {"balance": "fixed"},
    "layout_weight": {"recipe": "painterly", "medium": "stylizer"},
}
ONLY_BEGINS = {"content_weight"}  # under readability it is not idle, only nothing to rely on
IDLE_ONLY_WHEN_TUNED = {"optimizer", "scale_factor", "device"}
NEEDS_A_GPU = {"device"}  # to change something


# Every other option of a run of pixels, with a value that shows.
ACTING: dict[str, Any] = {
    "size_px": 40, "brush_scale": 2.0, "variation": 3, "color": "photo", "keep_detail": 50.0, "starting_point": "gray",
    "pooling": "average", "style_loss": "gram", "style_layers": "relu1_1:1", "content_layers": "relu2_1:1",
    "style_softness": 0.5, "content_loss": "structure", "balance": "fixed", "style_weight": 7.0, "tv_weight": 0.5,
    "contour_weight": 0.9, "surface_weight": 0.9, "steps": (2,), "min_scale_px": 24, "padding_mode": "zeros",
    "precision": "bfloat16",
}  # fmt: skip
OF_THE_INPUTS = {"shape_px", "mask_mode"}
ELSEWHERE = {  # what they change is tested there
    "medium": "tests/stylizer/test_tuning.py",
    "encoder": "tests/engine/test_paint.py",
    "loss_units": "tests/engine/test_objective.py",
    "stop_tolerance": "tests/engine/test_paint.py",
    "max_memory_bytes": "tests/engine/test_plan.py",
    "tile_px": "tests/losses/test_tiles.py",
    "threads": "tests/engine/test_devices.py",
}


def said(values: dict[str, Any], **inputs: bool) -> list[str]:
    return list(inert_notices(build_options(values), PIXELS, **inputs))


def test_the_table_names_options() -> None:
    assert set(INERT) == set(OTHER) <= set(PaintOptions.model_fields)


def test_every_option_is_in_one_of_the_tables() -> None:
    tables = [set(INERT), set(ACTING), OF_THE_INPUTS, set(ELSEWHERE)]
    assert sorted(name for table in tables for name in table) == sorted(PaintOptions.model_fields)
    for name, test in ELSEWHERE.items():
        assert name in (Path(__file__).parents[2] / test).read_text(encoding="utf-8"), test


@pytest.mark.parametrize("name", ACTING)
def test_what_the_table_leaves_out_acts(folder_with_pictures: object, quick: dict[str, Any], name: str) -> None:
    beside = {"recipe": "pixels", **quick}
    plain = impasto.paint("photo.png", "painting.png", **beside)
    changed = impasto.paint("photo.png", "painting.png", **beside | {name: ACTING[name]})
    assert not np.array_equal(plain.pixels, changed.pixels)
    assert not any("changes nothing here" in notice for notice in changed.notices)


@pytest.mark.parametrize("name", sorted(set(OTHER) - ONLY_BEGINS - IDLE_ONLY_WHEN_TUNED))
def test_what_is_called_inert_changes_no_pixel(folder_with_pictures: object, quick: dict[str, Any], name: str) -> None:
    beside = {"recipe": "pixels", **quick, **IDLE.get(name, {})}
    plain = impasto.paint("photo.png", "painting.png", **beside)
    changed = impasto.paint("photo.png", "painting.png", **beside | {name: OTHER[name]})
    assert np.array_equal(plain.pixels, changed.pixels)
    assert any(notice.startswith(f"{name.replace('_', ' ')} ") for notice in changed.notices)
    assert not any("changes nothing here" in notice for notice in plain.notices)


@pytest.mark.parametrize("name", sorted(set(OTHER) - NEEDS_A_GPU))
def test_and_changes_some_where_it_is_not(folder_with_pictures: object, quick: dict[str, Any], name: str) -> None:
    beside = {"recipe": "pixels", **quick, "steps": (6, 4), **AT_WORK.get(name, {})}
    plain = impasto.paint("photo.png", "painting.png", **beside)
    changed = impasto.paint("photo.png", "painting.png", **beside | {name: OTHER[name]})
    assert not np.array_equal(plain.pixels, changed.pixels)
    assert not any("changes nothing here" in notice for notice in changed.notices)


def test_what_the_stylizer_leaves_no_work() -> None:
    tuned = build_options({"medium": "stylizer"})
    for name in ("optimizer", "learning_rate", "margin", "scale_factor", "average", "device"):
        (notice,) = inert_notices(build_options({name: OTHER[name]}, tuned), tuned)
        assert "the stylizer" in notice


def test_what_the_recipe_sets_is_not_spoken_of() -> None:
    recipe = build_options({"learning_rate": 0.5})
    assert not list(inert_notices(recipe, recipe))
    assert said({"learning_rate": 0.5}) == [
        "learning rate 0.5 changes nothing here: it is Adam's, and the optimizer is lbfgs"
    ]


def test_what_depends_on_the_pictures() -> None:
    (shape,) = said({"shape_px": "40x30"})
    assert "a photo has its own" in shape
    assert not said({"shape_px": "40x30"}, photo=False)
    (mask,) = said({"mask_mode": "simple"})
    assert "there are none" in mask
    assert not said({"mask_mode": "simple"}, regions=True)
    (weight,) = said({"content_weight": 1e4})
    assert "balance fixed holds it" in weight
