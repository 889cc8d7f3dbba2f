"""A film that holds still: each painted frame is mixed with the last one, which optical flow carries along.

A network paints each frame anew, and what it makes of the noise of a clip flickers. Here the last output is warped to
this frame and takes most of the mixture wherever the flow can be believed and the photo there is still the same. The
photo is carried along and mixed as the output is: where it differs from the real one, the output is out of date.

Every mixing and every warping softens the finest band a little. It is brought back to the strength that it has in the
frame as painted, place by place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from impasto.video.flow import (
    FlowFinder,
    Pixels,
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
FINEST_PX = 1.0  # deviation of the Gaussian that the finest band is without
AROUND_PX = 13  # side of the square in which the strength of the finest band is compared
MOST_GAIN = 1.5
AIM = 0.97  # of that strength: all of it costs steadiness, and is not seen


@dataclass
class Steadier:
    """Mixes the frames of one shot, in their order.

    Attributes
    ----------
    held: share of the last output; 0 gives the frames as they are painted.
    output: the last output, [height, width, 3] in [0, 1]; None before the first frame.
    """

    held: float = HELD
    output: Pixels | None = None
    _photo: Pixels | None = None  # the last photo, reduced
    _carried: Pixels | None = None  # the photo that the output shows, reduced

    def __post_init__(self) -> None:
        self._finder = FlowFinder()

    def mix(self, photo: Pixels, painted: Pixels) -> Pixels:
        """The next output from the photo [height, width, 3] and what was painted of it, of the same size, in [0, 1]."""
        small = reduce_frame(photo)
        if self.output is None or self._photo is None or self._carried is None:
            self.output, self._photo, self._carried = painted, small, small
            return painted
        flow, back = self._finder.find(small, self._photo)
        carried = warp(self._carried, flow, smooth=True)
        share = self.held * trust(flow, back, small, carried)
        self._photo, self._carried = small, small + share[..., None] * (carried - small)
        height, width = painted.shape[:2]
        last = warp(self.output, enlarge_flow(flow, height, width))
        mixed = painted + _enlarged(share, height, width)[..., None] * (last - painted)
        self.output = sharpen_like(mixed, painted)
        return self.output

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


def sharpen_like(picture: Pixels, model: Pixels) -> Pixels:
    """The picture with its finest band nearly as strong as the model's, place by place; never weaker than it is."""
    coarse, finest = _finest_band(picture)
    wanted = _strength(_finest_band(model)[1])
    gain = np.clip(AIM * np.sqrt((wanted + 1e-6) / (_strength(finest) + 1e-6)), 1, MOST_GAIN)
    sharpened: Pixels = np.clip(coarse + gain[..., None] * finest, 0, 1)
    return sharpened


def _finest_band(picture: Pixels) -> tuple[Pixels, Pixels]:
    coarse = load_cv2().GaussianBlur(picture, (0, 0), FINEST_PX)
    return coarse, picture - coarse


def _strength(band: Pixels) -> Pixels:
    """Mean square of a band around each place, [height, width]."""
    strength: Pixels = load_cv2().blur(np.square(band).mean(-1), (AROUND_PX, AROUND_PX))
    return strength


def _enlarged(shares: Pixels, height_px: int, width_px: int) -> Pixels:
    if shares.shape == (height_px, width_px):
        return shares
    cv2 = load_cv2()
    larger: Pixels = cv2.resize(shares, (width_px, height_px), interpolation=cv2.INTER_LINEAR)
    return larger
