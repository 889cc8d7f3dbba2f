"""A real worker process: it paints, is lost, and is replaced."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from impasto.studio import process as process_module
from impasto.studio.job import JobView
from impasto.studio.process import WorkerProcess
from impasto.studio.request import PaintingChoice, Request
from impasto.studio.store import Store


@pytest.fixture
def store(tmp_path: Path, folder_with_pictures: Path, quick: dict[str, Any]) -> Iterator[Store]:
    made = Store(tmp_path / "store", options=quick)
    yield made
    made.close()


def wait(store: Store, id: str, *states: str) -> JobView:
    for _ in range(12_000):
        view = store.queue.view(id)
        if view.state in states:
            return view
        threading.Event().wait(0.01)
    raise AssertionError(f"{id} is still {view.state}")


def worker_of(store: Store) -> subprocess.Popen[bytes]:
    painter = store.queue._workers[0]
    assert isinstance(painter, WorkerProcess)
    return painter._process


def test_a_process_paints_is_lost_and_replaced(
    store: Store, folder_with_pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One test for all that needs the real process, since it takes seconds to load."""
    photo, painting = (store.keep_upload(folder_with_pictures / name, name) for name in ("photo.png", "painting.png"))
    request = Request(photo=photo, paintings=(PaintingChoice(path=painting),))
    long = request.model_copy(update={"options": {"steps": [100_000], "stop_tolerance": 0}})

    first = store.submit(long)
    while not store.queue.losses(first):
        threading.Event().wait(0.01)
    store.queue.stop(first)
    stopped = wait(store, first, "stopped", "failed")
    assert (stopped.state, stopped.resumable, stopped.manifest.error) == ("stopped", True, None)

    store.queue.go_on(first)
    while store.queue.view(first).progress.steps_done <= stopped.progress.steps_done:
        threading.Event().wait(0.01)
    lost = worker_of(store)
    os.kill(lost.pid, signal.SIGKILL)
    failed = wait(store, first, "failed")
    assert "process was lost" in (failed.manifest.error or "") and failed.resumable and failed.pastiche

    second = store.submit(request)  # by a new process
    assert wait(store, second, "done", "failed").manifest.error is None
    assert worker_of(store).pid != lost.pid

    # A job that was stopped and goes on is not ended by the time that its stop had.
    monkeypatch.setattr(process_module, "STOP_SECONDS", 1.0)
    store.queue.go_on(first)
    while store.queue.view(first).progress.steps_done <= stopped.progress.steps_done:
        threading.Event().wait(0.01)
    store.queue.stop(first)
    wait(store, first, "stopped")
    stoppers = [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]
    store.queue.go_on(first)
    wait(store, first, "painting")
    for stopper in stoppers:
        stopper.join()
    assert store.queue.view(first).state == "painting"

    # A step without an end: the process is ended when its time is up, and what was saved before is kept.
    monkeypatch.setattr(process_module, "STOP_SECONDS", 0.05)
    while not store.queue.losses(first):
        threading.Event().wait(0.01)
    os.kill(worker_of(store).pid, signal.SIGSTOP)
    store.queue.stop(first)
    assert store.queue.view(first).ending
    cut = wait(store, first, "stopped", "failed")
    assert (cut.state, cut.resumable, cut.ending) == ("stopped", True, False)
    assert any("in the middle of a step" in notice for notice in cut.manifest.notices)
    monkeypatch.setattr(process_module, "CANCEL_SECONDS", 0.05)
    third = store.submit(long)
    while not store.queue.losses(third):
        threading.Event().wait(0.01)
    os.kill(worker_of(store).pid, signal.SIGSTOP)
    store.queue.cancel(third)
    assert wait(store, third, "cancelled", "done").state == "cancelled"
    worker = worker_of(store)
    assert worker.wait(60) == -signal.SIGKILL
