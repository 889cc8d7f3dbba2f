"""The painting process, the line to it, and what it shows while it paints."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from impasto.events import Controls, Notice, PreviewReady, RunStarted, ScaleStarted, StepDone
from impasto.images.reading import load_picture
from impasto.studio import process as painter_module
from impasto.studio.job import Manifest
from impasto.studio.process import ProcessPainter
from impasto.studio.protocol import Command, Ended, FromStudio, Message, Order, Progress
from impasto.studio.request import JobView, PaintingChoice, Request
from impasto.studio.store import Store
from impasto.studio.worker import paint as painting
from impasto.studio.worker.main import Desk
from impasto.studio.worker.paint import PREVIEW_PX, PREVIEW_SECONDS, save_reduced


@pytest.mark.parametrize("loss", [0.1 + 0.2, math.inf, -math.inf, math.nan])
def test_messages_come_back_as_they_went(loss: float) -> None:
    progress = Progress(steps_done=3, steps=5, size=(4, 3), seconds_left=loss)
    said = Message(progress=progress, losses={"total": loss}, ended=Ended(state="failed", error='"\n\u2028'))
    line = said.model_dump_json(exclude_defaults=True)
    assert "\n" not in line
    assert repr(Message.model_validate_json(line)) == repr(said)
    kept = Manifest(
        id="1", state="done", title="", created=1, queued=1, request=Request(photo=None), losses=((1, {"total": loss}),)
    )
    assert repr(Manifest.model_validate_json(kept.model_dump_json())) == repr(kept)


def orders(tmp_path: Path, *ids: str) -> list[Order]:
    return [Order(id=id, folder=tmp_path, request=Request(photo=None)) for id in ids]


def lines(*said: Order | Command) -> BytesIO:
    wrapped = [FromStudio(order=s) if isinstance(s, Order) else FromStudio(command=s) for s in said]
    return BytesIO(b"".join(line.model_dump_json().encode() + b"\n" for line in wrapped))


def test_commands_change_the_job_in_hand_and_no_other(tmp_path: Path) -> None:
    first, second = orders(tmp_path, "1", "2")
    desk = Desk()
    desk.listen(
        lines(
            Command(id="1", stop=True),  # too early
            first,
            Command(id="1", strength=70, color_strength=20),
            Command(id="1", strength=0),
            second,
            Command(id="1", cancel=True),  # too late
            Command(id="2", cancel=True),
        )
    )
    one, two, end = desk.orders.get(), desk.orders.get(), desk.orders.get()
    assert one is not None and two is not None and end is None
    assert (one.controls.stop, one.cancelled) == (False, False)
    assert (vars(one.controls)["strength"], vars(one.controls)["color_strength"]) == (0, 20)
    assert (two.controls.stop, two.cancelled) == (True, True)


def test_a_studio_that_is_gone_stops_its_job(tmp_path: Path) -> None:
    desk = Desk()
    desk.listen(lines(*orders(tmp_path, "1")))
    work = desk.orders.get()
    assert work is not None and work.controls.stop and not work.cancelled
    assert desk.orders.get() is None


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
    watch = painting.Watch(orders(tmp_path, "1")[0], lambda message: None)
    controls, shown = Controls(), []
    watch.take(RunStarted(((24, 32),), (100,), (1,), 512, 0, 0.0), controls)
    watch.take(ScaleStarted(0, 24, 32, 100), controls)
    assert controls.preview, "the first picture waits for nothing"
    for step in range(1, 101):
        if controls.preview:
            controls.preview = False  # as the engine does
            watch.take(PreviewReady(0, step, np.zeros((24, 32, 3), np.float32)), controls)
            shown.append(clock.now)
        clock.now += 0.1
        watch.take(step_done(step), controls)
    gaps = np.diff(shown)
    assert len(shown) > 20 and gaps.min() >= PREVIEW_SECONDS and gaps.max() < PREVIEW_SECONDS + 0.1


def test_previews_that_take_long_come_less_often(tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    def slowly(path: Path, pixels: np.ndarray, long_edge_px: int) -> None:
        clock.now += 1.0

    monkeypatch.setattr(painting, "save_reduced", slowly)
    watch = painting.Watch(orders(tmp_path, "1")[0], lambda message: None)
    controls = Controls()
    watch.take(RunStarted(((24, 32),), (100,), (1,), 512, 0, 0.0), controls)
    watch.take(PreviewReady(0, 1, np.zeros((24, 32, 3), np.float32)), controls)
    for passed, wanted in ((5.0, False), (10.0, False), (25.0, True)):  # two seconds, with the thumbnail: 20
        watch.take(step_done(1), controls)
        clock.now += passed - (clock.now - 102.0)
        watch.take(step_done(2), controls)
        assert controls.preview is wanted


def test_a_preview_that_cannot_be_written_is_told_once(tmp_path: Path) -> None:
    said: list[Message] = []
    watch = painting.Watch(orders(tmp_path / "nowhere", "1")[0], said.append)
    for _ in range(3):
        watch.take(PreviewReady(0, 1, np.zeros((4, 4, 3), np.float32)), Controls())
    watch.take(Notice("something else"), Controls())
    assert len(said) == 2 and "painting goes on unseen" in (said[0].notice or "")


def test_previews_are_reduced_and_small_ones_kept(tmp_path: Path) -> None:
    ramp = np.linspace(0, 1, 3 * PREVIEW_PX, dtype=np.float32)
    pixels = np.repeat(np.repeat(ramp[None, :, None], 30, 0), 3, 2)
    save_reduced(tmp_path / "large.jpg", pixels, PREVIEW_PX)
    large = load_picture(tmp_path / "large.jpg")
    assert (large.width_px, large.height_px) == (PREVIEW_PX, 10)
    np.testing.assert_allclose(large.pixels()[5, :, 1], ramp.reshape(-1, 3).mean(1), atol=0.02)
    save_reduced(tmp_path / "small.jpg", pixels[:, :40], PREVIEW_PX)
    assert load_picture(tmp_path / "small.jpg").width_px == 40


@pytest.fixture
def store(tmp_path: Path, studio: Path, quick: dict[str, Any]) -> Iterator[Store]:
    made = Store(tmp_path / "store", options=quick)
    yield made
    made.close()


def wait(store: Store, id: str, *states: str) -> JobView:
    for _ in range(12_000):
        view = store.view(id)
        if view.state in states:
            return view
        threading.Event().wait(0.01)
    raise AssertionError(f"{id} is still {view.state}")


def worker_of(store: Store) -> subprocess.Popen[bytes]:
    painter = store._queue._painters[0]
    assert isinstance(painter, ProcessPainter)
    return painter._process


def test_a_process_paints_is_lost_and_replaced(store: Store, studio: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One test for all that needs the real process, since it takes seconds to load."""
    photo, painting = (store.keep_upload(studio / name, name) for name in ("photo.png", "painting.png"))
    request = Request(photo=photo, paintings=(PaintingChoice(path=painting),))
    long = request.model_copy(update={"options": {"steps": [100_000], "stop_tolerance": 0}})

    first = store.submit(long)
    while not store.view(first).losses:
        threading.Event().wait(0.01)
    store.stop(first)
    stopped = wait(store, first, "stopped", "failed")
    assert (stopped.state, stopped.resumable, stopped.error) == ("stopped", True, None)

    store.go_on(first)
    while store.view(first).steps_done <= stopped.steps_done:
        threading.Event().wait(0.01)
    lost = worker_of(store)
    os.kill(lost.pid, signal.SIGKILL)
    failed = wait(store, first, "failed")
    assert "process was lost" in (failed.error or "") and failed.resumable and failed.pastiche

    second = store.submit(request)  # by a new process
    assert wait(store, second, "done", "failed").error is None
    assert worker_of(store).pid != lost.pid

    # A step without an end: the process is ended when its time is up.
    monkeypatch.setattr(painter_module, "CANCEL_SECONDS", 0.05)
    third = store.submit(long)
    while not store.view(third).losses:
        threading.Event().wait(0.01)
    os.kill(worker_of(store).pid, signal.SIGSTOP)
    store.cancel(third)
    assert wait(store, third, "cancelled", "done").state == "cancelled"
    worker = worker_of(store)
    assert worker.wait(60) == -signal.SIGKILL


def test_the_store_loads_neither_torch_nor_gradio() -> None:
    script = "import sys, impasto.studio.store; print({'torch', 'gradio', 'matplotlib', 'PIL'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
