"""Measures of finished pictures that no pastiche was optimised against. Distances: 0 is the same."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from impasto.encoders import Encoder
from impasto.images.picture import Picture, picture_from_array
from impasto.lab.metrics import Plane, content_distance, picture_luma, structural_similarity, to_tensor
from impasto.losses.style import WassersteinLoss
from impasto.losses.style_targets import style_statistics

STRUCTURE_PX = 256  # long edge at which structure is compared, whatever the size of the pictures
FAINT = 0.5 / 255  # gradient, per px, below which a direction is not believed
FRAME_PX = 8


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
