"""Folders of pictures, quick jobs and a quick sweep."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import impasto
from impasto.lab.jobs import LabJob, Role
from impasto.lab.plan import Planner
from impasto.options.fields import build_options


@pytest.fixture
def folders(folder_with_pictures: Path) -> Path:
    for folder, names in {"photos": ["b.png", "a.jpg", "notes.txt", ".hidden.png"], "paintings": ["p.png"]}.items():
        (folder_with_pictures / folder).mkdir()
        for name in names:
            shutil.copy("photo.png" if folder == "photos" else "painting.png", folder_with_pictures / folder / name)
    return folder_with_pictures


@pytest.fixture
def sweep(folder_with_pictures: Path, quick: dict[str, Any]) -> Callable[..., impasto.LabRun]:
    def run(vary: dict[str, Any], **options: Any) -> impasto.LabRun:
        return impasto.sweep("photo.png", "painting.png", vary, folder="run", **quick | options)

    return run


@pytest.fixture
def make_job(folder_with_pictures: Path, quick: dict[str, Any]) -> Any:
    files = Planner()

    def make(name: str, **options: Any) -> LabJob:
        values = quick | options
        inputs = [files.describe(Role.PHOTO, "photo.png"), files.describe(Role.PAINTING, "painting.png")]
        inputs.append(files.describe(Role.ENCODER, values["encoder"]))
        values["encoder"] = Path(values["encoder"]).name
        return LabJob(name=name, labels={"job": name}, inputs=tuple(inputs), options=build_options(values))

    return make


@pytest.fixture
def many(folder_with_pictures: Path) -> Path:
    """Two photos of different sizes, a painting, a style file, and a broken file among the paintings."""
    (folder_with_pictures / "photos").mkdir()
    (folder_with_pictures / "paintings").mkdir()
    photo = Image.open("photo.png")
    photo.save("photos/one.png")
    photo.transpose(Image.Transpose.ROTATE_90).save("photos/two.png")
    Image.open("painting.png").save("paintings/waves.png")
    impasto.save_style("painting.png", "paintings/saved.style")
    Path("paintings/broken.jpg").write_text("no picture")
    return folder_with_pictures
