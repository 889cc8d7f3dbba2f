"""The inputs of a request, loaded, under the names that the person gave to the files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import TypeVar, cast

from impasto.images.picture import Picture
from impasto.inputs.paintings import ALPHA, Painting, Region
from impasto.inputs.run_inputs import RunInputs
from impasto.inputs.style_file import StyleFile
from impasto.studio.request import PaintingChoice, RegionChoice

Inputs = TypeVar("Inputs")


def load_paintings(choices: Sequence[PaintingChoice]) -> tuple[Painting, ...] | None:
    """Paintings as `impasto.paint` takes them."""
    return tuple(Painting(choice.path, choice.weight, choice.brush_scale, choice.mask) for choice in choices) or None


def load_regions(choices: Sequence[RegionChoice]) -> tuple[Region, ...]:
    """Regions as `impasto.paint` takes them."""
    return tuple(
        Region(c.mask or ALPHA, load_paintings(c.paintings), c.strength, c.brush_scale, c.color) for c in choices
    )


def rename_files(inputs: Inputs, names: Mapping[str, str]) -> Inputs:
    """A picture, or all pictures of larger inputs, with the names that the person gave to their files, by path."""
    renamed: object = inputs
    if isinstance(inputs, Picture | StyleFile):
        renamed = replace(inputs, name=names.get(str(inputs.path), inputs.name))
    elif isinstance(inputs, tuple):
        renamed = tuple(rename_files(item, names) for item in inputs)
    elif isinstance(inputs, RunInputs | Region | Painting):
        renamed = replace(inputs, **{f.name: rename_files(getattr(inputs, f.name), names) for f in fields(inputs)})
    return cast("Inputs", renamed)
