"""The Python face of drafts: a photo repainted in one pass, and painted so again from its record."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from impasto import __version__
from impasto.errors import OptionError, RecordError, did_you_mean, shorten
from impasto.images.io import DEFAULT_MAX_PIXELS, Picture, read_record
from impasto.images.printing import Print
from impasto.inputs import BRUSH_SCALES, Painting, PictureLike, StyleLike, as_paintings, load_input, load_style
from impasto.options import DEFAULT_LONG_EDGE_PX, PaintOptions
from impasto.record import FORMAT_VERSION, Machine, current_machine, find_inputs, is_draft, machine_differences
from impasto.record_inputs import (
    File,
    Inputs,
    PaintingFile,
    describe_painting,
    input_files,
    read_painting,
    read_picture,
)
from impasto.runs import Pastiche

if TYPE_CHECKING:
    from impasto.fast.statistics import StyleStatistics
    from impasto.fast.stylizer import Stylizer


class DraftOptions(BaseModel):
    """Every option of a draft."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    size_px: int | None = Field(
        None, ge=1, le=65_536, description="long edge of the draft; default: the photo's own, up to 1024"
    )
    strength: float = Field(100.0, ge=0, le=100, description="0: the photo, 100: the whole draft")
    brush_scale: float = Field(
        1.0,
        ge=BRUSH_SCALES[0],
        le=BRUSH_SCALES[1],
        description="size of the strokes against the picture, whatever its size: 2 doubles them",
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

    @model_validator(mode="after")
    def _has_a_photo(self) -> Self:
        if self.inputs.content is None or not self.inputs.paintings:
            raise ValueError("no content image, or no painting")
        return self


def draft(
    photo: PictureLike,
    style: StyleLike,
    *,
    sheet: Print | None = None,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    **options: Any,
) -> Pastiche:
    """Repaint `photo` in the manner of `style` in one pass of the bundled stylizer: a second, not minutes.

    Parameters
    ----------
    photo, style: as `paint` takes them; several paintings blend.
    sheet: as large as fits it, in place of ``size_px``.
    options: fields of `DraftOptions`, such as ``size_px=800``, ``strength=60``.

    Raises
    ------
    OptionError: for an option or weight that cannot be used, and a picture under 16 px a side.
    InputError: for a picture that cannot be read.
    WeightsError: for a missing or damaged stylizer file.
    """
    chosen = build_draft_options(options)
    paintings = as_paintings(style, max_pixels)
    if not paintings:
        raise OptionError("no style image given; give at least one painting")
    return _paint(load_input(photo, max_pixels), paintings, chosen, sheet)


def replay_draft(
    path: str | os.PathLike[str],
    inputs: Sequence[str | os.PathLike[str]] = (),
    *,
    max_pixels: int = DEFAULT_MAX_PIXELS,
) -> Pastiche:
    """Paint a draft again from the record that it carries.

    Its inputs are found as `replay` finds them; on the same machine the pixels are the same, bit for bit. Raises
    `RecordError` for a picture that is no draft, for an input that is not found, and where the stylizer is not the
    one that painted it.
    """
    from impasto.fast.stylizer import load_stylizer

    picture = Path(path)
    record = parse_draft_record(read_record(picture), picture.name)
    wanted = input_files(record.inputs)
    if record.options.stylizer is not None:
        wanted["stylizer"] = File(name=record.options.stylizer, sha256=record.stylizer.sha256)
    files = find_inputs(wanted, [picture.absolute().parent, Path.cwd()], [Path(file) for file in inputs])
    options = record.options
    if "stylizer" in files:
        options = options.model_copy(update={"stylizer": str(files["stylizer"])})
    sha256 = load_stylizer(options.stylizer).sha256
    if sha256 != record.stylizer.sha256:
        raise RecordError(
            f"{picture.name} was drafted by another stylizer (SHA-256 {record.stylizer.sha256[:12]}, impasto "
            f"{record.impasto}; here {sha256[:12]}, {__version__}): impasto draft paints it anew with this one"
        )
    set_threads(record.machine.threads)
    pictures = {file.sha256: load_style(files[role], max_pixels) for role, file in wanted.items() if role != "stylizer"}
    assert record.inputs.content is not None, "checked by DraftRecord"
    paintings = [read_painting(file, pictures) for file in record.inputs.paintings]
    pastiche = _paint(read_picture(record.inputs.content, pictures), paintings, options)
    return replace(pastiche, record=pastiche.record | {"bit_depth": record.bit_depth})


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


class Drafter:
    """A stylizer, loaded once (or `stylizer`, where that was done before), and the options of its drafts."""

    def __init__(self, options: DraftOptions, *, stylizer: Stylizer | None = None) -> None:
        from impasto.fast.stylizer import load_stylizer

        self._options = options
        self._stylizer = stylizer or load_stylizer(options.stylizer)

    def long_edge_px(self, photo: Picture, sheet: Print | None = None) -> int:
        """That of a photo's draft."""
        if sheet is not None:
            return sheet.long_edge_px(photo.height_px, photo.width_px)
        return self._options.size_px or min(DEFAULT_LONG_EDGE_PX, max(photo.height_px, photo.width_px))

    def study(self, paintings: Sequence[Painting], long_edge_px: int) -> StyleStatistics:
        """What is learned of paintings for a draft of that size; raises as `draft` does."""
        from impasto.fast.draft import study_paintings

        return study_paintings(self._stylizer, paintings, long_edge_px, self._options.brush_scale)

    def paint(self, photo: Picture, style: StyleStatistics, paintings: Sequence[PaintingFile], edge: int) -> Pastiche:
        """The draft of a photo; `paintings` are those that `style` was learned of, for the record."""
        from impasto.fast.draft import draft_pixels

        started, options = time.monotonic(), self._options
        pixels = draft_pixels(self._stylizer, photo, style, edge, options.strength)
        resolved = {"size_px": edge, "stylizer": Path(options.stylizer).name if options.stylizer else None}
        record = DraftRecord(
            options=options.model_copy(update=resolved),
            stylizer=File(name=self._stylizer.name, sha256=self._stylizer.sha256),
            inputs=Inputs(content=File(name=photo.name, sha256=photo.sha256), paintings=tuple(paintings)),
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


def draft_differences(record: DraftRecord) -> list[str]:
    """Why drafting a record again here will not give the same bytes: a line a reason."""
    return machine_differences(record.machine, current_machine(PaintOptions(device="cpu")))


def _paint(
    photo: Picture, paintings: Sequence[Painting], options: DraftOptions, sheet: Print | None = None
) -> Pastiche:
    started = time.monotonic()
    drafter = Drafter(options)
    edge = drafter.long_edge_px(photo, sheet)
    style = drafter.study(paintings, edge)
    pastiche = drafter.paint(photo, style, [describe_painting(painting) for painting in paintings], edge)
    dots = sheet.dots_per_inch if sheet else pastiche.dots_per_inch
    return replace(pastiche, seconds=time.monotonic() - started, dots_per_inch=dots)


def set_threads(count: int) -> None:
    """Compute with so many threads, which decide the last bits, where there are that many cores."""
    import torch

    if count <= (os.cpu_count() or 1):
        torch.set_num_threads(count)
