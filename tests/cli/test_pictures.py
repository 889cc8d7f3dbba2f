"""Names of pictures, sizes as people write them, standard input."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from sample_pictures import smooth

from impasto.cli import pictures
from impasto.errors import InputError, OptionError, OutputError
from impasto.images.picture import picture_from_array


@pytest.mark.parametrize(
    ("paintings", "part"),
    [
        (["flow"], "flow"),
        (["art/monet.jpg:0.7", "flow:2"], "monet-flow"),
        (["a.jpg@mask.png:0.7:2"], "a"),
        (["a", "b", "c"], "a-and-2-more"),
        ([], ""),
        (["x" * 300], "x" * 80),
    ],
)
def test_paintings_in_a_name(paintings: list[str], part: str) -> None:
    assert pictures.paintings_part(paintings) == part


def test_places_that_are_free(tmp_path: Path) -> None:
    def place(**settings: bool) -> str:
        return pictures.default_place(
            tmp_path / "me.jpg", "flow", suffix=".png", overwrite=settings.get("again", False)
        ).name

    assert place() == "me-flow.png"
    (tmp_path / "me-flow.png").touch()
    assert (place(), place(again=True)) == ("me-flow-2.png", "me-flow.png")
    (tmp_path / "me-flow-2.png.run").mkdir()  # an interrupted run, whose picture is still to come
    assert place() == "me-flow-3.png"
    piped = pictures.default_place(pictures.STANDARD_INPUT, "flow", suffix=".webp", folder=tmp_path, overwrite=False)
    assert piped == tmp_path / "picture-flow.webp"


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot make the folder"):
        pictures.make_folder(f"{tmp_path}/file/")


@pytest.mark.parametrize(
    ("size", "left", "kept"),
    [
        ("50%", {}, "50%"),
        ("12.5 %", {}, "12.5 %"),
        ("1920x1080", {}, "1920x1080"),
        ("1920×1080 px", {}, "1920×1080 px"),
        ("512px", {"size_px": "512"}, None),
        ("512", {"size_px": "512"}, None),
        ("-5", {"size_px": "-5"}, None),  # its bounds are the option's
    ],
)
def test_sizes_that_need_a_picture(size: str, left: dict[str, str], kept: str | None) -> None:
    given = {"size_px": size}
    assert (pictures.pop_size(given), given) == (kept, left)


@pytest.mark.parametrize("size", ["1.2.3%", "big", "800.5"])
def test_what_is_no_size(size: str) -> None:
    with pytest.raises(OptionError, match=f"800, or 50%, or 1920x1080 to fit into, got '{size}'"):
        pictures.pop_size({"size_px": size})


@pytest.mark.parametrize(
    ("size", "edge"), [("50%", 30), ("12.5%", 8), ("30x400", 30), ("600x20", 30), ("6000×4000", 6000), ("0%", 1)]
)
def test_sizes_beside_a_picture(size: str, edge: int) -> None:
    assert pictures.size_beside(size, picture_from_array(smooth(40, 60))) == edge


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    for nothing in (None, SimpleNamespace(isatty=lambda: True)):
        monkeypatch.setattr(sys, "stdin", nothing)
        with pytest.raises(InputError, match="impasto paint - flow"):
            pictures.read_standard_input(100)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: False, buffer=io.BytesIO(b"nothing of a picture")))
    with pytest.raises(InputError, match="'stdin': it is not a picture"):
        pictures.read_standard_input(100)


def test_a_terminal_gets_no_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(isatty=lambda: True))
    with pytest.raises(OptionError, match="which is a terminal"):
        pictures.check_standard_output()
