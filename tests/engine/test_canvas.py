"""The first pastiche, paintings on their canvases, and the way of a canvas from scale to scale."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from impasto.encoders import load_encoder
from impasto.engine.canvas import (
    DITHER_LEVELS,
    VARIATION_AMPLITUDE,
    painting_canvas,
    picture_tensor,
    resample,
    starting_canvas,
)
from impasto.engine.pyramid import Scale, build_pyramid
from impasto.images.picture import Picture, picture_from_array
from impasto.inputs.paintings import Painting
from impasto.options.fields import build_options


def start(
    photo: torch.Tensor, paintings: tuple[Painting, ...] = (), picture: Picture | None = None, **changes: Any
) -> torch.Tensor:
    options = build_options({"size_px": 64, **changes})
    scale = build_pyramid(*photo.shape[-2:], options)[0]
    return starting_canvas(options, scale, photo, paintings, picture)


def flat_art() -> torch.Tensor:
    """A square on plain ground."""
    photo = torch.full((1, 3, 64, 64), 0.7)
    photo[:, 0, 20:44, 20:44] = 0.2
    return photo


def instability(picture: torch.Tensor) -> float:
    """Relative change of a gradient of relu3_1 when the picture moves by rounding noise."""
    encoder = load_encoder("lite", dtype=torch.float64)
    noise = torch.rand(picture.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    gradients = []
    for moved in (picture.double(), picture.double() + 1e-7 * (noise - 0.5)):
        leaf = moved.requires_grad_()
        (gradient,) = torch.autograd.grad(encoder(leaf, ["relu3_1"])["relu3_1"].square().sum(), leaf)
        gradients.append(gradient)
    return float((gradients[1] - gradients[0]).norm() / gradients[0].norm())


def test_rounding_noise_hardly_moves_the_gradient_on_flat_art() -> None:
    assert instability(flat_art()) > 0.1  # what is mended
    assert instability(start(flat_art())) < 0.01


@pytest.mark.parametrize("starting_point", ["content", "gray"])
def test_the_dither_is_half_a_level_at_most_and_always_the_same(starting_point: str) -> None:
    photo = flat_art()
    photo[..., :8] = 0.0
    photo[..., -8:] = 1.0
    canvas = start(photo, starting_point=starting_point)
    expected = photo if starting_point == "content" else torch.full_like(photo, 0.5)
    difference = 255 * (canvas - expected)
    assert 0.9 * DITHER_LEVELS < float(difference.abs().max()) <= DITHER_LEVELS + 1e-4
    assert abs(float(difference[..., 8:-8].mean())) < 0.02
    assert (canvas.min(), canvas.max()) >= (0, 0)
    assert float(canvas.max()) <= 1
    assert torch.equal(canvas, start(photo, starting_point=starting_point, seed=1))


# ------------------------------------------------------------------------------------- starting points

HALF_A_LEVEL = 0.5 / 255 + 1e-6


def noise_picture(height: int, width: int, seed: int = 0) -> Picture:
    return picture_from_array(np.random.default_rng(seed).random((height, width, 3)))


def test_noise_is_uniform_and_by_its_seed() -> None:
    noise = start(flat_art(), starting_point="noise")
    assert float(noise.std()) == pytest.approx(12**-0.5, rel=0.02)
    assert float(noise.mean()) == pytest.approx(0.5, abs=0.01)
    rows = noise.flatten()
    assert abs(float(torch.corrcoef(torch.stack([rows[:-1], rows[1:]]))[0, 1])) < 0.03
    assert torch.equal(noise, start(flat_art(), starting_point="noise"))
    assert float((noise - start(flat_art(), starting_point="noise", seed=1)).abs().mean()) > 0.2


def test_style_statistics_have_the_mean_and_the_covariance_of_the_paintings() -> None:
    """Colours well inside [0, 1], so that nothing is cut off."""
    random = np.random.default_rng(1)
    mixing = np.array([[0.08, 0, 0], [0.05, 0.03, 0], [-0.04, 0.02, 0.05]])

    def painting(mean: float, weight: float) -> Painting:
        return Painting(picture_from_array((mean + random.normal(size=(96, 96, 3)) @ mixing.T).clip(0, 1)), weight)

    one, other = painting(0.4, 3.0), painting(0.6, 1.0)
    photo = torch.full((1, 3, 128, 128), 0.5)
    found = start(photo, (one, other), starting_point="style-statistics", size_px=96, min_scale_px=96, margin=0)
    colours = found[0].flatten(1).double().numpy()
    samples = [np.asarray(p.picture.pixels(96, 96), np.float64).reshape(-1, 3) for p in (one, other)]  # type: ignore[union-attr]
    mean = 0.75 * samples[0].mean(0) + 0.25 * samples[1].mean(0)
    second = sum(w * s.T @ s / len(s) for w, s in zip((0.75, 0.25), samples, strict=True))
    np.testing.assert_allclose(colours.mean(1), mean, atol=0.01)
    np.testing.assert_allclose(np.cov(colours), second - np.outer(mean, mean), atol=0.001)


def test_a_picture_is_put_on_the_canvas() -> None:
    picture = noise_picture(40, 50)
    options = build_options({"size_px": 32, "margin": 0.25})
    (scale,) = build_pyramid(26, 32, options)
    canvas = scale.extend(torch.zeros(1, 3, 26, 32))
    found = starting_canvas(options, scale, canvas, [], picture)
    assert found.shape == canvas.shape
    expected = torch.from_numpy(picture.pixels(26, 32)).permute(2, 0, 1)[None]
    assert float((scale.crop(found) - expected).abs().max()) <= HALF_A_LEVEL
    assert float((found - scale.extend(expected)).abs().max()) <= HALF_A_LEVEL


def test_a_variation_is_soft_noise_that_goes_by_its_number() -> None:
    photo = torch.full((1, 3, 64, 80), 0.5)
    none, one, two = (start(photo, variation=number) for number in (0, 1, 2))
    noise = (one - none) / VARIATION_AMPLITUDE
    assert float(noise.std()) == pytest.approx(1, abs=0.35)  # of unit deviation at an eighth of the size
    steps = float((noise[..., 1:] - noise[..., :-1]).abs().mean())
    assert steps < 0.3, "neighbours are alike"
    assert float((noise - (two - none) / VARIATION_AMPLITUDE).abs().mean()) > 0.3
    assert torch.equal(one, start(photo, variation=1, seed=5)), "the seed is of noise alone"


# ------------------------------------------------------------------------------- from scale to scale


def scales(height: int, width: int, **changes: Any) -> list[Scale]:
    return build_pyramid(height, width, build_options(changes))


@pytest.mark.parametrize("mode", ["bicubic", "bilinear"])
def test_resampling_crops_enlarges_and_extends(mode: str) -> None:
    before, after = scales(40, 64, min_scale_px=32, scale_factor=2.0)
    canvas = torch.rand(1, 3, before.canvas_height_px, before.canvas_width_px)
    found = resample(canvas, before, after, mode)
    assert found.shape == (1, 3, after.canvas_height_px, after.canvas_width_px)
    expected = torch.nn.functional.interpolate(before.crop(canvas), (40, 64), mode=mode)
    assert torch.equal(after.crop(found), expected)
    assert torch.equal(found, after.extend(expected)), "the margin is a mirror of the picture again"


# ----------------------------------------------------------------------------------------- paintings


def mirrored(pixels: NDArray[Any], height: int, width: int) -> NDArray[Any]:
    """[height, width, ...] in the middle of a larger canvas that continues it by reflection."""
    spare = height - pixels.shape[0], width - pixels.shape[1]
    around = [(side // 2, side - side // 2) for side in spare] + [(0, 0)] * (pixels.ndim - 2)
    return np.pad(pixels, around, mode="reflect")


@pytest.mark.parametrize(
    ("own", "long_edge_px", "brush_scale", "size", "canvas"),
    [
        ((60, 80), 80, 1.0, (60, 80), (64, 80)),
        ((60, 80), 80, 0.5, (30, 40), (32, 48)),
        ((60, 80), 200, 1.0, (120, 160), (128, 160)),
        ((20, 90), 90, 1.0, (20, 90), (32, 96)),
    ],
)
def test_a_painting_lies_in_the_middle_of_whole_strides(
    own: tuple[int, int], long_edge_px: int, brush_scale: float, size: tuple[int, int], canvas: tuple[int, int]
) -> None:
    picture = noise_picture(*own)
    found, mask = painting_canvas(Painting(picture), long_edge_px, brush_scale)
    assert mask is None
    np.testing.assert_allclose(found[0].permute(1, 2, 0).numpy(), mirrored(picture.pixels(*size), *canvas), atol=1e-6)


def test_a_mask_lies_as_its_painting_does() -> None:
    left = np.zeros((60, 80), np.uint8)
    left[:, :40] = 255
    found, mask = painting_canvas(Painting(noise_picture(60, 80), mask=left), 80, 1.0)
    assert mask is not None
    assert mask.shape == found.shape[-2:]
    np.testing.assert_allclose(mask.numpy(), mirrored(left / 255, 64, 80), atol=1e-6)


def test_the_smallest_painting_has_two_positions_of_the_deepest_layer() -> None:
    assert painting_canvas(Painting(noise_picture(1, 1)), 500, 4.0)[0].shape == (1, 3, 32, 32)


def test_a_picture_as_a_tensor_has_its_channels_first() -> None:
    picture = picture_from_array(np.arange(24, dtype=np.uint8).reshape(2, 4, 3))
    found = picture_tensor(picture, 2, 4)
    assert found.shape == (1, 3, 2, 4)
    np.testing.assert_allclose(255 * found[0, 1].numpy(), [[1, 4, 7, 10], [13, 16, 19, 22]], atol=1e-4)
