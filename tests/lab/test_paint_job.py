"""What a job does: the events and the picture that `paint` gives, and inputs decoded once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import impasto
from impasto.errors import InputError, OptionError
from impasto.events import StepDone
from impasto.inputs.style_file import StyleFile
from impasto.lab.jobs import InputFile, LabJob, Role
from impasto.lab.paint_job import PictureShelf, iter_job, iter_painting
from impasto.lab.plan import Planner
from impasto.lab.run_folder import Outcome


def test_a_job_is_painted_as_paint_paints(make_job: Any, quick: dict[str, Any]) -> None:
    *events, outcome = iter_painting(make_job("a"))
    assert isinstance(outcome, Outcome)
    pastiche = impasto.paint("photo.png", "painting.png", **quick)
    pastiche.save("expected.png")
    assert outcome.picture == Path("expected.png").read_bytes()
    steps = [event for event in events if isinstance(event, StepDone)]
    assert (outcome.result.steps, outcome.result.losses) == (len(steps), steps[-1].losses)
    lines = [json.loads(line) for line in outcome.events]
    assert [line["event"] for line in lines] == [type(event).__name__ for event in events]


def test_the_shelf_decodes_once_and_knows_changed_files(
    folder_with_pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf, files = PictureShelf(room=1), Planner()
    photo, painting = files.describe(Role.PHOTO, "photo.png"), files.describe(Role.PAINTING, "painting.png")
    first = shelf.load(photo)
    assert shelf.load(photo) is first
    shelf.load(painting)
    assert shelf.load(photo) is not first
    stale = InputFile(role=Role.PHOTO, path=photo.path, sha256="0" * 64)
    with pytest.raises(InputError, match=r"photo\.png.* has changed"):
        shelf.load(stale)


def test_the_shelf_tells_pictures_from_style_files(folder_with_pictures: Path) -> None:
    impasto.save_style("painting.png", "saved.style")
    shelf, files = PictureShelf(), Planner()
    file = files.describe(Role.PAINTING, "saved.style")
    first = shelf.load_style(file)
    assert isinstance(first, StyleFile)
    assert shelf.load_style(file) is first
    with pytest.raises(OptionError, match=r"the painting saved\.style is a style file"):
        shelf.load(file)


def test_all_inputs_of_a_job_take_part(folder_with_pictures: Path, quick: dict[str, Any]) -> None:
    """Regions, masks, settings of a painting's own, starting picture and palette, as `paint` takes them."""
    Image.fromarray(np.tile(np.uint8([[0, 255]]), (48, 30))).save("mask.png")
    Image.open("painting.png").rotate(90).save("other.png")
    values = quick | {"starting_point": "other.png", "color": "palette:other.png"}
    paintings = [impasto.Painting("painting.png", brush_scale=2.0)]
    regions = [impasto.Region("mask.png", "other.png", strength=80)]
    planner = Planner(values=values, regions=regions)
    job = planner.painting_job("photo.png", paintings, planner.resolve(), recipe=None, labels={"job": "a"})
    *_, outcome = iter_painting(job)
    assert isinstance(outcome, Outcome)
    impasto.paint("photo.png", paintings, regions=regions, **values).save("alone.png")
    assert outcome.picture == Path("alone.png").read_bytes()


def test_a_picture_is_taken_as_it_is_with_its_transparency(folder_with_pictures: Path) -> None:
    pixels = np.asarray(Image.open("photo.png"))
    alpha = np.full(pixels.shape[:2], 77, np.uint8)
    Image.fromarray(np.dstack([pixels, alpha])).save("other.png")
    file = Planner().describe(Role.PICTURE, "other.png")
    job = LabJob(name="a", kind="picture", labels={}, inputs=(file,), options=impasto.PaintOptions())
    (outcome,) = iter_job(job)
    assert isinstance(outcome, Outcome)
    assert (outcome.result.width_px, outcome.result.height_px, outcome.result.seconds) == (60, 48, None)
    Path("out.png").write_bytes(outcome.picture)
    assert np.array_equal(np.asarray(Image.open("out.png")), np.asarray(Image.open("other.png")))


def test_google_paints_after_one_painting_only(folder_with_pictures: Path) -> None:
    inputs = Planner().pair("photo.png", [("painting.png", 1.0), ("photo.png", 1.0)])
    job = LabJob(name="a", kind="tfhub", labels={}, inputs=tuple(inputs), options=impasto.PaintOptions(), model="x://")
    with pytest.raises(OptionError, match="one painting only"):
        list(iter_job(job))
