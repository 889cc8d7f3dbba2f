"""Paths checked before they are opened (opening a pipe waits, opening a device acts), and sizes as text."""

from __future__ import annotations

import os
import re
from pathlib import Path


def why_not_a_file(path: str | os.PathLike[str]) -> str:
    """Say why a path cannot be read as a regular file; empty: it can. Raises OSError as the system does."""
    if re.match(r"\w+://", os.fspath(path)):
        return "it is an address, and files are not fetched: save the picture first"
    file = Path(path)
    if file.is_dir():
        return "it is a folder"
    if not file.exists():
        return "there is no such file"
    return "" if file.is_file() else "it is not a regular file"


def format_bytes(count: float) -> str:
    """Write a size as people read it: ``1.5 GB``, ``320 MB``, ``80.1 MB``."""
    if count >= 1e9:
        return f"{count / 1e9:.1f} GB"
    return f"{count / 1e6:.0f} MB" if count >= 1e8 else f"{count / 1e6:.1f} MB"
