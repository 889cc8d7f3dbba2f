"""Files that impasto 0.1.0 wrote are read, and mean what they meant.

Painted again, a picture has not the same bytes: the last bits differ from one processor and version to the next, and
the optimiser makes more of them with every step. After these few steps they show little.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import impasto
from impasto.encoders import load_encoder
from impasto.images.reading import load_picture
from impasto.inputs.style_file import read_style_file
from impasto.runs.interrupted import read_run

SAMPLES = Path(__file__).parents[1] / "data" / "v0_1_0"
CLOSE = 4.0  # levels of 255: 0.25 on the machine that wrote them, up to 1.5 with the BLAS of others (MKL_CBWR)
TINY_SHA256 = "ef3b8102b47d511f27f1f93a04a855eb6c44bc6a61a72e02bc3734abfd059b49"


@pytest.fixture
def samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Working directory with a copy of every file."""
    folder = tmp_path / "samples"
    shutil.copytree(SAMPLES, folder)
    monkeypatch.chdir(folder)
    return folder


def mean_levels(pixels: NDArray[np.float32], name: str) -> float:
    """Mean difference from a picture file, in levels of 255."""
    return 255 * float(np.abs(pixels - load_picture(name).pixels()).mean())


@pytest.mark.parametrize("name", ["pastiche.png", "regions.png", "after-style-file.png"])
def test_a_picture_is_painted_again_from_its_record(samples: Path, name: str) -> None:
    assert mean_levels(impasto.replay(name).pixels, name) < CLOSE


def test_a_draft_is_painted_again_from_its_record(samples: Path) -> None:
    assert mean_levels(impasto.replay("draft.png").pixels, "draft.png") < CLOSE


def test_the_record_says_what_the_picture_was_painted_from(samples: Path) -> None:
    record = impasto.read_record("regions.png")
    again = impasto.replay("regions.png").record
    assert again["inputs"] == record["inputs"]
    assert again["options"].items() >= record["options"].items()
    assert again["options"]["medium"] == "pixels"  # which 0.1.0 did not have to say


def test_an_encoder_file(samples: Path) -> None:
    encoder = load_encoder("tiny.safetensors")
    assert (encoder.name, encoder.sha256) == ("tiny", TINY_SHA256)
    assert encoder.architecture.widths == (4, 6, 8, 8, 8)


def test_a_style_file(samples: Path) -> None:
    style = read_style_file("small-painting.style")
    assert (style.painting, style.encoder) == ("small-painting.png", "lite")
    pixels = load_picture("small-painting.png").pixels()
    mean, _ = style.moments("rgb", max(pixels.shape))
    assert mean == pytest.approx(pixels.reshape(-1, 3).mean(axis=0), abs=0.01)


def test_an_interrupted_run_goes_on(samples: Path) -> None:
    state, checkpoint, _ = read_run(samples / "interrupted.run")
    assert (state.impasto, checkpoint.name) == ("0.1.0", "checkpoint-000001.safetensors")
    pastiche = impasto.resume("interrupted.run")
    assert not pastiche.stopped
    assert mean_levels(pastiche.pixels, "interrupted-finished.png") < CLOSE


def test_a_sweep_is_read_and_painted_again(samples: Path) -> None:
    """Its pictures count for the version that painted them: the same list is carried out again, to nearly the same."""
    before = {path.name: path.read_bytes() for path in samples.glob("sweep/pastiches/*.png")}
    run = impasto.again("sweep")
    assert (run.failed, run.missing, len(run.results)) == ([], [], 2)
    for name, png in before.items():
        Path(name).write_bytes(png)
        assert mean_levels(load_picture(f"sweep/pastiches/{name}").pixels(), name) < CLOSE
    assert run.manifest.impasto == "0.1.0", "the list stays what it was"
