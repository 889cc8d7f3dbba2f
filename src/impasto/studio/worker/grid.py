"""Grids: strength x painting on one sheet, as a list of the laboratory's jobs."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from impasto.images.reading import load_picture
from impasto.images.writing import write_file
from impasto.lab.jobs import Axis, LabJob, LabManifest, Role, check_inputs
from impasto.lab.layout import lay_out
from impasto.lab.paint_job import iter_painting
from impasto.lab.plan import Planner
from impasto.lab.run_folder import RunFolder
from impasto.lab.runner import with_threads
from impasto.lab.sheet import Cell, Sheet, draw_sheet
from impasto.lab.sweep import plan_sweep
from impasto.lab.workers import JobEnded, JobProgress, JobStarted, run_here
from impasto.runs.progress import Clock
from impasto.studio.protocol import Ended, Message, Order, Progress
from impasto.studio.request import Request
from impasto.studio.worker.paint import THUMBNAIL_PX, Tell, Work, save_reduced
from impasto.version import __version__

SHEET_SHARE = 0.1  # of the time that drawing the sheet may take


def paint_grid(work: Work, tell: Tell) -> Ended:
    """Paint what of the grid is not there yet; the sheet grows with it."""
    order = work.order
    folder = RunFolder.create(order.files.grid, with_threads(plan_grid(order.request, order.names), None))
    jobs = folder.manifest.jobs
    check_inputs(jobs)
    waiting = [job for job in jobs if not _is_painted(folder, job)]
    watch = _Watch(len(jobs), len(waiting))
    for event in run_here(waiting, iter_painting, work.controls):
        if isinstance(event, JobStarted):
            watch.begin()
        elif isinstance(event, JobProgress):
            watch.clock.tick(event.event)
        elif isinstance(event, JobEnded):
            folder.store(event.job, event.ended)
            watch.end()
            if watch.sheet_due:
                watch.draw(order, folder)
        tell(Message(progress=watch.progress()))
    if work.cancelled:
        return Ended(state="cancelled")
    if not watch.drawn:
        watch.draw(order, folder)
    tell(Message(progress=watch.progress().model_copy(update={"seconds_left": None})))
    failed = [result.error for job in jobs if (result := folder.result(job)) and result.status == "failed"]
    if len(failed) == len(jobs):
        return Ended(state="failed", error=failed[0])
    for line in dict.fromkeys(failed):
        tell(Message(notice=f"{failed.count(line)} of {len(jobs)} pictures failed: {line}"))
    return Ended(state="stopped" if watch.done < len(jobs) else "done")


def plan_grid(request: Request, names: Mapping[str, str]) -> LabManifest:
    """Its pictures as a list of jobs; raises as `plan_sweep` does.

    `names` are what people call the paintings, by path: the files' own names say nothing.
    """
    assert request.photo is not None, "a grid without a photo is not submitted"
    paintings = list(dict.fromkeys(choice.path for choice in request.paintings))
    manifest = plan_sweep(
        request.photo,
        (),
        {"painting": paintings, "strength": list(dict.fromkeys(request.strengths))},
        Planner(request.recipe, {name: value for name, value in request.options.items() if name != "strength"}),
    )
    rows, columns = manifest.axes  # a row a painting: strength grows from left to right
    labels = _distinct(Path(names.get(str(path), path.name)).stem for path in paintings)
    called = dict(zip(rows.values, labels, strict=True))
    jobs = tuple(
        job.model_copy(update={"labels": job.labels | {"painting": called[job.labels["painting"]]}})
        for job in manifest.jobs
    )
    axes = (Axis(name="painting", values=tuple(called.values())), columns)
    return manifest.model_copy(update={"axes": axes, "jobs": jobs})


class _Watch:
    """How far a grid is; what was painted before it went on takes no time."""

    def __init__(self, pictures: int, waiting: int) -> None:
        self._pictures, self._before = pictures, pictures - waiting
        self._started = time.monotonic()
        self.done, self.clock = self._before, Clock()
        self.size: tuple[int, int] | None = None
        self.drawn, self._sheet_at = False, 0.0

    def begin(self) -> None:
        self.clock = Clock()

    def end(self) -> None:
        self.done, self.clock, self.drawn = self.done + 1, Clock(), False

    @property
    def sheet_due(self) -> bool:
        return time.monotonic() >= self._sheet_at

    def draw(self, order: Order, folder: RunFolder) -> None:
        """Write the sheet as it is by now; the next one is due when this one was worth its time."""
        started = time.monotonic()
        self.size, self.drawn = _draw(order, folder), True
        ended = time.monotonic()
        self._sheet_at = ended + (ended - started) / SHEET_SHARE

    def progress(self) -> Progress:
        painted = self.done + self.clock.share_done
        seconds = time.monotonic() - self._started
        now = painted - self._before
        return Progress(
            steps_done=self.done,
            steps=self._pictures,
            scale=min(self.done + 1, self._pictures),
            scales=self._pictures,
            share_done=painted / self._pictures,
            size=self.size,
            seconds=seconds,
            seconds_left=seconds / now * (self._pictures - painted) if now else None,
        )


def _draw(order: Order, folder: RunFolder) -> tuple[int, int]:
    """Write the sheet and its thumbnail; returns (width, height) in pixels."""
    manifest = folder.manifest
    page = lay_out(manifest)[0]
    cells = [[_cell(folder, job) if job else None for job in row] for row in page.cells]
    photo = manifest.jobs[0].files(Role.PHOTO)[0].path
    title = Path(order.names.get(str(photo), photo.name)).stem
    subtitle = f"painting × strength  ·  impasto {__version__}"
    write_file(order.files.picture, draw_sheet(Sheet(title, subtitle, page, cells, [("photo", photo)])), overwrite=True)
    sheet = load_picture(order.files.picture)
    save_reduced(order.files.thumbnail, sheet.pixels(), THUMBNAIL_PX)
    return sheet.width_px, sheet.height_px


def _cell(folder: RunFolder, job: LabJob) -> Cell:
    result = folder.result(job)
    if result is None:
        return Cell(None, fault="not painted yet")
    if result.status == "failed":
        return Cell(None, fault=f"failed: {result.error}")
    return Cell(folder.picture_path(job))


def _is_painted(folder: RunFolder, job: LabJob) -> bool:
    result = folder.result(job)
    return result is not None and result.status == "done"


def _distinct(names: Iterable[str]) -> list[str]:
    """The names, numbered where two are the same."""
    found: dict[str, None] = {}
    for name in names:
        number, own = 1, name
        while own in found:
            number += 1
            own = f"{name} ({number})"
        found[own] = None
    return list(found)
