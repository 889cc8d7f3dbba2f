"""Sweeps, batches and comparisons from what was asked to what lies in the folder."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import impasto
from impasto.errors import ImpastoError, InputError, OptionError, OutputError, RecordError
from impasto.events import Controls
from impasto.lab.batch import find_pictures, plan_batch, plan_pairs
from impasto.lab.compare import parse_column, plan_comparison
from impasto.lab.layout import lay_out
from impasto.lab.metrics import METRICS
from impasto.lab.plan import Plan, Planner, file_labels, job_name
from impasto.lab.run import JobKept, collect, iter_lab
from impasto.lab.run_folder import RunFolder
from impasto.lab.runner import JobProgress
from impasto.lab.sweep import parse_vary, plan_sweep
from impasto.options.fields import PaintOptions

PAIR = ("photo.png", [("painting.png", 1.0)])


def sweep_plan(vary: dict[str, Any], recipe: str | None = None, **values: Any) -> Plan:
    return plan_sweep(*PAIR, vary, planner=Planner(), recipe=recipe, values=values)


def read_csv(folder: str | Path) -> list[dict[str, str]]:
    with (Path(folder) / "results.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


# ------------------------------------------------------------------------------------------- planning a sweep


def test_vary_is_read() -> None:
    assert parse_vary(["a=1, 2,3", "steps=5,4;6", "start=x"]) == {
        "a": ["1", "2", "3"], "steps": ["5,4", "6"], "start": ["x"],
    }  # fmt: skip
    for texts in (["strength"], ["a=1", "a=2"]):
        with pytest.raises(OptionError, match="--vary"):
            parse_vary(texts)


def test_a_sweep_is_a_grid_in_order(studio: Path) -> None:
    plan = sweep_plan({"strength": ["20", "50"], "tv-weight": ["0", "0.10", "1"]}, seed=3)
    jobs = plan.manifest.jobs
    assert [(job.options.strength, job.options.tv_weight) for job in jobs] == [
        (20, 0), (20, 0.1), (20, 1), (50, 0), (50, 0.1), (50, 1),
    ]  # fmt: skip
    assert {job.options.seed for job in jobs} == {3}
    assert jobs[1].labels == {"strength": "20", "tv_weight": "0.1"}
    assert jobs[1].name == "strength-20_tv_weight-0.1"
    assert [axis.values for axis in plan.manifest.axes] == [("20", "50"), ("0", "0.1", "1")]
    assert len({job.identity for job in jobs}) == 6


def test_anything_can_vary(studio: Path) -> None:
    shutil.copy("painting.png", "other.png")
    plan = sweep_plan(
        {"painting": ["painting.png", "other.png"], "recipe": ["painterly", "patient"], "min-scale": [32, 64]}
    )
    jobs = plan.manifest.jobs
    assert len(jobs) == 8
    assert [job.paths("painting")[0].name for job in jobs] == ["painting.png"] * 4 + ["other.png"] * 4
    assert [job.options.optimizer for job in jobs[:4]] == ["lbfgs", "lbfgs", "adam", "adam"]
    assert jobs[0].labels == {"painting": "painting", "recipe": "painterly", "min_scale_px": "32"}
    layered = sweep_plan({"style_layers": ["relu1_1", "relu1_1:2,relu2_1:1"]}).manifest.jobs
    assert layered[1].options.style_layers == {"relu1_1": 2.0, "relu2_1": 1.0}


def test_varying_the_content_weight_holds_it(studio: Path) -> None:
    plan = sweep_plan({"content_weight": ["0.1", "1"]})
    assert {job.options.balance for job in plan.manifest.jobs} == {"fixed"}
    assert "content_weight" in plan.notes[0]
    wanted = sweep_plan({"content_weight": ["0.1", "1"]}, balance="readability")
    assert {job.options.balance for job in wanted.manifest.jobs} == {"readability"}
    assert not wanted.notes


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
def test_sweeps_that_cannot_be(studio: Path, vary: dict[str, Any], words: str) -> None:
    with pytest.raises(ImpastoError, match=words):
        sweep_plan(vary, tv_weight=0.1)


def test_long_names_stay_short_and_different() -> None:
    names = {job_name({"style_layers": ",".join(f"relu{i}_1:{weight}" for i in range(20))}) for weight in (1, 2)}
    assert len(names) == 2
    assert all(len(name) <= 80 for name in names)
    assert job_name({"painting": "../a b/ü:x"}) == "a-b-ü-x"


def test_files_are_called_as_shortly_as_tells_them_apart() -> None:
    labels = file_labels(["a/x.jpg", "a/y.jpg", "a/y.png", "b/z.jpg", "c/z.jpg"])
    assert list(labels.values()) == ["x", "y.jpg", "y.png", "b/z.jpg", "c/z.jpg"]


# ------------------------------------------------------------------------------------------- planning a batch


@pytest.fixture
def folders(studio: Path) -> Path:
    for folder, names in {"photos": ["b.png", "a.jpg", "notes.txt", ".hidden.png"], "paintings": ["p.png"]}.items():
        (studio / folder).mkdir()
        for name in names:
            shutil.copy("photo.png" if folder == "photos" else "painting.png", studio / folder / name)
    return studio


def test_pictures_are_found_in_folders_files_and_globs(folders: Path) -> None:
    assert [p.name for p in find_pictures(["photos"], "photos")] == ["a.jpg", "b.png"]
    assert [p.name for p in find_pictures(["photos/*.png", "photos"], "photos")] == ["b.png", "a.jpg"]
    everywhere = {p.as_posix() for p in find_pictures(["**/*.png"], "photos")}
    assert everywhere == {"painting.png", "paintings/p.png", "photo.png", "photos/b.png"}
    (folders / "empty").mkdir()
    for nothing in ("empty", "photos/*.webp"):
        with pytest.raises(InputError, match="no photos"):
            find_pictures([nothing], "photos")


def test_a_batch_is_each_with_each_a_painting_at_a_time(folders: Path) -> None:
    plan = plan_batch(["photos"], ["paintings", "painting.png"], planner=Planner(), values={"seed": 4})
    pairs = [(job.labels["photo"], job.labels["painting"]) for job in plan.manifest.jobs]
    assert pairs == [("a", "p"), ("b", "p"), ("a", "painting"), ("b", "painting")]
    assert {job.options.seed for job in plan.manifest.jobs} == {4}


def test_a_table_of_pairs_and_options(folders: Path) -> None:
    table = folders / "photos" / "pairs.csv"
    table.write_text(
        'photo,painting,strength,steps,recipe\na.jpg,../painting.png,20,,\nb.png,../painting.png,,"9,5",patient\n'
    )
    jobs = plan_pairs("photos/pairs.csv", planner=Planner(), values={"strength": 60, "seed": 1}).manifest.jobs
    assert [(job.options.strength, job.options.steps[-1], job.options.seed) for job in jobs] == [
        (20, PaintOptions().steps[-1], 1),
        (60, 5, 1),
    ]
    assert [job.options.optimizer for job in jobs] == ["lbfgs", "adam"]
    assert jobs[0].labels["strength"] == "20"
    assert jobs[1].labels["recipe"] == "patient"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("photo,style\na,b\n", "columns photo and painting"),
        ("photo,painting\n", "a row"),
        ("photo,painting,stength\nphoto.png,painting.png,3\n", "did you mean 'strength'"),
        ("photo,painting,strength\nphoto.png,painting.png,120\n", "line 2.*strength.*120"),
        ("photo,painting\nphoto.png,painting.png\nnowhere.png,painting.png\n", r"line 3.*nowhere\.png"),
        ("photo,painting\nphoto.png\n", "line 2"),
        ("photo,painting\nphoto.png,painting.png,more\n", "line 2"),
        ("photo,painting\n,painting.png\n", "line 2"),
        ("photo,painting\nphoto.png,painting.png\nphoto.png,painting.png\n", "twice"),
    ],
)
def test_tables_that_cannot_be(studio: Path, text: str, words: str) -> None:
    Path("pairs.csv").write_text(text)
    with pytest.raises(ImpastoError, match=words):
        plan_pairs("pairs.csv", planner=Planner(), values={})


# -------------------------------------------------------------------------------------- planning a comparison


@pytest.mark.parametrize(
    ("text", "kind", "label"),
    [
        ("painterly", "paint", "painterly"),
        ("mine/own.toml=Mine", "paint", "Mine"),
        ("mine/own.toml", "paint", "own"),
        ("file:other.png=Their program", "picture", "Their program"),
        ("file:a/other.png", "picture", "other"),
        ("tfhub", "tfhub", "tfhub"),
        ("tfhub:models/v1=Google", "tfhub", "Google"),
    ],
)
def test_columns_are_read(text: str, kind: str, label: str) -> None:
    column = parse_column(text)
    assert (column.kind, column.label) == (kind, label)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ([], "nothing to compare"),
        (["=Label"], "RECIPE"),
        (["painterly="], "RECIPE"),
        (["file:"], "names no picture"),
        (["file:nowhere.png"], r"nowhere\.png"),
        (["tfhub:nowhere"], "no SavedModel"),
        (["painterli"], "did you mean 'painterly'"),
        (["painterly", "patient=painterly"], "twice"),
    ],
)
def test_comparisons_that_cannot_be(studio: Path, columns: list[str], words: str) -> None:
    with pytest.raises(ImpastoError, match=words):
        plan_comparison(*PAIR, columns, planner=Planner(), values={})


# ------------------------------------------------------------------------------------------------- the layout


def cells_of(plan: Plan) -> list[list[list[str]]]:
    return [[[job.name if job else "" for job in row] for row in page.cells] for page in lay_out(plan.manifest)]


def test_two_axes_are_rows_and_columns_and_further_ones_pages(studio: Path) -> None:
    plan = sweep_plan({"strength": [1, 2], "seed": [3, 4, 5], "variation": [6, 7]})
    pages = lay_out(plan.manifest)
    assert [page.title for page in pages] == ["variation 6", "variation 7"]
    for page, variation in zip(pages, (6, 7), strict=True):
        assert [heading.text for heading in page.rows] == ["1", "2"]
        assert [heading.text for heading in page.columns] == ["3", "4", "5"]
        for row, strength in zip(page.cells, (1, 2), strict=True):
            for job, seed in zip(row, (3, 4, 5), strict=True):
                assert job is not None
                found = (job.options.strength, job.options.seed, job.options.variation)
                assert found == (strength, seed, variation)


def test_one_axis_is_a_row_or_captioned_rows(studio: Path) -> None:
    (page,) = lay_out(sweep_plan({"seed": range(4)}).manifest)
    assert (page.rows, [heading.text for heading in page.columns]) == ((), ["0", "1", "2", "3"])
    (page,) = lay_out(sweep_plan({"seed": range(14)}).manifest)
    assert not page.columns
    assert [len(row) for row in page.cells] == [4, 4, 4, 4]
    assert sum(job is not None for row in page.cells for job in row) == 14


def test_large_grids_go_over_several_pages(studio: Path) -> None:
    pages = lay_out(sweep_plan({"seed": range(20), "strength": range(0, 100, 10)}).manifest)
    assert [len(page.cells) for page in pages] == [4, 4, 4, 4, 4]
    assert sum(job is not None for page in pages for row in page.cells for job in row) == 200


# ----------------------------------------------------------------------------------------- carrying it all out


@pytest.fixture
def sweep(studio: Path, quick: dict[str, Any]) -> Callable[..., impasto.LabRun]:
    def run(vary: dict[str, Any], **options: Any) -> impasto.LabRun:
        return impasto.sweep("photo.png", "painting.png", vary, folder="run", **quick | options)

    return run


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
        assert all(row[name] for name in METRICS)
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


def test_the_report_asks_for_nothing_from_outside(sweep: Callable[..., impasto.LabRun]) -> None:
    sweep({"strength": [20, 80]})
    page = Path("run/report.html").read_text(encoding="utf-8")
    assert page.lstrip().startswith("<!doctype html>")
    addresses = re.findall(r"""(?:src|href|action|srcset|poster)\s*=\s*["']([^"']*)|url\(([^)]*)\)|@import""", page)
    assert addresses
    assert all("".join(address).startswith("data:") for address in addresses)
    assert set(re.findall(r"https?://[^\s\"'<]+", page)) <= {"http://www.w3.org/2000/svg"}
    for word in ("strength", "content distance", "style sliced", "Side by side", "lite"):
        assert word in page


def test_words_of_others_are_no_markup(studio: Path, quick: dict[str, Any]) -> None:
    shutil.copy("photo.png", "<b>&\"'.png")
    impasto.compare("photo.png", "painting.png", ["file:<b>&\"'.png"], folder="run", **quick)
    assert "<b>&" not in Path("run/report.html").read_text(encoding="utf-8")


def test_finished_jobs_are_skipped_and_damaged_ones_painted_again(
    sweep: Callable[..., impasto.LabRun], quick: dict[str, Any]
) -> None:
    sweep({"seed": [0, 1]})
    pictures = sorted(Path("run/pastiches").iterdir())
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in pictures}
    pictures[1].write_bytes(before[pictures[1]][1][:500])
    manifest = RunFolder.open(Path("run")).manifest
    skipped = [e.skipped for e in iter_lab(Path("run"), manifest) if isinstance(e, JobKept)]
    assert skipped == [True, False]
    assert pictures[0].stat().st_mtime_ns == before[pictures[0]][0]
    assert pictures[1].read_bytes() == before[pictures[1]][1]
    longer = sweep({"seed": [0, 1, 2]})
    assert (len(longer.results), longer.missing) == (3, [])
    assert pictures[0].stat().st_mtime_ns == before[pictures[0]][0]


def test_again_elsewhere_makes_the_same_bytes(sweep: Callable[..., impasto.LabRun]) -> None:
    sweep({"seed": [0, 1]}, starting_point="noise")
    run = impasto.again("run", "second")
    assert run.folder == Path("second")
    for path in Path("run/pastiches").iterdir():
        assert (Path("second/pastiches") / path.name).read_bytes() == path.read_bytes()


def test_another_judge_measures_without_painting(
    sweep: Callable[..., impasto.LabRun], tiny_encoder_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep({"seed": [0]})
    (before,) = read_csv("run")
    monkeypatch.setattr("impasto.lab.run.run_here", lambda jobs, work, controls: iter(jobs and [1 / 0]))
    shutil.copy(tiny_encoder_file, "judge.safetensors")
    impasto.again("run", judge="judge.safetensors")
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


def test_a_stop_keeps_what_is_finished(studio: Path, quick: dict[str, Any]) -> None:
    controls = Controls()
    plan = plan_sweep(*PAIR, {"seed": [0, 1, 2]}, planner=Planner(), values=quick)
    for event in iter_lab(Path("run"), plan.manifest, controls=controls):
        controls.stop = isinstance(event, JobProgress) and event.job.name == "seed-1"
        if controls.stop:
            break
    run = collect(Path("run"))
    assert run.missing == ["seed-1", "seed-2"]
    assert impasto.again("run").missing == []


def test_a_comparison_has_painted_and_given_columns(studio: Path, quick: dict[str, Any]) -> None:
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
    from impasto.engine import targets as studies

    studied: list[int] = []
    original = studies.style_statistics

    def counting(encoder: Any, pictures: Any, *rest: Any) -> Any:
        studied.append(max(pictures[0][0].shape[-2:]))
        return original(encoder, pictures, *rest)

    monkeypatch.setattr(studies, "style_statistics", counting)
    monkeypatch.setattr(studies, "_STUDIED", type(studies._STUDIED)())
    shutil.copy("photos/b.png", "photos/c.png")
    assert impasto.batch("photos", "paintings", folder="run", **quick).failed == []
    assert len(studied) == 2  # one painting at two scales, for three photos


def test_inputs_that_changed_stop_a_run_before_it_begins(sweep: Callable[..., impasto.LabRun]) -> None:
    sweep({"seed": [0]})
    shutil.copy("painting.png", "photo.png")
    with pytest.raises(RecordError, match=r"photo\.png"):
        impasto.again("run")


def test_what_cannot_be_used_is_found_before_painting(sweep: Callable[..., impasto.LabRun], studio: Path) -> None:
    with pytest.raises(OptionError, match="unknown encoder"):
        sweep({"seed": [0]}, judge="vgg91")
    Path("run").mkdir(exist_ok=True)
    Path("run/letter.txt").write_text("x")
    with pytest.raises(OutputError, match="not empty"):
        sweep({"seed": [0]})
    assert sorted(path.name for path in Path("run").iterdir()) == ["letter.txt"]
