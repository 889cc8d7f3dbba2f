"""The paintings that come with the package."""

from __future__ import annotations

from functools import cache
from importlib import resources
from pathlib import Path

from impasto.runs.record import PICTURE_SUFFIXES
from impasto.storage.hashing import hash_file


@cache
def samples() -> dict[str, Path]:
    """Paths of the bundled paintings by SHA-256."""
    folder = (Path(str(resources.files("impasto"))) / "inputs" / "samples").resolve()
    return {hash_file(path): path for path in sorted(folder.iterdir()) if path.suffix in PICTURE_SUFFIXES}
