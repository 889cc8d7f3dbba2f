"""The engine: paints a pastiche coarse to fine and tells what happens. Read this first.

For every scale of the pyramid: photo and paintings at that size, their targets, an objective; then steps of the
optimiser until the scale ends; then the pastiche is enlarged and handed on. Everything that happens is an event.
"""

from __future__ import annotations

import os
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from impasto.encoders import Encoder, load_encoder
from impasto.engine.balance import READABILITY_LAYERS, READING_LONG_EDGE_PX, Balance, Readability, style_share
from impasto.engine.optimizers import LBFGS, Adam
from impasto.engine.pyramid import CANVAS_MULTIPLE_PX, Scale, build_pyramid
from impasto.errors import OptionError
from impasto.events import Controls, Event, Notice, PreviewReady, RunDone, RunStarted, ScaleStarted, StepDone
from impasto.images.geometry import extend_mirrored, fit_long_edge, resize
from impasto.images.io import Picture
from impasto.losses.objective import Objective, style_statistics
from impasto.losses.smoothness import total_variation
from impasto.losses.statistics import Moments, blend, moments
from impasto.options import STARTING_POINTS, PaintOptions

DEFAULT_LONG_EDGE_PX = 1024
BALANCE_EVERY = 8  # steps from one measurement of readability to the next, fewer where a scale has few
BALANCE_SHARE = 0.7  # of a scale's steps, during which the content weight may move
STOP_WINDOW = 10  # steps over which the adaptive stop compares
MIN_TV_SCALE = 1e-4  # total variation that counts as one for a painting with (almost) none
KEPT_STUDIES = 16  # paintings at one scale each, studied: 5 MB with VGG-19's layers, 0.4 with lite's
VARIATION_AMPLITUDE = 0.1  # of the soft noise that another variation starts from


@dataclass(frozen=True)
class Painting:
    """A style image and its share among several."""

    picture: Picture
    weight: float = 1.0


def pastiche_size(content: Picture, options: PaintOptions) -> tuple[int, int]:
    """(height, width) of the pastiche in pixels."""
    own = max(content.height_px, content.width_px)
    return fit_long_edge(content.height_px, content.width_px, options.size_px or min(DEFAULT_LONG_EDGE_PX, own))


def thread_count(options: PaintOptions) -> int:
    """Threads a run uses: as asked, else one per core that this process may use."""
    if options.threads:
        return options.threads
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def iter_paint(
    content: Picture,
    paintings: Sequence[Painting],
    options: PaintOptions,
    *,
    controls: Controls | None = None,
    starting_picture: Picture | None = None,
) -> Iterator[Event]:
    """Paint, yielding an event for everything that happens; the last one is `RunDone`.

    Parameters
    ----------
    content: the photo.
    paintings: at least one; their style statistics are blended by weight.
    options: validated options; the number of threads is set for the whole process.
    controls: read at every step boundary.
    starting_picture: first pastiche, where `options.starting_point` is a file.

    Raises `OptionError` for options that do not fit together or name unknown layers.
    """
    controls = controls or Controls()
    started = time.monotonic()
    torch.set_num_threads(thread_count(options))
    height, width = pastiche_size(content, options)
    scales = build_pyramid(height, width, options)
    encoder = load_encoder(options.encoder, padding_mode=options.padding_mode)
    _check(options, encoder, paintings, starting_picture)
    yield RunStarted(tuple((s.height_px, s.width_px) for s in scales), tuple(s.steps for s in scales))
    if options.strength == 0 and options.balance == "readability":
        yield Notice("strength 0 is the photo itself: nothing is painted")
        yield RunDone(content.pixels(height, width), False, time.monotonic() - started, 0.0)
        return
    balance = Balance(options)
    optimizer: Adam | LBFGS | None = None
    pixel_steps, previous = 0.0, scales[0]
    for index, scale in enumerate(scales):
        photo = scale.extend(_tensor(content, scale.height_px, scale.width_px))
        layers, notice = _existing_layers(encoder, options, scale)
        if notice:
            yield Notice(notice)
        readability = None
        if balance.moves:
            size = fit_long_edge(scale.height_px, scale.width_px, min(READING_LONG_EDGE_PX, scale.long_edge_px))
            readability = Readability(encoder, _tensor(content, *size))
            if not readability.usable:
                readability = None
                # A long thin photo may be too small only at the coarsest scales.
                if index == len(scales) - 1 or scale.long_edge_px >= READING_LONG_EDGE_PX:
                    balance.moves = False
                    yield Notice(
                        "the photo is too flat or too small to measure its readability: "
                        f"the content weight stays at {balance.weight:g}"
                    )
        objective = build_objective(encoder, photo, paintings, scale, options, layers, balance.weight)
        if optimizer is None:
            start = _starting_point(options, scale, photo, paintings, starting_picture)
            optimizer = LBFGS(start) if options.optimizer == "lbfgs" else Adam(start, options)
        else:
            optimizer.rescale(_Resample(previous, scale))
        previous = scale
        yield ScaleStarted(index, scale.height_px, scale.width_px, scale.steps)
        stop = _AdaptiveStop(options.stop_tolerance)
        for step in range(1, scale.steps + 1):
            evaluation = optimizer.step(objective)
            pixel_steps += scale.canvas_pixels
            distance = None
            balancing = readability is not None and step <= BALANCE_SHARE * scale.steps
            if readability is not None and balancing and step % min(BALANCE_EVERY, -(-scale.steps // 4)) == 0:
                distance = readability.distance(scale.crop(optimizer.picture))
                pixel_steps += readability.cost
                balance.update(distance, first=index == 0)
                objective.content_weight = balance.weight
                optimizer.objective_changed()
            yield StepDone(
                index, step, evaluation.losses, objective.content_weight, distance, time.monotonic() - started
            )
            if controls.preview:
                controls.preview = False
                yield PreviewReady(index, step, _pixels(scale.crop(optimizer.averaged)))
            if optimizer.notice:
                yield Notice(optimizer.notice)
                optimizer = Adam(optimizer.picture, options)
            if controls.stop or (not balancing and stop.reached(evaluation.losses["total"])):
                break
        if controls.stop:
            break
    assert optimizer is not None  # there is always a scale
    finished = resize(previous.crop(optimizer.averaged), height, width).clamp_(0, 1)
    yield RunDone(_pixels(finished), controls.stop, time.monotonic() - started, pixel_steps)


def _check(
    options: PaintOptions, encoder: Encoder, paintings: Sequence[Painting], starting_picture: Picture | None
) -> None:
    """Refuse what cannot be painted, before anything is."""
    if not paintings:
        raise OptionError("no painting given: name at least one")
    if starting_picture is None and options.starting_point not in STARTING_POINTS:
        raise OptionError(
            f"starting point {options.starting_point!r} is neither a picture file nor one of "
            f"{', '.join(STARTING_POINTS)}"
        )
    measured = READABILITY_LAYERS if options.balance == "readability" else ()
    for name in (*options.content_layers, *options.style_layers, *measured):
        encoder.architecture.layer(name)


def _existing_layers(
    encoder: Encoder, options: PaintOptions, scale: Scale
) -> tuple[tuple[Mapping[str, float], Mapping[str, float]], str]:
    """Content and style layers that have a position on this canvas, and a notice if some have none.

    Only without a margin: with one every canvas is large enough.
    """
    smallest = min(scale.canvas_height_px, scale.canvas_width_px)
    names = [la.name for la in encoder.architecture.layers if la.stride_px <= smallest]
    content = {k: v for k, v in options.content_layers.items() if k in names} or {names[-1]: 1.0}
    style = {k: v for k, v in options.style_layers.items() if k in names} or {names[-1]: 1.0}
    missing = sorted({*options.content_layers, *options.style_layers} - set(names))
    notice = f"the picture is only {smallest} px wide or high: {', '.join(missing)} left out" if missing else ""
    return (content, style), notice


def build_objective(
    encoder: Encoder,
    photo: Tensor,
    paintings: Sequence[Painting],
    scale: Scale,
    options: PaintOptions,
    layers: tuple[Mapping[str, float], Mapping[str, float]],
    content_weight: float,
) -> Objective:
    """The objective of one scale: paintings brought to its size, never enlarged past their own."""
    content_layers, style_layers = layers
    long_edge = max(scale.height_px, scale.width_px)
    layer_names = list(style_layers)
    parts, restless = [], 0.0
    for painting in paintings:
        statistics, own_restless = _studied(encoder, painting.picture, long_edge, options, layer_names)
        parts.append((statistics, painting.weight))
        restless += own_restless * painting.weight
    share = style_share(options)
    whole = sum(painting.weight for painting in paintings)
    parts = [(statistics, share * weight / whole) for statistics, weight in parts]
    if share < 1:
        parts.append((style_statistics(encoder, [(photo, 1.0)], layer_names), 1 - share))
    targets = {name: blend((statistics[name], weight) for statistics, weight in parts) for name in style_layers}
    return Objective(
        encoder,
        photo,
        scale.core,
        content_layers=content_layers,
        style_layers=style_layers,
        style_targets=targets,
        style_loss=options.style_loss,
        content_weight=content_weight,
        style_weight=options.style_weight,
        tv_weight=options.tv_weight,
        tv_scale=max(restless / whole, MIN_TV_SCALE),
    )


_STUDIED: OrderedDict[tuple[object, ...], tuple[dict[str, Moments], float]] = OrderedDict()


def _studied(
    encoder: Encoder, picture: Picture, long_edge_px: int, options: PaintOptions, layers: list[str]
) -> tuple[dict[str, Moments], float]:
    """Style statistics of a painting at a scale's size, and its total variation.

    The last `KEPT_STUDIES` are kept for the next run of this process: a batch studies each painting once. All
    options and the thread count tell them apart, so that what is kept is bit for bit what would be computed.
    """
    threads = torch.get_num_threads()
    key = (encoder.sha256, options.model_dump_json(), threads, picture.sha256, long_edge_px, tuple(layers))
    if key not in _STUDIED:
        painted = _style_tensor(picture, long_edge_px)
        _STUDIED[key] = style_statistics(encoder, [(painted, 1.0)], layers), float(total_variation(painted))
        if len(_STUDIED) > KEPT_STUDIES:
            _STUDIED.popitem(last=False)
    _STUDIED.move_to_end(key)
    return _STUDIED[key]


def _starting_point(
    options: PaintOptions,
    scale: Scale,
    photo: Tensor,
    paintings: Sequence[Painting],
    starting_picture: Picture | None,
) -> Tensor:
    """First pastiche on the canvas of the coarsest scale; all that is random in a run happens here."""
    generator = torch.Generator().manual_seed(options.seed)
    if starting_picture is not None:
        start = scale.extend(_tensor(starting_picture, scale.height_px, scale.width_px))
    elif options.starting_point == "noise":
        start = torch.rand(photo.shape, generator=generator)
    elif options.starting_point == "gray":
        start = torch.full_like(photo, 0.5)
    elif options.starting_point == "style-statistics":
        colours = blend((moments(_style_tensor(p.picture, scale.long_edge_px)), p.weight) for p in paintings)
        factor = torch.linalg.cholesky(colours.covariance + 1e-6 * torch.eye(3, dtype=torch.float64))
        noise = torch.randn(photo[0, 0].numel(), 3, generator=generator) @ factor.T.float()
        start = (colours.mean.float() + noise).T.reshape(photo.shape).clamp(0, 1)
    else:
        start = photo
    if options.variation:
        generator.manual_seed(options.variation)
        coarse = torch.randn(1, 3, *(max(1, n // 8) for n in photo.shape[-2:]), generator=generator)
        start = (start + VARIATION_AMPLITUDE * resize(coarse, *photo.shape[-2:])).clamp(0, 1)
    return start


class _AdaptiveStop:
    """Ends a scale when the objective, averaged as the iterate is, gains too little."""

    def __init__(self, tolerance: float) -> None:
        self._tolerance, self._totals = tolerance, list[float]()

    def reached(self, total: float) -> bool:
        self._totals.append(total)
        if self._tolerance == 0 or len(self._totals) < 2 * STOP_WINDOW:
            return False
        before = sum(self._totals[-2 * STOP_WINDOW : -STOP_WINDOW])
        return before - sum(self._totals[-STOP_WINDOW:]) < self._tolerance * before


@dataclass(frozen=True)
class _Resample:
    """Carries a canvas to the next scale: crop, enlarge, extend again."""

    before: Scale
    after: Scale

    def __call__(self, canvas: Tensor, mode: str) -> Tensor:
        picture = resize(self.before.crop(canvas), self.after.height_px, self.after.width_px, mode)
        return self.after.extend(picture)


def _style_tensor(picture: Picture, long_edge_px: int) -> Tensor:
    """A painting at a scale's size, continued by reflection to whole strides of the deepest layer."""
    own = max(picture.height_px, picture.width_px)
    height, width = fit_long_edge(picture.height_px, picture.width_px, min(long_edge_px, own))
    canvas = [max(2, -(-side // CANVAS_MULTIPLE_PX)) * CANVAS_MULTIPLE_PX for side in (height, width)]
    top, left = (canvas[0] - height) // 2, (canvas[1] - width) // 2
    return extend_mirrored(_tensor(picture, height, width), top, left, *canvas)


def _tensor(picture: Picture, height_px: int, width_px: int) -> Tensor:
    pixels = torch.from_numpy(picture.pixels(height_px, width_px))
    return pixels.permute(2, 0, 1)[None].contiguous()


def _pixels(picture: Tensor) -> NDArray[np.float32]:
    pixels: NDArray[np.float32] = picture[0].permute(1, 2, 0).contiguous().numpy()
    return pixels
