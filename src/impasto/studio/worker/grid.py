"""Painting a grid: one picture over and over with what varies, on one sheet, as a list of the laboratory's jobs."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from impasto.images.reading import load_picture
from impasto.images.sheet import Cell, draw_sheet, encode_png
from impasto.lab.jobs import Axis, LabJob, LabManifest, Role, check_inputs
from impasto.lab.layout import lay_out
from impasto.lab.paint_job import iter_painting
from impasto.lab.plan import Planner
from impasto.lab.run_folder import RunFolder
from impasto.lab.runner import with_threads
from impasto.lab.sweep import plan_sweep
from impasto.lab.workers import JobEnded, JobProgress, run_here
from impasto.runs.progress import Clock
from impasto.storage.atomic import write_file
from impasto.studio.protocol import Ended, Message, Order, StudioProgress
from impasto.studio.request import Request
from impasto.studio.worker.active_job import ActiveJob, Report
from impasto.studio.worker.inputs import load_paintings, load_regions
from impasto.studio.worker.reduced import THUMBNAIL_PX, save_reduced
from impasto.version import __version__

SHEET_SHARE = 0.1  # of the time that drawing the sheet may take


def paint_grid(job: ActiveJob, report: Report) -> Ended:
    """Paint those pictures of a grid that are not there yet; the sheet grows with them."""
    order = job.order
    folder = RunFolder.create(order.files.grid, with_threads(plan_grid(order.request, order.names), None))
    grid = _Grid(order, folder)
    check_inputs(grid.jobs)
    for event in run_here(grid.waiting, iter_painting, job.controls):
        if isinstance(event, JobProgress):
            grid.clock.tick(event.event)
        elif isinstance(event, JobEnded):
            folder.store(event.job, event.outcome)
            grid.count()
        report(Message(progress=grid.progress()))
    if job.cancelled:
        return Ended(state="cancelled")
    if not grid.drawn:
        grid.draw()
    report(Message(progress=grid.progress().model_copy(update={"seconds_left": None})))
    errors = [result.error for j in grid.jobs if (result := folder.result(j)) and result.status == "failed"]
    if len(errors) == len(grid.jobs):
        return Ended(state="failed", error=errors[0])
    for error in dict.fromkeys(errors):
        report(Message(notice=f"{errors.count(error)} of {len(grid.jobs)} pictures failed: {error}"))
    return Ended(state="stopped" if grid.done < len(grid.jobs) else "done")


def plan_grid(request: Request, names: Mapping[str, str]) -> LabManifest:
    """The pictures of a grid as a list of jobs; raises as `plan_sweep` does.

    `names` are those that the person gave to the paintings, by path: the store's file names mean nothing to people.
    """
    assert request.photo is not None, "a grid without a photo is not submitted"
    vary: dict[str, list[Any]] = {
        axis.name: [choice.path for choice in request.paintings] if axis.name == "painting" else list(axis.values)
        for axis in request.axes
    }
    recipe = None if "recipe" in vary else request.recipe
    planner = Planner(recipe, request.cell_options, load_regions(request.regions))
    paintings = () if "painting" in vary else load_paintings(request.paintings) or ()
    manifest = plan_sweep(request.photo, paintings, vary, planner)
    if "painting" not in vary:
        return manifest
    stored = next(axis.values for axis in manifest.axes if axis.name == "painting")
    labels = _distinct(Path(names.get(str(path), path.name)).stem for path in vary["painting"])
    label_of = dict(zip(stored, labels, strict=True))
    jobs = tuple(
        job.model_copy(update={"labels": job.labels | {"painting": label_of[job.labels["painting"]]}})
        for job in manifest.jobs
    )
    named = Axis(name="painting", values=tuple(label_of.values()))
    axes = tuple(named if axis.name == "painting" else axis for axis in manifest.axes)
    return manifest.model_copy(update={"axes": axes, "jobs": jobs})


class _Grid:
    """The pictures, the sheet and the progress of a grid; those that were painted earlier take no time.

    Attributes
    ----------
    waiting: the jobs to paint. done: number of the pictures that are painted, or failed, so far.
    drawn: whether the sheet shows them all. clock: of the current picture.
    """

    def __init__(self, order: Order, folder: RunFolder) -> None:
        self._order, self._folder = order, folder
        self.jobs = folder.manifest.jobs
        self.waiting = [job for job in self.jobs if not _is_painted(folder, job)]
        self.done = self._done_before = len(self.jobs) - len(self.waiting)
        self.drawn, self.clock = False, Clock()
        self._started, self._sheet_due = time.monotonic(), 0.0
        self._size: tuple[int, int] | None = None

    def count(self) -> None:
        """Count a picture that has ended, and draw the sheet if that is due."""
        self.done, self.clock, self.drawn = self.done + 1, Clock(), False
        if time.monotonic() >= self._sheet_due:
            self.draw()

    def draw(self) -> None:
        """Write the sheet and its thumbnail; the next is due when painting has taken its share of the time."""
        started, order = time.monotonic(), self._order
        manifest = self._folder.manifest
        page = lay_out(manifest)[0]
        cells = [[_cell(self._folder, job) if job else None for job in row] for row in page.cells]
        photo = manifest.jobs[0].files(Role.PHOTO)[0].path
        title = Path(order.names.get(str(photo), photo.name)).stem
        varied = " × ".join(axis.name.replace("_", " ") for axis in manifest.axes)
        subtitle = f"{varied}  ·  impasto {__version__}"
        sheet = encode_png(draw_sheet(page.sheet(cells, title, subtitle, [("photo", photo)])))
        write_file(order.files.picture, sheet, overwrite=True)
        picture = load_picture(order.files.picture)
        save_reduced(order.files.thumbnail, picture.pixels(), THUMBNAIL_PX)
        self._size, self.drawn = (picture.width_px, picture.height_px), True
        ended = time.monotonic()
        self._sheet_due = ended + (ended - started) / SHEET_SHARE

    def progress(self) -> StudioProgress:
        """Progress in pictures."""
        pictures, painted = len(self.jobs), self.done + self.clock.share_done
        seconds, painted_now = time.monotonic() - self._started, painted - self._done_before
        return StudioProgress(
            steps_done=self.done,
            steps=pictures,
            scale=min(self.done + 1, pictures),
            scales=pictures,
            share_done=painted / pictures,
            size=self._size,
            seconds=seconds,
            seconds_left=seconds / painted_now * (pictures - painted) if painted_now else None,
        )


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
    labels: dict[str, None] = {}
    for name in names:
        number, label = 1, name
        while label in labels:
            number += 1
            label = f"{name} ({number})"
        labels[label] = None
    return list(labels)
