"""The queue: each worker paints one job at a time; ended jobs are the history."""

from __future__ import annotations

import shutil
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from impasto.errors import NotKeptError, OptionError, OutputError, first_line
from impasto.options.fields import build_options
from impasto.studio.job import JobManifest, JobView, Loss, PathConversion, StudioJob, load_jobs, new_id
from impasto.studio.process import Worker
from impasto.studio.protocol import Ended, JobCommand, JobFiles, Order
from impasto.studio.request import Request

MAX_WAITING = 100
MAX_WITHOUT_PICTURE = 50  # ended jobs without a picture that stay in the history
MAX_JOBS = 5000  # that are kept
UNDO_SECONDS = 60.0  # for which a removed job can be brought back
CHECKPOINT_BYTES = 5_000_000_000  # of all stopped jobs; the newest keep theirs
STOP_SECONDS = 15.0  # for the current jobs to stop when the studio ends
# The options of the studio that an enlargement takes: its look and its schedule come from the picture's record.
FINAL_OPTIONS = ("device", "encoder", "max_memory_bytes", "precision", "threads", "tile_px")
LOST = "the painting process was lost, perhaps for want of memory: Continue goes on from the last checkpoint"
CUT_SHORT = "it was ended in the middle of a step: Continue goes on from before that"


class Queue:
    """Jobs, each in a folder of its own; every method may be called from any thread.

    Methods that take a `job_id` raise `NotKeptError` for an unknown one. A job never changes after it was ordered,
    except that the one being painted can be steered.

    Parameters
    ----------
    folder: of the jobs, made if need be. Jobs that waited there wait again.
    start_workers: each starts a worker, which is given a thread.
    options: laid over every job's recipe, see `Store`.
    name_of: the name that the person gave to a file.
    to_stored, from_stored: convert paths to those in the manifests and back.
    """

    def __init__(
        self,
        folder: Path,
        start_workers: Sequence[Callable[[], Worker]],
        *,
        options: Mapping[str, Any],
        name_of: Callable[[Path], str],
        to_stored: PathConversion,
        from_stored: PathConversion,
    ) -> None:
        self._folder, self._options, self._name_of, self._to_stored = folder, options, name_of, to_stored
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._closing = False
        self._listeners: list[Callable[[], None]] = []
        self._changes = 0  # counts changes of jobs; each job has the number of its last one
        self._removed: dict[str, tuple[StudioJob, threading.Timer]] = {}  # jobs that can be brought back yet
        jobs, self.notes = load_jobs(folder, from_stored)
        self._jobs = {job.id: job for job in jobs}
        waiting = [job for job in self._jobs.values() if job.state == "waiting"]
        self._waiting = [job.id for job in sorted(waiting, key=lambda job: job.manifest.queued)]
        self._tidy()
        self._workers = [start() for start in start_workers]
        self._threads = [
            threading.Thread(target=self._run, args=(worker, number), name=f"worker {number}", daemon=True)
            for number, worker in enumerate(self._workers)
        ]
        for thread in self._threads:
            thread.start()

    def submit(
        self, request: Request, title: str, source: Path | None = None, notices: Sequence[str] = (),
        batch: str | None = None,
    ) -> str:  # fmt: skip
        """Put a job at the end of the queue and return its id; `source` is copied into its folder.

        Raises `OptionError` when too many wait, `OutputError` where the job cannot be written.
        """
        now, job_id = time.time(), new_id()
        manifest = JobManifest(
            id=job_id, state="waiting", title=title, created=now, queued=now, request=request,
            source=source.name if source else None, notices=tuple(notices), batch=batch,
        )  # fmt: skip
        job = StudioJob(self._folder / job_id, manifest)
        self.check_room()
        try:
            job.folder.mkdir(parents=True)
            if source is not None:
                shutil.copyfile(source, job.folder / source.name)
            with self._lock:
                job.save(self._to_stored)
                self._jobs[job_id] = job
                self._waiting.append(job_id)
                self._changed.notify()
                self._touch(job)
        except (OSError, OutputError) as error:
            job.remove()
            why = error if isinstance(error, OutputError) else error.strerror
            raise OutputError(f"the job cannot be saved: {why}") from error
        return job_id

    def check_room(self, jobs: int = 1) -> None:
        """Raise `OptionError` where there is no room for so many more jobs."""
        with self._lock:
            if len(self._waiting) + jobs > MAX_WAITING:
                raise OptionError(
                    f"{len(self._waiting)} jobs wait already, of at most {MAX_WAITING}: "
                    "cancel some, or wait until there is room"
                )
            if len(self._jobs) + jobs > MAX_JOBS:
                raise OptionError(f"{len(self._jobs)} jobs are kept already: remove some from the history")

    def label(self, job_id: str, title: str | None = None, starred: bool | None = None) -> None:
        """Give a job another title, or mark it, or no longer."""
        values = {"title": title, "starred": starred}
        with self._lock:
            job = self._job(job_id)
            job.change(**{name: value for name, value in values.items() if value is not None})
            self._save(job)

    def kept_bytes(self) -> int:
        """Size of all jobs on disk."""
        with self._lock:
            jobs = list(self._jobs.values())
        return sum(job.kept_bytes for job in jobs)

    def view(self, job_id: str) -> JobView:
        """A snapshot of a job."""
        with self._lock:
            return self._view(self._job(job_id))

    def history(self) -> list[JobView]:
        """Snapshots of all jobs, newest first."""
        with self._lock:
            return [self._view(job) for job in self._newest_first()]

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call a function after every change of a job, with the lock held; returns what ends that."""
        with self._lock:
            self._listeners.append(listener)

        def end() -> None:
            with self._lock:
                self._listeners.remove(listener)

        return end

    def changes(self, since: int) -> tuple[int, list[JobView], set[str]]:
        """The number of the last change, snapshots of the jobs that changed after `since`, and the ids of all."""
        with self._lock:
            changed = [job for job in self._newest_first() if job.changed > since]
            return self._changes, [self._view(job) for job in changed], set(self._jobs)

    @property
    def closing(self) -> bool:
        """Whether the studio ends."""
        return self._closing

    def losses(self, job_id: str) -> tuple[Loss, ...]:
        """The losses of a job by step, thinned to a few hundred."""
        with self._lock:
            return self._job(job_id).losses.points

    def files(self, job_id: str) -> JobFiles:
        """Paths of the files of a job."""
        with self._lock:
            return self._job(job_id).files

    def requests(self) -> list[Request]:
        """The requests of all jobs, newest first, and of those that can be brought back."""
        with self._lock:
            removed = [job for job, _ in self._removed.values()]
            return [job.manifest.request for job in (*self._newest_first(), *removed)]

    def stop(self, job_id: str) -> None:
        """End a job after this step with its picture and a checkpoint to continue from. Nothing if it has ended."""
        with self._lock:
            self._end(self._job(job_id), "stopped")

    def cancel(self, job_id: str) -> None:
        """End a job at once, without a picture and a checkpoint; of a job that has ended, drop the checkpoint."""
        with self._lock:
            self._end(self._job(job_id), "cancelled")

    def remove(self, job_id: str) -> None:
        """Take a job out of the history, stopped if need be; its files go after `UNDO_SECONDS`."""
        with self._lock:
            job = self._job(job_id)
            self._end(job, "stopped")
            if job_id not in self._jobs:
                return  # it had nothing to keep, and was tidied away
            del self._jobs[job_id]
            timer = threading.Timer(UNDO_SECONDS, self._forget, [job_id])
            timer.daemon = True
            self._removed[job_id] = job, timer
            timer.start()
            self._tell()

    def bring_back(self, job_id: str) -> None:
        """Put a removed job back into the history; raises `NotKeptError` when its time is over."""
        with self._lock:
            if job_id not in self._removed:
                raise NotKeptError("it cannot be brought back any more: it was removed for good")
            job, timer = self._removed.pop(job_id)
            timer.cancel()
            self._jobs[job_id] = job
            self._touch(job)

    def _forget(self, job_id: str) -> None:
        """Remove the files of a removed job; of one that is painted still, once its worker lets go."""
        with self._lock:
            if job_id not in self._removed:
                return
            job, timer = self._removed.pop(job_id)
            timer.cancel()
            job.deleted = True
            if job.worker is None:
                job.remove()

    def go_on(self, job_id: str) -> None:
        """Put a stopped, failed or cancelled job back into the queue, to continue from its checkpoint if there is one.

        Raises `OptionError` for one that is done; nothing happens to one that waits or is being painted.
        """
        with self._lock:
            job = self._job(job_id)
            if job.state == "done":
                raise OptionError("this picture is finished: there is nothing to go on with")
            if job.state in ("waiting", "painting"):
                return
            self.check_room()
            job.rejoin()
            self._waiting.append(job_id)
            self._save(job)
            self._changed.notify()

    def steer(self, job_id: str, strength: float | None = None, color_strength: float | None = None) -> None:
        """Change the picture that is being painted, from its next step on.

        Raises `OptionError` for a value out of bounds, and for a job that waits, has ended, or is a grid.
        """
        values = {"strength": strength, "color_strength": color_strength}
        changes = {name: value for name, value in values.items() if value is not None}
        build_options(changes)
        with self._lock:
            job = self._job(job_id)
            request = job.manifest.request
            if job.state != "painting" or job.worker is None or job.ending or request.kind in ("grid", "film"):
                raise OptionError(
                    "only a picture that is being painted can be steered: this job stays as it was ordered"
                )
            job.change(request=request.model_copy(update={"options": {**request.options, **changes}}))
            job.worker.send(JobCommand.model_validate({"id": job_id, **changes}))
            self._touch(job)

    def begin_closing(self) -> None:
        """Begin no more jobs; who listens is told."""
        with self._lock:
            self._closing = True
            self._changed.notify_all()
            self._tell()

    def close(self) -> None:
        """Stop the current jobs, with checkpoints, and end the workers. Jobs that wait go on at the next start."""
        self.begin_closing()
        with self._lock:
            for job in (*self._jobs.values(), *(job for job, _ in self._removed.values())):
                if job.worker:
                    self._end(job, "stopped")
        end = time.monotonic() + STOP_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))
        for worker in self._workers:
            worker.close()  # a job that does not stop in time has its last checkpoint
        for thread in self._threads:
            thread.join()
        for job_id in list(self._removed):
            self._forget(job_id)

    # ------------------------------------------------------------------------------ with the lock held

    def _job(self, job_id: str) -> StudioJob:
        if job_id not in self._jobs:
            raise NotKeptError(f"there is no job {job_id!r}: it was removed, or belongs to another studio")
        return self._jobs[job_id]

    def _newest_first(self) -> list[StudioJob]:
        return sorted(self._jobs.values(), key=lambda job: (job.manifest.created, job.id), reverse=True)

    def _touch(self, job: StudioJob) -> None:
        """Note that a job has changed, and tell the listeners; those that wait have moved up with it."""
        self._changes += 1
        for moved in (job, *(self._jobs[job_id] for job_id in self._waiting)):
            moved.changed = self._changes
        self._tell()

    def _tell(self) -> None:
        for listener in self._listeners:
            listener()

    def _view(self, job: StudioJob) -> JobView:
        return job.view(self._waiting.index(job.id) + 1 if job.state == "waiting" else None)

    def _end(self, job: StudioJob, state: str) -> None:
        """Take a job out of the queue, or ask its worker to end it."""
        if job.worker is not None:
            if job.ending not in (state, "cancelled"):  # a stop after a cancel changes nothing
                job.ending = state
                job.worker.send(JobCommand(id=job.id, stop=True, cancel=state == "cancelled"))
                self._touch(job)
        elif job.state == "waiting":
            self._waiting.remove(job.id)
            job.change(state=state)
            self._save(job)
            self._tidy()
        elif job.state in ("stopped", "failed") and state == "cancelled":
            job.change(state=state)
            job.drop_checkpoints()
            self._save(job)

    def _save(self, job: StudioJob) -> None:
        """Save a manifest. A full disk does not end the queue: the job goes on in memory, with a notice."""
        try:
            job.save(self._to_stored)
        except OutputError as error:
            job.add_notice(str(error))
        self._touch(job)

    def _tidy(self) -> None:
        """Remove old checkpoints, by their size, and old jobs without a picture, by their number."""
        ended = [job for job in self._jobs.values() if job.state not in ("waiting", "painting")]
        ended.sort(key=lambda job: job.manifest.queued, reverse=True)
        total_bytes = 0
        for job in [job for job in ended if job.resumable]:
            total_bytes += job.checkpoint_bytes
            if total_bytes > CHECKPOINT_BYTES:
                job.drop_checkpoints()
                job.add_notice("its checkpoint made room for newer ones")
                self._save(job)
        without_picture = [job for job in ended if not job.has_outcome and not job.resumable]
        for job in without_picture[MAX_WITHOUT_PICTURE:]:
            del self._jobs[job.id]
            job.remove()
            self._tell()

    # ------------------------------------------------------------------------ in the thread of a worker

    def _run(self, worker: Worker, number: int) -> None:
        """Give the worker one waiting job after the other, until the studio ends."""
        while True:
            with self._lock:
                while not self._waiting and not self._closing:
                    self._changed.wait()
                if self._closing:
                    return
                job = self._jobs[self._waiting.pop(0)]
                job.change(state="painting")
                job.worker, job.ending = worker, None
                self._save(job)
                try:
                    worker.begin(self._order(job, number))
                    ended = None
                except OSError as error:
                    ended = Ended(state="failed", error=f"the painting process does not start: {error.strerror}")
            try:
                ended = ended or self._follow(job, worker)
            except Exception as error:  # noqa: BLE001 (a bug in one job must not end the queue)
                line = f"{type(error).__name__}: {first_line(error)}"
                ended = Ended(state="failed", error=line, traceback=traceback.format_exc())
            with self._lock:
                self._conclude(job, ended)

    def _order(self, job: StudioJob, number: int) -> Order:
        """The order for worker `number`, with complete options."""
        request, source = job.manifest.request, job.manifest.source
        base = {k: v for k, v in self._options.items() if request.kind != "final" or k in FINAL_OPTIONS}
        options = {**base, **request.options}
        if len(self._workers) > 1 and options.get("device", "auto") == "auto":
            options["device"] = f"cuda:{number}"
        return Order(
            id=job.id,
            folder=job.folder,
            request=request.model_copy(update={"options": options}),
            names={str(path): self._name_of(path) for path in request.files},
            source=job.folder / source if source else None,
        )

    def _follow(self, job: StudioJob, worker: Worker) -> Ended:
        """Take in a worker's messages until the job has ended."""
        for message in worker.messages():
            with self._lock:
                job.update(message)
                (self._save if message.checkpoint else self._touch)(job)
            if message.ended:
                return message.ended
        with self._lock:
            stopping = job.ending == "stopped" or self._closing
            if stopping:
                job.add_notice(CUT_SHORT)
        return Ended(state="stopped") if stopping else Ended(state="failed", error=LOST)

    def _conclude(self, job: StudioJob, ended: Ended) -> None:
        """Note how a job ended. One that was finished before it could be cancelled is done."""
        job.worker = None
        if job.deleted:
            job.remove()
            return
        if job.ending == "cancelled" and ended.state != "done":
            ended = Ended(state="cancelled")
            job.drop_checkpoints()
        job.change(state=ended.state, error=ended.error, traceback=ended.traceback)
        self._save(job)
        self._tidy()
