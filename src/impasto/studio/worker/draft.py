"""Making drafts: one pass of a stylizer that is loaded once."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import cached_property, lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from impasto.engine.devices import set_threads, thread_count
from impasto.events import RunStarted
from impasto.images.picture import Picture, quantise
from impasto.images.reading import load_picture
from impasto.images.resize import fit_long_edge
from impasto.inputs.paintings import Painting, Region
from impasto.inputs.recorded import RecordedPainting
from impasto.inputs.run_inputs import RunInputs, describe_painting
from impasto.options.fields import PaintOptions
from impasto.runs.build import build_run, load_palette
from impasto.runs.draft import DraftOptions, paint_draft
from impasto.studio.protocol import Ended, Message, Order, Price
from impasto.studio.request import Request
from impasto.studio.worker.active_job import ActiveJob, Report, end_of
from impasto.studio.worker.inputs import load_paintings, load_regions, rename_files
from impasto.stylizer.regions import DraftPainter, measure_painting
from impasto.stylizer.statistics import StyleStatistics, blend_statistics
from impasto.stylizer.stylizer import load_stylizer

MAX_PAINTINGS = 64  # whose statistics are kept, some 300 kB each
MAX_PHOTOS = 4  # kept at the size of a draft


class DraftMaker:
    """The stylizer with the last paintings and photos: to page through paintings costs one pass each."""

    def __init__(self) -> None:
        self._measure = lru_cache(MAX_PAINTINGS)(self._measure_uncached)
        self._photo = lru_cache(MAX_PHOTOS)(_load_reduced)

    @cached_property
    def _painter(self) -> DraftPainter:
        return DraftPainter(load_stylizer(), keep_photo=True)

    def do_job(self, job: ActiveJob, report: Report) -> Ended:
        """Make a draft, or plan a picture; every error is reported, none raised."""
        if job.order.look_only:
            return end_of(lambda: _look_at_clip(job.order, report))
        if job.order.plan_only and job.order.request.kind == "film":
            return end_of(lambda: self._plan_film(job.order, report))
        if job.order.plan_only:
            return end_of(lambda: plan(job.order, report))
        return end_of(lambda: self._draft(job.order))

    def _draft(self, order: Order) -> Ended:
        request, names = order.request, order.names
        assert request.photo is not None, "checked by the store"
        values = dict(request.options)
        set_threads(thread_count(PaintOptions(threads=values.pop("threads"))))
        options = DraftOptions(**values)
        assert options.size_px is not None, "set by the store"
        # The masks of regions have the size of the photo itself.
        photo = load_picture(request.photo) if request.regions else self._photo(request.photo, options.size_px)
        paintings, measured = None, None
        if options.color != "painting" or any(choice.mask for choice in request.paintings):
            paintings = load_paintings(request.paintings)
        elif request.paintings:
            measured = self._measure_all(request, options, names)
        regions = Region(None, paintings), *load_regions(request.regions)
        inputs = RunInputs(photo, regions, palette=load_palette(options.to_paint_options()))
        inputs = rename_files(inputs, names)
        pastiche = paint_draft(self._painter, inputs, options, background=measured)
        pastiche.save(order.files.exported(".jpg"), overwrite=True)
        return Ended(state="done")

    def _plan_film(self, order: Order, report: Report) -> Ended:
        from impasto.studio.worker.film import plan_film  # loads what films need

        with TemporaryDirectory() as folder:
            place = {"folder": Path(folder)}
            return plan_film(order, lambda one: self._draft(order.model_copy(update={"request": one} | place)), report)

    def _measure_all(
        self, request: Request, options: DraftOptions, names: Mapping[str, str]
    ) -> tuple[StyleStatistics, list[RecordedPainting]]:
        """The style statistics of the background's paintings, from the cache where they are there."""
        assert options.size_px is not None, "set by the store"
        styles, files = [], []
        for choice in request.paintings:
            style, file = self._measure(choice.path, options.brush_scale * choice.brush_scale, options.size_px)
            styles.append((style, choice.weight))
            settings = {"name": names[str(choice.path)], "weight": choice.weight, "brush_scale": choice.brush_scale}
            files.append(file.model_copy(update=settings))
        return blend_statistics(styles), files

    def _measure_uncached(
        self, path: Path, brush_scale: float, long_edge_px: int
    ) -> tuple[StyleStatistics, RecordedPainting]:
        painting = Painting(path)
        style = measure_painting(self._painter.stylizer, painting, long_edge_px, brush_scale)
        return style, describe_painting(painting)


def _look_at_clip(order: Order, report: Report) -> Ended:
    from impasto.studio.worker.film import look_at_clip  # loads what films need

    return look_at_clip(order, report)


def plan(order: Order, report: Report) -> Ended:
    """Report what painting a request would take: a run is begun, and left once it has its plan."""
    request = order.request
    run = build_run(
        request.photo,
        load_paintings(request.paintings),
        recipe=request.recipe,
        options=request.options,
        regions=load_regions(request.regions),
    )
    started = next(event for event in run if isinstance(event, RunStarted))
    height_px, width_px = started.scales_px[-1]
    price = Price(size=(width_px, height_px), seconds=started.estimated_seconds, peak_bytes=started.peak_bytes)
    report(Message(price=price))
    return Ended(state="done")


def _load_reduced(path: Path, long_edge_px: int) -> Picture:
    """A photo at the size of its draft, at 16 bit so that nothing is rounded twice."""
    photo = load_picture(path)
    height_px, width_px = fit_long_edge(photo.height_px, photo.width_px, long_edge_px)
    pixels, alpha = photo.pixels(height_px, width_px), photo.alpha(height_px, width_px)
    if alpha is not None:
        pixels = np.concatenate([pixels, alpha[..., None]], axis=2)
    samples = quantise(pixels, 16)
    return dataclasses.replace(photo, samples=samples, height_px=height_px, width_px=width_px, bit_depth=16)
