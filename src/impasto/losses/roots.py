"""Roots of symmetric positive matrices, in float64, one or a batch at a time."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from impasto.errors import OptionError

FLOOR = 1e-15  # of the largest eigenvalue: smaller ones are rounding


def matrix_power(matrix: Float[Tensor, "*batch n n"], exponent: float) -> Float[Tensor, "*batch n n"]:
    """Power of symmetric positive matrices, eigenvalues bounded from below by `FLOOR`."""
    values, vectors = _eigenvectors(matrix)
    power: Tensor = (vectors * values[..., None, :] ** exponent) @ vectors.mT
    return power


class TraceRoot(torch.autograd.Function):
    """tr (S C S)^(1/2) for symmetric C, S; derivative by C: 1/2 S (S C S)^(-1/2) S."""

    @staticmethod
    def forward(ctx: Any, matrix: Tensor, root: Tensor) -> Tensor:
        values, vectors = _eigenvectors(root @ matrix @ root)
        roots = values.sqrt()
        ctx.save_for_backward(roots, root @ vectors)
        trace: Tensor = roots.sum(-1)
        return trace

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        roots, vectors = ctx.saved_tensors
        return gradients[0][..., None, None] * 0.5 * (vectors / roots[..., None, :]) @ vectors.mT, None


def _eigenvectors(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues, rounding apart, and eigenvectors. Raises `OptionError` where there are none."""
    try:
        values, vectors = torch.linalg.eigh(matrix)
    except torch.linalg.LinAlgError as error:  # type: ignore[attr-defined]
        raise OptionError("the style statistics have no finite roots: use another encoder, or the gram loss") from error
    return values.maximum(values[..., -1:].clamp_min(1e-300) * FLOOR), vectors
