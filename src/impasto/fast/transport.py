"""Linear maps that give one set of features the mean and covariance of another.

All functions take batches: means [batch, channels], covariances [batch, channels, channels].
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from impasto.fast.statistics import Batch

Means = Float[Tensor, "batch channels"]
Matrices = Float[Tensor, "batch channels channels"]

# Share of the mean variance added to both covariances: what hardly varies in the photo is amplified by no more
# than about ten, or its noise would become blotches.
RIDGE = 1e-2


def ridged(covariance: Matrices, ridge: float) -> Matrices:
    """`covariance` plus a share of its own mean variance on the diagonal."""
    size = covariance.shape[-1]
    eye = torch.eye(size, dtype=covariance.dtype, device=covariance.device)
    mean_variance = covariance.diagonal(dim1=-2, dim2=-1).mean(-1)[:, None, None]
    return covariance + (ridge * mean_variance + 1e-12) * eye


def roots(matrix: Matrices, power: float = 0.5) -> Matrices:
    """Power of symmetric positive definite matrices."""
    values, vectors = torch.linalg.eigh(matrix)
    floor = values[..., -1:].clamp_min(1e-300) * 1e-12
    return (vectors * values.maximum(floor)[..., None, :] ** power) @ vectors.mT


def optimal_transport(covariance: Matrices, wanted: Matrices, ridge: float = RIDGE) -> Matrices:
    r"""Matrix A with A C A^T = C_* that moves features least: the identity where the covariances are equal.

    .. math:: A = C_*^{1/2} (C_*^{1/2} C\, C_*^{1/2})^{-1/2} C_*^{1/2}

    Monge map between Gaussians (Olkin and Pukelsheim 1982); as a style transform: Mroueh, "Wasserstein Style
    Transfer" (arXiv 1905.12828), eq. 3. Departure: both covariances are `ridged`.
    """
    covariance, wanted = ridged(covariance, ridge), ridged(wanted, ridge)
    root = roots(wanted)
    return root @ roots(root @ covariance @ root, -0.5) @ root


def channel_scaling(covariance: Matrices, wanted: Matrices, ridge: float = RIDGE) -> Matrices:
    """Diagonal matrix that gives every channel the wanted deviation (AdaIN, arXiv 1703.06868, eq. 8)."""
    ours, theirs = (ridged(c, ridge).diagonal(dim1=-2, dim2=-1) for c in (covariance, wanted))
    return torch.diag_embed((theirs / ours).sqrt())


Affine = tuple[Tensor, Tensor]  # matrices [batch, channels, channels], offsets [batch, channels], float32


def recolouring(own: Batch, wanted: Batch, share: float = 1.0, adain: bool = False) -> dict[str, Affine]:
    """By layer, the affine map of features that carries `share` of the way to the wanted mean and covariance."""
    found = {}
    for name, (mean, covariance) in own.items():
        solve = channel_scaling if adain else optimal_transport
        matrix = solve(covariance.double(), wanted[name][1].double())
        if share < 1:
            matrix = share * matrix + (1 - share) * torch.eye(matrix.shape[1], dtype=matrix.dtype)
        aim = torch.lerp(mean.double(), wanted[name][0].double(), share)
        offset = aim - (matrix @ mean.double()[:, :, None])[:, :, 0]
        found[name] = matrix.float(), offset.float()
    return found


def apply_affine(maps: Float[Tensor, "batch channels height width"], affine: Affine) -> Tensor:
    """Matrix times feature plus offset at every position."""
    matrix, offset = affine
    batch, channels, height, width = maps.shape
    rows = torch.baddbmm(offset[:, None, :], maps.permute(0, 2, 3, 1).reshape(batch, -1, channels), matrix.mT)
    return rows.view(batch, height, width, channels).permute(0, 3, 1, 2)
