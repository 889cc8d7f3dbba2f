"""Everything that a studio keeps in its folder: uploads, the shelf, drafts, and jobs with their pictures."""

from __future__ import annotations

import errno
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from impasto.errors import InputError, NotKeptError, OptionError, OutputError, RecordError, did_you_mean
from impasto.images.reading import load_picture, read_record
from impasto.images.writing import save_picture
from impasto.inputs.bundled import bundled_by_hash
from impasto.options.fields import build_options
from impasto.options.recipes import recipe_names
from impasto.runs.build import resolve_options
from impasto.runs.record import ENCODER_SUFFIX, PAINTING_SUFFIXES, parse_record
from impasto.storage.atomic import write_file
from impasto.storage.files import make_private
from impasto.storage.places import is_below
from impasto.studio.draft_queue import DraftQueue
from impasto.studio.draft_request import Draft, reduce_to_draft
from impasto.studio.job import new_id
from impasto.studio.process import Worker, WorkerProcess
from impasto.studio.protocol import ClipFacts, Price, WorkerKind
from impasto.studio.queue import Queue
from impasto.studio.request import Request
from impasto.studio.restoring import Restored, restore_request
from impasto.studio.shelf import Shelf, ShelfPicture
from impasto.studio.uploads import CLIP_SUFFIXES, KEPT_SECONDS, Uploads

if TYPE_CHECKING:
    from impasto.studio.cells import GridCell

MAX_UPLOAD_BYTES = 200_000_000
MAX_PIXELS = 100_000_000
CLEAN_SECONDS = 3600.0
UNUSED_SECONDS = 900.0  # for which an upload that nothing needs is kept where room is needed
EXPORTS = (".png", ".jpg", ".webp", ".tif")


class Store:
    """The contents of a studio's folder; every method may be called from any thread.

    Finished pictures stay until they are deleted. Uploads that no job reads and that are not on the shelf go after a
    day; of stopped jobs the newest keep their checkpoints, up to 5 GB; of jobs that ended without a picture the
    newest 50 stay.

    Parameters
    ----------
    folder: made if need be; one studio at a time uses it.
    max_upload_bytes, max_pixels: of a picture that is uploaded.
    devices: jobs painted at once, each on a GPU of its own; 1: one job, on whatever ``device`` says.
    options: laid over every job's recipe; a request's own options override them.
    start_worker: starts a worker that paints or makes drafts.

    Attributes
    ----------
    uploads, drafts, queue: the parts of the store, for what needs only one of them.

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
        start_worker: Callable[[WorkerKind], Worker] = WorkerProcess,
    ) -> None:
        build_options(options or {})
        self._options = dict(options or {})
        self._folder = folder.resolve()
        # Not bound to a thread: whichever thread closes the store releases it.
        self._folder_lock = FileLock(self._folder / "studio.lock", timeout=0, thread_local=False)
        try:
            if not self._folder.exists():  # one that the person made keeps its mode, and what is in it is private
                make_private(self._folder)
            self._folder_lock.acquire()
            for part in ("drafts", "jobs", "uploads", "shown"):
                if (self._folder / part).is_symlink():
                    raise OSError(errno.ELOOP, f"{part!r} in it is a link that leads elsewhere")
                make_private(self._folder / part)
            self.uploads = Uploads(self._folder / "uploads", max_upload_bytes, max_pixels)
            self.drafts = DraftQueue(self._folder / "drafts", partial(start_worker, "draft"), self.uploads.name_of)
            self.queue = Queue(
                self._folder / "jobs",
                [partial(start_worker, "paint")] * devices,
                options=self._options,
                name_of=self.uploads.name_of,
                to_stored=self._to_stored,
                from_stored=self._from_stored,
            )
            paintings = dict.fromkeys(path for request in self.queue.requests() for path in request.painting_files)
            uploaded = [path.name for path in paintings if path.parent == self.uploads.folder]
            self._shelf = Shelf(self._folder / "shelf.json", uploaded)
        except Timeout as error:
            raise OutputError(
                f"another studio uses {str(folder)!r}: close it, or give this one another folder"
            ) from error
        except OSError as error:
            self._folder_lock.release()
            raise OutputError(f"cannot use the folder {str(folder)!r}: {error.strerror}; give another") from error
        self._bundled = {path.name: path for path in bundled_by_hash().values()}
        self._cleaned = 0.0
        self._clean()

    @property
    def notes(self) -> tuple[str, ...]:
        """Faults of the folder when it was opened, one a line; nothing of it was lost."""
        return (*self.queue.notes, *([self._shelf.note] if self._shelf.note else []))

    # --------------------------------------------------------------------------------------- pictures

    def keep_upload(self, picture: Path | bytes, name: str) -> Path:
        """Copy a picture or a style file into the store, and return its path there; see `Uploads.keep`."""
        self.make_room()
        return self.uploads.keep(picture, name)

    def look_at_clip(self, clip: Path) -> tuple[Path, ClipFacts]:
        """A frame of an uploaded clip, kept as a picture, and what the clip is.

        Raises `InputError` for what is no clip, which is then not kept, and where the extra ``video`` is missing.
        """
        name = self.uploads.name_of(clip)
        with TemporaryDirectory() as folder:
            try:
                still, facts = self.drafts.look(clip, Path(folder))
            except InputError as error:
                self.uploads.discard(clip)
                raise InputError(str(error).replace(repr(str(clip)), repr(name))) from error
            return self.keep_upload(still, f"{Path(name).stem}.png"), facts

    def make_room(self) -> None:
        """Remove old uploads that nothing needs: now and then, and at once where much is kept."""
        if self.uploads.is_full:
            self._clean(UNUSED_SECONDS)
        elif time.monotonic() - self._cleaned > CLEAN_SECONDS:
            self._clean()

    def find(self, name: str) -> Path:
        """The path of an uploaded or bundled picture by its file name; raises `NotKeptError`."""
        path = self._bundled.get(name) or self.uploads.folder / Path(name).name
        if path.is_symlink() or not path.is_file() or path.suffix not in (*PAINTING_SUFFIXES, *CLIP_SUFFIXES):
            raise NotKeptError(f"there is no picture {name!r} here; upload it first")
        return path

    def shelf(self) -> list[ShelfPicture]:
        """Paintings to choose from: the bundled ones, then the person's own in the order in which they were added."""
        uploaded = [path for name in self._shelf.names if (path := self.uploads.folder / name).is_file()]
        pictures = [(path, True) for path in bundled_by_hash().values()] + [(path, False) for path in uploaded]
        return [ShelfPicture(path, self.uploads.name_of(path), bundled) for path, bundled in pictures]

    def shelve(self, picture: Path) -> None:
        """Put a painting or style file on the shelf, until `unshelve`; submitting a job does the same.

        Raises `InputError` for a file that is no picture of this store, `OutputError` where the shelf cannot be saved.
        """
        picture = picture.resolve()
        self._claim(picture)
        if picture.parent == self.uploads.folder:
            self._shelf.put(picture.name)

    def unshelve(self, picture: Path) -> None:
        """Take a painting off the shelf; its jobs stay as they are. Bundled paintings always stay on the shelf."""
        self._shelf.take_off(picture.name)

    # ------------------------------------------------------------------------------- drafts and jobs

    def draft(self, request: Request, client_id: str = "", sequence: int = 0) -> Draft | None:
        """Draft what `submit` would paint in one pass, at `DRAFT_PX` at most, and return when it is done.

        A draft waits for other drafts but for no job. The last `MAX_DRAFTS` are kept, so the same request is answered
        at once. Of the requests with one `client_id` only that with the highest `sequence` is drafted: one that waits
        with a lower number is dropped, and None is returned.

        Raises `OptionError` and `InputError` as `submit` does, and for a request that cannot be drafted;
        `OutputError` where the drafting process is lost; the next draft starts it anew.
        """
        reduced, left_out = reduce_to_draft(request, self._options)
        path = self.drafts.draft(self._checked(reduced), client_id, sequence)
        return None if path is None else Draft(path, left_out)

    def price(self, request: Request, client_id: str = "", sequence: int = 0) -> Price | None:
        """What painting a request would take, of a grid all its pictures together; for the rest see `draft`."""
        request = self._checked(request)
        if request.kind != "grid":
            pictures, largest = 1, request
        else:
            common = request.cell_options
            cells = [cell.model_copy(update={"options": cell.options | common}) for cell in request.cells()]
            pictures, largest = len(cells), max(cells, key=lambda cell: int(cell.options["size_px"]))
        options = {**self._options, **largest.options}
        kind = "film" if request.kind == "film" else "paint"
        single = largest.model_copy(update={"options": options, "kind": kind, "of": None})
        price = self.drafts.price(single, client_id, sequence)
        return price and price.model_copy(update={"seconds": price.seconds * pictures})

    def paint_again(self, job_id: str, photos: Sequence[Path]) -> list[str]:
        """Paint other photos with the settings of a job, as one batch; returns the ids of the jobs.

        Raises as `submit` does, before anything is queued where there is no room for all.
        """
        request = self.queue.view(job_id).request
        requests = [request.for_photo(photo) for photo in dict.fromkeys(photos)]
        self.queue.check_room(len(requests))
        notices = [f"left out: {words}, which belongs to the other photo" for words in request.brushed]
        batch = new_id()
        return [self.submit(one, notices, batch) for one in requests]

    def submit(self, request: Request, notices: Sequence[str] = (), batch: str | None = None) -> str:
        """Put a job at the end of the queue and return its id; `notices` are what is said of it.

        `batch` is the same for jobs that are ordered together.

        Raises `OptionError` for options, recipes or combinations that cannot be used, for files that are not the
        store's, and when too many wait already; `InputError` for a file that is gone.
        """
        request = self._checked(request)
        source = None
        if request.kind == "final":
            source = self._picture(request.of or "")
            size, size_px = self.queue.view(request.of or "").progress.size, request.options["size_px"]
            if size and size_px <= max(size):
                raise OptionError(f"the picture is {max(size)} px long already; a larger one is longer, got {size_px}")
        for path in request.painting_files:
            self.shelve(path)
        return self.queue.submit(request, self._title(request), source, notices, batch)

    def grid_cells(self, job_id: str) -> list[GridCell]:
        """The pictures of a grid, row by row; none of a job that is no grid, or that is not begun."""
        request, folder = self.queue.view(job_id).request, self.queue.files(job_id).grid
        if request.kind != "grid" or not folder.is_dir():
            return []
        from impasto.studio.cells import read_cells  # loads the laboratory

        return read_cells(folder, request)

    def export(self, job_id: str, suffix: str) -> Path:
        """The picture as .png, .jpg, .webp or .tif with its run record inside, under a name fit for downloading.

        Raises `OptionError` for another suffix, `NotKeptError` for a job that has no picture.
        """
        suffix = "." + suffix.lower().lstrip(".")
        suffix = {".jpeg": ".jpg", ".tiff": ".tif"}.get(suffix, suffix)
        if suffix not in EXPORTS:
            raise OptionError(f"unknown format {suffix!r}{did_you_mean(suffix, EXPORTS)}")
        picture, target = self._picture(job_id), self.queue.files(job_id).exported(suffix)
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

    def time_lapse_film(self, job_id: str) -> Path:
        """The time-lapse of a job as an MP4, made when it is first asked for.

        Raises `NotKeptError` where there is none, `OptionError` without the extra ``video``.
        """
        source = self.queue.files(job_id).time_lapse
        if not source.is_file():
            raise NotKeptError("this job has no time-lapse")
        target = source.with_suffix(".mp4")
        if not target.is_file() or target.stat().st_mtime_ns < source.stat().st_mtime_ns:
            from impasto.images.animation import read_animation
            from impasto.runs.timelapse import encode

            write_file(target, encode(read_animation(source), ".mp4"), overwrite=True)
        return target

    def restore(self, picture: Path) -> Restored:
        """The settings that a pastiche was painted with; its inputs are looked for among uploads and samples.

        Raises `InputError` for a file that is no picture, `RecordError` for one without a usable run record.
        """
        record = parse_record(read_record(picture), self.uploads.name_of(picture))
        return restore_request(record, self.uploads.find, self._options)

    def space(self) -> tuple[int, int]:
        """Bytes that the studio keeps, and bytes that are free beside it."""
        return self.uploads.total_bytes + self.queue.kept_bytes(), shutil.disk_usage(self._folder).free

    def close(self) -> None:
        """Stop the current jobs, with checkpoints, and end the workers. Jobs that wait go on at the next start."""
        self.drafts.close()
        self.queue.close()
        self._folder_lock.release()

    # ----------------------------------------------------------------------------------------- helpers

    def _checked(self, request: Request) -> Request:
        """The request with resolved paths and validated options; raises as `submit` does."""
        request.check()
        for recipe in {cell.recipe for cell in (request, *request.cells())} - {None, *recipe_names()}:
            # A path would be read.
            raise OptionError(f"unknown recipe {recipe!r}{did_you_mean(str(recipe), recipe_names())}")
        encoder = request.options.get("encoder", "")
        if str(encoder).endswith(ENCODER_SUFFIX) and encoder != self._options.get("encoder"):
            raise OptionError(f"the studio uses the encoder files it was started with, not {encoder!r}")
        request = request.with_paths(Path.resolve)
        for path in request.files:
            self._claim(path)
        for cell in request.cells() if request.kind == "grid" else ():
            resolve_options(cell.recipe, {**self._options, **cell.options})
        resolved = resolve_options(request.recipe, {**self._options, **request.options}).model_dump(mode="json")
        return request.model_copy(update={"options": {name: resolved[name] for name in request.options}})

    def _claim(self, path: Path) -> None:
        """Let no file be read but uploads and samples; raises `InputError`."""
        if not self.uploads.claim(path):
            name = self.uploads.name_of(path)
            raise InputError(f"{name!r} is no picture of this studio (any more): add it again")

    def _picture(self, job_id: str) -> Path:
        """A job's picture; raises `OptionError` where it has none."""
        picture = self.queue.files(job_id).picture
        if not picture.is_file():
            raise NotKeptError("this job has no picture yet")
        return picture

    def _title(self, request: Request) -> str:
        files = (request.photo, *request.painting_files)
        stems = dict.fromkeys(Path(self.uploads.name_of(path)).stem for path in files if path is not None)
        title = " + ".join(stems).replace("_", " ")
        if request.kind == "final":
            title += f", {request.options['size_px']} px"
        if request.kind == "film" and request.seconds is not None:
            title += f", {request.seconds:g} s"
        return f"grid: {title}" if request.kind == "grid" else title

    def _clean(self, kept_seconds: float = KEPT_SECONDS) -> None:
        """Remove old uploads that neither a job nor the shelf needs."""
        self._cleaned = time.monotonic()
        used = {path for request in self.queue.requests() for path in request.files}
        self.uploads.clean(used | {self.uploads.folder / name for name in self._shelf.names}, kept_seconds)

    def _to_stored(self, path: Path) -> Path:
        """A path as manifests hold it, since the store and the package may be moved."""
        if path.is_relative_to(self._folder):
            return path.relative_to(self._folder)
        return Path("samples") / path.name

    def _from_stored(self, path: Path) -> Path:
        if path.parts[:1] == ("samples",):
            return next((sample for sample in bundled_by_hash().values() if sample.name == path.name), path)
        place = self._folder / path
        return place if is_below(place, self._folder) else self._folder / "elsewhere"  # of a store that was sent
