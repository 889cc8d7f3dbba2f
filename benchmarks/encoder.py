"""Bundled encoder: how much of the teacher's feature space it explains, how well it paints, how fast it is.

(a) Per style layer, the share of variance left unexplained in the teacher's VGG-19 space on images kept out
    of the training. The training's 1x1 heads are not shipped, so for each layer an ordinary least-squares map
    with intercept is fitted from lite's feature map on training images, and judged on the images kept out.
(b) Gallery pairs painted by lite and by the teacher at the same fixed weights and number of steps; both
    pastiches judged by the teacher's objective, once on its own feature maps, once in VGG-19's space.
(c) Forward and backward to the picture at relu5_1, taking turns with the teacher and a VGG-19-sized network.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from common import (
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
    shared_path,
)
from distill_encoder import load_images, split
from impasto.encoders import Encoder, load_encoder
from impasto.images.picture import Picture
from impasto.options.fields import PaintOptions
from references import encoder_folder, open_teacher, write_teacher, write_vgg_sized

UNEXPLAINED_AIMS = {"relu1_1": 0.02, "relu2_1": 0.05, "relu3_1": 0.10, "relu4_1": 0.15, "relu5_1": 0.25}
HELD_OUT, SPLIT_SEED = 200, 0  # as in the distillation
POSITIONS = 1024  # of every feature map a training image gives to the fit


class LinearMap:
    """Least squares from rows of x (and a constant) to rows of y, from sums in float64."""

    def __init__(self) -> None:
        self._inner: Tensor | float = 0.0
        self._outer: Tensor | float = 0.0

    def add(self, x: Tensor, y: Tensor) -> None:
        x = _with_constant(x)
        self._inner = self._inner + x.T @ x
        self._outer = self._outer + x.T @ y

    def solve(self) -> Tensor:
        assert isinstance(self._inner, Tensor) and isinstance(self._outer, Tensor)
        # A channel that never fires makes the system singular: least norm, not least luck.
        return torch.linalg.lstsq(self._inner, self._outer, driver="gelsd").solution


@dataclass
class Residue:
    """Squared error and variance, summed over positions."""

    error: float = 0.0
    second: float = 0.0
    total: Tensor | float = 0.0
    count: int = 0

    def add(self, wanted: Tensor, predicted: Tensor) -> None:
        self.error += float((wanted - predicted).square().sum())
        self.second += float(wanted.square().sum())
        self.total = self.total + wanted.sum(0)
        self.count += len(wanted)

    @property
    def share(self) -> float:
        assert isinstance(self.total, Tensor)
        return self.error / (self.second - float(self.total.square().sum()) / self.count)


def _with_constant(x: Tensor) -> Tensor:
    return torch.cat([x, torch.ones(len(x), 1, dtype=x.dtype)], 1)


def training_images(args: argparse.Namespace) -> tuple[list[Tensor], list[Tensor]]:
    """Images to fit on, evenly from the training split, and those that were kept out of it."""
    folder = shared_path(args, "train")
    paths = sorted(p for p in folder.rglob("*") if p.suffix in (".jpg", ".png"))
    kept, held_out = split(paths, HELD_OUT, SPLIT_SEED)
    return load_images(kept[:: max(1, len(kept) // args.fit_images)][: args.fit_images]), load_images(
        held_out[: args.held_out]
    )


def iter_maps(
    lite: Encoder, teacher: Encoder, rotations: dict[str, Tensor], images: list[Tensor]
) -> Iterator[tuple[str, Tensor, Tensor]]:
    """For every image and layer (name, lite's map, the teacher's in VGG-19's space), rows of positions."""
    layers = list(rotations)
    for image in images:
        picture = image[None].float() / 255
        picture = picture[..., : picture.shape[-2] // 16 * 16, : picture.shape[-1] // 16 * 16]
        with torch.no_grad():
            ours, theirs = lite(picture, layers), teacher(picture, layers)
        for name in layers:
            flat = theirs[name].flatten(2)[0].T.double()
            yield name, ours[name].flatten(2)[0].T.double(), flat @ rotations[name].double().T


def measure_unexplained(args: argparse.Namespace, report: Report) -> None:
    lite, (teacher, rotations) = load_encoder(args.encoder), open_teacher(args)
    to_fit, held_out = training_images(args)
    generator = torch.Generator().manual_seed(0)
    maps = {name: LinearMap() for name in rotations}
    for name, x, y in iter_maps(lite, teacher, rotations, to_fit):
        picked = torch.randperm(len(x), generator=generator)[:POSITIONS]
        maps[name].add(x[picked], y[picked])
    heads = {name: fit.solve() for name, fit in maps.items()}
    residues = {name: Residue() for name in rotations}
    for name, x, y in iter_maps(lite, teacher, rotations, held_out):
        residues[name].add(y, _with_constant(x) @ heads[name])
    rows = [(name, residue.share, UNEXPLAINED_AIMS[name]) for name, residue in residues.items()]
    report.table(
        f"(a) share of variance unexplained, {len(held_out)} images kept out, heads fitted on {len(to_fit)}",
        ("layer", "unexplained", "aim"),
        rows,
    )
    for name, share, aim in rows:
        report.bar(f"unexplained at {name}", share, aim)


def measure_painting(args: argparse.Namespace, report: Report, folder: Path) -> None:
    teacher, _ = open_teacher(args)
    pairs = seeded_pairs(args, args.pairs)
    by_lite = [paint_pair(pair, paint_options(args, balance="fixed", encoder=args.encoder)) for pair in pairs]
    for geometry, metric in ((False, "the teacher's own maps"), (True, "VGG-19's space")):
        options = paint_options(args, balance="fixed", encoder=write_teacher(folder, teacher, geometry=geometry))
        rows = []
        for pair, painted in zip(pairs, by_lite, strict=True):
            rows.append(_compare(pair, options, painted.picture))
        ratios = [row[3] for row in rows]
        rows.append(("mean", "", "", statistics.mean(ratios)))
        report.table(
            f"(b) the teacher's objective reached, {metric}, {args.size} px",
            ("pair", "by lite", "by teacher", "ratio"),
            rows,
        )
        report.bar(f"mean loss ratio ({metric})", statistics.mean(ratios), 1.15)
        report.bar(f"worst loss ratio ({metric})", max(ratios), 1.15)
        report.note(f"median loss ratio ({metric}): {statistics.median(ratios):.3f}")


def _compare(pair: Pair, options: PaintOptions, by_lite: Picture) -> tuple[str, float, float, float]:
    judge = build_judge(pair, options)
    ours, theirs = (judge(picture)["total"] for picture in (by_lite, paint_pair(pair, options).picture))
    return pair.name, ours, theirs, ours / theirs


def measure_speed(args: argparse.Namespace, report: Report, folder: Path) -> None:
    names = {
        "lite": args.encoder,
        "teacher": write_teacher(folder, open_teacher(args)[0], geometry=True),
        "VGG-19-sized": write_vgg_sized(folder),
    }
    picture = torch.rand(1, 3, 384, 512, generator=torch.Generator().manual_seed(0))
    calls = {name: _forward_backward(load_encoder(encoder), picture) for name, encoder in names.items()}
    interleave(calls, 1)  # warm up
    seconds = interleave(calls, args.rounds)
    rows = [
        (name, 1000 * statistics.median(taken), median_ratio(taken, seconds["lite"])) for name, taken in seconds.items()
    ]
    report.table(
        f"(c) forward and backward at 512x384, medians of {args.rounds}, taking turns",
        ("encoder", "ms", "times lite"),
        rows,
    )
    report.bar("lite against the teacher", median_ratio(seconds["lite"], seconds["teacher"]), 1.0)
    report.bar(
        "VGG-19-sized against lite",
        median_ratio(seconds["VGG-19-sized"], seconds["lite"]),
        12.0,
        at_least=True,
    )


def _forward_backward(encoder: Encoder, picture: Tensor) -> Callable[[], None]:
    def call() -> None:
        leaf = picture.clone().requires_grad_()
        torch.autograd.grad(encoder(leaf, ["relu5_1"])["relu5_1"].sum(), leaf)

    return call


def main() -> None:
    parser = new_parser(__doc__, size=384, pairs=12, rounds=21)
    parser.add_argument("--encoder", default="lite", help="lite, or an encoder file to measure instead")
    parser.add_argument("--fit-images", type=int, default=400, help="training images the heads are fitted on")
    parser.add_argument("--held-out", type=int, default=HELD_OUT, help="images kept out that are judged")
    parser.add_argument("--part", choices="abc", action="append", help="only this part; default: all")
    args = parse(parser, quick={"fit_images": 8, "held_out": 4})
    report = Report("encoder", args)
    parts = args.part or "abc"
    with encoder_folder() as folder:
        if "a" in parts:
            measure_unexplained(args, report)
        if "b" in parts:
            measure_painting(args, report, folder)
        if "c" in parts:
            measure_speed(args, report, folder)
    report.save()


if __name__ == "__main__":
    run(main)
