"""A job: its folder on disk, its state in memory, and a snapshot of both.

::

    job.json            the request and the progress: written as a whole at every change of state and checkpoint
    impasto-ID.mp4      the film, of a ``film``
    impasto-ID.png      the pastiche (of a grid: the sheet) with its run record; beside it its other formats
    preview.jpg         the picture while it is painted
    thumbnail.jpg
    time-lapse.webp      how it was painted
    events.jsonl        the run's events, one a line
    checkpoints/        from which a stopped run continues
    grid/               the run folder of a grid
    impasto-OTHER.png   of a ``final``: the picture that it enlarges
"""

from __future__ import annotations

import contextlib
import re
import secrets
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from impasto.errors import OutputError, RecordError
from impasto.runs.interrupted import holds_run
from impasto.storage.atomic import write_whole
from impasto.storage.files import read_own
from impasto.studio.process import Worker
from impasto.studio.protocol import JobFiles, Message, StudioProgress
from impasto.studio.request import Request

FORMAT_VERSION = 1
OUR_NAME = re.compile(r"\d{8}-\d{6}-[0-9a-f]{1,8}")  # of a job's folder; other folders are none of ours
MANIFEST = "job.json"
MAX_LOSSES = 256  # points of a curve
MAX_NOTICES = 20
MAX_MANIFEST_BYTES = 20_000_000
State = Literal["waiting", "painting", "stopped", "done", "failed", "cancelled"]
Loss = tuple[int, dict[str, float]]  # step over all scales, loss breakdown
PathConversion = Callable[[Path], Path]


class JobManifest(BaseModel):
    """The contents of ``job.json``, where paths are relative to the store's folder.

    Attributes
    ----------
    created: seconds since 1970. queued: the same, when the job was last put into the queue.
    source: file name of the picture that a ``final`` enlarges.
    starred: whether the person marked it. batch: the same for jobs that were ordered together; None: alone.
    error: one line, where the job failed. notices: what was done instead of what was requested.
    losses: thinned to a few hundred at most.
    """

    model_config = ConfigDict(frozen=True, ser_json_inf_nan="constants")

    format_version: int = FORMAT_VERSION
    id: str
    state: State
    title: str
    created: float
    queued: float
    request: Request
    source: str | None = None
    starred: bool = False
    batch: str | None = None
    error: str | None = None
    traceback: str | None = None
    notices: tuple[str, ...] = ()
    progress: StudioProgress = StudioProgress()
    losses: tuple[Loss, ...] = ()


@dataclass(frozen=True)
class JobView:
    """A snapshot of a job.

    Attributes
    ----------
    manifest: with absolute paths, and without the losses.
    position: among the jobs that wait, 1 is next; None unless waiting.
    ending: whether it is painted yet and was asked to end. resumable: whether there is a checkpoint to continue from.
    preview: the picture while it is painted (JPEG, replaced as a whole); `preview_version` changes when it does.
    pastiche: the finished or stopped picture (PNG with its run record); of a grid: the sheet.
    thumbnail: JPEG, from the first preview on. time_lapse: WebP, of a picture that has ended. film: MP4, of a ``film``.
    """

    manifest: JobManifest
    position: int | None
    ending: bool
    resumable: bool
    preview: Path | None
    preview_version: int
    pastiche: Path | None
    thumbnail: Path | None
    time_lapse: Path | None
    film: Path | None

    @property
    def id(self) -> str:
        return self.manifest.id

    @property
    def state(self) -> State:
        return self.manifest.state

    @property
    def request(self) -> Request:
        return self.manifest.request

    @property
    def progress(self) -> StudioProgress:
        """Progress of the job; once it has ended it does nothing and no time is left."""
        if self.state == "painting":
            return self.manifest.progress
        return self.manifest.progress.model_copy(update={"doing": "", "seconds_left": None})

    @property
    def can_go_on(self) -> bool:
        """Whether `Queue.go_on` has something to do."""
        return self.state in ("stopped", "failed", "cancelled")


class JobLosses:
    """The losses of a job by step; every other point is dropped whenever there are too many, but never the last."""

    def __init__(self) -> None:
        self._points: list[Loss] = []
        self._stride = 1
        self._count = 0
        self._last: Loss | None = None

    def add(self, step: int, losses: dict[str, float]) -> None:
        """Add a point. A run that went back to a checkpoint overwrites what came after it."""
        while self._points and self._points[-1][0] >= step:
            self._points.pop()
        self._last = (step, losses)
        if self._count % self._stride == 0:
            self._points.append(self._last)
        self._count += 1
        if len(self._points) > MAX_LOSSES:
            self._points, self._stride = self._points[::2], 2 * self._stride

    @property
    def points(self) -> tuple[Loss, ...]:
        """At most `MAX_LOSSES` points, and the last."""
        if self._last is None or (self._points and self._points[-1] is self._last):
            return tuple(self._points)
        return (*self._points, self._last)


@dataclass
class StudioJob:
    """A job in memory, guarded by the queue's lock.

    Attributes
    ----------
    manifest: with absolute paths, and without the losses, which are in `losses`.
    worker: the one that has begun the job. ending: the end that the worker was asked for. deleted: by the person.
    changed: number of its last change, see `Queue.changes`.
    """

    folder: Path
    manifest: JobManifest
    worker: Worker | None = None
    ending: str | None = None
    deleted: bool = False
    changed: int = 0
    losses: JobLosses = field(default_factory=JobLosses)

    @property
    def id(self) -> str:
        return self.manifest.id

    @property
    def state(self) -> State:
        return self.manifest.state

    @property
    def files(self) -> JobFiles:
        return JobFiles(self.folder, self.id)

    @property
    def has_outcome(self) -> bool:
        """Whether there is a picture or a film of it."""
        return self.files.picture.is_file() or self.files.film.is_file()

    @property
    def kept_bytes(self) -> int:
        """Size of its folder on disk."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())

    @property
    def checkpoint_bytes(self) -> int:
        """Size of its checkpoints on disk."""
        return sum(path.stat().st_size for path in self.files.checkpoints.glob("*"))

    @property
    def resumable(self) -> bool:
        """Whether there is a checkpoint, or a part of a grid, to continue from."""
        files = self.files
        return self.state in ("stopped", "failed") and (
            holds_run(files.checkpoints)
            or files.grid.is_dir()
            or (self.manifest.request.kind == "film" and files.checkpoints.is_dir())
        )

    def change(self, **changes: object) -> None:
        """Change fields of the manifest, in memory."""
        self.manifest = self.manifest.model_copy(update=changes)

    def add_notice(self, notice: str) -> None:
        """Add a notice unless it is there already; the last `MAX_NOTICES` stay."""
        notices = dict.fromkeys([*self.manifest.notices, notice])
        self.change(notices=tuple(notices)[-MAX_NOTICES:])

    def update(self, message: Message) -> None:
        """Take in a worker's message."""
        if message.progress:
            self.change(progress=message.progress)
        if message.losses:
            self.losses.add(self.manifest.progress.steps_done, message.losses)
        if message.notice:
            self.add_notice(message.notice)

    def rejoin(self) -> None:
        """Wait again, in memory; the progress so far counts if there is something to continue from."""
        if not self.resumable:
            self.change(progress=StudioProgress())
            self.losses = JobLosses()
        self.change(state="waiting", queued=time.time(), error=None, traceback=None)

    def snapshot(self) -> JobManifest:
        """The manifest with the losses so far."""
        return self.manifest.model_copy(update={"losses": self.losses.points})

    def view(self, position: int | None) -> JobView:
        """A snapshot of the job and its files."""
        files = self.files
        preview = _existing(files.picture if self.manifest.request.kind == "grid" else files.preview)
        return JobView(
            manifest=self.manifest,
            position=position,
            ending=self.worker is not None and self.ending is not None,
            resumable=self.resumable,
            preview=preview,
            preview_version=_changed_ms(preview),
            pastiche=_existing(files.picture),
            thumbnail=_existing(files.thumbnail),
            time_lapse=_existing(files.time_lapse),
            film=None if self.worker else _existing(files.film),
        )

    def save(self, to_stored: PathConversion) -> None:
        """Write the manifest, whole or not at all; raises `OutputError`."""
        stored = self.snapshot().model_copy(update={"request": self.manifest.request.with_paths(to_stored)})
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_whole(self.folder / MANIFEST, stored.model_dump_json(indent=1).encode())
        except OSError as error:
            raise OutputError(f"cannot write {str(self.folder / MANIFEST)!r}: {error.strerror}") from error

    def drop_checkpoints(self) -> None:
        """Remove everything to continue from; pictures stay."""
        files = self.files
        for folder in (files.checkpoints, files.grid):
            shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            files.preview.unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove the folder. A rest that cannot be removed has no manifest, and goes when the store is next opened."""
        with contextlib.suppress(OSError):
            (self.folder / MANIFEST).unlink(missing_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)


def load_job(folder: Path, from_stored: PathConversion) -> StudioJob:
    """Read a job back; one that was being painted when its studio ended is stopped. Raises `RecordError`."""
    try:
        manifest = JobManifest.model_validate_json(read_own(folder / MANIFEST, MAX_MANIFEST_BYTES))
    except (OSError, ValidationError) as error:
        raise RecordError(f"{MANIFEST} is missing or damaged") from error
    if manifest.format_version != FORMAT_VERSION:
        raise RecordError(f"it has format {manifest.format_version}, this version reads {FORMAT_VERSION}")
    if manifest.id != folder.name or (manifest.source and Path(manifest.source).name != manifest.source):
        raise RecordError(f"{MANIFEST} is that of another job")
    job = StudioJob(folder, manifest)
    job.change(request=manifest.request.with_paths(from_stored))
    if manifest.state == "painting":
        job.change(state="stopped")
    for step, losses in manifest.losses:
        job.losses.add(step, losses)
    return job


def load_jobs(folder: Path, from_stored: PathConversion) -> tuple[list[StudioJob], list[str]]:
    """Read the jobs of a folder, made if need be, and what to say of those left out; halves of jobs are removed."""
    folder.mkdir(parents=True, exist_ok=True)
    jobs, notes = [], []
    for place in sorted(path for path in folder.iterdir() if path.is_dir() and OUR_NAME.fullmatch(path.name)):
        if link := next((path for path in place.rglob("*") if path.is_symlink()), None):
            notes.append(f"the job {place.name} is left out of the history: {link.name!r} in it is a link")
            continue
        for part in place.glob(".impasto-*.part"):  # of a studio that was killed
            part.unlink(missing_ok=True)
        files = JobFiles(place, place.name)
        if not any(path.exists() for path in (place / MANIFEST, files.picture, files.film)):
            shutil.rmtree(place, ignore_errors=True)  # its beginning or its removal was cut short
            continue
        try:
            jobs.append(load_job(place, from_stored))
        except RecordError as error:
            notes.append(f"the job {place.name} is left out of the history: {error}")
    return jobs, notes


def new_id() -> str:
    """A new job's id: sorts by time, fits a file name, and cannot be guessed."""
    return f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(4)}"


def _existing(path: Path) -> Path | None:
    return path if path.is_file() else None


def _changed_ms(path: Path | None) -> int:
    """Time of a file's last change in milliseconds; 0 if there is none."""
    try:
        return path.stat().st_mtime_ns // 1_000_000 if path else 0
    except OSError:
        return 0
