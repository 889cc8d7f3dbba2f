"""When drafts are made: beside paintings, only the latest request of a client, the last ones kept."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from painters import FakePainter
from studio_stores import SMALL, DraftingStore, draft

from impasto.errors import InputError, OptionError, OutputError
from impasto.inputs.bundled import bundled_by_hash
from impasto.studio import draft_queue as draft_queue_module
from impasto.studio import process as process_module
from impasto.studio.draft_request import Draft
from impasto.studio.process import WorkerProcess
from impasto.studio.request import PaintingChoice, Request
from impasto.studio.store import Store


def test_nothing_runs_before_the_first_draft(drafting: DraftingStore) -> None:
    assert not drafting.made
    drafting.store.drafts.prepare()
    drafting.store.drafts.prepare()
    draft(drafting, drafting.request())
    assert len(drafting.made) == 1


def test_drafts_wait_for_no_painting(drafting: DraftingStore) -> None:
    job = drafting.store.submit(drafting.request())
    assert draft(drafting, drafting.request()).path.read_bytes() == b"a draft"
    assert drafting.store.queue.view(job).state in ("waiting", "painting")


def test_the_same_request_is_drafted_once(drafting: DraftingStore) -> None:
    first = draft(drafting, drafting.request(strength=60))
    assert draft(drafting, drafting.request(strength=60, tv_weight=0.5)).path == first.path
    assert draft(drafting, drafting.request(strength=90)) == first, "it is the whole draft anyway"
    assert drafting.store.drafts.find(first.path.name) == first.path
    for other in (
        drafting.request(strength=20),
        drafting.request(1, strength=60),
        drafting.request(strength=60, brush_scale=2),
    ):
        assert draft(drafting, other).path != first.path
    assert len(drafting.drafted()) == 4


def test_the_same_request_twice_at_once_is_drafted_once(drafting: DraftingStore) -> None:
    drafting.gate.clear()
    asked = [drafting.ask(drafting.request()) for _ in range(2)]
    drafting.waiting(1)
    drafting.gate.set()
    for thread, _ in asked:
        thread.join()
    assert asked[0][1] == asked[1][1] != [None]
    assert len(drafting.drafted()) == 1


def test_the_last_ones_are_kept(drafting: DraftingStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draft_queue_module, "MAX_DRAFTS", 2)
    first, second = draft(drafting, drafting.request(0)), draft(drafting, drafting.request(1))
    draft(drafting, drafting.request(0))  # used again
    draft(drafting, drafting.request(2))
    assert first.path.exists() and not second.path.exists()
    with pytest.raises(OptionError, match="there is no draft"):
        drafting.store.drafts.find(second.path.name)
    draft(drafting, drafting.request(1))
    assert drafting.drafted() == [drafting.paintings[place].name for place in (0, 1, 2, 1)]


@pytest.mark.parametrize("name", ["../jobs", "..", "", "studio.lock", "impasto-0.jpg"])
def test_nothing_but_drafts_is_found(drafting: DraftingStore, name: str) -> None:
    with pytest.raises(OptionError, match="there is no draft"):
        drafting.store.drafts.find(name)


def test_of_one_client_only_the_latest_request_is_drafted(drafting: DraftingStore) -> None:
    drafting.gate.clear()
    asked = [drafting.ask(drafting.request(0), "tab", 1)]
    drafting.begun.acquire()
    for place in (1, 2, 3):
        asked.append(drafting.ask(drafting.request(place), "tab", place + 1))
        while drafting.store.drafts._latest["tab"] <= place:
            threading.Event().wait(0.005)
    late, answer = drafting.ask(drafting.request(4), "tab", 2)  # overtaken on its way
    late.join()
    other = drafting.ask(drafting.request(5), "another tab", 1)
    drafting.waiting(2)
    drafting.gate.set()
    for thread, _ in (*asked, other):
        thread.join()
    assert answer == [None]
    assert [answers[0] is None for _, answers in asked] == [False, True, True, False]
    assert sorted(drafting.drafted()) == sorted(drafting.paintings[place].name for place in (0, 3, 5))


def test_requests_without_a_client_id_wait(drafting: DraftingStore) -> None:
    drafting.gate.clear()
    asked = [drafting.ask(drafting.request(place)) for place in range(4)]
    drafting.waiting(3)
    drafting.gate.set()
    for thread, _ in asked:
        thread.join()
    assert all(isinstance(answers[0], Draft) for _, answers in asked)
    assert len(drafting.drafted()) == 4


def test_too_many_wait(drafting: DraftingStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draft_queue_module, "MAX_DRAFTS_WAITING", 2)
    drafting.gate.clear()
    for place in range(3):
        drafting.ask(drafting.request(place))
    drafting.waiting(2)
    with pytest.raises(OptionError, match="2 drafts wait already"):
        drafting.store.draft(drafting.request(3))


def test_only_pictures_of_the_studio_are_read(drafting: DraftingStore, folder_with_pictures: Path) -> None:
    with pytest.raises(InputError, match="no picture of this studio"):
        drafting.store.draft(drafting.request().model_copy(update={"photo": folder_with_pictures / "photo.png"}))
    with pytest.raises(OptionError, match="a draft needs a photo and at least one painting"):
        drafting.store.draft(Request(photo=drafting.photo))
    with pytest.raises(OptionError, match="strength"):
        drafting.store.draft(drafting.request(strength=200))
    with pytest.raises(OptionError, match="unknown recipe"):
        drafting.store.draft(drafting.request().model_copy(update={"recipe": "/etc/passwd"}))
    assert not drafting.made


def test_requests_that_wait_as_the_studio_closes_are_refused(drafting: DraftingStore) -> None:
    drafting.gate.clear()
    drafting.ask(drafting.request(0))
    drafting.begun.acquire()
    thread, answers = drafting.ask(drafting.request(1))
    drafting.waiting(1)
    drafting.store.drafts.close()
    thread.join()
    assert "being closed" in str(answers[0])
    with pytest.raises(OutputError, match="being closed"):
        drafting.store.draft(drafting.request(2))


def test_a_drafting_process_is_lost_and_replaced(
    tmp_path: Path, folder_with_pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One test for all that needs the real process, since it takes seconds to load."""
    made = Store(
        tmp_path / "store",
        options={"threads": 1},
        start_worker=lambda kind: WorkerProcess(kind) if kind == "draft" else FakePainter(),
    )
    with closing(made) as store:
        photo = store.keep_upload(folder_with_pictures / "photo.png", "photo.png")

        def request(strength: float) -> Request:
            paintings = (PaintingChoice(path=next(iter(bundled_by_hash().values()))),)
            return Request(photo=photo, paintings=paintings, options=SMALL | {"strength": strength})

        def process() -> Any:
            painter = store.drafts._worker
            assert isinstance(painter, WorkerProcess)
            return painter._process

        assert store.draft(request(10))
        first = process()
        first.send_signal(signal.SIGKILL)
        first.wait()
        assert store.draft(request(20))
        second = process()
        assert second.pid != first.pid

        monkeypatch.setattr(draft_queue_module, "DRAFT_SECONDS", 0.05)
        monkeypatch.setattr(process_module, "CANCEL_SECONDS", 0.05)
        os.kill(second.pid, signal.SIGSTOP)
        with pytest.raises(OutputError, match="the drafting process was lost"):
            store.draft(request(30))
        monkeypatch.undo()
        assert store.draft(request(30))
    assert process().wait() == 0
