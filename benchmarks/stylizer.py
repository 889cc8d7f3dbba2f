"""Drafts beside the painterly recipe: how near to painting and photo, how fast, how much memory.

(a) Seeded gallery pairs painted in both ways and judged by the teacher, which the stylizer was not trained against.
    The recipe's pastiches take long: they are kept in --references, and painted only where they are missing.
(b) Seconds for a draft of one megapixel after loading, with a painting as large that was measured before and one that
    was not, from 8-bit pictures on; taking turns with a forward pass of `lite` over as much.
(c) Seconds from the shell to a first picture of 512 px, in a process of its own.
(d) Peak memory of a process that drafts one megapixel, and of one that drafts sixteen.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from common import (
    Pair,
    Report,
    eight_bit,
    gallery_files,
    interleave,
    new_parser,
    paint_options,
    paint_pair,
    parse,
    run,
    seconds_of,
    seeded_pairs,
    short_name,
)
from impasto.encoders import Encoder
from impasto.engine.memory import use_large_pages
from impasto.images.picture import Picture, picture_from_array
from impasto.images.reading import load_picture
from impasto.images.sheet import Cell
from impasto.images.tensors import tensor_to_pixels
from impasto.images.writing import save_picture
from impasto.inputs.paintings import Painting
from impasto.lab.metrics import color_distance, noise_ratio, style_gram, style_sliced
from impasto.stylizer.regions import measure_paintings, photo_tensor
from impasto.stylizer.statistics import StyleStatistics
from impasto.stylizer.stylizer import Stylizer, load_stylizer
from measures import TeacherView, border
from references import open_teacher

MEASURES = ("content", "style", "style gram", "style sliced", "color", "sharpness", "border")
STYLES = MEASURES[1:4]
MOST = 1.6  # times the recipe's style distance
MEGAPIXEL = 2**20
BAR_SECONDS, BAR_SHELL_SECONDS, BAR_MB = 1.0, 3.0, 700


def reference(args: argparse.Namespace, pair: Pair) -> Picture:
    """The recipe's pastiche of a pair; painted if it is not in --references yet."""
    args.references.mkdir(parents=True, exist_ok=True)
    path = args.references / f"{pair.photo_path.stem}+{pair.painting_path.stem}+{args.size}.png"
    if not path.exists():
        painted = paint_pair(pair, paint_options(args))
        save_picture(path, painted.picture.pixels(), bit_depth=8, overwrite=True)
    return load_picture(path)


def draft_of(stylizer: Stylizer, pair: Pair, size_px: int) -> Picture:
    style = measure_paintings(stylizer, [Painting(pair.painting)], size_px)
    return eight_bit(tensor_to_pixels(stylizer.paint(photo_tensor(pair.photo, size_px), style)))


def measure(teacher: TeacherView, judge: Encoder, pair: Pair, pastiche: Picture) -> tuple[float, ...]:
    """Values of `MEASURES`."""
    return (
        teacher.content_distance(pair.photo, pastiche),
        teacher.style_distance(pair.painting, pastiche),
        style_gram(judge, pair.painting, pastiche),
        style_sliced(judge, pair.painting, pastiche),
        color_distance(pair.painting, pastiche),
        noise_ratio(pair.painting, pastiche),
        border(pair.photo, pastiche),
    )


def compare(args: argparse.Namespace, report: Report, stylizer: Stylizer) -> None:
    """Part (a)."""
    judge, rotations = open_teacher(args)
    teacher = TeacherView(judge, rotations)
    pairs, rows, sheet = seeded_pairs(args, args.skip + args.pairs)[args.skip :], [], []
    for pair in pairs:
        pictures = reference(args, pair), draft_of(stylizer, pair, args.size)
        rows.append([measure(teacher, judge, pair, picture) for picture in pictures])
        names = (short_name(pair.photo_path), short_name(pair.painting_path), "painterly", "draft")
        sheet.append([Cell(p, n) for p, n in zip((pair.photo, pair.painting, *pictures), names, strict=True)])
    means = [[statistics.fmean(row[way][i] for row in rows) for i in range(len(MEASURES))] for way in (0, 1)]
    ratios = [ours / theirs for theirs, ours in zip(*means, strict=True)]
    title = f"Mean over {len(pairs)} pairs after the first {args.skip}, {args.size} px, judged by the teacher"
    report.table(title, ("", *MEASURES), [("painterly", *means[0]), ("draft", *means[1]), ("ratio", *ratios)])
    report.bar("content distance over painterly's", ratios[0], 1.0)
    for name, ratio in zip(MEASURES, ratios, strict=True):
        if name in STYLES:
            report.bar(f"{name} distance over painterly's", ratio, MOST)
    report.sheet("sheet", sheet, cell_px=args.cell)


def time_it(args: argparse.Namespace, report: Report, stylizer: Stylizer) -> None:
    """Part (b)."""
    edge = 1024
    photo, painting = (
        picture_from_array(load_picture(gallery_files(args, kind)[0]).pixels(edge, edge))
        for kind in ("content", "style")
    )
    known = measure_paintings(stylizer, [Painting(painting)], edge)

    def draft(style: StyleStatistics | None) -> None:
        style = style or measure_paintings(stylizer, [Painting(painting)], edge)
        tensor_to_pixels(stylizer.paint(photo_tensor(photo, edge), style))

    with torch.no_grad():
        calls = {
            "draft with a painting that was measured": lambda: draft(known),
            "draft with a new painting as large": lambda: draft(None),
            "lite, forward to relu5_1": lambda: stylizer.encoder(photo_tensor(photo, edge), ["relu5_1"]),
        }
        seconds = interleave(calls, args.rounds)
    rows = [(name, statistics.median(values), min(values)) for name, values in seconds.items()]
    report.table(f"Seconds for {edge} x {edge} px, {args.rounds} rounds", ("", "median", "least"), rows)
    for name, median, _ in rows[:2]:
        report.bar(f"seconds for a {name}", median, BAR_SECONDS)


def shell(args: argparse.Namespace, report: Report) -> None:
    """Parts (c) and (d)."""
    photo, painting = (gallery_files(args, kind)[0] for kind in ("content", "style"))
    with TemporaryDirectory(prefix="impasto-bench-") as folder:

        def draft(size_px: int) -> None:
            command = [sys.executable, "-m", "impasto", "draft", str(photo), str(painting), "--size", str(size_px)]
            subprocess.run([*command, "--overwrite", "-q", "-o", str(Path(folder) / "out.png")], check=True)

        first = statistics.median(seconds_of(lambda: draft(512)) for _ in range(args.rounds))
        rows = []
        for megapixels in (1, 16):  # the peak is that of the largest child so far: small ones first
            taken = seconds_of(lambda m=megapixels: draft(_edge(photo, m)))
            peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e6
            rows.append((megapixels, taken, peak))
    report.bar("seconds from the shell to a draft of 512 px", first, BAR_SHELL_SECONDS)
    report.table("A process of its own", ("megapixels", "seconds", "peak MB"), rows)
    report.bar("peak MB at one megapixel", rows[0][2], BAR_MB)


def _edge(photo: Path, megapixels: int) -> int:
    """Long edge at which a picture has so many megapixels."""
    picture = load_picture(photo)
    long, short = sorted((picture.width_px, picture.height_px), reverse=True)
    return round((megapixels * MEGAPIXEL * long / short) ** 0.5)


def main() -> None:
    parser = new_parser(__doc__, size=512, pairs=60, rounds=7)
    parser.add_argument("--references", type=Path, help="the recipe's pastiches [default: in --out]")
    parser.add_argument("--skip", type=int, default=60, help="pairs that something was chosen by: not judged here")
    parser.add_argument("--cell", type=int, default=180, help="side of a picture on the sheet, px")
    args = parse(parser)
    args.references = args.references or args.out / "stylizer-references"
    use_large_pages()  # as `impasto draft` does
    report, stylizer = Report("stylizer", args), load_stylizer()
    shell(args, report)
    time_it(args, report, stylizer)
    compare(args, report, stylizer)
    report.save()


if __name__ == "__main__":
    run(main)
