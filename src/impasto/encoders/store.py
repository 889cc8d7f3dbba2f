"""The folder of fetched weights: one safetensors file for each name, with its own SHA-256 in its file name.

The hash is taken when the published file is converted, and checked on every load. A name and a hash in one file name
appear at once, so that no interruption leaves one without the other.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from impasto.encoders.sources import SOURCES
from impasto.errors import WeightsError

FOLDER_VARIABLE = "IMPASTO_WEIGHTS_DIR"


@dataclass(frozen=True)
class Stored:
    """Converted weights of a source, and the SHA-256 that their file was stored with."""

    path: Path
    sha256: str

    @property
    def source(self) -> str:
        """Name of the source."""
        return self.path.name.partition(".")[0]


def weights_folder(*, create: bool = False) -> Path:
    """The folder of fetched weights: `FOLDER_VARIABLE`, else in the user's cache directory.

    Raises `WeightsError` where it has to be created and cannot be.
    """
    import platformdirs

    named = os.environ.get(FOLDER_VARIABLE)
    folder = Path(named) if named else platformdirs.user_cache_path("impasto", appauthor=False) / "weights"
    if create:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise WeightsError(
                f"cannot create the folder of weights {folder}: {error.strerror}; {FOLDER_VARIABLE} names another"
            ) from error
    return folder


def stored_path(name: str, sha256: str) -> Path:
    """File of converted weights."""
    return weights_folder() / f"{name}.{sha256}.safetensors"


def list_stored(name: str) -> list[Stored]:
    """Converted weights of that name, newest first; more than one only after an interruption."""
    shape = re.compile(re.escape(name) + r"\.([0-9a-f]{64})\.safetensors")
    matches = [(path, shape.fullmatch(path.name)) for path in weights_folder().glob(f"{name}.*.safetensors")]
    stored_files = [Stored(path, match[1]) for path, match in matches if match]
    return sorted(stored_files, key=lambda stored: stored.path.stat().st_mtime_ns, reverse=True)


def find_stored(name: str) -> Stored | None:
    """Converted weights of that name, if they are here."""
    return next(iter(list_stored(name)), None)


def find_best(name: str) -> Stored | None:
    """Converted weights of that source, else those of its stand-in, if one of them is here."""
    return find_stored(name) or (find_stored(stand_in) if (stand_in := SOURCES[name].stand_in) else None)


def resolve_name(encoder: str) -> str:
    """The encoder's name, or its stand-in's where that is what is here: another machine then takes the same."""
    return stored.source if encoder in SOURCES and (stored := find_best(encoder)) else encoder


def needs_fetch(encoder: str) -> bool:
    """Say whether the weights of an encoder are published and not here yet, nor those of its stand-in."""
    return encoder in SOURCES and find_best(encoder) is None
