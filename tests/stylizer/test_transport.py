"""Maps between statistics, against their defining equations and SciPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from torch import Tensor

from impasto.stylizer.transport import RIDGE, apply_affine, optimal_transport, recolouring


def covariance(channels: int, seed: int, scale: float = 1.0) -> Tensor:
    rows = torch.randn(3 * channels, channels, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return scale * (rows.T @ rows / len(rows))[None]


def both_ridged(ours: Tensor, theirs: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """As the docstring says: the same share of the mean variance of both on both diagonals."""
    ours, theirs = ours[0].numpy(), theirs[0].numpy()
    ridge = RIDGE * (np.trace(ours) + np.trace(theirs)) / 2 / len(ours) * np.eye(len(ours))
    return ours + ridge, theirs + ridge


@pytest.mark.parametrize("channels", [1, 3, 16])
def test_carries_one_covariance_into_the_other(channels: int) -> None:
    ours, theirs = covariance(channels, 0), covariance(channels, 1, 5.0)
    matrix = optimal_transport(ours, theirs)[0].numpy()
    before, wanted = both_ridged(ours, theirs)
    np.testing.assert_allclose(matrix @ before @ matrix.T, wanted, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-9)  # a gradient of a convex function: the least movement
    assert np.linalg.eigvalsh(matrix).min() > 0


def test_is_the_monge_map_of_scipy() -> None:
    ours, theirs = covariance(6, 2), covariance(6, 3)
    before, wanted = both_ridged(ours, theirs)
    root = np.real(sqrtm(before))
    inverse = np.linalg.inv(root)
    expected = inverse @ np.real(sqrtm(root @ wanted @ root)) @ inverse
    np.testing.assert_allclose(optimal_transport(ours, theirs)[0].numpy(), expected, atol=1e-9)


def test_changes_nothing_where_nothing_differs() -> None:
    ours = covariance(8, 4)
    np.testing.assert_allclose(optimal_transport(ours, ours)[0].numpy(), np.eye(8), atol=1e-7)


def test_a_clear_sky_is_not_amplified_without_end() -> None:
    flat, lively = covariance(8, 5, 1e-9), covariance(8, 6)
    strongest = np.linalg.eigvalsh(optimal_transport(flat, lively)[0].numpy()).max()
    assert 1 < strongest < 20


def test_features_arrive_at_the_wanted_mean_and_covariance() -> None:
    maps = torch.randn(1, 4, 40, 50, dtype=torch.float64, generator=torch.Generator().manual_seed(7))
    maps = torch.einsum("oc,bchw->bohw", torch.tensor([[1.0, 0.3, 0, 0], [0, 1, 0, 0.5], [0, 0, 2, 0], [0, 0, 0, 1]],
                                                      dtype=torch.float64), maps) + 3  # fmt: skip
    rows = maps.flatten(2)
    mean = rows.mean(2)
    own = (rows - mean[:, :, None]) @ (rows - mean[:, :, None]).mT / rows.shape[2]
    wanted_mean, wanted = torch.tensor([[0.0, 1.0, -2.0, 5.0]], dtype=torch.float64), covariance(4, 8)
    affine = recolouring({"rgb": (mean, own)}, {"rgb": (wanted_mean, wanted)})["rgb"]
    moved = apply_affine(maps.float(), affine).double().flatten(2)
    torch.testing.assert_close(moved.mean(2), wanted_mean, atol=1e-4, rtol=0)
    reached = np.cov(moved[0].numpy(), bias=True)
    before, after = both_ridged(own, wanted)
    ridge = (before - own[0].numpy())[0, 0]
    matrix = optimal_transport(own, wanted)[0].numpy()
    np.testing.assert_allclose(reached, after - ridge * matrix @ matrix.T, atol=1e-4)


def test_a_share_goes_that_far() -> None:
    own = {"rgb": (torch.zeros(1, 3), covariance(3, 9))}
    wanted = {"rgb": (torch.ones(1, 3), covariance(3, 10))}
    still, half, whole = (recolouring(own, wanted, share)["rgb"] for share in (0.0, 0.5, 1.0))
    torch.testing.assert_close(still[0], torch.eye(3)[None])
    torch.testing.assert_close(still[1], torch.zeros(1, 3))
    for place in (0, 1):
        torch.testing.assert_close(half[place], (still[place] + whole[place]) / 2)
