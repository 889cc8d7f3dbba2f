"""The pictures of a grid: where each is, what it shows, and the request with which it goes on as a job of its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from impasto.errors import RecordError
from impasto.lab.run_folder import RunFolder
from impasto.studio.request import Request


@dataclass(frozen=True)
class GridCell:
    """A picture of a grid; `labels`: what varies, in words. `picture`: None until it is painted."""

    labels: dict[str, str]
    picture: Path | None
    request: Request


def read_cells(folder: Path, request: Request) -> list[GridCell]:
    """The cells of a grid from its run folder, row by row; raises `RecordError` for a damaged one."""
    run = RunFolder.open(folder)
    if len(run.manifest.jobs) != len(request.cells()):
        raise RecordError("the pictures of this grid do not fit what was ordered: order it again")
    cells = []
    for job, asked in zip(run.manifest.jobs, request.cells(), strict=True):
        result = run.result(job)
        painted = result is not None and result.status == "done"
        if job.options.balance == "fixed" and "content_weight" in job.labels:  # else it would be moved away again
            asked = asked.model_copy(update={"options": asked.options | {"balance": "fixed"}})
        cells.append(GridCell(job.labels, run.picture_path(job) if painted else None, asked))
    return cells
