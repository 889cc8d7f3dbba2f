"""Where jobs run: one after another in this process, or on a Ray cluster.

Both yield the same events and, at equal threads per job on one machine, the same bytes.
"""

from __future__ import annotations

import logging
import socket
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Generic, Protocol, Self, TypeAlias, TypeVar

from impasto.errors import ImpastoError, OptionError, first_line
from impasto.events import Controls, Event, Notice, RunStarted, ScaleStarted, StepDone
from impasto.lab.jobs import InputFile, LabJob
from impasto.lab.paint_job import iter_painting
from impasto.lab.run_folder import Outcome, failed
from impasto.storage.installed import install_command

if TYPE_CHECKING:
    from types import ModuleType

RETRIES = 3  # times that the job of a lost worker is tried again
REPORTED_STEPS = 5  # a cluster reports one step in so many, the same ones when a job is tried again
CONNECT_SECONDS = 5.0
POLL_SECONDS = 0.5  # how soon `stop` is noticed while no job reports anything


class Job(Protocol):
    """What can be done elsewhere: its files by content, and what it asks of a machine."""

    @property
    def name(self) -> str:
        """Told apart by this."""

    @property
    def identity(self) -> str:
        """SHA-256 of all that decides its outcome."""

    @property
    def inputs(self) -> tuple[InputFile, ...]:
        """The files that it reads."""

    @property
    def threads(self) -> int:
        """Cores that it takes."""

    @property
    def device(self) -> str:
        """``auto``, ``cpu``, ``cuda`` or ``cuda:N``."""

    def with_inputs(self, inputs: tuple[InputFile, ...]) -> Self:
        """The same job with its files in other places."""


AnyJob = TypeVar("AnyJob", bound=Job)
Work: TypeAlias = Callable[[AnyJob], Iterator[Any]]  # yields events, results of its kind, and at last an `Outcome`


@dataclass(frozen=True)
class JobStarted(Generic[AnyJob]):
    """A job has begun."""

    job: AnyJob


@dataclass(frozen=True)
class JobProgress(Generic[AnyJob]):
    """What a job yields on its way: of a painting `RunStarted`, `ScaleStarted`, some of `StepDone`, `Notice`."""

    job: AnyJob
    event: Any


@dataclass(frozen=True)
class JobEnded(Generic[AnyJob]):
    """A job is finished or has failed."""

    job: AnyJob
    outcome: Outcome


WorkerEvent: TypeAlias = JobStarted[AnyJob] | JobProgress[AnyJob] | JobEnded[AnyJob]


def run_here(jobs: Sequence[AnyJob], work: Work[AnyJob], controls: Controls) -> Iterator[WorkerEvent[AnyJob]]:
    """Run jobs one after another. `controls.stop` ends the list at the next step, without the job in hand."""
    for job in jobs:
        if controls.stop:
            return
        yield JobStarted(job)
        for item in attempt(work, job):
            if controls.stop:
                return
            yield _event(job, item)


def attempt(work: Work[AnyJob], job: AnyJob) -> Iterator[Any]:
    """Do a job; whatever goes wrong in it becomes an outcome, so that the rest go on."""
    try:
        yield from work(job)
    except ImpastoError as error:
        yield failed(job.identity, str(error))
    except Exception as error:  # noqa: BLE001 (a bug, or memory that ran out, in one job of many)
        yield failed(job.identity, f"{type(error).__name__}: {first_line(error)}", traceback.format_exc())


def _event(job: AnyJob, item: Any) -> JobProgress[AnyJob] | JobEnded[AnyJob]:
    return JobEnded(job, item) if isinstance(item, Outcome) else JobProgress(job, item)


# --- Ray ----------------------------------------------------------------------------------------------------


def run_on_ray(
    jobs: Sequence[AnyJob], work: Work[AnyJob], address: str, controls: Controls
) -> Iterator[WorkerEvent[AnyJob]]:
    """Run jobs on a Ray cluster, as many at once as it has cores and GPUs for.

    Parameters
    ----------
    address: ``auto`` for the cluster that this machine belongs to, or one of its own; else HOST:PORT.
    jobs: each takes its `threads` as cores, and a GPU where it may paint on one and the cluster has some.
        Its inputs travel to the worker, its files come back, through Ray's object store: no folder is shared.
        The job of a lost worker is tried again, `RETRIES` times.
    work: what does a job there, once its files are; it travels with whatever it holds, once for all jobs, and has to
        yield as many things when a job is tried again.
    controls: `stop` ends the list: what runs is cancelled, what has finished has been reported.

    Raises `OptionError` where Ray is not installed, no cluster answers, or none of its machines has the cores or
    the GPU.
    """
    with _connected(address) as ray:
        _check_room(ray, jobs)
        do, work_there = ray.remote(_far_away), ray.put(work)
        stored: dict[str, Any] = {}

        def submit(job: AnyJob) -> Any:
            for file in job.inputs:
                if file.sha256 not in stored:
                    stored[file.sha256] = ray.put(file.path.read_bytes())
            demands = {"num_cpus": job.threads, "max_retries": RETRIES, "num_returns": "streaming"}
            if _needs_gpu(job, ray.cluster_resources().get("GPU", 0)):
                demands["num_gpus"] = 1
            return do.options(**demands).remote(work_there, job, *(stored[file.sha256] for file in job.inputs))

        running = {submit(job): job for job in jobs}
        try:
            yield from _follow(ray, running, submit, controls)
        finally:
            for stream in running:
                ray.cancel(stream, force=True)


def _follow(
    ray: ModuleType, running: dict[Any, AnyJob], submit: Callable[[AnyJob], Any], controls: Controls
) -> Iterator[WorkerEvent[AnyJob]]:
    """Report what the streams of running jobs bring, taking out each that ends."""
    tries: dict[str, int] = {}
    while running and not controls.stop:
        ready, _ = ray.wait(list(running), num_returns=1, timeout=POLL_SECONDS)
        for stream in ready:
            job = running[stream]
            if job.name not in tries:
                tries[job.name] = 1
                yield JobStarted(job)
            try:
                item = ray.get(next(stream))
            except StopIteration:
                # Tried again on another kind of machine, it sent less than had come before: all of it anew.
                if tries[job.name] <= RETRIES:
                    tries[job.name] += 1
                    del running[stream]
                    running[submit(job)] = job
                    continue
                item = failed(job.identity, "lost by the cluster: it ended without a picture")
            except ray.exceptions.RayError as error:
                item = failed(job.identity, f"lost by the cluster: {first_line(error)}")
            if isinstance(item, Outcome):
                del running[stream]
            yield _event(job, item)


def _far_away(work: Work[AnyJob], job: AnyJob, *contents: bytes) -> Iterator[Any]:
    """Do a job on a Ray worker, where its inputs are written to files first."""
    with TemporaryDirectory(prefix="impasto-") as folder:
        inputs = []
        for number, (file, content) in enumerate(zip(job.inputs, contents, strict=True)):
            path = Path(folder) / str(number) / file.path.name
            path.parent.mkdir()
            path.write_bytes(content)
            inputs.append(file.model_copy(update={"path": path}))
        yield from attempt(work, job.with_inputs(tuple(inputs)))


def report_painting(job: LabJob) -> Iterator[Event | Outcome]:
    """Paint, and report what is worth sending: a few numbers of some steps, no pictures on the way."""
    for item in iter_painting(job):
        if isinstance(item, StepDone):
            reported = item.step % REPORTED_STEPS == 0
        else:
            reported = isinstance(item, RunStarted | ScaleStarted | Notice | Outcome)
        if reported:
            yield item


@contextmanager
def _connected(address: str) -> Iterator[ModuleType]:
    """The ray module, connected for the time being; a connection that was there before is left as it was."""
    try:
        import ray
    except ImportError as error:
        raise OptionError(f"Ray is not installed; to run jobs on it: {install_command('ray')}") from error
    if ray.is_initialized():
        yield ray
        return
    if address != "auto":
        _check_answers(address)
    try:
        ray.init(
            address=None if address == "auto" else address,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    except (ConnectionError, ValueError, RuntimeError, OSError) as error:
        raise OptionError(f"no Ray cluster answers at {address!r}: {first_line(error)}") from error
    try:
        yield ray
    finally:
        ray.shutdown()


def _check_answers(address: str) -> None:
    """Refuse an address where nothing listens: Ray itself would wait for minutes."""
    host, _, port = address.rpartition(":")
    if not host or "/" in host or not port.isdecimal():
        raise OptionError(f"a Ray address is auto or HOST:PORT (from a machine of the cluster), got {address!r}")
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise OptionError(f"no Ray cluster answers at {address!r}: {first_line(error)}") from error


def _needs_gpu(job: Job, gpus: float) -> bool:
    """Whether a job has a GPU to itself, in a cluster of so many."""
    return job.device.startswith("cuda") or (job.device == "auto" and gpus > 0)


def _check_room(ray: ModuleType, jobs: Sequence[Job]) -> None:
    """Refuse what no machine of the cluster could ever start."""
    cores = max((node["Resources"].get("CPU", 0) for node in ray.nodes() if node["Alive"]), default=0)
    most = max((job.threads for job in jobs), default=0)
    if most > cores:
        raise OptionError(f"a job needs {most} threads, the largest machine of the cluster has {cores:g} cores")
    gpus = ray.cluster_resources().get("GPU", 0)
    if gpus == 0 and any(_needs_gpu(job, gpus) for job in jobs):
        raise OptionError("a job needs the device cuda, no machine of the cluster has a GPU; leave it to auto, or cpu")
