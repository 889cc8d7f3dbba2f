"""Drafts that the stylizer really makes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from studio_stores import SMALL, DraftingStore, draft, pixels

import impasto
from impasto.errors import InputError
from impasto.images.reading import read_record
from impasto.studio.request import PaintingChoice, RegionChoice, Request


def test_a_draft_is_the_librarys(real: DraftingStore, folder_with_pictures: Path) -> None:
    two = (PaintingChoice(path=real.paintings[0], weight=3, brush_scale=2), PaintingChoice(path=real.paintings[1]))
    made = draft(real, Request(photo=real.photo, paintings=two, options=SMALL | {"strength": 40, "brush_scale": 0.5}))
    paintings = [impasto.Painting(real.paintings[0], 3, 2), impasto.Painting(real.paintings[1])]
    whole = impasto.draft("photo.png", paintings, size_px=64, strength=80, brush_scale=0.5)
    whole.save("expected.jpg")
    assert np.abs(pixels(made.path) - pixels(folder_with_pictures / "expected.jpg")).mean() < 0.3
    other = impasto.draft("photo.png", paintings, size_px=64, strength=80)
    other.save("other.jpg")
    assert np.abs(pixels(made.path) - pixels(folder_with_pictures / "other.jpg")).mean() > 1, (
        "brush scales are seen at this size"
    )
    record = read_record(made.path)
    assert record["kind"] == "draft"
    assert record["inputs"]["content"]["name"] == "a lion.png"  # type: ignore[index]
    assert [file["weight"] for file in record["inputs"]["paintings"]] == [3, 1]  # type: ignore[index]
    again = impasto.replay(made.path, ["photo.png", *real.paintings[:2]])
    assert np.abs(again.pixels * 255 - pixels(made.path)).mean() < 4  # of a JPEG


def test_paintings_are_measured_once_and_photos_read_once(real: DraftingStore) -> None:
    for strength in (10, 20, 30):
        for place in (0, 1, 0):
            draft(real, real.request(place, strength=strength))
    table = real.made[0].do_job.__self__  # type: ignore[union-attr]
    assert table._measure.cache_info().misses == 2
    assert table._photo.cache_info().misses == 1


def test_a_transparent_photo(real: DraftingStore) -> None:
    fading = np.dstack([np.full((40, 50, 3), 200), np.tile(np.linspace(0, 255, 50), (40, 1))]).astype(np.uint8)
    Image.fromarray(fading).save("fading.png")
    photo = real.store.keep_upload(Path("fading.png"), "fading.png")
    made = draft(real, real.request().model_copy(update={"photo": photo}))
    assert pixels(made.path).shape == (51, 64, 3)


def test_a_draft_with_regions_masks_and_colours_is_the_librarys(
    real: DraftingStore, folder_with_pictures: Path
) -> None:
    with Image.open("photo.png") as photo:
        width, height = photo.size
    half = np.zeros((height, width), np.uint8)
    half[:, : width // 2] = 255
    Image.fromarray(half).save("half.png")
    mask = real.store.keep_upload(Path("half.png"), "half.png")
    with Image.open(real.paintings[0]) as painting:
        Image.new("L", painting.size, 255).save("all.png")
    whole = real.store.keep_upload(Path("all.png"), "all.png")
    first, second = (PaintingChoice(path=path) for path in real.paintings[:2])
    request = Request(
        photo=real.photo,
        paintings=(first.model_copy(update={"mask": whole}),),
        regions=(RegionChoice(mask=mask, paintings=(second,), strength=25, color="painting"),),
        options=SMALL | {"color": "photo"},
    )
    made = draft(real, request)
    region = impasto.Region("half.png", real.paintings[1], 50, color="painting")
    expected = impasto.draft("photo.png", real.paintings[0], regions=[region], size_px=64, color="photo")
    expected.save("expected.jpg")
    assert np.abs(pixels(made.path) - pixels(folder_with_pictures / "expected.jpg")).mean() < 0.3
    plain = impasto.draft("photo.png", real.paintings[0], size_px=64)
    assert np.abs(plain.pixels * 255 - pixels(made.path)).mean() > 4
    inputs: dict[str, Any] = read_record(made.path)["inputs"]  # type: ignore[assignment]
    assert inputs["regions"][0]["mask"]["name"] == "half.png"


def test_what_cannot_be_drafted_ends_in_one_line_and_the_next_draft_is_made(real: DraftingStore) -> None:
    Image.new("RGB", (400, 4), "red").save("thin.png")
    thin = real.store.keep_upload(Path("thin.png"), "thin.png")
    with pytest.raises(InputError, match="the stylizer needs 16 px a side"):
        real.store.draft(real.request().model_copy(update={"photo": thin}))
    painting = real.store.keep_upload(Path("painting.png"), "painting.png")
    painting.write_bytes(painting.read_bytes()[:200])
    with pytest.raises(InputError, match="damaged or cut short"):
        real.store.draft(real.request().model_copy(update={"paintings": (PaintingChoice(path=painting),)}))
    assert draft(real, real.request()).path.is_file()
