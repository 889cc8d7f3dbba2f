"""What a painting process does with a job: paint, tell, and leave pictures in the job's folder."""

from __future__ import annotations

import dataclasses
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from filelock import FileLock
from numpy.typing import NDArray

from impasto.api import build_enlargement, build_resume, build_run
from impasto.errors import CheckpointError, ImpastoError, OutputError
from impasto.events import (
    CheckpointSaved,
    Controls,
    Event,
    FetchProgressed,
    Notice,
    PreviewReady,
    Resumed,
    RunStarted,
    ScaleStarted,
    StepDone,
)
from impasto.images.picture import Picture
from impasto.images.reading import read_record
from impasto.images.tensors import fit_long_edge, resize
from impasto.images.writing import save_picture
from impasto.inputs.paintings import ALPHA, Painting, Region
from impasto.inputs.style_file import StyleFile
from impasto.runs.event_log import EventLog
from impasto.runs.interrupted import Command, holds_run, remove_run
from impasto.runs.progress import Clock
from impasto.runs.record import ENCODER_SUFFIX, hash_file, parse_record, wanted_files
from impasto.runs.run import Run
from impasto.studio.protocol import Ended, Message, Order, Progress
from impasto.studio.request import PaintingChoice, RegionChoice, Request
from impasto.studio.uploads import samples

CHECKPOINT_SECONDS = 20.0
PREVIEW_SECONDS = 0.35  # from one preview to the next at least
PREVIEW_SHARE = 0.1  # of the time that previews may take
PREVIEW_PX, THUMBNAIL_PX = 1024, 256


@dataclass
class Work:
    """A job in hand, and what steers it."""

    order: Order
    controls: Controls = field(default_factory=Controls)
    cancelled: bool = False


Tell = Callable[[Message], None]
Named = TypeVar("Named")


def do_work(work: Work, tell: Tell) -> Ended:
    """Paint a job; whatever goes wrong is told, not raised."""
    from impasto.studio.worker.grid import paint_grid

    order = work.order

    def paint() -> Ended:
        # A process that was left alone (its studio was killed) may be about to finish this very job.
        with FileLock(order.folder / "painting.lock"):
            return paint_grid(work, tell) if order.request.kind == "grid" else _paint(work, tell)

    return told(paint)


def told(paint: Callable[[], Ended]) -> Ended:
    """How a job ended, also where it failed."""
    try:
        return paint()
    except ImpastoError as error:
        return Ended(state="failed", error=str(error))
    except Exception as error:  # noqa: BLE001 (a bug, or memory that ran out, must not take the others along)
        text = str(error).strip().splitlines()
        line = f"{type(error).__name__}: {text[0] if text else 'no reason given'}"
        return Ended(state="failed", error=line[:500], traceback=traceback.format_exc())


def warm_up() -> None:
    """Paint a speck, so that the first job finds everything loaded: a second or two that nobody waits for."""
    sample = next(iter(samples().values()))
    build_run(sample, sample, options={"size_px": 32, "min_scale_px": 32, "steps": 1}).paint()


def _paint(work: Work, tell: Tell) -> Ended:
    order = work.order
    run, events_from = _build(work, tell)
    _give_names(run, order.names)
    watch = Watch(order, tell)
    with EventLog(order.files.events, events_from) as log:
        run.command = lambda: Command(
            output=str(order.files.picture),
            bit_depth=8,
            record=True,
            events=str(order.files.events),
            events_bytes=log.written_bytes,
        )
        for event in run:
            log.write(event)
            watch.take(event, work.controls)
            if work.cancelled:
                return Ended(state="cancelled")
    pastiche = run.pastiche
    assert pastiche is not None, "the engine ended without RunDone"
    pastiche.save(order.files.picture, overwrite=True)
    save_reduced(order.files.thumbnail, pastiche.pixels, THUMBNAIL_PX)
    order.files.preview.unlink(missing_ok=True)
    height_px, width_px = pastiche.pixels.shape[:2]
    tell(Message(progress=watch.ended(pastiche.seconds, (width_px, height_px), run.complete)))
    if run.complete:
        remove_run(order.files.checkpoints)
    return Ended(state="done" if run.complete else "stopped")


def _build(work: Work, tell: Tell) -> tuple[Run, int]:
    """The run that an order asks for, and how much of the log of its events stays."""
    order, request = work.order, work.order.request
    if holds_run(order.files.checkpoints):
        try:
            run, state, notes = build_resume(
                order.files.checkpoints, controls=work.controls, checkpoint_seconds=CHECKPOINT_SECONDS
            )
        except CheckpointError as error:
            tell(Message(notice=f"painted anew: {error}"))
        else:
            for note in notes:
                tell(Message(notice=note))
            return run, state.command.events_bytes if state.command else 0
    remove_run(order.files.checkpoints)
    if order.source is not None:
        run = _build_final(order.source, request)
        run.controls = work.controls
        if run.replayed and run.replayed.stopped_after:
            tell(Message(notice="the picture was stopped early: what was left out then is not painted now"))
    else:
        run = build_run(
            request.photo,
            style_of(request.paintings),
            recipe=request.recipe,
            controls=work.controls,
            options=request.options,
            regions=regions_of(request.regions),
        )
    run.checkpoint_folder, run.checkpoint_seconds = order.files.checkpoints, CHECKPOINT_SECONDS
    return run, 0


def _build_final(source: Path, request: Request) -> Run:
    """An enlargement; its inputs are those of the request that the record names."""
    options = dict(request.options)
    size_px, encoder = options.pop("size_px"), options.pop("encoder", "")
    files = [*request.files, *([Path(encoder)] if encoder.endswith(ENCODER_SUFFIX) else [])]
    wanted = {file.sha256 for file in wanted_files(parse_record(read_record(source), source.name)).values()}
    given = [path for path in files if hash_file(path) in wanted]
    return build_enlargement(source, given, size_px=size_px, overrides=options)


def style_of(choices: tuple[PaintingChoice, ...]) -> list[Painting] | None:
    """Paintings as `impasto.paint` takes them."""
    return [Painting(choice.path, choice.weight, choice.brush_scale, choice.mask) for choice in choices] or None


def regions_of(choices: tuple[RegionChoice, ...]) -> list[Region]:
    """Regions as `impasto.paint` takes them."""
    return [
        Region(ALPHA if c.mask is None else c.mask, style_of(c.paintings), c.strength, c.brush_scale, c.color)
        for c in choices
    ]


def _give_names(run: Run, names: Mapping[str, str]) -> None:
    """Let notices and the run record call the inputs what people call them."""
    run.content = named(run.content, names)
    run.paintings = paintings_named(run.paintings, names)
    run.regions = regions_named(run.regions, names)


def named(picture: Named, names: Mapping[str, str]) -> Named:
    """A picture by the name that people call its file; what is none (no mask, "alpha") as it is."""
    if not isinstance(picture, Picture | StyleFile):
        return picture
    return dataclasses.replace(picture, name=names.get(str(picture.path), picture.name))


def paintings_named(paintings: Sequence[Painting], names: Mapping[str, str]) -> list[Painting]:
    return [Painting(named(p.picture, names), p.weight, p.brush_scale, named(p.mask, names)) for p in paintings]


def regions_named(regions: Sequence[Region], names: Mapping[str, str]) -> list[Region]:
    return [
        Region(named(r.mask, names), paintings_named(r.paintings, names) or None, r.strength, r.brush_scale, r.color)
        for r in regions
    ]


class Watch:
    """Tells how a run goes, and shows the picture as it is painted."""

    def __init__(self, order: Order, tell: Tell) -> None:
        self._order, self._tell, self._clock = order, tell, Clock()
        self._progress = Progress(doing="loading")
        self._steps: tuple[int, ...] = ()
        self._shown, self._took, self._blind = 0.0, 0.0, False

    def take(self, event: Event, controls: Controls) -> None:
        """Take an event in; asks for a preview where it is time for one."""
        self._clock.tick(event)
        if isinstance(event, RunStarted):
            height_px, width_px = event.scales_px[-1]
            self._steps = event.steps
            self._say(doing="", size=(width_px, height_px), steps=sum(event.steps), scales=len(event.steps))
        elif isinstance(event, FetchProgressed):
            done, total = event.done_bytes / 1e6, event.total_bytes / 1e6
            self._say(doing=f"fetching {event.file_name}: {done:.0f} of {total:.0f} MB")
        elif isinstance(event, Resumed):
            self._say(scale=event.scale + 1, steps_done=self._step(event.scale, event.step), seconds=event.seconds)
        elif isinstance(event, ScaleStarted):
            self._say(scale=event.scale + 1)
        elif isinstance(event, StepDone):
            self._say(
                event.losses,
                steps_done=self._step(event.scale, event.step),
                share_done=self._clock.share_done,
                seconds=event.seconds,
                seconds_left=self._clock.seconds_left or self._progress.seconds_left,
            )
        elif isinstance(event, PreviewReady):
            self._show(event.pixels)
        elif isinstance(event, CheckpointSaved):
            self._tell(Message(checkpoint=True))
        elif isinstance(event, Notice):
            self._tell(Message(notice=event.message))
        if isinstance(event, ScaleStarted | StepDone):
            wait = max(PREVIEW_SECONDS, self._took / PREVIEW_SHARE)
            controls.preview = time.monotonic() - self._shown >= wait

    def ended(self, seconds: float, size: tuple[int, int], complete: bool) -> Progress:
        """The last progress; scales that ended early count as a whole."""
        share = 1.0 if complete else self._progress.share_done
        changes = {"seconds": seconds, "size": size, "share_done": share, "seconds_left": None}
        return self._progress.model_copy(update=changes)

    def _step(self, scale: int, step: int) -> int:
        """Over all scales."""
        return sum(self._steps[:scale]) + step

    def _say(self, losses: dict[str, float] | None = None, **changes: Any) -> None:
        self._progress = self._progress.model_copy(update=changes)
        self._tell(Message(progress=self._progress, losses=losses))

    def _show(self, pixels: NDArray[np.float32]) -> None:
        started = time.monotonic()
        try:
            save_reduced(self._order.files.preview, pixels, PREVIEW_PX)
            if not self._shown:  # for the history, while there is nothing better
                save_reduced(self._order.files.thumbnail, pixels, THUMBNAIL_PX)
        except OutputError as error:
            if not self._blind:
                self._tell(Message(notice=f"painting goes on unseen: {error}"))
            self._blind = True
        self._shown = time.monotonic()
        self._took = self._shown - started


def save_reduced(path: Path, pixels: NDArray[np.float32], long_edge_px: int) -> None:
    """Save [height, width, 3] pixels as a JPEG of this size at most."""
    height_px, width_px = pixels.shape[:2]
    if max(height_px, width_px) > long_edge_px:
        picture = torch.from_numpy(pixels).permute(2, 0, 1)[None]
        smaller = resize(picture, *fit_long_edge(height_px, width_px, long_edge_px)).clamp(0, 1)
        pixels = smaller[0].permute(1, 2, 0).numpy()
    save_picture(path, pixels, overwrite=True)
