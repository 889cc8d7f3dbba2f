"""Stores with pictures in them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from studio_stores import DraftingStore, StockedStore


@pytest.fixture
def stocked(tmp_path: Path, folder_with_pictures: Path, quick: dict[str, Any]) -> Iterator[StockedStore]:
    """A store that paints, with a photo and a painting."""
    made = StockedStore(tmp_path / "store", quick, folder_with_pictures)
    yield made
    made.store.close()


@pytest.fixture
def drafting(tmp_path: Path, folder_with_pictures: Path) -> Iterator[DraftingStore]:
    """A store that only seems to draft."""
    made = DraftingStore(tmp_path / "store", folder_with_pictures)
    yield made
    made.gate.set()
    made.painting.set()
    made.store.close()


@pytest.fixture
def real(tmp_path: Path, folder_with_pictures: Path) -> Iterator[DraftingStore]:
    """A store that drafts with the stylizer."""
    made = DraftingStore(tmp_path / "store", folder_with_pictures, real=True)
    yield made
    made.store.close()
