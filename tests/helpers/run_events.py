"""The events of a small run, as displays and clocks see them."""

from __future__ import annotations

from impasto.events import Event, Notice, RunStarted, ScaleStarted, StepDone

RUN: list[Event] = [
    RunStarted(((24, 32), (48, 64)), (2, 3), (1, 1), 2048, 300_000_000, 4.0),
    ScaleStarted(0, 24, 32, 2),
    StepDone(0, 1, {"content": 0.25, "style": 0.5, "total": 0.75}, 1.0, 0.3, 1.0),
    StepDone(0, 2, {"content": 0.25, "style": 0.5, "total": 0.75}, 1.0, 0.3, 1.5),
    Notice("something is worth knowing [sic]"),
    ScaleStarted(1, 48, 64, 3),
    StepDone(1, 1, {"content": 0.125, "style": 0.5, "total": 0.625}, 1.0, 0.3, 4.0),
    StepDone(1, 2, {"content": 0.125, "style": 0.5, "total": 0.625}, 1.0, 0.3, 6.0),
]
