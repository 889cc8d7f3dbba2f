"""Painting a picture: the run that an order describes, progress reports, and pictures in the job's folder."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from impasto.errors import CheckpointError, OutputError
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
from impasto.images.reading import read_record
from impasto.inputs.bundled import bundled_by_hash
from impasto.runs.build import build_enlargement, build_resume, build_run
from impasto.runs.event_log import EventLog
from impasto.runs.interrupted import Command, holds_run, remove_run
from impasto.runs.progress import Clock
from impasto.runs.record import ENCODER_SUFFIX, parse_record, wanted_files
from impasto.runs.run import Run
from impasto.runs.timelapse import TimeLapse
from impasto.storage.files import format_bytes
from impasto.storage.hashing import hash_file
from impasto.studio.protocol import Ended, Message, Order, StudioProgress
from impasto.studio.request import Request
from impasto.studio.worker.active_job import ActiveJob, Report
from impasto.studio.worker.inputs import load_paintings, load_regions, rename_files
from impasto.studio.worker.reduced import PREVIEW_PX, THUMBNAIL_PX, save_reduced

CHECKPOINT_SECONDS = 20.0
PREVIEW_SECONDS = 0.35  # from one preview to the next at least
PREVIEW_SHARE = 0.1  # of the time that previews may take


def warm_up() -> None:
    """Paint a speck, so that everything is loaded before the first job: that takes a second or two."""
    sample = next(iter(bundled_by_hash().values()))
    build_run(sample, sample, options={"size_px": 32, "min_scale_px": 32, "steps": 1}).paint()


def paint_picture(job: ActiveJob, report: Report) -> Ended:
    """Paint a picture, or go on with one that was stopped."""
    order, files, controls = job.order, job.order.files, job.controls
    run, earlier_log = _build(order, controls, report)
    run.inputs = rename_files(run.inputs, order.names)
    reporter = PaintReporter(order, report)
    time_lapse = TimeLapse(files.time_lapse, folder=files.checkpoints, overwrite=True)
    with EventLog(files.events, *earlier_log, overwrite=True) as log:
        run.command = lambda: Command(
            output=str(files.picture),
            bit_depth=8,
            record=True,
            events=str(files.events),
            events_bytes=log.written_bytes,
            events_sha256=log.sha256,
        )
        for event in run:
            log.write(event)
            if log.fault:
                reporter.say_once("events", f"painting goes on: {log.fault}")
            time_lapse.watch(event, controls)
            reporter.take(event, controls)  # it says when there is a preview, which the time-lapse takes too
            if job.cancelled:
                return Ended(state="cancelled")
    pastiche = run.pastiche
    assert pastiche is not None, "the engine ended without RunDone"
    pastiche.save(files.picture, overwrite=True)
    try:
        save_reduced(files.thumbnail, pastiche.pixels, THUMBNAIL_PX)
        time_lapse.save()
    except OutputError as error:
        reporter.say_once("beside", f"something beside the picture is missing: {error}")
    with suppress(OSError):
        files.preview.unlink(missing_ok=True)
    height_px, width_px = pastiche.pixels.shape[:2]
    reporter.finish(pastiche.seconds, (width_px, height_px), run.complete)
    if run.complete:
        remove_run(files.checkpoints)
    return Ended(state="done" if run.complete else "stopped")


def _build(order: Order, controls: Controls, report: Report) -> tuple[Run, tuple[int, str]]:
    """The run of an order, and how many bytes of its event log stay, with their SHA-256."""
    checkpoints, request = order.files.checkpoints, order.request
    encoder = str(request.options.get("encoder", ""))
    known = {*request.files, *([order.source] if order.source else []), Path(encoder).absolute()}
    if holds_run(checkpoints):
        try:
            run, state, notes = build_resume(
                checkpoints,
                trusts=lambda paths: known.issuperset(paths),
                controls=controls,
                checkpoint_seconds=CHECKPOINT_SECONDS,
            )
        except CheckpointError as error:
            report(Message(notice=f"painted anew: {error}"))
        else:
            for note in notes:
                report(Message(notice=note))
            command = state.command
            return run, (command.events_bytes, command.events_sha256) if command else (0, "")
    remove_run(checkpoints)
    if order.source is not None:
        run = _build_final(order.source, request)
        run.controls = controls
        if run.replayed and run.replayed.stopped_after:
            report(Message(notice="the picture was stopped early: what was left out then is not painted now"))
    else:
        run = build_run(
            request.photo,
            load_paintings(request.paintings),
            recipe=request.recipe,
            controls=controls,
            options=request.options,
            regions=load_regions(request.regions),
        )
    run.checkpoint_folder, run.checkpoint_seconds = checkpoints, CHECKPOINT_SECONDS
    return run, (0, "")


def _build_final(source: Path, request: Request) -> Run:
    """An enlargement; its inputs are those files of the request that the record names."""
    options = dict(request.options)
    size_px, encoder = options.pop("size_px"), options.pop("encoder", "")
    files = [*request.files, *([Path(encoder)] if encoder.endswith(ENCODER_SUFFIX) else [])]
    recorded = {file.sha256 for file in wanted_files(parse_record(read_record(source), source.name)).values()}
    inputs = [path for path in files if path.is_file() and hash_file(path) in recorded]
    return build_enlargement(source, inputs, size_px=size_px, overrides=options)


class PaintReporter:
    """Reports the progress of a run, and saves previews of the picture."""

    def __init__(self, order: Order, report: Report) -> None:
        self._order, self._report, self._clock = order, report, Clock()
        self._progress = StudioProgress(doing="loading")
        self._steps: tuple[int, ...] = ()
        self._preview_at, self._preview_took = 0.0, 0.0
        self._said: set[str] = set()

    def take(self, event: Event, controls: Controls) -> None:
        """Take an event in; asks for a preview when it is time for one."""
        self._clock.tick(event)
        if isinstance(event, RunStarted):
            height_px, width_px = event.scales_px[-1]
            self._steps = event.steps
            self._change(doing="", size=(width_px, height_px), steps=sum(event.steps), scales=len(event.steps))
        elif isinstance(event, FetchProgressed):
            done, total = format_bytes(event.done_bytes), format_bytes(event.total_bytes)
            self._change(doing=f"fetching {event.file_name}: {done} of {total}")
        elif isinstance(event, Resumed):
            steps_done = self._steps_done(event.scale, event.step)
            self._change(scale=event.scale + 1, steps_done=steps_done, seconds=event.seconds)
        elif isinstance(event, ScaleStarted):
            self._change(scale=event.scale + 1)
        elif isinstance(event, StepDone):
            self._change(
                event.losses,
                steps_done=self._steps_done(event.scale, event.step),
                share_done=self._clock.share_done,
                seconds=event.seconds,
                seconds_left=self._clock.seconds_left or self._progress.seconds_left,
            )
        elif isinstance(event, PreviewReady):
            self._save_preview(event.pixels)
        elif isinstance(event, CheckpointSaved):
            self._report(Message(checkpoint=True))
        elif isinstance(event, Notice):
            self._report(Message(notice=event.message))
        if isinstance(event, ScaleStarted | StepDone):
            wait_seconds = max(PREVIEW_SECONDS, self._preview_took / PREVIEW_SHARE)
            controls.preview = time.monotonic() - self._preview_at >= wait_seconds

    def say_once(self, what: str, notice: str) -> None:
        """Report what went wrong beside the picture, the first time."""
        if what not in self._said:
            self._said.add(what)
            self._report(Message(notice=notice))

    def finish(self, seconds: float, size: tuple[int, int], complete: bool) -> None:
        """Report the end; scales that ended early count as a whole."""
        share_done = 1.0 if complete else self._progress.share_done
        self._change(seconds=seconds, size=size, share_done=share_done, seconds_left=None)

    def _steps_done(self, scale: int, step: int) -> int:
        """Number of steps over all scales."""
        return sum(self._steps[:scale]) + step

    def _change(self, losses: dict[str, float] | None = None, **changes: Any) -> None:
        self._progress = self._progress.model_copy(update=changes)
        self._report(Message(progress=self._progress, losses=losses))

    def _save_preview(self, pixels: NDArray[np.float32]) -> None:
        started = time.monotonic()
        try:
            save_reduced(self._order.files.preview, pixels, PREVIEW_PX)
            if not self._preview_at:  # for the history, until there is a finished picture
                save_reduced(self._order.files.thumbnail, pixels, THUMBNAIL_PX)
        except OutputError as error:
            self.say_once("previews", f"painting goes on without previews: {error}")
        self._preview_at = time.monotonic()
        self._preview_took = self._preview_at - started
