"""The inputs of a request, read, under the names that the person gave to the files."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TypeVar

from impasto.images.picture import Picture
from impasto.inputs.paintings import ALPHA, Painting, Region
from impasto.inputs.style_file import StyleFile
from impasto.studio.request import PaintingChoice, RegionChoice

Named = TypeVar("Named")


def load_paintings(choices: Sequence[PaintingChoice]) -> list[Painting] | None:
    """Paintings as `impasto.paint` takes them."""
    return [Painting(choice.path, choice.weight, choice.brush_scale, choice.mask) for choice in choices] or None


def load_regions(choices: Sequence[RegionChoice]) -> list[Region]:
    """Regions as `impasto.paint` takes them."""
    return [Region(c.mask or ALPHA, load_paintings(c.paintings), c.strength, c.brush_scale, c.color) for c in choices]


def rename(picture: Named, names: Mapping[str, str]) -> Named:
    """A picture with the name that the person gave to its file; anything else (no mask, "alpha") as it is."""
    if not isinstance(picture, Picture | StyleFile):
        return picture
    return dataclasses.replace(picture, name=names.get(str(picture.path), picture.name))


def rename_paintings(paintings: Sequence[Painting], names: Mapping[str, str]) -> list[Painting]:
    return [Painting(rename(p.picture, names), p.weight, p.brush_scale, rename(p.mask, names)) for p in paintings]


def rename_regions(regions: Sequence[Region], names: Mapping[str, str]) -> list[Region]:
    return [
        Region(rename(r.mask, names), rename_paintings(r.paintings, names) or None, r.strength, r.brush_scale, r.color)
        for r in regions
    ]
