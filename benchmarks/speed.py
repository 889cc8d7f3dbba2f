"""The default recipe against the long schedule: what it reaches for what it costs, and seconds end to end.

(a) Both at the same frozen content weight, the one that a default run chose for the pair; both pastiches
    (8 bit, cropped) judged by one function, lite's own objective at full size. Cost in pixel-steps; that of
    the default run counts its measurements of readability.
(b) End to end: the default recipe as a command and within Python, against the long schedule with a
    VGG-19-sized encoder (random weights), of which a few steps per scale are timed and the rest extrapolated.
(c) With --profile: where the time of a step goes, by part and scale.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import impasto
from common import (
    Pair,
    Report,
    build_judge,
    interleave,
    iter_pair,
    median_ratio,
    new_parser,
    objective_of,
    paint_options,
    paint_pair,
    parse,
    run,
    seeded_pairs,
    to_tensor,
)
from impasto.encoders import Encoder, load_encoder
from impasto.engine.optimizers import LBFGS
from impasto.engine.pyramid import Scale, build_pyramid
from impasto.engine.readability import READING_LONG_EDGE_PX, Readability
from impasto.engine.validate import pastiche_size
from impasto.events import RunStarted, StepDone
from impasto.losses.content import ContentLoss
from impasto.losses.statistics import Moments, moments
from impasto.losses.style import STYLE_LOSSES
from impasto.losses.style_targets import style_statistics
from impasto.losses.total_variation import total_variation
from impasto.options.fields import PaintOptions
from impasto.options.recipes import load_recipe
from impasto.options.spelling import flag_name
from references import encoder_folder, write_vgg_sized

OBJECTIVE_BAR, COST_BAR, RATIO_BAR, SECONDS_BAR = 1.05, 1 / 8, 300.0, 15.0


def long_schedule(args: argparse.Namespace, **values: Any) -> PaintOptions:
    steps = {"steps": args.long_steps} if args.long_steps else {}
    return paint_options(args, **load_recipe(args.recipe) | steps | values)


# --- (a) ----------------------------------------------------------------------------------------------------


def measure_convergence(args: argparse.Namespace, report: Report, pairs: Sequence[Pair]) -> None:
    rows = [_compare(args, pair) for pair in pairs]
    objectives, costs = [row[4] for row in rows], [row[5] for row in rows]
    mean = ("mean", "", "", "", statistics.mean(objectives), statistics.mean(costs))
    report.table(
        f"(a) default recipe against {args.recipe}, {args.size} px, same frozen weights",
        ("pair", "content weight", "default", args.recipe, "objective ratio", "cost ratio"),
        [*rows, mean],
    )
    report.bar("mean objective ratio", statistics.mean(objectives), OBJECTIVE_BAR)
    report.bar("worst objective ratio", max(objectives), OBJECTIVE_BAR)
    report.bar("worst cost ratio", max(costs), COST_BAR)


def _compare(args: argparse.Namespace, pair: Pair) -> tuple[str, float, float, float, float, float]:
    chosen = paint_pair(pair, paint_options(args))
    frozen = {"balance": "fixed", "content_weight": chosen.content_weight}
    short = paint_pair(pair, paint_options(args, **frozen))
    long = paint_pair(pair, long_schedule(args, **frozen))
    judge = build_judge(pair, paint_options(args, **frozen))
    ours, theirs = judge(short.picture)["total"], judge(long.picture)["total"]
    cost = chosen.pixel_steps / long.pixel_steps
    return pair.name, chosen.content_weight, ours, theirs, ours / theirs, cost


# --- (b) ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ScaleTiming:
    """Of one scale: seconds before its second step beyond a step's own, and seconds of a step."""

    setup: float
    step: float


def measure_end_to_end(args: argparse.Namespace, report: Report, pair: Pair, folder: Path) -> None:
    options = paint_options(args, **load_recipe(args.recipe), balance="fixed", encoder=write_vgg_sized(folder))
    timings: list[list[ScaleTiming]] = []

    def time_long_schedule() -> None:
        timings.append(time_steps(pair, options, args.timed_steps))

    calls: dict[str, Callable[[], object]] = {
        "command": partial(_paint_by_command, args, pair, folder),
        "within Python": partial(_paint_within_python, args, pair),
        "timed steps": time_long_schedule,
    }
    seconds = interleave(calls, args.rounds)
    scales = build_pyramid(*pastiche_size(pair.photo, options), options)
    long = [extrapolate(timing, [scale.steps for scale in scales]) for timing in timings]
    _report_steps(report, scales, timings)
    rows = [
        (f"default recipe, {name}", statistics.median(seconds[name]), median_ratio(long, seconds[name]))
        for name in ("command", "within Python")
    ]
    rows.append((f"{args.recipe}, VGG-19-sized, **extrapolated**", statistics.median(long), 1.0))
    report.table(
        f"(b) end to end at {args.size} px, {pair.name}, medians of {args.rounds}, taking turns",
        ("run", "seconds", "times as fast as the long schedule"),
        rows,
    )
    report.note(f"extrapolated from {args.timed_steps} steps per scale to the whole schedule")
    report.bar("times as fast, as a command", rows[0][2], RATIO_BAR, at_least=True)
    report.bar("seconds, as a command (on an idle 2-core machine)", rows[0][1], SECONDS_BAR)


def _paint_by_command(args: argparse.Namespace, pair: Pair, folder: Path) -> None:
    command = [sys.executable, "-m", "impasto", "paint", pair.photo_path, pair.painting_path]
    command += ["-o", folder / "speed.png", "--overwrite", "--quiet", flag_name("size_px"), str(args.size)]
    for name in ("threads", "steps"):
        if getattr(args, name):
            command += [flag_name(name), str(getattr(args, name))]
    subprocess.run(command, check=True)


def _paint_within_python(args: argparse.Namespace, pair: Pair) -> None:
    given = paint_options(args).model_dump(exclude_defaults=True)
    impasto.paint(pair.photo_path, pair.painting_path, **given)


def time_steps(pair: Pair, options: PaintOptions, count: int) -> list[ScaleTiming]:
    """Timings of every scale from `count` steps each; the first scale's setup holds the start of the run."""
    marks: dict[int, list[float]] = {}
    for event in iter_pair(pair, options.model_copy(update={"steps": (count,)})):
        if isinstance(event, RunStarted):
            marks = {scale: [] for scale in range(len(event.steps))}
        elif isinstance(event, StepDone):
            marks[event.scale].append(event.seconds)
    timings, before = [], 0.0
    for times in marks.values():
        step = statistics.median(b - a for a, b in pairwise(times))
        timings.append(ScaleTiming(max(0.0, times[0] - before - step), step))
        before = times[-1]
    return timings


def extrapolate(timings: Sequence[ScaleTiming], steps: Sequence[int]) -> float:
    """Seconds of a run with `steps` at each scale."""
    return sum(timing.setup + timing.step * count for timing, count in zip(timings, steps, strict=True))


def _report_steps(report: Report, scales: Sequence[Scale], timings: Sequence[Sequence[ScaleTiming]]) -> None:
    rows = []
    for index, scale in enumerate(scales):
        step = statistics.median(timing[index].step for timing in timings)
        rows.append((f"{scale.width_px}x{scale.height_px}", scale.steps, step, step * scale.steps))
    report.table(
        "(b) long schedule, VGG-19-sized: timed steps",
        ("scale", "steps", "seconds a step", "extrapolated"),
        rows,
    )


# --- (c) ----------------------------------------------------------------------------------------------------


def profile(args: argparse.Namespace, report: Report, pair: Pair) -> None:
    options = paint_options(args)
    rows = []
    for scale in build_pyramid(*pastiche_size(pair.photo, options), options):
        parts = build_parts(pair, options, scale)
        interleave(parts, 1)  # warm up
        medians = {name: statistics.median(s) for name, s in interleave(parts, 4 * args.rounds + 1).items()}
        apart = sum(medians.values()) - medians["whole step"] - medians["readability"]
        other = medians["whole step"] - apart
        rows.append((f"{scale.width_px}x{scale.height_px}", *(1000 * t for t in medians.values()), 1000 * other))
    report.table("(c) one step by part, ms (medians)", ("scale", *parts, "other"), rows)
    report.note("parts are timed apart, forward and backward; 'other' is what the whole step takes beyond them")
    report.note("readability: one measurement, not part of a step; the engine measures every few steps")


def build_parts(pair: Pair, options: PaintOptions, scale: Scale) -> dict[str, Callable[[], object]]:
    """The parts of a step, each a call."""
    encoder = load_encoder(options.encoder, padding_mode=options.padding_mode)
    layers = list({*options.style_layers, *options.content_layers})
    photo = scale.extend(to_tensor(pair.photo, scale.long_edge_px))
    leaf = photo.clone().requires_grad_()
    maps = encoder(leaf, layers)
    still = {name: feature.detach() for name, feature in maps.items()}
    objective, optimizer = objective_of(pair, options, scale), LBFGS(photo)
    evaluation = objective(photo)
    reading = Readability(encoder, to_tensor(pair.photo, min(READING_LONG_EDGE_PX, scale.long_edge_px)))
    return {
        "encoder forward": lambda: encoder(leaf, layers),
        "encoder backward": lambda: torch.autograd.grad(
            list(maps.values()), leaf, list(still.values()), retain_graph=True
        ),
        **build_loss_parts(pair, options, scale, encoder, still),
        "total variation": lambda: total_variation(photo, torch.zeros_like(photo)),
        "optimiser": lambda: optimizer.step(evaluation),
        "whole step": lambda: optimizer.step(objective(optimizer.picture)),
        "readability": lambda: reading.distance(photo),
    }


def build_loss_parts(
    pair: Pair, options: PaintOptions, scale: Scale, encoder: Encoder, maps: Mapping[str, Tensor]
) -> dict[str, Callable[[], object]]:
    """The losses on feature maps, forward and backward down to the maps."""
    painting = to_tensor(pair.painting, scale.long_edge_px)
    targets = style_statistics(encoder, painting, list(options.style_layers))
    style = {name: STYLE_LOSSES[options.style_loss](target) for name, target in targets.items()}
    strides = {name: encoder.architecture.layer(name).stride_px for name in maps}
    cores = {name: scale.core.cut(feature, strides[name]) for name, feature in maps.items()}
    content = {name: ContentLoss([cores[name]]) for name in options.content_layers}
    sums = {name: moments(cores[name]) for name in targets}

    def statistics_of(name: str, feature: Tensor) -> Tensor:
        seen = moments(scale.core.cut(feature, strides[name]))
        return seen.total.sum() + seen.outer.sum()

    def style_of(name: str, total: Tensor, outer: Tensor) -> Tensor:
        seen = Moments(sums[name].count, total, outer)
        return style[name](seen.transformed(encoder.geometry[name]) if name in encoder.geometry else seen)

    def content_of(name: str, feature: Tensor) -> Tensor:
        return content[name](scale.core.cut(feature, strides[name]))

    return {
        "style statistics": lambda: [differentiate(partial(statistics_of, n), maps[n]) for n in targets],
        "style loss and roots": lambda: [
            differentiate(partial(style_of, n), sums[n].total, sums[n].outer) for n in targets
        ],
        "content": lambda: [differentiate(partial(content_of, n), maps[n]) for n in content],
    }


def differentiate(function: Callable[..., Tensor], *inputs: Tensor) -> tuple[Tensor, ...]:
    """Gradients of a scalar function at copies of `inputs`."""
    leaves = [value.detach().requires_grad_() for value in inputs]
    return torch.autograd.grad(function(*leaves), leaves)


def main() -> None:
    parser = new_parser(__doc__, size=512, pairs=4, rounds=3)
    parser.add_argument("--recipe", default="patient", help="the long schedule [default: patient]")
    parser.add_argument("--long-steps", help="its steps per scale; default: the recipe's own")
    parser.add_argument("--timed-steps", type=int, default=4, help="per scale, of the long schedule in (b)")
    parser.add_argument("--profile", action="store_true", help="(c) instead of (a) and (b)")
    parser.add_argument("--part", choices="ab", action="append", help="only this part; default: both")
    args = parse(parser, quick={"timed_steps": 2, "long_steps": "48,36"})
    report = Report("speed-profile" if args.profile else "speed", args)
    pairs = seeded_pairs(args, max(1, args.pairs))
    parts = "c" if args.profile else args.part or "ab"
    if "a" in parts:
        measure_convergence(args, report, pairs)
    if "b" in parts:
        with encoder_folder() as folder:
            measure_end_to_end(args, report, pairs[0], folder)
    if "c" in parts:
        profile(args, report, pairs[0])
    report.save()


if __name__ == "__main__":
    run(main)
