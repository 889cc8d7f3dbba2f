"""The engine: paints a pastiche coarse to fine and tells what happens. Read this first.

For every scale of the pyramid: photo and paintings at that size, their targets, an objective; then steps of the
optimiser until the scale ends; then the pastiche is enlarged and handed on. Everything that happens is an event.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from impasto.encoders import Encoder, load_encoder
from impasto.engine.balance import Balance, Readability
from impasto.engine.optimizers import Adam
from impasto.engine.pyramid import Scale, build_pyramid
from impasto.errors import OptionError
from impasto.events import Controls, Event, Notice, PreviewReady, RunDone, RunStarted, ScaleStarted, StepDone
from impasto.images.geometry import fit_long_edge, resize
from impasto.images.io import Picture
from impasto.losses.objective import Objective, style_statistics
from impasto.losses.smoothness import total_variation
from impasto.losses.statistics import Moments, blend
from impasto.options import STARTING_POINTS, PaintOptions

DEFAULT_LONG_EDGE_PX = 1024
READABILITY_EVERY = 4  # steps between two measurements of readability


@dataclass(frozen=True)
class Painting:
    """A style image and its share among several."""

    picture: Picture
    weight: float = 1.0


def iter_paint(
    content: Picture,
    paintings: Sequence[Painting],
    options: PaintOptions,
    *,
    controls: Controls | None = None,
    starting_picture: Picture | None = None,
) -> Iterator[Event]:
    controls = controls or Controls()
    torch.set_num_threads(options.threads or os.cpu_count() or 1)
    started = time.monotonic()
    long_edge = options.size_px or min(DEFAULT_LONG_EDGE_PX, max(content.height_px, content.width_px))
    scales = build_pyramid(content.height_px, content.width_px, long_edge, options)
    encoder = load_encoder(options.encoder, padding_mode=options.padding_mode)
    yield RunStarted(tuple((s.height_px, s.width_px) for s in scales), tuple(s.steps for s in scales))
    optimizer: Adam | None = None
    balance = Balance(options.content_weight, target_distance(options.strength))
    readability = None
    if options.balance == "readability":
        from impasto.engine.balance import LONG_EDGE_PX
        readability = Readability(encoder, _tensor(content, *fit_long_edge(content.height_px, content.width_px, LONG_EDGE_PX)))
    pixel_steps = 0.0
    previous = None
    for index, scale in enumerate(scales):
        photo = scale.extend(_tensor(content, scale.height_px, scale.width_px))
        painted = [(_tensor(p.picture, *_style_size(p.picture, max(scale.height_px, scale.width_px))), p.weight) for p in paintings]
        objective = Objective(
            encoder, photo,
            content_layers=options.content_layers, style_layers=options.style_layers,
            style_targets=style_statistics(encoder, painted, list(options.style_layers)),
            style_loss=options.style_loss, content_weight=balance.weight, style_weight=options.style_weight,
            tv_weight=options.tv_weight, tv_scale=TV(painted),
        )
        if optimizer is None:
            optimizer = Adam(photo, options.learning_rate, options.average)
        else:
            optimizer.rescale(lambda canvas, mode: scale.extend(resize(previous.crop(canvas), scale.height_px, scale.width_px, mode)))
        yield ScaleStarted(index, scale.height_px, scale.width_px, scale.steps)
        for step in range(1, scale.steps + 1):
            evaluation = optimizer.step(objective, RATE(step, scale.steps, index))
            pixel_steps += scale.canvas_pixels
            d = None
            if readability is not None and step % READABILITY_EVERY == 0 and (index or step > 12):
                d = readability.distance(scale.crop(optimizer.picture))
                balance.update(d, READABILITY_EVERY)
                objective.content_weight = balance.weight
            yield StepDone(index, step, evaluation.losses, objective.content_weight, d, time.monotonic() - started)
        previous = scale
    yield RunDone(_pixels(scale.crop(optimizer.averaged)), False, time.monotonic() - started, pixel_steps)

def TV(painted): return max(sum(float(total_variation(p)) * w for p, w in painted) / sum(w for _, w in painted), 1e-4)
def RATE(step, steps, index): return 1.0

def target_distance(s): return 0.28 * s / 50

def _style_size(p, long_edge):
    return fit_long_edge(p.height_px, p.width_px, min(long_edge, max(p.height_px, p.width_px)))

def _tensor(picture: Picture, height: int, width: int) -> Tensor:
    return torch.from_numpy(picture.pixels(height, width)).permute(2, 0, 1)[None].contiguous()

def _pixels(t): return t[0].permute(1, 2, 0).contiguous().numpy()
