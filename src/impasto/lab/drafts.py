"""A folder of drafts: weights loaded once, each painting measured once."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from impasto.errors import ImpastoError, OptionError, OutputError
from impasto.events import Controls
from impasto.images.reading import DEFAULT_MAX_PIXELS, load_picture
from impasto.images.writing import check_output
from impasto.inputs.paintings import Painting, Region
from impasto.inputs.recorded import RecordedPainting
from impasto.inputs.run_inputs import RunInputs, describe_painting
from impasto.lab.batch import find_pairs
from impasto.lab.plan import PathLike, file_labels, job_name
from impasto.runs.build import load_palette
from impasto.runs.draft import DraftOptions, paint_draft
from impasto.runs.pastiche import Pastiche
from impasto.storage.atomic import write_file
from impasto.storage.claims import claimed_folder

if TYPE_CHECKING:
    from impasto.stylizer.regions import DraftPainter
    from impasto.stylizer.statistics import StyleStatistics

READ_AHEAD = 2  # pictures decoded while one is painted
WRITTEN_BEHIND = 4  # pastiches that may wait to be encoded
COLUMNS = 12  # photos side by side on a contact sheet

T = TypeVar("T")


@dataclass(frozen=True)
class DraftWritten:
    """A draft is in the folder; `kept`: it was there before and was left as it was."""

    photo: Path
    painting: Path
    path: Path
    seconds: float = 0.0
    kept: bool = False


@dataclass(frozen=True)
class DraftFailed:
    """A file that cannot be used, and why in one line; what does not need it goes on."""

    file: Path
    error: str


@dataclass
class DraftFolder:
    """A folder of drafts: each of many photos with each of many paintings.

    Parameters
    ----------
    photos, paintings: files, folders and globs; a painting may be a style file.
    folder: made if it is not there.
    options, regions: of every draft.
    suffix: ending of the files, which names their format.
    overwrite: paint what is there already anew.

    Raises `InputError` where there are no pictures, `OptionError` for files that would have the same name,
    `OutputError` for a folder that cannot be made.
    """

    photos: Sequence[PathLike]
    paintings: Sequence[PathLike]
    folder: Path
    options: DraftOptions
    regions: Sequence[Region] = ()
    suffix: str = ".jpg"
    bit_depth: int = 8
    record: bool = True
    overwrite: bool = False
    max_pixels: int = DEFAULT_MAX_PIXELS
    paths: dict[tuple[Path, Path], Path] = field(init=False)
    """Where each (photo, painting) goes."""

    def __post_init__(self) -> None:
        photos, paintings = find_pairs(self.photos, self.paintings)
        self._palette = load_palette(self.options.to_paint_options(), self.max_pixels)
        with claimed_folder(self.folder):  # made, if need be
            pass
        self._photo_labels, self._painting_labels = file_labels(photos), file_labels(paintings)
        self.paths = {
            (photo, painting): self.folder / f"{self._name(photo, painting)}{self.suffix}"
            for photo in photos
            for painting in paintings
        }
        first_of: dict[str, Path] = {}
        inputs = {os.path.realpath(file): file for file in (*photos, *paintings)}
        for path in self.paths.values():
            if (itself := inputs.get(os.path.realpath(path))) is not None:
                raise OptionError(
                    f"the draft {str(path)!r} would be {itself.name} itself, which is drafted from: name another folder"
                )
            if first_of.setdefault(path.name.casefold(), path) is not path:
                raise OptionError(f"two drafts would be called {path.name!r}: rename one of the pictures")
            check_output(path, bit_depth=self.bit_depth, overwrite=True)

    def run(self, controls: Controls | None = None) -> Iterator[DraftWritten | DraftFailed]:
        """Paint, yielding an event for every file; `controls.stop` ends it after the draft in hand.

        Raises `OutputError` where another process fills the folder, and where a draft cannot be written: the next ones
        could not either.
        """
        from impasto.engine.devices import keep_threads

        with claimed_folder(self.folder), keep_threads():
            yield from self._run(controls)

    def _run(self, controls: Controls | None) -> Iterator[DraftWritten | DraftFailed]:
        for pair, path in self.paths.items():
            if not self._is_due(*pair):
                yield DraftWritten(*pair, path, kept=True)
        writing: deque[tuple[DraftWritten, Future[None]]] = deque()
        with ThreadPoolExecutor(READ_AHEAD) as readers, ThreadPoolExecutor(2) as writers:
            for painted in self._iter_painted(readers, controls or Controls()):
                if isinstance(painted, DraftFailed):
                    yield painted
                    continue
                event, pastiche = painted
                writing.append((event, writers.submit(self._save, pastiche, event.path)))
                while len(writing) > WRITTEN_BEHIND or (writing and writing[0][1].done()):
                    yield _written(*writing.popleft())
            while writing:
                yield _written(*writing.popleft())

    def _iter_painted(
        self, readers: ThreadPoolExecutor, controls: Controls
    ) -> Iterator[tuple[DraftWritten, Pastiche] | DraftFailed]:
        """Paint all drafts of a photo, then those of the next."""
        from impasto.engine.color import check_palette  # loads torch
        from impasto.stylizer.regions import DraftPainter
        from impasto.stylizer.stylizer import load_stylizer

        photos = list(dict.fromkeys(photo for photo, _ in self.paths))
        paintings = list(dict.fromkeys(painting for _, painting in self.paths))
        check_palette(RunInputs(None, (Region(None),), palette=self._palette), self.options.to_paint_options())
        painter = DraftPainter(load_stylizer(self.options.stylizer), keep_photo=len(paintings) > 1)
        styles = _StyleCache(painter, self.options, paintings, self.max_pixels)
        due = [photo for photo in photos if any(self._is_due(photo, painting) for painting in paintings)]
        for photo, picture in _ahead(readers, lambda path: load_picture(path, max_pixels=self.max_pixels), due):
            if controls.stop:
                return
            try:
                if isinstance(picture, ImpastoError):
                    raise picture
                inputs = RunInputs(picture, (Region(None), *self.regions), palette=self._palette)
            except ImpastoError as error:
                yield DraftFailed(photo, str(error))
                continue
            edge = self.options.long_edge_px(picture)
            yield from styles.measure(readers, inputs, edge)
            for painting in paintings:
                if not self._is_due(photo, painting) or (painting, edge) not in styles.measured:
                    continue
                if controls.stop:
                    return
                try:
                    pastiche = paint_draft(painter, inputs, self.options, background=styles.measured[painting, edge])
                except ImpastoError as error:
                    yield DraftFailed(photo, str(error))
                    break
                yield DraftWritten(photo, painting, self.paths[photo, painting], pastiche.seconds), pastiche

    def write_sheets(self) -> list[Path]:
        """Draw contact sheets of what is there: paintings as rows, photos as columns; returns their paths."""
        from impasto.images.sheet import Cell, Heading, Sheet, draw_sheet, encode_png
        from impasto.lab.layout import PAGE_PICTURES, path_or_name

        done = [pair for pair, path in self.paths.items() if path.is_file()]
        photos = list(dict.fromkeys(photo for photo, _ in done))
        paintings = list(dict.fromkeys(painting for _, painting in done))
        height = max(1, PAGE_PICTURES // max(1, min(COLUMNS, len(photos))))
        pages = [
            (photos[start : start + COLUMNS], paintings[top : top + height])
            for start in range(0, len(photos), COLUMNS)
            for top in range(0, len(paintings), height)
        ]
        paths = self._sheet_paths([f"-{number + 1}" if len(pages) > 1 else "" for number in range(len(pages))])
        for number, (across, down) in enumerate(pages, start=1):
            sheet = Sheet(
                [[Cell(self.paths[photo, painting], fault="not there") for photo in across] for painting in down],
                title="Drafts",
                subtitle=f"{len(photos)} photos, {len(paintings)} paintings, drafted in one pass each",
                note=f"page {number} of {len(pages)}" if len(pages) > 1 else "",
                rows=[Heading(self._painting_labels[painting], path_or_name(painting)) for painting in down],
                columns=[Heading(self._photo_labels[photo], photo) for photo in across],
                row_axis="painting",
                column_axis="photo",
            )
            write_file(paths[number - 1], encode_png(draw_sheet(sheet)), overwrite=True)
        return paths

    def _sheet_paths(self, pages: Sequence[str]) -> list[Path]:
        """Files for the pages; under another name where there is a file that is no sheet of ours."""
        from impasto.images.sheet import is_sheet

        for stem in ("contact-sheet", "contact-sheet-of-drafts"):
            paths = [self.folder / f"{stem}{page}.png" for page in pages]
            if self.overwrite or all(is_sheet(path) for path in paths if os.path.lexists(path)):
                return paths
        raise OutputError(f"{str(paths[0])!r} is no sheet of drafts: move it away, or --overwrite")

    def _name(self, photo: Path, painting: Path) -> str:
        return job_name({"photo": self._photo_labels[photo], "painting": self._painting_labels[painting]})

    def _is_due(self, photo: Path, painting: Path) -> bool:
        return self.overwrite or not self.paths[photo, painting].exists()

    def _save(self, pastiche: Pastiche, path: Path) -> None:
        pastiche.save(path, bit_depth=self.bit_depth, record=self.record, overwrite=self.overwrite)


class _StyleCache:
    """Style statistics of each painting at each size; the pictures themselves are dropped once measured."""

    def __init__(
        self, painter: DraftPainter, options: DraftOptions, paintings: Sequence[Path], max_pixels: int
    ) -> None:
        self._painter, self._options, self._usable, self._max_pixels = painter, options, list(paintings), max_pixels
        self.measured: dict[tuple[Path, int], tuple[StyleStatistics, list[RecordedPainting]]] = {}

    def measure(self, readers: ThreadPoolExecutor, inputs: RunInputs, edge: int) -> Iterator[DraftFailed]:
        """Measure all paintings for a photo's drafts; one that cannot be used is reported once and left out."""
        if self._options.depends_on_photo:
            self.measured.clear()
        missing = [path for path in self._usable if (path, edge) not in self.measured]
        for path, painting in _ahead(readers, lambda path: Painting(path, max_pixels=self._max_pixels), missing):
            try:
                if isinstance(painting, ImpastoError):
                    raise painting
                region, options = Region(None, [painting]), self._options.to_paint_options()
                style = self._painter.measure(inputs, region, options, edge)
                self.measured[path, edge] = style, [describe_painting(painting)]
            except ImpastoError as error:
                self._usable.remove(path)
                yield DraftFailed(path, str(error))


def _ahead(
    pool: ThreadPoolExecutor, load: Callable[[Path], T], paths: Sequence[Path]
) -> Iterator[tuple[Path, T | ImpastoError]]:
    """Load files in order, the next ones while one is in use; an error takes the place of its file."""

    def attempt(path: Path) -> T | ImpastoError:
        try:
            return load(path)
        except ImpastoError as error:
            return error

    coming: deque[tuple[Path, Future[T | ImpastoError]]] = deque()
    left = iter(paths)
    while True:
        while len(coming) <= READ_AHEAD and (path := next(left, None)) is not None:
            coming.append((path, pool.submit(attempt, path)))
        if not coming:
            return
        path, future = coming.popleft()
        yield path, future.result()


def _written(event: DraftWritten, future: Future[None]) -> DraftWritten:
    """The event, once its file is written; raises `OutputError`."""
    future.result()
    return event
