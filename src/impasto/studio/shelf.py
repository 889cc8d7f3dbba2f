"""The shelf: paintings that stay at hand."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from impasto.errors import OutputError
from impasto.storage.atomic import write_whole
from impasto.storage.files import read_own
from impasto.storage.places import is_plain_name

MAX_SHELVED = 500
MAX_BYTES = 1_000_000
_FORMAT = 1


@dataclass(frozen=True)
class ShelfPicture:
    """A painting to choose: one of the bundled samples, or one of the person's own."""

    path: Path
    name: str
    bundled: bool


class Shelf:
    """Names of uploads in the order in which they were added, kept in a file; of more than `MAX_SHELVED` the last.

    Parameters
    ----------
    file: {"format": 1, "pictures": [name, ...]}.
    initial: the names where there is no file yet, or none that can be read; then `note` says so.
    """

    def __init__(self, file: Path, initial: Iterable[str]) -> None:
        self._file, self._lock = file, threading.Lock()
        self.note: str | None = None
        names = _read(file) if file.exists() else list(initial)
        if names is None:
            self.note = f"{file.name} cannot be read: the shelf begins again with the paintings of the jobs"
            names = list(initial)
        self._names = dict.fromkeys(names)

    @property
    def names(self) -> tuple[str, ...]:
        """The names, the oldest first."""
        with self._lock:
            return tuple(self._names)

    def put(self, name: str) -> None:
        """Add a picture at the end; one that is there stays where it is. Raises `OutputError`."""
        with self._lock:
            if name not in self._names:
                self._save([*self._names, name][-MAX_SHELVED:])

    def take_off(self, name: str) -> None:
        """Remove a picture if it is there. Raises `OutputError`."""
        with self._lock:
            if name in self._names:
                self._save([other for other in self._names if other != name])

    def _save(self, names: list[str]) -> None:
        content = json.dumps({"format": _FORMAT, "pictures": names}, indent=1)
        try:
            write_whole(self._file, content.encode())
        except OSError as error:
            raise OutputError(
                f"cannot write down what is on the shelf: {error.strerror}; look for free space"
            ) from error
        self._names = dict.fromkeys(names)


def _read(file: Path) -> list[str] | None:
    """The names in a file; None for one that cannot be used."""
    try:
        content = json.loads(read_own(file, MAX_BYTES))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        return None
    names = content.get("pictures")
    if not isinstance(names, list):
        return None
    return [name for name in names if isinstance(name, str) and is_plain_name(name)]
