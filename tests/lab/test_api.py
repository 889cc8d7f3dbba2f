"""Lists of jobs from Python."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import impasto


def test_again_elsewhere_makes_the_same_bytes(sweep: Callable[..., impasto.LabRun]) -> None:
    sweep({"seed": [0, 1]}, starting_point="noise")
    run = impasto.again("run", "second", trust=True)
    assert run.folder == Path("second")
    for path in Path("run/pastiches").iterdir():
        assert (Path("second/pastiches") / path.name).read_bytes() == path.read_bytes()


def test_drafts_tell_what_they_wrote_and_what_failed(many: Path) -> None:
    paths, failed = impasto.drafts(["photos"], ["paintings/*"], "out", size_px=40)
    assert [path.name for path in paths] == ["one_saved.jpg", "one_waves.jpg", "two_saved.jpg", "two_waves.jpg"]
    assert list(failed) == [Path("paintings/broken.jpg")]
    assert Path("out/contact-sheet.png").is_file()


def test_a_batch_takes_one_place_several_or_a_table(folders: Path, quick: dict[str, Any]) -> None:
    assert list(impasto.batch("photos", "paintings", folder="one", **quick).results) == ["a_p", "b_p"]
    assert list(impasto.batch(["photo.png"], [Path("paintings")], folder="several", **quick).results) == ["photo_p"]
    Path("pairs.CSV").write_text("photo,painting,seed\nphoto.png,painting.png,1\nphoto.png,painting.png,2\n")
    run = impasto.batch("pairs.CSV", folder="table", recipe="painterly", **quick)
    assert [job.options.seed for job in run.manifest.jobs] == [1, 2]
    assert {job.recipe for job in run.manifest.jobs} == {"painterly"}


@pytest.mark.parametrize("paintings", ["painting.png", ["painting.png"], [("painting.png", 1.0)]])
def test_a_painting_is_a_path_a_list_or_pairs(
    folder_with_pictures: Path, quick: dict[str, Any], paintings: Any
) -> None:
    run = impasto.sweep("photo.png", paintings, {"seed": [0]}, folder="run", judge=quick["encoder"], **quick)
    assert not run.failed
    with Path("run/results.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["painting"], row["judge"].split()[0]) == ("painting.png", "tiny")


def test_a_stop_before_the_first_job_leaves_all_of_them(folder_with_pictures: Path, quick: dict[str, Any]) -> None:
    controls = impasto.Controls()
    controls.stop = True
    run = impasto.compare(
        "photo.png", "painting.png", ["painterly", "file:photo.png"], folder="run", controls=controls, **quick
    )
    assert run.missing == ["painterly", "photo"]


def test_a_run_shows_itself(sweep: Callable[..., impasto.LabRun]) -> None:
    run = sweep({"seed": [0]}, starting_point="noise")
    assert repr(run) == f"<LabRun {run.folder}: 1 jobs done, 0 failed, 0 missing>"
    assert run._repr_png_() == (run.folder / "contact-sheet.png").read_bytes()
    (run.folder / "contact-sheet.png").unlink()
    assert run._repr_png_() is None
