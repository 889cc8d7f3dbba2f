"""Speed and time left of a run."""

from __future__ import annotations

import pytest
from run_events import RUN

from impasto.events import RunStarted, StepDone
from impasto.runs.progress import FIXED_COST_PX, Clock


def test_the_clock() -> None:
    clock = Clock()
    assert (clock.steps_per_second, clock.format_time_left(), clock.share_done) == (0.0, "", 0.0)
    for event in RUN:
        clock.tick(event)
    cost = [24 * 32 + FIXED_COST_PX, 48 * 64 + FIXED_COST_PX]
    assert clock.share_done == pytest.approx((2 * cost[0] + 2 * cost[1]) / (2 * cost[0] + 3 * cost[1]))
    assert clock.steps_per_second == 0.5
    assert clock.format_time_left() == "0:02 left"
    hours = Clock()
    hours.tick(RunStarted(((10, 10),), (3601,), (1,), 2048, 300_000_000, 1.0))
    for step in (1, 2):
        hours.tick(StepDone(0, step, {}, 1.0, None, 2.0 * step))
    assert hours.format_time_left() == "1:59:58 left"
