"""Workers for tests: one that paints in this process, and one that only seems to."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator

from impasto.studio.protocol import Ended, JobCommand, Message, Order, StudioProgress
from impasto.studio.worker.active_job import ActiveJob, Report
from impasto.studio.worker.main import do_paint_job

Watcher = Callable[[Order, Message], None]


class HerePainter:
    """Does in a thread what a worker process does; `watch` receives every message before the studio does."""

    def __init__(
        self,
        watch: Watcher = lambda order, message: None,
        do_job: Callable[[ActiveJob, Report], Ended] = do_paint_job,
    ) -> None:
        self._watch, self.do_job = watch, do_job

    def begin(self, order: Order) -> None:
        self._job, self._messages = ActiveJob(order), queue.SimpleQueue()  # type: ignore[var-annotated]
        threading.Thread(target=self._paint, daemon=True).start()

    def _paint(self) -> None:
        job = self._job

        def report(message: Message) -> None:
            message = Message.model_validate_json(message.model_dump_json(exclude_defaults=True))
            self._watch(job.order, message)
            self._messages.put(message)

        report(Message(ended=self.do_job(job, report)))

    def messages(self) -> Iterator[Message]:
        while True:
            message = self._messages.get()
            yield message
            if message.ended:
                return

    def send(self, command: JobCommand) -> None:
        self._job.obey(command)

    def close(self) -> None:
        pass


class FakePainter:
    """Takes `steps` steps of no length, each as soon as `gate` is open, and writes a picture of a few bytes."""

    busy: int = 0

    def __init__(self, steps: int = 3, gate: threading.Event | None = None) -> None:
        self._steps, self._gate = steps, gate
        self.orders: list[Order] = []
        self.commands: list[JobCommand] = []
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
            yield Message(progress=StudioProgress(steps_done=step, steps=self._steps), losses={"total": 1 / step})
        if state != "cancelled":
            order.files.picture.write_bytes(b"a picture")
        self.busy -= 1
        yield Message(ended=Ended(state=state))  # type: ignore[arg-type]

    def send(self, command: JobCommand) -> None:
        assert command.id == self.orders[-1].id, "a command for a job that is not being painted"
        self.commands.append(command)
        if command.stop or command.cancel:
            self._end = "cancelled" if command.cancel else self._end or "stopped"

    def close(self) -> None:
        self._end = self._end or "stopped"
