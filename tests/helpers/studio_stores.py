"""Stores for tests: one that paints with a tiny encoder, one for drafts."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from painters import FakePainter, HerePainter

from impasto.errors import ImpastoError
from impasto.images.reading import load_picture
from impasto.inputs.bundled import bundled_by_hash
from impasto.studio.draft_request import Draft
from impasto.studio.job import JobView
from impasto.studio.protocol import Message, Order
from impasto.studio.request import PaintingChoice, Request
from impasto.studio.store import Store
from impasto.studio.worker.draft import DraftMaker

WAIT_SECONDS = 120

SMALL = {"size_px": 64}


class StockedStore:
    """A store with a photo and a painting in it, and what is to happen at a message about a job."""

    def __init__(self, folder: Path, options: dict[str, Any], pictures: Path) -> None:
        self.at: Callable[[str, Message], None] = lambda id, message: None
        self.heard: list[Message] = []
        self.store = Store(folder, options=options, start_worker=lambda kind: HerePainter(self._watch))
        self.photo = self.store.keep_upload(pictures / "photo.png", "a lion.png")
        self.painting = self.store.keep_upload(pictures / "painting.png", "waves.png")
        self.request = Request(photo=self.photo, paintings=(PaintingChoice(path=self.painting),))

    def _watch(self, order: Order, message: Message) -> None:
        self.heard.append(message)
        self.at(order.id, message)

    def paint(self, **changes: Any) -> JobView:
        """Submit a request and wait for its end."""
        return self.wait(self.store.submit(self.request.model_copy(update=changes)))

    def wait(self, id: str) -> JobView:
        for _ in range(WAIT_SECONDS * 100):
            view = self.store.queue.view(id)
            if view.state not in ("waiting", "painting"):
                return view
            threading.Event().wait(0.01)
        raise AssertionError(f"{id} is still {view.state}")

    def stop_at(self, step: int) -> None:
        """Stop the next job after a step; once."""

        def stop(id: str, message: Message) -> None:
            if message.progress and message.progress.steps_done == step:
                self.at = lambda id, message: None
                self.store.queue.stop(id)

        self.at = stop


class DraftingStore:
    """A store with a photo and paintings; `gate` holds drafts back, `painting` holds jobs back."""

    def __init__(self, folder: Path, pictures: Path, real: bool = False) -> None:
        self.gate, self.painting = threading.Event(), threading.Event()
        self.gate.set()
        self.begun = threading.Semaphore(0)
        self.made: list[FakePainter | HerePainter] = []
        self._start_drafter = self._real if real else self._fake
        self.store = Store(
            folder,
            options={"threads": 1},
            start_worker=lambda kind: self._start_drafter() if kind == "draft" else FakePainter(gate=self.painting),
        )
        self.photo = self.store.keep_upload(pictures / "photo.png", "a lion.png")
        self.paintings = [*bundled_by_hash().values()]

    def _fake(self) -> FakePainter:
        studio = self

        class FakeDrafter(FakePainter):
            def begin(self, order: Any) -> None:
                super().begin(order)
                studio.begun.release()

            def messages(self) -> Iterator[Any]:
                for message in super().messages():
                    if message.ended and message.ended.state == "done":
                        self.orders[-1].files.exported(".jpg").write_bytes(b"a draft")
                    yield message

        self.made.append(FakeDrafter(steps=1, gate=self.gate))
        return self.made[-1]

    def _real(self) -> HerePainter:
        self.made.append(HerePainter(do_job=DraftMaker().do_job))
        return self.made[-1]

    def request(self, place: int = 0, **options: Any) -> Request:
        paintings = (PaintingChoice(path=self.paintings[place]),)
        return Request(photo=self.photo, paintings=paintings, options=SMALL | options)

    def drafted(self) -> list[str]:
        """Names of the paintings of the drafts that were begun, in order."""
        return [order.request.paintings[0].path.name for painter in self.made for order in painter.orders]  # type: ignore[union-attr]

    def ask(self, *arguments: Any) -> tuple[threading.Thread, list[Draft | ImpastoError | None]]:
        """Ask for a draft in a thread of its own; its answer is put into the list."""
        answers: list[Draft | ImpastoError | None] = []

        def run() -> None:
            try:
                answers.append(self.store.draft(*arguments))
            except ImpastoError as error:
                answers.append(error)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        return thread, answers

    def waiting(self, count: int) -> None:
        """Wait until so many wait for their turn."""
        while self.store.drafts._waiting != count:
            threading.Event().wait(0.005)


def pixels(path: Path | None) -> np.ndarray:
    assert path is not None
    return load_picture(path).samples.astype(np.float64)


def draft(drafting: DraftingStore, request: Request) -> Draft:
    made = drafting.store.draft(request)
    assert made is not None
    return made


def shelf_of(store: Store) -> list[str]:
    """Names of the paintings that are people's own."""
    return [picture.name for picture in store.shelf() if not picture.bundled]
