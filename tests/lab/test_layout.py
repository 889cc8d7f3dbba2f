"""Which picture stands where, on sheets and in the report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from impasto.lab.jobs import LabManifest
from impasto.lab.layout import lay_out
from impasto.lab.plan import Planner
from impasto.lab.sweep import plan_sweep

PAIR = ("photo.png", [("painting.png", 1.0)])


def sweep_plan(vary: dict[str, Any], recipe: str | None = None, **values: Any) -> LabManifest:
    return plan_sweep(*PAIR, vary, Planner(recipe, values))


def test_two_axes_are_rows_and_columns_and_further_ones_pages(folder_with_pictures: Path) -> None:
    plan = sweep_plan({"strength": [1, 2], "seed": [3, 4, 5], "variation": [6, 7]})
    pages = lay_out(plan)
    assert [page.title for page in pages] == ["variation 6", "variation 7"]
    for page, variation in zip(pages, (6, 7), strict=True):
        assert [heading.text for heading in page.rows] == ["1", "2"]
        assert [heading.text for heading in page.columns] == ["3", "4", "5"]
        for row, strength in zip(page.cells, (1, 2), strict=True):
            for job, seed in zip(row, (3, 4, 5), strict=True):
                assert job is not None
                found = (job.options.strength, job.options.seed, job.options.variation)
                assert found == (strength, seed, variation)


def test_one_axis_is_a_row_or_captioned_rows(folder_with_pictures: Path) -> None:
    (page,) = lay_out(sweep_plan({"seed": range(4)}))
    assert (page.rows, [heading.text for heading in page.columns]) == ((), ["0", "1", "2", "3"])
    (page,) = lay_out(sweep_plan({"seed": range(14)}))
    assert not page.columns
    assert [len(row) for row in page.cells] == [4, 4, 4, 4]
    assert sum(job is not None for row in page.cells for job in row) == 14


def test_large_grids_go_over_several_pages(folder_with_pictures: Path) -> None:
    pages = lay_out(sweep_plan({"seed": range(20), "strength": range(0, 100, 10)}))
    assert [len(page.cells) for page in pages] == [4, 4, 4, 4, 4]
    assert sum(job is not None for page in pages for row in page.cells for job in row) == 200
