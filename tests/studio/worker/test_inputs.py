"""Inputs of a request under the names that the person gave to the files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from impasto.images.reading import load_picture
from impasto.inputs.run_inputs import RunInputs
from impasto.studio.request import PaintingChoice, RegionChoice
from impasto.studio.worker.inputs import load_paintings, load_regions, rename_files


def test_every_file_gets_its_name_and_nothing_else_changes(folder_with_pictures: Path) -> None:
    Image.fromarray(np.full((48, 60), 255, np.uint8)).save("mask.png")
    Image.fromarray(np.zeros((9, 9, 3), np.uint8)).save("start.png")
    painting = PaintingChoice(path=folder_with_pictures / "painting.png", weight=3, brush_scale=2)
    choices = (RegionChoice(mask=folder_with_pictures / "mask.png", paintings=(painting,), strength=70, color="photo"),)
    inputs = RunInputs.load(
        folder_with_pictures / "photo.png",
        load_paintings([painting]),
        load_regions(choices),
        starting_picture=load_picture(folder_with_pictures / "start.png"),
        palette=load_picture(folder_with_pictures / "painting.png"),
    )
    names = {str(folder_with_pictures / name): f"my {name}" for name in ("photo.png", "painting.png", "mask.png")}
    renamed = rename_files(inputs, names).describe()
    assert renamed.content and renamed.palette and renamed.starting_picture and renamed.regions[0].mask
    assert (renamed.content.name, renamed.palette.name) == ("my photo.png", "my painting.png")
    assert renamed.starting_picture.name == "start.png", "a file without a name of its own"
    assert renamed.regions[0].mask.name == "my mask.png"
    for file in (renamed.paintings[0], renamed.regions[0].paintings[0]):
        assert (file.name, file.weight, file.brush_scale) == ("my painting.png", 3, 2)
    back = {f"my {name}": name for name in ("photo.png", "painting.png", "mask.png")}
    text = renamed.model_dump_json()
    for ours, plain in back.items():
        text = text.replace(ours, plain)
    assert text == inputs.describe().model_dump_json()


def test_a_region_without_a_mask_is_the_photos_opacity() -> None:
    (region,) = load_regions([RegionChoice(mask=None)])
    assert (region.mask, region.paintings) == ("alpha", ())
    assert load_paintings([]) is None
