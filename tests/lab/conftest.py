"""Folders of pictures, and a quick sweep."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import impasto


@pytest.fixture
def folders(studio: Path) -> Path:
    for folder, names in {"photos": ["b.png", "a.jpg", "notes.txt", ".hidden.png"], "paintings": ["p.png"]}.items():
        (studio / folder).mkdir()
        for name in names:
            shutil.copy("photo.png" if folder == "photos" else "painting.png", studio / folder / name)
    return studio


@pytest.fixture
def sweep(studio: Path, quick: dict[str, Any]) -> Callable[..., impasto.LabRun]:
    def run(vary: dict[str, Any], **options: Any) -> impasto.LabRun:
        return impasto.sweep("photo.png", "painting.png", vary, folder="run", **quick | options)

    return run
