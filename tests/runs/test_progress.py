"""Speed and time left of a run."""

from __future__ import annotations

import pytest
from run_events import RUN

from impasto.events import RunStarted, Steered, StepDone
from impasto.runs.progress import FIXED_COST_PX, TILED_COST, WINDOW_STEPS, Clock, format_duration


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


def step(scale: int, number: int, seconds: float) -> StepDone:
    return StepDone(scale, number, {}, 1.0, None, seconds)


def started(*scales: tuple[int, int, int, int]) -> Clock:
    """A clock of scales (height, width, steps, tiles)."""
    clock = Clock()
    heights, widths, steps, tiles = zip(*scales, strict=True)
    clock.tick(RunStarted(tuple(zip(heights, widths, strict=True)), steps, tiles, 2048, 10**8, 1.0))
    return clock


def test_a_scale_in_tiles_costs_more() -> None:
    clock = started((100, 100, 1, 1), (100, 100, 1, 2))
    clock.tick(step(0, 1, 1.0))
    whole, tiled = 10_000 + FIXED_COST_PX, 10_000 * TILED_COST + FIXED_COST_PX
    assert clock.scales == 2
    assert clock.share_done == pytest.approx(whole / (whole + tiled))


def test_time_left_is_by_the_cost_of_what_is_left() -> None:
    """Two of four steps took a second each; two of the same and one of a scale four times as large are left."""
    clock = started((100, 100, 4, 1), (200, 200, 1, 1))
    for number in (1, 2):
        clock.tick(step(0, number, float(number)))
    assert clock.steps_per_second == 1
    assert clock.seconds_left == pytest.approx(2 + (40_000 + FIXED_COST_PX) / (10_000 + FIXED_COST_PX))


def test_speed_is_of_the_last_steps_of_this_scale() -> None:
    clock = started((10, 10, 100, 1), (20, 20, 100, 1))
    for number in range(1, 101):
        clock.tick(step(0, number, 10.0 * number if number < 70 else 690.0 + (number - 69)))
    assert WINDOW_STEPS == 24
    assert clock.steps_per_second == pytest.approx(1)
    clock.tick(step(1, 1, 2000.0))
    assert clock.steps_per_second == 0, "the time between two scales is no step's"
    assert clock.seconds_left is None
    clock.tick(step(1, 2, 2004.0))
    assert clock.steps_per_second == pytest.approx(0.25)


def test_steering_changes_the_steps_of_the_scale() -> None:
    clock = started((10, 10, 4, 1), (10, 10, 4, 1))
    for number in (1, 2):
        clock.tick(step(0, number, float(number)))
    assert clock.seconds_left == pytest.approx(6)
    clock.tick(Steered(0, 2, {"strength": 70.0}, 5))
    assert clock.share_done == pytest.approx(2 / 11)
    assert clock.seconds_left == pytest.approx(9)


def test_steps_that_take_no_time_tell_no_speed() -> None:
    clock = started((10, 10, 4, 1))
    for number in (1, 2):
        clock.tick(step(0, number, 1.0))
    assert (clock.steps_per_second, clock.seconds_left, clock.format_time_left()) == (0, None, "")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0:00"), (42, "0:42"), (59.6, "1:00"), (61, "1:01"), (3599, "59:59"), (3600, "1:00:00"), (3725, "1:02:05")],
)
def test_durations(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text
