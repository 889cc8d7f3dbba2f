"""The paintings of their own that people keep at hand."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from pathlib import Path

from impasto.images.writing import write_whole

MOST_KEPT = 500
_FORMAT = 1


class OwnShelf:
    """Names of uploads in the order in which they were put there, in a file; of more than `MOST_KEPT` the last.

    Parameters
    ----------
    file: {"format": 1, "pictures": [name, ...]}.
    at_first: what it holds where there is no file yet, or none that can be read, which `note` then says.

    Raises `OSError` where the file cannot be written.
    """

    def __init__(self, file: Path, at_first: Iterable[str]) -> None:
        self._file, self._lock = file, threading.Lock()
        self.note: str | None = None
        names = _read(file) if file.exists() else list(at_first)
        if names is None:
            self.note = f"{file.name} cannot be read: the shelf begins again with the paintings of the jobs"
            names = list(at_first)
        self._names = dict.fromkeys(names)

    @property
    def names(self) -> tuple[str, ...]:
        """The first put there first."""
        with self._lock:
            return tuple(self._names)

    def put(self, name: str) -> None:
        """Put a picture last; one that is there stays where it is."""
        with self._lock:
            if name not in self._names:
                self._keep([*self._names, name][-MOST_KEPT:])

    def take_off(self, name: str) -> None:
        """Nothing if it is not there."""
        with self._lock:
            if name in self._names:
                self._keep([other for other in self._names if other != name])

    def _keep(self, names: list[str]) -> None:
        content = json.dumps({"format": _FORMAT, "pictures": names}, indent=1)
        write_whole(self._file, content.encode(), overwrite=True)
        self._names = dict.fromkeys(names)


def _read(file: Path) -> list[str] | None:
    """The names in a file; None for one that is not understood."""
    try:
        found = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return None
    if not isinstance(found, dict) or found.get("format") != _FORMAT or not isinstance(found.get("pictures"), list):
        return None
    return [name for name in found["pictures"] if isinstance(name, str)]
