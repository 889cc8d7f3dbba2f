"""The studio's end of a worker process: orders and commands go in, messages come out."""

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

from impasto.storage.waiting import waiting_policy
from impasto.studio.protocol import JobCommand, Message, Order, WorkerInput, WorkerKind

CANCEL_SECONDS = 3.0  # for a step to end by itself; then the process is killed
STOP_SECONDS = 10.0  # the same, and for the picture as it stands to be painted and written
CLOSE_SECONDS = 5.0  # for an idle process to end


class Worker(Protocol):
    """Does one job at a time; `begin` and `send` return at once."""

    def begin(self, order: Order) -> None:
        """Begin a job; raises `OSError`."""

    def messages(self) -> Iterator[Message]:
        """Messages about the current job; the last has `ended`, unless the worker was lost."""

    def send(self, command: JobCommand) -> None:
        """Change the current job."""

    def close(self) -> None:
        """End the worker, even in the middle of a job."""


class WorkerProcess:
    """A worker in a process, started now so that it is ready for the first order, and again after it was lost."""

    def __init__(self, kind: WorkerKind) -> None:
        self._kind = kind
        self._lock, self._reading = threading.Lock(), threading.Lock()
        self._process = _start(kind)
        self._order: Order | None = None  # the job in hand

    def begin(self, order: Order) -> None:
        with self._lock:
            self._order = order
            if self._process.poll() is not None:
                _close_pipes(self._process)
                self._process = _start(self._kind)
            self._write(WorkerInput(order=order))

    def messages(self) -> Iterator[Message]:
        with self._reading:
            for line in _pipe(self._process.stdout):
                try:
                    message = Message.model_validate_json(line)
                except ValidationError:
                    break  # cut off in the middle of a line
                if message.ended:
                    with self._lock:
                        self._order = None
                yield message
                if message.ended:
                    return
            self._process.kill()  # it is lost, whatever it does
            self._process.wait()

    def send(self, command: JobCommand) -> None:
        with self._lock:
            order = self._order
            try:
                self._write(WorkerInput(command=command))
            except OSError:
                return  # the process is lost, and `messages` ends
        if order and order.id == command.id and (command.stop or command.cancel):
            timer = threading.Timer(CANCEL_SECONDS if command.cancel else STOP_SECONDS, self._kill, [order])
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

    def _kill(self, order: Order) -> None:
        with self._lock:
            if order is self._order:  # not the same job that was begun again meanwhile
                self._process.kill()

    def _write(self, line: WorkerInput) -> None:
        stdin = _pipe(self._process.stdin)
        stdin.write(line.model_dump_json(exclude_defaults=True).encode() + b"\n")
        stdin.flush()


def _start(kind: WorkerKind) -> subprocess.Popen[bytes]:
    home = str(Path(__file__).parents[2])  # the folder of this very package
    path = os.pathsep.join(filter(None, [home, os.environ.get("PYTHONPATH")]))
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "impasto.studio.worker.main", kind],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | waiting_policy(os.environ) | {"PYTHONPATH": path},
        start_new_session=True,  # only the studio answers Ctrl-C
    )


def _close_pipes(process: subprocess.Popen[bytes]) -> None:
    for pipe in (process.stdin, process.stdout):
        with contextlib.suppress(OSError):  # closing writes what is left, and nobody reads it
            _pipe(pipe).close()


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None, "the process was started with pipes"
    return pipe
