"""From the record of a pastiche back to a request: its settings, and what of its inputs is here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from impasto.api import resolve_options
from impasto.inputs.record_inputs import File, PaintingFile, RegionFiles
from impasto.options.fields import PALETTE
from impasto.options.recipes import recipe_names
from impasto.runs.record import ENCODER_SUFFIX, RunRecord, is_picture_path
from impasto.studio.request import PaintingChoice, RegionChoice, Request, Restored

# Of a record, what belongs to the machine that painted it: settings that are restored leave it open.
OF_THE_MACHINE = ("device", "max_memory_bytes", "precision", "threads", "tile_px")


def restore_request(record: RunRecord, find: Callable[[str], Path | None], below: Mapping[str, Any]) -> Restored:
    """The request that a record came of; `find`: a picture by its SHA-256, `below`: options laid over any recipe."""
    inputs = _Inputs(find)
    recipe = record.recipe if record.recipe in recipe_names() else None
    options = _own_options(record, recipe, below)
    if record.inputs.starting_picture is not None:
        start = inputs.find(record.inputs.starting_picture)
        options["starting_point"] = str(start) if start else "content"
    if record.inputs.palette is not None:
        palette = inputs.find(record.inputs.palette)
        options["color"] = PALETTE + str(palette) if palette else "painting"
    request = Request(
        photo=inputs.find(record.inputs.content) if record.inputs.content else None,
        paintings=inputs.paintings(record.inputs.paintings),
        regions=inputs.regions(record.inputs.regions),
        recipe=recipe,
        options=options,
    )
    return Restored(request=request, missing=tuple(inputs.missing))


class _Inputs:
    """The inputs of a record as a request has them; what is not here is left out and named in `missing`."""

    def __init__(self, find: Callable[[str], Path | None]) -> None:
        self._find = find
        self.missing: dict[str, None] = {}

    def find(self, file: File) -> Path | None:
        path = self._find(file.sha256)
        if path is None:
            self.missing[file.name] = None
        return path

    def paintings(self, files: Iterable[PaintingFile]) -> tuple[PaintingChoice, ...]:
        found = [(file, self.find(file)) for file in files]
        return tuple(
            PaintingChoice(
                path=path,
                weight=file.weight,
                brush_scale=file.brush_scale,
                mask=self.find(file.mask) if file.mask else None,
            )
            for file, path in found
            if path
        )

    def regions(self, regions: Iterable[RegionFiles]) -> tuple[RegionChoice, ...]:
        """Without those whose mask is missing: they would be the whole picture."""
        choices = []
        for region in regions:
            mask = self.find(region.mask) if region.mask else None
            paintings = self.paintings(region.paintings)
            if mask is not None or region.mask is None:
                choices.append(
                    RegionChoice(
                        mask=mask,
                        paintings=paintings,
                        strength=region.strength,
                        brush_scale=region.brush_scale,
                        color=region.color,
                    )
                )
        return tuple(choices)


def _own_options(record: RunRecord, recipe: str | None, below: Mapping[str, Any]) -> dict[str, Any]:
    """Options of a record that differ from what the recipe, here, comes to."""
    base = resolve_options(recipe, below).model_dump(mode="json")
    options = record.options.model_dump(mode="json")
    for steer in record.steered:  # what the picture ended with
        options |= steer.options
    own = {k: v for k, v in options.items() if v != base[k] and k not in (*OF_THE_MACHINE, "starting_point")}
    if not is_picture_path(record.options.starting_point) and record.options.starting_point != base["starting_point"]:
        own["starting_point"] = record.options.starting_point
    if record.options.encoder.endswith(ENCODER_SUFFIX):  # a file of another machine, or the one used here
        own.pop("encoder", None)
    return own
