"""Planning a job: inputs described, options resolved, names given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import impasto
from impasto.errors import InputError, OptionError, RecordError
from impasto.lab.jobs import Role
from impasto.lab.plan import Planner, file_labels, job_name, option_named, reopen
from impasto.storage.places import trusts_all


def test_long_names_stay_short_and_different() -> None:
    names = {job_name({"style_layers": ",".join(f"relu{i}_1:{weight}" for i in range(20))}) for weight in (1, 2)}
    assert len(names) == 2
    assert all(len(name) <= 80 for name in names)
    assert job_name({"painting": "../a b/ü:x"}) == "a-b-ü-x"


def test_files_are_called_as_shortly_as_tells_them_apart() -> None:
    labels = file_labels(["a/x.jpg", "a/y.jpg", "a/y.png", "b/z.jpg", "c/z.jpg"])
    assert list(labels.values()) == ["x", "y.jpg", "y.png", "b/z.jpg", "c/z.jpg"]


def test_inputs_that_cannot_be_described(folder_with_pictures: Path) -> None:
    with pytest.raises(InputError, match=r"photo 'nowhere\.png' cannot be read"):
        Planner().describe(Role.PHOTO, "nowhere.png")
    with pytest.raises(InputError, match="it is a folder"):
        Planner().describe(Role.PAINTING, folder_with_pictures)


def test_a_file_is_hashed_once(folder_with_pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[Path] = []
    monkeypatch.setattr("impasto.lab.plan.hash_file", lambda path, *_: hashed.append(path) or "hash")
    planner = Planner()
    for _ in range(3):
        planner.pair("photo.png", [("painting.png", 1.0), ("painting.png", 0.5)])
    assert [path.name for path in hashed] == ["painting.png", "photo.png"]


def test_a_job_lists_every_file_that_it_reads(folder_with_pictures: Path, quick: dict[str, Any]) -> None:
    planner = Planner(values=quick | {"starting_point": "photo.png", "color": "palette:painting.png"})
    job = planner.painting_job("photo.png", [("painting.png", 0.5)], planner.resolve(), recipe=None, labels={"a": "b"})
    names = {file.role: file.path.name for file in job.inputs}
    assert names == {
        Role.PHOTO: "photo.png", Role.PAINTING: "painting.png", Role.ENCODER: "tiny.safetensors",
        Role.STARTING_POINT: "photo.png", Role.PALETTE: "painting.png",
    }  # fmt: skip
    assert job.files(Role.PAINTING)[0].weight == 0.5
    chosen = job.options
    assert (chosen.encoder, chosen.starting_point, chosen.color) == (
        "tiny.safetensors", "photo.png", "palette:painting.png",
    )  # fmt: skip


def test_a_jobs_own_recipe_and_values_win() -> None:
    planner = Planner("patient", {"seed": 1, "strength": 30})
    assert (planner.resolve().optimizer, planner.resolve().strength) == ("adam", 30)
    options = planner.resolve("painterly", {"seed": 2})
    assert (options.optimizer, options.seed, options.strength) == ("lbfgs", 2, 30)


def test_errors_spell_options_as_the_person_did() -> None:
    with pytest.raises(OptionError, match="--strength"):
        Planner(values={"strength": 120}, spell="--{}".format).resolve()


def test_a_job_needs_a_painting(folder_with_pictures: Path) -> None:
    with pytest.raises(OptionError, match="no painting given"):
        Planner().pair("photo.png", [])


@pytest.mark.parametrize("spelling", ["min_scale_px", "min-scale-px", "min-scale", "--min-scale", " min_scale "])
def test_options_are_recognised_however_they_are_spelled(spelling: str) -> None:
    assert option_named(spelling) == "min_scale_px"


def test_an_unknown_option_names_the_nearest() -> None:
    with pytest.raises(OptionError, match="did you mean 'strength'"):
        option_named("stength")


def test_a_run_folder_is_reopened_with_its_judge_or_another(folder_with_pictures: Path, quick: dict[str, Any]) -> None:
    impasto.sweep("photo.png", "painting.png", {"seed": [0]}, folder="run", **quick)
    assert reopen(Path("run"), trusts=trusts_all).judge == "lite"
    assert reopen(Path("run"), "vgg19", trusts_all).judge == "vgg19"
    with pytest.raises(RecordError, match="no run folder"):
        reopen(Path("elsewhere"))
