"""Recipes of the package and of files."""

from __future__ import annotations

from pathlib import Path

import pytest

from impasto.errors import InputError, OptionError
from impasto.options.fields import PaintOptions, build_options
from impasto.options.recipes import OF_PIXELS, default_recipe, describe_recipe, load_recipe, recipe_names


@pytest.mark.parametrize("name", recipe_names())
def test_bundled_recipes_are_valid_and_described(name: str) -> None:
    build_options(load_recipe(name))
    assert describe_recipe(name)


def test_pixels_are_the_defaults_of_options_and_painterly_is_what_paints() -> None:
    assert build_options(load_recipe("pixels")) == PaintOptions()
    assert build_options(load_recipe("painterly")).medium == "stylizer"
    assert default_recipe({"strength": 3, "style_loss": "gram"}) == ("painterly", "")
    assert default_recipe({}, pair=False) == ("pixels", "")
    assert default_recipe({"medium": "pixels"}) == ("pixels", "")
    name, why = default_recipe({"optimizer": "adam", "strength": 3})
    assert (name, why) == ("pixels", "optimizer is about pixels: the recipe pixels paints")
    assert default_recipe({"optimizer": "adam", "medium": "stylizer"}) == ("painterly", "")


def test_options_of_pixels_are_options() -> None:
    assert PaintOptions.model_fields.keys() >= OF_PIXELS


def test_a_recipe_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('description = "mine"\nstrength = 30\nsteps = [4, 2]\n[style_layers]\nrelu2_1 = 3\n')
    built = build_options(load_recipe(str(file)))
    assert built == build_options({"strength": 30, "steps": (4, 2), "style_layers": {"relu2_1": 3.0}})
    assert describe_recipe(str(file)) == "mine"


def test_recipe_errors(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="unknown recipe 'painterl'; did you mean 'painterly'"):
        load_recipe("painterl")
    with pytest.raises(InputError, match=r"nowhere\.toml"):
        load_recipe("nowhere.toml")
    (tmp_path / "bad.toml").write_text("strength = = 3")
    with pytest.raises(InputError, match="not valid TOML"):
        load_recipe(str(tmp_path / "bad.toml"))
    (tmp_path / "latin.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="cannot read the recipe"):
        load_recipe(str(tmp_path / "latin.toml"))
