"""The Python face of drafts: a photo repainted in one pass, and painted so again from its record."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from impasto import __version__
from impasto.api import PictureLike, StyleLike, _load, _weighted
from impasto.errors import OptionError, RecordError, did_you_mean, shorten
from impasto.images.io import DEFAULT_MAX_PIXELS, Picture, load_picture, read_record
from impasto.options import PaintOptions
from impasto.record import (
    FORMAT_VERSION,
    File,
    Inputs,
    Machine,
    PaintingFile,
    current_machine,
    find_inputs,
    is_draft,
)
from impasto.runs import Pastiche

DEFAULT_LONG_EDGE_PX = 1024
STYLIZER_SUFFIX = ".safetensors"


class DraftOptions(BaseModel):
    """Every option of a draft."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    size_px: int | None = Field(
        None, ge=1, le=65_536, description="long edge of the draft; default: the photo's own, up to 1024"
    )
    strength: float = Field(100.0, ge=0, le=100, description="0: the photo, 100: the whole draft")
    brush_scale: float = Field(
        1.0, ge=0.25, le=4, description="size of the strokes against the picture, whatever its size: 2 doubles them"
    )
    stylizer: str | None = Field(
        None, description="a stylizer file of your own (impasto train stylizer); default: the bundled one"
    )


class DraftRecord(BaseModel):
    """What a draft carries, as `RunRecord` is what a pastiche does."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["draft"] = "draft"
    format_version: int = FORMAT_VERSION
    impasto: str = __version__
    options: DraftOptions
    stylizer: File
    inputs: Inputs
    machine: Machine
    bit_depth: Literal[8, 16] = 8


def draft(photo: PictureLike, style: StyleLike, *, max_pixels: int = DEFAULT_MAX_PIXELS, **options: Any) -> Pastiche:
    """Repaint `photo` in the manner of `style` in one pass of the bundled stylizer: a second, not minutes.

    Parameters
    ----------
    photo, style: as `paint` takes them; several paintings blend.
    options: fields of `DraftOptions`, such as ``size_px=800``, ``strength=60``.

    Raises
    ------
    OptionError: for an option or weight that cannot be used, and a picture under 16 px a side.
    InputError: for a picture that cannot be read.
    WeightsError: for a missing or damaged stylizer file.
    """
    chosen = build_draft_options(options)
    paintings = [(_load(picture, max_pixels), weight) for picture, weight in _weighted(style)]
    if not paintings:
        raise OptionError("no style image given; give at least one painting")
    return _draft(_load(photo, max_pixels), paintings, chosen)


def replay_draft(
    path: str | os.PathLike[str],
    inputs: Sequence[str | os.PathLike[str]] = (),
    *,
    max_pixels: int = DEFAULT_MAX_PIXELS,
) -> Pastiche:
    """Paint a draft again from the record that it carries; its inputs are found as `replay` finds them.

    Raises `RecordError` for a picture that is no draft, for an input that is not found, and where the stylizer is
    not the one that painted it.
    """
    picture = Path(path)
    record = parse_draft_record(read_record(picture), picture.name)
    paintings = record.inputs.paintings
    roles = {f"style image {number}": painting for number, painting in enumerate(paintings, start=1)}
    wanted: dict[str, File] = {"content image": record.inputs.content, **roles} if record.inputs.content else {**roles}
    if record.options.stylizer is not None:
        wanted["stylizer"] = File(name=record.options.stylizer, sha256=record.stylizer.sha256)
    files = find_inputs(wanted, [picture.absolute().parent, Path.cwd()], [Path(file) for file in inputs])
    loaded = [
        (load_picture(files[role], max_pixels=max_pixels), painting.weight)
        for role, painting in zip(roles, paintings, strict=True)
    ]
    options = record.options
    if "stylizer" in files:
        options = options.model_copy(update={"stylizer": str(files["stylizer"])})
    pastiche = _draft(load_picture(files["content image"], max_pixels=max_pixels), loaded, options)
    if pastiche.record["stylizer"]["sha256"] != record.stylizer.sha256:
        raise RecordError(
            f"{picture.name} was drafted by another version of the stylizer (impasto {record.impasto}, this is "
            f"{__version__}): impasto draft paints it anew with this one"
        )
    return pastiche


def build_draft_options(values: Mapping[str, Any]) -> DraftOptions:
    """Build options from `values`; raises `OptionError`, one line, for one that cannot be used."""
    for name in values:
        if name not in DraftOptions.model_fields:
            raise OptionError(f"unknown option {name!r}{did_you_mean(name, DraftOptions.model_fields)}")
    try:
        return DraftOptions.model_validate(dict(values))
    except ValidationError as error:
        first = error.errors()[0]
        raise OptionError(f"option {first['loc'][0]}: {first['msg'].lower()}, got {shorten(first['input'])}") from error


def parse_draft_record(values: Mapping[str, object], name: str) -> DraftRecord:
    """Check the record that the draft `name` carries; raises `RecordError`."""
    if not is_draft(values) or values.get("format_version") != FORMAT_VERSION:
        raise RecordError(f"{name} carries no record of a draft that this version reads")
    try:
        return DraftRecord.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        part = ".".join(map(str, first["loc"]))
        raise RecordError(f"the record of the draft {name} cannot be used: {part}: {first['msg'].lower()}") from error


def _draft(photo: Picture, paintings: Sequence[tuple[Picture, float]], options: DraftOptions) -> Pastiche:
    from impasto.fast.draft import draft_pixels, study_paintings
    from impasto.fast.stylizer import load_stylizer

    started = time.monotonic()
    stylizer = load_stylizer(options.stylizer)
    edge = options.size_px or min(DEFAULT_LONG_EDGE_PX, max(photo.height_px, photo.width_px))
    style = study_paintings(stylizer, paintings, edge, options.brush_scale)
    pixels = draft_pixels(stylizer, photo, style, edge, options.strength)
    resolved = {"size_px": edge, "stylizer": Path(options.stylizer).name if options.stylizer else None}
    record = DraftRecord(
        options=options.model_copy(update=resolved),
        stylizer=File(name=stylizer.name, sha256=stylizer.sha256),
        inputs=Inputs(
            content=File(name=photo.name, sha256=photo.sha256),
            paintings=tuple(PaintingFile(name=p.name, sha256=p.sha256, weight=weight) for p, weight in paintings),
        ),
        machine=current_machine(PaintOptions(device="cpu")),
    )
    return Pastiche(
        pixels=pixels,
        alpha=photo.alpha(*pixels.shape[:2]),
        record=record.model_dump(mode="json"),
        metadata=photo.metadata,
        stopped=False,
        seconds=time.monotonic() - started,
    )
