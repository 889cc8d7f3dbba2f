"""Step budgets and early stopping, on series worked by hand."""

from __future__ import annotations

import pytest

from impasto.engine.stopping import STOP_WINDOW, EarlyStopping, StepBudget


def test_a_budget_ends_its_number_of_steps_after_it_began() -> None:
    assert StepBudget(0, 12).end == 12
    assert StepBudget(5, 12).end == 17


def stops_after(stopping: EarlyStopping, totals: list[float]) -> int | None:
    """Number of the first of `totals` that stops, from 1; None: none does."""
    return next((number for number, total in enumerate(totals, start=1) if stopping.reached(total)), None)


def test_no_gain_at_all_stops_when_two_windows_are_full() -> None:
    assert STOP_WINDOW == 10
    assert stops_after(EarlyStopping(1e-9), [7.0] * 30) == 20


def test_a_rising_objective_stops() -> None:
    assert stops_after(EarlyStopping(1e-9), [1.0 + 0.1 * step for step in range(30)]) == 20


@pytest.mark.parametrize(("tolerance", "stops"), [(0.09, None), (0.101, 20)])
def test_the_gain_is_a_share_of_the_window_before(tolerance: float, stops: int | None) -> None:
    """From 100 to 90 on average the gain is a tenth, whatever happens within the windows."""
    before, after = [110.0, 90.0] * 5, [80.0, 100.0] * 5
    assert stops_after(EarlyStopping(tolerance), before + after) == stops


def test_only_the_last_two_windows_count() -> None:
    falling = [2.0 ** (20 - step) for step in range(20)]
    assert stops_after(EarlyStopping(0.01), falling + [1.0] * 19) is None
    assert stops_after(EarlyStopping(0.01), falling + [1.0] * 30) == 40


def test_a_gain_of_exactly_the_tolerance_goes_on() -> None:
    assert stops_after(EarlyStopping(0.5), [4.0] * 10 + [2.0] * 10) is None


def test_tolerance_0_never_stops_but_remembers() -> None:
    stopping = EarlyStopping(0.0)
    assert stops_after(stopping, [1.0] * 50) is None
    assert stopping.totals == [1.0] * 50


def test_restored_totals_count() -> None:
    first = EarlyStopping(0.1)
    assert stops_after(first, [3.0] * 19) is None
    assert EarlyStopping(0.1, list(first.totals)).reached(3.0)
    assert not EarlyStopping(0.1, []).reached(3.0)
