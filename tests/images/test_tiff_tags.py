"""Directories of TIFF files against tifffile, and against what strangers write."""

from __future__ import annotations

import io
import random
from pathlib import Path

import numpy as np
import pytest
import tifffile
from sample_pictures import smooth

from impasto.images.tiff_tags import iter_directories, read_directory


def written(*pages: np.ndarray, bigtiff: bool = False, byteorder: str = "<", **options: object) -> bytes:
    file = io.BytesIO()
    with tifffile.TiffWriter(file, bigtiff=bigtiff, byteorder=byteorder) as writer:
        for page in pages:
            writer.write(page, photometric="rgb", metadata=None, **options)
    return file.getvalue()


@pytest.mark.parametrize("bigtiff", [False, True])
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_tags_are_those_that_tifffile_reads(tmp_path: Path, bigtiff: bool, byteorder: str) -> None:
    extra = [(271, 2, 0, "Somebody & Sons", True), (532, 5, 6, (15, 1, 235, 1, 128, 1, 240, 1, 128, 1, 240, 1), True)]
    data = written(smooth(), smooth()[::2], bigtiff=bigtiff, byteorder=byteorder, extratags=extra)
    pages = list(iter_directories(data))
    assert len(pages) == 2
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        for page, tags in zip(file.pages, pages, strict=True):
            for tag in (258, 259, 262, 277):
                value = page.tags[tag].value
                assert tags[tag] == (value if isinstance(value, tuple) else (value,))
    assert pages[0][271] == ("Somebody & Sons",)
    assert pages[0][532] == (15.0, 235.0, 128.0, 240.0, 128.0, 240.0)


def test_a_circle_of_pages_ends() -> None:
    data = bytearray(written(smooth()))
    first = int.from_bytes(data[4:8], "little")
    count = int.from_bytes(data[first : first + 2], "little")
    place = first + 2 + 12 * count
    data[place : place + 4] = first.to_bytes(4, "little")
    assert len(list(iter_directories(bytes(data)))) == 1


def test_a_directory_that_is_not_there_is_empty() -> None:
    data = written(smooth())
    for place in (len(data) - 1, len(data) + 99, 2**63):
        tags, following = read_directory(data, place)
        assert (tags, following) == ({}, 0)


def test_damaged_directories_cost_no_more_than_their_tags() -> None:
    generator = random.Random(4)
    data = written(smooth(), smooth()[::2])
    first = int.from_bytes(data[4:8], "little")
    for _ in range(300):
        damaged = bytearray(data)
        for _ in range(8):
            damaged[generator.choice([4, 5, 6, 7, *range(first, first + 200)])] = generator.randrange(256)
        assert len(list(iter_directories(bytes(damaged)))) <= 64
