"""A run folder keeps what is finished, and counts only what is whole and still asked for."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import impasto
from impasto.errors import OutputError, RecordError
from impasto.lab.jobs import LabJob, Role, build_manifest, check_inputs
from impasto.lab.plan import Planner
from impasto.lab.run_folder import (
    Outcome,
    RunFolder,
    done,
    failed,
)
from impasto.options.fields import PaintOptions


def outcome_of(job: LabJob) -> Outcome:
    return done(job, b"a picture", ['{"event": "RunDone"}'], width_px=3, height_px=2, seconds=1.5, steps=4)


def make_job(folder_with_pictures: Path, name: str = "a", **options: object) -> LabJob:
    files = Planner()
    inputs = (
        files.describe(Role.PHOTO, folder_with_pictures / "photo.png"),
        files.describe(Role.PAINTING, folder_with_pictures / "painting.png"),
    )
    return LabJob(name=name, labels={"seed": name}, inputs=inputs, options=PaintOptions.model_validate(options))


def make_folder(folder_with_pictures: Path, *jobs: LabJob) -> RunFolder:
    return RunFolder.create(folder_with_pictures / "run", build_manifest("sweep", ["seed"], "lite", jobs))


def test_what_is_stored_is_found_again(folder_with_pictures: Path) -> None:
    job = make_job(folder_with_pictures)
    folder = make_folder(folder_with_pictures, job)
    assert folder.result(job) is None
    stored = folder.store(job, outcome_of(job))
    assert folder.result(job) == stored
    assert (stored.status, stored.steps, stored.width_px) == ("done", 4, 3)
    assert folder.picture_path(job).read_bytes() == b"a picture"
    assert folder.events_path(job).read_text() == '{"event": "RunDone"}\n'
    again = RunFolder.open(folder_with_pictures / "run")
    assert again.manifest == folder.manifest
    assert again.result(again.manifest.jobs[0]) == stored


def test_a_name_that_is_no_text_is_refused(folder_with_pictures: Path) -> None:
    Path("photo.png").rename("ph\udcff.png")
    Path("ph\udcff.png").with_name("photo.png").symlink_to("ph\udcff.png")
    job = make_job(folder_with_pictures)
    named = job.inputs[0].model_copy(update={"path": folder_with_pictures / "ph\udcff.png"})
    with pytest.raises(OutputError, match=r"cannot hold the name .* rename it"):
        make_folder(folder_with_pictures, job.model_copy(update={"inputs": (named, *job.inputs[1:])}))


def test_a_failure_is_stored(folder_with_pictures: Path) -> None:
    job = make_job(folder_with_pictures)
    folder = make_folder(folder_with_pictures, job)
    folder.store(job, failed(job.identity, "no", "Traceback ..."))
    result = folder.result(job)
    assert result is not None
    assert (result.status, result.error, result.traceback, result.sha256) == ("failed", "no", "Traceback ...", None)


@pytest.mark.parametrize("damage", ["gone", "cut short", "result cut short", "result gone"])
def test_what_is_not_whole_does_not_count(folder_with_pictures: Path, damage: str) -> None:
    job = make_job(folder_with_pictures)
    folder = make_folder(folder_with_pictures, job)
    folder.store(job, outcome_of(job))
    result = folder.path / "results" / "a.json"
    if damage == "gone":
        folder.picture_path(job).unlink()
    elif damage == "cut short":
        folder.picture_path(job).write_bytes(b"a pict")
    elif damage == "result cut short":
        result.write_text(result.read_text()[:100])
    else:
        result.unlink()
    assert folder.result(job) is None


def test_folder_and_inputs_can_be_moved_together(folder_with_pictures: Path) -> None:
    home = folder_with_pictures / "home"
    home.mkdir()
    for name in ("photo.png", "painting.png"):
        shutil.move(folder_with_pictures / name, home / name)
    job = make_job(home)
    make_folder(home, job).store(job, outcome_of(job))
    assert str(folder_with_pictures) not in (home / "run" / "manifest.json").read_text()
    home.rename(folder_with_pictures / "moved")
    moved = RunFolder.open(folder_with_pictures / "moved" / "run")
    check_inputs(moved.manifest.jobs)
    assert moved.result(moved.manifest.jobs[0]) is not None


def test_a_new_list_keeps_what_is_still_listed(folder_with_pictures: Path) -> None:
    first, second = make_job(folder_with_pictures, "a"), make_job(folder_with_pictures, "b", seed=1)
    make_folder(folder_with_pictures, first).store(first, outcome_of(first))
    folder = make_folder(folder_with_pictures, first, second)
    assert folder.result(first) is not None
    assert folder.result(second) is None
    changed = make_job(folder_with_pictures, "a", seed=7)
    assert make_folder(folder_with_pictures, changed).result(changed) is None


@pytest.mark.parametrize("case", ["a file", "somebody's folder", "not writable"])
def test_folders_that_cannot_be_used(folder_with_pictures: Path, case: str) -> None:
    job = make_job(folder_with_pictures)
    if case == "a file":
        (folder_with_pictures / "run").write_text("x")
    elif case == "somebody's folder":
        (folder_with_pictures / "run").mkdir()
        (folder_with_pictures / "run" / "thesis.txt").write_text("x")
    else:
        (folder_with_pictures / "run").mkdir()
        (folder_with_pictures / "run" / "manifest.json").write_text("{}")
        (folder_with_pictures / "run" / "pastiches").write_text("in the way")
    with pytest.raises(OutputError, match="run"):
        make_folder(folder_with_pictures, job)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "no run folder"),
        ("{", "damaged"),
        ("[]", "damaged"),
        ('{"format_version": 2}', "format 2"),
        ('{"format_version": 1, "command": "dance", "axes": [], "jobs": []}', "command"),
    ],
)
def test_manifests_that_cannot_be_used(tmp_path: Path, text: str | None, words: str) -> None:
    if text is not None:
        (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(RecordError, match=words):
        RunFolder.open(tmp_path)


def test_the_manifest_says_what_it_is(folder_with_pictures: Path) -> None:
    make_folder(folder_with_pictures, make_job(folder_with_pictures))
    values = json.loads((folder_with_pictures / "run" / "manifest.json").read_text())
    assert (values["format_version"], values["impasto"], values["command"]) == (1, impasto.__version__, "sweep")
    assert [file["path"] for file in values["jobs"][0]["inputs"]] == ["../photo.png", "../painting.png"]
