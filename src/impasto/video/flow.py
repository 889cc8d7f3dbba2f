"""Optical flow between two frames, and where it can be believed.

A flow is [height, width, 2], in pixels, right and down: the place (x, y) of this frame lies at (x, y) + flow[y, x] in
the other one. It is found by dense inverse search (Kroeger et al., arXiv 1603.03590), OpenCV's, at `FLOW_PX` at most.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from impasto.errors import OptionError
from impasto.images.resize import fit_long_edge
from impasto.storage.installed import install_command

if TYPE_CHECKING:
    from types import ModuleType

FLOW_PX = 512  # long edge at which flow is found
LEAST_PX = 16  # DIS needs patches of 8 px at two scales
STILL_PX = 41  # side of the square that moves or does not
BARE = 0.01  # root mean square slope, of [0, 1] a pixel, of ground without edges
STILL = 1.6  # times what is left along the flow: where it fits noise, as much is left without it
CALMED_PX = 1.5  # deviation of the Gaussian that takes the noise away first
# Ruder et al. (arXiv 1604.08610), sections 4.1 and 4.2
DISAGREES = 0.01, 0.5
MOVES_APART = 0.01, 0.002

Pixels = NDArray[np.float32]


def load_cv2() -> ModuleType:
    """OpenCV; raises `OptionError` where it is not installed."""
    try:
        import cv2
    except ImportError as error:
        raise OptionError(f"OpenCV is not installed; to paint clips: {install_command('video')}") from error
    return cv2


def working_size(height_px: int, width_px: int) -> tuple[int, int]:
    """(height, width) at which the flow of frames of this size is found."""
    height, width = fit_long_edge(height_px, width_px, min(FLOW_PX, max(height_px, width_px)))
    return max(LEAST_PX, height), max(LEAST_PX, width)


def reduce_frame(frame: Pixels) -> Pixels:
    """A frame [height, width, channels] at the size at which its flow is found."""
    height, width = working_size(*frame.shape[:2])
    if (height, width) == frame.shape[:2]:
        return frame
    cv2 = load_cv2()
    shrinks = height * width < frame.shape[0] * frame.shape[1]
    reduced: Pixels = cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return reduced


class FlowFinder:
    """Finds the flow between reduced frames [height, width, 3] in [0, 1]. What it needs is made once."""

    def __init__(self) -> None:
        self._cv2 = load_cv2()
        self._dis: Any = self._cv2.DISOpticalFlow_create(self._cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)

    def find(self, frame: Pixels, other: Pixels) -> tuple[Pixels, Pixels]:
        """The flow from `frame` to `other`, and the one back, from `other` to `frame`."""
        ours, theirs = self._gray(frame), self._gray(other)
        return self._dis.calc(ours, theirs, None), self._dis.calc(theirs, ours, None)

    def _gray(self, frame: Pixels) -> NDArray[np.uint8]:
        levels = np.rint(frame * 255).astype(np.uint8)
        gray: NDArray[np.uint8] = self._cv2.cvtColor(levels, self._cv2.COLOR_RGB2GRAY)
        return gray


def at_rest(flow: Pixels, frame: Pixels, other: Pixels) -> Pixels:
    """The flow, but none where the frames are as much alike without it: there it follows noise and shadows.

    Bare ground is everywhere like itself: it rests or moves with most of what has edges around it, if there is any.
    """
    cv2 = load_cv2()
    square, wide = (STILL_PX, STILL_PX), (1 + 2 * (max(flow.shape) // 6),) * 2
    frame, other = (cv2.GaussianBlur(one, (0, 0), CALMED_PX) for one in (frame, other))
    unmoved, moved = (
        cv2.blur(np.square(frame - there).mean(-1), square) for there in (other, warp(other, flow, smooth=True))
    )
    slopes = sum(np.square(slope).mean(-1) for slope in np.gradient(frame, axis=(0, 1)))
    edged = cv2.blur(slopes, square) > BARE**2
    rests = unmoved <= STILL * moved + 1e-6
    still, moving = (cv2.blur((edged & some).astype(np.float32), wide) for some in (rests, ~rests))
    stays = np.where(edged | (still == moving), rests, still > moving).astype(np.float32)
    calmed: Pixels = flow * (1 - cv2.blur(stays, (9, 9)))[..., None]
    return calmed


def enlarge_flow(flow: Pixels, height_px: int, width_px: int) -> Pixels:
    """The same flow for frames of another size."""
    height, width = flow.shape[:2]
    if (height, width) == (height_px, width_px):
        return flow
    cv2 = load_cv2()
    larger: Pixels = cv2.resize(flow, (width_px, height_px), interpolation=cv2.INTER_LINEAR)
    return larger * np.array([width_px / width, height_px / height], np.float32)


def warp(picture: Pixels, flow: Pixels, *, smooth: bool = False) -> Pixels:
    """The other frame's `picture`, brought to this frame by the flow towards it; edges go on outside.

    Sampled by Lanczos over 8 px, which keeps a picture sharp that is warped frame after frame; `smooth`: bilinearly,
    for what must not overshoot, such as masks and flows.
    """
    cv2 = load_cv2()
    columns, rows = _ends(flow)
    how = cv2.INTER_LINEAR if smooth else cv2.INTER_LANCZOS4
    warped: Pixels = cv2.remap(picture, columns, rows, how, borderMode=cv2.BORDER_REPLICATE)
    return warped


def disagreement(flow: Pixels, back: Pixels) -> Pixels:
    r"""How far from its place a point ends that is carried there and back, [height, width]; above 1 it is not believed.

    .. math:: |w + w'|^2 \,/\, (0.01 (|w|^2 + |w'|^2) + 0.5)

    Ruder et al. (arXiv 1604.08610), section 4.1, w' the flow back at the other end; infinite outside the frame.
    """
    there = warp(back, flow, smooth=True)
    share, least = DISAGREES
    ratio = _squared(flow + there) / (share * (_squared(flow) + _squared(there)) + least)
    height, width = flow.shape[:2]
    columns, rows = _ends(flow)
    outside = (columns < -0.5) | (rows < -0.5) | (columns > width - 0.5) | (rows > height - 0.5)
    ratio[outside] = np.inf
    return ratio


def motion_edges(flow: Pixels) -> NDArray[np.bool_]:
    r"""Where neighbours move apart, [height, width]: :math:`|\nabla u|^2 + |\nabla v|^2 > 0.01 |w|^2 + 0.002` (4.1)."""
    steps = sum(np.square(step) for channel in (0, 1) for step in np.gradient(flow[..., channel]))
    share, least = MOVES_APART
    edges: NDArray[np.bool_] = steps > share * _squared(flow) + least
    return edges


def consistent(flow: Pixels, back: Pixels) -> NDArray[np.bool_]:
    """Where a flow is believed when steadiness is measured, [height, width]: no disagreement, no motion edge."""
    return (disagreement(flow, back) <= 1) & ~motion_edges(flow)


def _ends(flow: Pixels) -> tuple[Pixels, Pixels]:
    """The columns and rows of the other frame at which this one's places lie, [height, width] each."""
    height, width = flow.shape[:2]
    columns = np.add(flow[..., 0], np.arange(width, dtype=np.float32), dtype=np.float32)
    rows = np.add(flow[..., 1], np.arange(height, dtype=np.float32)[:, None], dtype=np.float32)
    return columns, rows


def _squared(vectors: Pixels) -> Pixels:
    squares: Pixels = np.square(vectors).sum(-1)
    return squares
