"""The shelf: samples, and paintings of the person that stay."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from studio_stores import StockedStore, shelf_of

from impasto.errors import InputError
from impasto.inputs.bundled import bundled_by_hash
from impasto.studio.shelf import MAX_SHELVED, Shelf
from impasto.studio.store import Store


def test_the_shelf_has_samples_and_what_was_painted_with(stocked: StockedStore) -> None:
    bundled = [(picture.name, picture.bundled) for picture in stocked.store.shelf()]
    assert ("flow.jpg", True) in bundled and all(own for _, own in bundled)
    stocked.store.queue.cancel(stocked.store.submit(stocked.request))
    assert shelf_of(stocked.store) == ["waves.png"]


def test_the_shelf_is_kept_in_order_until_it_is_cleared(
    stocked: StockedStore, tmp_path: Path, quick: dict[str, Any]
) -> None:
    stocked.store.shelve(stocked.photo)
    stocked.store.shelve(stocked.painting)
    stocked.store.shelve(stocked.photo)
    stocked.store.shelve(next(iter(bundled_by_hash().values())))  # is there already
    assert shelf_of(stocked.store) == ["a lion.png", "waves.png"]
    for upload in (stocked.photo, stocked.painting):  # nothing reads them, and they are old
        os.utime(upload, (1, 1))
    stocked.store.close()
    with closing(Store(tmp_path / "store", options=quick)) as again:
        assert shelf_of(again) == ["a lion.png", "waves.png"] and not again.notes
        again.unshelve(stocked.photo)
        again.unshelve(stocked.photo)
        assert shelf_of(again) == ["waves.png"]
        with pytest.raises(InputError, match="add it again"):
            again.shelve(tmp_path / "store" / "shelf.json")
    with closing(Store(tmp_path / "store", options=quick)) as third:
        assert shelf_of(third) == ["waves.png"]
        assert stocked.painting.is_file() and not stocked.photo.is_file(), (
            "what is off the shelf is an upload like any other"
        )


@pytest.mark.parametrize("text", ["", "[1]", '{"format": 2, "pictures": []}', '{"format": 1, "pictures": 3}'])
def test_a_damaged_shelf_begins_again_with_what_was_painted_with(
    stocked: StockedStore, tmp_path: Path, quick: dict[str, Any], text: str
) -> None:
    stocked.store.queue.cancel(stocked.store.submit(stocked.request))
    stocked.store.close()
    (tmp_path / "store" / "shelf.json").write_text(text)
    with closing(Store(tmp_path / "store", options=quick)) as again:
        assert shelf_of(again) == ["waves.png"]
        assert again.notes == ("shelf.json cannot be read: the shelf begins again with the paintings of the jobs",)


def test_a_full_shelf_gives_up_what_was_put_first(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "shelf.json", ())
    for number in range(MAX_SHELVED + 2):
        shelf.put(f"{number}.png")
    assert Shelf(tmp_path / "shelf.json", ()).names == shelf.names
    assert len(shelf.names) == MAX_SHELVED and shelf.names[0] == "2.png"
