"""The events of a run as a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from impasto.errors import OutputError
from impasto.events import Notice
from impasto.runs.event_log import EventLog


def test_an_events_file_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "late").mkdir()
    with EventLog(tmp_path / "late") as log, pytest.raises(OutputError, match="late"):
        log.write(Notice("here"))
