"""Comparisons, from columns to a list of jobs."""

from __future__ import annotations

from pathlib import Path

import pytest

from impasto.errors import ImpastoError
from impasto.lab.compare import parse_column, plan_comparison
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
def test_comparisons_that_cannot_be(folder_with_pictures: Path, columns: list[str], words: str) -> None:
    with pytest.raises(ImpastoError, match=words):
        plan_comparison(*PAIR, columns, Planner())
