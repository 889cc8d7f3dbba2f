"""The events of a run as JSON lines in a file."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import select
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from impasto.events import Event, event_fields

READER_SECONDS = 5.0  # for the reader of a pipe that is full, before nobody is thought to read it
SUFFIXES = (".json", ".jsonl", ".ndjson", ".log", ".txt")  # of a file that a run folder may name


class EventLog:
    """The event stream as JSON lines, written as it happens; arrays are left out.

    The file is opened at the first event, so that a run that never starts leaves none. A log that cannot be written, as
    a pipe that nobody reads, costs no picture: `fault` then says why, and nothing more is written.

    Parameters
    ----------
    start_bytes, start_sha256: what the file had when the checkpoint was saved that a run goes on from. It is cut back
        to that; a file that begins otherwise is not of this run, and not touched.
    overwrite: whether a file that is not of this run may be replaced.
    """

    def __init__(
        self, path: Path | None, start_bytes: int = 0, start_sha256: str = "", *, overwrite: bool = False
    ) -> None:
        self._path, self._start, self._overwrite = path, start_bytes, overwrite
        self._start_sha256 = start_sha256
        self._stream: io.FileIO | None = None
        self._digest = hashlib.sha256()
        self.written_bytes = 0
        self.fault = ""

    @property
    def sha256(self) -> str:
        """Of the bytes written so far."""
        return self._digest.hexdigest()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):
            if self._stream is not None:
                self._stream.close()

    def write(self, event: Event) -> str:
        """Append an event, unless that cannot be done any more: then `fault` is returned, once."""
        if self._path is None or self.fault:
            return ""
        try:
            if self._stream is None:
                self._stream = self._open(self._path)
            line = json.dumps(event_fields(event)).encode() + b"\n"
            _write_all(self._stream, line)
        except OSError as error:
            self.fault = f"the events file {str(self._path)!r} cannot be written any more: {error.strerror}"
            with suppress(OSError):
                if self._stream is not None:
                    self._stream.close()
            return self.fault
        self._digest.update(line)
        self.written_bytes += len(line)
        return ""

    def _open(self, path: Path) -> io.FileIO:
        if is_log_of(path, self._start, self._start_sha256):
            stream = path.open("r+b", buffering=0)
            stream.truncate(self._start)
            stream.seek(self._start)
            self._digest, self.written_bytes = beginning(path, self._start), self._start
            return stream
        if path.exists() and not path.is_file():
            return _open_device(path)
        return path.open("wb" if self._overwrite else "xb", buffering=0)


def _open_device(path: Path) -> io.FileIO:
    """A pipe or device to write to, without waiting for a reader."""
    try:
        return io.FileIO(os.open(path, os.O_WRONLY | getattr(os, "O_NONBLOCK", 0)), "w")
    except OSError as error:
        if error.errno == errno.ENXIO:
            raise OSError(errno.ENXIO, "nobody reads it") from error
        raise


def _write_all(stream: io.FileIO, data: bytes) -> None:
    """Write to the end; `OSError` where that cannot be, or a reader does not read for `READER_SECONDS`."""
    left = memoryview(data)
    while left:
        written = stream.write(left)
        if written is not None:
            left = left[written:]
        elif not select.select([], [stream], [], READER_SECONDS)[1]:
            raise OSError(errno.EAGAIN, "nobody reads it")


def is_log_of(path: Path, start_bytes: int, start_sha256: str) -> bool:
    """Whether a file begins as the events file of a run did when its checkpoint was saved."""
    return start_bytes > 0 and beginning(path, start_bytes).hexdigest() == start_sha256


def beginning(path: Path, size: int) -> hashlib._Hash:
    """The digest of a file's first bytes, fewer where it is shorter or not there."""
    digest = hashlib.sha256()
    with suppress(OSError):
        if path.is_file():
            with path.open("rb") as stream:
                while size > 0 and (piece := stream.read(min(size, 1 << 20))):
                    digest.update(piece)
                    size -= len(piece)
    return digest
