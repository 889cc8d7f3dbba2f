"""Tune a recipe: paint gallery pairs with several sets of options, measures and pictures side by side.

    python benchmarks/recipe.py --set default: --set "crisp:tv_weight=0.001,style_layers=relu1_1:6,relu3_1:1"

A set is a name and options (``recipe=patient`` starts from a recipe). Measures are the teacher's or of the
picture itself (measures.py): content and style distance, sharpness (1: as crisp as the painting), frame (how
restless the outermost pixels are beside their neighbours; 1: clean) and border (the same over the photo's).
"""

from __future__ import annotations

import argparse
import re
import statistics
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from common import (
    Painted,
    Pair,
    Report,
    gallery_files,
    load_pair,
    new_parser,
    paint_options,
    paint_pair,
    parse,
    run,
    seeded_pairs,
    short_name,
)
from impasto.images.sheet import Cell
from impasto.lab.metrics import noise_ratio
from impasto.options.recipes import load_recipe
from measures import TeacherView, border, frame
from references import open_teacher

# What FINDINGS.md was measured on: three that are easy, and three whose faces are easily lost.
PAIRS = (
    "tubingen:starry_night",
    "golden_gate:great_wave",
    "chicago:kandinsky",
    "red_hat:the_kiss",
    "dog:grande_jatte",
    "astronaut:the_scream",
)
# Column and how it is averaged over pairs: ratios geometrically.
MEASURES: dict[str, Callable[[Iterable[float]], float]] = {
    "content": statistics.fmean,
    "style": statistics.fmean,
    "sharpness": statistics.geometric_mean,
    "frame": statistics.geometric_mean,
    "border": statistics.geometric_mean,
    "content weight": statistics.fmean,
    "seconds": statistics.fmean,
    "pixel-steps / 1e6": statistics.fmean,
}


def parse_set(text: str) -> tuple[str, dict[str, Any]]:
    """``name:key=value,key=value``; a comma ends a value only where another key follows."""
    name, _, assignments = text.partition(":")
    items = [item for item in re.split(r",(?=\w+=)", assignments) if item]
    if not name or any("=" not in item for item in items):
        raise argparse.ArgumentTypeError(f"{text!r} is not name:key=value,key=value")
    values: dict[str, Any] = dict(item.split("=", 1) for item in items)
    recipe = values.pop("recipe", None)
    return name, (load_recipe(recipe) if recipe else {}) | values


def find_pairs(args: argparse.Namespace) -> list[Pair]:
    """Pairs named as photo:painting by parts of their file names, or as many seeded ones."""
    if args.pairs:
        return seeded_pairs(args, args.pairs)
    return [load_pair(*_find_files(args, text)) for text in args.pair or PAIRS]


def _find_files(args: argparse.Namespace, text: str) -> list[Path]:
    parts = text.split(":")
    if len(parts) != 2:
        raise SystemExit(f"--pair {text!r} is not photo:painting")
    found = []
    for kind, part in zip(("content", "style"), parts, strict=True):
        files = [path for path in gallery_files(args, kind) if part.replace(" ", "_") in path.stem]
        if len(files) != 1:
            raise SystemExit(f"{part!r} names {len(files)} {kind} images: {', '.join(map(short_name, files))}")
        found += files
    return found


def measure(teacher: TeacherView, pair: Pair, painted: Painted) -> tuple[float, ...]:
    """Values of `MEASURES`."""
    return (
        teacher.content_distance(pair.photo, painted.picture),
        teacher.style_distance(pair.painting, painted.picture),
        noise_ratio(pair.painting, painted.picture),
        frame(painted.picture),
        border(pair.photo, painted.picture),
        painted.content_weight,
        painted.seconds,
        painted.pixel_steps / 1e6,
    )


def average(rows: Sequence[tuple[float, ...]]) -> list[float]:
    """Values of `MEASURES` over all pairs."""
    columns = zip(*rows, strict=True)
    return [mean(column) for mean, column in zip(MEASURES.values(), columns, strict=True)]


def main() -> None:
    parser = new_parser(__doc__, size=512, pairs=0)
    parser.add_argument("--set", dest="sets", type=parse_set, action="append", help="name:key=value,key=value")
    parser.add_argument("--pair", action="append", help=f"photo:painting; default: {', '.join(PAIRS)}")
    parser.add_argument("--cell", type=int, default=320, help="side of a picture on the sheet, px")
    args = parse(parser, quick={"pairs": 0, "pair": [PAIRS[0]]})
    sets, pairs = dict(args.sets or [("default", {})]), find_pairs(args)
    options = {name: paint_options(args, **values) for name, values in sets.items()}
    report, teacher = Report("recipe", args), TeacherView(*open_teacher(args))
    values: dict[str, list[tuple[float, ...]]] = {name: [] for name in sets}
    sheet = []
    for pair in pairs:
        row = [
            Cell(pair.photo, short_name(pair.photo_path)),
            Cell(pair.painting, short_name(pair.painting_path)),
        ]
        for name in sets:  # sets take turns within a pair, so that other load falls on all alike
            painted = paint_pair(pair, options[name])
            values[name].append(measure(teacher, pair, painted))
            content, style = values[name][-1][:2]
            row.append(Cell(painted.picture, f"{name}: {content:.2f} / {style:.2f}"))
        sheet.append(row)
        report.table(pair.name, ("set", *MEASURES), [(name, *values[name][-1]) for name in sets])
    means = [(name, *average(rows)) for name, rows in values.items()]
    report.table(f"Mean over {len(pairs)} pairs, {args.size} px", ("set", *MEASURES), means)
    report.sheet("sheet", sheet, cell_px=args.cell)
    report.save()


if __name__ == "__main__":
    run(main)
