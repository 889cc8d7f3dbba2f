"""Steering: a strength that changes during a run takes effect, is told, recorded, and done again by a replay."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import impasto
from impasto import api
from impasto.events import Controls, Event, Notice, Resumed, RunDone, RunStarted, Steered, StepDone
from impasto.images.oklab import srgb_to_oklab
from impasto.runs.record import parse_record
from impasto.runs.run import Run
from impasto.storage.places import trusts_all

Quick = dict[str, Any]
Changes = dict[tuple[int, int], float]


@pytest.fixture
def steerable(quick: Quick) -> Quick:
    return quick | {"balance": "readability", "content_layers": {"relu3_1": 1.0}, "steps": (8, 8), "stop_tolerance": 0}


def steered(run: Run, changes: Changes) -> list[Event]:
    """Paint, setting the strength after given steps, as a person at a slider would."""
    events = []
    for event in run:
        events.append(event)
        if isinstance(event, StepDone):
            run.controls.strength = changes.get((event.scale, event.step), run.controls.strength)
    return events


def build(quick: Quick, **more: Any) -> Run:
    return api.build_run("photo.png", "painting.png", controls=Controls(), options=quick | more)


def pixels(run: Run) -> np.ndarray:
    assert run.pastiche is not None
    return run.pastiche.pixels


def weights(events: list[Event]) -> dict[tuple[int, int], float]:
    return {(e.scale, e.step): e.content_weight for e in events if isinstance(e, StepDone)}


def test_a_change_is_told_and_moves_the_content_weight(folder_with_pictures: Path, steerable: Quick) -> None:
    plain = steered(build(steerable), {})
    weaker = steered(build(steerable), {(0, 4): 10.0})
    (told,) = [event for event in weaker if isinstance(event, Steered)]
    assert (told.scale, told.step, told.options) == (0, 4, {"strength": 10.0})
    before = {point: weight for point, weight in weights(plain).items() if point <= (0, 4)}
    assert {point: weights(weaker)[point] for point in before} == before
    # A readability asked for that is nearer to the photo takes more content weight, and an unreadable one less.
    assert weights(weaker)[1, 8] > weights(plain)[1, 8]
    stronger = steered(build(steerable), {(0, 4): 90.0})
    assert weights(stronger)[1, 8] < weights(plain)[1, 8]


def test_weak_strength_brings_the_photos_own_statistics_back(folder_with_pictures: Path, steerable: Quick) -> None:
    """Below 30 the style targets themselves change: near the photo at 0, though nothing but strength was touched."""
    photo = impasto.load_picture("photo.png").pixels(38, 48)
    run, plain = build(steerable), build(steerable)
    steered(run, {(1, 1): 0.0})
    steered(plain, {})
    assert pixels(run).shape == photo.shape
    assert np.abs(pixels(run) - photo).mean() < 0.85 * np.abs(pixels(plain) - photo).mean()


def test_a_change_at_the_end_of_a_scale_is_given_steps(folder_with_pictures: Path, steerable: Quick) -> None:
    events = steered(build(steerable), {(1, 8): 80.0})
    (told,) = [event for event in events if isinstance(event, Steered)]
    assert told.steps == 4
    assert max(weights(events)) == (1, 12)


@pytest.mark.parametrize("changes", [{(0, 3): 80.0}, {(0, 8): 20.0, (1, 2): 100.0, (1, 6): 35.0}, {(1, 1): 0.0}])
def test_a_steered_picture_replays(folder_with_pictures: Path, steerable: Quick, changes: Changes) -> None:
    run = build(steerable)
    steered(run, changes)
    assert run.pastiche is not None
    run.pastiche.save("out.png")
    record = parse_record(impasto.read_record("out.png"), "out.png")
    assert {(s.scale, s.step): s.options["strength"] for s in record.steered} == changes
    assert record.options.strength == 50  # what it began with
    again = impasto.replay("out.png", [steerable["encoder"]])
    assert np.array_equal(again.pixels, pixels(run))
    assert again.record == run.pastiche.record
    unsteered = impasto.replay("out.png", [steerable["encoder"]], strength=50)
    assert not np.array_equal(unsteered.pixels, pixels(run))
    assert not unsteered.record["steered"]


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
@pytest.mark.parametrize("stop", [(0, 6), (1, 3), (1, 9)])
def test_a_steered_run_resumes(
    folder_with_pictures: Path, steerable: Quick, stop: tuple[int, int], optimizer: str
) -> None:
    changes = {(0, 3): 80.0, (1, 6): 20.0}
    whole = build(steerable, optimizer=optimizer)
    steered(whole, changes)
    first = build(steerable, optimizer=optimizer)
    first.checkpoint_folder = Path("run")
    for event in first:
        if isinstance(event, StepDone):
            first.controls.strength = changes.get((event.scale, event.step), first.controls.strength)
            first.controls.stop = (event.scale, event.step) == stop
    run, _, _ = api.build_resume("run", trusts=trusts_all)
    events = steered(run, changes)
    assert any(isinstance(event, Resumed) for event in events)
    assert np.array_equal(pixels(run), pixels(whole))
    assert run.pastiche is not None
    assert whole.pastiche is not None
    assert run.pastiche.record == whole.pastiche.record


def color_steered(run: Run, point: tuple[int, int], strength: float, stop: tuple[int, int] | None = None) -> None:
    for event in run:
        if isinstance(event, StepDone) and (event.scale, event.step) == point:
            run.controls.color_strength = strength
        if isinstance(event, StepDone) and (event.scale, event.step) == stop:
            run.controls.stop = True


def test_colour_strength_is_steered_replayed_and_resumed(folder_with_pictures: Path, steerable: Quick) -> None:
    steerable = steerable | {"color": "photo"}
    whole = build(steerable)
    color_steered(whole, (0, 5), 0.0)
    assert whole.pastiche is not None
    whole.pastiche.save("out.png")
    (steer,) = parse_record(impasto.read_record("out.png"), "out.png").steered
    assert steer.options == {"color_strength": 0.0}
    assert np.array_equal(impasto.replay("out.png", [steerable["encoder"]]).pixels, pixels(whole))
    part = build(steerable)
    part.checkpoint_folder = Path("run")
    color_steered(part, (0, 5), 0.0, stop=(1, 2))
    assert np.array_equal(impasto.resume("run", trust=True).pixels, pixels(whole))
    # Of the photo's own chroma nothing is put back any more, and what is learned is the painting's again.
    kept = build(steerable)
    kept.paint()
    photo = srgb_to_oklab(impasto.load_picture("photo.png").pixels(38, 48))[..., 1:]
    away = [np.abs(srgb_to_oklab(pixels(run))[..., 1:] - photo).mean() for run in (whole, kept)]
    assert away[0] > 5 * away[1]


def test_stopped_and_steered_at_once(folder_with_pictures: Path, steerable: Quick) -> None:
    run = build(steerable)
    for event in run:
        if isinstance(event, StepDone) and (event.scale, event.step) == (1, 2):
            run.controls.strength, run.controls.stop = 70.0, True
    assert run.pastiche is not None
    run.pastiche.save("out.png")
    assert np.array_equal(impasto.replay("out.png", [steerable["encoder"]]).pixels, pixels(run))


def test_an_enlargement_goes_on_with_the_last_strength(folder_with_pictures: Path, steerable: Quick) -> None:
    run = build(steerable)
    steered(run, {(0, 3): 80.0, (1, 3): 65.0})
    assert run.pastiche is not None
    run.pastiche.save("out.png")
    larger = impasto.enlarge("out.png", 56, [steerable["encoder"]])
    assert larger.record["options"]["strength"] == 65
    assert not larger.record["steered"]


def test_without_a_colour_mode_its_strength_changes_nothing(folder_with_pictures: Path, steerable: Quick) -> None:
    run = build(steerable)
    events = []
    for event in run:
        events.append(event)
        run.controls.color_strength = 10.0 if isinstance(event, StepDone) and event.step == 2 else None
    told = [event.message for event in events if isinstance(event, Notice)]
    assert sum("color strength changes nothing" in message for message in told) == 2
    assert not any(isinstance(event, Steered) for event in events)


@pytest.mark.parametrize(
    ("value", "options", "message"),
    [
        (101.0, {}, "strength: input should be less than or equal to 100, got 101"),
        (float("nan"), {}, "strength: .* got nan"),
        (80.0, {"balance": "fixed"}, "with balance 'fixed' the content weight is given: strength changes nothing"),
    ],
)
def test_what_cannot_be_steered_is_told_once(
    folder_with_pictures: Path, steerable: Quick, value: float, options: Quick, message: str
) -> None:
    run, plain = build(steerable, **options), build(steerable, **options)
    events = steered(run, {(0, 2): value})
    steered(plain, {})
    (notice,) = [event for event in events if isinstance(event, Notice) and "strength" in event.message]
    assert re.search(message, notice.message)
    assert np.array_equal(pixels(run), pixels(plain))
    assert run.pastiche is not None
    assert not run.pastiche.record["steered"]


def test_the_last_event_comes_once(folder_with_pictures: Path, steerable: Quick) -> None:
    events = steered(build(steerable), {(1, 8): 60.0, (1, 12): 40.0})
    assert [type(event) for event in events].count(RunDone) == 1
    assert isinstance(events[0], RunStarted)
