"""When a scale ends: its budget of steps, and early stopping."""

from __future__ import annotations

from dataclasses import dataclass

STOP_WINDOW = 10  # steps over which early stopping compares


@dataclass(frozen=True)
class StepBudget:
    """Steps of a scale from `begun`: its first step, or the step at which it was steered."""

    begun: int
    steps: int

    @property
    def end(self) -> int:
        return self.begun + self.steps


class EarlyStopping:
    """Ends a scale when the objective, averaged over `STOP_WINDOW` steps, gains less than a share of itself."""

    def __init__(self, tolerance: float, totals: list[float] | None = None) -> None:
        self._tolerance = tolerance
        self.totals = totals or []

    def reached(self, total: float) -> bool:
        """Take in the objective of a step, and say whether to stop."""
        self.totals.append(total)
        if self._tolerance == 0 or len(self.totals) < 2 * STOP_WINDOW:
            return False
        before = sum(self.totals[-2 * STOP_WINDOW : -STOP_WINDOW])
        return before - sum(self.totals[-STOP_WINDOW:]) < self._tolerance * before
