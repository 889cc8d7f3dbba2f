"""A film that holds still: each painted frame is mixed with the last one, which optical flow carries along.

A network paints each frame anew, and what it makes of the noise of a clip flickers. Here the last output is warped to
this frame and takes most of the mixture wherever the flow can be believed and the photo there is still the same. The
photo is carried along and mixed as the output is: where it differs from the real one, the output is out of date.

Every mixing and every warping softens the finest band a little. What it lacks of the strength that it has in the frame
as painted is taken from there, place by place. It is not made by a gain: an output that is amplified and carried on
again and again rings, and after two seconds is covered with dots.
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
        self.output = with_detail_of(mixed, painted)
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


def with_detail_of(picture: Pixels, painted: Pixels) -> Pixels:
    r"""The picture with as much of the finest band of `painted` added as it lacks of its strength, place by place.

    Of the bands p and q, added is b q with :math:`\langle (p + b q)^2 \rangle = a^2 \langle q^2 \rangle`, a = `AIM`,
    the means around the place, and b from 0 to 1.
    """
    finest, model = _finest_band(picture), _finest_band(painted)
    strength, common = _around(np.square(model)) + 1e-6, _around(finest * model)
    missing = np.maximum(AIM**2 * strength - _around(np.square(finest)), 0)
    share = np.clip((np.sqrt(np.square(common) + strength * missing) - common) / strength, 0, 1)
    detailed: Pixels = np.clip(picture + share[..., None] * model, 0, 1)
    return detailed


def _finest_band(picture: Pixels) -> Pixels:
    coarse: Pixels = load_cv2().GaussianBlur(picture, (0, 0), FINEST_PX)
    return picture - coarse


def _around(products: Pixels) -> Pixels:
    """Mean over the channels and around each place, [height, width]."""
    mean: Pixels = load_cv2().blur(products.mean(-1), (AROUND_PX, AROUND_PX))
    return mean


def _enlarged(shares: Pixels, height_px: int, width_px: int) -> Pixels:
    if shares.shape == (height_px, width_px):
        return shares
    cv2 = load_cv2()
    larger: Pixels = cv2.resize(shares, (width_px, height_px), interpolation=cv2.INTER_LINEAR)
    return larger
