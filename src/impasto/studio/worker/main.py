"""A worker process: ``python -m impasto.studio.worker.main paint`` carries out orders and reports on them.

With ``draft`` it makes drafts: quick pictures that must not wait behind a painting.

A process of its own, because a run may fill the memory or crash a library, and must not take the page and the other
jobs along; because its thread count is its own; and because a step that takes minutes can be ended at once by
killing it. When the studio ends, for whatever reason, standard input ends too: the current job is then stopped, with
a checkpoint.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
from collections.abc import Callable
from typing import BinaryIO, cast

from filelock import FileLock

from impasto.studio.protocol import Ended, Message, WorkerInput, WorkerKind
from impasto.studio.worker.active_job import ActiveJob, Report, end_of

NICENESS = 5  # the page, and the person's other programs, come first


def main(kind: WorkerKind) -> None:
    """Do jobs until the studio ends."""
    out = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # whatever a library prints goes to stderr
    do_job = load_kind(kind)
    inbox = Inbox()
    threading.Thread(target=inbox.listen, args=(sys.stdin.buffer,), daemon=True).start()

    def report(message: Message) -> None:
        try:
            out.write(message.model_dump_json(exclude_defaults=True).encode() + b"\n")
        except BrokenPipeError:
            inbox.hang_up()  # the studio has ended: leave a checkpoint and end

    while job := inbox.jobs.get():
        report(Message(ended=do_job(job, report)))
    os._exit(0)  # everything is written, and an orderly shutdown takes seconds


def load_kind(kind: WorkerKind) -> Callable[[ActiveJob, Report], Ended]:
    """Load everything that this kind of worker needs, torch above all; returns the function that does a job."""
    if kind == "draft":
        from impasto.engine.memory import use_large_pages
        from impasto.studio.worker.draft import DraftMaker

        use_large_pages()
        return DraftMaker().do_job
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    from impasto.studio.worker.paint import warm_up

    warm_up()
    return do_paint_job


def do_paint_job(job: ActiveJob, report: Report) -> Ended:
    """Paint a picture or a grid; every error is reported, none raised."""
    kind = job.order.request.kind
    if kind == "film":
        from impasto.studio.worker.film import paint_film as do_it  # loads what films need
    elif kind == "grid":
        from impasto.studio.worker.grid import paint_grid as do_it
    else:
        from impasto.studio.worker.paint import paint_picture as do_it

    def paint() -> Ended:
        # A process whose studio was killed may be about to finish this very job.
        with FileLock(job.order.folder / "painting.lock"):
            return do_it(job, report)

    return end_of(paint)


class Inbox:
    """Takes in orders and commands while a job is done."""

    def __init__(self) -> None:
        self.jobs: queue.SimpleQueue[ActiveJob | None] = queue.SimpleQueue()
        self._latest: ActiveJob | None = None

    def listen(self, lines: BinaryIO) -> None:
        """Read lines until there are no more."""
        for line in lines:
            received = WorkerInput.model_validate_json(line)
            if received.order:
                self._latest = ActiveJob(received.order)
                self.jobs.put(self._latest)
            elif received.command and self._latest and self._latest.order.id == received.command.id:
                self._latest.obey(received.command)
        self.hang_up()

    def hang_up(self) -> None:
        """Stop the current job, and take no more."""
        if self._latest:
            self._latest.controls.stop = True
        self.jobs.put(None)


if __name__ == "__main__":
    main(cast("WorkerKind", sys.argv[1]))
