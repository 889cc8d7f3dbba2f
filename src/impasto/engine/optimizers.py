"""Optimisers of a picture in [0, 1]; of the objective they know value and gradient alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from impasto.engine.checkpoint import Checkpoint
from impasto.engine.pyramid import Scale
from impasto.engine.regions import RegionLayout
from impasto.errors import OptionError, shorten
from impasto.losses.objective import Evaluation
from impasto.losses.temporal import FlowLink
from impasto.options.fields import PaintOptions

HISTORY_PIXELS = 4_000_000  # pixels times pairs that L-BFGS remembers at most
PIECE = 1 << 22  # numbers that Adam takes at a time


@runtime_checkable
class PictureOptimizer(Protocol):
    """What the engine asks of an optimiser, whatever it changes to change the picture.

    Attributes
    ----------
    notice: why it gave up; empty: it did not.
    """

    notice: str

    @property
    def picture(self) -> Tensor:
        """[1, 3, height, width], the canvas whose objective is wanted next."""
        ...

    @property
    def averaged(self) -> Tensor:
        """The picture to be shown."""
        ...

    def step(self, evaluation: Evaluation) -> dict[str, float]:
        """One step from the evaluation of `picture`, whose gradient may be used up; returns its losses."""
        ...

    def objective_changed(self) -> None:
        """The objective is another function now."""
        ...

    def leave_scale(self) -> None:
        """No more steps are taken at this scale."""
        ...

    def state(self) -> Checkpoint:
        """All of it."""
        ...


@runtime_checkable
class Tuner(PictureOptimizer, Protocol):
    """An optimiser of a network that paints the picture (`impasto.stylizer.tuning`).

    Attributes
    ----------
    draft: [1, 3, height, width], what it paints before its first step.
    links: frames of a film that the picture shows, two and two.
    """

    draft: Tensor
    links: Sequence[FlowLink]

    def look_at(self, options: PaintOptions, layout: RegionLayout, scale: Scale) -> None:
        """Read the inputs as these options have them, at the size of a scale, and paint."""
        ...

    def finish(self, options: PaintOptions, long_edge_px: int) -> NDArray[np.float32]:
        """The pastiche at its own size, [height, width, 3], in its final colours."""
        ...

    def restore(self, state: Checkpoint) -> None:
        """Go on as when `state` was taken, from the next `look_at` on."""
        ...


class Adam:
    """Adam on pixels, kept in [0, 1], with an averaged iterate; all of it survives a change of scale.

    Kingma and Ba (arXiv 1412.6980), algorithm 1. Departures: the gradient is multiplied by the number of
    pixels, since that of a mean falls as one over it and epsilon would come to mean something else at every
    size; moments and average are resampled with the picture (after Crowson, style-transfer-pytorch).

    Parameters
    ----------
    picture: [1, 3, height, width], the starting point.
    options: `learning_rate`, in units of the pixel range; `beta1`, `beta2` and `epsilon`; `average`, decay of the
        averaged iterate; `loss_units`: in a paper's, which are no means, the gradient stays as it is.
    """

    notice = ""

    def __init__(self, picture: Tensor, options: PaintOptions) -> None:
        self.picture = picture.clone(memory_format=torch.contiguous_format)
        self._learning_rate, self._decay = options.learning_rate, options.average
        self._betas, self._epsilon = (options.beta1, options.beta2), options.epsilon
        self._raw = options.loss_units != "scale-free"
        self._first, self._second = torch.zeros_like(self.picture), torch.zeros_like(self.picture)
        self._average = torch.zeros_like(self.picture)
        self._steps, self._weight = 0, 0.0

    @property
    def averaged(self) -> Tensor:
        """The averaged iterate, corrected for its start from zero (as Adam's moments are)."""
        return self._average / self._weight if self._weight else self.picture

    def step(self, evaluation: Evaluation) -> dict[str, float]:
        """One step from the evaluation of `picture`, whose gradient is used up; returns its losses."""
        check_finite(evaluation)
        self._steps += 1
        first_beta, second_beta = self._betas
        length = self._learning_rate / (1 - first_beta**self._steps)
        if not self._raw:
            evaluation.gradient.mul_(self.picture.numel() / 3)
        evaluation.gradient.nan_to_num_(0, 0, 0)
        for picture, gradient, first, second, average in zip(
            *map(_pieces, (self.picture, evaluation.gradient, self._first, self._second, self._average)), strict=True
        ):
            first.lerp_(gradient, 1 - first_beta)
            second.mul_(second_beta).addcmul_(gradient, gradient, value=1 - second_beta)
            root = (second / (1 - second_beta**self._steps)).sqrt_().add_(self._epsilon)
            picture.addcdiv_(first, root, value=-length).clamp_(0, 1)
            average.lerp_(picture, 1 - self._decay)
        self._weight = 1 - (1 - self._weight) * self._decay
        return evaluation.losses

    def objective_changed(self) -> None:
        """The objective is another function now; Adam's moments follow by themselves."""

    def leave_scale(self) -> None:
        """Nothing but what `rescale` carries on is needed any more: the last picture is the average from here."""
        self.picture = self.averaged
        self._average, self._weight = self.picture, 1.0

    def state(self) -> Checkpoint:
        """All of it, for `restore`."""
        pictures = {"picture": self.picture, "first": self._first, "second": self._second, "average": self._average}
        return Checkpoint({"steps": self._steps, "weight": self._weight}, pictures)

    @classmethod
    def restore(cls, state: Checkpoint, options: PaintOptions, device: torch.device) -> Adam:
        """The optimiser as it was when `state` was taken; `ValueError` for numbers that it cannot have."""
        pictures = {name: picture.to(device) for name, picture in state.tensors.items()}
        adam = cls(torch.empty(0), options)  # no memory for what is replaced
        adam.picture, adam._first, adam._second, adam._average = (
            pictures[name] for name in ("picture", "first", "second", "average")
        )
        adam._steps, adam._weight = _count(state.values["steps"]), float(state.values["weight"])
        if not 0 <= adam._weight <= 1:
            raise ValueError("a weight of the average beyond 1")
        return adam

    def rescale(self, resample: Callable[[Tensor, str], Tensor]) -> None:
        """Carry everything to the next scale; `resample(canvas, mode)` brings one canvas there."""
        self.leave_scale()
        del self._average
        self.picture = resample(self.picture, "bicubic").clamp_(0, 1)
        self._first = resample(self._first, "bicubic")
        self._second = resample(self._second, "bilinear")
        self._average, self._weight = torch.zeros_like(self.picture), 0.0


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
        self.picture = picture.clone(memory_format=torch.contiguous_format)
        self._history = history_for(picture.numel() // 3)
        self._best: _Best | None = None
        self._pairs: list[tuple[Tensor, Tensor, float]] = []
        self._cap, self._failures = self.CAP, 0
        self._curvature: float | None = None  # of the last pair, times the number of pixels

    @property
    def averaged(self) -> Tensor:
        """The last picture that was an improvement: L-BFGS descends, so there is nothing to average."""
        return self._best.picture if self._best else self.picture

    def step(self, evaluation: Evaluation) -> dict[str, float]:
        """One step from the evaluation of `picture`, whose gradient is used up; returns its losses."""
        total = evaluation.losses["total"]
        if self._best is not None:
            if not total <= self._best.total:
                self._take_back(self._best)
                return evaluation.losses
            self._remember(
                self._best.picture.neg_().add_(self.picture), self._best.gradient.neg_().add_(evaluation.gradient)
            )
        check_finite(evaluation)
        self._failures = 0
        self._cap = min(self.CAP, self._cap * 1.5)
        self._best = _Best(self.picture, evaluation.gradient, total)
        self._move(self._best)
        return evaluation.losses

    def objective_changed(self) -> None:
        """The objective is another function now, of nearly the same curvature: values no longer compare."""
        self._best = None

    def leave_scale(self) -> None:
        """Nothing but what `rescale` carries on is needed any more: the last picture is the best from here."""
        self.picture = self.averaged
        self._best = None
        self._pairs.clear()

    def rescale(self, resample: Callable[[Tensor, str], Tensor]) -> None:
        """Carry the best picture to the next scale; `resample(canvas, mode)` brings it there."""
        self.leave_scale()
        self.picture = resample(self.picture, "bicubic").clamp_(0, 1)
        self._history = history_for(self.picture.numel() // 3)
        self._cap = self.CAP

    def state(self) -> Checkpoint:
        """All of it, for `restore`."""
        pictures = {"picture": self.picture}
        values = {"cap": self._cap, "failures": self._failures, "curvature": self._curvature, "total": None}
        if self._best is not None:
            pictures |= {"best": self._best.picture, "gradient": self._best.gradient}
            values["total"] = self._best.total
        for index, (moved, changed, _) in enumerate(self._pairs):
            pictures |= {f"moved_{index}": moved, f"changed_{index}": changed}
        return Checkpoint(values | {"curvatures": [curvature for _, _, curvature in self._pairs]}, pictures)

    @classmethod
    def restore(cls, state: Checkpoint, device: torch.device) -> LBFGS:
        """The optimiser as it was when `state` was taken; `ValueError` for numbers that it cannot have."""
        values, pictures = state.values, {name: picture.to(device) for name, picture in state.tensors.items()}
        lbfgs = cls(pictures["picture"])
        lbfgs.picture = pictures["picture"]
        lbfgs._cap, lbfgs._failures = _positive(values["cap"]), _count(values["failures"])
        lbfgs._curvature = None if values["curvature"] is None else _positive(values["curvature"])
        if values["total"] is not None:
            lbfgs._best = _Best(pictures["best"], pictures["gradient"], float(values["total"]))
        lbfgs._pairs = [
            (pictures[f"moved_{index}"], pictures[f"changed_{index}"], _positive(curvature))
            for index, curvature in enumerate(values["curvatures"])
        ]
        return lbfgs

    def _take_back(self, best: _Best) -> None:
        self._failures += 1
        self._cap *= 0.5
        self._pairs.clear()
        self._curvature = None
        if self._failures >= self.FAILURES:
            self.notice = f"L-BFGS found no descent in {self._failures} steps: Adam goes on from its best picture"
            self.picture = best.picture
        else:
            self._move(best)

    def _move(self, best: _Best) -> None:
        direction = self._inverse_hessian_times(best.gradient).neg_()
        longest = _longest(direction)
        if not math.isfinite(longest):  # products past the range of float32: forget them
            self._pairs.clear()
            self._curvature = None
            direction = (-best.gradient).nan_to_num_(0, 0, 0)
            longest = _longest(direction)
        if self._curvature is None:
            direction.mul_(self.FIRST * self._cap / max(longest, 1e-30))
        elif longest > self._cap:
            direction.mul_(self._cap / longest)
        self.picture = direction.add_(best.picture).clamp_(0, 1)
        del self._pairs[: max(0, len(self._pairs) - self._history + 1)]  # room for the next one

    def _remember(self, moved: Tensor, changed: Tensor) -> None:
        curvature, squared = _dot(moved, changed), _dot(changed, changed)
        if squared > 0 and curvature > 1e-6 * (_dot(moved, moved) * squared) ** 0.5:  # of a flat objective both are 0
            self._pairs.append((moved, changed, curvature))
            self._curvature = moved.numel() * squared / curvature

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


@dataclass
class _Best:
    """The last picture that was an improvement, with its gradient and its objective."""

    picture: Tensor
    gradient: Tensor
    total: float


def history_for(pixels: int) -> int:
    """Pairs that L-BFGS keeps: fewer for large pictures, down to one."""
    return max(1, min(LBFGS.HISTORY, HISTORY_PIXELS // pixels))


def pictures_held(options: PaintOptions, pixels: int) -> int:
    """How many pictures of so many pixels an optimiser needs at a time, the gradient among them."""
    if options.optimizer == "adam":
        return 5  # picture, gradient, two moments, average
    return 3 + 2 * history_for(pixels)  # picture, best picture, gradients of both, pairs but one


def check_finite(evaluation: Evaluation) -> None:
    """Refuse to go on from a value that is not finite: no step would lead anywhere."""
    if not math.isfinite(evaluation.losses["total"]):
        parts = ", ".join(f"{name} {value:g}" for name, value in evaluation.losses.items())
        raise OptionError(f"the objective is not finite ({parts}): use smaller weights, or another encoder")


def _longest(direction: Tensor) -> float:
    """Largest change of a pixel; not finite if any is not."""
    return float(torch.stack([bound.abs() for piece in _pieces(direction) for bound in piece.aminmax()]).max())


def _dot(left: Tensor, right: Tensor) -> float:
    return float(torch.dot(left.flatten(), right.flatten()))


def _pieces(canvas: Tensor) -> tuple[Tensor, ...]:
    """Views of a canvas, small enough that what is computed from one is soon forgotten."""
    return torch.split(canvas.view(-1), PIECE)


def _count(value: Any) -> int:
    """A number of a checkpoint that counts something."""
    if type(value) is not int or not 0 <= value < 2**31:
        raise ValueError(f"{shorten(value)} counts nothing")
    return value


def _positive(value: Any) -> float:
    """A number of a checkpoint that is divided by."""
    if not 0 < float(value) < math.inf:
        raise ValueError(f"{shorten(value)} is not above 0 and finite")
    return float(value)
