"""Style files in sweeps, batches and comparisons: painted as `paint` paints them, measured as far as they tell."""

from __future__ import annotations

import csv
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import impasto
from impasto.cli import main as cli
from impasto.encoders import Encoder, load_encoder
from impasto.images.picture import Picture, picture_from_array
from impasto.images.reading import load_picture
from impasto.inputs.style_file import StyleFile
from impasto.lab.batch import plan_batch
from impasto.lab.metrics import measure, style_gram
from impasto.lab.plan import Planner
from impasto.lab.run_folder import Outcome, RunFolder
from impasto.lab.runner import JobRecorded, iter_jobs
from impasto.lab.workers import _far_away, report_painting
from impasto.options.spelling import flag_name, format_value

# 64 px: a size that every style file holds. Style files are of `lite`.
QUICK: dict[str, Any] = {"medium": "pixels", "size_px": 64, "min_scale_px": 64, "steps": (2,), "threads": 1}
FLAGS = [part for name, value in QUICK.items() for part in (flag_name(name), format_value(value))]
BY_PICTURE = (
    "style_sliced",
    "color_distance",
    "noise_ratio",
    "chroma_noise",
)  # metrics that need the painting's pixels


@pytest.fixture(scope="module")
def style(painting_pixels: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> StyleFile:
    path = tmp_path_factory.mktemp("styles") / "saved.style"
    return impasto.save_style(picture_from_array(painting_pixels), path)


@pytest.fixture
def styled(folder_with_pictures: Path, style: StyleFile) -> Path:
    """The working directory with saved.style, of painting.png, beside the two pictures."""
    shutil.copy(style.path, "saved.style")
    return folder_with_pictures


@pytest.fixture(scope="module")
def judge() -> Encoder:
    return load_encoder("lite")


def rows(folder: str) -> dict[str, dict[str, str]]:
    with (Path(folder) / "results.csv").open(newline="", encoding="utf-8") as file:
        return {row["job"]: row for row in csv.DictReader(file)}


def painted(folder: str, name: str, style: Any, **options: Any) -> bool:
    """Whether a pastiche of a run folder is, to the byte, what `paint` makes of the pair."""
    impasto.paint("photo.png", style, **QUICK | options).save("alone.png", overwrite=True)
    return Path(f"{folder}/pastiches/{name}.png").read_bytes() == Path("alone.png").read_bytes()


def test_a_batch_paints_measures_and_shows_them(styled: Path) -> None:
    Path("paintings").mkdir()
    Path("photos").mkdir()
    for name in ("saved.style", "painting.png"):
        shutil.copy(name, f"paintings/{name}")
    shutil.copy("photo.png", "photos/one.png")
    shutil.copy("saved.style", "photos/saved.style")  # no photo
    run = impasto.batch("photos", "paintings", folder="run", **QUICK)
    names = ["one_painting", "one_saved"]
    assert (list(run.results), run.failed) == (names, [])
    impasto.paint("photos/one.png", "paintings/saved.style", **QUICK).save("alone.png")
    assert Path("run/pastiches/one_saved.png").read_bytes() == Path("alone.png").read_bytes()
    found = rows("run")
    for name in BY_PICTURE:
        assert found["one_saved"][name] == ""
        assert found["one_painting"][name]
    for name in ("content_distance", "ssim", "style_gram"):
        assert found["one_saved"][name]
    assert found["one_saved"]["painting"] == "saved.style"
    # The file answers as the painting at the size painted, so that the two pastiches are alike, and so the figures.
    grams = [float(found[job]["style_gram"]) for job in ("one_saved", "one_painting")]
    assert grams[0] == pytest.approx(grams[1], rel=1e-3)
    page = Path("run/report.html").read_text(encoding="utf-8")
    assert re.search(r'<div class="plate">saved\.style</div>', page)
    assert page.count('data-role="painting"') == 1
    for word in ("Gram", "style"):
        assert re.search(rf"content \d+\.\d\d   {word} \d+\.\d\d<", page)
    sheet = np.asarray(Image.open("run/contact-sheet.png").convert("RGB"))
    assert (sheet == (0xF2, 0xF2, 0xF4)).all(axis=2).sum() > 0.6 * 96 * 96
    # Started again, all of it is there; with another style file of that name, its pictures are not.
    manifest = RunFolder.open(Path("run")).manifest
    assert [e.skipped for e in iter_jobs(Path("run"), manifest) if isinstance(e, JobRecorded)] == [True, True]
    pixels = np.asarray(Image.open("painting.png"))[::-1] // 2
    impasto.save_style(picture_from_array(pixels), "paintings/saved.style", overwrite=True)
    before = {name: Path(f"run/pastiches/{name}.png").stat().st_mtime_ns for name in names}
    impasto.batch("photos", "paintings", folder="run", **QUICK)
    after = {name: Path(f"run/pastiches/{name}.png").stat().st_mtime_ns for name in names}
    assert [after[name] == before[name] for name in names] == [True, False]


def test_a_sweep_over_a_mix(styled: Path) -> None:
    shutil.copy("photo.png", "other.png")
    pair = ["photo.png", "other.png:0.5", "saved.style:0.5"]
    assert cli.main(["sweep", *pair, "--vary", "seed=1,2", "-o", "run", "-q", *FLAGS]) == 0
    assert painted("run", "seed-2", [("other.png", 0.5), ("saved.style", 0.5)], seed=2)
    row = rows("run")["seed-2"]
    assert row["painting"] == "other.png+saved.style"
    assert not any(row[name] for name in BY_PICTURE)
    pastiche = load_picture("run/pastiches/seed-2.png")
    judge = load_encoder("lite")
    both = [style_gram(judge, load_picture(name), pastiche) for name in ("other.png", "painting.png")]
    assert float(row["style_gram"]) == pytest.approx(sum(both) / 2, rel=1e-3)


def test_paintings_vary_and_stand_in_tables(styled: Path) -> None:
    vary = ["--vary", "painting=painting.png,saved.style"]
    assert cli.main(["sweep", "photo.png", "painting.png", *vary, "-o", "run", "-q", *FLAGS]) == 0
    assert painted("run", "saved", "saved.style")
    assert Path("run/report.html").exists()
    Path("pairs.csv").write_text("photo,painting,strength\nphoto.png,saved.style,30\nphoto.png,painting.png,70\n")
    assert cli.main(["batch", "pairs.csv", "-o", "table", "-q", *FLAGS]) == 0
    (name,) = (name for name in rows("table") if "saved" in name)
    assert painted("table", name, "saved.style", strength=30)


def test_settings_of_its_own_and_regions(styled: Path, photo_pixels: np.ndarray) -> None:
    mask = np.zeros(photo_pixels.shape[:2], np.uint8)
    mask[:, :30] = 255
    Image.fromarray(mask).save("mask.png")
    region = ["--region", "mask.png=saved.style,strength=90"]
    pair = ["photo.png", "saved.style:0.5:0.5", "painting.png:0.5"]
    assert cli.main(["sweep", *pair, *region, "--vary", "seed=1,2", "-o", "run", "-q", *FLAGS]) == 0
    paintings = [impasto.Painting("saved.style", 0.5, 0.5), impasto.Painting("painting.png", 0.5)]
    regions = [impasto.Region("mask.png", "saved.style", strength=90)]
    assert painted("run", "seed-1", paintings, regions=regions, seed=1)


def test_a_comparison(styled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    columns = ["--with", "painterly", "tfhub=tfhub", "file:photo.png=Photo", "file:saved.style=No"]
    assert cli.main(["compare", "photo.png", "saved.style", *columns, "-o", "run", *FLAGS]) == 1
    found = rows("run")
    assert [row["status"] for row in found.values()] == ["done", "failed", "done", "failed"]
    assert painted("run", "painterly", "saved.style", recipe="painterly")
    assert float(found["Photo"]["ssim"]) == pytest.approx(1)
    assert found["Photo"]["style_gram"]
    assert "the painting saved.style is a style file" in found["tfhub"]["error"]
    assert "the picture saved.style is a style file" in found["No"]["error"]
    page = Path("run/report.html").read_text(encoding="utf-8")
    assert '<figure><div class="plate">saved.style</div><figcaption>painting</figcaption></figure>' in page


def test_what_it_cannot_do_is_one_line_and_the_rest_is_done(styled: Path) -> None:
    vary = {"style_loss": ["wasserstein", "mmd-gaussian"], "color": ["painting", "photo"]}
    run = impasto.sweep("photo.png", "saved.style", vary, folder="run", **QUICK)
    found = [run.results[name] for name in run.results]
    assert [result.status for result in found if result] == ["done", "failed", "failed", "failed"]
    assert "saved.style cannot be given other colours" in rows("run")["style_loss-wasserstein_color-photo"]["error"]
    assert "whole feature maps" in rows("run")["style_loss-mmd-gaussian_color-painting"]["error"]
    run = impasto.batch(["saved.style"], ["painting.png"], folder="other", **QUICK)
    assert run.failed == ["saved_painting"]
    assert "the photo saved.style is a style file" in rows("other")["saved_painting"]["error"]


def test_it_travels_to_a_worker(styled: Path) -> None:
    Path("away").mkdir()
    values = QUICK | {"seed": 1}
    plan = plan_batch(["photo.png"], ["saved.style"], Planner(values=values))
    (job,) = plan.jobs
    contents = [file.path.read_bytes() for file in job.inputs]
    Path("saved.style").rename("away/saved.style")
    *_, outcome = _far_away(report_painting, job, *contents)
    assert isinstance(outcome, Outcome)
    impasto.paint("photo.png", "away/saved.style", **values).save("alone.png")
    assert outcome.picture == Path("alone.png").read_bytes()


def test_measured_as_the_painting_at_a_size_it_holds(
    judge: Encoder, style: StyleFile, photo_pixels: np.ndarray, painting_pixels: np.ndarray
) -> None:
    photo, painting = picture_from_array(photo_pixels), picture_from_array(painting_pixels)
    for height, width in ((51, 64), (64, 45), (110, 128)):  # the painting has 64 px, and is never enlarged
        pastiche = picture_from_array(photo.pixels(height, width))
        by_file, by_picture = (measure(judge, photo, [(p, 2.0)], pastiche) for p in (style, painting))
        assert by_file["style_gram"] == pytest.approx(by_picture["style_gram"], rel=1e-3)
        assert by_file["content_distance"] == by_picture["content_distance"]
        assert by_file["ssim"] == by_picture["ssim"]
        assert {name: by_file[name] for name in BY_PICTURE} == dict.fromkeys(BY_PICTURE)
        mixed = measure(judge, photo, [(style, 3.0), (photo, 1.0)], pastiche)
        assert {name: mixed[name] for name in BY_PICTURE} == dict.fromkeys(BY_PICTURE)
        own = style_gram(judge, photo, pastiche)
        assert mixed["style_gram"] == pytest.approx(0.75 * (by_picture["style_gram"] or 0) + 0.25 * own, rel=1e-3)


def test_not_measured_by_another_judge_nor_too_small(
    style: StyleFile, judge: Encoder, tiny_encoder_file: Path, photo_pixels: np.ndarray
) -> None:
    photo = picture_from_array(photo_pixels)

    def gram(encoder: Encoder, pastiche: Picture) -> float | None:
        return measure(encoder, photo, [(style, 1.0)], pastiche)["style_gram"]

    assert gram(load_encoder(str(tiny_encoder_file)), photo) is None
    assert gram(judge, picture_from_array(photo.pixels(25, 31))) is None
    assert gram(judge, photo) is not None
