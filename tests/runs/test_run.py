"""One run, told by an engine that does nothing but report: what the run makes of its events."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import impasto
from impasto.errors import OptionError, OutputError
from impasto.events import Controls, Event, Resumed, RunDone, RunStarted, Steered, StepDone
from impasto.images.picture import picture_from_array
from impasto.inputs.run_inputs import RunInputs
from impasto.options.fields import build_options
from impasto.runs.interrupted import RunState
from impasto.runs.record import Steer, StopPoint
from impasto.runs.run import Run

Quick = dict[str, Any]
PIXELS = np.linspace(0, 1, 5 * 6 * 3, dtype=np.float32).reshape(5, 6, 3)
PLAN = RunStarted(((3, 4), (5, 6)), (2, 2), (1, 1), 2048, 10**8, 1.0)


def step(scale: int, number: int, weight: float = 1.0) -> StepDone:
    return StepDone(scale, number, {"total": 1.0}, weight, None, 0.1 * (10 * scale + number))


STEPS: list[Event] = [step(0, 1), step(0, 2), step(1, 1), step(1, 2, weight=0.25)]


class ReportingEngine:
    """In place of `iter_paint`: yields events, ends where it is told to stop, remembers what it was given."""

    def __init__(self, events: list[Event], seconds: float = 3.5) -> None:
        self._events, self._seconds = events, seconds
        self.given: dict[str, Any] = {}
        self.seen: list[tuple[Event, bool, float | None]] = []  # with `stop` and `strength` as the next step reads them

    def __call__(self, inputs: RunInputs, options: impasto.PaintOptions, **given: Any) -> Iterator[Event]:
        self.given = given | {"inputs": inputs, "options": options}
        controls: Controls = given["controls"]
        yield PLAN
        for event in self._events:
            yield event
            self.seen.append((event, controls.stop, controls.strength))
            if controls.stop:
                break
        last = self.seen[-1][0] if self.seen else None
        finished = isinstance(last, StepDone) and (last.scale, last.step) == (1, 2)
        yield RunDone(PIXELS, controls.stop and not finished, self._seconds, 0.0)


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Callable[..., ReportingEngine]:
    def use(events: list[Event]) -> ReportingEngine:
        reporting = ReportingEngine(events)
        monkeypatch.setattr("impasto.engine.paint.iter_paint", reporting)
        return reporting

    return use


@pytest.fixture
def build(quick: Quick, photo_pixels: np.ndarray, painting_pixels: np.ndarray) -> Callable[..., Run]:
    def build_run(**more: Any) -> Run:
        alpha = np.full((*photo_pixels.shape[:2], 1), 51, np.uint8)
        photo = np.concatenate([photo_pixels, alpha], axis=2)
        inputs = RunInputs.load(photo, painting_pixels)
        return Run(inputs, build_options(more.pop("options", {}), build_options(quick)), **more)

    return build_run


def test_a_pastiche_is_what_the_last_event_carries(engine: Any, build: Any) -> None:
    engine(STEPS)
    run = build(recipe="some/folder/mine.toml", dots_per_inch=300.0)
    assert run.pastiche is None
    assert not run.complete
    pastiche = run.paint()
    assert pastiche is run.pastiche
    assert pastiche.pixels is PIXELS
    assert pastiche.alpha == pytest.approx(np.full((5, 6), 0.2))
    assert (pastiche.stopped, pastiche.seconds, pastiche.dots_per_inch) == (False, 3.5, 300)
    assert pastiche.metadata == run.inputs.photo.metadata
    record = pastiche.record
    assert record["recipe"] == "mine.toml"
    assert record["content_weight"] == 0.25, "that of the last step"
    assert record["stopped_after"] is None
    assert (record["options"]["size_px"], record["options"]["tile_px"]) == (6, 2048)
    assert record["inputs"] == run.inputs.describe().model_dump(mode="json")


def test_a_texture_has_no_opacity_and_no_metadata(engine: Any, quick: Quick, painting_pixels: np.ndarray) -> None:
    engine(STEPS)
    pastiche = Run(RunInputs.load(None, painting_pixels), build_options(quick)).paint()
    assert pastiche.alpha is None
    assert pastiche.metadata == picture_from_array(painting_pixels).metadata


def test_a_starting_picture_is_recorded(engine: Any, build: Any, painting_pixels: np.ndarray) -> None:
    engine(STEPS)
    run = build()
    run.inputs = replace(run.inputs, starting_picture=picture_from_array(painting_pixels))
    assert run.paint().record["inputs"]["starting_picture"]["name"] == "array"


def test_events_pass_through_unchanged(engine: Any, build: Any) -> None:
    engine(STEPS)
    assert list(build())[:-1] == [PLAN, *STEPS]


def test_the_engine_is_given_the_run(engine: Any, build: Any, tmp_path: Path) -> None:
    reporting, controls = engine(STEPS), Controls()
    run = build(controls=controls, resumed=tmp_path / "checkpoint")
    list(run)
    given = reporting.given
    assert (given["inputs"], given["options"], given["resumed"]) == (run.inputs, run.options, tmp_path / "checkpoint")
    assert given["controls"] is controls
    assert given["checkpoints"] is None


# ----------------------------------------------------------------------------------------------- stops


@pytest.mark.parametrize(("stop_after", "taken"), [((0, 1), 1), ((1, 1), 3), ((1, 2), 4), ((7, 7), 4)])
def test_a_replay_stops_after_the_step_at_which_it_was_stopped(
    engine: Any, build: Any, stop_after: tuple[int, int], taken: int
) -> None:
    reporting = engine(STEPS)
    run = build(stop_after=StopPoint(scale=stop_after[0], step=stop_after[1]))
    pastiche = run.paint()
    assert len(reporting.seen) == taken
    assert run.complete, "all that was to be painted was"
    assert pastiche.record["stopped_after"] == (
        {"scale": stop_after[0], "step": stop_after[1]} if taken < len(STEPS) else None
    )


def test_a_run_stopped_before_its_first_step(engine: Any, build: Any) -> None:
    reporting = engine(STEPS)
    run = build(stop_after=StopPoint(scale=0, step=0))
    list(run)
    assert len(reporting.seen) == 1
    assert reporting.seen[0][1]


def test_a_run_stopped_elsewhere_is_not_complete(engine: Any, build: Any) -> None:
    engine(STEPS)
    controls = Controls()
    run = build(controls=controls, stop_after=StopPoint(scale=1, step=1))
    for event in run:
        controls.stop = isinstance(event, StepDone) and event.step == 2
    assert not run.complete
    assert run.pastiche.stopped
    assert run.pastiche.record["stopped_after"] == {"scale": 0, "step": 2}


def test_a_stop_from_outside_is_never_taken_back(engine: Any, build: Any) -> None:
    reporting = engine(STEPS)
    build(controls=Controls(stop=True)).paint()
    assert len(reporting.seen) == 1


# --------------------------------------------------------------------------------------------- steering


def test_changes_are_made_again_at_their_steps(engine: Any, build: Any) -> None:
    reporting = engine(STEPS)
    steered = [
        Steer(scale=0, step=2, options={"strength": 70.0}),
        Steer(scale=1, step=1, options={"strength": 20.0, "color_strength": 5.0}),
    ]
    controls = Controls()
    build(controls=controls, steered=steered).paint()
    assert [strength for _, _, strength in reporting.seen] == [None, 70, 20, 20]
    assert controls.color_strength == 5


def test_a_resumed_run_follows_its_script_from_where_it_goes_on(engine: Any, build: Any) -> None:
    resumed = Resumed(0, 2, 0.6, 1.0)
    reporting = engine([resumed, step(1, 1)])
    run = build(steered=[Steer(scale=0, step=2, options={"strength": 70.0})])
    pastiche = run.paint()
    assert reporting.seen[0][2] == 70
    assert pastiche.record["content_weight"] == 1.0


def test_the_weight_of_a_run_that_was_resumed_only_to_end(engine: Any, build: Any) -> None:
    engine([Resumed(1, 2, 0.6, 1.0)])
    assert build().paint().record["content_weight"] == 0.6


def test_the_record_tells_each_change_once(engine: Any, build: Any) -> None:
    engine([step(0, 1), Steered(0, 1, {"strength": 70.0}, 4), step(0, 2), Steered(0, 2, {"strength": 60.0}, 4)])
    before = [Steer(scale=0, step=1, options={"strength": 71.0}), Steer(scale=5, step=1, options={"strength": 1.0})]
    record = build(steered=before).paint().record
    assert [(s["scale"], s["step"], s["options"]) for s in record["steered"]] == [
        (5, 1, {"strength": 1.0}),
        (0, 1, {"strength": 70.0}),
        (0, 2, {"strength": 60.0}),
    ]


# ------------------------------------------------------------------------------------------ checkpoints


@pytest.mark.parametrize(("folder", "seconds"), [(None, 60.0), ("run", 0.0)])
def test_no_checkpoints_without_a_folder_or_an_interval(
    engine: Any, build: Any, tmp_path: Path, folder: str | None, seconds: float
) -> None:
    reporting = engine(STEPS)
    build(checkpoint_folder=tmp_path / folder if folder else None, checkpoint_seconds=seconds).paint()
    assert reporting.given["checkpoints"] is None


def test_a_checkpoint_describes_the_run_as_it_stands(
    engine: Any, build: Any, tmp_path: Path, tiny_encoder_file: Path
) -> None:
    reporting = engine([step(0, 1), Steered(0, 1, {"strength": 70.0}, 4)])
    run = build(checkpoint_folder=tmp_path / "run", recipe="mine.toml", dots_per_inch=150.0)
    for event in run:
        if isinstance(event, Steered):
            described = reporting.given["checkpoints"]._describe()
    state = RunState.model_validate(described)
    assert (state.recipe, state.dots_per_inch, state.command) == ("mine.toml", 150, None)
    assert (state.options.size_px, state.options.encoder) == (6, str(tiny_encoder_file))
    assert [steer.options for steer in state.steered] == [{"strength": 70.0}]
    assert state.inputs == run.inputs.describe()
    assert sorted(source.path for source in state.sources) == sorted(
        f"input-{file.sha256[:16]}.npy" for file in run.inputs.files
    )


@pytest.mark.parametrize(("stop", "left"), [(False, False), (True, True)])
def test_checkpoints_are_removed_when_there_is_nothing_to_resume(
    engine: Any, build: Any, tmp_path: Path, stop: bool, left: bool
) -> None:
    engine(STEPS)
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "checkpoint-000001.safetensors").write_bytes(b"state")
    build(checkpoint_folder=folder, controls=Controls(stop=stop)).paint()
    assert folder.exists() is left


# ----------------------------------------------------------------------------------------------- drafts


def test_a_draft_needs_a_photo_and_a_painting(quick: Quick, painting_pixels: np.ndarray) -> None:
    options = build_options({"starting_point": "draft"}, build_options(quick))
    for inputs in (RunInputs.load(None, painting_pixels), RunInputs.load(painting_pixels, None)):
        with pytest.raises(OptionError, match="the starting point 'draft' needs a photo and a painting"):
            Run(inputs, options).paint()


# ------------------------------------------------------------------------------------------------- save


@pytest.fixture
def pastiche(folder_with_pictures: Path, engine: Any, build: Any) -> impasto.Pastiche:
    engine(STEPS)
    run: Run = build()
    return run.paint()


def test_save_and_read_back(pastiche: impasto.Pastiche) -> None:
    pastiche.save("deep.png", bit_depth=16)
    loaded = impasto.load_picture("deep.png")
    assert loaded.bit_depth == 16
    assert np.abs(loaded.pixels() - pastiche.pixels).max() <= 0.5 / 65535 + 1e-7
    assert impasto.read_record("deep.png") == pastiche.record | {"bit_depth": 16}


def test_save_overwrites_only_when_told(pastiche: impasto.Pastiche) -> None:
    pastiche.save("out.png")
    with pytest.raises(OutputError, match=r"out\.png"):
        pastiche.save("out.png")
    pastiche.save("out.png", overwrite=True, record=False)
    with pytest.raises(impasto.RecordError, match=r"out\.png"):
        impasto.read_record("out.png")
