"""Does strength 50 mean the same for every pair? The spread of content distance, against one fixed weight.

The fixed weight is the geometric mean of those that the loop chose over the same pairs. Content distance is
measured by what the loop does not drive: 1 - SSIM and the disagreement of edge directions at 256 px, and the
teacher's relu3_1 (measures.py). Then a few pairs over the whole range of strength: do content and style
distance move one way?
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Sequence

from common import (
    Painted,
    Pair,
    Report,
    new_parser,
    paint_options,
    paint_pair,
    parse,
    run,
    seeded_pairs,
    short_name,
)
from impasto.images.picture import Picture
from impasto.images.sheet import Cell
from measures import TeacherView, dissimilarity, edge_disagreement
from references import open_teacher

SPREAD_BAR = 0.5
STRENGTHS = (0, 10, 25, 50, 75, 90, 100)
TOLERANCE = 0.005  # share of the whole range by which a step may go the other way: 8-bit and optimiser noise

Distance = Callable[[Picture, Picture], float]


def content_distances(teacher: TeacherView) -> dict[str, Distance]:
    return {
        "1 - SSIM": dissimilarity,
        "edge directions": edge_disagreement,
        "teacher relu3_1": teacher.structure_distance,
    }


def measure_spread(args: argparse.Namespace, report: Report, distances: dict[str, Distance]) -> None:
    pairs = seeded_pairs(args, args.pairs)
    balanced = [paint_pair(pair, paint_options(args, strength=50)) for pair in pairs]
    weight = statistics.geometric_mean(painted.content_weight for painted in balanced)
    fixed = [paint_pair(pair, paint_options(args, balance="fixed", content_weight=weight)) for pair in pairs]
    rows = []
    for name, distance in distances.items():
        ours, theirs = (_distances(distance, pairs, painted) for painted in (balanced, fixed))
        spreads = statistics.pstdev(ours), statistics.pstdev(theirs)
        ratio = spreads[0] / spreads[1] if spreads[1] else float("nan")
        rows.append((name, statistics.mean(ours), spreads[0], statistics.mean(theirs), spreads[1], ratio))
    report.table(
        f"Content distance, {len(pairs)} pairs at {args.size} px: strength 50, and fixed weight {weight:.3g}",
        ("measure", "mean", "deviation", "mean, fixed", "deviation, fixed", "ratio of deviations"),
        rows,
    )
    for name, *_, ratio in rows:
        report.bar(f"ratio of deviations, {name}", ratio, SPREAD_BAR)
    weights = sorted(painted.content_weight for painted in balanced)
    report.note(f"weights chosen: {weights[0]:.3g} to {weights[-1]:.3g}, median {statistics.median(weights):.3g}")
    report.table(
        "Each pair at strength 50 (fixed weight)",
        ("pair", "weight chosen", *distances),
        [
            (pair.name, ours.content_weight, *(_both(d, pair, ours, theirs) for d in distances.values()))
            for pair, ours, theirs in zip(pairs, balanced, fixed, strict=True)
        ],
    )
    groups = [triptych(pair, painted) for pair, painted in zip(pairs, balanced, strict=True)]
    report.sheet("pairs", side_by_side(groups, 3))
    groups = [triptych(pair, painted) for pair, painted in zip(pairs, fixed, strict=True)]
    report.sheet("fixed", side_by_side(groups, 3))


def _distances(distance: Distance, pairs: Sequence[Pair], painted: Sequence[Painted]) -> list[float]:
    return [distance(pair.photo, one.picture) for pair, one in zip(pairs, painted, strict=True)]


def _both(distance: Distance, pair: Pair, ours: Painted, theirs: Painted) -> str:
    return f"{distance(pair.photo, ours.picture):.3f} ({distance(pair.photo, theirs.picture):.3f})"


def side_by_side(cells: Sequence[Sequence[Cell]], across: int) -> list[list[Cell]]:
    """Join groups of cells into rows of `across` groups."""
    return [
        [cell for group in cells[start : start + across] for cell in group] for start in range(0, len(cells), across)
    ]


def triptych(pair: Pair, painted: Painted) -> list[Cell]:
    """Photo, painting, pastiche."""
    return [
        Cell(pair.photo, short_name(pair.photo_path)),
        Cell(pair.painting, short_name(pair.painting_path)),
        Cell(painted.picture, f"content weight {painted.content_weight:.3g}"),
    ]


def measure_range(
    args: argparse.Namespace, report: Report, distances: dict[str, Distance], teacher: TeacherView
) -> None:
    strengths, rows, sheet, turns = args.strengths or STRENGTHS, [], [], 0
    for pair in seeded_pairs(args, args.range_pairs):
        painted = [paint_pair(pair, paint_options(args, strength=strength)) for strength in strengths]
        pictures = [one.picture for one in painted]
        series = {name: [d(pair.photo, picture) for picture in pictures] for name, d in distances.items()}
        series["style, teacher"] = [teacher.style_distance(pair.painting, picture) for picture in pictures]
        for name, values in series.items():
            back = setbacks(strengths, values, falls=name == "style, teacher")
            turns += len(back)
            rows.append((pair.name, name, *values, ", ".join(back) or "yes"))
        sheet.append(
            [
                Cell(pair.photo, short_name(pair.photo_path)),
                Cell(pair.painting, short_name(pair.painting_path)),
                *(Cell(picture, f"{s:g}") for s, picture in zip(strengths, pictures, strict=True)),
            ]
        )
    report.table(
        f"Distances over strength, {args.size} px",
        ("pair", "distance", *(f"{strength:g}" for strength in strengths), "moves one way"),
        rows,
    )
    report.bar("steps of strength that go the wrong way", float(turns), 0.0)
    report.sheet("range", sheet)


def setbacks(strengths: Sequence[float], values: Sequence[float], *, falls: bool) -> list[str]:
    """Steps of strength at which a distance that should rise (or fall) moves back, as ``75→90: -0.012``."""
    sign, leeway = -1 if falls else 1, TOLERANCE * (max(values) - min(values))
    return [
        f"{strengths[i]:g}→{strengths[i + 1]:g}: {values[i + 1] - values[i]:+.3f}"
        for i in range(len(values) - 1)
        if sign * (values[i + 1] - values[i]) < -leeway
    ]


def main() -> None:
    parser = new_parser(__doc__, size=384, pairs=30)
    parser.add_argument("--range-pairs", type=int, default=4, help="pairs painted over the range of strength")
    parser.add_argument("--strengths", type=float, nargs="+", help=f"default: {STRENGTHS}")
    args = parse(parser, quick={"pairs": 2, "range_pairs": 1, "strengths": [0, 50, 100]})
    report = Report("strength", args)
    teacher = TeacherView(*open_teacher(args))
    distances = content_distances(teacher)
    if args.pairs:
        measure_spread(args, report, distances)
    if args.range_pairs:
        measure_range(args, report, distances, teacher)
    report.save()


if __name__ == "__main__":
    run(main)
