"""Optimisers of a picture in [0, 1]; they know the objective's value and gradient and nothing else."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from impasto.losses.objective import Evaluation


class Adam:
    """Adam on pixels, kept in [0, 1], with an averaged iterate; all of it survives a change of scale.

    Kingma and Ba (arXiv 1412.6980), algorithm 1. Departures: the gradient is multiplied by the number of
    pixels, since that of a mean falls as one over it and epsilon would come to mean something else at every
    size; moments and average are resampled with the picture (after Crowson, style-transfer-pytorch).

    Parameters
    ----------
    picture: [1, 3, height, width], the starting point.
    learning_rate: in units of the pixel range.
    average: decay of the averaged iterate; 0 keeps none.
    """

    BETAS = (0.9, 0.99)
    EPSILON = 1e-8

    def __init__(self, picture: Tensor, learning_rate: float, average: float) -> None:
        self.picture = picture.clone()
        self._learning_rate, self._decay = learning_rate, average
        self._first, self._second = torch.zeros_like(picture), torch.zeros_like(picture)
        self._average = torch.zeros_like(picture)
        self._steps, self._weight = 0, 0.0

    @property
    def averaged(self) -> Tensor:
        """The averaged iterate, corrected for its start from zero (as Adam's moments are)."""
        return self._average / self._weight if self._weight else self.picture

    def step(self, evaluate: Callable[[Tensor], Evaluation], rate: float = 1.0) -> Evaluation:
        """One step, of `rate` times the learning rate; returns the evaluation it started from."""
        evaluation = evaluate(self.picture)
        gradient = evaluation.gradient * (self.picture.numel() / 3)
        self._steps += 1
        first_beta, second_beta = self.BETAS
        self._first.lerp_(gradient, 1 - first_beta)
        self._second.mul_(second_beta).addcmul_(gradient, gradient, value=1 - second_beta)
        root = (self._second / (1 - second_beta**self._steps)).sqrt_().add_(self.EPSILON)
        length = rate * self._learning_rate / (1 - first_beta**self._steps)
        self.picture.addcdiv_(self._first, root, value=-length).clamp_(0, 1)
        self._average.lerp_(self.picture, 1 - self._decay)
        self._weight = 1 - (1 - self._weight) * self._decay
        return evaluation

    def rescale(self, resample: Callable[[Tensor, str], Tensor]) -> None:
        """Carry everything to the next scale; `resample(canvas, mode)` brings one canvas there."""
        self.picture = resample(self.averaged, "bicubic").clamp_(0, 1)
        self._first = resample(self._first, "bicubic")
        self._second = resample(self._second, "bilinear")
        self._average = torch.zeros_like(self.picture)
        self._weight = 0.0
