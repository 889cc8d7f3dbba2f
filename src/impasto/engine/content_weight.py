"""Strength as readability: the content weight that a picture needs, found while it is painted.

A fixed content weight leaves one photo intact and loses another. So the coarse scales, which are cheap, measure
how readable the photo still is and move the weight until the distance is the one that the strength asks for.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from impasto.options.fields import PaintOptions

READABILITY = {"pixels": 0.3, "stylizer": 0.4}  # distance from the photo at strength 50; a tuned network breaks less
DETAIL_WEIGHT = 0.3  # of the detail loss at keep_detail 100
# Edges that are kept make a photo more readable. By this share of the distance the balance asks for less, so that
# the content weight stays about what it is without them, instead of giving the rest of the picture up for them.
DETAIL_RELIEF = 0.25


class ContentWeightController:
    """Multiplicative control of content weights towards the readability that strengths ask for.

    Parameters
    ----------
    options: with the strength of the whole picture.
    strengths: a strength for each part of the picture that has a weight of its own; None: that of the whole.
    """

    GAIN = 6.0  # a change of the weight's logarithm by 1 moves the distance by about 0.13
    BOUNDS = (1e-4, 30.0)
    SETTLING = 1  # measurements at the coarsest scale that do not count: the pastiche still is the photo

    def __init__(self, options: PaintOptions, strengths: Sequence[float | None] = (None,)) -> None:
        measured = options.balance == "readability"
        self._strengths = list(strengths)
        self._relief = 1 - DETAIL_RELIEF * options.keep_detail / 100
        resolved = [options.strength if strength is None else strength for strength in strengths]
        self._targets = [self._relief * target_readability(strength, options.medium) for strength in resolved]
        self._free = [measured and 0 < strength < 100 for strength in resolved]
        self.moves = any(self._free)
        self.weights = [0.0 if measured and strength == 100 else options.content_weight for strength in resolved]
        self._measurements = 0

    @property
    def weight(self) -> float:
        """The content weight of the whole picture, or of its first part."""
        return self.weights[0]

    def steer(self, options: PaintOptions) -> None:
        """Aim for another strength of the whole picture from now on, beginning with the present content weights."""
        for part, strength in enumerate(self._strengths):
            if strength is None:
                self._free[part] = options.strength < 100
                self.weights[part] = max(self.weights[part], self.BOUNDS[0]) if self._free[part] else 0.0
                self._targets[part] = self._relief * target_readability(options.strength, options.medium)
        self.moves = any(self._free)

    def state(self) -> dict[str, Any]:
        """Everything that changes while it works, for `restore`."""
        return {"moves": self.moves, "weights": self.weights, "measurements": self._measurements}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on as when `state` was taken; raises `ValueError` for that of another run."""
        if len(state["weights"]) != len(self.weights):
            raise ValueError("another number of content weights")
        self.moves, self.weights, self._measurements = state["moves"], list(state["weights"]), state["measurements"]

    def update(self, distances: Sequence[float], *, coarsest: bool) -> None:
        """Move the weights after a measurement, one distance for each; `coarsest`: at the coarsest scale."""
        self._measurements += 1
        if coarsest and self._measurements <= self.SETTLING:
            return
        for part, (distance, target) in enumerate(zip(distances, self._targets, strict=True)):
            if self._free[part]:
                weight = self.weights[part] * math.exp(self.GAIN * (distance - target))
                self.weights[part] = min(max(weight, self.BOUNDS[0]), self.BOUNDS[1])


def target_readability(strength: float, medium: str = "pixels") -> float:
    """Distance from the photo that a strength in 0-100 asks for."""
    return READABILITY[medium] * strength / 50


def holding_weights(options: PaintOptions) -> dict[str, float]:
    """Weights of the terms that hold the photo besides the content loss, by name.

    With the medium ``stylizer`` strength moves them: readability alone would not loosen them, and a strong pastiche
    would stay a tinted photo. At strength 50 they are what the options say; 100 is all paint.
    """
    detail = DETAIL_WEIGHT * (options.keep_detail / 100) ** 2
    steered = options.balance == "readability" and options.medium == "stylizer"
    factor = ((100 - options.strength) / 50) ** 4 if steered else 1.0
    return {
        "detail": detail * min(1.0, factor),
        "contours": options.contour_weight * factor,
        "layout": options.layout_weight * factor,
    }


def style_share(options: PaintOptions, strength: float | None = None) -> float:
    """Share of the painting in the style targets; below strength 30 the photo's own statistics mix in.

    Readability is blind to colour and contrast: without this, the weakest strength would still recolour.
    """
    strength = options.strength if strength is None else strength
    return 1.0 if options.balance == "fixed" else min(1.0, strength / 30)
