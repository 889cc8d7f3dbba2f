"""Run every benchmark, flags passed on, and gather their tables in summary.md."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from common import new_parser, parse, run

RUNS = (
    ["startup"],
    ["studio_start"],
    ["studio_draft"],
    ["encoder"],
    ["speed"],
    ["estimates"],
    ["speed", "--profile"],
    ["strength"],
    ["recipe"],
    ["starting_point"],
    ["tiles"],
    ["precision"],
    ["video"],
    ["memory"],
    ["gpu"],
    ["vgg19"],
)


def main() -> None:
    args = parse(new_parser(__doc__))
    summary = args.out / "summary.md"
    parts, failed = ["# Benchmarks\n"], []
    for name, *flags in RUNS:
        done = subprocess.run([sys.executable, Path(__file__).with_name(f"{name}.py"), *sys.argv[1:], *flags])
        report = args.out / f"{'-'.join([name, *(flag.lstrip('-') for flag in flags)])}.md"
        if done.returncode == 0:
            parts.append(report.read_text(encoding="utf-8"))
        else:
            failed.append(name)
            parts.append(f"## {name}\n\nfailed with exit code {done.returncode}\n")
        summary.write_text("\n".join(parts), encoding="utf-8")  # after each: what is there, is there
    print(f"\n{summary}")
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    run(main)
