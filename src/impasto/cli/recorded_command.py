"""The command line that paints as a record says, to be pasted: only what differs from the defaults."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from impasto.inputs.bundled import bundled_by_hash
from impasto.inputs.recorded import RecordedInputs, RecordedPainting, RecordedRegion
from impasto.options.fields import PALETTE, PaintOptions, build_options
from impasto.options.recipes import PAINTERLY, PIXELS, load_recipe, recipe_names
from impasto.options.spelling import flag_name, format_value
from impasto.runs.draft import DraftOptions, DraftRecord
from impasto.runs.record import RunRecord

IN_MEMORY = ("array", "bytes")  # names of what was no file
OF_THE_MACHINE = frozenset(["tile_px", "precision", "threads", "max_memory_bytes"])
"""Options that a record holds as its machine chose them; another chooses for itself."""


def paint_command(record: RunRecord) -> str:
    """The command that paints a picture anew as its record says; `replay` makes the same bytes."""
    base, recipe = _recipe_of(record)
    inputs = record.inputs
    words = _pictures(inputs, "paint" if inputs.content else "texture")
    if inputs.content is not None and not inputs.paintings and not inputs.regions:
        words = ["impasto", "reconstruct", "content", _file(inputs.content.name)]
    changes = _changes(record.options, base, leave=OF_THE_MACHINE)
    if inputs.starting_picture is not None:
        changes["starting_point"] = _file(inputs.starting_picture.name)
    if inputs.palette is not None:
        changes["color"] = f"{PALETTE}{_file(inputs.palette.name)}"
    return shlex.join([*words, *(["--recipe", recipe] if recipe else []), *_flags(changes)])


def draft_command(record: DraftRecord) -> str:
    """The same for a draft."""
    return shlex.join([*_pictures(record.inputs, "draft"), *_flags(changed_draft_options(record))])


def changed_draft_options(record: DraftRecord) -> dict[str, Any]:
    """The options of a draft that differ from the defaults."""
    return _changes(record.options, DraftOptions.model_validate({}))


def changed_options(record: RunRecord) -> dict[str, Any]:
    """The options of a record that its recipe, or the defaults, do not have."""
    return _changes(record.options, _recipe_of(record)[0])


def _recipe_of(record: RunRecord) -> tuple[PaintOptions, str | None]:
    """What the record's options are laid over, and the recipe to name for it; None: the one that needs no name."""
    name = record.recipe if record.recipe in recipe_names() else PIXELS
    if record.recipe is None and record.options.medium == "stylizer":
        name = PAINTERLY
    return build_options(load_recipe(str(name))), None if name == PAINTERLY else name


def _changes(options: BaseModel, base: BaseModel, leave: Iterable[str] = ()) -> dict[str, Any]:
    names = [name for name in type(options).model_fields if name not in leave]
    return {name: getattr(options, name) for name in names if getattr(options, name) != getattr(base, name)}


def _flags(changes: Mapping[str, Any]) -> list[str]:
    return [word for name, value in changes.items() for word in (flag_name(name), format_value(value))]


def _pictures(inputs: RecordedInputs, command: str) -> list[str]:
    """The command, its photo, its paintings and regions."""
    photo = [_file(inputs.content.name)] if inputs.content else []
    several = len(inputs.paintings) > 1
    regions = [word for region in inputs.regions for word in ("--region", _region(region))]
    return ["impasto", command, *photo, *(_painting(item, several) for item in inputs.paintings), *regions]


def _file(name: str) -> str:
    """A recorded file's name as a word of the command, where it is neither a flag nor the way to another folder.

    PICTURE stands for what was no file: whoever pastes the command has to name one.
    """
    if name in IN_MEMORY:
        return "PICTURE"
    plain = Path(name).name
    return f"./{plain}" if plain.startswith("-") else plain


def _painting(painting: RecordedPainting, several: bool) -> str:
    """A painting as the command line takes it; a bundled one by its name."""
    bundled = bundled_by_hash().get(painting.sha256)
    mask = f"@{_file(painting.mask.name)}" if painting.mask else ""
    brush = f":{format_value(painting.brush_scale)}" if painting.brush_scale != 1 else ""
    weight = f":{format_value(painting.weight)}" if brush or (several and painting.weight != 1) else ""
    return f"{bundled.stem if bundled else _file(painting.name)}{mask}{weight}{brush}"


def _region(region: RecordedRegion) -> str:
    """A region as ``--region`` takes it."""
    paintings = "+".join(_painting(item, len(region.paintings) > 1) for item in region.paintings) or "photo"
    settings = {"strength": region.strength, "brush-scale": region.brush_scale, "color": region.color}
    texts = [f",{name}={format_value(value)}" for name, value in settings.items() if value not in (None, 1.0)]
    return f"{_file(region.mask.name) if region.mask else 'alpha'}={paintings}{''.join(texts)}"
