"""Flow, warping and trust, against known movements and a slow version in NumPy."""

from __future__ import annotations

import re
import sys

import numpy as np
import pytest
from numpy.typing import NDArray

from impasto.errors import OptionError
from impasto.storage.installed import install_command
from impasto.video.flow import (
    FLOW_PX,
    FlowFinder,
    consistent,
    disagreement,
    enlarge_flow,
    load_cv2,
    motion_edges,
    reduce_frame,
    warp,
    working_size,
)

Array = NDArray[np.float32]


def texture(height: int, width: int, seed: int = 0) -> Array:
    """A smooth random picture [height, width, 3] in [0, 1]."""
    noise = np.random.default_rng(seed).normal(size=(height, width, 3)).astype(np.float32)
    smooth = load_cv2().GaussianBlur(noise, (0, 0), 2.0)
    lowest, highest = smooth.min(), smooth.max()
    return np.asarray((smooth - lowest) / (highest - lowest), np.float32)


def everywhere(right: float, down: float, height: int = 48, width: int = 64) -> Array:
    return np.broadcast_to(np.array([right, down], np.float32), (height, width, 2)).copy()


@pytest.mark.parametrize(("right", "down"), [(0, 0), (3, 0), (0, -2), (-4, 5)])
def test_the_flow_of_a_shifted_picture_is_the_shift(right: int, down: int) -> None:
    picture = texture(96, 128)
    now, other = picture[16:80, 16:112], picture[16 - down : 80 - down, 16 - right : 112 - right]
    flow, back = FlowFinder().find(now, other)
    inside = (slice(12, -12), slice(12, -12))
    assert np.abs(flow[inside] - [right, down]).max() < 0.15
    assert np.abs(back[inside] + [right, down]).max() < 0.15


def test_warping_by_whole_pixels_moves_them_exactly() -> None:
    picture = texture(48, 64)
    moved = warp(picture, everywhere(3, -2))
    np.testing.assert_allclose(moved[2:, :-3], picture[:-2, 3:], atol=1e-5)
    np.testing.assert_allclose(moved[:2, 5], picture[0, 8][None].repeat(2, 0), atol=1e-5)  # the edge goes on


@pytest.mark.parametrize("smooth", [True, False])
def test_warping_by_parts_of_a_pixel_follows_a_ramp(smooth: bool) -> None:
    ramp = np.broadcast_to(np.arange(64, dtype=np.float32)[None, :, None] / 100, (48, 64, 3)).copy()
    moved = warp(ramp, everywhere(0.5, 0.25), smooth=smooth)
    np.testing.assert_allclose(moved[4:-4, 4:-4], ramp[4:-4, 4:-4] + 0.005, atol=1e-5)


def test_warping_again_and_again_keeps_a_picture_sharp() -> None:
    picture = texture(48, 64)
    for right in (0.5, -0.5) * 5:
        picture = warp(picture, everywhere(right, 0))
    inside = (slice(8, -8), slice(8, -8))
    assert picture[inside].std() > 0.97 * texture(48, 64)[inside].std()


def test_a_flow_found_small_serves_large_frames() -> None:
    large = enlarge_flow(everywhere(2, 3, 24, 32), 48, 96)
    assert large.shape == (48, 96, 2)
    np.testing.assert_allclose(large, everywhere(6, 6, 48, 96), atol=1e-6)
    same = everywhere(1, 1)
    assert enlarge_flow(same, 48, 64) is same


def test_frames_are_reduced_to_the_working_size() -> None:
    assert working_size(1080, 1920) == (288, FLOW_PX)
    assert working_size(100, 120) == (100, 120)
    assert working_size(4, 2000) == (16, FLOW_PX)  # a strip is still wide enough for patches
    assert reduce_frame(texture(64, 1024)).shape == (32, 512, 3)
    assert reduce_frame(texture(64, 64)).shape == (64, 64, 3)


def slow_disagreement(flow: Array, back: Array) -> NDArray[np.float64]:
    """Ruder et al., a place at a time, with whole-pixel flows, whose other ends need no sampling."""
    height, width = flow.shape[:2]
    ratio = np.full((height, width), np.inf)
    for y in range(height):
        for x in range(width):
            column, row = x + int(flow[y, x, 0]), y + int(flow[y, x, 1])
            if 0 <= column < width and 0 <= row < height:
                ours, theirs = flow[y, x].astype(np.float64), back[row, column].astype(np.float64)
                ratio[y, x] = ((ours + theirs) ** 2).sum() / (0.01 * ((ours**2).sum() + (theirs**2).sum()) + 0.5)
    return ratio


def slow_edges(flow: Array) -> NDArray[np.bool_]:
    height, width = flow.shape[:2]
    edges = np.zeros((height, width), bool)
    for y in range(height):
        for x in range(width):
            above, below = max(0, y - 1), min(height - 1, y + 1)
            left, right = max(0, x - 1), min(width - 1, x + 1)
            down = (flow[below, x] - flow[above, x]) / (below - above)
            across = (flow[y, right] - flow[y, left]) / (right - left)
            steps = (down.astype(np.float64) ** 2).sum() + (across.astype(np.float64) ** 2).sum()
            edges[y, x] = steps > 0.01 * (flow[y, x].astype(np.float64) ** 2).sum() + 0.002
    return edges


def test_trust_in_a_flow_equals_the_slow_version() -> None:
    chance = np.random.default_rng(3)
    flow, back = (chance.integers(-3, 4, (20, 24, 2)).astype(np.float32) for _ in range(2))
    flow[:, :12], back[:, :14] = [2, 1], [-2, -1]  # half of it agrees
    expected = slow_disagreement(flow, back)
    np.testing.assert_allclose(disagreement(flow, back), expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(motion_edges(flow), slow_edges(flow))
    np.testing.assert_array_equal(consistent(flow, back), (expected <= 1) & ~slow_edges(flow))
    assert 0.2 < consistent(flow, back).mean() < 0.6


def test_what_comes_into_the_frame_is_not_trusted() -> None:
    trusted = consistent(everywhere(5, 0), everywhere(-5, 0))
    assert trusted[:, :59].all() and not trusted[:, 59:].any()


def test_a_missing_opencv_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(OptionError, match=re.escape(install_command("video"))):
        load_cv2()
