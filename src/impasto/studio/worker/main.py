"""A painting process: ``python -m impasto.studio.worker.main paint`` reads orders and commands, and tells how they go.

With ``draft`` it makes drafts: quick pictures that must not wait behind a painting.

A process of its own, because a run may fill the memory or crash a library, and must not take the page and the other
jobs along; because its thread count is its own; and because a step that takes minutes can be ended at once by
ending it. When the studio is gone, however it went, the line from it ends: the job in hand is then stopped, with
a checkpoint.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO, cast

from impasto.studio.protocol import Command, Ended, FromStudio, Message, Trade

if TYPE_CHECKING:
    from impasto.studio.worker.paint import Tell, Work

NICENESS = 5  # the page, and whatever else the person does, comes first


def main(trade: Trade) -> None:
    """Paint what is ordered until the studio hangs up."""
    out = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # whatever a library prints goes elsewhere
    do_work = learn(trade)
    desk = Desk()
    threading.Thread(target=desk.listen, args=(sys.stdin.buffer,), daemon=True).start()

    def tell(message: Message) -> None:
        try:
            out.write(message.model_dump_json(exclude_defaults=True).encode() + b"\n")
        except BrokenPipeError:
            desk.hang_up()  # nobody listens any more: leave a checkpoint and end

    while work := desk.orders.get():
        tell(Message(ended=do_work(work, tell)))
    os._exit(0)  # all is written; taking everything down in order takes seconds


def learn(trade: Trade) -> Callable[[Work, Tell], Ended]:
    """Load what the trade takes; returns what does a job."""
    if trade == "draft":
        from impasto.runs.draft import use_large_pages
        from impasto.studio.worker.draft import DraftTable  # loads torch

        use_large_pages()
        return DraftTable().do_work
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    from impasto.studio.worker.paint import do_work, warm_up

    warm_up()
    return do_work


class Desk:
    """Takes orders and commands in while a job is painted."""

    def __init__(self) -> None:
        self.orders: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        self._latest: Work | None = None

    def listen(self, lines: BinaryIO) -> None:
        """Read lines until there are no more."""
        from impasto.studio.worker.paint import Work

        for line in lines:
            said = FromStudio.model_validate_json(line)
            if said.order:
                self._latest = Work(said.order)
                self.orders.put(self._latest)
            elif said.command and self._latest and self._latest.order.id == said.command.id:
                obey(self._latest, said.command)
        self.hang_up()

    def hang_up(self) -> None:
        """Stop the job in hand, and take no more."""
        if self._latest:
            self._latest.controls.stop = True
        self.orders.put(None)


def obey(work: Work, command: Command) -> None:
    """Change the job in hand; the engine reads its controls at the next step."""
    for name in ("strength", "color_strength"):
        if (value := getattr(command, name)) is not None:
            setattr(work.controls, name, value)
    work.cancelled = work.cancelled or command.cancel
    work.controls.stop = work.controls.stop or command.stop or command.cancel


if __name__ == "__main__":
    main(cast("Trade", sys.argv[1]))
