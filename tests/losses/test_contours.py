"""The contour term: a slow NumPy version, finite differences, and pictures whose value is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pixel_terms import check_gradient, smooth_picture, value
from scipy import ndimage

from impasto.images.color import LUMA
from impasto.losses import strips
from impasto.losses.contours import FAINT, ContourTerm
from impasto.losses.tiles import Core

WHOLE = Core(0, 0, 40, 52)


def slow_value(photo: torch.Tensor, pastiche: torch.Tensor) -> float:
    def slopes(picture: torch.Tensor) -> np.ndarray:
        luma = np.tensordot(np.array(LUMA), picture[0].numpy(), 1)
        soft = ndimage.uniform_filter(luma, 3)
        across = ndimage.convolve(soft, [[0.5, 0, -0.5]])
        down = ndimage.convolve(soft, [[0.5], [0], [-0.5]])
        return np.stack([across, down])[:, 2:-2, 2:-2]

    ours, theirs = slopes(pastiche), slopes(photo)
    our_lengths, lengths = (np.sqrt((s**2).sum(0) + FAINT**2) for s in (ours, theirs))
    along = (ours * theirs).sum(0) / our_lengths
    return float((lengths - along).sum() / (lengths.sum() + FAINT * lengths.size))


def test_equals_numpy() -> None:
    photo, pastiche = smooth_picture(0), smooth_picture(1)
    assert value(ContourTerm(photo, 2.0, WHOLE), pastiche) == pytest.approx(2 * slow_value(photo, pastiche), rel=1e-4)


@pytest.mark.parametrize("rows", [512, 7])
def test_gradient_equals_finite_differences_whatever_the_strips(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strips, "STRIP_ROWS", rows)
    check_gradient(ContourTerm(smooth_picture(0), 2.0, WHOLE), smooth_picture(1))


def test_lines_may_be_drawn_stronger_not_elsewhere() -> None:
    photo = smooth_picture(0)
    term = ContourTerm(photo, 1.0, WHOLE)
    same = value(term, photo)
    assert same < 0.02
    assert value(term, 0.5 + 2 * (photo - 0.5)) < same + 1e-3
    assert value(term, 1 - photo) == pytest.approx(2, abs=0.05)  # every line the other way round
    assert value(term, photo.flip(3)) > 0.5


@pytest.mark.parametrize("size", [(4, 52), (40, 3), (1, 1)])
def test_a_strip_too_narrow_for_slopes_has_none(size: tuple[int, int]) -> None:
    assert value(ContourTerm(smooth_picture(0, *size), 1.0, Core(0, 0, *size)), smooth_picture(1, *size)) == 0


def test_a_flat_photo_has_nothing_to_keep() -> None:
    flat = torch.full((1, 3, 40, 52), 0.5, dtype=torch.float64)
    assert value(ContourTerm(flat, 1.0, WHOLE), flat) == pytest.approx(0.5, abs=0.51)
    check_gradient(ContourTerm(flat, 1.0, WHOLE), smooth_picture(1))
