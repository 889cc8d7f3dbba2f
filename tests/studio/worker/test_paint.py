"""Jobs that really paint, with a tiny encoder: pictures, records, previews, stopping, enlarging, regions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from studio_stores import StockedStore, pixels

import impasto
from impasto.errors import InputError, OptionError
from impasto.events import Controls, Notice, PreviewReady, RunStarted, ScaleStarted, StepDone
from impasto.images.reading import read_record
from impasto.inputs.bundled import bundled_by_hash
from impasto.studio.protocol import Message, Order
from impasto.studio.request import PaintingChoice, RegionChoice, Request
from impasto.studio.worker import paint as painting
from impasto.studio.worker.paint import PREVIEW_SECONDS, PaintReporter


def test_a_job_paints_what_the_library_paints(
    stocked: StockedStore, folder_with_pictures: Path, quick: dict[str, Any]
) -> None:
    view = stocked.paint(options={"strength": 40})
    assert (view.state, view.manifest.error, view.manifest.title) == ("done", None, "a lion + waves")
    assert (
        view.progress.size,
        view.progress.steps_done,
        view.progress.steps,
        view.progress.scale,
        view.progress.scales,
        view.progress.share_done,
    ) == (
        (48, 38),
        5,
        5,
        2,
        2,
        1.0,
    )
    assert [step for step, _ in stocked.store.queue.losses(view.id)] == [1, 2, 3, 4, 5]
    expected = impasto.paint("photo.png", "painting.png", **quick, strength=40)
    expected.save("expected.png")
    np.testing.assert_array_equal(pixels(view.pastiche), pixels(folder_with_pictures / "expected.png"))
    assert view.preview is None and not view.resumable
    assert pixels(view.thumbnail).shape == (38, 48, 3)
    folder = view.pastiche.parent  # type: ignore[union-attr]
    events = [json.loads(line)["event"] for line in (folder / "events.jsonl").read_text().splitlines()]
    assert events.count("StepDone") == 5 and events[-1] == "RunDone"
    assert not (folder / "checkpoints").exists()


def test_the_record_has_the_names_people_use_and_replays(stocked: StockedStore, quick: dict[str, Any]) -> None:
    view = stocked.paint()
    assert view.pastiche is not None
    inputs = read_record(view.pastiche)["inputs"]
    assert (inputs["content"]["name"], inputs["paintings"][0]["name"]) == ("a lion.png", "waves.png")  # type: ignore[index]
    files = [stocked.photo, stocked.painting, Path(quick["encoder"])]
    impasto.replay(view.pastiche, files).save("again.png")
    np.testing.assert_array_equal(pixels(view.pastiche), pixels(Path("again.png")))


def test_previews_are_whole_pictures_and_seen_from_the_start(stocked: StockedStore) -> None:
    seen: list[tuple[str, tuple[int, int]]] = []
    versions = [0]

    def look(id: str, message: Message) -> None:
        view = stocked.store.queue.view(id)
        if view.preview_version not in versions:
            versions.append(view.preview_version)
            with Image.open(view.preview or "none") as picture:
                picture.load()
                seen.append((picture.format or "", picture.size))
            assert view.thumbnail
            assert len(seen) > 1 or not any(said.losses for said in stocked.heard[:-1])

    stocked.at = look
    assert stocked.paint().state == "done"
    assert seen[0] == ("JPEG", (32, 25))  # the first scale, before its first step


@pytest.mark.parametrize("step", [1, 3])
def test_a_stopped_job_keeps_its_picture_and_goes_on_to_the_same_end(stocked: StockedStore, step: int) -> None:
    whole = stocked.paint()
    stocked.stop_at(step)
    stopped = stocked.paint()
    assert (stopped.state, stopped.progress.steps_done, stopped.resumable) == ("stopped", step, True)
    assert read_record(stopped.pastiche)["stopped_after"]  # type: ignore[arg-type]
    assert not np.array_equal(pixels(stopped.pastiche), pixels(whole.pastiche))
    stocked.store.queue.go_on(stopped.id)
    done = stocked.wait(stopped.id)
    assert (done.state, done.progress.steps_done, done.resumable) == ("done", 5, False)
    np.testing.assert_array_equal(pixels(done.pastiche), pixels(whole.pastiche))
    assert [step for step, _ in stocked.store.queue.losses(done.id)] == [1, 2, 3, 4, 5]
    assert read_record(done.pastiche)["inputs"] == read_record(whole.pastiche)["inputs"]  # type: ignore[arg-type]
    log = (done.pastiche.parent / "events.jsonl").read_text().splitlines()  # type: ignore[union-attr]
    assert [json.loads(line)["event"] for line in log].count("StepDone") == 5


def test_an_unusable_checkpoint_is_reported_and_painted_anew(stocked: StockedStore) -> None:
    whole = pixels(stocked.paint().pastiche)
    stocked.stop_at(2)
    stopped = stocked.paint()
    for path in (stopped.pastiche.parent / "checkpoints").iterdir():  # type: ignore[union-attr]
        path.write_bytes(b"damage")
    stocked.store.queue.go_on(stopped.id)
    done = stocked.wait(stopped.id)
    assert done.state == "done" and "painted anew: " in done.manifest.notices[0]
    np.testing.assert_array_equal(pixels(done.pastiche), whole)


def test_cancel_leaves_no_picture_and_no_checkpoint(stocked: StockedStore) -> None:
    stocked.at = lambda id, message: stocked.store.queue.cancel(id) if message.losses else None
    view = stocked.paint()
    assert (view.state, view.pastiche, view.preview, view.resumable) == ("cancelled", None, None, False)
    assert [message.losses is None for message in stocked.heard].count(False) == 1, "not within a step"
    stocked.at = lambda id, message: None
    stocked.store.queue.go_on(view.id)
    assert stocked.wait(view.id).state == "done"


def test_a_stopped_picture_survives_the_cancelling_of_its_continuation(stocked: StockedStore) -> None:
    stocked.stop_at(2)
    stopped = stocked.paint()
    stocked.at = lambda id, message: stocked.store.queue.cancel(id) if message.losses else None
    stocked.store.queue.go_on(stopped.id)
    view = stocked.wait(stopped.id)
    assert (view.state, view.pastiche, view.resumable) == ("cancelled", stopped.pastiche, False)


def test_what_the_engine_refuses_is_one_line(stocked: StockedStore) -> None:
    view = stocked.paint(options={"style_layers": {}, "content_layers": {}})
    assert view.state == "failed" and "name at least one of them" in (view.manifest.error or "")
    stocked.photo.unlink()
    with pytest.raises(InputError, match="add it again"):
        stocked.paint()


def test_a_final_is_the_enlargement_of_its_picture(stocked: StockedStore, quick: dict[str, Any]) -> None:
    small = stocked.paint()
    large = stocked.wait(stocked.store.submit(small.request.as_final(small.id, 80)))
    assert (large.state, large.request.kind, large.progress.size, large.manifest.title) == (
        "done",
        "final",
        (80, 64),
        "a lion + waves, 80 px",
    )
    files = [stocked.photo, stocked.painting]
    expected = impasto.enlarge(small.pastiche, 80, files, encoder=quick["encoder"], threads=1)  # type: ignore[arg-type]
    expected.save("expected.png")
    np.testing.assert_array_equal(pixels(large.pastiche), pixels(Path("expected.png")))
    with pytest.raises(OptionError, match="80 px long already"):
        stocked.store.submit(large.request.as_final(large.id, 80))


def test_a_stopped_final_goes_on(stocked: StockedStore) -> None:
    small = stocked.paint()
    request = small.request.as_final(small.id, 80)
    whole = stocked.wait(stocked.store.submit(request))
    stocked.stop_at(1)
    stopped = stocked.wait(stocked.store.submit(request))
    assert stopped.state == "stopped"
    stocked.store.queue.remove(small.id)
    stocked.store.queue.go_on(stopped.id)
    np.testing.assert_array_equal(pixels(stocked.wait(stopped.id).pastiche), pixels(whole.pastiche))


def test_a_steered_job_is_recorded_and_replays(stocked: StockedStore, quick: dict[str, Any]) -> None:
    if not hasattr(impasto.Controls(), "strength"):
        pytest.skip("the engine cannot be steered yet")
    stocked.at = lambda id, message: stocked.store.queue.steer(id, strength=80) if message.losses else None
    view = stocked.paint(options={"strength": 20})
    assert view.pastiche is not None
    assert read_record(view.pastiche)["steered"][0]["options"] == {"strength": 80}  # type: ignore[index]
    assert stocked.store.restore(view.pastiche).request.options == {"strength": 80}
    impasto.replay(view.pastiche, [stocked.photo, stocked.painting, Path(quick["encoder"])]).save("again.png")
    np.testing.assert_array_equal(pixels(view.pastiche), pixels(Path("again.png")))


@pytest.fixture
def split(stocked: StockedStore) -> Request:
    """The left half in the manner of a sample, stronger than the rest; learned from the upper half of the painting."""
    if not hasattr(impasto, "Region"):
        pytest.skip("impasto.paint has no regions yet")
    left, upper = np.zeros((48, 60), np.uint8), np.zeros((64, 64), np.uint8)
    left[:, :30] = upper[:32] = 255
    for name, mask in (("left", left), ("upper", upper)):
        Image.fromarray(mask).save(f"{name}.png")
    masks = {name: stocked.store.keep_upload(Path(f"{name}.png"), f"{name}.png") for name in ("left", "upper")}
    sample = PaintingChoice(path=next(iter(bundled_by_hash().values())))
    region = RegionChoice(mask=masks["left"], paintings=(sample,), strength=90, brush_scale=2)
    painting = PaintingChoice(path=stocked.painting, mask=masks["upper"])
    return stocked.request.model_copy(
        update={"paintings": (painting,), "regions": (region,), "options": {"strength": 30.0}}
    )


def test_regions_are_painted_recorded_and_restored(
    stocked: StockedStore, split: Request, quick: dict[str, Any]
) -> None:
    view = stocked.wait(stocked.store.submit(split))
    assert view.state == "done", view.manifest.error
    face: Any = impasto
    region = face.Region("left.png", next(iter(bundled_by_hash().values())), 90, 2)
    style = [face.Painting("painting.png", mask="upper.png")]
    impasto.paint("photo.png", style, regions=[region], **quick | {"strength": 30}).save("expected.png")
    np.testing.assert_array_equal(pixels(view.pastiche), pixels(Path("expected.png")))
    inputs: Any = read_record(view.pastiche)["inputs"]  # type: ignore[arg-type]
    assert inputs["regions"][0]["mask"]["name"] == "left.png" and inputs["paintings"][0]["mask"]["name"] == "upper.png"
    restored = stocked.store.restore(view.pastiche)  # type: ignore[arg-type]
    assert restored.request == split and restored.missing == ()
    split.regions[0].mask.unlink()  # type: ignore[union-attr]
    restored = stocked.store.restore(view.pastiche)  # type: ignore[arg-type]
    assert restored.request.regions == () and restored.missing == ("left.png",)


def test_regions_are_kept_by_a_stop_and_by_a_final(stocked: StockedStore, split: Request) -> None:
    whole = stocked.wait(stocked.store.submit(split))
    stocked.stop_at(2)
    stopped = stocked.wait(stocked.store.submit(split))
    stocked.store.queue.go_on(stopped.id)
    done = stocked.wait(stopped.id)
    assert done.state == "done", done.manifest.error
    np.testing.assert_array_equal(pixels(done.pastiche), pixels(whole.pastiche))
    assert read_record(done.pastiche)["inputs"] == read_record(whole.pastiche)["inputs"]  # type: ignore[arg-type]
    large = stocked.wait(stocked.store.submit(done.request.as_final(done.id, 80)))
    assert (large.state, large.manifest.error, large.progress.size) == ("done", None, (80, 64))
    assert len(read_record(large.pastiche)["inputs"]["regions"]) == 1  # type: ignore[arg-type, index, call-overload]


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(painting, "time", made)
    return made


def step_done(step: int) -> StepDone:
    return StepDone(0, step, {"total": 1.0}, 0.1, None, step / 10)


def test_previews_come_at_once_and_then_no_more_than_three_a_second(tmp_path: Path, clock: Clock) -> None:
    reporter = PaintReporter(Order(id="1", folder=tmp_path, request=Request(photo=None)), lambda message: None)
    controls, shown = Controls(), []
    reporter.take(RunStarted(((24, 32),), (100,), (1,), 512, 0, 0.0), controls)
    reporter.take(ScaleStarted(0, 24, 32, 100), controls)
    assert controls.preview, "the first picture waits for nothing"
    for step in range(1, 101):
        if controls.preview:
            controls.preview = False  # as the engine does
            reporter.take(PreviewReady(0, step, np.zeros((24, 32, 3), np.float32)), controls)
            shown.append(clock.now)
        clock.now += 0.1
        reporter.take(step_done(step), controls)
    gaps = np.diff(shown)
    assert len(shown) > 20 and gaps.min() >= PREVIEW_SECONDS and gaps.max() < PREVIEW_SECONDS + 0.1


def test_previews_that_take_long_come_less_often(tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    def slowly(path: Path, pixels: np.ndarray, long_edge_px: int) -> None:
        clock.now += 1.0

    monkeypatch.setattr(painting, "save_reduced", slowly)
    reporter = PaintReporter(Order(id="1", folder=tmp_path, request=Request(photo=None)), lambda message: None)
    controls = Controls()
    reporter.take(RunStarted(((24, 32),), (100,), (1,), 512, 0, 0.0), controls)
    reporter.take(PreviewReady(0, 1, np.zeros((24, 32, 3), np.float32)), controls)
    for passed, wanted in ((5.0, False), (10.0, False), (25.0, True)):  # two seconds, with the thumbnail: 20
        reporter.take(step_done(1), controls)
        clock.now += passed - (clock.now - 102.0)
        reporter.take(step_done(2), controls)
        assert controls.preview is wanted


def test_a_preview_that_cannot_be_written_is_reported_once(tmp_path: Path) -> None:
    messages: list[Message] = []
    reporter = PaintReporter(Order(id="1", folder=tmp_path / "nowhere", request=Request(photo=None)), messages.append)
    for _ in range(3):
        reporter.take(PreviewReady(0, 1, np.zeros((4, 4, 3), np.float32)), Controls())
    reporter.take(Notice("something else"), Controls())
    assert len(messages) == 2 and "painting goes on without previews" in (messages[0].notice or "")
