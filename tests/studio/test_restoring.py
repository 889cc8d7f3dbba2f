"""From a pastiche back to the settings that it was painted with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from studio_stores import StockedStore

from impasto.errors import InputError, RecordError
from impasto.inputs.bundled import bundled_by_hash
from impasto.studio.request import PaintingChoice


def test_a_pastiche_restores_its_settings(stocked: StockedStore) -> None:
    flow = next(path for path in bundled_by_hash().values() if path.stem == "flow")
    request = stocked.request.model_copy(
        update={
            "paintings": (PaintingChoice(path=stocked.painting, weight=0.7), PaintingChoice(path=flow, weight=0.3)),
            "recipe": "painterly",
            "options": {"strength": 33.0, "brush_scale": 2.0, "size_px": 40, "starting_point": "gray"},
        }
    )
    view = stocked.wait(stocked.store.submit(request))
    restored = stocked.store.restore(stocked.store.export(view.id, "jpg"))
    assert restored.missing == ()
    assert restored.request == request


def test_a_palette_is_restored_or_named(stocked: StockedStore) -> None:
    palette = stocked.store.keep_upload(Path("painting.png").read_bytes(), "dusk.png")
    options = stocked.request.options | {"color": f"palette:{palette}"}
    view = stocked.wait(stocked.store.submit(stocked.request.model_copy(update={"options": options})))
    assert view.state == "done", view.manifest.error
    restored = stocked.store.restore(view.pastiche)  # type: ignore[arg-type]
    assert (restored.request.options["color"], restored.missing) == (f"palette:{palette}", ())
    kept = view.pastiche.read_bytes()  # type: ignore[union-attr]
    for path in {palette, stocked.painting}:
        path.unlink(missing_ok=True)
    Path("kept.png").write_bytes(kept)
    restored = stocked.store.restore(Path("kept.png"))
    assert restored.request.options.get("color", "painting") == "painting"
    assert restored.missing == ("waves.png",), "the same bytes have one name: the first"


def test_what_is_not_here_is_named(stocked: StockedStore, quick: dict[str, Any]) -> None:
    other = stocked.store.keep_upload(Path("painting.png").read_bytes(), "waves.png")
    view = stocked.paint()
    stocked.photo.unlink()
    restored = stocked.store.restore(view.pastiche)  # type: ignore[arg-type]
    assert restored.missing == ("a lion.png",)
    assert restored.request.photo is None and restored.request.paintings[0].path == other


def test_what_restores_nothing_says_why(stocked: StockedStore, folder_with_pictures: Path) -> None:
    with pytest.raises(RecordError, match="no run record"):
        stocked.store.restore(folder_with_pictures / "photo.png")
    (folder_with_pictures / "text.png").write_text("text")
    with pytest.raises(InputError, match="not a picture"):
        stocked.store.restore(folder_with_pictures / "text.png")
