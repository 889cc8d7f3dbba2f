"""Shots: where a clip is cut.

A cut is where neither the colours nor the places of one frame are found again in the next: their histograms differ, and
optical flow does not make one of the other. A whip of the camera keeps the colours; a flash ends, and what follows is
what was there before.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from impasto.images.resize import fit_long_edge
from impasto.video.flow import LEAST_PX, FlowFinder, Pixels, load_cv2, warp

LOOK_PX = 128  # long edge at which frames are compared
BINS = 6  # of a histogram, by channel
COLORS_DIFFER = 0.22  # share of the pixels whose colours the other frame does not have
PLACES_DIFFER = 0.42  # residue of the flow, in deviations of the frames
SPIKE = 1.6  # times the colours of the frames around differ from one to the next
FLASH_FRAMES = 4  # a change that is undone within so many frames is none

T = TypeVar("T")


@dataclass(frozen=True)
class _Look:
    """A frame as cuts are found by: small, with its histogram."""

    small: Pixels
    histogram: NDArray[np.float64]


def mark_cuts(frames: Iterable[T], pixels_of: Callable[[T], Pixels]) -> Iterator[tuple[T, bool]]:
    """Pass frames on, each with whether a shot begins there (the first one's does); `FLASH_FRAMES` are read ahead.

    `pixels_of` gives [height, width, 3] in [0, 1] of a frame.
    """
    finder, stream = FlowFinder(), iter(frames)
    ahead: deque[tuple[T, _Look]] = deque(
        (frame, _look(pixels_of(frame))) for frame in islice(stream, FLASH_FRAMES + 1)
    )
    last: _Look | None = None
    change_before = 0.0
    while ahead:
        frame, look = ahead.popleft()
        if last is None:
            yield frame, True
        else:
            change = _colors_apart(last, look)
            following = [other for _, other in ahead]
            yield frame, _is_cut(finder, last, look, following, change_before)
            change_before = change
        last = look
        ahead.extend((frame, _look(pixels_of(frame))) for frame in islice(stream, 1))


def _is_cut(finder: FlowFinder, last: _Look, look: _Look, following: list[_Look], change_before: float) -> bool:
    change = _colors_apart(last, look)
    change_after = _colors_apart(look, following[0]) if following else 0.0
    if change < COLORS_DIFFER or change < SPIKE * min(change_before, change_after):
        return False
    return all(_differ(finder, last, other) for other in (look, *following))


def _differ(finder: FlowFinder, one: _Look, other: _Look) -> bool:
    """Whether two frames show different things: other colours, in other places."""
    if _colors_apart(one, other) < COLORS_DIFFER:
        return False
    flow, back = finder.find(one.small, other.small)
    there = _residue(one.small, warp(other.small, flow, smooth=True))
    again = _residue(other.small, warp(one.small, back, smooth=True))
    return min(there, again) > PLACES_DIFFER


def _residue(frame: Pixels, found: Pixels) -> float:
    """What is left of a frame when the other, brought to it, is taken away: in its deviations, brightness apart.

    A change of brightness and contrast alone (a fade, a flicker of the lamps) leaves nothing.
    """
    ours, theirs = (picture.reshape(-1, 3) - picture.mean((0, 1)) for picture in (frame, found))
    deviation = np.sqrt(np.square(ours).mean()) + 1e-3
    gain = float((ours * theirs).sum() / (np.square(theirs).sum() + 1e-6))
    return float(np.abs(ours - max(0.0, gain) * theirs).mean() / deviation)


def _look(frame: Pixels) -> _Look:
    cv2 = load_cv2()
    height, width = fit_long_edge(frame.shape[0], frame.shape[1], LOOK_PX)
    size = max(LEAST_PX, width), max(LEAST_PX, height)
    small = np.clip(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), 0, 1)
    bins = np.minimum((small * BINS).astype(np.int64), BINS - 1)
    index = (bins[..., 0] * BINS + bins[..., 1]) * BINS + bins[..., 2]
    counts = np.bincount(index.ravel(), minlength=BINS**3).reshape(BINS, BINS, BINS).astype(np.float64)
    for axis in range(3):  # spread over the neighbours: a level more or less is no other colour
        wider = np.pad(counts, [(int(axis == other),) * 2 for other in range(3)], "edge")
        counts = 0.5 * counts + 0.25 * (wider.take(range(BINS), axis) + wider.take(range(2, BINS + 2), axis))
    return _Look(small, counts / counts.sum())


def _colors_apart(one: _Look, other: _Look) -> float:
    """Share of the pixels whose colours the other frame does not have, 0 to 1."""
    return float(np.abs(one.histogram - other.histogram).sum() / 2)
