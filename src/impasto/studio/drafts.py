"""Drafts of what could be painted: by a process of their own, only what was asked for last, the last ones kept."""

from __future__ import annotations

import hashlib
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from impasto.api import resolve_options
from impasto.errors import InputError, OptionError, OutputError
from impasto.studio.process import Painter
from impasto.studio.protocol import Command, Order
from impasto.studio.request import Request

DRAFT_PX = 512  # long edge; a painting that is asked for smaller is drafted so
MOST_KEPT = 64
MOST_WAITING = 16
MOST_ASKERS = 256
DRAFT_SECONDS = 60.0  # for a draft, loading included; then its process is ended
HEEDED = (
    "strength",
    "brush_scale",
    "size_px",
    "threads",
    "color",
    "color_method",
    "color_strength",
    "keep_detail",
)
WHOLE_FROM = 50.0  # strength of a painting from which its draft is the whole draft: no draft goes further
CLOSED = "the studio is being closed"
LOST = "the drafting process was lost, perhaps for want of memory; choose the painting again"


class Drafts:
    """Pictures in a folder, named after what they are drafts of; every method may be called from any thread.

    Parameters
    ----------
    folder: made if need be, and emptied.
    painter: makes what drafts; called when a draft is first wanted.
    name_of: what people call a file.
    """

    def __init__(self, folder: Path, painter: Callable[[], Painter], name_of: Callable[[Path], str]) -> None:
        self._folder, self._make, self._name_of = folder, painter, name_of
        self._changed = threading.Condition()
        self._painter: Painter | None = None
        self._kept: OrderedDict[Path, None] = OrderedDict()
        self._latest: OrderedDict[str, int] = OrderedDict()
        self._waiting, self._busy, self._closing = 0, False, False
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.iterdir():
            path.unlink(missing_ok=True)

    def prepare(self) -> None:
        """Let the process load, as a draft will soon be wanted; raises `OutputError` where it does not start."""
        self._ready()

    def draft(self, request: Request, asker: str = "", place: int = 0) -> Path | None:
        """The picture of a request that `reduce_to_draft` made; None if it was dropped, see `Store.draft`.

        Raises `InputError` for what cannot be drafted, `OutputError` where the process is lost, `OptionError` when
        too many wait.
        """
        name = hashlib.sha256(request.model_dump_json().encode()).hexdigest()[:24]
        names = {str(path): self._name_of(path) for path in request.files}
        order = Order(id=name, folder=self._folder, request=request, names=names)
        path = order.files.exported(".jpg")
        turn = self._take_turn(path, asker, place)
        if turn == "paint":
            try:
                self._paint(order)
                self._keep(path)
            finally:
                with self._changed:
                    self._busy = False
                    self._changed.notify_all()
        return None if turn == "dropped" else path

    def find(self, name: str) -> Path:
        """The file of a draft; raises `OptionError` for one that is not kept (any more)."""
        path = self._folder / name
        if path not in self._kept:
            raise OptionError(f"there is no draft {name!r} (any more)")
        return path

    def close(self) -> None:
        """End the process; whoever waits is told."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._painter is not None:
            self._painter.close()

    def _take_turn(self, path: Path, asker: str, place: int) -> Literal["kept", "paint", "dropped"]:
        """Wait until the draft is there, or the process is free, and from now on ours, or nobody wants it any more."""
        with self._changed:
            if self._waiting >= MOST_WAITING:
                raise OptionError(f"{MOST_WAITING} drafts wait already: try again in a moment")
            if asker:
                self._latest[asker] = max(place, self._latest.pop(asker, place))
                if len(self._latest) > MOST_ASKERS:
                    self._latest.popitem(last=False)
                self._changed.notify_all()  # an earlier wish of theirs is dropped

            def dropped() -> bool:
                return self._latest.get(asker, place) > place

            self._waiting += 1
            self._changed.wait_for(lambda: not self._busy or path in self._kept or dropped() or self._closing)
            self._waiting -= 1
            if dropped():
                return "dropped"
            if self._closing:
                raise OutputError(CLOSED)
            if path in self._kept:
                self._kept.move_to_end(path)
                return "kept"
            self._busy = True
            return "paint"

    def _ready(self) -> Painter:
        with self._changed:
            if self._closing:
                raise OutputError(CLOSED)
            try:
                self._painter = self._painter or self._make()
            except OSError as error:
                raise OutputError(f"the drafting process does not start: {error.strerror}") from error
            return self._painter

    def _paint(self, order: Order) -> None:
        painter = self._ready()
        try:
            painter.begin(order)
        except OSError as error:
            raise OutputError(f"the drafting process does not start: {error.strerror}") from error
        timer = threading.Timer(DRAFT_SECONDS, painter.send, [Command(id=order.id, cancel=True)])
        timer.daemon = True
        timer.start()
        ended = None
        try:
            for message in painter.messages():
                ended = message.ended
        finally:
            timer.cancel()
        if ended is None:
            raise OutputError(LOST)
        if ended.traceback:
            sys.stderr.write(ended.traceback)
        if ended.state != "done":
            raise InputError(ended.error or LOST)

    def _keep(self, path: Path) -> None:
        with self._changed:
            self._kept[path] = None
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)[0].unlink(missing_ok=True)


def reduce_to_draft(request: Request, options: Mapping[str, Any]) -> tuple[Request, tuple[str, ...]]:
    """What of a request a draft shows, and in words what it leaves out.

    `options` are laid over the recipe, below the request's own. Raises `OptionError` without a photo or a painting.
    """
    if request.photo is None or not (request.paintings or any(region.paintings for region in request.regions)):
        raise OptionError("a draft needs a photo and at least one painting")
    own = {name: request.options[name] for name in HEEDED if name in request.options}
    resolved = resolve_options(request.recipe, {**options, **own})
    colours = {"color", "color_method", "color_strength"} if resolved.color_strength > 0 else set()
    shown = Request(
        photo=request.photo,
        paintings=request.paintings,
        regions=tuple(
            region.model_copy(update={"strength": None if region.strength is None else _of_a_draft(region.strength)})
            for region in request.regions
        ),
        options={
            "strength": _of_a_draft(resolved.strength),
            "size_px": min(DRAFT_PX, resolved.size_px or DRAFT_PX),
            **resolved.model_dump(include={"brush_scale", "threads", *colours}),
        },
    )
    return shown, ("kept detail",) if resolved.keep_detail > 0 else ()


def _of_a_draft(strength: float) -> float:
    """The strength of the draft of a painting at `strength`."""
    return min(100.0, 100.0 * strength / WHOLE_FROM)
