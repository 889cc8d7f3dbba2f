"""Style files in place of paintings: their moments in the encoder's geometry, and what they cannot do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import impasto
from impasto.encoders import Encoder, load_encoder
from impasto.engine.style_files import check_style_files, read_style_file, style_file_moments
from impasto.errors import OptionError
from impasto.inputs.paintings import Painting
from impasto.inputs.style_file import StyleFile
from impasto.options.fields import build_options

SIDE = 40


@pytest.fixture(scope="module")
def lite() -> Encoder:
    return load_encoder("lite")


@pytest.fixture(scope="module")
def style(tmp_path_factory: pytest.TempPathFactory) -> StyleFile:
    """Of noise of 40x40 px, so read at 32, 45 and 64 px."""
    pixels = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    path = tmp_path_factory.mktemp("styles") / "noise.style"
    return impasto.save_style(impasto.picture_from_array(pixels), path)


def test_moments_are_those_of_the_file_at_the_size_of_the_painting(style: StyleFile) -> None:
    for long_edge_px, brush_scale, edge in ((45, 1.0, 45), (90, 0.5, 45), (500, 1.0, 2 * SIDE), (32, 1.2, 38)):
        found = style_file_moments(style, ["rgb", "relu3_1"], long_edge_px, brush_scale)
        assert set(found) == {"rgb", "relu3_1"}
        for layer, moments in found.items():
            expected = style.moments(layer, edge)
            assert float(moments.count) == 1
            np.testing.assert_array_equal(moments.mean.numpy(), expected[0])
            np.testing.assert_array_equal(moments.second_moment.numpy(), expected[1])


def test_a_run_compares_in_the_geometry_of_the_encoder(style: StyleFile, lite: Encoder) -> None:
    layers = ["relu1_1", "relu3_1"]
    assert "relu3_1" in lite.geometry
    found, variation = read_style_file(style, lite, layers, 45, 1.0)
    assert variation == pytest.approx(style.total_variation(45))
    for layer in layers:
        mean, second_moment = style.moments(layer, 45)
        matrix = lite.geometry[layer].numpy() if layer in lite.geometry else np.eye(len(mean))
        np.testing.assert_allclose(found[layer].mean.numpy(), matrix @ mean, atol=1e-9)
        np.testing.assert_allclose(found[layer].second_moment.numpy(), matrix @ second_moment @ matrix.T, atol=1e-9)
        assert found[layer].mean.dtype == torch.float64


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"style_loss": "mmd-gaussian"}, "whole feature maps"),
        ({"style_layers": "relu3_2"}, r"does not hold the layer relu3_2 \(it holds relu1_1, .*rgb\)"),
        ({"pooling": "average"}, "made with max pooling and reflected borders, not average and reflect"),
        ({"padding_mode": "zeros"}, "reflected borders, not max and zeros"),
    ],
)
def test_what_it_does_not_hold_is_refused(
    style: StyleFile, lite: Encoder, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(OptionError, match=rf"the style file noise\.style .*{message}.*: give the painting itself"):
        check_style_files([Painting(style)], lite, build_options(options))


@pytest.mark.parametrize("options", [{}, {"padding_mode": "circular"}, {"style_loss": "gram"}])
def test_what_it_holds_passes(style: StyleFile, lite: Encoder, options: dict[str, Any]) -> None:
    check_style_files([Painting(style), Painting(np.zeros((4, 4, 3), np.uint8))], lite, build_options(options))


def test_other_encoders_are_refused(style: StyleFile, tiny_encoder_file: Path) -> None:
    with pytest.raises(OptionError, match="made with the encoder lite and tells nothing to tiny"):
        check_style_files([Painting(style)], load_encoder(str(tiny_encoder_file)), build_options({}))


def test_pictures_are_not_checked(tiny_encoder_file: Path) -> None:
    painting = Painting(np.zeros((4, 4, 3), np.uint8))
    check_style_files([painting], load_encoder(str(tiny_encoder_file)), build_options({"pooling": "average"}))
