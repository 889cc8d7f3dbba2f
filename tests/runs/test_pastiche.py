"""A painted picture: what comes with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import impasto


def test_its_notices_are_those_of_the_run(folder_with_pictures: Path, quick: dict[str, Any]) -> None:
    flat = np.full((48, 60, 3), 127, np.uint8)
    events = list(impasto.iter_paint(flat, "painting.png", **quick))
    said = [event.message for event in events if isinstance(event, impasto.Notice)]
    assert said, "a flat photo cannot be measured, which is said"
    assert impasto.paint(flat, "painting.png", **quick).notices == tuple(said)


@pytest.mark.parametrize("name", ["pastiche.png", "pastiche.webp"])
def test_it_is_saved_with_its_record(folder_with_pictures: Path, quick: dict[str, Any], name: str) -> None:
    pastiche = impasto.paint("photo.png", "painting.png", **quick)
    pastiche.save(name)
    assert impasto.read_record(name) == {**pastiche.record, "bit_depth": 8}
