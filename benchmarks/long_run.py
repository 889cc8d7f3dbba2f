"""Does a process that paints all day grow? Many paints and drafts in one process, and what it holds meanwhile.

Memory, open files, threads and temporary files are to level off: what the second half adds is printed last.

    python benchmarks/long_run.py --paints 200 --drafts 500
"""

from __future__ import annotations

import argparse
import gc
import os
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import impasto

SAMPLES = Path(impasto.__file__).parent / "inputs" / "samples"
LINES = 10  # printed of each kind


def held() -> tuple[float, int, int, int]:
    """Resident memory in MB, open files, threads of the process, and temporary files."""
    gc.collect()
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    files, threads, temporary = (
        sum(1 for _ in Path(folder).iterdir()) for folder in ("/proc/self/fd", "/proc/self/task", tempfile.gettempdir())
    )
    return resident, files, threads, temporary


def repeat(noun: str, count: int, do: Callable[[int], object]) -> None:
    """Do something many times, and print what the process holds in between."""
    print(f"{noun:>8} {'memory':>10} {'open files':>11} {'threads':>8} {'temporary':>10}")
    lines = {}
    for number in range(1, count + 1):
        do(number)
        if number % max(1, count // LINES) == 0:
            memory, files, threads, temporary = lines[number] = held()
            print(f"{number:>8} {memory:>7.0f} MB {files:>11} {threads:>8} {temporary:>10}", flush=True)
    middle, end = lines[min(number for number in lines if number >= count / 2)], lines[max(lines)]
    added = [late - early for early, late in zip(middle, end, strict=True)]
    words = [f"{more:.0f} {noun}" for more, noun in zip(added, ("MB", "files", "threads", "temporary"), strict=True)]
    print(f"the second half adds {', '.join(words)}\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--paints", type=int, default=200)
    parser.add_argument("--drafts", type=int, default=500)
    given = parser.parse_args()
    pictures = sorted(impasto.bundled_paintings().values())
    photos = pictures[1:]
    with tempfile.TemporaryDirectory() as folder:
        tempfile.tempdir = folder  # nothing but ours is counted
        output = Path(folder) / "out"
        output.mkdir()

        def paint(number: int) -> None:
            medium = "pixels" if number % 2 else "stylizer"
            size_px = 64 + 16 * (number % 5)
            steps = 3 if medium == "pixels" else 2
            pastiche = impasto.paint(
                photos[number % len(photos)], pictures[0], medium=medium, size_px=size_px, min_scale_px=48, steps=steps
            )
            pastiche.save(output / f"{number % 3}.png", overwrite=True)

        def draft(number: int) -> None:
            pastiche = impasto.draft(photos[number % len(photos)], pictures[number % 2], size_px=64 + 32 * (number % 7))
            pastiche.save(output / f"{number % 3}.jpg", overwrite=True)

        repeat("paints", given.paints, paint)
        repeat("drafts", given.drafts, draft)
    print(f"threads that Python knows: {threading.active_count()}")


if __name__ == "__main__":
    main()
