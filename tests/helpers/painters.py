"""Painters for tests: one that paints in this process, and one that only seems to."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator

from impasto.studio.protocol import Command, Ended, Message, Order, Progress
from impasto.studio.worker.main import obey
from impasto.studio.worker.paint import Work, do_work

Watcher = Callable[[Order, Message], None]


class HerePainter:
    """What a painting process does, in a thread; `watch` is told every message before the studio is."""

    def __init__(
        self,
        watch: Watcher = lambda order, message: None,
        do_work: Callable[[Work, Callable[[Message], None]], Ended] = do_work,
    ) -> None:
        self._watch, self.do_work = watch, do_work

    def begin(self, order: Order) -> None:
        self._work, self._said = Work(order), queue.SimpleQueue()  # type: ignore[var-annotated]
        threading.Thread(target=self._paint, daemon=True).start()

    def _paint(self) -> None:
        work = self._work

        def tell(message: Message) -> None:
            message = Message.model_validate_json(message.model_dump_json(exclude_defaults=True))
            self._watch(work.order, message)
            self._said.put(message)

        tell(Message(ended=self.do_work(work, tell)))

    def messages(self) -> Iterator[Message]:
        while True:
            message = self._said.get()
            yield message
            if message.ended:
                return

    def send(self, command: Command) -> None:
        obey(self._work, command)

    def close(self) -> None:
        pass


class FakePainter:
    """Takes `steps` steps of no length, each as soon as `gate` is open; a picture of a few bytes is the outcome."""

    busy: int = 0

    def __init__(self, steps: int = 3, gate: threading.Event | None = None) -> None:
        self._steps, self._gate = steps, gate
        self.orders: list[Order] = []
        self.commands: list[Command] = []
        self._end: str | None = None

    def begin(self, order: Order) -> None:
        assert not self.busy, "two jobs at once"
        self.busy += 1
        self.orders.append(order)
        self._end = None

    def messages(self) -> Iterator[Message]:
        order = self.orders[-1]
        state = "done"
        for step in range(1, self._steps + 1):
            while self._gate and not self._gate.wait(0.01) and not self._end:
                pass
            if self._end:
                state = self._end
                break
            yield Message(progress=Progress(steps_done=step, steps=self._steps), losses={"total": 1 / step})
        if state != "cancelled":
            order.files.picture.write_bytes(b"a picture")
        self.busy -= 1
        yield Message(ended=Ended(state=state))  # type: ignore[arg-type]

    def send(self, command: Command) -> None:
        assert command.id == self.orders[-1].id, "a command for a job that is not in hand"
        self.commands.append(command)
        if command.stop or command.cancel:
            self._end = "cancelled" if command.cancel else self._end or "stopped"

    def close(self) -> None:
        self._end = self._end or "stopped"
