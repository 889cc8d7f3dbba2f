"""The events of a run as a file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from impasto.errors import OutputError
from impasto.events import Notice, PreviewReady, StepDone
from impasto.runs.event_log import EventLog

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
    [(0, [3]), (2, [1, 3]), (4, [1, 2, 3]), (5, [3])],
    ids=["anew", "after the first", "after all", "longer than the file"],
)
def test_a_run_that_goes_on_keeps_what_was_written_by_its_checkpoint(
    tmp_path: Path, start_bytes: int, expected: list[int]
) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"1\n2\n")
    with EventLog(path, start_bytes) as log:
        log.write(Notice("3"))
    numbers = [json.loads(line) for line in path.read_text().splitlines()]
    assert [3 if isinstance(number, dict) else number for number in numbers] == expected
    assert b"\r" not in path.read_bytes()


def test_a_file_that_is_gone_begins_anew(tmp_path: Path) -> None:
    with EventLog(tmp_path / "events.jsonl", 100) as log:
        log.write(Notice("3"))
    assert len((tmp_path / "events.jsonl").read_text().splitlines()) == 1


def test_an_events_file_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "late").mkdir()
    with EventLog(tmp_path / "late") as log, pytest.raises(OutputError, match="late"):
        log.write(Notice("here"))
