"""The drafting process and its queue: only a client's latest request is drafted, and the last drafts are kept."""

from __future__ import annotations

import hashlib
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from impasto.errors import InputError, NotKeptError, OptionError, OutputError
from impasto.storage.atomic import PARTS
from impasto.studio.process import Worker
from impasto.studio.protocol import ClipFacts, JobCommand, Order, Price
from impasto.studio.request import Request

MAX_DRAFTS = 128  # and prices
MAX_DRAFTS_WAITING = 16
MAX_CLIENTS = 256
DRAFT_SECONDS = 60.0  # for a draft, loading included; then its process is killed
CLOSED = "the studio is being closed"
LOST = "the drafting process was lost, perhaps for want of memory; choose the painting again"


class DraftQueue:
    """Drafts in a folder, named by the hash of their request; every method may be called from any thread.

    Parameters
    ----------
    folder: made if need be; what an earlier studio drafted is removed.
    start_drafter: starts the worker; called before the first draft.
    name_of: the name that the person gave to a file.
    """

    def __init__(self, folder: Path, start_drafter: Callable[[], Worker], name_of: Callable[[Path], str]) -> None:
        self._folder, self._start_drafter, self._name_of = folder, start_drafter, name_of
        self._changed = threading.Condition()
        self._worker: Worker | None = None
        # What was made, by its name; the last used at the end.
        self._made: OrderedDict[str, Path | Price | ClipFacts] = OrderedDict()
        self._latest: OrderedDict[str, int] = OrderedDict()  # highest sequence by client
        self._waiting, self._busy, self._closing = 0, False, False
        folder.mkdir(parents=True, exist_ok=True)
        for pattern in ("impasto-*.jpg", PARTS):  # the folder may be the person's own, with drafts of another kind
            for path in folder.glob(pattern):
                path.unlink(missing_ok=True)

    def prepare(self) -> Worker:
        """Start the drafting process unless it runs: it loads for some seconds. Raises `OutputError`."""
        with self._changed:
            if self._closing:
                raise OutputError(CLOSED)
            try:
                self._worker = self._worker or self._start_drafter()
            except OSError as error:
                raise OutputError(f"the drafting process does not start: {error.strerror}") from error
            return self._worker

    def draft(self, request: Request, client_id: str = "", sequence: int = 0) -> Path | None:
        """The picture of a request that `reduce_to_draft` made; None if it was dropped, see `Store.draft`.

        Raises `InputError` for a request that cannot be drafted, `OutputError` where the process is lost,
        `OptionError` when too many wait.
        """
        made = self._make(self._order(request), client_id, sequence)
        assert made is None or isinstance(made, Path), "an order has what it asked for"
        return made

    def price(self, request: Request, client_id: str = "", sequence: int = 0) -> Price | None:
        """What painting a request would take, by the program's own plan; for the rest see `draft`."""
        order = self._order(request).model_copy(update={"plan_only": True})
        made = self._make(order.model_copy(update={"id": f"plan-{order.id}"}), client_id, sequence)
        assert made is None or isinstance(made, Price), "an order has what it asked for"
        return made

    def look(self, clip: Path, folder: Path) -> tuple[Path, ClipFacts]:
        """A frame of a clip as a picture in a folder, and what is known of the clip; raises as `draft` does."""
        order = self._order(Request(photo=None, clip=clip, kind="film")).model_copy(
            update={"look_only": True, "folder": folder}
        )
        order = order.model_copy(update={"id": f"clip-{order.id}"})
        made = self._make(order, "", 0)
        assert isinstance(made, ClipFacts), "an order has what it asked for"
        with self._changed:
            self._made.pop(order.id, None)  # its picture goes elsewhere
        return order.files.picture, made

    def find(self, name: str) -> Path:
        """The file of a draft; raises `NotKeptError` for one that is not kept (any more)."""
        made = self._made.get(name)
        if not isinstance(made, Path):
            raise NotKeptError(f"there is no draft {name!r} (any more)")
        return made

    def _order(self, request: Request) -> Order:
        name = hashlib.sha256(request.model_dump_json().encode()).hexdigest()[:24]
        names = {str(path): self._name_of(path) for path in request.files}
        return Order(id=name, folder=self._folder, request=request, names=names)

    def _make(self, order: Order, client_id: str, sequence: int) -> Path | Price | ClipFacts | None:
        """What an order asks for, once; None if it was dropped."""
        name = order.id if order.plan_only or order.look_only else order.files.exported(".jpg").name
        turn = self._wait_for_turn(name, client_id, sequence)
        if turn == "dropped":
            return None
        if turn == "made":
            return self._made[name]
        try:
            made = self._carry_out(order) or order.files.exported(".jpg")
            self._add(name, made)
        finally:
            with self._changed:
                self._busy = False
                self._changed.notify_all()
        return made

    def close(self) -> None:
        """End the process; requests that wait are answered with an `OutputError`."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._worker is not None:
            self._worker.close()

    def _wait_for_turn(self, name: str, client_id: str, sequence: int) -> Literal["made", "make", "dropped"]:
        """Wait until it is there, or the worker is free and now ours, or the client has asked for another."""
        with self._changed:
            if self._waiting >= MAX_DRAFTS_WAITING:
                raise OptionError(f"{MAX_DRAFTS_WAITING} drafts wait already: try again in a moment")
            if client_id:
                self._latest[client_id] = max(sequence, self._latest.pop(client_id, sequence))
                if len(self._latest) > MAX_CLIENTS:
                    self._latest.popitem(last=False)
                self._changed.notify_all()  # the client's earlier requests are dropped

            def is_dropped() -> bool:
                return self._latest.get(client_id, sequence) > sequence

            self._waiting += 1
            self._changed.wait_for(lambda: not self._busy or name in self._made or is_dropped() or self._closing)
            self._waiting -= 1
            if is_dropped():
                return "dropped"
            if self._closing:
                raise OutputError(CLOSED)
            if name in self._made:
                self._made.move_to_end(name)
                return "made"
            self._busy = True
            return "make"

    def _carry_out(self, order: Order) -> Price | ClipFacts | None:
        worker = self.prepare()
        try:
            worker.begin(order)
        except OSError as error:
            raise OutputError(f"the drafting process does not start: {error.strerror}") from error
        timer = threading.Timer(DRAFT_SECONDS, worker.send, [JobCommand(id=order.id, cancel=True)])
        timer.daemon = True
        timer.start()
        ended, told = None, None
        try:
            for message in worker.messages():
                ended, told = message.ended, message.price or message.clip or told
        finally:
            timer.cancel()
        if self._closing:
            raise OutputError(CLOSED)
        if ended is None:
            raise OutputError(LOST)
        if ended.traceback:
            sys.stderr.write(ended.traceback)
        if ended.state != "done":
            raise InputError(ended.error or LOST)
        return told

    def _add(self, name: str, made: Path | Price | ClipFacts) -> None:
        """Keep a draft or a price, and remove what was not used for the longest time if there is too much."""
        with self._changed:
            self._made[name] = made
            while len(self._made) > MAX_DRAFTS:
                _, oldest = self._made.popitem(last=False)
                if isinstance(oldest, Path):
                    oldest.unlink(missing_ok=True)
