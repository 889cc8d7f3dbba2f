"""The studio's engine room as one object: uploads, a queue of jobs, their history, what can be done with them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from filelock import FileLock, Timeout

from impasto.api import resolve_options
from impasto.errors import InputError, OptionError, OutputError, RecordError, did_you_mean
from impasto.images.reading import load_picture, read_record
from impasto.images.writing import save_picture
from impasto.lab.run_folder import RunFolder
from impasto.options.fields import build_options
from impasto.options.recipes import recipe_names
from impasto.runs.record import ENCODER_SUFFIX, parse_record
from impasto.studio.drafts import Drafts, reduce_to_draft
from impasto.studio.process import Painter, ProcessPainter, start_drafter
from impasto.studio.queue import Queue
from impasto.studio.request import (
    FINAL_SIZE_PX,
    GRID_SIZE_PX,
    GRID_STRENGTHS,
    Draft,
    GridCell,
    JobView,
    Request,
    Restored,
    ShelfPicture,
)
from impasto.studio.restoring import restore_request
from impasto.studio.shelf import OwnShelf
from impasto.studio.uploads import Uploads, samples

MAX_UPLOAD_BYTES = 200_000_000
MAX_PIXELS = 100_000_000
MOST_IN_GRID = 48
CLEAN_SECONDS = 3600.0
EXPORTS = (".png", ".jpg", ".webp", ".tif")


class Store:
    """Uploads and jobs in a folder; every method may be called from any thread.

    Finished pictures stay until they are deleted. Uploads that no job reads and that are not on the shelf go after a
    day; of stopped jobs the newest keep their checkpoints, up to 5 GB; of jobs that ended without a picture the
    newest 50 stay.

    Parameters
    ----------
    folder: made if need be; one studio at a time uses it.
    max_upload_bytes, max_pixels: of a picture that is uploaded.
    devices: jobs painted at once, each on a GPU of its own; 1: one job, on whatever ``device`` says.
    options: laid over every job's recipe; a request's own options override them.

    Raises `OutputError` where the folder cannot be used, or another studio uses it; `OptionError` for options.
    """

    def __init__(
        self,
        folder: Path,
        *,
        max_upload_bytes: int = MAX_UPLOAD_BYTES,
        max_pixels: int = MAX_PIXELS,
        devices: int = 1,
        options: Mapping[str, Any] | None = None,
        painter: Callable[[], Painter] = ProcessPainter,
        drafter: Callable[[], Painter] = start_drafter,
    ) -> None:
        build_options(options or {})
        self._options = dict(options or {})
        self._folder = folder.resolve()
        # Not of the thread: whoever closes the store releases it.
        self._own = FileLock(self._folder / "studio.lock", timeout=0, thread_local=False)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._own.acquire()
            self._uploads = Uploads(self._folder / "uploads", max_upload_bytes, max_pixels)
            self._drafts = Drafts(self._folder / "drafts", drafter, self._uploads.name_of)
            self._queue = Queue(
                self._folder / "jobs",
                [painter] * devices,
                options=self._options,
                name_of=self._uploads.name_of,
                stored=self._stored,
                found=self._found,
            )
            used = dict.fromkeys(path for request in self._queue.requests() for path in request.painted_after)
            own = [path.name for path in used if path.parent == self._uploads.folder]
            self._shelf = OwnShelf(self._folder / "shelf.json", own)
        except Timeout as error:
            raise OutputError(
                f"another studio uses {str(folder)!r}: close it, or give this one another folder"
            ) from error
        except OSError as error:
            self._own.release()
            raise OutputError(f"cannot use the folder {str(folder)!r}: {error.strerror}; give another") from error
        self._cleaned = 0.0
        self._clean()

    @property
    def notes(self) -> tuple[str, ...]:
        """What was found wrong in the folder when it was opened, a line each; nothing of it was lost."""
        return (*self._queue.notes, *([self._shelf.note] if self._shelf.note else []))

    # --------------------------------------------------------------------------------------- pictures

    def keep_upload(self, picture: Path | bytes, name: str) -> Path:
        """Copy a picture, or a style file, into the store, under a name of ours; the same bytes are kept once.

        `name` is what the person calls it: it is shown and goes into the run record, and touches no path. Raises
        `InputError`, one line, for what is too large (bytes, or pixels, before it is decoded), damaged, or no picture.
        """
        if time.monotonic() - self._cleaned > CLEAN_SECONDS:
            self._clean()
        return self._uploads.keep(picture, name)

    def name_of(self, path: Path) -> str:
        """What the person called an upload; the file name of anything else."""
        return self._uploads.name_of(path)

    def shelf(self) -> list[ShelfPicture]:
        """Paintings to choose from: the bundled ones, then people's own in the order in which they were put there."""
        own = [path for name in self._shelf.names if (path := self._uploads.folder / name).is_file()]
        pictures = [(path, True) for path in samples().values()] + [(path, False) for path in own]
        return [ShelfPicture(path=path, name=self.name_of(path), bundled=bundled) for path, bundled in pictures]

    def shelve(self, picture: Path) -> None:
        """Keep a painting or style file on the shelf, until `unshelve`; what is painted with is kept there too.

        Raises `InputError` for what is no picture of this store, `OutputError` where it cannot be written down.
        """
        picture = picture.resolve()
        if not self._uploads.claim(picture):
            raise InputError(f"{self.name_of(picture)!r} is no picture of this studio (any more): add it again")
        if picture.parent == self._uploads.folder:
            self._write_shelf(self._shelf.put, picture)

    def unshelve(self, picture: Path) -> None:
        """Take a painting off the shelf; pictures painted with it stay as they are. Bundled ones stay on it."""
        self._write_shelf(self._shelf.take_off, picture)

    # ----------------------------------------------------------------------------------------- drafts

    def draft(self, request: Request, asker: str = "", place: int = 0) -> Draft | None:
        """Paint what `submit` would paint in one pass, at `DRAFT_PX` at most, and return when it is there.

        It waits for other drafts and for no job; the last ones are kept, so that the same request is answered at
        once. Of what one `asker` asks for only that of the highest `place` is wanted: what waits with a lower one is
        dropped, and comes to None. The file may be gone after `MOST_KEPT` others.

        Raises `OptionError` and `InputError` as `submit` does, and for what cannot be drafted; `OutputError` where
        the drafting process is lost; the next draft starts it anew.
        """
        shown, left_out = reduce_to_draft(request, self._options)
        path = self._drafts.draft(self._checked(shown), asker, place)
        return None if path is None else Draft(path=path, left_out=left_out)

    def find_draft(self, name: str) -> Path:
        """A draft's file by its name; raises `OptionError` for one that is not kept (any more)."""
        return self._drafts.find(name)

    def prepare_drafts(self) -> None:
        """Let the drafting process load, which takes some seconds, before the first draft is asked for."""
        with contextlib.suppress(OutputError):  # the first draft says so
            self._drafts.prepare()

    # ------------------------------------------------------------------------------------------- jobs

    def submit(self, request: Request) -> str:
        """Put a job at the end of the queue and return its id.

        Raises `OptionError` for options, recipes or combinations that cannot be used, for files that are not the
        store's, and when too many wait already; `InputError` for a file that is gone.
        """
        request = self._checked(request)
        source = None
        if request.kind == "final":
            source = self._picture(request.of or "")
            size, wanted = self._queue.view(request.of or "").size, request.options["size_px"]
            if size and wanted <= max(size):
                raise OptionError(f"the picture is {max(size)} px long already; a larger one is longer, got {wanted}")
        for path in request.painted_after:
            self.shelve(path)
        return self._queue.submit(request, self._title(request), source)

    def view(self, id: str) -> JobView:
        """The job as it stands; `OptionError` for an id that there is not."""
        return self._queue.view(id)

    def history(self) -> list[JobView]:
        """All jobs, newest first."""
        return self._queue.history()

    def stop(self, id: str) -> None:
        """End a job after this step; its picture is kept, and a checkpoint to go on from. Nothing if it has ended."""
        self._queue.stop(id)

    def go_on(self, id: str) -> None:
        """Put a stopped, failed or cancelled job back into the queue, from its checkpoint where there is one.

        Raises `OptionError` for one that is done; nothing happens to one that waits or is being painted.
        """
        self._queue.go_on(id)

    def cancel(self, id: str) -> None:
        """End a job at once, without a picture and a checkpoint; nothing if it has ended, but for its checkpoint."""
        self._queue.cancel(id)

    def delete(self, id: str) -> None:
        """Cancel a job if need be, and remove it with its pictures."""
        self._queue.delete(id)

    def steer(self, id: str, *, strength: float | None = None, color_strength: float | None = None) -> None:
        """Change a job that waits or is being painted; from its next step on. Nothing if it has ended.

        Raises `OptionError` for a value out of bounds.
        """
        given = {"strength": strength, "color_strength": color_strength}
        changes = {name: value for name, value in given.items() if value is not None}
        build_options(changes)
        self._queue.steer(id, changes)

    def grid_of(self, id: str, strengths: tuple[float, ...] = GRID_STRENGTHS) -> Request:
        """What to submit for a grid (strength x painting) of a job's photo, paintings and options, at a small size."""
        request = self._queue.view(id).request
        size_px = min(GRID_SIZE_PX, request.options.get("size_px") or GRID_SIZE_PX)
        options = {k: v for k, v in request.options.items() if k != "strength"} | {"size_px": size_px}
        return Request(
            photo=request.photo,
            paintings=request.paintings,
            recipe=request.recipe,
            options=options,
            kind="grid",
            strengths=strengths,
        )

    def final_of(self, id: str, size_px: int = FINAL_SIZE_PX) -> Request:
        """What to submit for a larger one of a job that has a picture; only the scales above its size are painted."""
        request = self._queue.view(id).request
        return request.model_copy(update={"kind": "final", "of": id, "options": {"size_px": size_px}})

    def cells(self, id: str) -> list[GridCell]:
        """The pictures of a grid that are painted so far."""
        folder = self._queue.files(id).grid
        if not folder.is_dir():
            return []
        grid = RunFolder.open(folder)
        painted = [job for job in grid.manifest.jobs if (result := grid.result(job)) and result.status == "done"]
        return [GridCell(grid.picture_path(job), job.options.strength, job.labels["painting"]) for job in painted]

    # ---------------------------------------------------------------------------------------- in and out

    def export(self, id: str, suffix: str) -> Path:
        """The picture as .png, .jpg, .webp or .tif with its run record inside, under a name fit for downloading.

        Raises `OptionError` for another suffix or a job that has no picture.
        """
        suffix = "." + suffix.lower().lstrip(".")
        suffix = {".jpeg": ".jpg", ".tiff": ".tif"}.get(suffix, suffix)
        if suffix not in EXPORTS:
            raise OptionError(f"unknown format {suffix!r}{did_you_mean(suffix, EXPORTS)}")
        picture, target = self._picture(id), self._queue.files(id).exported(suffix)
        if target.is_file() and target.stat().st_mtime_ns >= picture.stat().st_mtime_ns:
            return target
        try:
            record = read_record(picture)
        except RecordError:  # of a grid: every picture of it has its own
            record = None
        loaded = load_picture(picture)
        save_picture(
            target, loaded.pixels(), alpha=loaded.alpha(), record=record, metadata=loaded.metadata, overwrite=True
        )
        return target

    def restore(self, picture: Path) -> Restored:
        """The settings that a pastiche was painted with; its inputs are found among uploads and samples.

        Raises `InputError` for what is no picture, `RecordError` for one without a usable run record.
        """
        record = parse_record(read_record(picture), self.name_of(picture))
        return restore_request(record, self._uploads.find, self._options)

    def close(self) -> None:
        """Stop what is being painted, with a checkpoint, and end the workers. What waits goes on at the next start."""
        self._drafts.close()
        self._queue.close()
        self._own.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # ------------------------------------------------------------------------------------------ within

    def _checked(self, request: Request) -> Request:
        """The request with real paths and options as the manifest keeps them; raises as `submit` does."""
        if request.recipe is not None and request.recipe not in recipe_names():  # a path would be read
            raise OptionError(f"unknown recipe {request.recipe!r}{did_you_mean(request.recipe, recipe_names())}")
        encoder = request.options.get("encoder", "")
        if str(encoder).endswith(ENCODER_SUFFIX) and encoder != self._options.get("encoder"):
            raise OptionError(f"the studio uses the encoder files it was started with, not {encoder!r}")
        _check_kind(request)
        request = request.moved(Path.resolve)
        for path in request.files:
            if not self._uploads.claim(path):
                raise InputError(f"{self.name_of(path)!r} is no picture of this studio (any more): add it again")
        resolved = resolve_options(request.recipe, {**self._options, **request.options}).model_dump(mode="json")
        return request.model_copy(update={"options": {name: resolved[name] for name in request.options}})

    def _picture(self, id: str) -> Path:
        """A job's picture; raises `OptionError` where it has none."""
        picture = self._queue.files(id).picture
        if not picture.is_file():
            raise OptionError("this job has no picture yet")
        return picture

    def _title(self, request: Request) -> str:
        files = (request.photo, *request.painted_after)
        stems = dict.fromkeys(Path(self.name_of(path)).stem for path in files if path is not None)
        title = " + ".join(stems)
        if request.kind == "final":
            title += f", {request.options['size_px']} px"
        return f"grid: {title}" if request.kind == "grid" else title

    def _clean(self) -> None:
        self._cleaned = time.monotonic()
        used = {path for request in self._queue.requests() for path in request.files}
        self._uploads.clean(used | {self._uploads.folder / name for name in self._shelf.names})

    def _write_shelf(self, write: Callable[[str], None], picture: Path) -> None:
        try:
            write(picture.name)
        except OSError as error:
            raise OutputError(
                f"cannot write down what is on the shelf: {error.strerror}; look for free space"
            ) from error

    def _stored(self, path: Path) -> Path:
        """A path as manifests hold it: the store, and the package, may be moved."""
        if path.is_relative_to(self._folder):
            return path.relative_to(self._folder)
        return Path("samples") / path.name

    def _found(self, path: Path) -> Path:
        if path.parts[0] == "samples":
            return next((own for own in samples().values() if own.name == path.name), path)
        return self._folder / path


def _check_kind(request: Request) -> None:
    """Refuse what is incomplete or makes no sense together."""
    if request.kind == "grid":
        if request.regions:
            raise OptionError("a grid paints the whole photo after each painting: leave the regions out")
        if request.photo is None or not request.paintings:
            raise OptionError("a grid needs a photo and at least one painting")
        pictures = len(request.strengths) * len(request.paintings)
        if not 0 < pictures <= MOST_IN_GRID or not all(0 <= strength <= 100 for strength in request.strengths):
            raise OptionError(f"a grid has 1 to {MOST_IN_GRID} pictures of strengths from 0 to 100")
    elif request.kind == "final":
        if request.of is None or not request.options.get("size_px"):
            raise OptionError("a larger one needs the job that it goes on from, and its size")
    elif request.photo is None and not request.paintings:
        raise OptionError("nothing to paint: add a photo and a painting")
