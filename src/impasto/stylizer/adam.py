"""Adam on the weights of a network. PyTorch's own brings its compiler along, which takes seconds to import."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

BETAS, EPSILON = (0.9, 0.99), 1e-8


class WeightAdam:
    """Kingma and Ba (arXiv 1412.6980), algorithm 1, with a rate that is given at every step.

    Parameters
    ----------
    weights: by name, and how many times the rate each is changed.

    Attributes
    ----------
    moments: of every weight, first and second. taken: steps.
    """

    def __init__(self, weights: Iterable[tuple[str, Tensor, float]]) -> None:
        self._weights = list(weights)
        self.moments = {name: [torch.zeros_like(weight) for _ in BETAS] for name, weight, _ in self._weights}
        self.taken = 0

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Change the weights that have gradients, which are used up."""
        self.taken += 1
        first_beta, second_beta = BETAS
        length = rate / (1 - first_beta**self.taken)
        for name, weight, factor in self._weights:
            if (gradient := weight.grad) is None:
                continue
            first, second = self.moments[name]
            first.lerp_(gradient, 1 - first_beta)
            second.mul_(second_beta).addcmul_(gradient, gradient, value=1 - second_beta)
            root = (second / (1 - second_beta**self.taken)).sqrt_().add_(EPSILON)
            weight.addcdiv_(first, root, value=-length * factor)
            weight.grad = None
