"""The paintings that come with the package, and the names by which people ask for them: ``flow``, ``dots``, ..."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from pathlib import Path

from impasto.storage.hashing import hash_file

SUFFIX = ".jpg"
DESCRIPTIONS = {
    "dots": "a lake at sunset, in dabs of pure colour",
    "flow": "whirls of blue and orange, in long strokes of oil",
    "glass": "sun, tree and flowers, in stained glass",
    "shards": "sailing boats, broken into facets",
    "wash": "flowers, in watercolour on grained paper",
    "woodcut": "a coast with pines and a red sun, cut in lines",
}


@cache
def bundled_paintings() -> Mapping[str, Path]:
    """Names and files of the bundled paintings."""
    folder = (Path(str(resources.files("impasto"))) / "inputs" / "samples").resolve()
    return {path.stem: path for path in sorted(folder.iterdir()) if path.suffix == SUFFIX}


@cache
def bundled_by_hash() -> Mapping[str, Path]:
    """The same by the SHA-256 of the files."""
    return {hash_file(path): path for path in bundled_paintings().values()}


def find_painting(place: str | os.PathLike[str]) -> str | os.PathLike[str]:
    """The file of a bundled painting where `place` is its name and no file is called so; else `place` as it is."""
    return place if os.path.lexists(place) else bundled_paintings().get(os.fspath(place), place)


def nearest_name(place: str | os.PathLike[str]) -> str:
    """The bundled painting that was meant by something that is no file: ``; did you mean 'flow'?``, or all of them.

    Empty where a file must have been meant: it has a folder or an ending.
    """
    text, names = os.fspath(place), bundled_paintings()
    if Path(text).suffix or Path(text).name != text:
        return ""
    near = difflib.get_close_matches(text, names, n=1, cutoff=0.5)
    return f"did you mean the bundled painting {near[0]!r}?" if near else f"bundled paintings: {', '.join(names)}"


def shadow_notices(paths: Iterable[Path | None]) -> list[str]:
    """What to say of paintings that are files with the name of a bundled one: the file was taken."""
    names = dict.fromkeys(path.name for path in paths if path is not None and path.name in bundled_paintings())
    return [f"{name!r} is the file of that name here, not the bundled painting" for name in names]
