"""Sweeps, from what was asked to a list of jobs."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from impasto.errors import ImpastoError, OptionError
from impasto.lab.jobs import LabManifest, Role
from impasto.lab.plan import Planner
from impasto.lab.sweep import parse_vary, plan_sweep

PAIR = ("photo.png", [("painting.png", 1.0)])


def sweep_plan(vary: dict[str, Any], recipe: str | None = None, **values: Any) -> LabManifest:
    return plan_sweep(*PAIR, vary, Planner(recipe, values))


def test_vary_is_read() -> None:
    assert parse_vary(["a=1, 2,3", "steps=5,4;6", "start=x"]) == {
        "a": ["1", "2", "3"], "steps": ["5,4", "6"], "start": ["x"],
    }  # fmt: skip
    for texts in (["strength"], ["a=1", "a=2"]):
        with pytest.raises(OptionError, match="--vary"):
            parse_vary(texts)


def test_a_sweep_is_a_grid_in_order(folder_with_pictures: Path) -> None:
    plan = sweep_plan({"strength": ["20", "50"], "tv-weight": ["0", "0.10", "1"]}, seed=3)
    jobs = plan.jobs
    assert [(job.options.strength, job.options.tv_weight) for job in jobs] == [
        (20, 0), (20, 0.1), (20, 1), (50, 0), (50, 0.1), (50, 1),
    ]  # fmt: skip
    assert {job.options.seed for job in jobs} == {3}
    assert jobs[1].labels == {"strength": "20", "tv_weight": "0.1"}
    assert jobs[1].name == "strength-20_tv_weight-0.1"
    assert [axis.values for axis in plan.axes] == [("20", "50"), ("0", "0.1", "1")]
    assert len({job.identity for job in jobs}) == 6


def test_anything_can_vary(folder_with_pictures: Path) -> None:
    shutil.copy("painting.png", "other.png")
    plan = sweep_plan(
        {"painting": ["painting.png", "other.png"], "recipe": ["painterly", "patient"], "min-scale": [32, 64]}
    )
    jobs = plan.jobs
    assert len(jobs) == 8
    assert [job.files(Role.PAINTING)[0].path.name for job in jobs] == ["painting.png"] * 4 + ["other.png"] * 4
    assert [job.options.optimizer for job in jobs[:4]] == ["lbfgs", "lbfgs", "adam", "adam"]
    assert jobs[0].labels == {"painting": "painting", "recipe": "painterly", "min_scale_px": "32"}
    layered = sweep_plan({"style_layers": ["relu1_1", "relu1_1:2,relu2_1:1"]}).jobs
    assert layered[1].options.style_layers == {"relu1_1": 2.0, "relu2_1": 1.0}


def test_varying_the_content_weight_holds_it(folder_with_pictures: Path) -> None:
    vary = {"content_weight": ["0.1", "1"]}
    planner = Planner()
    assert {job.options.balance for job in plan_sweep(*PAIR, vary, planner).jobs} == {"fixed"}
    assert "content_weight" in planner.notes[0]
    planner = Planner(values={"balance": "readability"})
    assert {job.options.balance for job in plan_sweep(*PAIR, vary, planner).jobs} == {"readability"}
    assert not planner.notes


@pytest.mark.parametrize(
    ("vary", "words"),
    [
        ({}, "nothing varies"),
        ({"stength": ["1"]}, "did you mean 'strength'"),
        ({"strength": ["20", "120"]}, "strength.*120"),
        ({"strength": []}, "needs values"),
        ({"strength": ["1", ""]}, "needs values"),
        ({"strength": ["50", "50.0"]}, "twice"),
        ({"min_scale": ["32"], "min_scale_px": ["64"]}, "two spellings"),
        ({"recipe": ["nonsense"]}, "unknown recipe"),
        ({"tv_weight": ["1", "2"]}, "tv_weight varies.*given beside"),
        ({"photo": ["nowhere.png"]}, r"photo 'nowhere\.png'"),
        ({"starting_point": ["content", "nose"]}, "did you mean 'noise'"),
    ],
)
def test_sweeps_that_cannot_be(folder_with_pictures: Path, vary: dict[str, Any], words: str) -> None:
    with pytest.raises(ImpastoError, match=words):
        sweep_plan(vary, tv_weight=0.1)
