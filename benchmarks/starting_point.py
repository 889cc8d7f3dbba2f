"""What does a draft as the starting point save? Against the photo as the starting point, at fixed content weights.

For every pair the loop first finds the content weight of strength 50, which is then held, so that objectives
compare. The objective is that of the finished picture at full size; work is in pixel-steps. Both starting points
are painted from several coarsest scales: what the draft saves beyond the photo is what it saves.
"""

from __future__ import annotations

import argparse
import statistics
from dataclasses import replace

from common import (
    Painted,
    Pair,
    Report,
    build_judge,
    eight_bit,
    new_parser,
    paint_options,
    paint_pair,
    parse,
    run,
    seeded_pairs,
)
from impasto.engine.paint import iter_paint
from impasto.engine.validate import pastiche_size
from impasto.events import RunDone, StepDone
from impasto.images.sheet import Cell
from impasto.inputs.run_inputs import RunInputs
from impasto.options.fields import DRAFT, PaintOptions
from impasto.stylizer.regions import draft_start


def paint_from(pair: Pair, options: PaintOptions) -> tuple[Painted, list[float]]:
    """The pastiche, and the objective of every step of its first scale."""
    inputs = RunInputs.load(pair.photo, pair.painting)
    if options.starting_point == DRAFT:
        start, _, _ = draft_start(inputs, options, max(pastiche_size(pair.photo, options)))
        inputs = replace(inputs, starting_picture=start)
    first_scale, painted = [], None
    for event in iter_paint(inputs, options):
        if isinstance(event, StepDone) and event.scale == 0:
            first_scale.append(event.losses["total"])
        elif isinstance(event, RunDone):
            painted = Painted(eight_bit(event.pixels), options.content_weight, event.seconds, event.pixel_steps)
    assert painted is not None, "the engine ended without RunDone"
    return painted, first_scale


def steps_to(objectives: list[float], goal: float) -> int:
    """Steps until an objective is reached; all of them where it never is."""
    return next((number for number, value in enumerate(objectives, start=1) if value <= goal), len(objectives))


def measure(args: argparse.Namespace, report: Report) -> None:
    edges = sorted({min(edge, args.size) for edge in (128, 256, 362, args.size)})
    found: dict[tuple[str, int], list[tuple[float, float]]] = {}
    steps: list[tuple[str, int, int]] = []
    sheet: list[list[Cell]] = []
    for pair in seeded_pairs(args, args.pairs):
        weight = paint_pair(pair, paint_options(args)).content_weight
        fixed = paint_options(args, balance="fixed", content_weight=weight)
        judge, row, firsts, reference = build_judge(pair, fixed), [], {}, None
        for edge in edges:
            for start in ("content", DRAFT):
                options = fixed.model_copy(update={"min_scale_px": edge, "starting_point": start})
                painted, first = paint_from(pair, options)
                objective = judge(painted.picture)["total"]
                reference = reference or (objective, painted.pixel_steps)
                ratios = objective / reference[0], painted.pixel_steps / reference[1]
                found.setdefault((start, edge), []).append(ratios)
                row.append(Cell(painted.picture, f"{start} {edge} px: {ratios[0]:.3f}"))
                if edge == edges[0]:
                    firsts[start] = first
        goal = firsts["content"][-1]
        steps.append((pair.name, len(firsts["content"]), steps_to(firsts[DRAFT], goal)))
        sheet.append(row)
        print(f"  {pair.name}", flush=True)
    report.table(
        f"Objective and pixel-steps relative to the photo from {edges[0]} px on, medians over {args.pairs} pairs",
        ("starting point", "coarsest scale, px", "objective", "pixel-steps"),
        [
            (start, edge, *(statistics.median(r) for r in zip(*ratios, strict=True)))
            for (start, edge), ratios in found.items()
        ],
    )
    report.table(
        f"Steps at the coarsest scale, {edges[0]} px, to the objective that the photo ends it with",
        ("pair", "from the photo", "from the draft"),
        steps,
    )
    report.sheet("pairs", sheet)


def main() -> None:
    args = parse(new_parser(__doc__, size=512, pairs=6))
    report = Report("starting_point", args)
    measure(args, report)
    report.save()


if __name__ == "__main__":
    run(main)
