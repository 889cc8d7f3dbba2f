"""The Python face of drafts: a photo repainted in one pass, and painted so again from its record."""

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
from impasto.inputs.paintings import Painting, PaintingLike, PictureLike, Region, load_style
from impasto.inputs.recorded import RecordedFile, RecordedInputs, RecordedPainting
from impasto.inputs.run_inputs import RunInputs, describe_painting
from impasto.options.fields import DEFAULT_LONG_EDGE_PX, PALETTE, ColorMethod, PaintOptions, validate_options
from impasto.runs.build import load_palette
from impasto.runs.record import (
    FORMAT_VERSION,
    Machine,
    current_machine,
    find_files,
    is_draft,
    machine_differences,
    without_overridden,
)
from impasto.runs.run import Pastiche
from impasto.version import __version__

if TYPE_CHECKING:
    from impasto.stylizer.regions import Readings
    from impasto.stylizer.statistics import StyleStatistics


def _as_of_a_run(option: str) -> Any:
    """An option that a draft shares with a run: its description, default and bounds."""
    return PaintOptions.model_fields[option]


class DraftOptions(BaseModel):
    """Every option of a draft; those that a run has too mean the same, but for the strength."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    size_px: int | None = Field(
        None, ge=1, le=65_536, description="long edge of the draft; default: the photo's own, up to 1024"
    )
    strength: float = Field(100.0, ge=0, le=100, description="0: the photo, 100: the whole draft")
    brush_scale: float = _as_of_a_run("brush_scale")
    color: str = _as_of_a_run("color")
    color_method: ColorMethod | None = _as_of_a_run("color_method")
    color_strength: float = _as_of_a_run("color_strength")
    stylizer: str | None = Field(
        None, description="a stylizer file of your own (impasto train stylizer); default: the bundled one"
    )

    @property
    def as_of_a_run(self) -> PaintOptions:
        """What the engine's areas and colours ask of a run's options."""
        return PaintOptions.model_validate(self.model_dump(exclude={"stylizer"}))


class DraftRecord(BaseModel):
    """What a draft carries, as `RunRecord` is what a pastiche does."""

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
        return self


def draft(
    photo: PictureLike,
    painting: PaintingLike | None,
    *,
    regions: Sequence[Region] = (),
    sheet: Print | None = None,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    **options: Any,
) -> Pastiche:
    """Repaint `photo` in the manner of `painting` in one pass of the bundled stylizer: a second, not minutes.

    Parameters
    ----------
    photo, painting: as `paint` takes them; several paintings blend.
    regions: as `paint` takes them; each is drafted for itself, and soft edges join them.
    sheet: as large as fits it, in place of ``size_px``.
    options: fields of `DraftOptions`, such as ``size_px=800``, ``strength=60``, ``color="photo"``.

    Raises
    ------
    OptionError: for an option or weight that cannot be used, and a picture under 16 px a side.
    InputError: for a picture that cannot be read, and a mask that does not fit.
    WeightsError: for a missing or damaged stylizer file.
    """
    chosen = build_draft_options(options)
    palette = load_palette(chosen.as_of_a_run, max_pixels)
    inputs = RunInputs.load(photo, painting, regions, palette=palette, max_pixels=max_pixels)
    if not inputs.paintings:
        raise OptionError("no style image given; give at least one painting")
    return _paint(chosen, inputs, sheet)


def replay_draft(
    path: str | os.PathLike[str],
    inputs: Sequence[str | os.PathLike[str]],
    overrides: Mapping[str, Any],
    *,
    max_pixels: int = DEFAULT_MAX_PIXELS,
) -> Pastiche:
    """What `replay` does with a draft; `overrides` are options of a draft.

    Raises `RecordError` for a picture that is no draft, for an input that is not found, and where the stylizer is not
    the one that painted it.
    """
    from impasto.stylizer.stylizer import load_stylizer

    picture = Path(path)
    record = parse_draft_record(read_record(picture), picture.name)
    options = build_draft_options(record.options.model_dump() | dict(overrides))
    recorded = without_overridden(record.inputs, overrides)
    wanted = dict(recorded.iter_files())
    if record.options.stylizer is not None and "stylizer" not in overrides:
        wanted["stylizer"] = RecordedFile(name=record.options.stylizer, sha256=record.stylizer.sha256)
    paths = find_files(wanted, [picture.absolute().parent, Path.cwd()], [Path(file) for file in inputs])
    if "stylizer" in wanted:
        options = options.model_copy(update={"stylizer": str(paths[record.stylizer.sha256])})
    sha256 = load_stylizer(options.stylizer).sha256
    if sha256 != record.stylizer.sha256:
        raise RecordError(
            f"{picture.name} was drafted by another stylizer (SHA-256 {record.stylizer.sha256[:12]}, impasto "
            f"{record.impasto}; here {sha256[:12]}, {__version__}): impasto draft paints it anew with this one"
        )
    set_threads(record.machine.threads)
    hashes = {file.sha256 for _, file in recorded.iter_files()}
    found = RunInputs.read(recorded, {sha256: load_style(paths[sha256], max_pixels) for sha256 in hashes})
    if found.palette is None:
        found = replace(found, palette=load_palette(options.as_of_a_run, max_pixels))
    pastiche = _paint(options, found)
    return replace(pastiche, record=pastiche.record | {"bit_depth": record.bit_depth})


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


class Drafter:
    """A stylizer, loaded once, and the options, regions and palette of its drafts.

    `readings`: a stylizer that is loaded already, for a photo that is drafted several times in a row.
    """

    def __init__(
        self,
        options: DraftOptions,
        regions: Sequence[Region] = (),
        palette: Picture | None = None,
        *,
        readings: Readings | None = None,
    ) -> None:
        from impasto.stylizer.regions import AreaDrafter
        from impasto.stylizer.stylizer import load_stylizer

        self._options, self._regions, self._palette = options, regions, palette
        self._stylizer = readings.stylizer if readings else load_stylizer(options.stylizer)
        self._drafter = AreaDrafter(self._stylizer, options.as_of_a_run, regions, palette, readings=readings)

    def long_edge_px(self, photo: Picture, sheet: Print | None = None) -> int:
        """That of a photo's draft."""
        if sheet is not None:
            return sheet.long_edge_px(photo.height_px, photo.width_px)
        return self._options.size_px or min(DEFAULT_LONG_EDGE_PX, max(photo.height_px, photo.width_px))

    @property
    def asks_photo(self) -> bool:
        """Whether what is learned of a painting depends on the photo, so that no other photo has any use for it."""
        return self._drafter.asks_photo

    def study(self, photo: Picture, paintings: Sequence[Painting], long_edge_px: int) -> StyleStatistics:
        """What is learned of paintings for a draft of that size; raises as `draft` does."""
        return self._drafter.study(photo, paintings, long_edge_px)

    def paint(
        self, photo: Picture, style: StyleStatistics | None, paintings: Sequence[RecordedPainting], edge: int
    ) -> Pastiche:
        """The draft of a photo; `paintings` are those that `style` was learned of, for the record.

        Without a style what the regions leave stays the photograph.
        """
        started, options = time.monotonic(), self._options
        pixels = self._drafter.paint(photo, style, edge)
        resolved = {"size_px": edge, "stylizer": Path(options.stylizer).name if options.stylizer else None}
        if self._palette is not None:
            resolved["color"] = PALETTE + self._palette.name
        record = DraftRecord(
            options=options.model_copy(update=resolved),
            stylizer=RecordedFile(name=self._stylizer.name, sha256=self._stylizer.sha256),
            inputs=RunInputs(photo, (Region(None), *self._regions), palette=self._palette)
            .describe()
            .model_copy(update={"paintings": tuple(paintings)}),
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


def _paint(options: DraftOptions, inputs: RunInputs, sheet: Print | None = None) -> Pastiche:
    started = time.monotonic()
    photo, paintings = inputs.photo, inputs.background.paintings
    if photo is None:
        raise OptionError("no photo given: a draft repaints one")
    drafter = Drafter(options, inputs.regions[1:], inputs.palette)
    edge = drafter.long_edge_px(photo, sheet)
    style = drafter.study(photo, paintings, edge) if paintings else None
    pastiche = drafter.paint(photo, style, [describe_painting(painting) for painting in paintings], edge)
    dots = sheet.dots_per_inch if sheet else pastiche.dots_per_inch
    return replace(pastiche, seconds=time.monotonic() - started, dots_per_inch=dots)


def use_large_pages() -> None:
    """Have this process take its memory in pages of 2 MB, where Linux offers them and nothing is allocated yet.

    A draft then takes a fifth to a third less time. Not for processes that run the engine: its blocks are rounded up
    to whole pages, and it would use more memory than it has planned. `THP_MEM_ALLOC_ENABLE`, if set, is heeded.
    """
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")  # PyTorch reads it when it first allocates


def set_threads(count: int) -> None:
    """Compute with so many threads, which decide the last bits, where there are that many cores."""
    import torch

    if count <= (os.cpu_count() or 1):
        torch.set_num_threads(count)
