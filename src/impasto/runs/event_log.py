"""The events of a run as JSON lines in a file."""

from __future__ import annotations

import json
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from impasto.errors import OutputError
from impasto.events import Event, event_fields


class EventLog:
    """The event stream as JSON lines, written as it happens; arrays are left out.

    The file is opened at the first event, so that a run that never starts leaves none. A run that goes on
    keeps the first `start_bytes` of it: what it had written when the checkpoint was saved.
    """

    def __init__(self, path: Path | None, start_bytes: int = 0) -> None:
        self._path, self._start = path, start_bytes
        self._stream: TextIO | None = None

    @property
    def written_bytes(self) -> int:
        """Length of the file so far."""
        return self._stream.tell() if self._stream is not None else 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._stream is not None:
            self._stream.close()

    def write(self, event: Event) -> None:
        """Append an event; raises `OutputError`."""
        if self._path is None:
            return
        try:
            if self._stream is None:
                goes_on = self._start > 0 and self._path.is_file() and self._path.stat().st_size >= self._start
                self._stream = self._path.open("r+" if goes_on else "w", encoding="utf-8", newline="\n")
                self._stream.seek(self._start if goes_on else 0)
                self._stream.truncate()
            self._stream.write(json.dumps(event_fields(event)) + "\n")
            self._stream.flush()
        except OSError as error:
            raise OutputError(f"cannot write the events file {str(self._path)!r}: {error.strerror}") from error
