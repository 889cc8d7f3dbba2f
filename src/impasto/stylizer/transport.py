"""Linear maps that give one set of features the mean and covariance of another.

All functions take batches: means [batch, channels], covariances [batch, channels, channels].
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from impasto.stylizer.statistics import Batch

Matrices = Float[Tensor, "batch channels channels"]

# Share of the two pictures' mean variance that is added to both covariances: what hardly varies in the photo is
# amplified by no more than ten, or the noise of a clear sky would become blotches.
RIDGE = 0.02


def ridged(covariance: Matrices, ridge: Float[Tensor, " batch"]) -> Matrices:
    """`covariance` plus a number on the diagonal."""
    eye = torch.eye(covariance.shape[-1], dtype=covariance.dtype, device=covariance.device)
    return covariance + (ridge[:, None, None] + 1e-12) * eye


def mean_variance(covariance: Matrices) -> Float[Tensor, " batch"]:
    return covariance.diagonal(dim1=-2, dim2=-1).mean(-1)


def _both_ridged(covariance: Matrices, wanted: Matrices) -> tuple[Matrices, Matrices]:
    ridge = RIDGE / 2 * (mean_variance(covariance) + mean_variance(wanted))
    return ridged(covariance, ridge), ridged(wanted, ridge)


def roots(matrix: Matrices, power: float = 0.5) -> Matrices:
    """Power of symmetric positive definite matrices."""
    values, vectors = torch.linalg.eigh(matrix)
    floor = values[..., -1:].clamp_min(1e-300) * 1e-12
    root: Tensor = (vectors * values.maximum(floor)[..., None, :] ** power) @ vectors.mT
    return root


def optimal_transport(covariance: Matrices, wanted: Matrices) -> Matrices:
    r"""Matrix A with A C A^T = C_* that moves features least: the identity where the covariances are equal.

    .. math:: A = C_*^{1/2} (C_*^{1/2} C\, C_*^{1/2})^{-1/2} C_*^{1/2}

    Monge map between Gaussians (Olkin and Pukelsheim 1982); as a style transform: Mroueh, "Wasserstein Style
    Transfer" (arXiv 1905.12828), eq. 3. Departure: the same `RIDGE` is added to both.
    """
    covariance, wanted = _both_ridged(covariance, wanted)
    root = roots(wanted)
    return root @ roots(root @ covariance @ root, -0.5) @ root


Affine = tuple[Tensor, Tensor]  # matrices [batch, out, channels], offsets [batch, out], float32


def recolouring(own: Batch, wanted: Batch, share: float = 1.0) -> dict[str, Affine]:
    """By layer, the affine map of features that carries `share` of the way to the wanted mean and covariance."""
    found = {}
    for name, (mean, covariance) in own.items():
        matrix = optimal_transport(covariance.double(), wanted[name][1].double())
        if share < 1:
            matrix = share * matrix + (1 - share) * torch.eye(matrix.shape[1], dtype=matrix.dtype)
        aim = torch.lerp(mean.double(), wanted[name][0].double(), share)
        offset = aim - (matrix @ mean.double()[:, :, None])[:, :, 0]
        found[name] = matrix.float(), offset.float()
    return found


def apply_affine(maps: Float[Tensor, "batch channels height width"], affine: Affine) -> Tensor:
    """Matrix times feature plus offset at every position; one matrix may serve the whole batch."""
    matrix, offset = affine
    batch, channels, height, width = maps.shape
    rows = maps.permute(0, 2, 3, 1).reshape(batch, -1, channels)
    moved = torch.baddbmm(offset[:, None, :], rows, matrix.mT.expand(batch, -1, -1))
    return moved.view(batch, height, width, -1).permute(0, 3, 1, 2)
