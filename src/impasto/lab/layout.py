"""The layout of a run's pictures, on contact sheets and in the report alike."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from impasto.images.sheet import Cell, Heading, Sheet
from impasto.inputs.style_file import is_style_file
from impasto.lab.jobs import LabJob, LabManifest, Role

T = TypeVar("T")
MAX_ROW = 6  # pictures side by side where a single thing varies
PAGE_PICTURES = 48  # at most, on a page
_BARE_LABELS = frozenset(["photo", "painting", "column", "recipe"])  # whose values need no name before them


@dataclass(frozen=True)
class Page:
    """A grid of jobs. Without headings each picture has a caption of its own.

    Attributes
    ----------
    title: values of what varies over pages; empty where there is one page.
    row_axis, column_axis: what varies over rows and columns, as people read it; empty where the headings say it.
    cells: [row][column]; None for a combination that is not in the run.
    """

    title: str
    cells: Sequence[Sequence[LabJob | None]]
    rows: Sequence[Heading] = ()
    columns: Sequence[Heading] = ()
    row_axis: str = ""
    column_axis: str = ""

    def caption(self, job: LabJob) -> str:
        """The text that tells the job apart where no headings do."""
        return "" if self.columns else ", ".join(describe_labels(job))

    def sheet(
        self,
        cells: Sequence[Sequence[Cell | None]],
        title: str,
        subtitle: str,
        shared: Sequence[tuple[str, Path | str]],
    ) -> Sheet:
        """The page as a contact sheet; `shared` are the pictures that all jobs have in common."""
        return Sheet(
            cells, title, subtitle, self.title, self.rows, self.columns, self.row_axis, self.column_axis, shared
        )


def lay_out(manifest: LabManifest) -> list[Page]:
    """First axis as rows, second as columns, further ones as pages.

    A single axis, or a list that is no full grid, goes in rows of captioned pictures.
    """
    axes, jobs = manifest.axes, manifest.jobs
    if len(axes) == 1 and len(jobs) <= MAX_ROW:
        columns = _headings(axes[0].name, axes[0].values, jobs)
        return [Page("", [jobs], columns=columns, column_axis=axis_title(axes[0].name))]
    if len(axes) < 2 or math.prod(len(axis.values) for axis in axes) != len(jobs):
        return _in_rows(jobs)
    job_of = {tuple(job.labels.values()): job for job in jobs}
    row_axis, column_axis, *further = axes
    row_headings = _headings(row_axis.name, row_axis.values, jobs)
    columns = _headings(column_axis.name, column_axis.values, jobs)
    page_rows = max(1, PAGE_PICTURES // len(columns))
    pages = []
    for values in itertools.product(*(axis.values for axis in further)):
        title = ", ".join(_describe(axis.name, value) for axis, value in zip(further, values, strict=True))
        for rows in _chunks(row_headings, page_rows):
            cells = [[job_of.get((row.text, column.text, *values)) for column in columns] for row in rows]
            pages.append(Page(title, cells, rows, columns, axis_title(row_axis.name), axis_title(column_axis.name)))
    return pages


def describe_labels(job: LabJob) -> list[str]:
    """``content weight 10``; pictures and columns by their names alone."""
    return [_describe(name, value) for name, value in job.labels.items()]


def axis_title(name: str) -> str:
    """An option as people read it: ``content weight``; empty for the columns of a comparison."""
    return "" if name == "column" else name.removesuffix("_px").replace("_", " ")


def shared_inputs(jobs: Sequence[LabJob]) -> list[tuple[str, Path | str]]:
    """The photo and the painting that all jobs share, by role; those that differ are left out."""
    shared: list[tuple[str, Path | str]] = []
    for role in (Role.PHOTO, Role.PAINTING):
        hashes = {tuple(file.sha256 for file in job.files(role)) for job in jobs}
        first = jobs[0].files(role)
        if len(hashes) == 1 and first:
            shared.append((role.value, path_or_name(first[0].path)))
    return shared


def path_or_name(path: Path) -> Path | str:
    """The path of a picture; for a style file, which holds none, its name."""
    return path.name if is_style_file(path) else path


def _describe(name: str, value: str) -> str:
    return value if name in _BARE_LABELS else f"{axis_title(name)} {value}"


def _headings(axis: str, values: Sequence[str], jobs: Sequence[LabJob]) -> list[Heading]:
    role = Role(axis) if axis in ("photo", "painting") else None
    pictures = {job.labels[axis]: path_or_name(job.files(role)[0].path) for job in jobs} if role else {}
    return [Heading(value, pictures.get(value)) for value in values]


def _in_rows(jobs: Sequence[LabJob]) -> list[Page]:
    across = min(MAX_ROW, max(3, math.isqrt(len(jobs) - 1) + 1)) if len(jobs) > MAX_ROW else len(jobs)
    pages = []
    for part in _chunks(jobs, PAGE_PICTURES // across * across):
        rows = [[*row, *[None] * (across - len(row))] for row in _chunks(part, across)]
        pages.append(Page("", rows))
    return pages


def _chunks(items: Sequence[T], size: int) -> list[Sequence[T]]:
    return [items[start : start + size] for start in range(0, len(items), size)]
