"""The command line in a process of its own, and the arguments that many tests give."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

OUT = ["-o", "out.png"]

# Runs the command and fails, loudly and with another exit code, where it loaded torch.
WITHOUT_TORCH = """
import sys
from impasto.cli.main import main
code = main(sys.argv[1:])
assert "torch" not in sys.modules, "torch was loaded"
sys.exit(code)
"""


def run_cli(*arguments: str | Path, torch: bool = False) -> subprocess.CompletedProcess[str]:
    start = ["-m", "impasto"] if torch else ["-c", WITHOUT_TORCH]
    return _run_python(*start, *map(str, arguments))


def run_python(code: str) -> subprocess.CompletedProcess[str]:
    return _run_python("-c", code)


def _run_python(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", *words]
    environment = os.environ | {"COLUMNS": "200"}
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)


def paint_flags(*more: str | Path) -> list[str]:
    return ["paint", "photo.png", "painting.png", *map(str, more)]
