"""Linear maps that give one set of features the mean and covariance of another.

All functions take batches: means [batch, channels], covariances [batch, channels, channels].
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from impasto.losses.roots import matrix_power
from impasto.stylizer.statistics import Batch

Matrices = Float[Tensor, "batch channels channels"]
Power = Callable[[Matrices, float], Matrices]
Affine = tuple[Tensor, Tensor]  # matrices [batch, out, channels], offsets [batch, out], float32

# Share of the two pictures' mean variance that is added to both covariances: what hardly varies in the photo is
# amplified by no more than ten, or the noise of a clear sky would become blotches.
RIDGE = 0.02


def ridged(covariance: Matrices, ridge: Float[Tensor, " batch"]) -> Matrices:
    """`covariance` plus a number on the diagonal."""
    eye = torch.eye(covariance.shape[-1], dtype=covariance.dtype, device=covariance.device)
    return covariance + (ridge[:, None, None] + 1e-12) * eye


def mean_variance(covariance: Matrices) -> Float[Tensor, " batch"]:
    """Mean of the diagonal."""
    return covariance.diagonal(dim1=-2, dim2=-1).mean(-1)


def optimal_transport(covariance: Matrices, target: Matrices, power: Power = matrix_power) -> Matrices:
    r"""Matrix A with A C A^T = C_* that moves features least: the identity where the covariances are equal.

    .. math:: A = C_*^{1/2} (C_*^{1/2} C\, C_*^{1/2})^{-1/2} C_*^{1/2}

    Monge map between Gaussians (Olkin and Pukelsheim 1982); as a style transform: Mroueh, "Wasserstein Style
    Transfer" (arXiv 1905.12828), eq. 3. Departure: the same `RIDGE` is added to both.
    """
    ridge = RIDGE / 2 * (mean_variance(covariance) + mean_variance(target))
    covariance, target = ridged(covariance, ridge), ridged(target, ridge)
    root = power(target, 0.5)
    return root @ power(root @ covariance @ root, -0.5) @ root


def recolouring(
    photo: Batch, painting: Batch, amount: float | Tensor = 1.0, power: Power = matrix_power
) -> dict[str, Affine]:
    """By layer, the affine map that carries features of `photo` towards the mean and covariance of `painting`.

    `amount`: 0 changes nothing, 1 goes all the way.
    """
    affines = {}
    for name, (mean, covariance) in photo.items():
        mean, (painting_mean, painting_covariance) = mean.double(), painting[name]
        transport = optimal_transport(covariance.double(), painting_covariance.double(), power)
        matrix = amount * transport + (1 - amount) * torch.eye(transport.shape[-1], dtype=transport.dtype)
        offset = torch.lerp(mean, painting_mean.double(), amount) - (matrix @ mean[:, :, None])[:, :, 0]
        affines[name] = matrix.float(), offset.float()
    return affines


def apply_affine(maps: Float[Tensor, "batch channels height width"], affine: Affine) -> Tensor:
    """Matrix times feature plus offset at every position; one matrix may serve the whole batch."""
    matrix, offset = affine
    batch, channels, height, width = maps.shape
    rows = maps.permute(0, 2, 3, 1).reshape(batch, -1, channels)
    moved = torch.baddbmm(offset[:, None, :], rows, matrix.mT.expand(batch, -1, -1))
    return moved.view(batch, height, width, -1).permute(0, 3, 1, 2)
