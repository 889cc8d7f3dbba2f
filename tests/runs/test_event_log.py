"""The events of a run as a file."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from pathlib import Path

import numpy as np
import pytest

from impasto.events import Notice, PreviewReady, StepDone
from impasto.runs import event_log
from impasto.runs.event_log import EventLog, is_log_of

STEP = StepDone(0, 1, {"total": 0.5}, 1.0, None, 2.0)


def test_every_event_is_a_line_without_its_arrays(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    with EventLog(path) as log:
        assert not path.exists(), "a run that never starts leaves none"
        assert log.written_bytes == 0
        log.write(STEP)
        assert log.written_bytes == path.stat().st_size, "each line is there at once"
        log.write(PreviewReady(0, 1, np.zeros((2, 2, 3), np.float32)))
    first, second = map(json.loads, path.read_text().splitlines())
    assert first == {"event": "StepDone", "scale": 0, "step": 1, "losses": {"total": 0.5}, "content_weight": 1.0,
                     "readability": None, "seconds": 2.0}  # fmt: skip
    assert second == {"event": "PreviewReady", "scale": 0, "step": 1}


def test_without_a_path_nothing_is_written() -> None:
    with EventLog(None) as log:
        log.write(STEP)
        assert log.written_bytes == 0


@pytest.mark.parametrize(
    ("start_bytes", "expected"),
    [(2, [1, 3]), (4, [1, 2, 3])],
    ids=["after the first", "after all"],
)
def test_a_run_that_goes_on_keeps_what_was_written_by_its_checkpoint(
    tmp_path: Path, start_bytes: int, expected: list[int]
) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"1\n2\n")
    sha256 = hashlib.sha256(path.read_bytes()[:start_bytes]).hexdigest()
    with EventLog(path, start_bytes, sha256) as log:
        log.write(Notice("3"))
        assert (log.written_bytes, log.sha256) == (path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest())
    numbers = [json.loads(line) for line in path.read_text().splitlines()]
    assert [3 if isinstance(number, dict) else number for number in numbers] == expected
    assert b"\r" not in path.read_bytes()
    assert is_log_of(path, start_bytes, sha256)


@pytest.mark.parametrize("start_bytes", [0, 2, 5])
def test_a_file_that_is_not_the_runs_stays(tmp_path: Path, start_bytes: int) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"1\n2\n")
    assert not is_log_of(path, start_bytes, "0" * 64)
    with EventLog(path, start_bytes, "0" * 64) as log:
        log.write(Notice("3"))
        assert "File exists" in log.fault
    assert path.read_bytes() == b"1\n2\n"
    with EventLog(path, start_bytes, "0" * 64, overwrite=True) as log:
        log.write(Notice("3"))
        assert not log.fault
    assert json.loads(path.read_text())["message"] == "3"


def test_a_file_that_is_gone_begins_anew(tmp_path: Path) -> None:
    with EventLog(tmp_path / "events.jsonl", 100, "0" * 64) as log:
        log.write(Notice("3"))
    assert len((tmp_path / "events.jsonl").read_text().splitlines()) == 1


def test_a_log_that_cannot_be_written_costs_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "late").mkdir()
    with EventLog(tmp_path / "late") as log:
        log.write(Notice("here"))
        log.write(Notice("there"))
        assert "late' cannot be written any more: " in log.fault and log.written_bytes == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk() -> None:
    with EventLog(Path("/dev/full")) as log:
        log.write(Notice("here"))
        assert "No space left on device" in log.fault


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    if not hasattr(os, "mkfifo"):
        pytest.skip("there are no named pipes here")
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


def test_a_pipe_that_is_read_gets_every_event(pipe: Path) -> None:
    read = list[str]()
    ready = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)  # so that the log finds a reader
    reader = threading.Thread(target=lambda: read.extend(pipe.read_text().splitlines()))
    with EventLog(pipe) as log:
        assert log.write(Notice("0")) == ""
        reader.start()
        for number in range(1, 4000):  # far more than a pipe holds
            assert log.write(Notice(str(number))) == ""
    reader.join()
    os.close(ready)
    assert [json.loads(line)["message"] for line in read] == [str(number) for number in range(4000)]


def test_a_pipe_that_nobody_reads_is_not_waited_for(pipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fault = f"the events file '{pipe}' cannot be written any more: nobody reads it"
    with EventLog(pipe) as log:
        assert log.write(STEP) == fault
        assert log.write(STEP) == ""
    monkeypatch.setattr(event_log, "READER_SECONDS", 0.01)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with EventLog(pipe) as log:
        told = [log.write(Notice("x" * 1000)) for _ in range(200)]
    os.close(reader)
    assert told[0] == "" and [text for text in told if text] == [fault]
