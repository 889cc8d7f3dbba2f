"""Runs with a photo alone, or a painting alone: reconstructions and textures; layers that an encoder lacks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from engine_runs import paint_events
from numpy.typing import NDArray

from impasto.errors import OptionError
from impasto.events import Event, Notice, RunDone, StepDone
from impasto.images.picture import Picture, picture_from_array
from impasto.inputs.paintings import Painting
from impasto.losses.terms import layer_shares
from impasto.options.fields import PaintOptions, build_options
from impasto.options.recipes import load_recipe


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def photo(photo_pixels: NDArray[np.uint8]) -> Picture:
    return picture_from_array(photo_pixels, name="photo.png")


@pytest.fixture(scope="module")
def waves(painting_pixels: NDArray[np.uint8]) -> Picture:
    return picture_from_array(painting_pixels, name="waves.png")


def options(recipe: str, **changes: Any) -> PaintOptions:
    return build_options({"threads": 1, "tile_px": 2048} | changes, build_options(load_recipe(recipe)))


def run(content: Picture | None, painting: Picture | None, chosen: PaintOptions) -> list[Event]:
    return list(paint_events(content, [Painting(painting)] if painting else [], chosen))


def pixels(happened: list[Event]) -> NDArray[np.float32]:
    assert isinstance(happened[-1], RunDone)
    return happened[-1].pixels


def notices(happened: list[Event]) -> list[str]:
    return [event.message for event in happened if isinstance(event, Notice)]


def correlation(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


def test_a_shallow_layer_gives_the_photo_back(photo: Picture) -> None:
    chosen = options("reconstruct-content", size_px=48, content_layers="relu1_1", steps=60)
    found = pixels(run(photo, None, chosen))
    assert correlation(found, photo.pixels(*found.shape[:2])) > 0.98


def test_a_deep_layer_keeps_less(photo: Picture) -> None:
    found = []
    for layer in ("relu2_1", "relu4_1", "relu5_1"):
        chosen = options("reconstruct-content", size_px=48, content_layers=layer, steps=60)
        found.append(correlation(pixels(run(photo, None, chosen)), photo.pixels(38, 48)))
    assert found == sorted(found, reverse=True)
    assert found[0] > 0.8 > 0.6 > found[2]


def test_style_alone_takes_the_colours_but_not_the_places(waves: Picture) -> None:
    happened = run(None, waves, options("reconstruct-style", size_px=64, steps=60))
    found = pixels(happened)
    assert found.shape == (64, 64, 3)
    own = waves.pixels(64, 64)
    assert np.abs(found.mean((0, 1)) - own.mean((0, 1))).max() < 0.05
    assert correlation(found.mean(2), own.mean(2)) < 0.5
    losses = [event.losses for event in happened if isinstance(event, StepDone)]
    assert losses[-1]["style"] < 0.05 * losses[0]["style"]
    assert losses[0]["content"] == 0


def test_a_texture_has_the_shape_asked_for(waves: Picture) -> None:
    assert pixels(run(None, waves, options("texture", shape_px="72x40", steps=2))).shape == (40, 72, 3)
    assert pixels(run(None, waves, options("texture", shape_px="72x40", size_px=36, steps=2))).shape == (20, 36, 3)
    assert pixels(run(None, waves, options("texture", steps=2))).shape == (64, 64, 3)


def test_strokes_of_a_texture_are_as_large_as_in_the_painting(waves: Picture) -> None:
    # The waves repeat every 3 * 2 pi / 2 px across and twice that down, however large the texture.
    found = pixels(run(None, waves, options("texture", shape_px="192x64", style_loss="gram", steps=50)))
    spectrum = np.abs(np.fft.rfft(found.mean(2) - found.mean(), axis=1)).mean(0)
    strongest = 192 / (np.argmax(spectrum[4:]) + 4)
    assert strongest == pytest.approx(3 * np.pi, rel=0.35)


@pytest.mark.parametrize("axis", [0, 1])
def test_the_seam_is_like_the_inside(waves: Picture, axis: int) -> None:
    def roughness(picture: NDArray[np.float32]) -> tuple[float, NDArray[np.float64]]:
        """Mean step between neighbours across the seam, and at every other place."""
        steps = np.abs(np.roll(picture, -1, axis) - picture).mean((1 - axis, 2))
        return float(steps[-1]), np.delete(steps, -1).astype(np.float64)

    chosen = {"shape_px": "64x64", "steps": 40}
    seam, inside = roughness(pixels(run(None, waves, options("texture", padding_mode="circular", **chosen))))
    assert seam < inside.max() * 1.05
    assert abs(seam - inside.mean()) < 3 * inside.std()
    # which an ordinary texture's opposite sides are not
    seam, inside = roughness(pixels(run(None, waves, options("texture", **chosen))))
    assert abs(seam - inside.mean()) > 2 * inside.std()


def test_a_seamless_texture_is_rounded_and_says_so(waves: Picture) -> None:
    happened = run(None, waves, options("texture", shape_px="75x41", padding_mode="circular", steps=2))
    assert pixels(happened).shape == (48, 80, 3)
    assert notices(happened) == ["a picture that wraps around has sides of whole 16 px: 80x48 px in place of 75x41 px"]


@pytest.mark.parametrize("changes", [{"padding_mode": "circular"}, {"style_loss": "mmd-gaussian"}])
def test_what_takes_no_tiles_is_refused_with_the_largest_size_that_works(
    waves: Picture, changes: dict[str, str]
) -> None:
    given = {"shape_px": "512x256", "tile_px": 128, "steps": 1, "min_scale_px": 65_536} | changes
    with pytest.raises(
        OptionError, match=r"512x256 px need \d+ tiles, .* the largest that needs one is --size \d+"
    ) as e:
        run(None, waves, options("texture", **given))
    largest = int(str(e.value).split("--size ")[1])
    assert 96 <= largest < 144
    assert pixels(run(None, waves, options("texture", **given | {"size_px": largest}))).shape[1] in (largest, 128)


def test_a_layer_that_the_encoder_lacks_is_replaced_and_said(photo: Picture, waves: Picture) -> None:
    chosen = {"size_px": 48, "steps": 3, "balance": "fixed", "content_layers": "relu5_2", "style_layers": "relu3_4:2"}
    happened = run(photo, waves, options("painterly", **chosen))
    assert notices(happened) == [
        "lite has no layer relu5_2: relu5_1 stands in for it",
        "lite has no layer relu3_4: relu3_3 stands in for it",
    ]
    same = options("painterly", **chosen | {"content_layers": "relu5_1", "style_layers": "relu3_3"})
    assert np.array_equal(pixels(happened), pixels(run(photo, waves, same)))


@pytest.mark.parametrize("recipe", ["classic", "gatys"])
def test_the_papers_recipes_paint_with_lite_too(photo: Picture, waves: Picture, recipe: str) -> None:
    chosen = options(recipe, encoder="lite", size_px=48, steps=25)
    losses = [event.losses for event in run(photo, waves, chosen) if isinstance(event, StepDone)]
    assert losses[-1]["total"] < 0.5 * losses[0]["total"]


@pytest.mark.parametrize("style_loss", ["mmd-linear", "mmd-polynomial", "mmd-gaussian", "batch-norm"])
def test_every_style_loss_paints(photo: Picture, waves: Picture, style_loss: str) -> None:
    chosen = options("pixels", size_px=48, steps=15, style_loss=style_loss, balance="fixed", content_weight=0.01)
    losses = [event.losses for event in run(photo, waves, chosen) if isinstance(event, StepDone)]
    assert losses[-1]["style"] < 0.6 * losses[0]["style"]


def test_recipes_hold_the_published_numbers() -> None:
    classic = options("classic")
    assert (classic.encoder, classic.content_layers) == ("vgg19", {"relu5_2": 1.0})
    assert classic.style_layers == {f"relu{block}_1": 1.0 for block in range(1, 6)}
    assert (classic.style_loss, classic.loss_units, classic.balance) == ("gram", "tutorial", "fixed")
    assert (classic.content_weight, classic.style_weight, classic.tv_weight) == (1e4, 1e-2, 30)
    assert (classic.optimizer, classic.learning_rate, classic.beta1, classic.epsilon) == ("adam", 0.02, 0.99, 0.1)
    assert (classic.beta2, classic.steps, classic.average, classic.stop_tolerance) == (0.999, (1000,), 0, 0)
    assert (classic.starting_point, classic.size_px, classic.padding_mode, classic.margin) == ("noise", 512, "zeros", 0)
    gatys = options("gatys")
    assert (gatys.encoder, gatys.content_layers, gatys.pooling) == ("vgg19", {"relu4_2": 1.0}, "average")
    channels = {"relu1_1": 64, "relu2_1": 128, "relu3_1": 256, "relu4_1": 512, "relu5_1": 512}
    shares = layer_shares(gatys.style_layers, gatys.loss_units)
    weights = {name: gatys.style_weight * share for name, share in shares.items()}
    assert weights == pytest.approx({name: 1e3 / count**2 for name, count in channels.items()})
    assert (gatys.style_loss, gatys.loss_units, gatys.optimizer) == ("gram", "tutorial", "lbfgs")
    assert (gatys.content_weight, gatys.tv_weight, gatys.steps) == (1, 0, (500, 200))
    content, style = options("reconstruct-content"), options("reconstruct-style")
    assert (content.content_layers, content.style_layers, content.starting_point) == ({"relu4_2": 1.0}, {}, "noise")
    assert (style.content_layers, style.style_loss, style.starting_point) == ({}, "gram", "noise")
    assert style.style_layers == classic.style_layers
    assert options("texture").content_layers == {}


def test_recipes_of_the_papers_have_one_scale() -> None:
    from impasto.engine.pyramid import build_pyramid

    for recipe in ("classic", "reconstruct-content", "reconstruct-style"):
        assert len(build_pyramid(384, 512, options(recipe))) == 1
    assert [scale.long_edge_px for scale in build_pyramid(768, 1024, options("gatys"))] == [512, 1024]
