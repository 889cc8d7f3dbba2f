"""The objective of a scale: how its terms are weighted, and how regions share it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from impasto.encoders import Encoder, load_encoder
from impasto.engine.canvas import picture_tensor
from impasto.engine.objective import MIN_TV_SCALE, Canvases, build_objective
from impasto.engine.pyramid import build_pyramid
from impasto.engine.regions import RegionLayout
from impasto.engine.validate import LayerWeights
from impasto.images.picture import Picture, picture_from_array
from impasto.inputs.paintings import Region
from impasto.inputs.run_inputs import RunInputs
from impasto.losses.objective import Evaluation, Objective
from impasto.losses.total_variation import total_variation
from impasto.options.fields import build_options

SIDE = 48
RANDOM = np.random.default_rng(0)
PHOTO, WAVES, CHECKS = (picture_from_array(RANDOM.random((SIDE, SIDE, 3)) ** power) for power in (1, 2, 4))
FLAT = picture_from_array(np.full((SIDE, SIDE, 3), 90, np.uint8))
LEFT = np.zeros((SIDE, SIDE), np.uint8)
LEFT[:, :12] = 255
OPTIONS = {"margin": 0, "size_px": SIDE, "balance": "fixed", "style_layers": "relu1_1,relu2_1"}


@pytest.fixture(scope="module")
def tiny(tiny_encoder_file: Path) -> Encoder:
    return load_encoder(str(tiny_encoder_file))


def build(
    encoder: Encoder,
    painting: Picture | None,
    regions: tuple[Region, ...] = (),
    weights: tuple[float, ...] = (0.5,),
    **changes: Any,
) -> Objective:
    options = build_options(OPTIONS | changes)
    layout = RegionLayout(RunInputs.load(PHOTO, painting, regions), options)
    scale = build_pyramid(SIDE, SIDE, options)[-1]
    canvas = scale.extend(picture_tensor(PHOTO, SIDE, SIDE))
    layers = LayerWeights(options.content_layers, options.style_layers)
    return build_objective(encoder, Canvases(canvas), layout, scale, options, layers, weights)


def photo() -> torch.Tensor:
    return picture_tensor(PHOTO, SIDE, SIDE)


def elsewhere() -> torch.Tensor:
    return torch.rand(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))


def losses(objective: Objective, picture: torch.Tensor) -> dict[str, float]:
    evaluation: Evaluation = objective(picture)
    return evaluation.losses


def test_total_is_the_sum_of_its_terms(tiny: Encoder) -> None:
    found = losses(build(tiny, WAVES), elsewhere())
    assert set(found) == {"content", "style", "total_variation", "total"}
    assert found["total"] == pytest.approx(sum(value for name, value in found.items() if name != "total"))
    assert min(found.values()) > 0


def test_weights_of_options_are_factors(tiny: Encoder) -> None:
    plain = losses(build(tiny, WAVES, style_weight=1.0, tv_weight=1.0), elsewhere())
    heavy = losses(build(tiny, WAVES, weights=(1.5,), style_weight=2.0, tv_weight=5.0), elsewhere())
    factors = [heavy[name] / plain[name] for name in ("content", "style", "total_variation")]
    assert factors == pytest.approx([3, 2, 5], rel=1e-5)


def test_the_photo_has_no_content_loss_and_its_own_painting_no_style_loss(tiny: Encoder) -> None:
    found = losses(build(tiny, PHOTO), photo())
    assert (found["content"], found["style"]) == pytest.approx((0, 0), abs=1e-6)


def test_total_variation_is_against_the_paintings(tiny: Encoder) -> None:
    """A picture as rough as the painting has a loss of the weight itself; a paper's units know no painting."""
    rough = picture_tensor(WAVES, SIDE, SIDE)
    assert losses(build(tiny, WAVES, tv_weight=0.7), rough)["total_variation"] == pytest.approx(0.7, rel=1e-4)
    smooth = losses(build(tiny, FLAT, tv_weight=0.7), rough)["total_variation"]
    assert smooth == pytest.approx(0.7 * float(total_variation(rough)) / MIN_TV_SCALE, rel=1e-4)
    paper = {"loss_units": "gatys", "style_loss": "gram", "tv_weight": 0.7}
    one, other = (losses(build(tiny, painting, **paper), rough)["total_variation"] for painting in (WAVES, FLAT))
    assert one == other > 0


def test_detail_is_compared_only_where_it_is_to_be_kept(tiny: Encoder) -> None:
    plain, kept = (losses(build(tiny, WAVES, keep_detail=keep), elsewhere()) for keep in (0, 100))
    (name,) = kept.keys() - plain.keys()
    half = losses(build(tiny, WAVES, keep_detail=50), elsewhere())
    assert half[name] == pytest.approx(kept[name] / 4)
    assert losses(build(tiny, WAVES, keep_detail=100), photo())[name] < 0.8 * kept[name]


# --------------------------------------------------------------------------------------------- regions


def test_regions_count_by_their_size(tiny: Encoder) -> None:
    """Each alone, with the rest left as the photo, adds up to both together: on the photo nothing else differs."""
    both = losses(build(tiny, WAVES, (Region(LEFT, CHECKS),)), photo())["style"]
    left = losses(build(tiny, None, (Region(LEFT, CHECKS),)), photo())["style"]
    right = losses(build(tiny, WAVES, (Region(LEFT),)), photo())["style"]
    assert min(left, right) > 0
    assert both == pytest.approx(left + right, rel=1e-4)


def test_total_variation_is_against_all_paintings_by_size(tiny: Encoder) -> None:
    def scale(painting: Picture, *regions: Region) -> float:
        return 1 / losses(build(tiny, painting, regions), elsewhere())["total_variation"]

    both = scale(WAVES, Region(LEFT, CHECKS))
    assert both == pytest.approx(0.75 * scale(WAVES) + 0.25 * scale(CHECKS), rel=1e-3)
    assert abs(scale(WAVES) / scale(CHECKS) - 1) > 0.05


def test_where_the_photo_stays_nothing_moves(tiny: Encoder) -> None:
    objective = build(tiny, WAVES, (Region(LEFT),))
    gradient = objective(elsewhere()).gradient
    assert float(gradient[..., :12].abs().max()) == 0
    assert float(gradient[..., 12:].abs().min(1).values.max()) > 0
    changed = elsewhere()
    changed[..., :12] = 0.5
    assert losses(objective, changed) == losses(objective, elsewhere())


def test_each_strength_has_its_content_weight_where_it_holds(tiny: Encoder) -> None:
    regions = (Region(LEFT, CHECKS, strength=20),)
    readability = {"balance": "readability"}

    def content(*weights: float) -> float:
        return losses(build(tiny, WAVES, regions, weights, **readability), elsewhere())["content"]

    rest, left = content(1.0, 0.0), content(0.0, 1.0)
    assert content(1.0, 1.0) == pytest.approx(rest + left, rel=1e-5)
    assert content(2.0, 3.0) == pytest.approx(2 * rest + 3 * left, rel=1e-5)
    whole = losses(build(tiny, WAVES, weights=(1.0,), **readability), elsewhere())["content"]
    assert rest + left == pytest.approx(whole, rel=1e-4)
    assert 0.15 < left / whole < 0.35


def test_masks_lie_on_the_canvas_as_the_photo_does(tiny: Encoder) -> None:
    """With a margin the region that stays is continued by reflection with the photo."""
    options = build_options(OPTIONS | {"margin": 0.25})
    layout = RegionLayout(RunInputs.load(PHOTO, WAVES, [Region(LEFT)]), options)
    scale = build_pyramid(SIDE, SIDE, options)[-1]
    canvas = scale.extend(photo())
    layers = LayerWeights(options.content_layers, options.style_layers)
    objective = build_objective(tiny, Canvases(canvas), layout, scale, options, layers, (0.5,))
    stays = scale.extend(torch.from_numpy(LEFT / np.float32(255))[None, None])[0, 0] == 1
    gradient = objective(torch.rand(canvas.shape, generator=torch.Generator().manual_seed(2))).gradient
    assert float(gradient[..., stays].abs().max()) == 0
    assert float(gradient[..., ~stays].abs().max()) > 0
