"""Drafts of many photos in the manner of many paintings: weights loaded once, each painting studied once."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from impasto.errors import ImpastoError, OptionError, OutputError
from impasto.events import Controls
from impasto.images.picture import Picture
from impasto.images.reading import DEFAULT_MAX_PIXELS, load_picture
from impasto.images.writing import check_output, write_file
from impasto.inputs.paintings import Painting, Region, load_palette
from impasto.inputs.record_inputs import PaintingFile, describe_painting
from impasto.lab.batch import find_pictures
from impasto.lab.layout import PAGE_PICTURES, Heading, Page
from impasto.lab.plan import PathLike, file_labels, job_name
from impasto.runs.draft import Drafter, DraftOptions, build_draft_options
from impasto.runs.record import PAINTING_SUFFIXES
from impasto.runs.run import Pastiche

if TYPE_CHECKING:
    from impasto.stylizer.statistics import StyleStatistics

READ_AHEAD = 2  # pictures decoded while one is painted
WRITTEN_BEHIND = 4  # pastiches that may wait to be encoded
COLUMNS = 12  # photos side by side on a contact sheet

T = TypeVar("T")


@dataclass(frozen=True)
class Drafted:
    """A draft is written; `kept`: it was there before and was left as it was."""

    photo: Path
    painting: Path
    path: Path
    seconds: float = 0.0
    kept: bool = False


@dataclass(frozen=True)
class DraftFailed:
    """A file that cannot be used, for one line of reason; what does not need it goes on."""

    file: Path
    error: str


@dataclass
class Drafts:
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
        photos = find_pictures(self.photos, "photos")
        paintings = find_pictures(self.paintings, "paintings", PAINTING_SUFFIXES)
        if not photos or not paintings:
            raise OptionError(f"no {'paintings' if photos else 'photos'} given; name files, folders or globs")
        self._palette = load_palette(self.options.as_of_a_run, self.max_pixels)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"cannot make the folder {str(self.folder)!r}: {error.strerror}") from error
        names = file_labels(photos), file_labels(paintings)
        self._labels = names
        self.paths = {
            (photo, painting): self.folder
            / f"{job_name({'photo': names[0][photo], 'painting': names[1][painting]})}{self.suffix}"
            for photo in photos
            for painting in paintings
        }
        taken: dict[str, Path] = {}
        for path in self.paths.values():
            if taken.setdefault(path.name.casefold(), path) is not path:
                raise OptionError(f"two drafts would be called {path.name!r}: rename one of the pictures")
            check_output(path, bit_depth=self.bit_depth, overwrite=True)

    def run(self, controls: Controls | None = None) -> Iterator[Drafted | DraftFailed]:
        """Paint, telling of every file as it is written; `controls.stop` ends it after the draft in hand."""
        from impasto.stylizer.regions import Readings  # loads torch
        from impasto.stylizer.stylizer import load_stylizer

        controls = controls or Controls()
        photos = list(dict.fromkeys(photo for photo, _ in self.paths))
        paintings = list(dict.fromkeys(painting for _, painting in self.paths))
        readings = Readings(load_stylizer(self.options.stylizer)) if len(paintings) > 1 else None
        drafter = Drafter(self.options, self.regions, self._palette, readings=readings)
        studied = _Studied(drafter, paintings, self.max_pixels)
        waiting: deque[tuple[Drafted, Future[None]]] = deque()
        with ThreadPoolExecutor(READ_AHEAD) as readers, ThreadPoolExecutor(2) as writers:
            wanted = [photo for photo in photos if any(not self._is_there(photo, p) for p in paintings)]
            for photo in photos:
                for painting in paintings:
                    if self._is_there(photo, painting):
                        yield Drafted(photo, painting, self.paths[photo, painting], kept=True)
            for photo, picture in _ahead(readers, lambda path: load_picture(path, max_pixels=self.max_pixels), wanted):
                if controls.stop:
                    break
                if isinstance(picture, ImpastoError):
                    yield DraftFailed(photo, str(picture))
                    continue
                edge = drafter.long_edge_px(picture)
                yield from studied.study(readers, picture, edge)
                for painting in paintings:
                    if controls.stop or self._is_there(photo, painting) or (painting, edge) not in studied.found:
                        continue
                    style, described = studied.found[painting, edge]
                    try:
                        pastiche = drafter.paint(picture, style, [described], edge)
                    except ImpastoError as error:
                        yield DraftFailed(photo, str(error))
                        break
                    told = Drafted(photo, painting, self.paths[photo, painting], pastiche.seconds)
                    waiting.append((told, writers.submit(self._save, pastiche, told.path)))
                    while len(waiting) > WRITTEN_BEHIND or (waiting and waiting[0][1].done()):
                        yield _written(*waiting.popleft())
            while waiting:
                yield _written(*waiting.popleft())

    def write_sheets(self) -> list[Path]:
        """Draw contact sheets of what is there: paintings as rows, photos as columns; returns their paths."""
        from impasto.lab.sheet import Cell, Sheet, draw_sheet

        done = [pair for pair, path in self.paths.items() if path.is_file()]
        photos = list(dict.fromkeys(photo for photo, _ in done))
        paintings = list(dict.fromkeys(painting for _, painting in done))
        columns = [photos[start : start + COLUMNS] for start in range(0, len(photos), COLUMNS)]
        height = max(1, PAGE_PICTURES // max(1, min(COLUMNS, len(photos))))
        pages = [(part, paintings[top : top + height]) for part in columns for top in range(0, len(paintings), height)]
        written = []
        for number, (across, down) in enumerate(pages, start=1):
            cells = [[self.paths[photo, painting] for photo in across] for painting in down]
            page = Page(
                title=f"page {number} of {len(pages)}" if len(pages) > 1 else "",
                row_axis="painting",
                column_axis="photo",
                rows=tuple(Heading(self._labels[1][painting], painting) for painting in down),
                columns=tuple(Heading(self._labels[0][photo], photo) for photo in across),
                cells=tuple((None,) * len(across) for _ in down),
            )
            shown = [[Cell(path if path.is_file() else None, fault="not there") for path in row] for row in cells]
            title = f"{len(photos)} photos, {len(paintings)} paintings, drafted in one pass each"
            path = self.folder / (f"contact-sheet-{number}.png" if len(pages) > 1 else "contact-sheet.png")
            write_file(path, draw_sheet(Sheet("Drafts", title, page, shown)), overwrite=True)
            written.append(path)
        return written

    def _is_there(self, photo: Path, painting: Path) -> bool:
        return not self.overwrite and self.paths[photo, painting].exists()

    def _save(self, pastiche: Pastiche, path: Path) -> None:
        pastiche.save(path, bit_depth=self.bit_depth, record=self.record, overwrite=self.overwrite)


class _Studied:
    """What is learned of each painting, at every size that is wanted; a picture is kept no longer than that takes."""

    def __init__(self, drafter: Drafter, paintings: Sequence[Path], max_pixels: int) -> None:
        self._drafter, self._left, self._max_pixels = drafter, list(paintings), max_pixels
        self.found: dict[tuple[Path, int], tuple[StyleStatistics, PaintingFile]] = {}

    def study(self, readers: ThreadPoolExecutor, photo: Picture, edge: int) -> Iterator[DraftFailed]:
        """Study all paintings for a photo's drafts; one that cannot be used is told of once and left out."""
        if self._drafter.asks_photo:
            self.found.clear()
        wanted = [path for path in self._left if (path, edge) not in self.found]
        for path, painting in _ahead(readers, lambda path: Painting(path, max_pixels=self._max_pixels), wanted):
            try:
                if isinstance(painting, ImpastoError):
                    raise painting
                self.found[path, edge] = self._drafter.study(photo, [painting], edge), describe_painting(painting)
            except ImpastoError as error:
                self._left.remove(path)
                yield DraftFailed(path, str(error))


def drafts(
    photos: Sequence[PathLike],
    paintings: Sequence[PathLike],
    folder: PathLike,
    *,
    regions: Sequence[Region] = (),
    overwrite: bool = False,
    **options: Any,
) -> tuple[list[Path], dict[Path, str]]:
    """Draft each of many photos in the manner of each of many paintings, into a folder, with a contact sheet.

    Takes what `draft` takes and raises what `Drafts` does; returns the drafts' paths, and why files could not be used.
    """
    chosen = build_draft_options(options)
    plan = Drafts(photos, paintings, Path(os.fspath(folder)), chosen, regions, overwrite=overwrite)
    told = list(plan.run())
    plan.write_sheets()
    failed = {event.file: event.error for event in told if isinstance(event, DraftFailed)}
    return [event.path for event in told if isinstance(event, Drafted)], failed


def _ahead(
    pool: ThreadPoolExecutor, load: Callable[[Path], T], paths: Sequence[Path]
) -> Iterator[tuple[Path, T | ImpastoError]]:
    """Load files in order, the next ones while one is in use; an error is handed on in the place of its file."""

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


def _written(told: Drafted, future: Future[None]) -> Drafted | DraftFailed:
    try:
        future.result()
    except ImpastoError as error:
        return DraftFailed(told.path, str(error))
    return told
