"""The surface term: chessboards whose crispness is known, finite differences, blends."""

from __future__ import annotations

import math

import pytest
from pixel_terms import check_gradient, smooth_picture, value

from impasto.losses.laplacian import crispness
from impasto.losses.surface import FRINGE, SMOOTH, Surface, SurfaceTerm
from impasto.losses.tiles import Core

WHOLE = Core(0, 0, 40, 52)


def test_as_crisp_as_asked_costs_nothing() -> None:
    picture = smooth_picture(0)
    luma, colours = crispness(picture)[0].tolist()
    assert value(SurfaceTerm((luma, colours), 1.0, WHOLE), picture) == pytest.approx(0, abs=1e-12)
    assert value(SurfaceTerm((luma, 3 * colours), 1.0, WHOLE), picture) == pytest.approx(0, abs=1e-12)  # calmer colours
    crisper = SurfaceTerm((math.e * (luma + SMOOTH) - SMOOTH, colours), 2.0, WHOLE)
    assert value(crisper, picture) == pytest.approx(2)
    noisy = SurfaceTerm((luma, (colours + SMOOTH) / math.e - SMOOTH), 2.0, WHOLE)
    assert value(noisy, picture) == pytest.approx(2 * FRINGE)


@pytest.mark.parametrize("target", [(0.1, 0.01), (0.01, 0.001)])
def test_gradient_equals_finite_differences(target: tuple[float, float]) -> None:
    check_gradient(SurfaceTerm(target, 2.0, WHOLE), smooth_picture(0))


def test_surfaces_blend_as_far_as_they_are_known() -> None:
    first, second = Surface(0.1, (1.0, 2.0)), Surface(0.3, (3.0, 6.0))
    blended = Surface.blend([(first, 0.5), (second, 0.5)])
    assert blended.total_variation == pytest.approx(0.2)
    assert blended.crispness == pytest.approx((2.0, 4.0))
    assert Surface.blend([(first, 0.5), (Surface(0.3, None), 0.5)]).crispness is None
