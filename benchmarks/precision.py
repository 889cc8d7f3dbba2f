"""bfloat16 convolutions against float32: the objective reached, the picture, and the time.

Both paint at the same frozen content weight, the one that a default run chose for the pair; the pastiches
(8 bit) are judged by one function in float32, lite's own objective. A float32 run in tiles
shows what rounding alone does.
"""

from __future__ import annotations

import statistics
from functools import partial

import numpy as np

from common import (
    Painted,
    Pair,
    Report,
    build_judge,
    interleave,
    median_ratio,
    new_parser,
    paint_options,
    paint_pair,
    parse,
    run,
    seeded_pairs,
)
from impasto.options.fields import PaintOptions


def keep(painted: dict[str, Painted], name: str, pair: Pair, options: PaintOptions) -> None:
    painted[name] = paint_pair(pair, options)


def levels_apart(one: Painted, other: Painted) -> float:
    """Mean absolute difference in 8-bit levels."""
    return 255 * float(np.abs(one.picture.pixels() - other.picture.pixels()).mean())


def main() -> None:
    args = parse(new_parser(__doc__, size=256, pairs=2, rounds=1))
    report, rows = Report("precision", args), []
    for pair in seeded_pairs(args, max(1, args.pairs)):
        chosen = paint_pair(pair, paint_options(args))
        frozen = {"balance": "fixed", "content_weight": chosen.content_weight}
        ways = {
            "float32": paint_options(args, **frozen, precision="float32"),
            "bfloat16": paint_options(args, **frozen, precision="bfloat16"),
            "tiles": paint_options(args, **frozen, precision="float32", tile_px=64),
        }
        painted: dict[str, Painted] = {}
        seconds = interleave({name: partial(keep, painted, name, pair, way) for name, way in ways.items()}, args.rounds)
        judge = build_judge(pair, ways["float32"])
        reached = {name: judge(result.picture)["total"] for name, result in painted.items()}
        rows.append(
            (pair.name, reached["float32"], *(reached[n] / reached["float32"] for n in ("bfloat16", "tiles")),
             *(levels_apart(painted[n], painted["float32"]) for n in ("bfloat16", "tiles")),
             median_ratio(seconds["bfloat16"], seconds["float32"]))
        )  # fmt: skip
    means = [statistics.mean(column) for column in list(zip(*rows, strict=True))[1:]]
    columns = (
        "pair", "objective in float32", "in bfloat16, against it", "in tiles, against it", "levels apart, bfloat16",
        "levels apart, tiles", "time against float32",
    )  # fmt: skip
    report.table(f"at {args.size} px, same frozen weights", columns, [*rows, ("mean", *means)])
    report.save()


if __name__ == "__main__":
    run(main)
