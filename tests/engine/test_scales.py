"""Sizes of the scales."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from impasto.engine.scales import scale_edges
from impasto.options.fields import PaintOptions


@pytest.mark.parametrize(
    ("long_edge_px", "options", "edges"),
    [
        (512, {}, [128, 181, 256, 362, 512]),
        (100, {}, [100]),  # smaller than the coarsest scale
        (139, {}, [139]),  # a scale of 128 px would almost be the last
        (1000, {"scale_factor": 2.0}, [128, 256, 512, 1000]),
        (64, {"min_scale_px": 16, "scale_factor": 16.0}, [16, 64]),
        (20, {"min_scale_px": 17, "scale_factor": 1.05}, [17, 18, 19, 20]),  # 17.85 and 18.74 px: not 18 twice
    ],
)
def test_sizes(long_edge_px: int, options: dict[str, float], edges: list[int]) -> None:
    assert scale_edges(long_edge_px, PaintOptions.model_validate(options)) == edges


@given(st.integers(1, 65_536), st.integers(16, 2000), st.floats(1.05, 16))
def test_sizes_rise_by_no_more_than_the_factor(long_edge_px: int, min_scale_px: int, scale_factor: float) -> None:
    edges = scale_edges(long_edge_px, PaintOptions(min_scale_px=min_scale_px, scale_factor=scale_factor))
    assert edges[-1] == long_edge_px
    for small, large in itertools.pairwise(edges):
        assert small < large
        assert large <= (small + 0.5) * scale_factor**1.25 + 0.5  # both are rounded
