"""Stores with pictures in them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from studio_stores import DraftingStore, StockedStore


@pytest.fixture
def stocked(tmp_path: Path, studio: Path, quick: dict[str, Any]) -> Iterator[StockedStore]:
    """A store that paints, with a photo and a painting."""
    made = StockedStore(tmp_path / "store", quick, studio)
    yield made
    made.store.close()


@pytest.fixture
def drafting(tmp_path: Path, studio: Path) -> Iterator[DraftingStore]:
    """A store that only seems to draft."""
    made = DraftingStore(tmp_path / "store", studio)
    yield made
    made.gate.set()
    made.painting.set()
    made.store.close()


@pytest.fixture
def real(tmp_path: Path, studio: Path) -> Iterator[DraftingStore]:
    """A store that drafts with the stylizer."""
    made = DraftingStore(tmp_path / "store", studio, real=True)
    yield made
    made.store.close()
