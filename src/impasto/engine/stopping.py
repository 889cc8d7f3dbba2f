"""How long a scale is painted: its steps in one go, and when more of them gain too little."""

from __future__ import annotations

from dataclasses import dataclass

STOP_WINDOW = 10  # steps over which the adaptive stop compares


@dataclass(frozen=True)
class Course:
    """Steps of a scale in one go: from its first, or from where it was steered."""

    begun: int
    steps: int

    @property
    def end(self) -> int:
        return self.begun + self.steps


class AdaptiveStop:
    """Ends a scale when the objective, averaged as the iterate is, gains too little."""

    def __init__(self, tolerance: float) -> None:
        self._tolerance = tolerance
        self.totals: list[float] = []

    def reached(self, total: float) -> bool:
        self.totals.append(total)
        if self._tolerance == 0 or len(self.totals) < 2 * STOP_WINDOW:
            return False
        before = sum(self.totals[-2 * STOP_WINDOW : -STOP_WINDOW])
        return before - sum(self.totals[-STOP_WINDOW:]) < self._tolerance * before
