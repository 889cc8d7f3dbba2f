"""All that a run paints from as one value: to a record and back, and what does not fit together."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import impasto
from impasto.errors import InputError, OptionError, RecordError
from impasto.images.picture import Picture, picture_from_array
from impasto.inputs.paintings import Painting, Region
from impasto.inputs.recorded import RecordedInputs
from impasto.inputs.run_inputs import RunInputs, describe_region, read_region
from impasto.inputs.style_file import StyleFile


def picture(seed: int, channels: int = 3, height: int = 20, width: int = 30) -> Picture:
    samples = np.random.default_rng(seed).integers(1, 256, (height, width, channels), np.uint8)
    return picture_from_array(samples, name=f"{seed}.png")


PHOTO = picture(0, channels=4)
PAINTINGS = [Painting(picture(1), 2.0, 0.5, picture(2)), Painting(picture(3))]
REGIONS = [
    Region(picture(4), [Painting(picture(5), 3.0), Painting(picture(1))], 40, 2.0, "photo"),
    Region("alpha"),
]
FULL = RunInputs.load(PHOTO, PAINTINGS, REGIONS, starting_picture=picture(6), palette=picture(7))
PLAIN = RunInputs.load(PHOTO, PAINTINGS)
TEXTURE = RunInputs.load(None, picture(1))
CONTENT = RunInputs.load(PHOTO, None)


def test_the_background_is_a_region_without_a_mask() -> None:
    assert [region.mask for region in FULL.regions] == [None, REGIONS[0].mask, "alpha"]
    assert FULL.background.paintings == tuple(PAINTINGS)
    assert [painting.picture.name for painting in FULL.paintings] == ["1.png", "3.png", "5.png", "1.png"]
    assert CONTENT.background == Region(None)
    assert CONTENT.paintings == []


def test_every_file_once() -> None:
    assert sorted(file.name for file in FULL.files) == [f"{seed}.png" for seed in range(8)]
    assert [file.name for file in TEXTURE.files] == ["1.png"]
    both = RunInputs.load(PHOTO, PHOTO, [Region(PHOTO, PHOTO)], starting_picture=PHOTO)
    assert both.files == [PHOTO]


@pytest.mark.parametrize("inputs", [FULL, PLAIN, TEXTURE, CONTENT], ids=["full", "plain", "texture", "content"])
def test_to_a_record_and_back(inputs: RunInputs) -> None:
    written = inputs.describe().model_dump_json()
    files = {file.sha256: file for file in inputs.files}
    assert RunInputs.read(RecordedInputs.model_validate_json(written), files) == inputs
    assert RunInputs.read(inputs.describe(), files).describe() == inputs.describe()


def test_copies_of_one_file_keep_their_names() -> None:
    copy = replace(PHOTO, name="copy.png")
    inputs = RunInputs.load(PHOTO, copy, starting_picture=replace(PHOTO, name="start.png"))
    assert RunInputs.read(inputs.describe(), {copy.sha256: copy}).describe() == inputs.describe()


def test_a_description_holds_names_and_hashes_and_no_folders(folder_with_pictures: Path) -> None:
    inputs = RunInputs.load(folder_with_pictures / "photo.png", str(folder_with_pictures / "painting.png"))
    described = json.loads(inputs.describe().model_dump_json())
    assert set(described) == {"content", "paintings", "starting_picture"}
    assert described["content"] == {"name": "photo.png", "sha256": inputs.files[0].sha256}
    assert str(folder_with_pictures) not in str(described)


def test_a_region_to_a_record_and_back() -> None:
    files = {file.sha256: file for file in FULL.files}
    for region in REGIONS:
        assert read_region(describe_region(region), files) == region
    assert describe_region(REGIONS[1]).mask is None


def test_files_of_a_record_must_all_be_there() -> None:
    with pytest.raises(KeyError):
        RunInputs.read(FULL.describe(), {PHOTO.sha256: PHOTO})


def test_a_style_file_stands_for_a_painting_and_for_nothing_else(tmp_path: Path) -> None:
    style = impasto.save_style(picture(1), tmp_path / "a.style")
    assert isinstance(style, StyleFile)
    inputs = RunInputs.load(PHOTO, style)
    assert {file.name for file in inputs.files} == {"0.png", "a.style"}
    files = {file.sha256: file for file in inputs.files}
    assert RunInputs.read(inputs.describe(), files) == inputs
    with pytest.raises(RecordError, match=r"names the style file a\.style where a picture belongs"):
        RunInputs.read(inputs.describe(), files | {PHOTO.sha256: style})


def test_regions_need_a_photo() -> None:
    with pytest.raises(OptionError, match="no photo is given"):
        RunInputs.load(None, picture(1), [Region(picture(4))])


def test_the_mask_of_a_region_fits_the_photo() -> None:
    with pytest.raises(InputError, match="the photo"):
        RunInputs.load(PHOTO, picture(1), [Region(picture(4, height=30, width=20))])


def test_alpha_as_a_mask_must_be_there_and_somewhere_opaque() -> None:
    with pytest.raises(InputError, match=r"0\.png"):
        RunInputs.load(picture(0), picture(1), [Region("alpha")])
    clear = np.full((20, 30, 4), 200, np.uint8)
    clear[..., 3] = 0
    with pytest.raises(InputError, match="is transparent everywhere"):
        RunInputs.load(clear, picture(1), [Region("alpha")])
    clear[3, 4, 3] = 1
    RunInputs.load(clear, picture(1), [Region("alpha")])


def test_pixels_are_limited_everywhere(folder_with_pictures: Path) -> None:
    for photo, painting in (("photo.png", picture(1)), (PHOTO, "painting.png")):
        with pytest.raises(InputError, match="100 pixels"):
            RunInputs.load(photo, painting, max_pixels=100)
