"""Optimisers of a picture in [0, 1]; they know the objective's value and gradient and nothing else."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from impasto.errors import OptionError
from impasto.losses.objective import Evaluation
from impasto.options import PaintOptions


class Adam:
    """Adam on pixels, kept in [0, 1], with an averaged iterate; all of it survives a change of scale.

    Kingma and Ba (arXiv 1412.6980), algorithm 1. Departures: the gradient is multiplied by the number of
    pixels, since that of a mean falls as one over it and epsilon would come to mean something else at every
    size; moments and average are resampled with the picture (after Crowson, style-transfer-pytorch).

    Parameters
    ----------
    picture: [1, 3, height, width], the starting point.
    options: `learning_rate`, in units of the pixel range, and `average`, decay of the averaged iterate.
    """

    BETAS = (0.9, 0.99)
    EPSILON = 1e-8

    notice = ""

    def __init__(self, picture: Tensor, options: PaintOptions) -> None:
        self.picture = picture.clone()
        self._learning_rate, self._decay = options.learning_rate, options.average
        self._first, self._second = torch.zeros_like(picture), torch.zeros_like(picture)
        self._average = torch.zeros_like(picture)
        self._steps, self._weight = 0, 0.0

    @property
    def averaged(self) -> Tensor:
        """The averaged iterate, corrected for its start from zero (as Adam's moments are)."""
        return self._average / self._weight if self._weight else self.picture

    def step(self, evaluate: Callable[[Tensor], Evaluation]) -> Evaluation:
        """One step; returns the evaluation it started from."""
        evaluation = _finite(evaluate(self.picture))
        gradient = (evaluation.gradient * (self.picture.numel() / 3)).nan_to_num_(0, 0, 0)
        self._steps += 1
        first_beta, second_beta = self.BETAS
        self._first.lerp_(gradient, 1 - first_beta)
        self._second.mul_(second_beta).addcmul_(gradient, gradient, value=1 - second_beta)
        root = (self._second / (1 - second_beta**self._steps)).sqrt_().add_(self.EPSILON)
        length = self._learning_rate / (1 - first_beta**self._steps)
        self.picture.addcdiv_(self._first, root, value=-length).clamp_(0, 1)
        self._average.lerp_(self.picture, 1 - self._decay)
        self._weight = 1 - (1 - self._weight) * self._decay
        return evaluation

    def objective_changed(self) -> None:
        """The objective is another function now; Adam's moments follow by themselves."""

    def rescale(self, resample: Callable[[Tensor, str], Tensor]) -> None:
        """Carry everything to the next scale; `resample(canvas, mode)` brings one canvas there."""
        self.picture = resample(self.averaged, "bicubic").clamp_(0, 1)
        self._first = resample(self._first, "bicubic")
        self._second = resample(self._second, "bilinear")
        self._average = torch.zeros_like(self.picture)
        self._weight = 0.0


class LBFGS:
    """Limited-memory BFGS on pixels, kept in [0, 1], guarded instead of line-searched.

    Liu and Nocedal (1989), the two-loop recursion of Nocedal and Wright, algorithm 7.4. One evaluation a step.
    A pair enters the memory only with positive curvature; no pixel moves by more than a cap. A step that raised
    the objective is taken back: memory cleared, cap halved. When that happens too often in a row it gives up
    and `notice` says so.
    """

    HISTORY = 10
    CAP = 0.25  # largest change of a pixel in a step
    FIRST = 0.1  # share of the cap for a step that knows no curvature
    FAILURES = 8

    def __init__(self, picture: Tensor) -> None:
        self.notice = ""
        self.picture = picture.clone()
        self._best: tuple[Tensor, Evaluation] | None = None
        self._pairs: list[tuple[Tensor, Tensor, float]] = []
        self._cap, self._failures = self.CAP, 0
        self._curvature: float | None = None  # of the last pair, times the number of pixels

    @property
    def averaged(self) -> Tensor:
        """The last picture that was an improvement: L-BFGS descends, so there is nothing to average."""
        return self._best[0] if self._best else self.picture

    def step(self, evaluate: Callable[[Tensor], Evaluation]) -> Evaluation:
        """One step; returns the evaluation it started from."""
        evaluation = evaluate(self.picture)
        if self._best is not None:
            if not evaluation.losses["total"] <= self._best[1].losses["total"]:
                return self._take_back(evaluation)
            self._remember(self.picture - self._best[0], evaluation.gradient - self._best[1].gradient)
        _finite(evaluation)
        self._failures = 0
        self._cap = min(self.CAP, self._cap * 1.5)
        self._best = (self.picture, evaluation)
        self._move()
        return evaluation

    def objective_changed(self) -> None:
        """The objective is another function now, of nearly the same curvature: values no longer compare."""
        self._best = None

    def rescale(self, resample: Callable[[Tensor, str], Tensor]) -> None:
        self.picture = resample(self.averaged, "bicubic").clamp_(0, 1)
        self._cap = self.CAP
        self._pairs.clear()
        self._best = None

    def _take_back(self, evaluation: Evaluation) -> Evaluation:
        self._failures += 1
        self._cap *= 0.5
        self._pairs.clear()
        self._curvature = None
        if self._failures >= self.FAILURES:
            assert self._best is not None  # a step can only be worse than an earlier one
            self.notice = f"L-BFGS found no descent in {self._failures} steps: Adam goes on from its best picture"
            self.picture = self._best[0]
        else:
            self._move()
        return evaluation

    def _move(self) -> None:
        assert self._best is not None  # set by every step that gets here
        base, gradient = self._best[0], self._best[1].gradient
        direction = -self._inverse_hessian_times(gradient)
        longest = float(direction.abs().max())
        if not math.isfinite(longest):  # products past the range of float32: forget them
            self._pairs.clear()
            self._curvature = None
            direction = (-gradient).nan_to_num_(0, 0, 0)
            longest = float(direction.abs().max())
        if self._curvature is None:
            direction = direction * (self.FIRST * self._cap / max(longest, 1e-30))
        elif longest > self._cap:
            direction = direction * (self._cap / longest)
        self.picture = (base + direction).clamp_(0, 1)

    def _remember(self, moved: Tensor, changed: Tensor) -> None:
        curvature = _dot(moved, changed)
        if curvature > 1e-6 * (_dot(moved, moved) * _dot(changed, changed)) ** 0.5:
            self._pairs = [*self._pairs[1 - self.HISTORY :], (moved, changed, curvature)]
            self._curvature = moved.numel() * _dot(changed, changed) / curvature

    def _inverse_hessian_times(self, gradient: Tensor) -> Tensor:
        result, shares = gradient.clone(), []
        for moved, changed, curvature in reversed(self._pairs):
            shares.append(_dot(moved, result) / curvature)
            result.sub_(changed, alpha=shares[-1])
        if self._curvature is not None:  # of a mean over pixels: it survives a change of scale
            result.mul_(result.numel() / self._curvature)
        for (moved, changed, curvature), share in zip(self._pairs, reversed(shares), strict=True):
            result.add_(moved, alpha=share - _dot(changed, result) / curvature)
        return result


def _finite(evaluation: Evaluation) -> Evaluation:
    """Refuse to go on from a value that is not finite: no step would lead anywhere."""
    if not math.isfinite(evaluation.losses["total"]):
        parts = ", ".join(f"{name} {value:g}" for name, value in evaluation.losses.items())
        raise OptionError(f"the objective is not finite ({parts}): use smaller weights, or another encoder")
    return evaluation


def _dot(left: Tensor, right: Tensor) -> float:
    return float(torch.dot(left.flatten(), right.flatten()))
