"""A tuned stylizer: it follows the objective, keeps regions apart, goes on where it was, and paints any size."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import impasto
from impasto.cli import main as cli
from impasto.engine.checkpoint import Checkpoint, Checkpoints, read_checkpoint, write_checkpoint
from impasto.engine.paint import iter_paint
from impasto.errors import OptionError
from impasto.events import Controls, Event, PreviewReady, Resumed, RunDone, ScaleStarted, StepDone
from impasto.images.tensors import resize, tensor_to_pixels
from impasto.inputs.run_inputs import RunInputs
from impasto.options.fields import PaintOptions
from impasto.runs.build import resolve_options
from impasto.stylizer.regions import REPAINTED, DraftPainter, measure_paintings, photo_tensor
from impasto.stylizer.stylizer import load_stylizer
from impasto.stylizer.tuning import TunedStylizer

HEIGHT, WIDTH = 48, 60


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def painterly(**options: Any) -> PaintOptions:
    return resolve_options("painterly", {"size_px": 60, "min_scale_px": 48, "steps": (4,), "threads": 1, **options})


@pytest.fixture
def inputs(photo_pixels: np.ndarray, painting_pixels: np.ndarray) -> RunInputs:
    return RunInputs.load(photo_pixels, painting_pixels, ())


def events_of(inputs: RunInputs, options: PaintOptions, **more: Any) -> list[Event]:
    return list(iter_paint(inputs, options, tuner=TunedStylizer(load_stylizer(), inputs), **more))


def pixels_of(events: list[Event]) -> np.ndarray:
    assert isinstance(events[-1], RunDone)
    return events[-1].pixels


def steps_of(events: list[Event]) -> list[StepDone]:
    return [event for event in events if isinstance(event, StepDone)]


def left_half() -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[:, : WIDTH // 2] = 255
    return mask


def test_the_objective_falls(inputs: RunInputs) -> None:
    fixed = {"balance": "fixed", "content_weight": 0.2}
    losses = [step.losses for step in steps_of(events_of(inputs, painterly(steps=(14,), **fixed)))]
    assert losses[-1]["total"] < 0.9 * losses[0]["total"]
    assert {"content", "style", "contours", "surface", "layout"} < losses[0].keys()
    assert losses[0]["layout"] == pytest.approx(0, abs=1e-6)  # it begins as the draft


def test_the_stronger_the_farther_from_the_photo(inputs: RunInputs) -> None:
    distances = []
    for strength in (20.0, 50.0, 90.0):
        steps = steps_of(events_of(inputs, painterly(steps=(16,), strength=strength)))
        distances.append([step.readability for step in steps if step.readability is not None][-1])
    assert distances[0] < 0.8 * distances[1]
    assert distances[1] < 0.8 * distances[2]


def test_a_stronger_pastiche_is_held_less(inputs: RunInputs) -> None:
    def held(strength: float) -> list[float]:
        step = steps_of(events_of(inputs, painterly(steps=(4,), strength=strength)))[-1]
        return [step.losses["layout"], step.losses["contours"]]

    assert held(100.0) == [0.0, 0.0], "all paint"
    assert held(60.0)[1] < held(40.0)[1]


def test_steering_to_the_full_strength_lets_go_at_once_and_takes_hold_again(inputs: RunInputs) -> None:
    controls, losses = Controls(), list[float]()
    tuner = TunedStylizer(load_stylizer(), inputs)
    for event in iter_paint(inputs, painterly(steps=(12,)), controls=controls, tuner=tuner):
        if isinstance(event, StepDone):
            losses.append(event.losses["contours"])
            controls.strength = {4: 100.0, 8: 50.0}.get(event.step, controls.strength)
    assert losses[3] > 0
    assert losses[4:8] == [0.0] * 4
    assert losses[8] > 0


def test_two_scales_the_first_alone_with_steps(inputs: RunInputs) -> None:
    events = events_of(inputs, painterly())
    scales = [(e.height_px, e.width_px, e.steps) for e in events if isinstance(e, ScaleStarted)]
    assert scales == [(38, 48, 4), (48, 60, 0)]
    assert pixels_of(events).shape == (48, 60, 3)
    small = events_of(inputs, painterly(size_px=40))
    assert [(e.height_px, e.width_px, e.steps) for e in small if isinstance(e, ScaleStarted)] == [(32, 40, 4)]
    assert pixels_of(small).shape == (32, 40, 3)


def test_a_panorama_is_tuned_large_enough_to_have_some_height(painting_pixels: np.ndarray) -> None:
    long_photo = np.random.default_rng(0).integers(0, 255, (60, 900, 3), np.uint8)
    inputs = RunInputs.load(long_photo, painting_pixels, ())
    events = events_of(inputs, painterly(size_px=900, min_scale_px=64, steps=(1,)))
    assert [(e.height_px, e.width_px) for e in events if isinstance(e, ScaleStarted)] == [(32, 480), (60, 900)]


def test_untuned_it_is_the_draft(inputs: RunInputs) -> None:
    tuned, options = TunedStylizer(load_stylizer(), inputs), painterly()
    draft = DraftPainter(load_stylizer()).paint(inputs, options, 60, strength_of=lambda _: 100.0)
    np.testing.assert_array_equal(tuned.finish(options, 60), draft)


def test_large_pictures_are_doubled_and_painted_over(inputs: RunInputs) -> None:
    stylizer, options = load_stylizer(), painterly()
    found = DraftPainter(stylizer).paint(inputs, options, 60, strength_of=lambda _: 100.0, first_px=40)

    def style(edge: int) -> Any:
        return measure_paintings(stylizer, inputs.background.paintings, edge)

    small = stylizer.paint(photo_tensor(inputs.photo, 40), style(40))  # type: ignore[arg-type]
    larger = resize(small, 48, 60, "bicubic").clamp(0, 1)
    expected = stylizer.paint(larger, style(60), strength=100 * REPAINTED * np.log2(60 / 40))
    np.testing.assert_allclose(found, tensor_to_pixels(expected), atol=1e-5)


def test_broader_brushes_paint_the_photo_smaller(inputs: RunInputs, monkeypatch: pytest.MonkeyPatch) -> None:
    firsts = []

    def paint(self: DraftPainter, *_: Any, first_px: int, **__: Any) -> np.ndarray:
        firsts.append(first_px)
        return np.zeros((48, 60, 3), np.float32)

    monkeypatch.setattr(DraftPainter, "paint", paint)
    for brush_scale in (0.5, 1.0, 2.0):
        TunedStylizer(load_stylizer(), inputs).finish(painterly(brush_scale=brush_scale), 60)
    assert firsts == [1024, 512, 256]


def test_it_goes_on_from_every_step_bit_for_bit(inputs: RunInputs, tmp_path: Path) -> None:
    class EveryStep(Checkpoints):
        due = True  # type: ignore[assignment]

        def save(self, checkpoint: Checkpoint) -> Path:
            path = tmp_path / f"{len(list(tmp_path.iterdir()))}.safetensors"
            write_checkpoint(path, checkpoint, {})
            return path

    options = painterly()
    whole = events_of(inputs, options, checkpoints=EveryStep(tmp_path, 0.0, dict))
    assert len(list(tmp_path.iterdir())) == 4
    for number in range(4):
        path = tmp_path / f"{number}.safetensors"
        assert read_checkpoint(path)[0].values["step"] == number + 1
        again = events_of(inputs, options, resumed=path)
        assert any(isinstance(event, Resumed) for event in again)
        np.testing.assert_array_equal(pixels_of(again), pixels_of(whole))
        assert [s.losses for s in steps_of(again)] == [s.losses for s in steps_of(whole)[number + 1 :]]


def test_a_region_without_paintings_stays_the_photograph(photo_pixels: np.ndarray, painting_pixels: np.ndarray) -> None:
    inputs = RunInputs.load(photo_pixels, painting_pixels, [impasto.Region(left_half())])
    pastiche = pixels_of(events_of(inputs, painterly()))
    np.testing.assert_array_equal(pastiche[:, :25], np.float32(photo_pixels[:, :25]) / 255)
    assert np.abs(pastiche[:, 35:] - np.float32(photo_pixels[:, 35:]) / 255).mean() > 0.05


def test_each_region_has_its_own_painting(photo_pixels: np.ndarray, painting_pixels: np.ndarray) -> None:
    other = 255 - painting_pixels
    halves = RunInputs.load(photo_pixels, painting_pixels, [impasto.Region(left_half(), other)])
    whole = [RunInputs.load(photo_pixels, painting, ()) for painting in (other, painting_pixels)]
    joined = pixels_of(events_of(halves, painterly()))
    alone = [pixels_of(events_of(inputs, painterly())) for inputs in whole]
    for part, own, foreign in (np.s_[:, :25], *alone), (np.s_[:, 35:], *alone[::-1]):
        assert np.abs(joined[part] - own[part]).mean() < 0.8 * np.abs(joined[part] - foreign[part]).mean()


def test_steering_changes_what_is_painted_and_previews_show_it(inputs: RunInputs) -> None:
    controls = Controls(preview=True)
    options = painterly(steps=(6,), color="photo")
    seen: list[Event] = []
    for event in iter_paint(inputs, options, controls=controls, tuner=TunedStylizer(load_stylizer(), inputs)):
        seen.append(event)
        if isinstance(event, StepDone) and event.step == 3:
            controls.strength, controls.color_strength, controls.preview = 5.0, 0.0, True
    previews = [event.pixels for event in seen if isinstance(event, PreviewReady)]
    assert len(previews) == 2
    assert all(preview.shape == (38, 48, 3) and 0 <= preview.min() <= preview.max() <= 1 for preview in previews)
    assert np.abs(pixels_of(seen) - pixels_of(events_of(inputs, options))).mean() > 0.02


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"starting_point": "noise", "medium": "stylizer"}, "starts with its own draft"),
        ({"padding_mode": "circular", "medium": "stylizer"}, "wraps around"),
        (
            {"loss_units": "tutorial", "balance": "fixed", "medium": "stylizer", "keep_detail": 0},
            "no paper gives",
        ),
    ],
)
def test_what_it_cannot_do_is_one_line(inputs: RunInputs, options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        events_of(inputs, painterly(**options))


def test_from_the_command_line_it_replays_and_enlarges(
    folder_with_pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    quick = ["--size", "60", "--min-scale", "48", "--steps", "3", "--threads", "1"]
    assert cli.main(["paint", "photo.png", "painting.png", "-o", "one.png", *quick]) == 0
    record = impasto.load_picture("one.png") and impasto.replay("one.png").record
    assert record["options"]["medium"] == "stylizer"
    assert record["stylizer"]["sha256"] == load_stylizer().sha256
    assert cli.main(["replay", "one.png", "-o", "two.png"]) == 0
    assert Path("two.png").read_bytes() == Path("one.png").read_bytes()
    assert cli.main(["enlarge", "one.png", "--size", "96", "-o", "large.png"]) == 0
    larger = impasto.paint("photo.png", "painting.png", size_px=96, min_scale_px=48, steps=(3,), threads=1)
    np.testing.assert_allclose(impasto.load_picture("large.png").pixels(), larger.pixels, atol=0.51 / 255)


def test_options_of_pixels_choose_the_recipe_pixels(folder_with_pictures: Path) -> None:
    run = impasto.paint("photo.png", "painting.png", size_px=48, min_scale_px=48, steps=2, optimizer="adam")
    assert run.notices == ("optimizer is about pixels: the recipe pixels paints",)
    assert run.record["options"]["medium"] == "pixels"
