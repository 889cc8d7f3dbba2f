"""The time that a run is told to take beside the time that it takes: ten runs of different kinds, each as a command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from PIL import Image

from common import Report, new_parser, parse, run, seeded_pairs

BARS = {"idle": 1.5, "busy": 2.5}  # told against taken, either way
KINDS = {
    "default, 256 px": ["--size", "256"],
    "default, 512 px": ["--size", "512"],
    "default, two paintings": ["flow", "--size", "384"],
    "default, half the photo kept": ["--size", "384", "--region", "{half}=photo"],
    "pixels, 256 px": ["--size", "256", "--recipe", "pixels"],
    "pixels, 512 px": ["--size", "512", "--recipe", "pixels"],
    "pixels, in tiles": ["--size", "512", "--recipe", "pixels", "--tile", "256", "--steps", "20"],
    "pixels in float32, Adam, from noise": [
        "--size", "256", "--optimizer", "adam", "--starting-point", "noise", "--precision", "float32",
    ],
    "classic, 256 px": ["--size", "256", "--recipe", "classic", "--steps", "150"],
    "VGG-19 in 8 bits, pixels, 256 px": [
        "--size", "256", "--recipe", "pixels", "--encoder", "vgg19-8bit", "--steps", "20",
    ],
}  # fmt: skip


def paint(inputs: list[str], flags: list[str], folder: Path) -> tuple[float, float]:
    """Seconds told and taken."""
    events = folder / "estimates.jsonl"
    events.unlink(missing_ok=True)
    command = [sys.executable, "-m", "impasto", "paint", *inputs, *flags]
    place = ["-o", str(folder / "estimates.png"), "--overwrite", "--events", str(events), "--quiet"]
    subprocess.run([*command, *place], check=True)
    told = taken = 0.0
    for line in events.read_text(encoding="utf-8").splitlines():
        event = json.loads(line)
        told = event.get("estimated_seconds", told)
        taken = event["seconds"] if event["event"] == "RunDone" else taken
    return told, taken


def main() -> None:
    args = parse(new_parser(__doc__))
    report = Report("estimates", args)
    kinds = list(KINDS.items())[: 1 if args.quick else None]
    half = args.out / "half.png"
    rows, off = [], []
    for (kind, flags), pair in zip(kinds, seeded_pairs(args, len(kinds)), strict=True):
        inputs = [str(pair.photo_path), str(pair.painting_path)]
        mask = Image.new("L", pair.photo.size)
        mask.paste(255, (0, 0, mask.width // 2, mask.height))
        mask.save(half)
        load = os.getloadavg()[0]
        told, taken = paint(inputs, [flag.format(half=half) for flag in flags], args.out)
        print(f"{kind}: told {told:.0f} s, took {taken:.0f} s", flush=True)
        off.append(max(told / taken, taken / told))
        rows.append((kind, load, told, taken, told / taken))
    report.table("Seconds", ("run", "load when it began", "told", "taken", "told / taken"), rows)
    for machine, bar in BARS.items():
        report.bar(f"furthest off (the bar of a machine that is {machine})", max(off), bar)
    report.save()


if __name__ == "__main__":
    run(main)
