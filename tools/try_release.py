"""Install files of a release in environments of their own, and paint with each: ``python tools/try_release.py dist/*``.

Paints a picture, drafts one, and replays the first, with the base install alone, from an empty folder.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
PHOTO = ROOT / "src/impasto/inputs/samples/glass.jpg"  # a painting will do
SAME = """
import sys, numpy, impasto
painted, again = (impasto.load_picture(path).samples for path in sys.argv[1:])
assert numpy.array_equal(painted, again)
"""


def try_file(distribution: Path, python: str) -> None:
    """Install a wheel or an sdist in a fresh environment and use it; raises where something fails."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    with tempfile.TemporaryDirectory() as folder:

        def run(program: str, *words: str | Path) -> None:
            started = time.monotonic()
            subprocess.run([program, *map(str, words)], cwd=folder, env=environment, check=True)
            print(f"{time.monotonic() - started:6.1f} s  {Path(program).name} {' '.join(map(str, words))}", flush=True)

        run(python, "-m", "venv", "venv")
        programs = Path(folder, "venv", "Scripts" if os.name == "nt" else "bin")
        run(str(programs / "python"), "-m", "pip", "install", "--quiet", "-c", ROOT / "constraints.txt", distribution)
        impasto = str(programs / "impasto")
        run(impasto, "paint", PHOTO, "flow", "-o", "painted.png", "--size", "256", "--quiet")
        run(impasto, "draft", PHOTO, "flow", "-o", "drafted.png", "--quiet")
        run(impasto, "replay", "painted.png", PHOTO, "-o", "again.png", "--quiet")
        run(str(programs / "python"), "-c", SAME, "painted.png", "again.png")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--python", default=sys.executable, help="the interpreter to install for")
    given = parser.parse_args()
    for file in given.files:
        print(file)
        try_file(file.absolute(), given.python)
