"""Runs a list of jobs: one after another in this process, or on a Ray cluster.

Both yield the same events and, at equal threads per job on one machine, the same bytes.
"""

from __future__ import annotations

import dataclasses
import logging
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TypeAlias

from impasto.errors import ImpastoError, OptionError
from impasto.events import Controls, Event, RunDone, StepDone
from impasto.jobs.painting import iter_painting
from impasto.jobs.run_folder import Failure, Job, Outcome

if TYPE_CHECKING:
    from types import ModuleType

RETRIES = 3  # times that the job of a lost worker is tried again
TOLD_STEPS = 5  # on a cluster every so many steps one is told, the same ones if a job is tried again
POLL_SECONDS = 0.5  # how soon a wish to stop is noticed while no job tells anything

Work: TypeAlias = Callable[[Job], Iterator[Event | Outcome]]


@dataclass(frozen=True)
class JobStarted:
    """A job has begun."""

    job: Job


@dataclass(frozen=True)
class JobProgress:
    """An event of a job's run (`RunStarted`, `ScaleStarted`, some of `StepDone`, `Notice`)."""

    job: Job
    event: Event


@dataclass(frozen=True)
class JobEnded:
    """A job is finished or has failed."""

    job: Job
    ended: Outcome | Failure


RunnerEvent = JobStarted | JobProgress | JobEnded


def run_here(jobs: Sequence[Job], work: Work, controls: Controls) -> Iterator[RunnerEvent]:
    """Run jobs one after another. `controls.stop` ends the list at the next step, without the job in hand."""
    for job in jobs:
        if controls.stop:
            return
        yield JobStarted(job)
        for item in attempt(work, job):
            if controls.stop:
                return
            yield _told(job, item)


def run_on_ray(jobs: Sequence[Job], address: str, controls: Controls) -> Iterator[RunnerEvent]:
    """Run painting jobs on a Ray cluster, as many at once as it has cores for.

    Parameters
    ----------
    address: ``auto`` for the cluster that this machine belongs to, or one of its own; else HOST:PORT.
    jobs: each takes `options.threads` cores. Its inputs travel to the worker, its files come back, through
        Ray's object store: no folder is shared. The job of a lost worker is tried again, `RETRIES` times.
    controls: `stop` ends the list: what runs is cancelled, what has finished has been told.

    Raises `OptionError` where Ray is not installed, no cluster answers, or none of its machines has the cores.
    """
    with _connected(address) as ray:
        _check_cores(ray, jobs)
        paint = ray.remote(_paint_far_away)
        stored: dict[str, Any] = {}
        running: dict[Any, Job] = {}
        for job in jobs:
            for file in job.inputs:
                if file.sha256 not in stored:
                    stored[file.sha256] = ray.put(file.path.read_bytes())
            contents = [stored[file.sha256] for file in job.inputs]
            wanted = {"num_cpus": job.options.threads or 1, "max_retries": RETRIES, "num_returns": "streaming"}
            running[paint.options(**wanted).remote(job, *contents)] = job
        try:
            yield from _follow(ray, running, controls)
        finally:
            for stream in running:
                ray.cancel(stream, force=True)


def _follow(ray: ModuleType, running: dict[Any, Job], controls: Controls) -> Iterator[RunnerEvent]:
    """Tell what the streams of running jobs bring, taking out each that ends."""
    begun: set[str] = set()
    while running and not controls.stop:
        ready, _ = ray.wait(list(running), num_returns=1, timeout=POLL_SECONDS)
        for stream in ready:
            job = running[stream]
            try:
                item = ray.get(next(stream))
            except StopIteration:
                del running[stream]
                continue
            except ray.exceptions.RayError as error:
                del running[stream]
                item = Failure(f"lost by the cluster: {_first_line(error)}")
            if job.name not in begun:
                begun.add(job.name)
                yield JobStarted(job)
            yield _told(job, item)


def attempt(work: Work, job: Job) -> Iterator[Event | Outcome | Failure]:
    """Do a job; whatever goes wrong in it becomes a `Failure`, so that the rest go on."""
    try:
        yield from work(job)
    except ImpastoError as error:
        yield Failure(str(error))
    except Exception as error:  # noqa: BLE001 (a bug, or memory that ran out, in one job of many)
        yield Failure(f"{type(error).__name__}: {_first_line(error)}", traceback.format_exc())


def _told(job: Job, item: Event | Outcome | Failure) -> JobProgress | JobEnded:
    return JobEnded(job, item) if isinstance(item, Outcome | Failure) else JobProgress(job, item)


def _paint_far_away(job: Job, *contents: bytes) -> Iterator[Event | Outcome | Failure]:
    """What a Ray worker does: inputs to files of its own, then the same work as anywhere."""
    with TemporaryDirectory(prefix="impasto-") as folder:
        inputs = []
        for number, (file, content) in enumerate(zip(job.inputs, contents, strict=True)):
            path = Path(folder) / str(number) / file.path.name
            path.parent.mkdir()
            path.write_bytes(content)
            inputs.append(file.model_copy(update={"path": path}))
        for item in attempt(iter_painting, job.model_copy(update={"inputs": tuple(inputs)})):
            if isinstance(item, RunDone):
                yield dataclasses.replace(item, pixels=item.pixels[:0])  # the outcome holds them
            elif not isinstance(item, StepDone) or item.step % TOLD_STEPS == 0:
                yield item


@contextmanager
def _connected(address: str) -> Iterator[ModuleType]:
    """The ray module, connected for the time being; a connection that was there before is left as it was."""
    try:
        import ray
    except ImportError as error:
        raise OptionError("Ray is not installed; to run jobs on it: pip install 'impasto[ray]'") from error
    if ray.is_initialized():
        yield ray
        return
    if "://" in address:
        raise OptionError(
            f"the Ray address {address!r} is not of the form HOST:PORT; start impasto on a machine of the cluster"
        )
    try:
        ray.init(
            address=None if address == "auto" else address,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    except (ConnectionError, ValueError, RuntimeError, OSError) as error:
        raise OptionError(f"no Ray cluster answers at {address!r}: {_first_line(error)}") from error
    try:
        yield ray
    finally:
        ray.shutdown()


def _check_cores(ray: ModuleType, jobs: Sequence[Job]) -> None:
    """Refuse what no machine of the cluster could ever start."""
    cores = max((node["Resources"].get("CPU", 0) for node in ray.nodes() if node["Alive"]), default=0)
    most = max((job.options.threads or 1 for job in jobs), default=0)
    if most > cores:
        raise OptionError(f"a job wants {most} threads, the largest machine of the cluster has {cores:g} cores")


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else "no reason given"
