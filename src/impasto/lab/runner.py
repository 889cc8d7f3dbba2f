"""Carries a list of jobs out: what is not finished yet is done, measured and stored; then tables, sheets, report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from impasto.encoders import Encoder, load_encoder
from impasto.encoders.fetch import iter_provide
from impasto.engine.devices import thread_count
from impasto.errors import ImpastoError
from impasto.events import Controls
from impasto.images.reading import load_picture
from impasto.lab.jobs import LabJob, LabManifest, Role, check_inputs
from impasto.lab.metrics import measure, name_judges
from impasto.lab.paint_job import SHELF, iter_job
from impasto.lab.report import write_report
from impasto.lab.run_folder import LabResult, RunFolder
from impasto.lab.workers import (
    JobEnded,
    JobProgress,
    JobStarted,
    WorkerEvent,
    report_painting,
    run_here,
    run_on_ray,
)
from impasto.storage.claims import claimed_folder
from impasto.storage.files import read_own

MAX_SHEET_BYTES = 200_000_000


@dataclass(frozen=True)
class JobRecorded:
    """A job's result is in the run folder; `skipped` where it was there before."""

    job: LabJob
    result: LabResult
    skipped: bool = False


LabEvent = JobStarted[LabJob] | JobProgress[LabJob] | JobRecorded


@dataclass(frozen=True, repr=False)
class LabRun:
    """A run folder and what came of each of its jobs, None for those not run. In a notebook it shows its contact sheet.

    Attributes
    ----------
    folder: holds ``report.html``, ``results.csv``, the contact sheets, pastiches and events.
    """

    folder: Path
    manifest: LabManifest
    results: dict[str, LabResult | None]

    @property
    def failed(self) -> list[str]:
        """Names of the jobs that failed."""
        return [name for name, result in self.results.items() if result and result.status == "failed"]

    @property
    def missing(self) -> list[str]:
        """Names of the jobs that have not run."""
        return [name for name, result in self.results.items() if result is None]

    def __repr__(self) -> str:
        done = len(self.results) - len(self.failed) - len(self.missing)
        return f"<LabRun {self.folder}: {done} jobs done, {len(self.failed)} failed, {len(self.missing)} missing>"

    def _repr_png_(self) -> bytes | None:
        """For notebooks: the first contact sheet, where there is one."""
        sheet = self.folder / "contact-sheet.png"
        try:
            return read_own(sheet, MAX_SHEET_BYTES)
        except OSError:
            return None


def read_run(folder: Path) -> LabRun:
    """What a run folder holds; raises `RecordError` where there is none."""
    run_folder = RunFolder.open(folder)
    results = {job.name: run_folder.result(job) for job in run_folder.manifest.jobs}
    return LabRun(folder, run_folder.manifest, results)


def with_threads(manifest: LabManifest, ray: str | None) -> LabManifest:
    """Give every job that leaves its threads open a number, since it changes the last bits.

    All cores for one job at a time, one core each on a cluster.
    """

    def with_number(job: LabJob) -> LabJob:
        threads = job.options.threads or (1 if ray else thread_count(job.options))
        return job.model_copy(update={"options": job.options.model_copy(update={"threads": threads})})

    return manifest.model_copy(update={"jobs": tuple(map(with_number, manifest.jobs))})


def iter_jobs(
    folder: Path, manifest: LabManifest, *, ray: str | None = None, controls: Controls | None = None
) -> Iterator[LabEvent]:
    """Do the jobs that are not finished, yielding what happens; ends with tables, sheets and report written.

    Parameters
    ----------
    ray: ``auto`` or an address: painting jobs run on that cluster, the others here.
    controls: `stop` ends the list early; what has finished stays and is reported.

    Raises `OutputError` for a folder that cannot be used, `RecordError` for inputs that have changed,
    `OptionError` for an unknown judge or a cluster that cannot be used.
    """
    controls = controls or Controls()
    manifest = with_threads(manifest, ray)
    check_inputs(manifest.jobs)
    for _ in iter_provide(manifest.judge):  # the command line has done so, and shown it
        pass
    judge = load_encoder(manifest.judge)
    with claimed_folder(folder):
        yield from _iter_jobs(RunFolder.create(folder, manifest), manifest, judge, ray, controls)


def _iter_jobs(
    run_folder: RunFolder, manifest: LabManifest, judge: Encoder, ray: str | None, controls: Controls
) -> Iterator[LabEvent]:
    """Do the jobs in a folder that is claimed."""
    waiting = []
    for job in manifest.jobs:
        result = run_folder.result(job)
        if result is not None and result.status == "done":
            yield JobRecorded(job, _measure(run_folder, job, result, judge), skipped=True)
        else:
            waiting.append(job)
    remote = [job for job in waiting if ray and job.kind == "paint"]
    here = [job for job in waiting if not ray or job.kind != "paint"]
    if ray and remote:
        yield from _record(run_folder, judge, run_on_ray(remote, report_painting, ray, controls))
    yield from _record(run_folder, judge, run_here(here, iter_job, controls))
    write_report(run_folder, judge.name)


def _record(folder: RunFolder, judge: Encoder, events: Iterator[WorkerEvent[LabJob]]) -> Iterator[LabEvent]:
    """Store and measure what ends."""
    for event in events:
        if isinstance(event, JobEnded):
            result = folder.store(event.job, event.outcome)
            yield JobRecorded(event.job, _measure(folder, event.job, result, judge))
        else:
            yield event


def _measure(folder: RunFolder, job: LabJob, result: LabResult, judge: Encoder) -> LabResult:
    """The result with its metrics by this judge, measured from the file as it lies there."""
    seal = name_judges(judge)
    if result.status != "done" or result.judge == seal:
        return result
    try:
        photo = SHELF.load(job.files(Role.PHOTO)[0])
        paintings = [(SHELF.load_style(file), file.weight) for file in job.files(Role.PAINTING)]
        metrics = measure(judge, photo, paintings, load_picture(folder.picture_path(job)))
    except ImpastoError as error:
        raise type(error)(f"cannot measure {job.name}: {error}") from error
    result = result.model_copy(update={"judge": seal, "metrics": metrics})
    folder.store_result(job, result)
    return result
