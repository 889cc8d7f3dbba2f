"""The queue and its history, with painters that only seem to paint."""

from __future__ import annotations

import json
import random
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from painters import FakePainter

from impasto.errors import OptionError, OutputError
from impasto.studio import job as job_module
from impasto.studio import queue as queue_module
from impasto.studio.job import JobView
from impasto.studio.protocol import Message
from impasto.studio.queue import Queue
from impasto.studio.request import Request

ENDED = {"stopped", "done", "failed", "cancelled"}


REQUEST = Request(photo=Path("/somewhere/photo.png"))


WAIT_SECONDS = 60


@pytest.fixture
def build(tmp_path: Path) -> Iterator[Callable[..., Queue]]:
    """Make queues that are closed at the end."""
    built: list[Queue] = []

    def make(*painters: FakePainter, folder: Path = tmp_path / "jobs") -> Queue:
        queue = Queue(
            folder,
            [lambda painter=painter: painter for painter in painters],
            options={"threads": 1},
            name_of=lambda path: path.name,
            to_stored=lambda path: path.relative_to("/somewhere"),
            from_stored=lambda path: Path("/somewhere") / path,
        )
        built.append(queue)
        return queue

    yield make
    for queue in built:
        queue.close()


def wait_for(queue: Queue, id: str, *states: str) -> JobView:
    """The job once it is in one of these states (default: has ended)."""
    wanted = set(states) or ENDED
    for _ in range(WAIT_SECONDS * 100):
        view = queue.view(id)
        if view.state in wanted:
            return view
        threading.Event().wait(0.01)
    raise AssertionError(f"{id} is still {queue.view(id).state}")


def manifest(tmp_path: Path, id: str) -> dict[str, object]:
    return json.loads((tmp_path / "jobs" / id / "job.json").read_text())


def test_one_is_painted_at_a_time_in_order(build: Callable[..., Queue], tmp_path: Path) -> None:
    gate = threading.Event()
    painter = FakePainter(gate=gate)
    queue = build(painter)
    ids = [queue.submit(REQUEST, f"job {number}") for number in range(4)]
    wait_for(queue, ids[0], "painting")
    assert [queue.view(id).position for id in ids] == [None, 1, 2, 3]
    queue.cancel(ids[2])
    assert [queue.view(id).position for id in ids] == [None, 1, None, 2]
    gate.set()
    assert [wait_for(queue, id).state for id in ids] == ["done", "done", "cancelled", "done"]
    assert [order.id for order in painter.orders] == [ids[0], ids[1], ids[3]]
    assert [view.id for view in queue.history()] == ids[::-1]
    assert queue.losses(ids[0]) == ((1, {"total": 1.0}), (2, {"total": 0.5}), (3, {"total": 1 / 3}))
    assert manifest(tmp_path, ids[0])["request"]["photo"] == "photo.png"  # type: ignore[index]
    assert painter.orders[0].request.options == {"threads": 1}


def test_two_devices_paint_two_at_once(build: Callable[..., Queue]) -> None:
    gate = threading.Event()
    painters = [FakePainter(gate=gate), FakePainter(gate=gate)]
    queue = build(*painters)
    ids = [queue.submit(REQUEST, "") for _ in range(3)]
    for id in ids[:2]:
        wait_for(queue, id, "painting")
    assert queue.view(ids[2]).position == 1
    assert {p.orders[0].request.options["device"] for p in painters} == {"cuda:0", "cuda:1"}
    gate.set()
    wait_for(queue, ids[2], "done")


def test_stop_and_cancel_of_a_job_in_hand(build: Callable[..., Queue]) -> None:
    queue = build(FakePainter(gate=threading.Event()))
    first, second = queue.submit(REQUEST, ""), queue.submit(REQUEST, "")
    wait_for(queue, first, "painting")
    queue.stop(first)
    stopped = wait_for(queue, first)
    assert (stopped.state, stopped.can_go_on, stopped.pastiche is not None) == ("stopped", True, True)
    wait_for(queue, second, "painting")
    queue.cancel(second)
    cancelled = wait_for(queue, second)
    assert (cancelled.state, cancelled.pastiche) == ("cancelled", None)
    for ended in (first, second):
        queue.stop(ended)
    queue.cancel(second)
    assert [queue.view(id).state for id in (first, second)] == ["stopped", "cancelled"]


def test_a_stopped_waiting_job_goes_on_later(build: Callable[..., Queue]) -> None:
    gate = threading.Event()
    queue = build(FakePainter(gate=gate))
    first, second = queue.submit(REQUEST, ""), queue.submit(REQUEST, "")
    wait_for(queue, first, "painting")
    queue.stop(second)
    assert queue.view(second).state == "stopped"
    queue.go_on(second)
    queue.go_on(second)  # a double click
    assert queue.view(second).position == 1
    gate.set()
    wait_for(queue, second, "done")
    with pytest.raises(OptionError, match="finished"):
        queue.go_on(second)


def test_a_deleted_job_is_gone_once_its_painter_lets_go(build: Callable[..., Queue], tmp_path: Path) -> None:
    gate = threading.Event()
    queue = build(FakePainter(gate=gate))
    first, second, third = (queue.submit(REQUEST, "") for _ in range(3))
    wait_for(queue, first, "painting")
    for id in (first, second):
        queue.remove(id)
        with pytest.raises(OptionError, match="there is no job"):
            queue.view(id)
    gate.set()
    wait_for(queue, third, "done")
    for id in (first, second):
        queue._forget(id)  # a minute later
        with pytest.raises(OptionError, match="removed for good"):
            queue.bring_back(id)
    assert [path.name for path in (tmp_path / "jobs").iterdir()] == [third]


def test_a_removed_job_can_be_brought_back_for_a_while(build: Callable[..., Queue], tmp_path: Path) -> None:
    gate = threading.Event()
    queue = build(FakePainter(gate=gate))
    painted, waits = queue.submit(REQUEST, "first"), queue.submit(REQUEST, "second")
    wait_for(queue, painted, "painting")
    for id in (painted, waits):
        queue.remove(id)
    assert queue.history() == [] and len(queue.requests()) == 2, "their pictures are needed yet"
    for id in (painted, waits):
        queue.bring_back(id)
        assert wait_for(queue, id).state == "stopped"
    assert [view.manifest.title for view in queue.history()] == ["second", "first"]
    assert queue.view(painted).pastiche is not None
    queue.remove(painted)
    queue.close()
    assert [path.name for path in (tmp_path / "jobs").iterdir()] == [waits], "it is gone with the studio"


def test_listeners_hear_of_every_change_and_of_those_that_move_up(build: Callable[..., Queue]) -> None:
    gate = threading.Event()
    queue = build(FakePainter(gate=gate))
    heard = threading.Semaphore(0)
    end = queue.listen(heard.release)
    first, second = queue.submit(REQUEST, ""), queue.submit(REQUEST, "")
    assert heard.acquire(timeout=WAIT_SECONDS)
    wait_for(queue, first, "painting")
    last, views, ids = queue.changes(-1)
    assert [view.id for view in views] == [second, first] and ids == {first, second}
    assert queue.changes(last) == (last, [], ids)
    third = queue.submit(REQUEST, "")
    queue.cancel(second)
    views = queue.changes(last)[1]
    assert {view.id: view.position for view in views} == {second: None, third: 1}
    end()
    assert not queue._listeners
    gate.set()


def test_a_full_history_takes_no_more(build: Callable[..., Queue], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue_module, "MAX_JOBS", 1)
    queue = build(FakePainter())
    wait_for(queue, queue.submit(REQUEST, ""))
    with pytest.raises(OptionError, match="1 jobs are kept already: remove some"):
        queue.submit(REQUEST, "")


def test_steering_reaches_the_picture_in_hand_and_no_other(build: Callable[..., Queue]) -> None:
    gate = threading.Event()
    painter = FakePainter(gate=gate)
    queue = build(painter)
    first, second = queue.submit(REQUEST, ""), queue.submit(REQUEST, "")
    wait_for(queue, first, "painting")
    queue.steer(first, 70.0)
    with pytest.raises(OptionError, match="this job stays as it was ordered"):
        queue.steer(second, 30.0)
    assert [(c.id, c.strength, c.stop) for c in painter.commands] == [(first, 70.0, False)]
    assert [queue.view(id).request.options["strength"] for id in (first,)] == [70.0]
    gate.set()
    wait_for(queue, second, "done")
    assert "strength" not in painter.orders[1].request.options, "a job never changes after it was ordered"
    with pytest.raises(OptionError, match="only a picture that is being painted"):
        queue.steer(first, 10.0)
    assert queue.view(first).request.options["strength"] == 70.0


def test_a_restart_finds_what_was_painted_stopped_and_what_waited_waiting(
    build: Callable[..., Queue], tmp_path: Path
) -> None:
    queue = build(FakePainter(gate=threading.Event()))
    done_gate = threading.Event()
    first, second, third = (queue.submit(REQUEST, f"number {n}") for n in range(3))
    wait_for(queue, first, "painting")
    shutil.copytree(tmp_path / "jobs", tmp_path / "as killed")
    again = build(FakePainter(gate=done_gate), folder=tmp_path / "as killed")
    assert [view.manifest.title for view in again.history()] == ["number 2", "number 1", "number 0"]
    assert (again.view(first).state, again.view(first).can_go_on) == ("stopped", True)
    wait_for(again, second, "painting")
    assert again.view(third).position == 1
    again.go_on(first)
    done_gate.set()
    assert wait_for(again, first).state == "done"
    assert again.view(second).request == REQUEST


def test_closing_stops_what_is_painted_and_leaves_the_queue(build: Callable[..., Queue], tmp_path: Path) -> None:
    queue = build(FakePainter(gate=threading.Event()))
    first, second = queue.submit(REQUEST, ""), queue.submit(REQUEST, "")
    wait_for(queue, first, "painting")
    queue.close()
    assert [manifest(tmp_path, id)["state"] for id in (first, second)] == ["stopped", "waiting"]


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"format_version": 2}',
        lambda text: text.replace(b'"done"', b'"painted"'),
        lambda text: text.replace(b'"id": "', b'"id": "x'),
        lambda text: text.replace(b'"source": null', b'"source": "../../x.png"'),
        None,
    ],
)
def test_a_damaged_manifest_is_reported_and_touched_no_further(
    build: Callable[..., Queue], tmp_path: Path, damage: bytes | Callable[[bytes], bytes] | None
) -> None:
    queue = build(FakePainter())
    bad, good = queue.submit(REQUEST, "bad"), queue.submit(REQUEST, "good")
    wait_for(queue, good)
    queue.close()
    path = tmp_path / "jobs" / bad / "job.json"
    if damage is None:
        path.unlink()
    else:
        path.write_bytes(damage if isinstance(damage, bytes) else damage(path.read_bytes()))
    again = build(FakePainter())
    assert [view.id for view in again.history()] == [good]
    assert len(again.notes) == 1 and bad in again.notes[0]
    assert (tmp_path / "jobs" / bad / f"impasto-{bad}.png").exists()


def test_a_folder_left_by_halves_is_removed(build: Callable[..., Queue], tmp_path: Path) -> None:
    (tmp_path / "jobs" / "20260101-000000-0" / "checkpoints").mkdir(parents=True)
    assert build(FakePainter()).notes == []
    assert not list((tmp_path / "jobs").iterdir())


class Faulty(FakePainter):
    """Its first job ends in a way of its own."""

    def __init__(self, fault: Callable[[], None]) -> None:
        super().__init__()
        self._fault = fault

    def messages(self) -> Iterator[Message]:
        if len(self.orders) > 1:
            yield from super().messages()
        else:
            self.busy -= 1
            self._fault()


def test_a_lost_painter_fails_its_job_and_the_next_is_painted(build: Callable[..., Queue]) -> None:
    queue = build(Faulty(lambda: None))
    first, second = queue.submit(REQUEST, ""), queue.submit(REQUEST, "")
    failed = wait_for(queue, first)
    assert failed.state == "failed" and "Continue goes on" in (failed.manifest.error or "")
    assert wait_for(queue, second).state == "done"
    queue.go_on(first)
    assert wait_for(queue, first, "done").manifest.error is None


def test_a_bug_fails_its_job_and_the_next_is_painted(build: Callable[..., Queue]) -> None:
    def fault() -> None:
        raise ZeroDivisionError("a bug")

    queue = build(Faulty(fault))
    first, second = queue.submit(REQUEST, ""), queue.submit(REQUEST, "")
    assert wait_for(queue, first).manifest.error == "ZeroDivisionError: a bug"
    assert wait_for(queue, second).state == "done"


def test_a_full_disk_does_not_end_the_queue(
    build: Callable[..., Queue], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    gate = threading.Event()
    queue = build(FakePainter(gate=gate))
    first, second = queue.submit(REQUEST, ""), queue.submit(REQUEST, "")
    wait_for(queue, first, "painting")

    def full(path: Path, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(job_module, "write_whole", full)
    gate.set()
    view = wait_for(queue, second)
    assert view.state == "done"
    assert "No space left" in view.manifest.notices[0]
    with pytest.raises(OutputError, match="No space left"):
        queue.submit(REQUEST, "")
    assert {path.name for path in (tmp_path / "jobs").iterdir()} == {first, second}


def test_too_many_waiting_are_refused(build: Callable[..., Queue], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue_module, "MAX_WAITING", 2)
    queue = build(FakePainter(gate=threading.Event()))
    first = queue.submit(REQUEST, "")
    wait_for(queue, first, "painting")
    ids = [queue.submit(REQUEST, "") for _ in range(2)]
    with pytest.raises(OptionError, match="2 jobs wait already"):
        queue.submit(REQUEST, "")
    queue.cancel(ids[0])
    queue.submit(REQUEST, "")
    with pytest.raises(OptionError, match="2 jobs wait already"):
        queue.go_on(ids[0])


def test_jobs_without_a_picture_are_bounded_and_pictures_are_not(
    build: Callable[..., Queue], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(queue_module, "MAX_WITHOUT_PICTURE", 2)
    gate = threading.Event()
    gate.set()
    queue = build(FakePainter(gate=gate))
    done = [queue.submit(REQUEST, "") for _ in range(4)]
    for id in done:
        wait_for(queue, id)
    gate.clear()
    painting = queue.submit(REQUEST, "")
    wait_for(queue, painting, "painting")
    for _ in range(5):
        last = queue.submit(REQUEST, "")
        queue.cancel(last)
    left = {view.id: view.state for view in queue.history()}
    assert [left.get(id) for id in done] == ["done"] * 4
    assert sorted(left.values()).count("cancelled") == 2 and left[last] == "cancelled"
    assert {path.name for path in (tmp_path / "jobs").iterdir()} == set(left)


def test_old_checkpoints_make_room_for_newer_ones(build: Callable[..., Queue], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue_module, "CHECKPOINT_BYTES", 250)
    painter = FakePainter(gate=threading.Event())
    queue = build(painter)
    ids = []
    for _ in range(4):
        ids.append(queue.submit(REQUEST, ""))
        wait_for(queue, ids[-1], "painting")
        checkpoints = painter.orders[-1].files.checkpoints
        checkpoints.mkdir()
        (checkpoints / "checkpoint-000001.safetensors").write_bytes(bytes(100))
        queue.stop(ids[-1])
        wait_for(queue, ids[-1])
    views = [queue.view(id) for id in ids]
    assert [view.resumable for view in views] == [False, False, True, True]
    assert all(view.pastiche and view.can_go_on for view in views)
    assert "made room" in views[0].manifest.notices[0]


def test_thousands_of_clicks_from_many_threads(build: Callable[..., Queue], tmp_path: Path) -> None:
    painter = FakePainter(steps=2)
    queue = build(painter)
    surprises: list[BaseException] = []
    known: list[str] = []

    def click(seed: int) -> None:
        dice = random.Random(seed)
        acts: list[Callable[[str], object]] = [
            queue.stop, queue.cancel, queue.go_on, queue.remove, queue.bring_back, queue.view,
            lambda id: queue.steer(id, dice.uniform(0, 100)),
            lambda id: queue.history(),
            lambda id: known.append(queue.submit(REQUEST, "")),
        ]  # fmt: skip
        for _ in range(250):
            try:
                dice.choice(acts)(dice.choice(known[-20:]))
            except OptionError:
                pass  # a job that is gone, or done, or one too many
            except BaseException as error:
                surprises.append(error)
                raise

    known.append(queue.submit(REQUEST, ""))
    threads = [threading.Thread(target=click, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not surprises
    for view in queue.history():
        wait_for(queue, view.id)
    assert wait_for(queue, queue.submit(REQUEST, "the last")).state == "done"
    for id in list(queue._removed):
        queue._forget(id)
    left = {view.id: view.state for view in queue.history()}
    assert {path.name for path in (tmp_path / "jobs").iterdir()} == set(left)
    assert {id: manifest(tmp_path, id)["state"] for id in left} == left
    assert painter.busy == 0
