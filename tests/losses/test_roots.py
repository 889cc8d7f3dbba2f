"""Matrix roots against SciPy, their derivative against finite differences, and matrices on the edge."""

from __future__ import annotations

import pytest
import torch
from scipy import linalg

from impasto.errors import OptionError
from impasto.losses.roots import FLOOR, TraceRoot, matrix_power


def positive(seed: int, batch: int = 2, size: int = 5) -> torch.Tensor:
    factor = torch.randn(batch, size, size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return factor @ factor.mT + 0.1 * torch.eye(size, dtype=torch.float64)


@pytest.mark.parametrize("exponent", [0.5, -0.5, 2.0])
def test_a_power_equals_scipys(exponent: float) -> None:
    matrices = positive(0)
    expected = [linalg.fractional_matrix_power(matrix.numpy(), exponent) for matrix in matrices]
    powers = matrix_power(matrices, exponent)
    for power, reference in zip(powers, expected, strict=True):
        torch.testing.assert_close(power, torch.from_numpy(reference))
    torch.testing.assert_close(matrix_power(matrices[0], exponent), powers[0])


def test_eigenvalues_below_the_floor_are_raised_to_it() -> None:
    values = torch.tensor([4.0, 1e-30, -1e-20], dtype=torch.float64)
    expected = torch.tensor([0.5, (4 * FLOOR) ** -0.5, (4 * FLOOR) ** -0.5], dtype=torch.float64)
    torch.testing.assert_close(matrix_power(values.diag(), -0.5), expected.diag())
    assert torch.isfinite(matrix_power(torch.zeros(3, 3, dtype=torch.float64), 0.5)).all()


def test_the_trace_of_a_root_and_its_derivative() -> None:
    matrix, root = positive(1), matrix_power(positive(2), 0.5)
    expected = [float(linalg.sqrtm((r @ m @ r).numpy()).trace().real) for m, r in zip(matrix, root, strict=True)]
    assert TraceRoot.apply(matrix, root).tolist() == pytest.approx(expected)  # type: ignore[no-untyped-call]

    def trace(changed: torch.Tensor) -> torch.Tensor:
        symmetric: torch.Tensor = TraceRoot.apply((changed + changed.mT) / 2, root)  # type: ignore[no-untyped-call]
        return symmetric

    assert torch.autograd.gradcheck(trace, matrix.requires_grad_())


def test_a_matrix_without_finite_roots_is_refused() -> None:
    with pytest.raises(OptionError, match="no finite roots"):
        matrix_power(torch.full((3, 3), torch.nan, dtype=torch.float64), 0.5)
