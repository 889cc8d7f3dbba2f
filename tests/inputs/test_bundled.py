"""Bundled paintings are found by name; a file of that name wins."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from impasto.errors import InputError
from impasto.inputs import bundled
from impasto.inputs.paintings import Painting, load_style
from impasto.inputs.style_file import StyleFile

FOLDER = Path(bundled.__file__).parent / "samples"


def test_each_has_the_name_of_its_file() -> None:
    assert list(bundled.bundled_paintings()) == sorted(path.stem for path in FOLDER.glob("*.jpg"))
    assert list(bundled.DESCRIPTIONS) == list(bundled.bundled_paintings())


def test_by_hash() -> None:
    for sha256, path in bundled.bundled_by_hash().items():
        assert hashlib.sha256(path.read_bytes()).hexdigest() == sha256
    assert len(bundled.bundled_by_hash()) == len(bundled.bundled_paintings())


def test_a_name_is_its_painting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Painting("flow").picture.sha256 == hashlib.sha256((FOLDER / "flow.jpg").read_bytes()).hexdigest()
    assert load_style(Path("dots")).name == "dots.jpg"
    for other in ("flow.jpg", "here/flow", "gone.png"):
        assert bundled.find_painting(other) == other


def test_a_file_of_that_name_wins_and_that_is_said(
    folder_with_pictures: Path, painting_pixels: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("painting.png").rename("flow")
    picture = load_style("flow")
    assert not isinstance(picture, StyleFile)
    assert (picture.width_px, picture.path) == (64, Path("flow").absolute())
    assert bundled.shadow_notices([picture.path, None, Path("photo.png")]) == [
        "'flow' is the file of that name here, not the bundled painting"
    ]
    assert bundled.shadow_notices(bundled.bundled_paintings().values()) == []


@pytest.mark.parametrize(
    ("name", "words"), [("flwo", "did you mean the bundled painting 'flow'?"), ("xyz", "dots, flow")]
)
def test_an_unknown_name_leads_to_those_that_there_are(name: str, words: str) -> None:
    with pytest.raises(InputError, match=words.replace("?", r"\?")):
        load_style(name)


def test_a_file_that_is_gone_is_called_a_file() -> None:
    with pytest.raises(InputError, match=r"'gone\.png': there is no such file"):
        load_style("gone.png")
