"""How the pictures of a run are laid out, on contact sheets and in the report alike."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from impasto.lab.jobs import LabJob, LabManifest, Role

T = TypeVar("T")
MAX_ROW = 6  # pictures side by side where a single thing varies
PAGE_PICTURES = 48  # at most, on a page


@dataclass(frozen=True)
class Heading:
    """The value that a row or column stands for; `picture` where that is a photo or painting."""

    text: str
    picture: Path | None = None


@dataclass(frozen=True)
class Page:
    """A grid of jobs. Without `columns` and `rows` headings each picture is captioned by itself.

    Attributes
    ----------
    title: values of what varies over pages; empty where there is one page.
    row_axis, column_axis: names of what varies over rows and columns; empty without headings.
    cells: [row][column]; None for a combination that is not in the run.
    """

    title: str
    row_axis: str
    column_axis: str
    rows: tuple[Heading, ...]
    columns: tuple[Heading, ...]
    cells: tuple[tuple[LabJob | None, ...], ...]

    def caption(self, job: LabJob) -> str:
        """What tells the job apart where no headings do."""
        return "" if self.columns else ", ".join(describe_labels(job))


def lay_out(manifest: LabManifest) -> list[Page]:
    """First axis as rows, second as columns, further ones as pages; a single axis, or a list that is no full
    grid, as captioned rows."""
    axes, jobs = manifest.axes, manifest.jobs
    if len(axes) == 1 and len(jobs) <= MAX_ROW:
        columns = _headings(axes[0].name, axes[0].values, jobs)
        return [Page("", "", axes[0].name, (), columns, (tuple(jobs),))]
    if len(axes) < 2 or math.prod(len(axis.values) for axis in axes) != len(jobs):
        return _in_rows(jobs)
    found = {tuple(job.labels.values()): job for job in jobs}
    row_axis, column_axis, *further = axes
    row_headings = _headings(row_axis.name, row_axis.values, jobs)
    columns = _headings(column_axis.name, column_axis.values, jobs)
    page_rows = max(1, PAGE_PICTURES // len(columns))
    pages = []
    for values in itertools.product(*(axis.values for axis in further)):
        shown = [_described(axis.name, value) for axis, value in zip(further, values, strict=True)]
        for rows in _chunks(row_headings, page_rows):
            cells = tuple(tuple(found.get((row.text, column.text, *values)) for column in columns) for row in rows)
            pages.append(Page(", ".join(shown), row_axis.name, column_axis.name, tuple(rows), columns, cells))
    return pages


def describe_labels(job: LabJob) -> list[str]:
    """``content weight 10``; pictures and columns by their names alone."""
    return [_described(name, value) for name, value in job.labels.items()]


def axis_title(name: str) -> str:
    """An option as people read it: ``content weight``."""
    return name.removesuffix("_px").replace("_", " ")


def constant_input(jobs: Sequence[LabJob], role: Role) -> Path | None:
    """The photo or painting that all jobs share; None where they differ."""
    files = {tuple(file.sha256 for file in job.files(role)) for job in jobs}
    first = jobs[0].files(role)
    return first[0].path if len(files) == 1 and first else None


def _described(name: str, value: str) -> str:
    return value if name in ("photo", "painting", "column", "recipe") else f"{axis_title(name)} {value}"


def _headings(axis: str, values: Sequence[str], jobs: Sequence[LabJob]) -> tuple[Heading, ...]:
    role = Role(axis) if axis in ("photo", "painting") else None
    pictures = {job.labels[axis]: job.files(role)[0].path for job in jobs} if role else {}
    return tuple(Heading(value, pictures.get(value)) for value in values)


def _in_rows(jobs: Sequence[LabJob]) -> list[Page]:
    across = min(MAX_ROW, max(3, math.isqrt(len(jobs) - 1) + 1)) if len(jobs) > MAX_ROW else len(jobs)
    pages = []
    for part in _chunks(jobs, PAGE_PICTURES // across * across):
        rows = [tuple(row) + (None,) * (across - len(row)) for row in _chunks(part, across)]
        pages.append(Page("", "", "", (), (), tuple(rows)))
    return pages


def _chunks(items: Sequence[T], size: int) -> list[Sequence[T]]:
    return [items[start : start + size] for start in range(0, len(items), size)]
