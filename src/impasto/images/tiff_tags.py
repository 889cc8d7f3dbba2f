"""The directories of a TIFF file (revision 6.0, BigTIFF too): those of their tags that say what a picture is.

They come from strangers: counts and places are checked, and what is damaged counts as not there.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from mmap import mmap
from typing import Any, Final

Bytes = bytes | mmap
Tags = dict[int, tuple[Any, ...]]  # texts are one `str`, fractions `float`

_SIZES: Final = {1: "B", 2: "s", 3: "H", 4: "I", 5: "II", 8: "h", 9: "i", 10: "ii", 13: "I", 16: "Q", 18: "Q"}
_WANTED: Final = frozenset((254, 255, 258, 259, 262, 271, 277, 330, 332, 338, 529, 530, 532, 50706))


def iter_directories(data: Bytes) -> Iterator[Tags]:
    """The directories of a TIFF's pages, each once."""
    order = "<" if bytes(data[:2]) == b"II" else ">"
    big = struct.unpack_from(f"{order}H", data, 2)[0] == 43
    place = struct.unpack_from(f"{order}{'Q' if big else 'I'}", data, 8 if big else 4)[0]
    seen: set[int] = set()
    while place and place not in seen and len(seen) < 64:
        seen.add(place)
        tags, place = read_directory(data, place)
        yield tags


def read_directory(data: Bytes, place: int) -> tuple[Tags, int]:
    """The wanted tags of one directory, and the place of the next (0: none)."""
    order = "<" if bytes(data[:2]) == b"II" else ">"
    big = struct.unpack_from(f"{order}H", data, 2)[0] == 43
    count_format, entry_format, inline = ("Q", "HHQ", 8) if big else ("H", "HHI", 4)
    try:
        (count,) = struct.unpack_from(order + count_format, data, place)
        place += struct.calcsize(order + count_format)
        tags: Tags = {}
        for _ in range(min(count, 4096)):
            tag, kind, values = struct.unpack_from(order + entry_format, data, place)
            if tag in _WANTED and kind in _SIZES and 0 < values <= 256:
                tags[tag] = _read_values(data, order, kind, values, place + inline + 4, inline)
            place += 2 * inline + 4
        return tags, struct.unpack_from(order + "IQ"[big], data, place)[0]
    except (struct.error, ValueError, OverflowError):
        return {}, 0


def _read_values(data: Bytes, order: str, kind: int, count: int, place: int, inline: int) -> tuple[Any, ...]:
    layout = f"{order}{count}s" if kind == 2 else order + _SIZES[kind] * count
    if struct.calcsize(layout) > inline:
        (place,) = struct.unpack_from(order + ("Q" if inline == 8 else "I"), data, place)
    values = struct.unpack_from(layout, data, place)
    if kind == 2:
        text = values[0].split(b"\0")[0].decode("ascii", "replace")
        return ("".join(letter for letter in text if letter.isprintable())[:40].strip(),)
    if kind in (5, 10):
        return tuple(top / bottom if bottom else 0.0 for top, bottom in zip(values[::2], values[1::2], strict=True))
    return values
