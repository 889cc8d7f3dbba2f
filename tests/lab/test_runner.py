"""Lists of jobs carried out: what lies in the folder, what is skipped, what goes on."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from weights_server import install, write_wheel

import impasto
from impasto.encoders.sources import Source
from impasto.errors import OptionError, OutputError, RecordError
from impasto.events import Controls
from impasto.lab.metrics import METRICS
from impasto.lab.plan import Planner
from impasto.lab.run_folder import RunFolder
from impasto.lab.runner import JobRecorded, iter_jobs, read_run
from impasto.lab.sweep import plan_sweep
from impasto.lab.workers import JobProgress
from impasto.options.fields import PaintOptions

PAIR = ("photo.png", [("painting.png", 1.0)])


def read_csv(folder: str | Path) -> list[dict[str, str]]:
    with (Path(folder) / "results.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_judge_that_an_installed_package_carries(
    sweep: Callable[..., impasto.LabRun],
    carried: Source,
    palettes: bytes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    install(write_wheel(tmp_path, palettes, carried.url), tmp_path / "site", monkeypatch)
    assert not sweep({"seed": [0]}, judge="vgg19").failed
    assert read_csv("run")[0]["judge"].startswith("vgg19-8bit ")


def test_a_sweep_leaves_pictures_tables_sheets_and_a_report(sweep: Callable[..., impasto.LabRun]) -> None:
    run = sweep({"strength": [20, 80], "seed": [0, 1]})
    assert (run.failed, run.missing, len(run.results)) == ([], [], 4)
    rows = read_csv("run")
    assert [(row["strength"], row["seed"], row["status"]) for row in rows] == [
        ("20", "0", "done"), ("20", "1", "done"), ("80", "0", "done"), ("80", "1", "done"),
    ]  # fmt: skip
    for row in rows:
        assert set(PaintOptions.model_fields) <= set(row)
        parts = [float(row[f"loss_{part}"]) for part in ("content", "style", "total_variation", "total")]
        assert sum(parts[:3]) == pytest.approx(parts[3])
        assert all(row[name] for name in METRICS if name != "style_vector")
        assert (row["photo"], row["painting"], row["steps"], row["steps_done"]) == (
            "photo.png",
            "painting.png",
            "3,2",
            "5",
        )
        assert row["judge"].startswith("lite ")
        record = impasto.read_record(Path("run") / row["file"])
        assert record["options"]["seed"] == int(row["seed"])  # type: ignore[index]
    events = Path("run/events/strength-20_seed-0.jsonl").read_text().splitlines()
    assert [json.loads(line)["event"] for line in events].count("StepDone") == 5
    for name in ("contact-sheet.png", "loss-curves.png"):
        with Image.open(Path("run") / name) as picture:
            assert min(picture.size) > 300
            assert len(np.unique(np.asarray(picture.convert("L")))) > 50


def test_the_pictures_are_those_that_paint_makes(sweep: Callable[..., impasto.LabRun], quick: dict[str, Any]) -> None:
    sweep({"seed": [5]}, starting_point="noise")
    impasto.paint("photo.png", "painting.png", **quick | {"seed": 5, "starting_point": "noise"}).save("alone.png")
    assert Path("run/pastiches/seed-5.png").read_bytes() == Path("alone.png").read_bytes()


def test_finished_jobs_are_skipped_and_damaged_ones_painted_again(
    sweep: Callable[..., impasto.LabRun], quick: dict[str, Any]
) -> None:
    sweep({"seed": [0, 1]})
    pictures = sorted(Path("run/pastiches").iterdir())
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in pictures}
    pictures[1].write_bytes(before[pictures[1]][1][:500])
    manifest = RunFolder.open(Path("run")).manifest
    skipped = [e.skipped for e in iter_jobs(Path("run"), manifest) if isinstance(e, JobRecorded)]
    assert skipped == [True, False]
    assert pictures[0].stat().st_mtime_ns == before[pictures[0]][0]
    assert pictures[1].read_bytes() == before[pictures[1]][1]
    longer = sweep({"seed": [0, 1, 2]})
    assert (len(longer.results), longer.missing) == (3, [])
    assert pictures[0].stat().st_mtime_ns == before[pictures[0]][0]


def test_another_judge_measures_without_painting(
    sweep: Callable[..., impasto.LabRun], tiny_encoder_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep({"seed": [0]})
    (before,) = read_csv("run")
    monkeypatch.setattr("impasto.lab.runner.run_here", lambda jobs, work, controls: iter(jobs and [1 / 0]))
    shutil.copy(tiny_encoder_file, "judge.safetensors")
    impasto.again("run", judge="judge.safetensors", trust=True)
    manifest = RunFolder.open(Path("run")).manifest
    assert manifest.judge == str(Path("judge.safetensors").absolute())
    assert json.loads(Path("run/manifest.json").read_text())["judge"] == "../judge.safetensors"
    (after,) = read_csv("run")
    assert after["judge"].startswith("tiny ")
    assert after["style_gram"] != before["style_gram"]
    assert after["ssim"] == before["ssim"]


def test_a_failed_job_is_recorded_and_the_rest_go_on(folders: Path, quick: dict[str, Any]) -> None:
    Path("photos/a.jpg").write_text("no picture")
    run = impasto.batch("photos", "paintings", folder="run", **quick)
    assert run.failed == ["a_p"]
    bad, good = read_csv("run")
    assert (bad["status"], good["status"]) == ("failed", "done")
    assert "a.jpg" in bad["error"]
    assert bad["file"] == bad["loss_total"] == ""
    assert "not a picture" in Path("run/report.html").read_text(encoding="utf-8")
    shutil.copy("photos/b.png", "photos/a.jpg")
    assert impasto.batch("photos", "paintings", folder="run", **quick).failed == []


def test_a_stop_keeps_what_is_finished(folder_with_pictures: Path, quick: dict[str, Any]) -> None:
    controls = Controls()
    plan = plan_sweep(*PAIR, {"seed": [0, 1, 2]}, Planner(values=quick))
    for event in iter_jobs(Path("run"), plan, controls=controls):
        controls.stop = isinstance(event, JobProgress) and event.job.name == "seed-1"
        if controls.stop:
            break
    run = read_run(Path("run"))
    assert run.missing == ["seed-1", "seed-2"]
    assert impasto.again("run", trust=True).missing == []


def test_a_comparison_has_painted_and_given_columns(folder_with_pictures: Path, quick: dict[str, Any]) -> None:
    small = {name: value for name, value in quick.items() if name != "steps"} | {"steps": (2,)}
    run = impasto.compare("photo.png", "painting.png", ["painterly", "patient=Slow", "file:photo.png=Photo"],
                          folder="run", **small)  # fmt: skip
    assert list(run.results) == ["painterly", "Slow", "Photo"]
    painterly, slow, photo = read_csv("run")
    assert [row["column"] for row in (painterly, slow, photo)] == ["painterly", "Slow", "Photo"]
    assert (slow["recipe"], slow["optimizer"]) == ("patient", "adam")
    assert float(photo["content_distance"]) == pytest.approx(0, abs=1e-4)
    assert float(photo["ssim"]) == pytest.approx(1)
    assert np.array_equal(np.asarray(Image.open("run/pastiches/Photo.png")), np.asarray(Image.open("photo.png")))


def test_a_batch_studies_each_painting_once(
    folders: Path, quick: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from impasto.engine import targets

    studied: list[int] = []
    original = targets.style_statistics

    def counting(encoder: Any, picture: Any, *rest: Any) -> Any:
        studied.append(max(picture.shape[-2:]))
        return original(encoder, picture, *rest)

    monkeypatch.setattr(targets, "style_statistics", counting)
    monkeypatch.setattr(targets, "_CACHE", type(targets._CACHE)())
    shutil.copy("photos/b.png", "photos/c.png")
    assert impasto.batch("photos", "paintings", folder="run", **quick).failed == []
    assert len(studied) == 2  # one painting at two scales, for three photos


def test_inputs_that_changed_stop_a_run_before_it_begins(sweep: Callable[..., impasto.LabRun]) -> None:
    sweep({"seed": [0]})
    shutil.copy("painting.png", "photo.png")
    with pytest.raises(RecordError, match=r"photo\.png"):
        impasto.again("run", trust=True)


def test_what_cannot_be_used_is_found_before_painting(
    sweep: Callable[..., impasto.LabRun], folder_with_pictures: Path
) -> None:
    with pytest.raises(OptionError, match="unknown encoder"):
        sweep({"seed": [0]}, judge="vgg91")
    Path("run").mkdir(exist_ok=True)
    Path("run/letter.txt").write_text("x")
    with pytest.raises(OutputError, match="not empty"):
        sweep({"seed": [0]})
    assert sorted(path.name for path in Path("run").iterdir()) == ["letter.txt"]
