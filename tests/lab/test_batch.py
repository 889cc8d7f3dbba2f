"""Batches, from folders or a table to a list of jobs."""

from __future__ import annotations

from pathlib import Path

import pytest

from impasto.errors import ImpastoError, InputError
from impasto.lab.batch import find_pictures, plan_batch, plan_pairs
from impasto.lab.plan import Planner
from impasto.options.fields import PaintOptions
from impasto.storage.places import trusts_all


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
    plan = plan_batch(["photos"], ["paintings", "painting.png"], Planner(values={"seed": 4}))
    pairs = [(job.labels["photo"], job.labels["painting"]) for job in plan.jobs]
    assert pairs == [("a", "p"), ("b", "p"), ("a", "painting"), ("b", "painting")]
    assert {job.options.seed for job in plan.jobs} == {4}


def test_a_table_of_pairs_and_options(folders: Path) -> None:
    table = folders / "photos" / "pairs.csv"
    table.write_text(
        'photo,painting,strength,steps,recipe\na.jpg,../painting.png,20,,\nb.png,../painting.png,,"9,5",patient\n'
    )
    jobs = plan_pairs("photos/pairs.csv", Planner(values={"strength": 60, "seed": 1}), trusts_all).jobs
    with pytest.raises(InputError, match=r"painting\.png.* does not lie beside it or below.*--trust"):
        plan_pairs("photos/pairs.csv", Planner())
    assert [(job.options.strength, job.options.steps[-1], job.options.seed) for job in jobs] == [
        (20, PaintOptions().steps[-1], 1),
        (60, 5, 1),
    ]
    assert [job.options.optimizer for job in jobs] == ["lbfgs", "adam"]
    assert jobs[0].labels["strength"] == "20"
    assert jobs[1].labels["recipe"] == "patient"


def test_a_table_without_end_is_not_planned(folder_with_pictures: Path) -> None:
    Path("pairs.csv").write_text("photo,painting\n" + "photo.png,painting.png\n" * 20_001)
    with pytest.raises(ImpastoError, match="has 20001 rows, more than 20000: make several of it"):
        plan_pairs("pairs.csv", Planner())


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
def test_tables_that_cannot_be(folder_with_pictures: Path, text: str, words: str) -> None:
    Path("pairs.csv").write_text(text)
    with pytest.raises(ImpastoError, match=words):
        plan_pairs("pairs.csv", Planner())
