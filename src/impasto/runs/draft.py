"""Drafts: a photo repainted in one pass, and painted again from the record that the draft carries."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from impasto.errors import OptionError, RecordError, first_fault
from impasto.images.picture import Picture
from impasto.images.print_size import Print
from impasto.images.reading import DEFAULT_MAX_PIXELS, read_record
from impasto.inputs.bundled import shadow_notices
from impasto.inputs.paintings import PaintingLike, PictureLike, Region, load_style
from impasto.inputs.recorded import RecordedFile, RecordedInputs, RecordedPainting
from impasto.inputs.run_inputs import RunInputs
from impasto.options.fields import DEFAULT_LONG_EDGE_PX, PALETTE, ColorMethod, PaintOptions, validate_options
from impasto.runs.build import load_palette
from impasto.runs.pastiche import Pastiche
from impasto.runs.record import (
    FORMAT_VERSION,
    Machine,
    check_described,
    current_machine,
    find_files,
    is_draft,
    machine_differences,
    without_overridden,
)
from impasto.version import __version__

if TYPE_CHECKING:
    from impasto.stylizer.regions import DraftPainter
    from impasto.stylizer.statistics import StyleStatistics


def _option_of_run(option: str) -> Any:
    """An option that a draft shares with a run: its description, default and bounds."""
    return PaintOptions.model_fields[option]


class DraftOptions(BaseModel):
    """The options of a draft. Those that a run has too mean the same, except the strength."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    size_px: int | None = Field(
        None, ge=1, le=65_536, description="long edge of the draft; default: the photo's own, up to 1024"
    )
    strength: float = Field(100.0, ge=0, le=100, description="0: the photo, 100: the whole draft")
    brush_scale: float = _option_of_run("brush_scale")
    color: str = _option_of_run("color")
    color_method: ColorMethod | None = _option_of_run("color_method")
    color_strength: float = _option_of_run("color_strength")
    stylizer: str | None = Field(
        None, description="a stylizer file of your own (impasto train stylizer); default: the bundled one"
    )

    def to_paint_options(self) -> PaintOptions:
        """The same as options of a run, which the engine's regions and colours read."""
        return PaintOptions.model_validate(self.model_dump(exclude={"stylizer"}))

    def long_edge_px(self, photo: Picture) -> int:
        """Long edge of a photo's draft."""
        return self.size_px or min(DEFAULT_LONG_EDGE_PX, max(photo.height_px, photo.width_px))

    @property
    def depends_on_photo(self) -> bool:
        """Whether the style statistics of a painting depend on the photo, whose colours it is given."""
        return self.color == "photo"


class DraftRecord(BaseModel):
    """The record that a draft carries, as a pastiche carries a `RunRecord`."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["draft"] = "draft"
    format_version: int = FORMAT_VERSION
    impasto: str = __version__
    options: DraftOptions
    stylizer: RecordedFile
    inputs: RecordedInputs
    machine: Machine
    bit_depth: Literal[8, 16] = 8

    @model_validator(mode="after")
    def _has_a_photo(self) -> Self:
        if self.inputs.content is None or not (self.inputs.paintings or self.inputs.regions):
            raise ValueError("no content image, or no painting")
        check_described(self.options.to_paint_options(), self.inputs)
        return self


def draft_picture(
    photo: PictureLike,
    painting: PaintingLike | None,
    options: DraftOptions,
    *,
    regions: Sequence[Region] = (),
    sheet: Print | None = None,
    max_pixels: int = DEFAULT_MAX_PIXELS,
) -> Pastiche:
    """Load pictures and stylizer and paint one draft; takes and raises what `impasto.draft` does."""
    from impasto.engine.devices import keep_threads
    from impasto.stylizer.regions import DraftPainter
    from impasto.stylizer.stylizer import load_stylizer

    palette = load_palette(options.to_paint_options(), max_pixels)
    inputs = RunInputs.load(photo, painting, regions, palette=palette, max_pixels=max_pixels)
    if inputs.photo is None:
        raise OptionError("no photo given: a draft repaints one")
    if not inputs.paintings:
        raise OptionError("no style image given; give at least one painting")
    if sheet is not None:
        edge = sheet.long_edge_px(inputs.photo.height_px, inputs.photo.width_px)
        options = options.model_copy(update={"size_px": edge})
    started = time.monotonic()
    with keep_threads():
        pastiche = paint_draft(DraftPainter(load_stylizer(options.stylizer)), inputs, options)
    dots = sheet.dots_per_inch if sheet else pastiche.dots_per_inch
    notices = shadow_notices(painting.picture.path for painting in inputs.paintings)
    return replace(
        pastiche, dots_per_inch=dots, notices=(*pastiche.notices, *notices), seconds=time.monotonic() - started
    )


def replay_draft(
    path: str | os.PathLike[str],
    inputs: Sequence[str | os.PathLike[str]],
    overrides: Mapping[str, Any],
    *,
    max_pixels: int = DEFAULT_MAX_PIXELS,
) -> Pastiche:
    """Paint a draft again, as `replay` does; `overrides` are options of a draft.

    Raises `RecordError` for a picture that is no draft, for an input that is not found, and where the stylizer is not
    the one that painted it.
    """
    from impasto.engine.devices import keep_threads, set_threads
    from impasto.stylizer.regions import DraftPainter
    from impasto.stylizer.stylizer import load_stylizer

    picture = Path(path)
    record = parse_draft_record(read_record(picture), picture.name)
    options = build_draft_options(record.options.model_dump() | dict(overrides))
    recorded = without_overridden(record.inputs, overrides)
    files = dict(recorded.iter_files())
    if record.options.stylizer is not None and "stylizer" not in overrides:
        files["stylizer"] = RecordedFile(name=record.options.stylizer, sha256=record.stylizer.sha256)
    paths = find_files(files, [picture.absolute().parent, Path.cwd()], [Path(file) for file in inputs])
    if "stylizer" in files:
        options = options.model_copy(update={"stylizer": str(paths[record.stylizer.sha256])})
    started = time.monotonic()
    stylizer = load_stylizer(options.stylizer)
    if stylizer.sha256 != record.stylizer.sha256:
        raise RecordError(
            f"{picture.name} was drafted by another stylizer (SHA-256 {record.stylizer.sha256[:12]}, impasto "
            f"{record.impasto}; here {stylizer.sha256[:12]}, {__version__}): impasto draft paints it anew with this one"
        )
    hashes = {file.sha256 for _, file in recorded.iter_files()}
    pictures = RunInputs.read(recorded, {sha256: load_style(paths[sha256], max_pixels) for sha256 in hashes})
    if "color" in overrides:
        pictures = replace(pictures, palette=load_palette(options.to_paint_options(), max_pixels))
    with keep_threads():
        set_threads(record.machine.threads)
        pastiche = paint_draft(DraftPainter(stylizer), pictures, options)
    again = pastiche.record | {"bit_depth": record.bit_depth}
    return replace(pastiche, record=again, seconds=time.monotonic() - started)


def paint_draft(
    painter: DraftPainter,
    inputs: RunInputs,
    options: DraftOptions,
    *,
    background: tuple[StyleStatistics, Sequence[RecordedPainting]] | None = None,
) -> Pastiche:
    """Paint a draft and write its record; raises as `DraftPainter.paint` does.

    `background`: style statistics of the background's paintings, and these paintings for the record, where they
    were measured before.
    """
    assert inputs.photo is not None, "checked by the caller"
    started, edge = time.monotonic(), options.long_edge_px(inputs.photo)
    style, recorded = None, inputs.describe()
    if background is not None:
        style, paintings = background
        recorded = recorded.model_copy(update={"paintings": tuple(paintings)})
    pixels = painter.paint(inputs, options.to_paint_options(), edge, background=style)
    resolved = {"size_px": edge, "stylizer": Path(options.stylizer).name if options.stylizer else None}
    if inputs.palette is not None:
        resolved["color"] = PALETTE + inputs.palette.name
    record = DraftRecord(
        options=options.model_copy(update=resolved),
        stylizer=RecordedFile(name=painter.stylizer.name, sha256=painter.stylizer.sha256),
        inputs=recorded,
        machine=current_machine(PaintOptions(device="cpu", precision="float32")),
    )
    return Pastiche(
        pixels=pixels,
        alpha=inputs.photo.alpha(*pixels.shape[:2]),
        record=record.model_dump(mode="json"),
        metadata=inputs.photo.metadata,
        stopped=False,
        seconds=time.monotonic() - started,
        notices=tuple(inputs.notices),
    )


def build_draft_options(values: Mapping[str, Any], *, spell: Callable[[str], str] = "option {}".format) -> DraftOptions:
    """Build options from `values`; raises as `build_options` does."""
    return validate_options(DraftOptions, values, spell)


def parse_draft_record(values: Mapping[str, object], name: str) -> DraftRecord:
    """Check the record that the draft `name` carries; raises `RecordError`."""
    if not is_draft(values) or values.get("format_version") != FORMAT_VERSION:
        raise RecordError(f"{name} carries no record of a draft that this version reads")
    try:
        return DraftRecord.model_validate(values)
    except ValidationError as error:
        raise RecordError(f"the record of the draft {name} cannot be used: {first_fault(error)}") from error


def draft_differences(record: DraftRecord) -> list[str]:
    """Reasons why a draft that is painted again here will not have the same bytes, a line each."""
    return machine_differences(record.machine, current_machine(PaintOptions(device="cpu", precision="float32")))
