"""Memory and time of `impasto paint` against size, as a command: the system's account of a child process.

Each size is painted with the recipe's own steps, once as the plan chooses and once with --max-memory; the
plan's estimate stands beside the peak. --poster adds 12000x8400 px, which takes about half an hour.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pyvips

from common import Report, new_parser, parse, run, shared_path
from impasto.options.spelling import flag_name

GIB = 2**30
LIMITS_GIB = {2048: 1, 4096: 2}  # px: up to this long edge
BARS = {(2048, 1536): 1, (4096, 3072): 2, (12_000, 8400): 10}
PHOTO, PAINTING = "content_colosseum.jpg", "style_van_gogh_starry_night.jpg"


@dataclass(frozen=True)
class Measured:
    """One run: sizes in pixels, memory in bytes."""

    width: int
    height: int
    limit: int | None
    tiles: int
    estimate: int
    peak: int
    seconds: float


def measure(args: argparse.Namespace, width: int, height: int, limit: int | None) -> Measured:
    """Paint in a child process and ask the system what it took."""
    with TemporaryDirectory(prefix="impasto-bench-") as folder:
        photo, log = Path(folder) / "photo.png", Path(folder) / "run.jsonl"
        gallery = shared_path(args, "gallery")
        pyvips.Image.thumbnail(str(gallery / PHOTO), width, height=height, crop="centre").pngsave(str(photo))
        command = [sys.executable, "-m", "impasto", "paint", photo, gallery / PAINTING]
        command += ["-o", Path(folder) / "pastiche.png", "--events", log, "--quiet"]
        values = {"size_px": width, "threads": args.threads, "steps": args.steps, "max_memory_bytes": limit}
        command += [part for name, value in values.items() if value for part in (flag_name(name), str(value))]
        started = time.perf_counter()
        child = subprocess.Popen(command)
        _, status, used = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - started
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            raise SystemExit(f"painting {width}x{height} failed with exit code {child.returncode}")
        plan = next(e for e in map(json.loads, log.read_text().splitlines()) if e["event"] == "RunStarted")
    return Measured(width, height, limit, plan["tiles"][-1], plan["peak_bytes"], used.ru_maxrss * 1024, seconds)


def plot(runs: list[Measured], path: Path) -> None:
    """Memory and time against megapixels, one line without a limit and one with."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, what, value in zip(
        figure.subplots(1, 2),
        ("peak memory, GiB", "seconds"),
        (lambda m: m.peak / GIB, lambda m: m.seconds),
        strict=True,
    ):
        for label, limited, marker in (("as the plan chooses", False, "o"), ("--max-memory", True, "s")):
            line = [m for m in runs if bool(m.limit) is limited]
            axes.plot([m.width * m.height / 1e6 for m in line], [value(m) for m in line], marker=marker, label=label)
        axes.set(xlabel="megapixels", ylabel=what, xlim=(0, None), ylim=(0, None))
        axes.grid(visible=True, alpha=0.25)
        axes.legend()
    figure.savefig(path, pil_kwargs={"quality": 85})


def main() -> None:
    parser = new_parser(__doc__)
    parser.add_argument("--sizes", default="512,1024,2048,4096", help="long edges, px, of pictures 4 to 3")
    parser.add_argument("--poster", action="store_true", help="also 12000x8400 px in 10 GiB")
    args = parse(parser, quick={"sizes": "128,256"})
    report = Report("memory", args)
    cases = [
        (edge, edge * 3 // 4, limit)
        for edge in map(int, args.sizes.split(","))
        for limit in (None, next((n * GIB for px, n in LIMITS_GIB.items() if edge <= px), None))
    ]
    cases += [(12_000, 8400, 10 * GIB)] * args.poster
    runs = []
    for width, height, limit in cases:
        runs.append(found := measure(args, width, height, limit))
        report.note(f"{width}x{height}, limit {limit}: {found.peak / GIB:.2f} GiB, {found.seconds:.0f} s")
    rows = [
        (f"{m.width}x{m.height}", f"{m.limit / GIB:g} GiB" if m.limit else "", m.tiles, m.estimate / GIB, m.peak / GIB,
         m.estimate / m.peak, m.seconds)
        for m in runs
    ]  # fmt: skip
    columns = ("size", "--max-memory", "tiles", "estimate, GiB", "peak, GiB", "estimate / peak", "seconds")
    report.table("as a command, loading and saving included", columns, rows)
    for m in runs:
        if m.limit and (bar := BARS.get((m.width, m.height))):
            report.bar(f"peak of {m.width}x{m.height}, GiB", m.peak / GIB, bar)
    plot(runs, args.out / "memory.jpg")
    report.note("plot: memory.jpg")
    report.save()


if __name__ == "__main__":
    run(main)
