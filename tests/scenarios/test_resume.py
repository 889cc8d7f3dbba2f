"""Resume: a run that goes on ends bit for bit as if it had never been interrupted, or is refused with the reason."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from engine_runs import paint_events
from numpy.typing import NDArray

import impasto
from impasto import api
from impasto.engine import stopping as course
from impasto.engine.checkpoint import Checkpoint, Checkpoints, list_checkpoints, read_checkpoint, write_checkpoint
from impasto.engine.optimizers import LBFGS
from impasto.errors import CheckpointError, OptionError, OutputError
from impasto.events import CheckpointSaved, Controls, Event, Notice, Resumed, RunDone, StepDone
from impasto.images.picture import Picture, picture_from_array
from impasto.inputs.paintings import Painting
from impasto.options.fields import PaintOptions
from impasto.runs import interrupted as run_folders
from impasto.runs import run as runs
from impasto.runs.interrupted import read_run
from impasto.storage.places import trusts_all

Quick = dict[str, Any]
Point = tuple[int, int]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """A run sets the threads of the whole process: put them back."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


# ------------------------------------------------------------------------------------------- the engine


class EveryStep(Checkpoints):
    """One after every step (or never `due`), all of them kept."""

    def __init__(self, folder: Path, due: bool = True) -> None:
        super().__init__(folder, 0.0, dict)
        self.paths: list[Path] = []
        self._due = due

    @property
    def due(self) -> bool:
        return self._due

    def save(self, checkpoint: Checkpoint) -> Path:
        self.paths.append(self.folder / f"{len(self.paths)}.safetensors")
        write_checkpoint(self.paths[-1], checkpoint, {})
        return self.paths[-1]


@pytest.fixture
def pictures(photo_pixels: NDArray[np.uint8], painting_pixels: NDArray[np.uint8]) -> tuple[Picture, Picture]:
    return picture_from_array(photo_pixels), picture_from_array(painting_pixels)


def happened(pictures: tuple[Picture, Picture], options: PaintOptions, **more: Any) -> list[Event]:
    photo, painting = pictures
    return list(paint_events(photo, [Painting(painting)], options, **more))


def steps_of(events: list[Event]) -> dict[Point, tuple[Any, ...]]:
    """All that a step tells but its time, and no step twice."""
    found = [event for event in events if isinstance(event, StepDone)]
    steps = {(e.scale, e.step): (e.losses, e.content_weight, e.readability) for e in found}
    assert len(steps) == len(found)
    return steps


def done(events: list[Event]) -> RunDone:
    assert isinstance(events[-1], RunDone)
    return events[-1]


CASES: dict[str, Quick] = {
    "lbfgs": {"optimizer": "lbfgs"},
    "adam": {"optimizer": "adam"},
    "lbfgs in tiles": {"optimizer": "lbfgs", "size_px": 90, "min_scale_px": 60, "tile_px": 64},
    "adam in tiles": {"optimizer": "adam", "size_px": 90, "min_scale_px": 60, "tile_px": 64},
    "fixed weight, no margin": {"balance": "fixed", "margin": 0.0},
    "the photo's colours and detail": {"color": "photo", "color_strength": 70.0, "keep_detail": 60.0},
    "the photo's histogram": {"color": "photo", "color_method": "histogram"},
    "from noise, no average": {"optimizer": "adam", "average": 0.0, "starting_point": "noise", "variation": 2},
}


def build(quick: Quick, **changes: Any) -> PaintOptions:
    return PaintOptions(**(quick | {"steps": (4, 3), "stop_tolerance": 0.0} | changes))


def check_every_checkpoint(pictures: tuple[Picture, Picture], options: PaintOptions, folder: Path) -> list[Event]:
    """Go on from after every step, and from a checkpoint of a run that went on; returns the whole run's events."""
    every = EveryStep(folder)
    whole = happened(pictures, options, checkpoints=every)
    steps = steps_of(whole)
    assert len(every.paths) == len(steps)
    plain = happened(pictures, options)
    assert np.array_equal(done(plain).pixels, done(whole).pixels), "saving changed the picture"
    for number, (path, (point, told)) in enumerate(zip(every.paths, steps.items(), strict=True)):
        (folder / "again").mkdir(exist_ok=True)
        second = EveryStep(folder / "again")
        events = happened(pictures, options, resumed=path, checkpoints=second)
        left = dict(list(steps.items())[number + 1 :])
        (resumed,) = [event for event in events if isinstance(event, Resumed)]
        assert (resumed.scale, resumed.step, resumed.content_weight) == (*point, told[1])
        assert steps_of(events) == left
        assert done(events).pixels.tobytes() == done(whole).pixels.tobytes(), point
        assert done(events).pixel_steps == done(whole).pixel_steps
        assert done(events).seconds >= resumed.seconds > 0
        for mine, theirs in zip(second.paths, every.paths[number + 1 :], strict=True):
            (_, left_over), (_, expected) = states(mine), states(theirs)
            assert left_over == expected, "a checkpoint of the resumed run is that of the whole one"
    return whole


def states(path: Path) -> tuple[Any, dict[str, Any]]:
    """A checkpoint's seconds, and everything else in it."""
    state, _ = read_checkpoint(path)
    values = dict(state.values)
    return values.pop("seconds"), values | {name: tensor.numpy().tobytes() for name, tensor in state.tensors.items()}


@pytest.mark.parametrize("changes", CASES.values(), ids=CASES)
def test_from_every_step_to_the_same_end(
    pictures: tuple[Picture, Picture], quick: Quick, changes: Quick, tmp_path: Path
) -> None:
    options = build(quick, **changes)
    whole = check_every_checkpoint(pictures, options, tmp_path)
    assert set(steps_of(whole)) == {(0, n) for n in range(1, 5)} | {(1, n) for n in range(1, 4)}
    measured = [readability for _, _, readability in steps_of(whole).values() if readability is not None]
    assert (len(measured) > 2) == (options.balance == "readability"), "the balance must have something to keep"
    assert len({weight for _, weight, _ in steps_of(whole).values()}) > 1 or options.balance == "fixed"


def test_when_lbfgs_gave_up(
    pictures: tuple[Picture, Picture], quick: Quick, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LBFGS, "FAILURES", 1)
    monkeypatch.setattr(LBFGS, "FIRST", 1.0)  # a first step far too long
    options = build(quick, optimizer="lbfgs", balance="fixed")
    whole = check_every_checkpoint(pictures, options, tmp_path)
    (at,) = [place for place, e in enumerate(whole) if isinstance(e, Notice) and "no descent" in e.message]
    assert any(isinstance(event, StepDone) for event in whole[:at])
    assert any(isinstance(event, StepDone) for event in whole[at:])


def test_when_a_scale_ends_early(
    pictures: tuple[Picture, Picture], quick: Quick, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(course, "STOP_WINDOW", 2)
    whole = check_every_checkpoint(
        pictures, build(quick, steps=(9, 9), stop_tolerance=0.2, balance="fixed", strength=60), tmp_path
    )
    steps = [max(step for scale, step in steps_of(whole) if scale == wanted) for wanted in (0, 1)]
    assert 4 < max(steps) < 9, "the stop window must be part of the state"


def test_a_stop_saves_at_that_step(pictures: tuple[Picture, Picture], quick: Quick, tmp_path: Path) -> None:
    options = build(quick, steps=(3, 2))
    whole = happened(pictures, options)
    for point in steps_of(whole):
        never, controls = EveryStep(tmp_path, due=False), Controls()
        photo, painting = pictures
        events = []
        for event in paint_events(
            photo,
            [Painting(painting)],
            options,
            controls=controls,
            checkpoints=never,
        ):
            events.append(event)
            if isinstance(event, StepDone) and (event.scale, event.step) == point:
                controls.stop = True
        assert [(e.scale, e.step) for e in events if isinstance(e, CheckpointSaved)] == [point]
        assert done(events).stopped == (point != (1, 2)), "after its last step a run is complete"
        again = happened(pictures, options, resumed=never.paths[-1])
        assert np.array_equal(done(again).pixels, done(whole).pixels)
        # One that goes on only to be stopped again is where it was.
        again = happened(pictures, options, resumed=never.paths[-1], controls=Controls(stop=True))
        assert not steps_of(again)
        assert np.array_equal(done(again).pixels, done(events).pixels)


def test_a_stop_that_comes_while_a_scale_is_left_waits_for_the_next_step(
    pictures: tuple[Picture, Picture], quick: Quick, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    never, controls = EveryStep(tmp_path, due=False), Controls()
    leave = LBFGS.leave_scale

    def stop_here(self: LBFGS) -> None:
        controls.stop = True  # as a signal would
        leave(self)

    monkeypatch.setattr(LBFGS, "leave_scale", stop_here)
    options = build(quick, optimizer="lbfgs")
    events = happened(pictures, options, controls=controls, checkpoints=never)
    saved = [(event.scale, event.step) for event in events if isinstance(event, CheckpointSaved)]
    assert saved == [max(steps_of(events))] == [(1, 1)]
    monkeypatch.undo()
    again = done(happened(pictures, options, resumed=never.paths[-1]))
    assert np.array_equal(again.pixels, done(happened(pictures, options)).pixels)


# ------------------------------------------------------------------------------------------ from Python


def interrupt(folder: Path, point: Point, content: Any, style: Any, **options: Any) -> impasto.Pastiche:
    """Paint up to a step as a person would who stops there."""
    controls = Controls()
    run = api.build_run(content, style, controls=controls, options=options)
    run.checkpoint_folder, run.checkpoint_seconds = folder, 1000.0
    return stop_at(run, point)


def stop_at(run: runs.Run, point: Point) -> impasto.Pastiche:
    for event in run:
        if isinstance(event, StepDone) and (event.scale, event.step) == point:
            run.controls.stop = True
    assert run.pastiche is not None
    assert not run.complete
    return run.pastiche


def equal(one: impasto.Pastiche, other: impasto.Pastiche) -> bool:
    alphas = (one.alpha is None and other.alpha is None) or np.array_equal(one.alpha, other.alpha)  # type: ignore[arg-type]
    return one.pixels.tobytes() == other.pixels.tobytes() and one.record == other.record and alphas


def test_paint_and_resume(folder_with_pictures: Path, quick: Quick) -> None:
    whole = impasto.paint("photo.png", "painting.png", **quick)
    folder = folder_with_pictures / "a" / "run"
    part = impasto.paint("photo.png", "painting.png", controls=Controls(stop=True), run_folder=folder, **quick)
    assert part.stopped
    assert [path.name for path in folder.iterdir()] == ["checkpoint-000001.safetensors"]
    part = impasto.resume(folder, controls=Controls(stop=True), trust=True)
    assert part.stopped
    assert part.record["stopped_after"] == {"scale": 0, "step": 1}
    again = impasto.resume(folder, trust=True)
    assert not again.stopped
    assert equal(again, whole)
    assert not folder.exists()
    assert folder.parent.exists()


@pytest.mark.parametrize("point", [(0, 1), (0, 3), (1, 1)])
def test_arrays_are_kept_in_the_run_folder(
    tmp_path: Path, quick: Quick, point: Point, photo_pixels: np.ndarray, painting_pixels: np.ndarray
) -> None:
    alpha = np.full((*photo_pixels.shape[:2], 1), 0.75)
    photo = np.concatenate([photo_pixels / 255, alpha], axis=2)  # floats: kept at 16 bit
    style = [(painting_pixels, 0.7), (torch.from_numpy(photo_pixels).permute(2, 0, 1), 0.3)]
    options = quick | {"starting_point": photo_pixels[::-1]}
    whole = impasto.paint(photo, style, **options)
    interrupt(tmp_path / "run", point, photo, style, **options)
    assert len(list((tmp_path / "run").glob("input-*.npy"))) == 4
    shutil.move(tmp_path / "run", tmp_path / "moved")
    assert equal(impasto.resume(tmp_path / "moved", trust=True), whole)
    assert not (tmp_path / "moved").exists()


def test_a_resume_of_a_resume_with_all_that_can_be_given(folder_with_pictures: Path, quick: Quick) -> None:
    Path("mine.toml").write_text("strength = 61.7\n")
    shutil.copy(quick["encoder"], "own.safetensors")
    options = quick | {"recipe": "mine.toml", "starting_point": "painting.png", "encoder": "own.safetensors"}
    style = [("painting.png", 2), ("photo.png", 1 / 3)]
    whole = impasto.paint("photo.png", style, **options)
    recipe = options.pop("recipe")
    run = api.build_run("photo.png", style, recipe=recipe, options=options)
    run.checkpoint_folder, run.checkpoint_seconds = folder_with_pictures / "run", 1000.0
    stop_at(run, (0, 2))
    (folder_with_pictures / "elsewhere").mkdir()
    os.chdir("elsewhere")
    run, _, _ = api.build_resume(folder_with_pictures / "run", checkpoint_seconds=1000.0, trusts=trusts_all)
    stop_at(run, (1, 1))
    assert equal(impasto.resume(folder_with_pictures / "run", trust=True), whole)


def test_size_tiles_and_threads_stay_what_they_came_to(folder_with_pictures: Path, quick: Quick) -> None:
    options = {name: value for name, value in quick.items() if name not in ("size_px", "threads")}
    options |= {"max_memory_bytes": 2**31}
    torch.set_num_threads(1)
    whole = impasto.paint("photo.png", "painting.png", **options, threads=2)
    interrupt(folder_with_pictures / "run", (0, 2), "photo.png", "painting.png", **options, threads=2)
    torch.set_num_threads(1)
    kept = run_folders.read_run(folder_with_pictures / "run", trusts=trusts_all)[0].options
    assert (kept.size_px, kept.threads, kept.max_memory_bytes) == (60, 2, None)
    assert kept.tile_px is not None
    assert equal(impasto.resume(folder_with_pictures / "run", trust=True), whole)


def test_a_replay_that_was_to_stop_early_still_does(
    folder_with_pictures: Path, quick: Quick, tiny_encoder_file: Path
) -> None:
    stopped = interrupt(folder_with_pictures / "run", (1, 1), "photo.png", "painting.png", **quick)
    stopped.save("out.png")
    run_folders.remove_run(folder_with_pictures / "run")
    for point in ((0, 2), (1, 1)):
        run = api.build_replay("out.png", [tiny_encoder_file], overrides={})
        run.checkpoint_folder, run.checkpoint_seconds = folder_with_pictures / "run", 1000.0
        for event in run:  # killed once its checkpoint is written
            if isinstance(event, StepDone) and (event.scale, event.step) == point:
                run.controls.stop = True
            if isinstance(event, CheckpointSaved):
                break
        assert equal(impasto.resume(folder_with_pictures / "run", trust=True), stopped)
        assert not (folder_with_pictures / "run").exists(), "all was painted that was to be"


def test_a_run_folder_in_use_is_not_painted_over(folder_with_pictures: Path, quick: Quick) -> None:
    interrupt(folder_with_pictures / "run", (0, 1), "photo.png", "painting.png", **quick)
    before = contents(folder_with_pictures / "run")
    with pytest.raises(OptionError, match="holds an interrupted run"):
        impasto.paint("photo.png", "painting.png", run_folder="run", **quick)
    assert contents(folder_with_pictures / "run") == before


def test_no_checkpoints_unless_wanted(folder_with_pictures: Path, quick: Quick) -> None:
    before = contents(folder_with_pictures)
    impasto.paint("photo.png", "painting.png", controls=Controls(stop=True), **quick)
    impasto.paint(
        "photo.png", "painting.png", controls=Controls(stop=True), run_folder="run", checkpoint_seconds=0, **quick
    )
    assert contents(folder_with_pictures) == before


def test_files_of_others_stay_in_the_run_folder(folder_with_pictures: Path, quick: Quick) -> None:
    (folder_with_pictures / "run").mkdir()
    (folder_with_pictures / "run" / "notes.txt").write_text("mine")
    (folder_with_pictures / "run" / "checkpoint-000009.safetensors.partial").write_text("left by a crash")
    impasto.paint("photo.png", "painting.png", run_folder="run", **quick)
    assert contents(folder_with_pictures / "run") == {"notes.txt": b"mine"}


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


# ------------------------------------------------------------------------------------------- what is refused


@pytest.fixture
def interrupted(folder_with_pictures: Path, quick: Quick) -> Path:
    """A run folder with two checkpoints, after steps 2 and 3 of the first scale."""
    folder = folder_with_pictures / "out.png.run"
    shutil.copy(quick["encoder"], "own.safetensors")
    interrupt(folder, (0, 2), "photo.png", "painting.png", **(quick | {"encoder": "own.safetensors"}))
    run, _, _ = api.build_resume(folder, checkpoint_seconds=1000.0, trusts=trusts_all)
    stop_at(run, (0, 3))
    assert len(list_checkpoints(folder)) == 2
    return folder


def rewrite(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Another description in a checkpoint that is whole otherwise."""
    state, about = read_checkpoint(path)
    change(about)
    write_checkpoint(path, state, about)


def refused(folder: Path, words: str) -> None:
    """Refused in one line, and nothing is lost by it."""
    before = contents(folder)
    with pytest.raises(CheckpointError, match=words) as caught:
        impasto.resume(folder, trust=True)
    assert str(caught.value).isprintable()
    assert contents(folder) == before


def test_a_changed_input(interrupted: Path, folder_with_pictures: Path) -> None:
    sound = Path("photo.png").read_bytes()
    shutil.copy("painting.png", "photo.png")
    refused(interrupted, r"the content image '.*photo\.png' is not what it was when the run began")
    Path("photo.png").write_bytes(b"no picture")
    refused(interrupted, r"the content image of the interrupted run cannot be read again: .*photo\.png")
    Path("photo.png").unlink()
    refused(interrupted, r"the content image of the interrupted run cannot be read again: .*photo\.png.*no such file")
    Path("photo.png").write_bytes(sound)
    Path("painting.png").write_bytes(sound)
    refused(interrupted, "the style image .* put that one back, or paint anew")


def test_an_array_that_was_damaged(tmp_path: Path, quick: Quick, photo_pixels: np.ndarray) -> None:
    interrupt(tmp_path / "run", (0, 1), photo_pixels, photo_pixels, **quick)
    (path,) = (tmp_path / "run").glob("input-*.npy")
    sound = path.read_bytes()
    huge = sound.replace(b"(48, 60, 3)", b"(48, 6000000000000, 3)").replace(b" " * 13 + b"\n", b"\n")
    objects = sound.replace(b"'|u1'", b"'|O' ")
    flipped = sound[:-1] + bytes([sound[-1] ^ 1])
    for data in (b"", b"PK\x03\x04", sound[:-1], sound[:40], flipped, huge, objects, b"<html>", sound[:10]):
        assert data != sound
        path.write_bytes(data)
        refused(tmp_path / "run", "the content image")
    path.unlink()
    refused(tmp_path / "run", "no such file")
    os.mkfifo(path)
    with pytest.raises(CheckpointError, match="not a regular file"):
        impasto.resume(tmp_path / "run", trust=True)
    path.unlink()
    path.write_bytes(sound)
    assert not impasto.resume(tmp_path / "run", trust=True).stopped


def test_another_encoder(interrupted: Path) -> None:
    sound = Path("own.safetensors").read_bytes()
    shutil.copy(Path(impasto.__file__).parent / "encoders/lite/lite.safetensors", "own.safetensors")
    refused(interrupted, r"was painted with another encoder '.*own\.safetensors' \(SHA-256 [0-9a-f]{12}, now ")
    Path("own.safetensors").unlink()
    with pytest.raises(impasto.WeightsError, match=r"own\.safetensors"):
        impasto.resume(interrupted, trust=True)
    Path("own.safetensors").write_bytes(sound)
    assert not impasto.resume(interrupted, trust=True).stopped


def test_another_version_is_said(interrupted: Path) -> None:
    for path in list_checkpoints(interrupted):
        rewrite(path, lambda about: about.update(impasto="9.7.5"))
    assert read_run(interrupted)[2] == [f"not the same bytes: impasto: 9.7.5 then, {impasto.__version__} now"]
    assert not impasto.resume(interrupted, trust=True).stopped


def test_a_description_of_another_version_that_makes_no_sense(interrupted: Path) -> None:
    for path in list_checkpoints(interrupted):
        rewrite(path, lambda about: about.update(impasto="9.7.5", inputs=None))
    refused(interrupted, rf"written by impasto 9\.7\.5, whose description of a run {impasto.__version__} does not read")


def test_a_description_that_makes_no_sense(interrupted: Path) -> None:
    for change in (
        lambda about: about["options"].update(strength=1000),
        lambda about: about.pop("inputs"),
        lambda about: about.update(sources=[]),
    ):
        kept = contents(interrupted)
        for path in list_checkpoints(interrupted):
            rewrite(path, change)
        refused(interrupted, "is damaged: its description is not usable")
        for name, data in kept.items():
            (interrupted / name).write_bytes(data)


def test_the_older_one_where_the_newer_is_damaged(interrupted: Path, folder_with_pictures: Path, quick: Quick) -> None:
    whole = impasto.paint("photo.png", "painting.png", **(quick | {"encoder": "own.safetensors"}))
    newer = list_checkpoints(interrupted)[1]
    newer.write_bytes(newer.read_bytes()[:-1])
    run, _, notes = api.build_resume(interrupted, trusts=trusts_all)
    assert notes == [
        f"the checkpoint {newer.name} is damaged: its SHA-256 does not match; going on from the one before"
    ]
    resumed = [event for event in run if isinstance(event, Resumed)]
    assert [(event.scale, event.step) for event in resumed] == [(0, 2)]
    assert run.pastiche is not None
    assert equal(run.pastiche, whole)


def test_both_damaged(interrupted: Path) -> None:
    older, newer = list_checkpoints(interrupted)
    older.write_bytes(b"")
    newer.write_bytes(newer.read_bytes()[:-1])
    refused(interrupted, f"the checkpoint {newer.name} is damaged")


def test_where_there_is_no_run(folder_with_pictures: Path) -> None:
    (folder_with_pictures / "empty").mkdir()
    (folder_with_pictures / "partial").mkdir()
    (folder_with_pictures / "partial" / "checkpoint-000001.safetensors.partial").write_bytes(b"half")
    for path, words in (
        ("empty", "there is no checkpoint in 'empty': paint anew"),
        ("partial", "there is no checkpoint in 'partial': paint anew"),
        (".", "there is no checkpoint in '.': paint anew"),
        ("gone", "there is no interrupted run 'gone': give the folder"),
        ("photo.png", r"there is no interrupted run 'photo\.png'"),
        ("x" * 5000, "name too long"),
        ("nul\0byte", "there is no interrupted run"),
    ):
        with pytest.raises(CheckpointError, match=words):
            impasto.resume(path, trust=True)


def test_a_machine_that_differs_is_told(interrupted: Path) -> None:
    for path in list_checkpoints(interrupted):
        rewrite(path, lambda about: about["machine"].update(torch="1.0", system="Plan 9"))
    _, _, notes = api.build_resume(interrupted, trusts=trusts_all)
    assert notes[0].startswith("not the same bytes: torch: 1.0 then, ")
    assert notes[1].startswith("not the same bytes: system: Plan 9 then, ")
    assert len(notes) == 2


def test_what_a_checkpoint_holds_is_readable(interrupted: Path) -> None:
    _, about = read_checkpoint(list_checkpoints(interrupted)[-1])
    assert json.loads(json.dumps(about)) == about
    paths = {source["sha256"]: source["path"] for source in about["sources"]}
    assert paths[about["inputs"]["content"]["sha256"]] == str(Path("photo.png").absolute())
    assert about["options"]["encoder"] == str(Path("own.safetensors").absolute())


def test_a_folder_that_cannot_be_cleared_is_told(interrupted: Path) -> None:
    (interrupted / "input-0.npy").mkdir()
    with pytest.raises(OutputError, match="cannot clear the run folder"):
        run_folders.remove_run(interrupted)
