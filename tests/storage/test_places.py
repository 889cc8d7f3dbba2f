"""What counts as beside a file, and when two spellings mean one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from impasto.storage.places import elsewhere, is_below, is_plain_name, same_file


@pytest.mark.parametrize(
    ("path", "below"),
    [
        ("run/a.png", True),
        ("run/deep/er/a.png", True),
        ("run", False),
        ("other/a.png", False),
        ("run/../other/a.png", False),
        ("runaway/a.png", False),
        ("run/.bashrc", False),
        ("run/.config/a.png", False),
        ("/etc/passwd", False),
        ("run/a\0.png", False),
    ],
)
def test_what_lies_below_a_folder(tmp_path: Path, path: str, below: bool) -> None:
    assert is_below(tmp_path / path, tmp_path / "run") is below


def test_links_are_followed(tmp_path: Path) -> None:
    for name in ("run", "other"):
        (tmp_path / name).mkdir()
    (tmp_path / "run" / "away").symlink_to(tmp_path / "other")
    (tmp_path / "run" / "home").symlink_to(tmp_path / "run")
    assert not is_below(tmp_path / "run" / "away" / "a.png", tmp_path / "run")
    assert is_below(tmp_path / "run" / "home" / "a.png", tmp_path / "run")
    inside, outside = tmp_path / "run" / "a", tmp_path / "a"
    assert elsewhere([inside, outside, outside], tmp_path / "run") == [outside]


def test_plain_names() -> None:
    assert all(map(is_plain_name, ("a", "input-1.npy", "a b", "ü", "..a")))
    assert not any(map(is_plain_name, ("", ".", "..", "a/b", "../a", "/a", "a\\b", "a\0")))


def test_two_spellings_of_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "y").mkdir()
    assert same_file("a.png", "y/../a.png") and same_file("a.png", tmp_path / "a.png")
    assert same_file("not-there.png", "NOT-THERE.PNG"), "where capitals count, nobody means two"
    (tmp_path / "a.png").touch()
    os.link("a.png", "hard.png")
    Path("soft.png").symlink_to("a.png")
    assert same_file("a.png", "hard.png") and same_file("soft.png", "a.png")
    (tmp_path / "b.png").touch()
    assert not same_file("a.png", "b.png") and not same_file("a.png", "c.png")
