"""Progress of a run: speed and time left, from its events."""

from __future__ import annotations

from collections import deque

from impasto.events import Event, RunStarted, Steered, StepDone

# A step costs its pixels and a fixed part, as measured on two cores: enough to tell the time left.
FIXED_COST_PX = 10_000
TILED_COST = 1.8  # of a step in tiles against one that is not
WINDOW_STEPS = 24


class Clock:
    """Speed and time left, from the events of a run."""

    def __init__(self) -> None:
        self._costs: list[float] = []
        self._steps: tuple[int, ...] = ()
        self._total = self._done = 0.0
        self._recent: deque[tuple[float, float]] = deque(maxlen=WINDOW_STEPS)

    def tick(self, event: Event) -> None:
        """Take an event in."""
        if isinstance(event, RunStarted):
            self._costs = [
                height * width * (TILED_COST if tiles > 1 else 1) + FIXED_COST_PX
                for (height, width), tiles in zip(event.scales_px, event.tiles, strict=True)
            ]
            self._steps = event.steps
            self._total = self._cost_before(len(self._costs))
        elif isinstance(event, StepDone):
            self._done = self._cost_before(event.scale) + self._costs[event.scale] * event.step
            if self._recent and event.step == 1:
                self._recent.clear()  # the time between two scales is no step's
            self._recent.append((event.seconds, self._done))
        elif isinstance(event, Steered):
            self._steps = (*self._steps[: event.scale], event.step + event.steps, *self._steps[event.scale + 1 :])
            self._total = self._cost_before(len(self._costs))

    def _cost_before(self, scale: int) -> float:
        return sum(cost * steps for cost, steps in zip(self._costs[:scale], self._steps[:scale], strict=True))

    @property
    def scales(self) -> int:
        """Number of scales planned."""
        return len(self._costs)

    @property
    def share_done(self) -> float:
        """Share of the work that is done, 0 to 1."""
        return self._done / self._total if self._total else 0.0

    @property
    def steps_per_second(self) -> float:
        """Speed over the last steps of this scale; 0 until there are two."""
        seconds = self._recent[-1][0] - self._recent[0][0] if self._recent else 0.0
        return (len(self._recent) - 1) / seconds if seconds > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """An estimate; None until two steps of a scale are done."""
        if self.steps_per_second == 0:
            return None
        (first, done_first), (last, done_last) = self._recent[0], self._recent[-1]
        return (self._total - self._done) * (last - first) / (done_last - done_first)

    def format_time_left(self) -> str:
        """``0:42 left``; empty while there is no estimate."""
        return "" if self.seconds_left is None else f"{format_duration(self.seconds_left)} left"


def format_duration(seconds: float) -> str:
    """``0:42``, ``1:02:05``."""
    minutes, whole = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{whole:02}" if hours else f"{minutes}:{whole:02}"
