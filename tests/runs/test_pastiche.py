"""A painted picture: what comes with it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import impasto
from impasto.errors import OptionError
from impasto.images.metadata import PhotoMetadata
from impasto.runs.pastiche import Pastiche

RECORD = {
    "inputs": {"content": {"name": "a<b.png"}, "paintings": [{"name": "flow.jpg"}, {"name": "dots.jpg"}]},
    "options": {"size_px": 60, "strength": 70.0, "color": "painting"},
}


def made(alpha: bool = False, **settings: Any) -> Pastiche:
    rows, columns = np.mgrid[0:40, 0:60].astype(np.float32)
    pixels = np.stack([rows / 39, columns / 59, rows * 0 + 0.5], 2)
    values: dict[str, Any] = {"record": RECORD, "metadata": PhotoMetadata(), "stopped": False, "seconds": 1.25}
    return Pastiche(pixels, columns / 59 if alpha else None, **(values | settings))


def test_its_forms() -> None:
    pastiche = made(alpha=True, dots_per_inch=300.0)
    assert (pastiche.size, repr(pastiche)) == ((60, 40), "<Pastiche 60x40 px, 1.2 s>")
    assert repr(made(stopped=True)).endswith("stopped early>")
    assert np.array_equal(np.asarray(pastiche), pastiche.pixels)
    assert np.asarray(pastiche, np.float64).dtype == np.float64
    image = pastiche.pil()
    assert (image.mode, image.size, made().pil().mode) == ("RGBA", (60, 40), "RGB")
    assert np.abs(np.asarray(image)[..., :3] / 255 - pastiche.pixels).max() <= 0.5 / 255 + 1e-6
    picture = pastiche.picture()
    assert (picture.size, picture.bit_depth, picture.samples.shape[2]) == ((60, 40), 16, 4)
    assert np.abs(picture.pixels() - pastiche.pixels).max() <= 0.5 / 65535 + 1e-6


@pytest.mark.parametrize(("format", "pillow"), [("png", "PNG"), ("JPG", "JPEG"), (".webp", "WEBP"), ("tiff", "TIFF")])
def test_its_bytes_are_those_of_the_file(tmp_path: Path, format: str, pillow: str) -> None:
    pastiche, file, path = made(), io.BytesIO(), tmp_path / f"p.{format.strip('.').lower()}"
    pastiche.save(path)
    pastiche.save(file, format=format)
    assert path.read_bytes() == file.getvalue() == pastiche.to_bytes(format)
    with Image.open(file) as image:
        assert (image.format, image.size) == (pillow, (60, 40))
    assert impasto.read_record(path) == {**RECORD, "bit_depth": 8}


def test_formats_that_cannot_be() -> None:
    with pytest.raises(OptionError, match="did you mean 'png'"):
        made().to_bytes("pgn")
    with pytest.raises(OptionError, match="16"):
        made().to_bytes("jpg", bit_depth=16)
    with pytest.raises(OptionError, match=r"'out\.png' says the format already"):
        made().save("out.png", format="jpg")


def test_equal_where_picture_and_record_are() -> None:
    assert made() == made(seconds=9.0)
    assert hash(made()) == hash(made(seconds=9.0))
    assert made() != made(alpha=True)
    assert made() != made(record={})
    assert made() != "a pastiche"
    assert len({made(), made(), made(alpha=True)}) == 2


def test_in_a_notebook() -> None:
    pastiche = made(notices=("1 < 2",))
    with Image.open(io.BytesIO(pastiche._repr_png_())) as image:
        assert (image.format, image.size) == ("PNG", (60, 40))
    assert pastiche.caption() == "a<b.png after flow.jpg and dots.jpg: size 60, strength 70.0"
    shown = pastiche._repr_html_()
    assert "a&lt;b.png after flow.jpg" in shown
    assert "1 &lt; 2" in shown
    large = made()
    object.__setattr__(large, "pixels", np.zeros((10, 2000, 3), np.float32))
    with Image.open(io.BytesIO(large._repr_png_())) as image:
        assert image.width == 1024


def test_a_pastiche_is_painted_again(folder_with_pictures: Path, quick: dict[str, Any]) -> None:
    first = impasto.paint("photo.png", "painting.png", **quick)
    second = impasto.paint(first, first, **quick)
    assert second.record["inputs"]["content"]["name"] == "pastiche"


def test_its_notices_are_those_of_the_run(folder_with_pictures: Path, quick: dict[str, Any]) -> None:
    flat = np.full((48, 60, 3), 127, np.uint8)
    events = list(impasto.iter_paint(flat, "painting.png", **quick))
    said = [event.message for event in events if isinstance(event, impasto.Notice)]
    assert said, "a flat photo cannot be measured, which is said"
    assert impasto.paint(flat, "painting.png", **quick).notices == tuple(said)


@pytest.mark.parametrize("name", ["pastiche.png", "pastiche.webp"])
def test_it_is_saved_with_its_record(folder_with_pictures: Path, quick: dict[str, Any], name: str) -> None:
    pastiche = impasto.paint("photo.png", "painting.png", **quick)
    pastiche.save(name)
    assert impasto.read_record(name) == {**pastiche.record, "bit_depth": 8}
