"""The curve of losses of a job."""

from __future__ import annotations

import itertools

from impasto.studio.job import MAX_LOSSES, JobLosses


def test_a_curve_is_thinned_and_keeps_both_ends() -> None:
    curve = JobLosses()
    for step in range(1, 5001):
        curve.add(step, {"total": 1 / step})
    points = curve.points
    assert len(points) <= MAX_LOSSES + 1
    assert points[0] == (1, {"total": 1.0}) and points[-1] == (5000, {"total": 1 / 5000})
    gaps = [b - a for (a, _), (b, _) in itertools.pairwise(points)]
    assert max(gaps[:-1]) == min(gaps[:-1]) and gaps[-1] <= gaps[0]


def test_a_curve_that_goes_back_overwrites() -> None:
    curve = JobLosses()
    for step in [1, 2, 3, 4, 5, 3, 4]:
        curve.add(step, {"total": float(step)})
    assert [step for step, _ in curve.points] == [1, 2, 3, 4]
    assert JobLosses().points == ()
