"""A painted frame spread over other frames: each of their places takes its paint from a place of that one.

Flow says which, from frame to frame. What it says is set right by the flow that is left between the frame and the
key's photo, carried there; and where nothing can be believed, as where something comes into view, the place is
looked for whose surroundings in the photo are most alike (PatchMatch, Barnes et al., SIGGRAPH 2009: what neighbours
have found, and chance). After EbSynth (Jamriska et al., SIGGRAPH 2019), whose guides are the colours and places here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from impasto.video.flow import FlowFinder, Pixels, at_rest, disagreement, load_cv2, warp

PATCH = tuple((down, across) for down in (-2, 0, 2) for across in (-2, 0, 2))  # places that are compared
VOTES = (0, 0), (-2, -2), (-2, 2), (2, -2), (2, 2)
ALIKE = 0.06  # root mean square difference of two patches, in [0, 1], up to which a place is kept
BETTER = 0.9  # of the difference, below which another place is taken: less would flicker
CONTINUED_PX = (1, 3, 9, 27, 81)  # how far away the neighbours are whose places are tried
CHANCE_PX = (512, 128, 32, 8, 2)  # how far around the place found last chance tries
PARTED_PX = 1.5  # neighbours whose places lie further apart do not belong to one surface
STEPS = 32  # of a pixel, in which places are kept


@dataclass(frozen=True)
class Match:
    """Where every place of a frame lies in the key.

    Attributes
    ----------
    places: [height, width, 2], columns and rows of the key at this size.
    error: [height, width], root mean square difference of the photos around both, in [0, 1].
    """

    places: Pixels
    error: Pixels

    def arrays(self) -> dict[str, NDArray[Any]]:
        """For a file, rounded; `from_arrays` is the way back."""
        rounded = np.rint(np.clip(self.places, -1000, 1000) * STEPS).astype(np.int16)
        return {"places": rounded, "error": np.rint(np.clip(self.error, 0, 1) * 255).astype(np.uint8)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Match:
        """What `arrays` kept; raises `KeyError` or `ValueError` for what it did not."""
        places, error = arrays["places"], arrays["error"]
        if places.shape != (*error.shape, 2) or places.dtype != np.int16 or error.dtype != np.uint8:
            raise ValueError("it holds no places of a key")
        return cls(places.astype(np.float32) / np.float32(STEPS), error.astype(np.float32) / np.float32(255))


class Spreader:
    """Follows a key through the frames of its shot, one after another, away from it.

    Parameters
    ----------
    photo: the key's photo, reduced, [height, width, 3] in [0, 1].
    """

    def __init__(self, photo: Pixels) -> None:
        self._key = self._photo = photo
        self._finder, self._frames = FlowFinder(), 0
        height, width = photo.shape[:2]
        rows, columns = np.mgrid[:height, :width].astype(np.float32)
        self.match = Match(np.stack([columns, rows], -1), np.zeros((height, width), np.float32))

    def follow(self, photo: Pixels) -> Match:
        """The match of the next frame from its photo, reduced."""
        flow, back = self._finder.find(photo, self._photo)
        flow, back = at_rest(flow, photo, self._photo), at_rest(back, self._photo, photo)
        self._photo, self._frames = photo, self._frames + 1
        places = _sampled(self.match.places, flow)
        shown = warp(self._key, places - _own_places(places), smooth=True)
        left, _ = self._finder.find(photo, shown)
        places = _sampled(places, at_rest(left, photo, shown))
        error = patch_error(photo, self._key, places)
        lost = error > np.where(disagreement(flow, back) > 1, ALIKE / 3, ALIKE)
        if lost.any():
            chance = np.random.default_rng(self._frames)
            places, error = _search(photo, self._key, places, error, lost, chance)
        self.match = Match(places, error)
        return self.match


def patch_error(photo: Pixels, key: Pixels, places: Pixels) -> Pixels:
    """Root mean square difference of the photo around each place and the key around where it lies, [height, width]."""
    cv2 = load_cv2()
    total = np.zeros(photo.shape[:2], np.float32)
    height, width = photo.shape[:2]
    for down, across in PATCH:
        theirs = cv2.remap(
            key, places[..., 0] + across, places[..., 1] + down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        rows = np.clip(np.arange(height) + down, 0, height - 1)
        columns = np.clip(np.arange(width) + across, 0, width - 1)
        total += np.square(photo[rows][:, columns] - theirs).mean(-1)
    error: Pixels = np.sqrt(total / len(PATCH))
    return error


def spread(painted: Pixels, match: Match, height_px: int, width_px: int) -> Pixels:
    """The paint of a key [height, width, 3] at the places of a frame, at this size.

    The places around vote, each for what lies beside its own place in the key: where they belong together they agree.
    """
    height, width = match.error.shape
    scale = np.array([width_px / width, height_px / height], np.float32)
    total = np.zeros((height_px, width_px, 3), np.float32)
    own = _own_places(match.places)
    for down, across in VOTES:
        step = np.array([across, down], np.float32)
        beside = _sampled(match.places, np.broadcast_to(step, own.shape)) - step
        offsets = _enlarged(beside - own, height_px, width_px) * scale
        total += warp(painted, offsets)
    return np.clip(total / len(VOTES), 0, 1)


def _search(
    photo: Pixels, key: Pixels, places: Pixels, error: Pixels, lost: NDArray[np.bool_], chance: np.random.Generator
) -> tuple[Pixels, Pixels]:
    """Look for better places where they are lost; returns places and errors."""
    rows, columns = np.nonzero(lost)
    places, error = places.copy(), error.copy()
    ours = _patches(photo, rows, columns)
    height, width = error.shape

    def attempt(there: Pixels) -> None:
        there = np.clip(there, 0, [width - 1, height - 1]).astype(np.float32)
        theirs = _patches(key, np.rint(there[:, 1]).astype(int), np.rint(there[:, 0]).astype(int))
        found = np.sqrt(np.square(ours - theirs).mean((1, 2)))
        best = found < BETTER * error[rows, columns]
        places[rows[best], columns[best]], error[rows[best], columns[best]] = there[best], found[best]

    for reach in CONTINUED_PX:
        for down, across in ((-reach, 0), (reach, 0), (0, -reach), (0, reach)):
            beside = places[np.clip(rows + down, 0, height - 1), np.clip(columns + across, 0, width - 1)]
            attempt(beside - np.array([across, down], np.float32))
    for reach in CHANCE_PX:
        attempt(places[rows, columns] + chance.uniform(-reach, reach, (len(rows), 2)).astype(np.float32))
    return places, error


def _patches(picture: Pixels, rows: NDArray[np.int_], columns: NDArray[np.int_]) -> Pixels:
    """The pixels around some places, [places, patch, 3]."""
    height, width = picture.shape[:2]
    around = np.array(PATCH)
    down = np.clip(rows[:, None] + around[:, 0], 0, height - 1)
    across = np.clip(columns[:, None] + around[:, 1], 0, width - 1)
    patches: Pixels = picture[down, across]
    return patches


def _own_places(places: Pixels) -> Pixels:
    height, width = places.shape[:2]
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    return np.stack([columns, rows], -1)


def _sampled(places: Pixels, flow: Pixels) -> Pixels:
    """Places of the last frame brought to this one; between two surfaces those of one of them, nothing between."""
    cv2 = load_cv2()
    ends = _own_places(places) + flow
    between, nearest = (
        cv2.remap(places, ends[..., 0], ends[..., 1], how, borderMode=cv2.BORDER_REPLICATE)
        for how in (cv2.INTER_LINEAR, cv2.INTER_NEAREST)
    )
    return _one_surface(between, nearest)


def _enlarged(offsets: Pixels, height_px: int, width_px: int) -> Pixels:
    if offsets.shape[:2] == (height_px, width_px):
        return offsets
    cv2 = load_cv2()
    return _one_surface(
        *(
            cv2.resize(offsets, (width_px, height_px), interpolation=how)
            for how in (cv2.INTER_LINEAR, cv2.INTER_NEAREST)
        )
    )


def _one_surface(between: Pixels, nearest: Pixels) -> Pixels:
    parted = np.abs(between - nearest).max(-1, keepdims=True) > PARTED_PX
    chosen: Pixels = np.where(parted, nearest, between)
    return chosen
