"""Runs of the engine as tests write them: pictures in a row instead of `RunInputs`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from impasto.engine.paint import iter_paint
from impasto.events import Event
from impasto.images.picture import Picture
from impasto.inputs.paintings import Painting, Region
from impasto.inputs.run_inputs import RunInputs
from impasto.options.fields import PaintOptions
from impasto.stylizer.stylizer import load_stylizer
from impasto.stylizer.tuning import TunedStylizer


def paint_events(
    photo: Picture | None,
    paintings: Sequence[Painting],
    options: PaintOptions,
    *,
    regions: Sequence[Region] = (),
    starting_picture: Picture | None = None,
    palette: Picture | None = None,
    **more: Any,
) -> Iterator[Event]:
    """`iter_paint` of these pictures."""
    inputs = RunInputs.load(photo, tuple(paintings), regions, starting_picture=starting_picture, palette=palette)
    if options.medium == "stylizer":
        more["tuner"] = TunedStylizer(load_stylizer(), inputs)
    return iter_paint(inputs, options, **more)
