"""The arithmetic of scales and canvases."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from impasto.engine.pyramid import CANVAS_MULTIPLE_PX, MAX_MARGIN_PX, MIN_MARGIN_PX, Scale, build_pyramid, painting_size
from impasto.options.fields import PaintOptions


def pyramid(height: int, width: int, **options: Any) -> list[Scale]:
    return build_pyramid(height, width, PaintOptions(**options))


def margins(scale: Scale) -> tuple[int, int, int, int]:
    """(top, bottom, left, right), found by looking where the picture lies on its canvas."""
    number = torch.arange(float(scale.canvas_pixels), dtype=torch.float64)
    canvas = number.view(1, 1, scale.canvas_height_px, scale.canvas_width_px)
    cropped = scale.crop(canvas)
    assert cropped.shape[-2:] == (scale.height_px, scale.width_px)
    top, left = divmod(int(cropped[0, 0, 0, 0]), scale.canvas_width_px)
    bottom = scale.canvas_height_px - scale.height_px - top
    return top, bottom, left, scale.canvas_width_px - scale.width_px - left


def test_root_two_from_128_to_512() -> None:
    scales = pyramid(512, 384, min_scale_px=128, scale_factor=2**0.5)
    assert [s.long_edge_px for s in scales] == [128, 181, 256, 362, 512]
    assert [(s.height_px, s.width_px) for s in scales][1] == (181, 136)


def test_doubling() -> None:
    scales = pyramid(100, 1000, min_scale_px=100, scale_factor=2)
    assert [s.long_edge_px for s in scales] == [100, 200, 400, 800, 1000]


def test_a_scale_that_would_almost_coincide_with_the_last_is_left_out() -> None:
    assert [s.long_edge_px for s in pyramid(10, 515, min_scale_px=128, scale_factor=2)] == [128, 256, 515]
    assert [s.long_edge_px for s in pyramid(10, 700, min_scale_px=128, scale_factor=2)] == [
        128,
        256,
        512,
        700,
    ]


@pytest.mark.parametrize("long_edge", [1, 40, 127, 128, 129])
def test_a_picture_no_larger_than_the_coarsest_scale_has_one(long_edge: int) -> None:
    assert [s.long_edge_px for s in pyramid(1, long_edge, min_scale_px=128)] == [long_edge]


def test_last_number_of_steps_repeats() -> None:
    assert [s.steps for s in pyramid(512, 512, min_scale_px=128, steps=(9, 5))] == [9, 5, 5, 5, 5]
    assert [s.steps for s in pyramid(128, 1, min_scale_px=128, steps=(9, 5))] == [9]


any_side = st.integers(1, 6000)


@given(
    any_side,
    any_side,
    st.integers(16, 600),
    st.floats(1.1, 4),
    st.sampled_from([0.0, 0.01, 1 / 32, 0.25, 0.5]),
)
def test_any_pyramid(height: int, width: int, smallest: int, factor: float, margin: float) -> None:
    scales = pyramid(height, width, min_scale_px=smallest, scale_factor=factor, margin=margin)
    edges = [s.long_edge_px for s in scales]
    # coarse to fine, from the asked smallest, to the asked size exactly
    assert edges[0] == min(smallest, max(height, width)) or len(edges) == 1
    assert (scales[-1].height_px, scales[-1].width_px) == (height, width)
    for below, above in pairwise(edges):
        assert below < above
        assert above <= (below + 0.5) * factor**1.25 + 1
    for scale in scales:
        # the same picture: each side within a pixel of its share
        for side, own in ((scale.height_px, height), (scale.width_px, width)):
            assert abs(side - own * scale.long_edge_px / max(height, width)) <= 0.5 or side == 1
        top, bottom, left, right = margins(scale) if scale.canvas_pixels < 200_000 else (0, 0, 0, 0)
        if margin == 0:
            assert (scale.canvas_height_px, scale.canvas_width_px) == (scale.height_px, scale.width_px)
            continue
        assert scale.canvas_height_px % CANVAS_MULTIPLE_PX == scale.canvas_width_px % CANVAS_MULTIPLE_PX == 0
        wanted = min(max(MIN_MARGIN_PX, round(margin * scale.long_edge_px)), MAX_MARGIN_PX)
        for canvas, side in (
            (scale.canvas_height_px, scale.height_px),
            (scale.canvas_width_px, scale.width_px),
        ):
            assert 2 * wanted <= canvas - side < 2 * wanted + CANVAS_MULTIPLE_PX
        if scale.canvas_pixels < 200_000:
            assert min(top, bottom, left, right) >= wanted
            assert abs(top - bottom) <= 1
            assert abs(left - right) <= 1


SHAPES = [(48, 36), (1, 1), (1, 90), (90, 1), (3, 200), (17, 16), (2, 2)]


@pytest.mark.parametrize("margin", [0.0, 1 / 32, 0.5])
@pytest.mark.parametrize("shape", SHAPES)
def test_crop_undoes_extend_and_extension_is_a_reflection(shape: tuple[int, int], margin: float) -> None:
    (scale,) = pyramid(*shape, min_scale_px=256, margin=margin)
    picture = torch.rand(1, 3, *shape)
    canvas = scale.extend(picture)
    assert canvas.shape == (1, 3, scale.canvas_height_px, scale.canvas_width_px)
    assert torch.equal(scale.crop(canvas), picture)
    top, bottom, left, right = margins(scale)
    expected = picture.numpy()
    for axis, around in ((2, (top, bottom)), (3, (left, right))):
        width = [(0, 0)] * 4
        width[axis] = around
        expected = np.pad(expected, width, mode="reflect" if expected.shape[axis] > 1 else "edge")
    np.testing.assert_array_equal(canvas.numpy(), expected)


def test_margin_grows_with_the_picture() -> None:
    """Up to what the encoder can see."""
    sizes = [pyramid(side, side, margin=0.1, min_scale_px=side)[0] for side in (64, 320, 2000, 8000)]
    found = [(scale.canvas_height_px - scale.height_px) // 2 for scale in sizes]
    assert found[0] < 16
    assert found[1] == 32
    assert found[2] == found[3] == MAX_MARGIN_PX


@pytest.mark.parametrize(
    ("own", "long_edge_px", "brush_scale", "expected"),
    [
        ((600, 800), 400, 1.0, (300, 400)),  # as large as the scale
        ((600, 800), 1600, 1.0, (1200, 1600)),  # enlarged with it
        ((600, 800), 4000, 1.0, (1200, 1600)),  # but no more than twice
        ((600, 800), 400, 2.0, (600, 800)),  # strokes twice as large
        ((600, 800), 400, 0.25, (75, 100)),
        ((1, 1), 4000, 4.0, (2, 2)),
    ],
)
def test_size_of_a_painting(
    own: tuple[int, int], long_edge_px: int, brush_scale: float, expected: tuple[int, int]
) -> None:
    assert painting_size(*own, long_edge_px, brush_scale) == expected
