"""One photo drafted after many paintings, on one labelled sheet; and a sheet of the bundled paintings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from impasto.errors import ImpastoError
from impasto.images.picture import Picture
from impasto.images.reading import DEFAULT_MAX_PIXELS
from impasto.inputs.bundled import DESCRIPTIONS, bundled_paintings
from impasto.inputs.run_inputs import RunInputs
from impasto.lab.batch import find_pictures
from impasto.lab.plan import PathLike, file_labels
from impasto.runs.draft import DraftOptions, build_draft_options, paint_draft
from impasto.runs.record import PAINTING_SUFFIXES

if TYPE_CHECKING:
    from PIL.Image import Image

T = TypeVar("T")
PLACE_PX = 360  # long edge of a picture on the sheet


@dataclass
class DraftSheet:
    """A photo after each of many paintings: iterate it to draft, then `draw` it.

    Parameters
    ----------
    photo: the content image.
    paintings: files, folders, globs, style files and names of bundled paintings; none: all bundled ones.
    options: of the drafts; the size is that of a place on the sheet, unless it is given.

    Raises `InputError` where there are no paintings.
    """

    photo: Picture
    paintings: Sequence[PathLike] = ()
    options: DraftOptions = field(default_factory=lambda: build_draft_options({}))
    max_pixels: int = DEFAULT_MAX_PIXELS
    failed: dict[str, str] = field(default_factory=dict, init=False)
    """Names of paintings that could not be used, and why."""

    def __post_init__(self) -> None:
        bundled: list[PathLike] = list(bundled_paintings().values())
        places = find_pictures(self.paintings or bundled, "paintings", PAINTING_SUFFIXES)
        self.labels = file_labels(places)
        if self.options.size_px is None:
            self.options = self.options.model_copy(update={"size_px": PLACE_PX})
        self._drafts: dict[Path, Picture] = {}

    def __iter__(self) -> Iterator[str]:
        """Draft, giving the name of each painting when it is done."""
        from impasto.stylizer.regions import DraftPainter  # loads torch
        from impasto.stylizer.stylizer import load_stylizer

        painter = DraftPainter(load_stylizer(self.options.stylizer), keep_photo=True)
        for place, label in self.labels.items():
            try:
                inputs = RunInputs.load(self.photo, place, max_pixels=self.max_pixels)
                self._drafts[place] = paint_draft(painter, inputs, self.options).picture()
            except ImpastoError as error:
                self.failed[label] = str(error)
            yield label

    def draw(self) -> Image:
        """The sheet of what has been drafted."""
        from impasto.images.sheet import Cell, Sheet, draw_sheet

        cells = [
            Cell(self._drafts.get(place), caption=label, fault=self.failed.get(label, "not drafted"))
            for place, label in self.labels.items()
        ]
        title = f"{Path(self.photo.name).stem}, drafted after {len(cells)} painting{'s' if len(cells) > 1 else ''}"
        subtitle = "one pass each; impasto paint paints the one that you choose"
        shared = [(self.photo.name, self.photo)]
        return draw_sheet(Sheet(_rows(cells), title, subtitle, shared=shared, cell_px=PLACE_PX))


def draw_paintings() -> Image:
    """The bundled paintings on a sheet, with their names."""
    from impasto.images.sheet import Cell, Sheet, draw_sheet

    cells = [Cell(path, caption=name, figures=DESCRIPTIONS[name]) for name, path in bundled_paintings().items()]
    subtitle = "called by name wherever a painting is taken, as in: impasto paint photo.jpg flow"
    return draw_sheet(Sheet(_rows(cells), "The bundled paintings", subtitle, cell_px=PLACE_PX))


def _rows(cells: Sequence[T]) -> list[Sequence[T]]:
    """Rows of four, or of three where that leaves fewer places empty."""
    across = 3 if -len(cells) % 3 < -len(cells) % 4 else 4
    return [cells[start : start + across] for start in range(0, len(cells), across)]
