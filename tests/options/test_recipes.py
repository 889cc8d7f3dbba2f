"""Recipes of the package and of files."""

from __future__ import annotations

from pathlib import Path

import pytest

from impasto.errors import InputError, OptionError
from impasto.options.fields import PaintOptions, build_options
from impasto.options.recipes import describe_recipe, load_recipe, recipe_names


@pytest.mark.parametrize("name", recipe_names())
def test_bundled_recipes_are_valid_and_described(name: str) -> None:
    build_options(load_recipe(name))
    assert describe_recipe(name)


def test_the_default_recipe_is_the_defaults() -> None:
    assert build_options(load_recipe("painterly")) == PaintOptions()


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
