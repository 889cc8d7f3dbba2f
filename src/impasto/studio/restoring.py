"""From the run record of a pastiche back to a request: its settings, and those of its inputs that are in the store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from impasto.inputs.recorded import RecordedFile, RecordedPainting, RecordedRegion
from impasto.options.fields import PALETTE
from impasto.options.recipes import recipe_names
from impasto.runs.build import resolve_options
from impasto.runs.record import ENCODER_SUFFIX, RunRecord, is_picture_path
from impasto.studio.request import PaintingChoice, RegionChoice, Request

# Options that belong to the machine that painted, not to the picture.
MACHINE_OPTIONS = ("device", "max_memory_bytes", "precision", "threads", "tile_px")


@dataclass(frozen=True)
class Restored:
    """Settings of a pastiche, and the names of the inputs that are not in the store (to be added by the person)."""

    request: Request
    missing: tuple[str, ...]


def restore_request(record: RunRecord, find: Callable[[str], Path | None], base: Mapping[str, Any]) -> Restored:
    """The request of a record; `find`: a picture by its SHA-256, `base`: options laid over any recipe."""
    inputs, finder = record.inputs, _Finder(find)
    recipe = record.recipe if record.recipe in recipe_names() else None
    options = _changed_options(record, recipe, base)
    if inputs.starting_picture is not None:
        options["starting_point"] = str(finder.find(inputs.starting_picture) or "content")
    if inputs.palette is not None:
        palette = finder.find(inputs.palette)
        options["color"] = PALETTE + str(palette) if palette else "painting"
    request = Request(
        photo=finder.find(inputs.content),
        paintings=finder.paintings(inputs.paintings),
        regions=finder.regions(inputs.regions),
        recipe=recipe,
        options=options,
    )
    return Restored(request, tuple(finder.missing))


class _Finder:
    """Turns the files of a record into those of the store; `missing` lists the names of those that are not there."""

    def __init__(self, find: Callable[[str], Path | None]) -> None:
        self._find = find
        self.missing: dict[str, None] = {}

    def find(self, file: RecordedFile | None) -> Path | None:
        path = self._find(file.sha256) if file else None
        if file and path is None:
            self.missing[file.name] = None
        return path

    def paintings(self, files: Iterable[RecordedPainting]) -> tuple[PaintingChoice, ...]:
        choices = []
        for file in files:
            path, mask = self.find(file), self.find(file.mask)
            if path:
                choices.append(PaintingChoice(path=path, weight=file.weight, brush_scale=file.brush_scale, mask=mask))
        return tuple(choices)

    def regions(self, regions: Iterable[RecordedRegion]) -> tuple[RegionChoice, ...]:
        """The regions, without those whose mask is missing: they would be the whole picture."""
        choices = []
        for region in regions:
            mask, paintings = self.find(region.mask), self.paintings(region.paintings)
            if mask or not region.mask:
                settings = region.model_dump(include={"strength", "brush_scale", "color"})
                choices.append(RegionChoice(mask=mask, paintings=paintings, **settings))
        return tuple(choices)


def _changed_options(record: RunRecord, recipe: str | None, base: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a record that differ from those of its recipe in this studio."""
    expected = resolve_options(recipe, base).model_dump(mode="json")
    options = record.options.model_dump(mode="json")
    for steer in record.steered:  # the picture ended with these
        options |= steer.options
    ignored = set(MACHINE_OPTIONS)
    if is_picture_path(record.options.starting_point):
        ignored.add("starting_point")
    if record.options.encoder.endswith(ENCODER_SUFFIX):  # a file of another machine, or the one used here
        ignored.add("encoder")
    return {name: value for name, value in options.items() if value != expected[name] and name not in ignored}
