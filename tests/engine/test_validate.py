"""Checks of options against encoder and inputs, and what follows from both together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from impasto.encoders import Encoder, load_encoder
from impasto.engine.pyramid import build_pyramid
from impasto.engine.validate import adapt_layers, check_inputs, existing_layers, pastiche_size, texture_brush_scale
from impasto.errors import OptionError
from impasto.images.picture import Picture, picture_from_array
from impasto.inputs.paintings import Painting, Region
from impasto.inputs.run_inputs import RunInputs
from impasto.options.fields import PaintOptions, build_options


def picture(height: int = 20, width: int = 30) -> Picture:
    return picture_from_array(np.full((height, width, 3), 128, np.uint8))


def inputs(
    photo: bool = True,
    paintings: bool = True,
    regions: tuple[Region, ...] = (),
    start: Picture | None = None,
    painting_mask: bool = False,
) -> RunInputs:
    painting = Painting(picture(), mask=picture() if painting_mask else None)
    background = Region(None, painting if paintings else None)
    return RunInputs(picture() if photo else None, (background, *regions), start)


WHITE = np.full((20, 30), 255, np.uint8)
PART = (Region(WHITE, picture()),)
STRONG_PART = (Region(WHITE, picture(), strength=80),)
FIXED = {"balance": "fixed"}
NO_CONTENT = {"content_layers": {}, "balance": "fixed"}


@pytest.mark.parametrize(
    ("given", "options", "message"),
    [
        ({"regions": PART}, {"style_loss": "mmd-gaussian"}, "the style loss 'mmd-gaussian' takes no masks"),
        ({"painting_mask": True}, {"style_loss": "mmd-gaussian"}, "takes no masks"),
        ({"regions": STRONG_PART}, FIXED, "a region has no strength of its own"),
        ({}, {"content_layers": {}, "style_layers": {}}, "no content layers and no style layers"),
        ({"paintings": False}, {}, "no painting given"),
        ({"photo": False}, {}, "no photo given: name one, or no content layers"),
        ({"photo": False}, NO_CONTENT, "no photo to start from"),
        ({}, {"starting_point": "draft"}, "'draft' is painted above the engine"),
        (
            {"paintings": False},
            {"style_layers": {}, "starting_point": "style-statistics"},
            "no painting to start from",
        ),
        ({}, {"content_layers": {}}, "without content layers there is nothing to balance"),
        ({}, {"loss_units": "tutorial"}, "loss units 'tutorial' are taken as given: take balance 'fixed'"),
        (
            {"photo": False},
            NO_CONTENT | {"starting_point": "noise", "keep_detail": 10},
            "keep detail is about the edges of a photo, and there is none",
        ),
        ({}, FIXED | {"loss_units": "tutorial", "keep_detail": 10}, "keep detail is relative to the photo"),
        ({}, FIXED | {"loss_units": "gatys"}, "no paper gives the style loss 'wasserstein' in loss units 'gatys'"),
        ({}, {"starting_point": "nosie"}, "starting point 'nosie' is neither a picture file nor one of content, "),
    ],
)
def test_what_does_not_fit_together_is_refused(given: dict[str, Any], options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        check_inputs(inputs(**given), build_options(options))


@pytest.mark.parametrize(
    ("given", "options"),
    [
        ({}, {}),
        ({"regions": STRONG_PART}, {}),
        ({"regions": PART}, FIXED),
        ({}, {"style_loss": "mmd-gaussian"}),
        ({"regions": PART}, {"style_loss": "mmd-linear"}),  # which is a difference of means, and these add
        ({"painting_mask": True}, {}),
        ({"photo": False}, NO_CONTENT | {"starting_point": "noise"}),
        ({"photo": False, "start": picture()}, NO_CONTENT),
        ({"paintings": False}, {"style_layers": {}}),
        ({"start": picture()}, {"starting_point": "draft"}),
        ({"start": picture()}, {"starting_point": "a.png"}),
        ({"paintings": False, "start": picture()}, {"style_layers": {}, "starting_point": "style-statistics"}),
        ({}, FIXED | {"loss_units": "gatys", "style_loss": "gram"}),
        ({}, FIXED | {"loss_units": "gatys", "style_layers": {}}),
        ({}, {"keep_detail": 10}),
    ],
)
def test_what_fits_together_passes(given: dict[str, Any], options: dict[str, Any]) -> None:
    check_inputs(inputs(**given), build_options(options))


# --------------------------------------------------------------------------------------------- layers


@pytest.fixture(scope="module")
def lite() -> Encoder:
    return load_encoder("lite")


def test_layers_that_it_has_are_left_as_they_are(lite: Encoder) -> None:
    options = PaintOptions()
    adapted, notices = adapt_layers(lite, options)
    assert adapted == options
    assert notices == []


def test_weights_of_layers_with_the_same_stand_in_add(lite: Encoder) -> None:
    """The fifth block of `lite` has one convolution, its third three."""
    options = build_options({"style_layers": "relu5_1:1,relu5_3:2,relu5_4:4", "content_layers": "relu3_4:3,relu2_1"})
    adapted, notices = adapt_layers(lite, options)
    assert adapted.style_layers == {"relu5_1": 7.0}
    assert adapted.content_layers == {"relu3_3": 3.0, "relu2_1": 1.0}
    assert notices == [
        "lite has no layer relu3_4: relu3_3 stands in for it",
        "lite has no layer relu5_3: relu5_1 stands in for it",
        "lite has no layer relu5_4: relu5_1 stands in for it",
    ]


def test_a_stand_in_for_content_and_style_is_noticed_once(lite: Encoder) -> None:
    _, notices = adapt_layers(lite, build_options({"style_layers": "relu5_2", "content_layers": "relu5_2"}))
    assert len(notices) == 1


def test_a_layer_that_no_encoder_has_is_refused(lite: Encoder) -> None:
    for option in ("style_layers", "content_layers"):
        with pytest.raises(OptionError, match="no layer 'relu4_9'; did you mean 'relu4_"):
            adapt_layers(lite, build_options({option: "relu4_9"}))


def test_an_encoder_too_shallow_to_measure_readability_is_refused(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    import torch

    from impasto.encoders.architectures import Architecture

    architecture = Architecture(widths=(4, 4, 4), depths=(1, 1, 1))
    weights = {}
    for layer in architecture.layers:
        weights[f"{layer.convolution}.weight"] = torch.zeros(4, layer.in_channels, 3, 3)
        weights[f"{layer.convolution}.bias"] = torch.zeros(4)
    encoder = Encoder("shallow", "", architecture, weights)
    shallow = {"style_layers": "relu1_1", "content_layers": "relu2_1"}
    with pytest.raises(OptionError, match="no layer 'relu4_2'"):
        adapt_layers(encoder, build_options(shallow))
    adapt_layers(encoder, build_options(shallow | FIXED))


SMALL = {"margin": 0, "content_layers": "relu4_2:5", "style_layers": "relu1_1:1,relu2_1:2,relu3_1:3,relu5_1:4"}


@pytest.mark.parametrize(
    ("side", "style", "content", "left_out"),
    [
        # strides: relu1_1 1, relu2_1 2, relu3_1 4, relu4_2 8, relu5_1 16 px
        (16, {"relu1_1": 1, "relu2_1": 2, "relu3_1": 3, "relu5_1": 4}, {"relu4_2": 5}, ""),
        (15, {"relu1_1": 1, "relu2_1": 2, "relu3_1": 3}, {"relu4_2": 5}, "relu5_1"),
        (8, {"relu1_1": 1, "relu2_1": 2, "relu3_1": 3}, {"relu4_2": 5}, "relu5_1"),
        (7, {"relu1_1": 1, "relu2_1": 2, "relu3_1": 3}, {"relu3_3": 1}, "relu4_2, relu5_1"),
        (1, {"relu1_1": 1}, {"relu1_2": 1}, "relu2_1, relu3_1, relu4_2, relu5_1"),
    ],
)
def test_layers_without_a_position_are_left_out(
    lite: Encoder, side: int, style: dict[str, float], content: dict[str, float], left_out: str
) -> None:
    """The deepest that has one stands in where none is left."""
    for size in ((side, 40), (40, side)):
        options = build_options(SMALL)
        layers, notice = existing_layers(lite, options, build_pyramid(*size, options)[-1])
        assert (layers.style, layers.content) == (style, content)
        assert notice == (f"the picture is only {side} px wide or high: {left_out} left out" if left_out else "")


def test_no_layers_stay_none(lite: Encoder) -> None:
    options = build_options(SMALL | {"content_layers": {}, "balance": "fixed"})
    layers, _ = existing_layers(lite, options, build_pyramid(4, 4, options)[-1])
    assert layers.content == {}


# ---------------------------------------------------------------------------------------------- sizes


@pytest.mark.parametrize(
    ("height", "width", "size_px", "expected"),
    [
        (48, 60, None, (48, 60)),
        (48, 60, 100, (80, 100)),
        (60, 48, 30, (30, 24)),
        (3000, 2000, None, (1024, 683)),
        (1, 5000, 40, (1, 40)),
    ],
)
def test_pastiche_size(height: int, width: int, size_px: int | None, expected: tuple[int, int]) -> None:
    picture = picture_from_array(np.zeros((height, width), np.uint8))
    assert pastiche_size(picture, PaintOptions(size_px=size_px)) == expected


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, (20, 30)),  # the painting's
        ({"size_px": 60}, (40, 60)),
        ({"shape_px": "50x70"}, (70, 50)),
        ({"shape_px": "50x70", "size_px": 35}, (35, 25)),
    ],
)
def test_size_of_a_texture(options: dict[str, Any], expected: tuple[int, int]) -> None:
    assert pastiche_size(None, build_options(options), [Painting(picture())]) == expected


def test_the_shape_of_a_texture_says_nothing_of_a_pastiche() -> None:
    assert pastiche_size(picture(), build_options({"shape_px": "50x70"})) == (20, 30)


@pytest.mark.parametrize(
    ("size", "options", "expected"),
    [
        ((20, 30), {}, 1.0),
        ((20, 30), {"shape_px": "60x40"}, 0.5),
        ((20, 30), {"shape_px": "10x15", "brush_scale": 1.5}, 3.0),
        ((3000, 2000), {"shape_px": "2048x100"}, 0.5),  # a painting is read at 1024 px at most
    ],
)
def test_strokes_of_a_texture_are_as_large_as_in_the_painting(
    size: tuple[int, int], options: dict[str, Any], expected: float
) -> None:
    assert texture_brush_scale(build_options(options), picture(*size)) == pytest.approx(expected)
