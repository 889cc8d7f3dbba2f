"""A job as a folder on disk, and as it is held in memory.

::

    job.json            what was asked, and how far it is: written whole, at every change of state and checkpoint
    impasto-ID.png      the pastiche (of a grid: the sheet), with its run record; beside it what was exported
    preview.jpg         the picture while it is painted
    thumbnail.jpg
    events.jsonl        what happened, an event a line
    checkpoints/        where a stopped run goes on from
    grid/               the run folder of a grid
    impasto-OTHER.png   of a ``final``: the picture it goes on from
"""

from __future__ import annotations

import contextlib
import secrets
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from impasto.errors import OutputError, RecordError
from impasto.images.writing import write_whole
from impasto.runs.interrupted import holds_run
from impasto.studio.process import Painter
from impasto.studio.protocol import Files, Message, Progress
from impasto.studio.request import JobView, Request, State

FORMAT_VERSION = 1
MANIFEST = "job.json"
MOST_LOSSES = 256  # points of a curve
MOST_NOTICES = 20
Place = Callable[[Path], Path]


class Manifest(BaseModel):
    """What ``job.json`` holds; paths as the store writes them, relative to its folder.

    `queued`: when it was last put into the queue, seconds since 1970.
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
    error: str | None = None
    traceback: str | None = None
    notices: tuple[str, ...] = ()
    progress: Progress = Progress()
    losses: tuple[tuple[int, dict[str, float]], ...] = ()


@dataclass
class Job:
    """A job in memory; guarded by the queue's lock.

    Attributes
    ----------
    folder: its own. manifest: with absolute paths.
    painter: that has it in hand. ending: what was asked of it. deleted: nobody wants it any more.
    """

    folder: Path
    manifest: Manifest
    painter: Painter | None = None
    ending: str | None = None
    deleted: bool = False
    losses: Curve = field(default_factory=lambda: Curve())

    @property
    def id(self) -> str:
        return self.manifest.id

    @property
    def state(self) -> State:
        return self.manifest.state

    def change(self, **changes: object) -> None:
        """Change fields of the manifest, in memory."""
        self.manifest = self.manifest.model_copy(update=changes)

    def take(self, message: Message) -> None:
        """Take in what the painter says."""
        if message.progress:
            self.change(progress=message.progress)
        if message.losses:
            self.losses.add(self.manifest.progress.steps_done, message.losses)
        if message.notice and len(self.manifest.notices) < MOST_NOTICES:
            self.change(notices=tuple(dict.fromkeys([*self.manifest.notices, message.notice])))

    def rejoin(self) -> None:
        """Wait again, in memory; what was painted counts if there is something to go on from."""
        if not self.resumable:
            self.change(progress=Progress())
            self.losses = Curve()
        self.change(state="waiting", queued=time.time(), error=None, traceback=None)

    @property
    def files(self) -> Files:
        return Files(self.folder, self.id)

    @property
    def has_picture(self) -> bool:
        return self.files.picture.is_file()

    @property
    def checkpoint_bytes(self) -> int:
        """What its checkpoints take on the disk."""
        return sum(path.stat().st_size for path in self.files.checkpoints.glob("*"))

    @property
    def resumable(self) -> bool:
        """Whether there is something to go on from."""
        files = self.files
        return self.state in ("stopped", "failed") and (holds_run(files.checkpoints) or files.grid.is_dir())

    def view(self, position: int | None) -> JobView:
        """A snapshot."""
        now, files = self.manifest, self.files
        painting = now.state == "painting"

        def existing(path: Path) -> Path | None:
            return path if path.is_file() else None

        preview = existing(files.picture if now.request.kind == "grid" else files.preview)
        return JobView(
            id=now.id,
            kind=now.request.kind,
            state=now.state,
            position=position,
            error=now.error,
            notices=now.notices,
            doing=now.progress.doing if painting else "",
            steps_done=now.progress.steps_done,
            steps=now.progress.steps,
            scale=now.progress.scale,
            scales=now.progress.scales,
            share_done=now.progress.share_done,
            size=now.progress.size,
            seconds=now.progress.seconds,
            seconds_left=now.progress.seconds_left if painting else None,
            losses=self.losses.points,
            preview=preview,
            preview_version=_changed(preview),
            pastiche=existing(files.picture),
            thumbnail=existing(files.thumbnail),
            created=now.created,
            title=now.title,
            request=now.request,
            can_go_on=now.state in ("stopped", "failed", "cancelled"),
            resumable=self.resumable,
        )

    def save(self, place: Place) -> None:
        """Write the manifest, whole or not at all; raises `OutputError`."""
        kept = self.manifest.model_copy(
            update={"request": self.manifest.request.moved(place), "losses": self.losses.points}
        )
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_whole(self.folder / MANIFEST, kept.model_dump_json(indent=1).encode(), overwrite=True)
        except OSError as error:
            raise OutputError(f"cannot write {str(self.folder / MANIFEST)!r}: {error.strerror}") from error

    def drop_checkpoints(self) -> None:
        """Leave nothing to go on from; pictures stay."""
        files = self.files
        for folder in (files.checkpoints, files.grid):
            shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            files.preview.unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove the folder. What cannot be removed has no manifest, and is removed when the store is opened."""
        with contextlib.suppress(OSError):
            (self.folder / MANIFEST).unlink(missing_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)


def load_job(folder: Path, place: Place) -> Job:
    """Read a job back; one that was being painted when its studio ended is stopped. Raises `RecordError`."""
    try:
        manifest = Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    except (OSError, ValidationError) as error:
        raise RecordError(f"{MANIFEST} is missing or damaged") from error
    if manifest.format_version != FORMAT_VERSION:
        raise RecordError(f"it has format {manifest.format_version}, this version reads {FORMAT_VERSION}")
    if manifest.id != folder.name or (manifest.source and Path(manifest.source).name != manifest.source):
        raise RecordError(f"{MANIFEST} is that of another job")
    changes: dict[str, object] = {"request": manifest.request.moved(place)}
    if manifest.state == "painting":
        changes["state"] = "stopped"
    job = Job(folder, manifest.model_copy(update=changes))
    for step, losses in manifest.losses:
        job.losses.add(step, losses)
    return job


def _changed(path: Path | None) -> int:
    """When a file was written, in milliseconds; 0 where it is gone."""
    try:
        return path.stat().st_mtime_ns // 1_000_000 if path else 0
    except OSError:
        return 0


def new_id() -> str:
    """Sorts by time, fits a file name, and cannot be guessed."""
    return f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(4)}"


class Curve:
    """Losses by step; every other point is left out whenever there are too many. The last is always there."""

    def __init__(self) -> None:
        self._points: list[tuple[int, dict[str, float]]] = []
        self._stride = 1
        self._count = 0
        self._last: tuple[int, dict[str, float]] | None = None

    def add(self, step: int, losses: dict[str, float]) -> None:
        """Add a point. A run that went back to a checkpoint overwrites what came after it."""
        while self._points and self._points[-1][0] >= step:
            self._points.pop()
        self._last = (step, losses)
        if self._count % self._stride == 0:
            self._points.append(self._last)
        self._count += 1
        if len(self._points) > MOST_LOSSES:
            self._points, self._stride = self._points[::2], 2 * self._stride

    @property
    def points(self) -> tuple[tuple[int, dict[str, float]], ...]:
        """At most `MOST_LOSSES` and the last."""
        if self._last is None or (self._points and self._points[-1] is self._last):
            return tuple(self._points)
        return (*self._points, self._last)
