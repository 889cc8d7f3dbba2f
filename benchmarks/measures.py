"""Measures of finished pictures that no pastiche was optimised against. Distances: 0 is the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from skimage.segmentation import slic
from torch import Tensor

from impasto.encoders import Encoder
from impasto.images.color import luma
from impasto.images.picture import Picture, picture_from_array
from impasto.lab.metrics import (
    STYLE_LAYERS,
    Plane,
    content_distance,
    picture_luma,
    structural_similarity,
    to_tensor,
)
from impasto.losses.statistics import Moments
from impasto.losses.style import GramLoss, WassersteinLoss
from impasto.losses.style_targets import style_statistics

STRUCTURE_PX = 256  # long edge at which structure is compared, whatever the size of the pictures
FAINT = 0.5 / 255  # gradient, per px, below which a direction is not believed
FRAME_PX = 8
BOXES, SEGMENTS = 48, 80  # boxes along the long edge, and segments of a photo, that coherence looks at
SAME_FACE = 0.35
CERTAIN, LIKELY = 10, 3  # detections that make a face of a photo (3 would make some of parrots), and of a pastiche
Rectangle = tuple[int, int, int, int]


def dissimilarity(photo: Picture, pastiche: Picture) -> float:
    """1 - SSIM of the luma at `STRUCTURE_PX` (Wang et al. 2004: Gaussian window, sigma 1.5)."""
    return 1 - structural_similarity(picture_luma(photo, STRUCTURE_PX), picture_luma(pastiche, STRUCTURE_PX))


def edge_disagreement(photo: Picture, pastiche: Picture) -> float:
    """Mean of 1 - cos 2d over the photo's edges, d the angle between both pictures' directions there.

    Directions are those of the structure tensor of the luma at `STRUCTURE_PX` (Gaussian derivatives, sigma 1,
    averaged with sigma 2); a place weighs as much as the photo's gradient there. 0: all edges run alike;
    1: unrelated; 2: all at right angles. Where the pastiche is flat it has no direction and counts 1.
    """
    ours, weight = _double_angle(picture_luma(photo, STRUCTURE_PX))
    theirs, _ = _double_angle(picture_luma(pastiche, STRUCTURE_PX))
    lengths = np.maximum(np.abs(ours), FAINT**2) * np.maximum(np.abs(theirs), FAINT**2)
    cosine = (ours * theirs.conj()).real / lengths
    return 1 - float((weight * cosine).sum() / (weight.sum() + 1e-12))


def _double_angle(plane: Plane) -> tuple[NDArray[np.complex128], NDArray[np.float64]]:
    """Directions as complex numbers of twice their angle, and the gradient's magnitude."""
    rows = ndimage.gaussian_filter(plane.astype(np.float64), 1, order=(1, 0))
    columns = ndimage.gaussian_filter(plane.astype(np.float64), 1, order=(0, 1))
    square = (columns + 1j * rows) ** 2
    smooth = ndimage.gaussian_filter(square.real, 2) + 1j * ndimage.gaussian_filter(square.imag, 2)
    return smooth, np.hypot(rows, columns)


def border(photo: Picture, pastiche: Picture) -> float:
    """`frame` of the pastiche over that of the photo at its size."""
    same_size = picture_from_array(photo.pixels(pastiche.height_px, pastiche.width_px))
    return frame(pastiche) / frame(same_size)


def frame(picture: Picture) -> float:
    """Restlessness of the frame: about 1 is clean, well above 1 a visible border.

    Squared gradient (all channels) of the outermost `FRAME_PX` over that of the ring twice as wide inside it.
    The neighbouring ring, not the whole inside: a subject in the middle is no clean border.
    """
    pixels = picture.pixels()
    energy = sum(np.square(step).sum(2) for step in np.gradient(pixels, axis=(0, 1)))
    height, width = energy.shape
    rows, columns = np.ogrid[:height, :width]
    depth = np.minimum(np.minimum(rows, height - 1 - rows), np.minimum(columns, width - 1 - columns))
    outer, ring = energy[depth < FRAME_PX], energy[(depth >= FRAME_PX) & (depth < 3 * FRAME_PX)]
    return float((outer.mean() + FAINT**2) / (ring.mean() + FAINT**2))


class PairJudge:
    """Distances of pastiches of one pair, by one encoder, at each pastiche's own size; targets are read once."""

    def __init__(self, encoder: Encoder, photo: Picture, painting: Picture) -> None:
        self._encoder, self._photo, self._painting = encoder, photo, painting
        self._targets: dict[int, dict[str, Moments]] = {}
        self._reached: tuple[str, dict[str, Moments]] = "", {}

    def content(self, pastiche: Picture) -> float:
        """|N F - N F*| / |N F*| over the root of 2, F the maps of relu4_2 and N every channel to mean 0, deviation 1.

        0 the photo, 1 unrelated; blind to colour and contrast, as `Readability` is.
        """
        same_size = picture_from_array(self._photo.pixels(pastiche.height_px, pastiche.width_px))
        ours, theirs = (_normal(self._map(picture)) for picture in (pastiche, same_size))
        return float((ours - theirs).norm() / theirs.norm()) / 2**0.5

    def gram(self, pastiche: Picture) -> float:
        """Mean over the five style layers of the relative squared distance of Gram matrices (`GramLoss`)."""
        return self._mean(GramLoss, pastiche)

    def wasserstein(self, pastiche: Picture) -> float:
        """Mean over the same layers of `WassersteinLoss`: squared distance over the painting's mean variance."""
        return self._mean(WassersteinLoss, pastiche)

    def _mean(self, loss: Callable[[Moments], Callable[[Moments], Tensor]], pastiche: Picture) -> float:
        own = max(self._painting.height_px, self._painting.width_px)
        edge = min(own, max(pastiche.height_px, pastiche.width_px))
        if edge not in self._targets:
            self._targets[edge] = style_statistics(self._encoder, to_tensor(self._painting, edge), STYLE_LAYERS)
        if self._reached[0] != pastiche.sha256:
            self._reached = pastiche.sha256, style_statistics(self._encoder, to_tensor(pastiche), STYLE_LAYERS)
        target, reached = self._targets[edge], self._reached[1]
        return sum(float(loss(target[name])(reached[name])) for name in STYLE_LAYERS) / len(STYLE_LAYERS)

    def _map(self, picture: Picture) -> Tensor:
        with torch.no_grad():
            return self._encoder(to_tensor(picture), ["relu4_2"])["relu4_2"][0].flatten(1).double()


def _normal(maps: Tensor) -> Tensor:
    """Channels as rows to mean 0 and deviation 1; one that hardly ever fires stays near 0."""
    centred = maps - maps.mean(1, keepdim=True)
    deviation = centred.square().mean(1, keepdim=True).sqrt()
    return centred / (deviation + 1e-2 * deviation.mean() + 1e-8)


def coherence(photo: Picture, pastiche: Picture) -> float:
    """Variance of the pastiche's colours within the photo's segments, over their whole variance.

    0: each thing has one colour; 1: colours lie anywhere. Colours are means of boxes of 1/`BOXES` of the long edge,
    in sRGB, so that strokes count little; segments are about `SEGMENTS` by SLIC (Achanta et al. 2012).
    """
    height, width = pastiche.height_px, pastiche.width_px
    segments = slic(photo.pixels(height, width), SEGMENTS, compactness=12, sigma=1, start_label=0)
    box = max(1, round(max(height, width) / BOXES))
    rows, columns = height // box, width // box
    grid = pastiche.pixels()[: rows * box, : columns * box].reshape(rows, box, columns, box, 3)
    means = grid.mean((1, 3), dtype=np.float64).reshape(-1, 3)
    labels = segments[box // 2 : rows * box : box, box // 2 : columns * box : box].reshape(-1)
    inside = sum(
        np.square(means[labels == label] - means[labels == label].mean(0)).sum() for label in np.unique(labels)
    )
    return float(inside / (np.square(means - means.mean(0)).sum() + 1e-12))


def face_finder() -> Any:
    """OpenCV's detector of faces from the front; None without OpenCV 4 (5 has none)."""
    try:
        import cv2
    except ImportError:
        return None
    if not hasattr(cv2, "CascadeClassifier") or not hasattr(cv2, "data"):
        return None
    finder = cv2.CascadeClassifier(f"{cv2.data.haarcascades}haarcascade_frontalface_alt2.xml")
    return None if finder.empty() else finder


def faces_found(finder: Any, photo: Picture, pastiche: Picture) -> float | None:
    """Share of the photo's faces at the places of which one is found in the pastiche; None where it has none.

    Found: rectangles whose intersection is at least `SAME_FACE` of their union.
    """
    height, width = pastiche.height_px, pastiche.width_px
    theirs = find_faces(finder, photo.pixels(height, width), CERTAIN)
    ours = find_faces(finder, pastiche.pixels(), LIKELY)
    if not theirs:
        return None
    return sum(any(overlap(face, other) >= SAME_FACE for other in ours) for face in theirs) / len(theirs)


def find_faces(finder: Any, pixels: NDArray[np.float32], neighbours: int) -> list[Rectangle]:
    """(left, top, width, height) of every face of at least 1/20 of the long edge, found so often side by side."""
    gray = np.rint(luma(pixels) * 255).astype(np.uint8)
    least = max(24, max(gray.shape) // 20)
    found = finder.detectMultiScale(gray, scaleFactor=1.05, minNeighbors=neighbours, minSize=(least, least))
    return [tuple(map(int, face)) for face in found]


def overlap(first: Rectangle, second: Rectangle) -> float:
    """Intersection over union."""
    sides = [
        min(a + c, b + d) - max(a, b) for a, b, c, d in zip(first[:2], second[:2], first[2:], second[2:], strict=True)
    ]
    shared = max(0, sides[0]) * max(0, sides[1])
    return shared / (first[2] * first[3] + second[2] * second[3] - shared)


class TeacherView:
    """Distances in the teacher's feature space; `rotations` as `teacher.load_teacher` gives them."""

    def __init__(self, teacher: Encoder, rotations: dict[str, Tensor]) -> None:
        self._teacher, self._rotations = teacher, rotations

    def structure_distance(self, photo: Picture, pastiche: Picture, layer: str = "relu3_1") -> float:
        """|R F - R F*| / |R F*| at `layer`, F* the photo's feature map, at `STRUCTURE_PX`."""
        ours, theirs = (self._map(picture, layer) for picture in (photo, pastiche))
        return float((theirs - ours).norm() / ours.norm())

    def content_distance(self, photo: Picture, pastiche: Picture) -> float:
        """Readability as the engine measures it, but by the teacher: relu4_2 as directions, 0 to about 1."""
        distance = content_distance(self._teacher, photo, pastiche)
        assert distance is not None, "the gallery's photos are large enough"
        return distance

    def style_distance(self, painting: Picture, pastiche: Picture) -> float:
        """Mean Wasserstein-2 loss of the style layers in VGG-19's space, at the pastiche's long edge."""
        own = max(painting.height_px, painting.width_px)
        edge = min(own, max(pastiche.height_px, pastiche.width_px))
        layers = list(self._rotations)
        target = style_statistics(self._teacher, to_tensor(painting, edge), layers)
        reached = style_statistics(self._teacher, to_tensor(pastiche), layers)
        losses = [float(WassersteinLoss(target[name])(reached[name])) for name in layers]
        return sum(losses) / len(losses)

    def _map(self, picture: Picture, layer: str) -> Tensor:
        with torch.no_grad():
            features = self._teacher(to_tensor(picture, STRUCTURE_PX), [layer])[layer]
        return self._rotations[layer] @ features.flatten(2)[0]
