"""Losses in the papers' units, kernels and batch-normalisation statistics, against their formulas in plain NumPy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from objectives import make_objective

from impasto.encoders import load_encoder
from impasto.errors import OptionError
from impasto.losses.content import ContentLoss
from impasto.losses.objective import Objective
from impasto.losses.statistics import moments
from impasto.losses.style import STYLE_LOSSES
from impasto.losses.style_targets import StyleTarget, style_samples, style_statistics
from impasto.losses.tiles import Core
from impasto.losses.total_variation import total_variation

Array = NDArray[np.float64]
Kernel = Callable[[Array, Array], float]


def feature_map(seed: int, channels: int = 4, height: int = 6, width: int = 5) -> torch.Tensor:
    """Rectified and correlated, as an encoder's are: [1, channels, height, width]."""
    random = torch.Generator().manual_seed(seed)
    mixing = torch.randn(channels, channels, generator=random, dtype=torch.float64)
    noise = torch.randn(channels, height * width, generator=random, dtype=torch.float64)
    return (mixing @ noise + 0.3).relu().view(1, channels, height, width)


def columns(features: torch.Tensor) -> Array:
    """F of the papers: [channels N, positions M]."""
    found: Array = features[0].flatten(1).numpy()
    return found


def slow_mmd(kernel: Kernel, one: Array, other: Array) -> float:
    """Squared maximum mean discrepancy, Gretton et al. (JMLR 2012), eq. 5: loops over all pairs of positions."""

    def mean(left: Array, right: Array) -> float:
        return float(np.mean([[kernel(x, y) for y in right.T] for x in left.T]))

    return mean(one, one) + mean(other, other) - 2 * mean(one, other)


def loss_of(name: str, units: str, pastiche: torch.Tensor, painting: torch.Tensor) -> float:
    return float(STYLE_LOSSES[name](moments(painting), units)(moments(pastiche)))


# ------------------------------------------------------------------------------------ papers' units


def test_gram_in_the_units_of_gatys() -> None:
    pastiche, painting = feature_map(1), feature_map(2)
    f, s = columns(pastiche), columns(painting)
    n, m = f.shape
    gram, other = f @ f.T, s @ s.T  # G_ij = sum_k F_ik F_jk, eq. 3
    expected = ((gram - other) ** 2).sum() / (4 * n**2 * m**2)  # eq. 4
    assert loss_of("gram", "gatys", pastiche, painting) == pytest.approx(expected, rel=1e-9)


def test_gram_in_the_units_of_the_tutorial() -> None:
    pastiche, painting = feature_map(1, height=9), feature_map(2)
    grams = [columns(f) @ columns(f).T / columns(f).shape[1] for f in (pastiche, painting)]  # / num_locations
    expected = ((grams[0] - grams[1]) ** 2).mean()  # tf.reduce_mean
    assert loss_of("gram", "tutorial", pastiche, painting) == pytest.approx(expected, rel=1e-9)


def test_content_in_papers_units() -> None:
    pastiche, photo = feature_map(3), feature_map(4)
    squares = (columns(pastiche) - columns(photo)) ** 2
    assert float(ContentLoss([photo], "gatys")(pastiche)) == pytest.approx(0.5 * squares.sum())  # eq. 1
    assert float(ContentLoss([photo], "tutorial")(pastiche)) == pytest.approx(squares.mean())
    # in pieces too
    halves = [photo[..., :2], photo[..., 2:]]
    loss = ContentLoss(halves, "tutorial")
    assert float(loss(pastiche[..., :2], 0) + loss(pastiche[..., 2:], 1)) == pytest.approx(squares.mean())


@pytest.mark.parametrize("wrap", [False, True])
def test_total_variation_in_papers_units(wrap: bool) -> None:
    pixels = np.random.default_rng(0).random((1, 3, 7, 9))
    if wrap:
        down, right = (np.roll(pixels, -1, axis) - pixels for axis in (2, 3))
    else:
        down, right = np.diff(pixels, axis=2), np.diff(pixels, axis=3)
    picture = torch.from_numpy(pixels)
    # tf.image.total_variation, on [0, 1]
    assert float(total_variation(picture, units="tutorial", wrap=wrap)) == pytest.approx(
        np.abs(down).sum() + np.abs(right).sum()
    )
    assert float(total_variation(picture, units="gatys", wrap=wrap)) == pytest.approx(
        255**2 * ((down**2).sum() + (right**2).sum())
    )


@pytest.mark.parametrize("units", ["scale-free", "gatys", "tutorial"])
@pytest.mark.parametrize("wrap", [False, True])
def test_slope_of_total_variation(units: str, wrap: bool) -> None:
    random = torch.Generator().manual_seed(1)
    picture, direction = (torch.randn(1, 3, 5, 6, generator=random, dtype=torch.float64) for _ in range(2))
    gradient = torch.zeros_like(picture)
    total_variation(picture, gradient, 0.7, units=units, wrap=wrap)
    up, down = (total_variation(picture + h * direction, units=units, wrap=wrap) for h in (1e-6, -1e-6))
    assert float((gradient * direction).sum()) == pytest.approx(0.7 * float(up - down) / 2e-6, rel=1e-6)


def test_wrapped_total_variation_knows_no_border() -> None:
    picture = torch.rand(1, 3, 6, 8, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    rolled = picture.roll((2, 5), (2, 3))
    assert float(total_variation(picture, wrap=True)) == pytest.approx(float(total_variation(rolled, wrap=True)))
    assert float(total_variation(picture)) != pytest.approx(float(total_variation(rolled)), rel=1e-3)


# --------------------------------------------------------------------- Li et al., arXiv 1701.01036


@pytest.mark.parametrize(("units", "factor"), [("gatys", 1 / (4 * 4)), ("tutorial", 1 / 4)])
def test_linear_kernel(units: str, factor: float) -> None:
    pastiche, painting = feature_map(5), feature_map(6, width=7)
    expected = slow_mmd(lambda x, y: float(x @ y), columns(pastiche), columns(painting))
    assert loss_of("mmd-linear", units, pastiche, painting) == pytest.approx(factor * expected, rel=1e-9)


@pytest.mark.parametrize(("units", "factor"), [("gatys", 1 / (4 * 16)), ("tutorial", 1 / 16)])
def test_polynomial_kernel_of_the_paper_is_the_gram_loss(units: str, factor: float) -> None:
    pastiche, painting = feature_map(5), feature_map(6, width=7)
    expected = slow_mmd(lambda x, y: float(x @ y) ** 2, columns(pastiche), columns(painting))
    assert loss_of("mmd-polynomial", units, pastiche, painting) == pytest.approx(factor * expected, rel=1e-9)
    assert loss_of("gram", units, pastiche, painting) == pytest.approx(factor * expected, rel=1e-9)


def test_scale_free_kernels_are_relative_to_the_painting() -> None:
    pastiche, painting = feature_map(5), feature_map(6, width=7)
    f, s = columns(pastiche), columns(painting)
    size = float((s**2).sum(0).mean())
    linear = slow_mmd(lambda x, y: float(x @ y), f, s) / size
    assert loss_of("mmd-linear", "scale-free", pastiche, painting) == pytest.approx(linear, rel=1e-9)
    # nothing but the constant of the kernel is left against a map of zeros
    polynomial = slow_mmd(lambda x, y: (float(x @ y) + size) ** 2, f, s)
    alone = slow_mmd(lambda x, y: (float(x @ y) + size) ** 2, np.zeros((4, 1)), s)
    assert loss_of("mmd-polynomial", "scale-free", pastiche, painting) == pytest.approx(polynomial / alone, rel=1e-9)


@pytest.mark.parametrize("units", ["gatys", "tutorial"])
def test_batch_norm_statistics(units: str) -> None:
    pastiche, painting = feature_map(7), feature_map(8)
    f, s = columns(pastiche), columns(painting)
    expected = ((f.mean(1) - s.mean(1)) ** 2 + (f.std(1) - s.std(1)) ** 2).sum() / 4
    assert loss_of("batch-norm", units, pastiche, painting) == pytest.approx(expected, rel=1e-3)  # but for the ridge


# ------------------------------------------------------------------------------------- objective


def picture(seed: int, height: int = 32, width: int = 48) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    return 0.1 + 0.8 * torch.rand(1, 3, height, width, generator=random, dtype=torch.float64)


def objective(encoder_file: Path, **changes: object) -> Objective:
    values = {
        "content_layers": {"relu2_2": 2.0},
        "style_layers": {"relu1_1": 2.0, "relu3_1": 0.5},
        "style_loss": "gram",
        "content_weight": 0.3,
        "style_weight": 0.8,
        "tv_weight": 0.05,
        "tv_scale": 1.0,
        "padding_mode": "reflect",
    } | changes
    encoder = load_encoder(str(encoder_file), dtype=torch.float64, padding_mode=str(values.pop("padding_mode")))
    read = style_samples if values["style_loss"] == "mmd-gaussian" else style_statistics
    targets = read(encoder, picture(1, 40, 40), list(values["style_layers"]))  # type: ignore[call-overload]
    photo = picture(0)
    core = Core(0, 0, *photo.shape[-2:])
    return make_objective(encoder, photo, core, [StyleTarget(targets)], **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changes",
    [
        {"loss_units": "gatys"},
        {"loss_units": "tutorial"},
        {"style_loss": "mmd-gaussian"},
        {"padding_mode": "circular"},
        {"content_layers": {}},
        {"style_layers": {}},
        {"style_layers": {}, "loss_units": "gatys"},
        {"style_loss": "mmd-gaussian", "loss_units": "tutorial", "padding_mode": "circular"},
    ],
)
def test_gradient_equals_finite_differences(tiny_encoder_file: Path, changes: dict[str, object]) -> None:
    evaluate, pastiche = objective(tiny_encoder_file, **changes), picture(2)
    gradient = evaluate(pastiche).gradient
    random = torch.Generator().manual_seed(3)
    for _ in range(3):
        direction = torch.randn(pastiche.shape, generator=random, dtype=torch.float64)
        up, down = (evaluate(pastiche + step * direction).losses["total"] for step in (1e-6, -1e-6))
        assert float((gradient * direction).sum()) == pytest.approx((up - down) / 2e-6, rel=1e-5, abs=1e-7)


def test_layer_weights_count_as_they_are_in_the_units_of_gatys(tiny_encoder_file: Path) -> None:
    pastiche = picture(2)

    def parts(units: str, factor: float) -> dict[str, float]:
        layers = {"content_layers": {"relu2_2": 2 * factor}, "style_layers": {"relu1_1": 2 * factor, "relu3_1": factor}}
        return objective(tiny_encoder_file, loss_units=units, **layers)(pastiche).losses

    for name in ("content", "style"):
        assert parts("gatys", 3.0)[name] == pytest.approx(3 * parts("gatys", 1.0)[name])
        assert parts("tutorial", 3.0)[name] == pytest.approx(parts("tutorial", 1.0)[name])


def test_empty_layer_sets_cost_nothing(tiny_encoder_file: Path) -> None:
    assert objective(tiny_encoder_file, content_layers={})(picture(2)).losses["content"] == 0
    assert objective(tiny_encoder_file, style_layers={})(picture(2)).losses["style"] == 0


def test_a_picture_that_wraps_around_has_no_border(tiny_encoder_file: Path) -> None:
    # Rolled by whole strides, nothing changes: there is no place from which it is seen otherwise.
    evaluate = objective(tiny_encoder_file, padding_mode="circular", content_layers={})
    pastiche = picture(2)
    there, rolled = evaluate(pastiche), evaluate(pastiche.roll((16, 32), (2, 3)))
    assert rolled.losses["total"] == pytest.approx(there.losses["total"], rel=1e-9)
    assert torch.allclose(rolled.gradient, there.gradient.roll((16, 32), (2, 3)), rtol=1e-7, atol=1e-12)
    bordered = objective(tiny_encoder_file, content_layers={})
    assert bordered(pastiche).losses["style"] != pytest.approx(
        bordered(pastiche.roll((16, 32), (2, 3))).losses["style"], rel=1e-6
    )


@pytest.mark.parametrize("changes", [{"style_loss": "mmd-gaussian"}, {"padding_mode": "circular"}])
def test_what_wants_the_whole_picture_takes_no_tiles(tiny_encoder_file: Path, changes: dict[str, object]) -> None:
    with pytest.raises(OptionError, match="takes no tiles"):
        objective(tiny_encoder_file, tile_px=16, **changes)
