"""Paths checked before they are opened (opening a pipe waits, opening a device acts), and sizes as text."""

from __future__ import annotations

import errno
import hashlib
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


def why_not_own(path: Path) -> str:
    """As `why_not_a_file`, of a file in a folder that somebody else may have made: a link could lead anywhere."""
    return "it is a link" if path.is_symlink() else why_not_a_file(path)


def read_own(path: Path, most_bytes: int) -> bytes:
    """The bytes of a file in a folder that somebody else may have made.

    Raises `OSError`, whose `strerror` says why, for a link, a pipe, a folder, and a file of more than `most_bytes`.
    """
    why = why_not_own(path)
    if not why and path.stat().st_size > most_bytes:
        why = f"it has more than {most_bytes} bytes"
    if why:
        raise OSError(errno.EINVAL, why, os.fspath(path))
    return path.read_bytes()


def make_private(folder: Path) -> None:
    """Make a folder that nobody but its owner reads, or make one that is there so; raises `OSError`."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)


def fitting_name(path: Path, suffix: str) -> str:
    """The name of a file with more letters behind it; where that is too long for a name, a part of it and its hash."""
    try:
        longest = os.pathconf(path.absolute().parent, "PC_NAME_MAX")
    except (OSError, ValueError, AttributeError):  # a folder that is not there; a system that does not say
        longest = 255
    name = os.fsencode(path.name)
    if len(name) + len(suffix) <= longest:
        return path.name + suffix
    digest = hashlib.sha256(name).hexdigest()[:12]
    kept = name[: longest - len(suffix) - len(digest) - 1]
    return f"{kept.decode(errors='ignore')}-{digest}{suffix}"


def format_bytes(count: float) -> str:
    """Write a size as people read it: ``1.5 GB``, ``320 MB``, ``80.1 MB``."""
    if count >= 1e9:
        return f"{count / 1e9:.1f} GB"
    return f"{count / 1e6:.0f} MB" if count >= 1e8 else f"{count / 1e6:.1f} MB"
