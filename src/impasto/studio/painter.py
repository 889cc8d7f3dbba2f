"""The studio's end of a painting process: orders and commands go in, messages come out."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import IO, Protocol

from pydantic import ValidationError

from impasto.studio.messages import Command, FromStudio, Message, Order

CANCEL_SECONDS = 3.0  # for a step to end by itself; then the process is ended
CLOSE_SECONDS = 20.0


class Painter(Protocol):
    """Paints one job at a time; `begin` and `send` return at once."""

    def begin(self, order: Order) -> None:
        """Take a job on; raises `OSError`."""

    def messages(self) -> Iterator[Message]:
        """Messages about the job in hand; the last has `ended`, unless the painter was lost."""

    def send(self, command: Command) -> None:
        """Change the job in hand."""

    def close(self) -> None:
        """End, without regard for a job in hand."""


class ProcessPainter:
    """A process that is started now, so that it has loaded everything by the first order, and anew when it is lost."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process = self._start()
        self._jobs = 0

    def begin(self, order: Order) -> None:
        with self._lock:
            self._jobs += 1
            if self._process.poll() is not None:
                self._process = self._start()
            self._write(FromStudio(order=order))

    def messages(self) -> Iterator[Message]:
        for line in _pipe(self._process.stdout):
            try:
                message = Message.model_validate_json(line)
            except ValidationError:
                return  # cut off in the middle of a line
            yield message
            if message.ended:
                return
        self._process.wait()

    def send(self, command: Command) -> None:
        with self._lock:
            try:
                self._write(FromStudio(command=command))
            except OSError:
                return  # it is lost: `messages` ends, which says so
            if command.cancel:
                timer = threading.Timer(CANCEL_SECONDS, self._end, [self._jobs])
                timer.daemon = True
                timer.start()

    def close(self) -> None:
        with self._lock:
            self._jobs += 1  # no timer has anything to end any more
            _pipe(self._process.stdin).close()
            try:
                self._process.wait(CLOSE_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            _pipe(self._process.stdout).close()

    def _end(self, job: int) -> None:
        with self._lock:
            if job == self._jobs:
                self._process.kill()

    def _write(self, line: FromStudio) -> None:
        stdin = _pipe(self._process.stdin)
        stdin.write(line.model_dump_json(exclude_defaults=True).encode() + b"\n")
        stdin.flush()

    @staticmethod
    def _start() -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "impasto.studio.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={"OMP_WAIT_POLICY": "passive"} | os.environ,  # threads that spin would starve the page
            start_new_session=True,  # Ctrl-C is the studio's to answer
        )


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None, "the process was started with pipes"
    return pipe
