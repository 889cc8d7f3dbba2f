"""The bundled paintings: what is shipped is what the tool draws."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

pytest.importorskip("scipy")
import brushes
import draw_painting
import manners

SHIPPED = Path(str(files("impasto"))) / "inputs" / "samples"
QUICK = {"shards", "glass"}  # the others take seconds to draw


def pixels(image: Image.Image) -> NDArray[np.float64]:
    return np.asarray(image.convert("RGB"), float) / 255


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=() if n in QUICK else pytest.mark.slow) for n in draw_painting.SIZES]
)
def test_the_tool_draws_the_shipped_painting(name: str) -> None:
    drawn = draw_painting.draw(name, *draw_painting.SIZES[name])
    with Image.open(SHIPPED / f"{name}.jpg") as shipped:
        assert drawn.size == shipped.size
        # Blocks of 4 x 4 pixels: JPEG loses 0.04 a pixel, but hardly changes their means.
        distance = np.abs(pixels(drawn.reduce(4)) - pixels(shipped.convert("RGB").reduce(4))).mean()
    assert distance < 0.015  # another seed: 0.07 and more


def test_another_seed_is_another_painting() -> None:
    first, again, other = (pixels(draw_painting.draw("shards", 176, 132, seed).reduce(4)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).mean() > 0.07


def test_every_painting_is_shipped_as_a_small_jpeg() -> None:
    assert {path.stem for path in SHIPPED.glob("*.jpg")} == set(draw_painting.SIZES)
    for name, size in draw_painting.SIZES.items():
        with Image.open(SHIPPED / f"{name}.jpg") as file:
            assert (file.format, file.mode, file.size) == ("JPEG", "RGB", size)
    small = [(SHIPPED / f"{name}.jpg").stat().st_size for name in manners.PAINTINGS]
    assert max(small) < 150_000
    assert sum(small) < 700_000


@pytest.mark.parametrize("name", manners.PAINTINGS)
def test_a_painting_has_strokes_and_tones_everywhere(name: str) -> None:
    """No part of it is flat or empty: what a style image must offer."""
    with Image.open(SHIPPED / f"{name}.jpg") as file:
        shipped = pixels(file)
    grey = shipped.mean(-1)
    parts = grey[: grey.shape[0] // 88 * 88, : grey.shape[1] // 88 * 88].reshape(6, 88, 8, 88).swapaxes(1, 2)
    assert parts.std((2, 3)).min() > 0.025
    assert grey.std() > 0.12
    assert (shipped.max(-1) - shipped.min(-1)).mean() > 0.15


def test_turning_a_hue_keeps_its_light_and_a_whole_turn_its_colour() -> None:
    colours = np.random.default_rng(0).random((50, 3))
    light = np.array([0.30, 0.59, 0.11])
    turned = brushes.turn_hue(colours, np.full(50, 1.0))
    np.testing.assert_allclose(turned @ light, colours @ light, atol=1e-12)
    assert np.abs(turned - colours).max() > 0.1
    np.testing.assert_allclose(brushes.turn_hue(colours, np.full(50, 2 * np.pi)), colours, atol=1e-12)


def test_seams_are_as_far_as_the_nearest_border() -> None:
    pieces = np.zeros((20, 40), int)
    pieces[:, 10:] = 1
    np.testing.assert_allclose(brushes.seams(pieces)[5], np.abs(np.arange(40) - 10) / 20)


def test_facets_part_the_picture() -> None:
    x, y = brushes.places((30, 40))
    regions = (x > 0.5).astype(int)
    pieces = brushes.facets(np.random.default_rng(0), x, y, regions, 40)
    np.testing.assert_array_equal(np.sort(np.concatenate(pieces)), np.arange(1200))
    assert len(pieces) > 5
    assert all(np.ptp(regions.flat[piece]) == 0 for piece in pieces)


def test_the_command_draws_one_or_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["draw_painting.py", "glass", "--size", "80x60", "-o", str(tmp_path / "one.png")])
    draw_painting.main()
    with Image.open(tmp_path / "one.png") as file:
        assert file.size == (80, 60)
    monkeypatch.setattr(draw_painting, "SIZES", {"shards": (80, 60), "glass": (80, 60)})
    monkeypatch.setattr("sys.argv", ["draw_painting.py", "all", "-o", str(tmp_path)])
    draw_painting.main()
    assert {path.name for path in tmp_path.iterdir()} == {"one.png", "shards.jpg", "glass.jpg"}
