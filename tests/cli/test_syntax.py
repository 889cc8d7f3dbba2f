"""Paintings with weights on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from command_line import OUT

import impasto
from impasto.cli import main as cli
from impasto.cli.syntax import parse_painting


def test_several_paintings_with_weights(folder_with_pictures: Path, quick_flags: list[str]) -> None:
    Path("painting.png").rename("a:2.png")
    assert cli.main(["paint", "photo.png", "a:2.png:0.5", "photo.png", *OUT, *quick_flags, "-q"]) == 0
    inputs: Any = impasto.read_record("out.png")["inputs"]
    assert [(p["name"], p["weight"]) for p in inputs["paintings"]] == [("a:2.png", 0.5), ("photo.png", 1.0)]


def test_weights_beside_names_that_look_like_weights(folder_with_pictures: Path) -> None:
    Path("wave:0.7").touch()
    assert parse_painting("wave:0.7") == ("wave:0.7", 1.0)
    assert parse_painting("wave.jpg:0.7") == ("wave.jpg", 0.7)
    assert parse_painting("wave.jpg") == ("wave.jpg", 1.0)
    assert parse_painting(r"C:\wave.jpg") == (r"C:\wave.jpg", 1.0)
    assert parse_painting("x" * 5000 + ":2") == ("x" * 5000, 2.0)
