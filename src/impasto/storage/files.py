"""What a path is, found out before it is opened: opening a pipe waits, and opening a device acts."""

from __future__ import annotations

import os
from pathlib import Path


def why_not_a_file(path: str | os.PathLike[str]) -> str:
    """Say why a path cannot be read as a regular file; empty: it can. Raises OSError as the system does."""
    file = Path(path)
    if file.is_dir():
        return "it is a folder"
    if not file.exists():
        return "there is no such file"
    return "" if file.is_file() else "it is not a regular file"
