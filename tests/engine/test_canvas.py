"""The first pastiche: dithered, so that no processor's last bit decides where max pooling sends its derivative."""

from __future__ import annotations

import pytest
import torch

from impasto.encoders import load_encoder
from impasto.engine.canvas import DITHER_LEVELS, starting_canvas
from impasto.engine.pyramid import build_pyramid
from impasto.options.fields import build_options


def start(photo: torch.Tensor, **changes: object) -> torch.Tensor:
    options = build_options({"size_px": 64, **changes})
    scale = build_pyramid(*photo.shape[-2:], options)[0]
    return starting_canvas(options, scale, photo, [], None)


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
