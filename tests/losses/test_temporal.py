"""The temporal term, against known movements, a slow version and finite differences."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from impasto.losses.temporal import FlowLink, TemporalTerm, carried
from impasto.losses.tiles import Core

EARLY, LATE = (slice(0, 6), slice(0, 8)), (slice(0, 6), slice(8, 16))
CORE = Core(0, 0, 6, 16)


def link(right: float = 0, down: float = 0, believed: Tensor | None = None) -> FlowLink:
    flow = torch.tensor([right, down], dtype=torch.float32).expand(1, 6, 8, 2).clone()
    return FlowLink(LATE, EARLY, flow, torch.ones(1, 1, 6, 8) if believed is None else believed)


def value(term: TemporalTerm, canvas: Tensor) -> tuple[float, Tensor]:
    gradient = torch.zeros_like(canvas)
    return term(canvas, gradient), gradient


def test_a_picture_is_carried_by_whole_pixels() -> None:
    picture = torch.rand(1, 3, 6, 8)
    moved = carried(picture, link(2, -1).flow)
    torch.testing.assert_close(moved[..., 1:, :6], picture[..., :5, 2:], atol=1e-5, rtol=0)
    torch.testing.assert_close(moved[..., 0, 0], picture[..., 0, 2], atol=1e-5, rtol=0)  # the edge goes on


def test_nothing_is_lost_where_the_paint_moves_along() -> None:
    early = torch.rand(1, 3, 6, 8)
    canvas = torch.cat([early, carried(early, link(2, 1).flow)], 3)
    loss, gradient = value(TemporalTerm([link(2, 1)], 3.0, CORE), canvas)
    assert loss < 1e-10 and gradient.abs().max() < 1e-6
    assert value(TemporalTerm([link(0, 0)], 3.0, CORE), canvas)[0] > 0.01


def test_the_value_is_that_of_a_slow_version_and_counts_what_is_believed() -> None:
    canvas = torch.rand(1, 3, 6, 16, dtype=torch.float64)
    believed = torch.rand(1, 1, 6, 8).round()
    loss, _ = value(TemporalTerm([link(1, 0, believed)], 2.0, CORE), canvas)
    total, count = 0.0, 0
    for y in range(6):
        for x in range(8):
            if believed[0, 0, y, x]:
                total += float((canvas[0, :, y, 8 + x] - canvas[0, :, y, min(x + 1, 7)]).square().sum())
                count += 3
    assert loss == pytest.approx(2.0 * total / count, rel=1e-5)


def test_the_gradient_is_that_of_finite_differences_and_stays_in_the_core() -> None:
    core = Core(2, 2, 6, 16)
    term = TemporalTerm([link(0.4, -0.3)], 2.0, core)
    canvas = torch.rand(1, 3, 10, 20, dtype=torch.float64)
    _, gradient = value(term, canvas)
    assert (gradient[..., :2, :] == 0).all() and (gradient[..., :2] == 0).all()
    for place in [(0, 0, 3, 5), (0, 1, 5, 12), (0, 2, 7, 17)]:
        step = torch.zeros_like(canvas)
        step[place] = 1e-5
        slope = (value(term, canvas + step)[0] - value(term, canvas - step)[0]) / 2e-5
        np.testing.assert_allclose(float(gradient[place]), slope, rtol=1e-4, atol=1e-8)


def test_frames_of_which_nothing_is_believed_cost_nothing() -> None:
    loss, gradient = value(TemporalTerm([link(0, 0, torch.zeros(1, 1, 6, 8))], 2.0, CORE), torch.rand(1, 3, 6, 16))
    assert loss == 0 and (gradient == 0).all()
