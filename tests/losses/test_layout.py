"""The layout term: means of cells against NumPy, finite differences, and what it is blind to."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pixel_terms import check_gradient, smooth_picture, value

from impasto.losses.layout import CELL_SHARE, LayoutTerm
from impasto.losses.tiles import Core


def test_equals_means_taken_by_numpy() -> None:
    draft, pastiche = smooth_picture(0, 64, 80), smooth_picture(1, 64, 80)
    side = round(80 * CELL_SHARE)
    ours, theirs = pastiche[0].numpy(), draft[0].numpy()
    distances = []
    for top in range(0, 64 - side + 1, side // 2):
        for left in range(0, 80 - side + 1, side // 2):
            cell = np.s_[:, top : top + side, left : left + side]
            distances.append(((ours[cell].mean((1, 2)) - theirs[cell].mean((1, 2))) ** 2).sum())
    assert value(LayoutTerm(draft, 3.0, Core(0, 0, 64, 80)), pastiche) == pytest.approx(3 * np.mean(distances))


@pytest.mark.parametrize("size", [(40, 52), (3, 90), (2, 2), (1, 1)])
def test_gradient_equals_finite_differences(size: tuple[int, int]) -> None:
    check_gradient(LayoutTerm(smooth_picture(0, *size), 2.0, Core(0, 0, *size)), smooth_picture(1, *size))


def test_strokes_within_a_cell_are_free() -> None:
    draft = torch.full((1, 3, 64, 64), 0.5, dtype=torch.float64)
    board = ((torch.arange(64)[:, None] + torch.arange(64)) % 2 - 0.5).double()
    term = LayoutTerm(draft, 1.0, Core(0, 0, 64, 64))
    assert value(term, draft + 0.5 * board) == pytest.approx(0, abs=1e-12)
    blotch = draft.clone()
    blotch[..., :32, :] = 0.9
    assert value(term, blotch) > 0.1


def test_the_margin_does_not_count() -> None:
    draft = smooth_picture(0)
    outside = draft.clone()
    outside[..., :8, :] += 1
    assert value(LayoutTerm(draft, 1.0, Core(8, 0, 32, 52)), outside) == pytest.approx(0, abs=1e-12)
