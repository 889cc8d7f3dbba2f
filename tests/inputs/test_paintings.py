"""Paintings and regions as people give them, and the masks that part them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from impasto.errors import InputError, OptionError
from impasto.images.picture import Picture, picture_from_array
from impasto.images.reading import load_picture
from impasto.inputs.paintings import (
    Painting,
    Region,
    as_paintings,
    check_mask,
    iter_mask,
    load_input,
    load_style,
)


def picture(height: int = 4, width: int = 6, value: int = 90) -> Picture:
    return picture_from_array(np.full((height, width, 3), value, np.uint8))


@pytest.mark.parametrize("weight", [0, -1, float("nan"), float("inf"), True, "0.5", None])
def test_weights_are_positive_and_finite(weight: object) -> None:
    with pytest.raises(OptionError, match="the weight of a painting"):
        as_paintings([("painting.png", weight)])  # type: ignore[list-item]


def test_every_form_of_style(folder_with_pictures: Path) -> None:
    def read(style: Any) -> list[tuple[str, float]]:
        return [(painting.picture.name, painting.weight) for painting in as_paintings(style)]

    assert read(None) == []
    assert read("photo.png") == [("photo.png", 1.0)]
    assert read(Path("photo.png")) == [("photo.png", 1.0)]
    assert read(np.zeros((4, 4, 3), np.uint8)) == [("array", 1.0)]
    assert read(("photo.png", "painting.png")) == [("photo.png", 1.0), ("painting.png", 1.0)]
    assert read([("photo.png", 2), "painting.png"]) == [("photo.png", 2.0), ("painting.png", 1.0)]
    assert read([("photo.png", np.float32(0.5))]) == [("photo.png", 0.5)]
    assert read(("photo.png", 2)) == [("photo.png", 2.0)]
    assert read({"photo.png": 2, Path("painting.png"): 1}) == [("photo.png", 2.0), ("painting.png", 1.0)]
    assert read(Path("photo.png").read_bytes()) == [("bytes", 1.0)]
    painting = Painting("photo.png", 3.0)
    assert as_paintings(painting) == as_paintings([painting]) == (painting,)


def test_no_painting_at_all_and_an_empty_list() -> None:
    assert as_paintings(None) == ()
    with pytest.raises(OptionError, match="at least one painting"):
        as_paintings([])


def test_a_painting_reads_its_file_at_once(folder_with_pictures: Path) -> None:
    painting = Painting("painting.png", 2, brush_scale=0.5, mask=np.full((8, 8), 255, np.uint8))
    assert isinstance(painting.picture, Picture)
    assert (painting.picture.name, painting.weight, painting.brush_scale) == ("painting.png", 2.0, 0.5)
    assert isinstance(painting.mask, Picture)
    with pytest.raises(AttributeError):
        painting.weight = 3.0  # type: ignore[misc]
    with pytest.raises(InputError, match=r"gone\.png"):
        Painting("gone.png")


@pytest.mark.parametrize("scale", [0.25, 1, 4.0])
def test_brush_scales_that_can_be(scale: float) -> None:
    assert Painting(picture(), brush_scale=scale).brush_scale == scale
    assert Region(None, brush_scale=scale).brush_scale == scale


@pytest.mark.parametrize("scale", [0.24, 4.01, float("nan")])
def test_brush_scales_that_cannot(scale: float) -> None:
    with pytest.raises(OptionError, match=r"the brush scale of a painting is 0\.25 to 4, got"):
        Painting(picture(), brush_scale=scale)
    with pytest.raises(OptionError, match=r"the brush scale of a region is 0\.25 to 4, got"):
        Region(None, brush_scale=scale)


@pytest.mark.parametrize("number", [True, "1", None, 1j])
def test_what_is_no_number(number: Any) -> None:
    with pytest.raises(OptionError, match="the brush scale of a painting is a number, got"):
        Painting(picture(), brush_scale=number)


@pytest.mark.parametrize("pixels", [None, 30], ids=["whole", "over the limit"])
def test_max_pixels_is_of_every_file(folder_with_pictures: Path, pixels: int | None) -> None:
    if pixels is None:
        assert as_paintings(["painting.png"], 64 * 64)
        return
    for read in (
        lambda: as_paintings("painting.png", pixels),
        lambda: Painting("painting.png", max_pixels=pixels),
        lambda: Painting(picture(), mask="painting.png", max_pixels=pixels),
        lambda: Region("painting.png", max_pixels=pixels),
        lambda: Region(None, "painting.png", max_pixels=pixels),
        lambda: load_style("painting.png", pixels),
    ):
        with pytest.raises(InputError, match="30 pixels"):
            read()


def test_every_form_of_a_picture(folder_with_pictures: Path) -> None:
    loaded = load_picture("photo.png")
    assert load_input(loaded) is loaded
    assert load_input(folder_with_pictures / "photo.png") == load_input("photo.png") == loaded
    array = np.full((3, 5, 3), 7, np.uint8)
    assert load_input(array) == load_input(torch.from_numpy(array).permute(2, 0, 1))
    with pytest.raises(OptionError, match=r"a picture is a path, bytes, .*, got 17"):
        load_input(17)  # type: ignore[arg-type]
    with pytest.raises(OptionError) as error:
        load_input({"long": "x" * 500})  # type: ignore[arg-type]
    assert len(str(error.value)) < 200


# --------------------------------------------------------------------------------------------- regions


def test_strengths_and_colours_of_a_region() -> None:
    assert Region(None).strength is None
    assert [Region(None, strength=strength).strength for strength in (0, 55.5, 100)] == [0, 55.5, 100]
    assert [Region(None, color=color).color for color in (None, "painting", "photo")] == [None, "painting", "photo"]
    for strength in (-0.1, 100.1):
        with pytest.raises(OptionError, match="the strength of a region is 0 to 100, got"):
            Region(None, strength=strength)
    with pytest.raises(OptionError, match=r"the color of a region is painting or photo, got 'palette:a\.png'"):
        Region(None, color="palette:a.png")


def test_masks_of_a_region(folder_with_pictures: Path) -> None:
    assert Region("alpha").mask == "alpha"
    assert Region(None).mask is None
    by_name = Region("photo.png").mask
    assert isinstance(by_name, Picture)
    assert by_name.name == "photo.png"
    with pytest.raises(InputError, match="the mask array is black everywhere"):
        Region(np.zeros((4, 4), np.uint8))


@pytest.mark.parametrize(("level", "black"), [(1, True), (2, False)])
def test_the_darkest_level_is_black_still(level: int, black: bool) -> None:
    """A scanner's black is no region."""
    mask = np.full((300, 4), 0, np.uint8)
    mask[299, 3] = level
    if black:
        with pytest.raises(InputError, match="black everywhere"):
            Region(mask)
    else:
        Region(mask)


# ---------------------------------------------------------------------------------------------- masks


def test_white_is_luma_times_opacity() -> None:
    """ITU-R BT.709: Y' = 0.2126 R' + 0.7152 G' + 0.0722 B'."""
    colours = np.array([[[255, 0, 0, 255], [0, 255, 0, 255], [0, 0, 255, 255], [255, 255, 255, 51]]], np.uint8)
    (white,) = iter_mask(picture_from_array(colours))
    assert white == pytest.approx(np.array([[0.2126, 0.7152, 0.0722, 0.2]]), abs=1e-6)


def test_a_mask_is_read_a_few_rows_at_a_time_at_its_own_depth() -> None:
    levels = np.linspace(0, 65_535, 7 * 3).astype(np.uint16).reshape(7, 3)
    pieces = list(iter_mask(picture_from_array(levels), rows=3))
    assert [len(piece) for piece in pieces] == [3, 3, 1]
    assert np.concatenate(pieces) == pytest.approx(levels / 65_535, abs=1e-6)


@pytest.mark.parametrize(
    ("mask", "fits"),
    [
        ((30, 40), True),
        ((3, 4), True),
        ((300, 400), True),
        ((298, 400), True),  # a pixel more or less is rounding
        ((15, 21), True),
        ((28, 40), False),
        ((40, 30), False),
        ((30, 44), False),
    ],
)
def test_a_mask_has_the_proportions_of_its_picture(mask: tuple[int, int], fits: bool) -> None:
    photo, white = picture(30, 40), picture(*mask, value=255)
    if fits:
        check_mask(white, photo, "photo")
        return
    sizes = f"{mask[1]}x{mask[0]} px, the photo array 40x30 px"
    with pytest.raises(InputError, match=f"the mask array is {sizes}: give a mask of the same"):
        check_mask(white, photo, "photo")


def test_a_painting_refuses_a_mask_that_does_not_fit() -> None:
    with pytest.raises(InputError, match="the painting array 6x4 px"):
        Painting(picture(), mask=picture(6, 4, 255))
    with pytest.raises(InputError, match="black everywhere"):
        Painting(picture(), mask=picture(value=0))
