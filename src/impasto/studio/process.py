"""The studio's end of a painting process: orders and commands go in, messages come out."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Protocol

from pydantic import ValidationError

from impasto.studio.protocol import Command, FromStudio, Message, Order, Trade

CANCEL_SECONDS = 3.0  # for a step to end by itself; then the process is ended
CLOSE_SECONDS = 5.0  # for a process to end that has nothing to do


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

    def __init__(self, trade: Trade = "paint") -> None:
        self._trade = trade
        self._lock, self._reading = threading.Lock(), threading.Lock()
        self._process = _start(trade)
        self._job: str | None = None

    def begin(self, order: Order) -> None:
        with self._lock:
            self._job = order.id
            if self._process.poll() is not None:
                _close_pipes(self._process)
                self._process = _start(self._trade)
            self._write(FromStudio(order=order))

    def messages(self) -> Iterator[Message]:
        with self._reading:
            for line in _pipe(self._process.stdout):
                try:
                    message = Message.model_validate_json(line)
                except ValidationError:
                    break  # cut off in the middle of a line
                if message.ended:
                    with self._lock:
                        self._job = None
                yield message
                if message.ended:
                    return
            self._process.kill()  # it is lost, whatever it does
            self._process.wait()

    def send(self, command: Command) -> None:
        with self._lock:
            try:
                self._write(FromStudio(command=command))
            except OSError:
                return  # it is lost: `messages` ends, which says so
        if command.cancel:
            timer = threading.Timer(CANCEL_SECONDS, self._end, [command.id])
            timer.daemon = True
            timer.start()

    def close(self) -> None:
        with self._lock, contextlib.suppress(OSError):
            _pipe(self._process.stdin).close()
        try:
            self._process.wait(CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        with self._reading:
            _close_pipes(self._process)

    def _end(self, job: str) -> None:
        with self._lock:
            if job == self._job:
                self._process.kill()

    def _write(self, line: FromStudio) -> None:
        stdin = _pipe(self._process.stdin)
        stdin.write(line.model_dump_json(exclude_defaults=True).encode() + b"\n")
        stdin.flush()


def start_drafter() -> ProcessPainter:
    """A process that makes drafts."""
    return ProcessPainter("draft")


def _start(trade: Trade) -> subprocess.Popen[bytes]:
    home = str(Path(__file__).parents[2])  # this very package, wherever it was found
    path = os.pathsep.join(filter(None, [home, os.environ.get("PYTHONPATH")]))
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "impasto.studio.worker.main", trade],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        # Threads that spin while they wait would starve the page.
        env={"OMP_WAIT_POLICY": "passive"} | os.environ | {"PYTHONPATH": path},
        start_new_session=True,  # Ctrl-C is the studio's to answer
    )


def _close_pipes(process: subprocess.Popen[bytes]) -> None:
    for pipe in (process.stdin, process.stdout):
        with contextlib.suppress(OSError):  # what was not written any more
            _pipe(pipe).close()


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None, "the process was started with pipes"
    return pipe
