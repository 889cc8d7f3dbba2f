"""A film that holds still: each painted frame is mixed with the last one, which optical flow carries along.

A network paints each frame anew, and what it makes of the noise of a clip flickers. Here the last output is warped to
this frame and takes most of the mixture wherever the flow can be believed and the photo there is still the same. The
photo is carried along and mixed as the output is: where it differs from the real one, the output is out of date.

Mixing and warping soften: what two frames do not have in common goes out. So what is shown is not what is carried on.
Band by band, place by place, what is left is amplified until it is as strong as in the frame as painted. Carried on, an
amplified output would ring, and after two seconds be covered with dots.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from impasto.video.flow import (
    STILL_PX,
    FlowFinder,
    Pixels,
    at_rest,
    disagreement,
    enlarge_flow,
    load_cv2,
    reduce_frame,
    warp,
    working_size,
)

HELD = 0.95  # share of the last output, where nothing speaks against it
DOUBTED = 2.0  # disagreement of the flow, at which nothing of the last output is left
CHANGED = 0.15  # difference of the photo, in [0, 1], at which a third (1 / e) of that share is left
BANDS_PX = 1.0, 2.0, 4.0  # deviations of the Gaussians between which the bands lie that are amplified
MOST_GAIN = 4.0
NOISY = 0.01  # root mean square change, in [0, 1], from which it may be noise that flow follows; twice as much: it is
AROUND = 12  # times a band's deviation: side of the square in which its strength is compared


@dataclass
class Steadier:
    """Mixes the frames of one shot, in their order.

    Attributes
    ----------
    held: share of the last output; 0 gives the frames as they are painted.
    output: what is carried on of the last output, [height, width, 3] in [0, 1]; None before the first frame.
    """

    held: float = HELD
    output: Pixels | None = None
    _photo: Pixels | None = None  # the last photo, reduced
    _carried: Pixels | None = None  # the photo that the output shows, reduced

    def __post_init__(self) -> None:
        self._finder = FlowFinder()

    def mix(self, photo: Pixels, painted: Pixels, stale: Pixels | None = None) -> Pixels:
        """The next frame from the photo [height, width, 3] and what was painted of it, of the same size, in [0, 1].

        `stale`: [height, width] in [0, 1], where the last output is of no use, whatever the photo says.
        """
        small = reduce_frame(photo)
        if self.output is None or self._photo is None or self._carried is None:
            self.output, self._photo, self._carried = painted, small, small
            return painted
        flow, back = self._finder.find(small, self._photo)
        flow, back = _without_noise(flow, small, self._photo), _without_noise(back, self._photo, small)
        carried = warp(self._carried, flow, smooth=True)
        share = self.held * trust(flow, back, small, carried)
        self._photo, self._carried = small, small + share[..., None] * (carried - small)
        height, width = painted.shape[:2]
        last = warp(self.output, enlarge_flow(flow, height, width))
        share = _enlarged(share, height, width)
        if stale is not None:
            share = share * (1 - stale)
        mixed = painted + share[..., None] * (last - painted)
        self.output = np.clip(mixed, 0, 1)
        return with_strength_of(self.output, painted)

    def state(self) -> dict[str, NDArray[Any]]:
        """Arrays from which `restore` goes on; none before the first frame."""
        arrays = {"output": self.output, "photo": self._photo, "carried": self._carried}
        return {name: array for name, array in arrays.items() if array is not None}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on as when `state` was taken."""
        self.output, self._photo, self._carried = (state[name] for name in ("output", "photo", "carried"))

    @staticmethod
    def fits(state: Mapping[str, NDArray[Any]], height_px: int, width_px: int) -> bool:
        """Whether a state is whole, and of frames of this size."""
        small = (*working_size(height_px, width_px), 3)
        shapes = {"output": (height_px, width_px, 3), "photo": small, "carried": small}
        return state.keys() == shapes.keys() and all(
            state[name].shape == shape and state[name].dtype == np.float32 for name, shape in shapes.items()
        )


def trust(flow: Pixels, back: Pixels, photo: Pixels, carried: Pixels) -> Pixels:
    """How far the last output can be used, [height, width] in [0, 1]: by the flow, and by the photo.

    Departure from Ruder et al.: motion edges are no reason for doubt, since the photo tells whether what was carried
    there belongs there.
    """
    cv2 = load_cv2()
    believed = np.clip((DOUBTED - disagreement(flow, back)) / (DOUBTED - 1), 0, 1).astype(np.float32)
    difference = np.abs(cv2.GaussianBlur(photo - carried, (0, 0), 1.0)).mean(-1)
    same = np.exp(-np.square(cv2.GaussianBlur(difference, (0, 0), 1.0) / CHANGED))
    shares: Pixels = cv2.blur(believed, (3, 3)) * same
    return shares


def with_strength_of(picture: Pixels, painted: Pixels) -> Pixels:
    """The picture with its bands amplified, by `MOST_GAIN` at most, where they are stronger in `painted`."""
    cv2 = load_cv2()
    strong = np.zeros_like(picture)
    for deviation in BANDS_PX:
        coarse, model = (cv2.GaussianBlur(one, (0, 0), deviation) for one in (picture, painted))
        side = (round(AROUND * deviation) | 1,) * 2
        ours, theirs = (cv2.blur(np.square(band).mean(-1), side) + 1e-7 for band in (picture - coarse, painted - model))
        strong += np.clip(np.sqrt(theirs / ours), 1, MOST_GAIN)[..., None] * (picture - coarse)
        picture, painted = coarse, model
    shown: Pixels = np.clip(strong + picture, 0, 1)
    return shown


def _without_noise(flow: Pixels, frame: Pixels, other: Pixels) -> Pixels:
    """The flow, at rest where nothing but noise changes and there is much of it: then it follows that."""
    squares = load_cv2().blur(np.square(frame - other).mean(-1), (STILL_PX, STILL_PX))
    apart = np.sqrt(np.maximum(squares, 0))  # running sums end a little below zero where frames are the same
    share = np.clip(apart / NOISY - 1, 0, 1)[..., None]
    calm: Pixels = flow + share * (at_rest(flow, frame, other) - flow)
    return calm


def _enlarged(shares: Pixels, height_px: int, width_px: int) -> Pixels:
    if shares.shape == (height_px, width_px):
        return shares
    cv2 = load_cv2()
    larger: Pixels = cv2.resize(shares, (width_px, height_px), interpolation=cv2.INTER_LINEAR)
    return larger
