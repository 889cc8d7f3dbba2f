"""What a record says of its pictures: sparse as ever, checked when it is read, every file with its role."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from impasto.inputs.recorded import RecordedFile, RecordedInputs, RecordedPainting, RecordedRegion, omit_new_defaults

PHOTO = {"name": "photo.png", "sha256": "p"}
PAINTING = {"name": "a.png", "sha256": "a", "weight": 2.0}
# As 0.1.0 wrote it of a run without regions, a palette or settings of a painting: hashes of lists of jobs rest on it.
PLAIN: dict[str, Any] = {"content": PHOTO, "paintings": [PAINTING], "starting_picture": None}
FULL: dict[str, Any] = {
    "content": PHOTO,
    "paintings": [
        PAINTING | {"brush_scale": 0.5, "mask": {"name": "m.png", "sha256": "m"}},
        PAINTING | {"name": "b.png", "sha256": "b"},
    ],
    "starting_picture": {"name": "s.png", "sha256": "s"},
    "palette": {"name": "c.png", "sha256": "c"},
    "regions": [
        {"mask": None, "paintings": [PAINTING], "strength": 30.0, "brush_scale": 1.0, "color": "photo"},
        {
            "mask": {"name": "n.png", "sha256": "n"},
            "paintings": [],
            "strength": None,
            "brush_scale": 2.0,
            "color": None,
        },
    ],
}


@pytest.mark.parametrize("written", [PLAIN, FULL], ids=["plain", "full"])
def test_what_was_read_is_written_again(written: dict[str, Any]) -> None:
    inputs = RecordedInputs.model_validate(written)
    assert inputs.model_dump(mode="json") == written
    assert RecordedInputs.model_validate_json(inputs.model_dump_json()) == inputs


def test_every_file_has_its_role() -> None:
    roles = [(role, file.name) for role, file in RecordedInputs.model_validate(FULL).iter_files()]
    assert roles == [
        ("content image", "photo.png"),
        ("style image 1", "a.png"),
        ("mask of style image 1", "m.png"),
        ("style image 2", "b.png"),
        ("style image of region 1", "a.png"),
        ("mask of region 2", "n.png"),
        ("starting point", "s.png"),
        ("palette", "c.png"),
    ]
    assert [role for role, _ in RecordedInputs.model_validate(PLAIN).iter_files()] == ["content image", "style image"]


def test_paintings_of_a_region_are_numbered_where_there_are_several() -> None:
    region = {"mask": None, "paintings": [PAINTING, PAINTING | {"mask": PHOTO}]}
    inputs = RecordedInputs.model_validate(PLAIN | {"regions": [region]})
    assert [role for role, _ in inputs.iter_files()][2:] == [
        "style image of region 1 1",
        "style image of region 1 2",
        "mask of style image of region 1 2",
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"content": None, "paintings": []},
        {"content": None, "regions": [{"mask": None, "paintings": []}]},
        {"content": {"name": "photo.png", "sha256": ""}},
        {"content": {"name": "photo.png"}},
        {"paintings": [PAINTING | {"weight": 0}]},
        {"paintings": [PAINTING | {"weight": float("inf")}]},
        {"paintings": [PAINTING | {"brush_scale": 0.24}]},
        {"paintings": [PAINTING | {"brush_scale": 4.1}]},
        {"regions": [{"mask": None, "paintings": [], "strength": 101}]},
        {"regions": [{"mask": None, "paintings": [], "strength": -1}]},
        {"regions": [{"mask": None, "paintings": [], "brush_scale": 5}]},
        {"regions": [{"paintings": []}]},
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_when_it_is_read(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        RecordedInputs.model_validate(PLAIN | change)


@pytest.mark.parametrize("change", [{"content": None}, {"paintings": []}])
def test_a_texture_and_a_reconstruction_of_content(change: dict[str, Any]) -> None:
    RecordedInputs.model_validate(PLAIN | change)


def test_parts_are_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        RecordedFile(name="a", sha256="b").name = "c"


def test_only_newer_fields_with_their_default_are_omitted() -> None:
    painting = RecordedPainting(name="a", sha256="b", weight=1, brush_scale=2.0)
    values = {"name": "a", "brush_scale": 2.0, "mask": None}
    assert omit_new_defaults(painting, values, ["brush_scale", "mask"]) == {"name": "a", "brush_scale": 2.0}
    assert omit_new_defaults(painting, values, []) == values
    region = RecordedRegion(mask=None, paintings=())
    assert region.model_dump()["strength"] is None, "regions are written whole"
