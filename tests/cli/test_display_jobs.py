"""How a list of jobs is shown: on a terminal, in a pipe, and quietly."""

from __future__ import annotations

import io
import shutil
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from impasto.cli.display_jobs import LiveJobs, PlainJobs, QuietJobs, choose_jobs_display
from impasto.events import Controls
from impasto.lab.plan import Planner
from impasto.lab.runner import JobRecorded, iter_jobs
from impasto.lab.sweep import plan_sweep


@pytest.fixture
def plan(folder_with_pictures: Path, quick: dict[str, Any]) -> Any:
    shutil.copy("photo.png", "bad.png")
    plan = plan_sweep("photo.png", [("painting.png", 1.0)], {"photo": ["photo.png", "bad.png"]}, Planner(values=quick))
    Path("bad.png").write_text("x")
    bad = plan.jobs[1]
    from impasto.storage.hashing import hash_file

    photo = bad.inputs[0].model_copy(update={"sha256": hash_file(Path("bad.png"))})
    jobs = (plan.jobs[0], bad.model_copy(update={"inputs": (photo, *bad.inputs[1:])}))
    return plan.model_copy(update={"jobs": jobs})


def test_quiet_tells_failures_only(plan: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with choose_jobs_display(plan, quiet=True) as display:
        assert type(display) is QuietJobs
        for event in iter_jobs(Path("run"), plan):
            display.show(event)
        display.note("nothing")
    assert capsys.readouterr().err.startswith("impasto: bad failed: cannot read")


def test_a_pipe_gets_a_line_a_job(plan: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with choose_jobs_display(plan, quiet=False) as display:
        assert type(display) is PlainJobs
        for event in iter_jobs(Path("run"), plan):
            display.show(event)
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("impasto: 1/2 photo: done in ")
    assert second.startswith("impasto: bad failed: ")


def test_a_terminal_sees_all_that_runs(plan: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    display = LiveJobs(plan)
    display._console = Console(file=io.StringIO(), width=120, height=30)
    seen = []
    for event in iter_jobs(Path("run"), plan, controls=Controls()):
        display.show(event)
        console = Console(file=io.StringIO(), width=120)
        console.print(display._render())
        text = console.file.getvalue()  # type: ignore[attr-defined]
        seen.append(text)
        if isinstance(event, JobRecorded) and event.result.status == "failed":
            assert "2 of 2 jobs, 1 failed" in text
    assert any("1 running" in text and "scale 2/2  48x38" in text and "  photo" in text for text in seen)
    assert "0 of 2 jobs" in seen[0]
    told = display._console.file.getvalue()  # type: ignore[attr-defined]
    assert "1/2 photo: done in" in told
    assert "bad failed" in told
