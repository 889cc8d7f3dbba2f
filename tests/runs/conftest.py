"""A small pastiche that was saved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import impasto


@pytest.fixture
def painted(folder_with_pictures: Path, quick: dict[str, Any]) -> impasto.Pastiche:
    """A blend that is saved as out.png."""
    pastiche = impasto.paint("photo.png", [("painting.png", 2), ("photo.png", 0.5)], **quick)
    pastiche.save("out.png")
    return pastiche
