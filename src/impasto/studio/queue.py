"""The queue: one painting at a time per painter, and the history of all that were."""

from __future__ import annotations

import shutil
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from impasto.errors import OptionError, OutputError, RecordError
from impasto.studio.job import MANIFEST, Job, Manifest, Place, load_job, new_id
from impasto.studio.process import Painter
from impasto.studio.protocol import Command, Ended, Files, Order
from impasto.studio.request import JobView, Request

MOST_WAITING = 100
MOST_FRUITLESS = 50  # ended jobs without a picture that the history keeps
CHECKPOINT_BYTES = 5_000_000_000  # of all jobs that were stopped; the newest keep theirs
STOP_SECONDS = 15.0  # for what is being painted to be stopped when the studio ends
# What an enlargement takes from the options of the studio: its look and its schedule come from the picture's record.
FOR_A_FINAL = ("device", "encoder", "max_memory_bytes", "precision", "threads", "tile_px")
LOST = "the painting process was lost, perhaps for want of memory: Continue goes on from the last checkpoint"


class Queue:
    """Jobs in a folder, each in one of its own; every method may be called from any thread.

    Parameters
    ----------
    folder: of the jobs; made if need be. What was waiting there goes on to wait.
    painters: make what paints; each is given a thread.
    options: laid over every job's recipe, see `Store`.
    name_of: what people call a file. stored, found: bring paths to the manifest's form and back.
    """

    def __init__(
        self,
        folder: Path,
        painters: Sequence[Callable[[], Painter]],
        *,
        options: Mapping[str, Any],
        name_of: Callable[[Path], str],
        stored: Place,
        found: Place,
    ) -> None:
        self._folder, self._options, self._name_of, self._stored = folder, options, name_of, stored
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._closing = False
        self.notes: list[str] = []
        self._jobs = {job.id: job for job in self._load(found)}
        waiting = [job for job in self._jobs.values() if job.state == "waiting"]
        self._waiting = [job.id for job in sorted(waiting, key=lambda job: job.manifest.queued)]
        self._tidy()
        self._painters = [make() for make in painters]
        self._threads = [
            threading.Thread(target=self._work, args=(painter, number), name=f"painter {number}", daemon=True)
            for number, painter in enumerate(self._painters)
        ]
        for thread in self._threads:
            thread.start()

    def _load(self, found: Place) -> list[Job]:
        self._folder.mkdir(parents=True, exist_ok=True)
        jobs = []
        for folder in sorted(path for path in self._folder.iterdir() if path.is_dir()):
            for part in folder.glob(".impasto-*.part"):  # of a studio that was killed
                part.unlink(missing_ok=True)
            if not any((folder / name).exists() for name in (MANIFEST, Files(folder, folder.name).picture.name)):
                shutil.rmtree(folder, ignore_errors=True)  # begun or removed by halves
                continue
            try:
                jobs.append(load_job(folder, found))
            except RecordError as error:
                self.notes.append(f"the job {folder.name} is left out of the history: {error}")
        return jobs

    def submit(self, request: Request, title: str, source: Path | None = None) -> str:
        """See `Store.submit`; `source` is copied into the job's folder. Raises `OptionError`, `OutputError`."""
        now = time.time()
        id = new_id()
        manifest = Manifest(
            id=id,
            state="waiting",
            title=title,
            created=now,
            queued=now,
            request=request,
            source=source.name if source else None,
        )
        job = Job(self._folder / id, manifest)
        with self._lock:
            self._check_room()
        try:
            job.folder.mkdir(parents=True)
            if source is not None:
                shutil.copyfile(source, job.folder / source.name)
            with self._lock:
                job.save(self._stored)
                self._jobs[id] = job
                self._waiting.append(id)
                self._changed.notify()
        except (OSError, OutputError) as error:
            job.remove()
            why = error if isinstance(error, OutputError) else error.strerror
            raise OutputError(f"the job cannot be kept: {why}") from error
        return id

    def view(self, id: str) -> JobView:
        with self._lock:
            return self._view(self._job(id))

    def history(self) -> list[JobView]:
        with self._lock:
            return [self._view(job) for job in self._newest_first()]

    def files(self, id: str) -> Files:
        with self._lock:
            return self._job(id).files

    def requests(self) -> list[Request]:
        """Of all jobs, newest first."""
        with self._lock:
            return [job.manifest.request for job in self._newest_first()]

    def stop(self, id: str) -> None:
        with self._lock:
            self._end(self._job(id), "stopped")

    def cancel(self, id: str) -> None:
        with self._lock:
            self._end(self._job(id), "cancelled")

    def delete(self, id: str) -> None:
        with self._lock:
            job = self._job(id)
            self._end(job, "cancelled")
            job.deleted = True
            self._jobs.pop(id, None)  # tidied away, perhaps, as it was cancelled
            if job.painter is None:
                job.remove()

    def go_on(self, id: str) -> None:
        with self._lock:
            job = self._job(id)
            if job.state == "done":
                raise OptionError("this picture is finished: there is nothing to go on with")
            if job.state in ("waiting", "painting"):
                return
            self._check_room()
            job.rejoin()
            self._waiting.append(id)
            self._save(job)
            self._changed.notify()

    def steer(self, id: str, changes: Mapping[str, float]) -> None:
        """See `Store.steer`."""
        with self._lock:
            job = self._job(id)
            if job.state not in ("waiting", "painting") or job.manifest.request.kind == "grid":
                return
            request = job.manifest.request
            job.change(request=request.model_copy(update={"options": {**request.options, **changes}}))
            if job.painter:
                job.painter.send(Command.model_validate({"id": id, **changes}))
            else:
                self._save(job)

    def close(self) -> None:
        """See `Store.close`."""
        with self._lock:
            self._closing = True
            for job in self._jobs.values():
                if job.painter:
                    self._end(job, "stopped")
            self._changed.notify_all()
        end = time.monotonic() + STOP_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))
        for painter in self._painters:
            painter.close()  # a job that is in hand even now has its last checkpoint
        for thread in self._threads:
            thread.join()

    # ------------------------------------------------------------------------------ with the lock held

    def _job(self, id: str) -> Job:
        if id not in self._jobs:
            raise OptionError(f"there is no job {id!r}: it was deleted, or belongs to another studio")
        return self._jobs[id]

    def _newest_first(self) -> list[Job]:
        return sorted(self._jobs.values(), key=lambda job: (job.manifest.created, job.id), reverse=True)

    def _check_room(self) -> None:
        if len(self._waiting) >= MOST_WAITING:
            raise OptionError(f"{MOST_WAITING} jobs wait already: cancel some, or wait until there is room")

    def _view(self, job: Job) -> JobView:
        return job.view(self._waiting.index(job.id) + 1 if job.state == "waiting" else None)

    def _end(self, job: Job, state: str) -> None:
        """Take a job out of the queue, or ask its painter to end it."""
        if job.painter is not None:
            if job.ending not in (state, "cancelled"):  # said already; a stop after a cancel changes nothing
                job.ending = state
                job.painter.send(Command(id=job.id, stop=True, cancel=state == "cancelled"))
        elif job.state == "waiting":
            self._waiting.remove(job.id)
            job.change(state=state)
            self._save(job)
            self._tidy()
        elif job.state in ("stopped", "failed") and state == "cancelled":
            job.change(state=state)
            job.drop_checkpoints()
            self._save(job)

    def _save(self, job: Job) -> None:
        """Save a manifest. A disk that is full does not end the queue: the job goes on in memory, and says so."""
        try:
            job.save(self._stored)
        except OutputError as error:
            job.change(notices=(*job.manifest.notices, str(error))[-20:])

    def _tidy(self) -> None:
        """Bound what is kept beside pictures: checkpoints by their size, jobs without a picture by their number."""
        ended = [job for job in self._jobs.values() if job.state not in ("waiting", "painting")]
        ended.sort(key=lambda job: job.manifest.queued, reverse=True)
        held = 0
        for job in [job for job in ended if job.resumable]:
            held += job.checkpoint_bytes
            if held > CHECKPOINT_BYTES:
                job.drop_checkpoints()
                job.change(notices=(*job.manifest.notices, "its checkpoint made room for newer ones"))
                self._save(job)
        for job in [job for job in ended if not job.has_picture and not job.resumable][MOST_FRUITLESS:]:
            del self._jobs[job.id]
            job.remove()

    # ---------------------------------------------------------------------------------------- a thread

    def _work(self, painter: Painter, number: int) -> None:
        """Paint what waits, until the studio ends."""
        while True:
            with self._lock:
                while not self._waiting and not self._closing:
                    self._changed.wait()
                if self._closing:
                    return
                job = self._jobs[self._waiting.pop(0)]
                job.change(state="painting")
                job.painter, job.ending = painter, None
                self._save(job)
                try:
                    painter.begin(self._order(job, number))
                    ended = None
                except OSError as error:
                    ended = Ended(state="failed", error=f"the painting process does not start: {error.strerror}")
            try:
                ended = ended or self._follow(job, painter)
            except Exception as error:  # noqa: BLE001 (a bug in one job must not end the queue)
                line = f"{type(error).__name__}: {error}"
                ended = Ended(state="failed", error=line, traceback=traceback.format_exc())
            with self._lock:
                self._conclude(job, ended)

    def _order(self, job: Job, number: int) -> Order:
        """What painter `number` is told: with options that are complete."""
        request, source = job.manifest.request, job.manifest.source
        below = {k: v for k, v in self._options.items() if request.kind != "final" or k in FOR_A_FINAL}
        options = {**below, **request.options}
        if len(self._painters) > 1 and options.get("device", "auto") == "auto":
            options["device"] = f"cuda:{number}"
        return Order(
            id=job.id,
            folder=job.folder,
            request=request.model_copy(update={"options": options}),
            names={str(path): self._name_of(path) for path in request.files},
            source=job.folder / source if source else None,
        )

    def _follow(self, job: Job, painter: Painter) -> Ended:
        for message in painter.messages():
            with self._lock:
                job.take(message)
                if message.checkpoint:
                    self._save(job)
            if message.ended:
                return message.ended
        with self._lock:
            asked = job.ending == "stopped" or self._closing
        return Ended(state="stopped") if asked else Ended(state="failed", error=LOST)

    def _conclude(self, job: Job, ended: Ended) -> None:
        """Note how a job ended. One that was finished before it could be cancelled is done."""
        job.painter = None
        if job.deleted:
            job.remove()
            return
        if job.ending == "cancelled" and ended.state != "done":
            ended = Ended(state="cancelled")
            job.drop_checkpoints()
        job.change(state=ended.state, error=ended.error, traceback=ended.traceback)
        self._save(job)
        self._tidy()
