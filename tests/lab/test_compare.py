"""Comparisons, from columns to a list of jobs."""

from __future__ import annotations

from pathlib import Path

import pytest

from impasto.errors import ImpastoError, InputError
from impasto.lab.compare import HUB_ADDRESS, parse_column, plan_comparison
from impasto.lab.magenta import PACKAGE
from impasto.lab.plan import Planner

PAIR = ("photo.png", [("painting.png", 1.0)])


@pytest.mark.parametrize(
    ("text", "kind", "label"),
    [
        ("painterly", "paint", "painterly"),
        ("mine/own.toml=Mine", "paint", "Mine"),
        ("mine/own.toml", "paint", "own"),
        ("file:other.png=Their program", "picture", "Their program"),
        ("file:a/other.png", "picture", "other"),
        ("tfhub", "tfhub", ""),
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
def test_comparisons_that_cannot_be(folder_with_pictures: Path, columns: list[str], words: str) -> None:
    with pytest.raises(ImpastoError, match=words):
        plan_comparison(*PAIR, columns, Planner())


@pytest.mark.parametrize(
    ("package", "tensorflow", "hub", "model", "label"),
    [
        (True, True, True, HUB_ADDRESS, "tfhub (TensorFlow)"),
        (True, True, False, PACKAGE, "tfhub (ONNX, 384 px inside)"),
        (True, False, True, PACKAGE, "tfhub (ONNX, 384 px inside)"),
        (False, True, False, HUB_ADDRESS, "tfhub (TensorFlow)"),
        (False, False, False, HUB_ADDRESS, "tfhub (TensorFlow)"),
    ],
)
def test_the_hub_s_model_is_the_first_that_is_here(
    folder_with_pictures: Path,
    monkeypatch: pytest.MonkeyPatch,
    package: bool,
    tensorflow: bool,
    hub: bool,
    model: str,
    label: str,
) -> None:
    def fetch(address: str) -> Path:
        if not hub:
            raise InputError("cannot fetch it")
        return Path("model")

    monkeypatch.setattr("impasto.lab.magenta.is_installed", lambda: package)
    monkeypatch.setattr("impasto.lab.compare.find_spec", lambda name: object() if tensorflow else None)
    monkeypatch.setattr("impasto.lab.tfhub.fetch_model", fetch)
    planner = Planner()
    (job,) = plan_comparison(*PAIR, ["tfhub"], planner).jobs
    assert (job.model, job.labels["column"]) == (model, label)
    assert bool(planner.notes) == (package and tensorflow and not hub)
    (job,) = plan_comparison(*PAIR, ["tfhub=Google"], planner).jobs
    assert (job.model, job.name) == (model, "Google")


def test_a_folder_goes_before_all_others(folder_with_pictures: Path) -> None:
    Path("model").mkdir()
    Path("model/saved_model.pb").write_bytes(b"graph")
    (job,) = plan_comparison(*PAIR, ["tfhub:model"], Planner()).jobs
    assert job.model is None
    assert [file.path.name for file in job.inputs] == ["photo.png", "painting.png", "saved_model.pb"]
    assert job.labels["column"] == "tfhub (SavedModel)"
