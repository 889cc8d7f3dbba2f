"""Recipes: named sets of options, in the package or in a file of one's own."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from impasto.errors import InputError, OptionError, did_you_mean
from impasto.storage.files import why_not_a_file

MAX_RECIPE_BYTES = 100_000
PAINTERLY, PIXELS = "painterly", "pixels"
# Options that say how pixels are optimised: whoever gives one without a recipe means the recipe `PIXELS`.
OF_PIXELS = frozenset(
    ["starting_point", "seed", "shape_px", "loss_units", "optimizer", "learning_rate", "beta1", "beta2", "epsilon",
     "average", "scale_factor", "margin", "padding_mode"]
)  # fmt: skip


def default_recipe(values: Mapping[str, Any], *, pair: bool = True) -> tuple[str, str]:
    """The recipe where none is named, and why it is not `PAINTERLY`, or an empty text.

    `pair`: whether there are a photo and a painting.
    """
    if values.get("medium") == "pixels" or not pair:
        return PIXELS, ""
    of_pixels = sorted(OF_PIXELS & values.keys())
    if of_pixels and "medium" not in values:
        return PIXELS, f"{of_pixels[0].replace('_', ' ')} is about pixels: the recipe {PIXELS} paints"
    return PAINTERLY, ""


def recipe_names() -> list[str]:
    """Names of the recipes in the package."""
    folder = resources.files("impasto.options") / "recipes"
    return sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))


def load_recipe(name_or_path: str) -> dict[str, Any]:
    """Read a recipe: option names and values, not yet validated.

    `name_or_path` is a name of `recipe_names()` or the path of a TOML file whose keys are options (a key
    ``description`` is allowed). Raises `OptionError` for an unknown name, `InputError` for an unreadable
    file.
    """
    recipe = _read_recipe(name_or_path)
    recipe.pop("description", None)
    return recipe


def describe_recipe(name_or_path: str) -> str:
    """Return the recipe's own description, empty if it has none; raises as `load_recipe` does."""
    return str(_read_recipe(name_or_path).get("description", ""))


def _read_recipe(name_or_path: str) -> dict[str, Any]:
    if name_or_path.endswith(".toml"):
        text = _read_text(name_or_path)
    elif name_or_path in recipe_names():
        text = (resources.files("impasto.options") / "recipes" / f"{name_or_path}.toml").read_text(encoding="utf-8")
    else:
        raise OptionError(
            f"unknown recipe {name_or_path!r}{did_you_mean(name_or_path, recipe_names())} (or a .toml file)"
        )
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # not only TOMLDecodeError: numbers too long, tables too deep
        raise InputError(f"the recipe {name_or_path} is not valid TOML: {error}") from error


def _read_text(path: str) -> str:
    try:
        if why := why_not_a_file(path):
            raise InputError(f"cannot read the recipe {path}: {why}")
        with Path(path).open("rb") as stream:
            data = stream.read(MAX_RECIPE_BYTES + 1)
        if len(data) > MAX_RECIPE_BYTES:
            raise InputError(
                f"cannot read the recipe {path}: it has more than {MAX_RECIPE_BYTES} bytes, so is no recipe"
            )
        return data.decode()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read the recipe {path}: {error}") from error
