"""Seconds until the command line answers: help and import load no torch."""

from __future__ import annotations

import statistics
import subprocess
import sys
from functools import partial

from common import Report, interleave, new_parser, parse, run

BARS = {"import impasto": 0.05, "impasto --help": 0.3}
COMMANDS = {
    "python (for comparison)": ["-c", "pass"],
    "import impasto": ["-c", "import impasto"],
    "impasto --help": ["-m", "impasto", "--help"],
    "impasto paint --help": ["-m", "impasto", "paint", "--help"],
}


def call(arguments: list[str]) -> None:
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)


def main() -> None:
    args = parse(new_parser(__doc__, rounds=11))
    report = Report("startup", args)
    calls = {name: partial(call, arguments) for name, arguments in COMMANDS.items()}
    interleave(calls, 1)  # compiles and caches
    seconds = {name: statistics.median(taken) for name, taken in interleave(calls, args.rounds).items()}
    report.table(f"Wall time, medians of {args.rounds}, taking turns", ("command", "seconds"), list(seconds.items()))
    for name, bar in BARS.items():
        report.bar(name, seconds[name], bar)
    report.save()


if __name__ == "__main__":
    run(main)
