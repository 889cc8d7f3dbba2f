"""What tiles cost: a step in tiles against a step on the whole picture, and how it grows with the picture.

(a) The time of one optimiser step of a 2048x1536 picture in tiles of 1024 and of 512 px, relative to whole.
(b) Time per step and megapixel at 1, 4 and 16 megapixels, always in tiles of the same size. Where the canvas ends
    a tile reads no halo, which favours small pictures the more, the larger the tiles.

Canvas and margin are those of a run's last scale. With --threads 1 seconds are of processor time, which other load
hardly changes.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence

import torch

from common import Report, interleave, median_ratio, new_parser, parse, plain_objective, run
from impasto.encoders import Encoder, load_encoder
from impasto.engine.memory import give_back, prefer_low_memory
from impasto.engine.optimizers import LBFGS
from impasto.engine.pyramid import build_pyramid
from impasto.losses.tiles import WHOLE_PX, tile_sides
from impasto.options.fields import PaintOptions

COST_BAR, GROWTH_BAR = 2.1, 1.15


def build_step(encoder: Encoder, height: int, width: int, tile_px: int) -> Callable[[], object]:
    """One step of the default optimiser on noise, which costs what any picture does."""
    options, random = PaintOptions(), torch.Generator().manual_seed(0)
    scale = build_pyramid(height, width, options)[-1]
    canvas = (scale.canvas_height_px, scale.canvas_width_px)
    photo, painting = (torch.rand(1, 3, *size, generator=random) for size in (canvas, (256, 256)))
    objective = plain_objective(encoder, photo, painting, scale.core, options, tile_px)
    optimizer = LBFGS(photo)
    return lambda: optimizer.step(objective(optimizer.picture))


def share_read(encoder: Encoder, side: int, tile_px: int) -> float:
    """Pixels that all tiles of a square picture read, halos included, per pixel of it."""
    options = PaintOptions()
    scale = build_pyramid(side, side, options)[-1]
    layers = [encoder.architecture.layer(name) for name in {*options.content_layers, *options.style_layers}]
    sides = tile_sides(scale.core.top_px, side, scale.canvas_height_px, layers, tile_px)
    return (sum(sides) / side) ** 2


def clock_of(args: argparse.Namespace) -> Callable[[], float]:
    return time.process_time if args.threads == 1 else time.perf_counter


def measure_cost(args: argparse.Namespace, report: Report, encoder: Encoder) -> None:
    width, height = args.size, args.size * 3 // 4
    sides = {"whole": WHOLE_PX, "half": args.size // 2, "quarter": args.size // 4}
    steps = {name: build_step(encoder, height, width, side) for name, side in sides.items()}
    interleave(steps, 1)  # warm up
    seconds = interleave(steps, args.rounds, clock_of(args))
    rows = [
        ("whole" if name == "whole" else f"tiles of {sides[name]} px", statistics.median(times),
         median_ratio(times, seconds["whole"]))
        for name, times in seconds.items()
    ]  # fmt: skip
    report.table(f"(a) one step of {width}x{height}, medians of {args.rounds}", ("", "seconds", "against whole"), rows)
    report.bar(f"tiles of {sides['half']} px against whole", rows[1][2], COST_BAR)


def measure_growth(
    args: argparse.Namespace, report: Report, encoder: Encoder, tile_px: int, sides: Sequence[int]
) -> None:
    steps = {str(side): build_step(encoder, side, side, tile_px) for side in sides}
    seconds = interleave(steps, args.growth_rounds + 1, clock_of(args))
    kept = {name: times[1:] for name, times in seconds.items()}  # the first warms up
    rows = []
    for side in sides:
        megapixels = side**2 / 1e6
        per_megapixel = statistics.median(kept[str(side)]) / megapixels
        growth = median_ratio(kept[str(side)], kept[str(sides[0])]) * sides[0] ** 2 / side**2
        rows.append((f"{side}x{side}", megapixels, per_megapixel, growth, share_read(encoder, side, tile_px)))
    columns = ("size", "megapixels", "seconds a megapixel", "against the first", "pixels read per pixel")
    report.table(f"(b) a step in tiles of {tile_px} px, medians of {args.growth_rounds}", columns, rows)
    report.bar(f"growth to {sides[-1]}x{sides[-1]}, tiles of {tile_px} px", max(row[3] for row in rows), GROWTH_BAR)


def main() -> None:
    parser = new_parser(__doc__, size=2048, rounds=5)
    parser.add_argument("--tiles", default="256", help="of (b), px")
    parser.add_argument("--growth-rounds", type=int, default=3, help="medians of (b) are of so many")
    parser.add_argument("--part", choices="ab", action="append", help="only this part; default: both")
    args = parse(parser, quick={"size": 256, "tiles": "64", "growth_rounds": 1})
    report, encoder, parts = Report("tiles", args), load_encoder("lite"), args.part or "ab"
    prefer_low_memory(False)  # as a run does that is not short of memory
    if "a" in parts:
        measure_cost(args, report, encoder)
        give_back()
    if "b" in parts:
        for tile_px in map(int, args.tiles.split(",")):
            measure_growth(args, report, encoder, tile_px, (128, 256) if args.quick else (1024, 2048, 4096))
            give_back()
    report.save()


if __name__ == "__main__":
    run(main)
