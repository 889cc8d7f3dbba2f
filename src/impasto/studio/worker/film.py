"""Painting a film: a clip after paintings, frame by frame; and a look at a clip before that."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from impasto.engine.devices import set_threads, thread_count
from impasto.errors import OutputError
from impasto.events import Event, FilmDone, FilmStarted, FrameDone, FramesRead, Notice
from impasto.images.resize import fit_long_edge
from impasto.images.writing import save_picture
from impasto.options.fields import PaintOptions
from impasto.runs.build import resolve_options
from impasto.runs.draft import build_draft_options
from impasto.studio.draft_request import reduce_to_draft
from impasto.studio.protocol import ClipFacts, Ended, Message, Order, Price, StudioProgress
from impasto.studio.request import Request
from impasto.studio.worker.active_job import ActiveJob, Report
from impasto.studio.worker.inputs import load_paintings, load_regions
from impasto.studio.worker.reduced import PREVIEW_PX, THUMBNAIL_PX, save_reduced
from impasto.video.build import build_film
from impasto.video.clip import open_clip
from impasto.video.frame_pictures import frame_bits, frame_picture

PREVIEW_SECONDS = 0.7  # from one frame that is shown to the next at least
STILL_AT = 1 / 3  # of the clip: its beginning is often black
OVER_DRAFT = 2.0  # seconds of a frame of a film, read, painted, mixed and written, over those of a draft of its size


def look_at_clip(order: Order, report: Report) -> Ended:
    """Save a frame of a clip as a picture, and report what the clip is; raises `InputError`."""
    assert order.request.clip is not None, "checked by the store"
    with open_clip(order.request.clip) as clip:
        info = clip.info
        frame = next(iter(clip.frames(STILL_AT * info.duration_seconds)))
        picture = frame_picture(frame, (info.height_px, info.width_px), frame_bits(info))
    save_picture(order.files.picture, picture.pixels(), overwrite=True)
    frames = info.frames or round(info.duration_seconds * info.frame_rate)
    report(Message(clip=ClipFacts(frames=frames, seconds=info.duration_seconds)))
    return Ended(state="done")


def film_options(request: Request) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The options of a film, those of its draft at its own size, and what it leaves out, in words."""
    reduced, left_out = reduce_to_draft(request, {})
    resolved = resolve_options(request.recipe, request.options)
    return reduced.options | {"size_px": resolved.size_px}, left_out


def paint_film(job: ActiveJob, report: Report) -> Ended:
    """Paint a film, or go on with one that was stopped."""
    order, files, controls = job.order, job.order.files, job.controls
    request = order.request
    assert request.clip is not None, "checked by the store"
    options, left_out = film_options(request)
    for words in left_out:
        report(Message(notice=f"left out: {words}"))
    set_threads(thread_count(PaintOptions(threads=options.pop("threads"))))
    film = build_film(
        request.clip,
        load_paintings(request.paintings),
        files.film,
        regions=load_regions(request.regions),
        piece=(None, request.seconds),
        options=build_draft_options(options),
        overwrite=True,
        folder=files.checkpoints,
        controls=controls,
    )
    reporter = _FilmReporter(order, report)
    for event in film:
        reporter.take(event)
        if job.cancelled:
            return Ended(state="cancelled")
        controls.preview = time.monotonic() - reporter.shown_at >= PREVIEW_SECONDS
    assert isinstance(event, FilmDone), "the last event"
    return Ended(state="stopped" if event.stopped else "done")


class _FilmReporter:
    """Reports the progress of a film, and saves some of its frames as previews."""

    def __init__(self, order: Order, report: Report) -> None:
        self._order, self._report = order, report
        self._progress = StudioProgress(doing="loading")
        self.shown_at = 0.0

    def take(self, event: Event) -> None:
        if isinstance(event, FramesRead):
            total = f" of {event.total}" if event.total else ""
            self._change(doing=f"Looking through the clip: {event.frames}{total} frames")
        elif isinstance(event, FilmStarted):
            self._change(
                doing="",
                size=(event.width_px, event.height_px),
                steps=event.frames,
                steps_done=event.painted,
                scales=event.shots,
                share_done=event.painted / event.frames,
                seconds_left=event.estimated_seconds,
            )
        elif isinstance(event, FrameDone):
            if event.pixels is not None:
                self._show(event)
            self._change(
                steps_done=event.frame + 1,
                scale=event.shot + 1,
                share_done=(event.frame + 1) / event.frames,
                seconds=event.seconds,
                seconds_left=event.seconds_left,
            )
        elif isinstance(event, FilmDone):
            self._change(seconds=event.seconds, seconds_left=None)
        elif isinstance(event, Notice):
            self._report(Message(notice=event.message))

    def _show(self, event: FrameDone) -> None:
        assert event.pixels is not None, "asked by the caller"
        files = self._order.files
        try:
            save_reduced(files.preview, event.pixels, PREVIEW_PX)
            if not self.shown_at:
                save_reduced(files.thumbnail, event.pixels, THUMBNAIL_PX)
        except OutputError as error:
            self._report(Message(notice=f"painting goes on without previews: {error}"))
        self.shown_at = time.monotonic()

    def _change(self, **changes: object) -> None:
        self._progress = self._progress.model_copy(update=changes)
        self._report(Message(progress=self._progress))


def plan_film(order: Order, draft: Callable[[Request], object], report: Report) -> Ended:
    """Report what painting a film would take, from the time of one draft of its size, which is made twice."""
    request = order.request
    assert request.clip is not None, "checked by the store"
    options, _ = film_options(request)
    single = request.model_copy(update={"options": options, "clip": None, "kind": "paint", "recipe": None})
    draft(single)  # what is loaded for it is loaded once
    began = time.perf_counter()
    draft(single)
    draft_seconds = time.perf_counter() - began
    with open_clip(request.clip) as clip:
        info = clip.info
    frames = info.frames or round(info.duration_seconds * info.frame_rate)
    share = min(1.0, (request.seconds or info.duration_seconds) / info.duration_seconds)
    longest = max(info.width_px, info.height_px)
    height_px, width_px = fit_long_edge(info.height_px, info.width_px, min(longest, options["size_px"] or longest))
    seconds = OVER_DRAFT * draft_seconds * frames * share
    report(Message(price=Price(size=(width_px, height_px), seconds=seconds, peak_bytes=peak_bytes())))
    return Ended(state="done")


def peak_bytes() -> int:
    """The most memory that this process has had so far, which has just painted a frame."""
    import resource  # not on Windows

    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
