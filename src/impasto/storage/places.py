"""Paths that a file names. What somebody sent never decides alone where something is written or what else is read."""

from __future__ import annotations

import filecmp
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeAlias

Trusts: TypeAlias = Callable[[Sequence[Path]], bool]
"""Asks the person whether paths that a file names may be used."""


def trusts_none(paths: Sequence[Path]) -> bool:
    """Nobody was asked."""
    return False


def trusts_all(paths: Sequence[Path]) -> bool:
    """The person vouches for the file that names the paths."""
    return True


def is_below(path: Path, folder: Path) -> bool:
    """Whether a path lies in a folder or deeper, symbolic links followed, and is not hidden there."""
    try:
        inside = Path(os.path.realpath(path)).relative_to(os.path.realpath(folder))
    except (OSError, ValueError):  # outside, or no path at all
        return False
    return bool(inside.parts) and not any(part.startswith(".") for part in inside.parts)


def elsewhere(paths: Iterable[Path], folder: Path) -> list[Path]:
    """Those of the paths that do not lie below the folder, each once."""
    return [path for path in dict.fromkeys(paths) if not is_below(path, folder)]


def is_plain_name(text: str) -> bool:
    """Whether a text names a file in some folder, and cannot lead out of it."""
    return text not in ("", ".", "..") and not any(sign in text for sign in "/\\\0")


def same_file(one: str | os.PathLike[str], other: str | os.PathLike[str]) -> bool:
    """Whether two spellings mean one file, which need not be there: ``../x/y.png``, links, capitals."""
    a, b = Path(os.path.realpath(one)), Path(os.path.realpath(other))
    try:
        return a == b or a.samefile(b)
    except OSError:  # one of them is not there; where capitals count they might be two, which nobody means
        return not os.path.lexists(a) and not os.path.lexists(b) and str(a).casefold() == str(b).casefold()


def same_content(one: Path, other: Path) -> bool:
    """Whether two files are there and hold the same bytes."""
    try:
        return one.is_file() and other.is_file() and filecmp.cmp(one, other, shallow=False)
    except OSError:  # one cannot be read
        return False
