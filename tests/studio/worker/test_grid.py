"""Grids that are really painted, with a tiny encoder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from studio_stores import StockedStore, pixels

import impasto
from impasto.inputs.bundled import bundled_by_hash
from impasto.lab.run_folder import RunFolder
from impasto.studio.protocol import Message
from impasto.studio.request import GridAxis, PaintingChoice, RegionChoice
from impasto.studio.store import Store


def cells(store: Store, job_id: str) -> list[tuple[str, float, Path]]:
    """Painting, strength and file of the pictures of a grid that are painted so far."""
    grid = RunFolder.open(store.queue.files(job_id).grid)
    painted = [job for job in grid.manifest.jobs if (result := grid.result(job)) and result.status == "done"]
    return [(job.labels.get("painting", ""), job.options.strength, grid.picture_path(job)) for job in painted]


def test_a_grid_is_every_strength_with_every_painting(stocked: StockedStore, quick: dict[str, Any]) -> None:
    flow = next(path for path in bundled_by_hash().values() if path.stem == "flow")
    paintings = (*stocked.request.paintings, PaintingChoice(path=flow))
    stocked.request = stocked.request.model_copy(update={"paintings": paintings, "options": {"size_px": 32}})
    grid = stocked.paint().request.as_grid((GridAxis(name="painting"), GridAxis(name="strength", values=(20, 80))))
    assert grid.cell_options == {"size_px": 32}
    view = stocked.wait(stocked.store.submit(grid))
    assert (view.state, view.progress.steps_done, view.progress.steps, view.manifest.title) == (
        "done",
        4,
        4,
        "grid: a lion + waves + flow",
    )
    assert view.pastiche and view.thumbnail and view.progress.size == pixels(view.pastiche).shape[1::-1]
    painted = cells(stocked.store, view.id)
    assert [(painting, strength) for painting, strength, _ in painted] == [
        ("waves", 20.0), ("waves", 80.0), ("flow", 20.0), ("flow", 80.0),
    ]  # fmt: skip
    expected = impasto.paint("photo.png", flow, **quick | {"size_px": 32, "strength": 80})
    expected.save("expected.png")
    np.testing.assert_array_equal(pixels(painted[3][2]), pixels(Path("expected.png")))
    restored = stocked.store.restore(painted[3][2])
    assert restored.request.options["strength"] == 80 and restored.request.paintings[0].path == flow


def test_a_stopped_grid_paints_only_what_is_left(stocked: StockedStore) -> None:
    def stop(id: str, message: Message) -> None:
        if message.progress and message.progress.steps_done == 1:
            stocked.at = lambda id, message: None
            stocked.store.queue.stop(id)

    stocked.at = stop
    changes = {"kind": "grid", "axes": (GridAxis(name="strength", values=(20.0, 50.0, 80.0)),)}
    stopped = stocked.paint(**changes)
    assert (stopped.state, stopped.progress.steps_done, stopped.resumable) == ("stopped", 1, True)
    assert stopped.pastiche is not None
    first = cells(stocked.store, stopped.id)[0][2]
    before = first.stat().st_mtime_ns
    stocked.store.queue.go_on(stopped.id)
    done = stocked.wait(stopped.id)
    assert (done.state, done.progress.steps_done, len(cells(stocked.store, done.id))) == ("done", 3, 3)
    assert first.stat().st_mtime_ns == before


def test_a_grid_of_a_mixture_with_regions(stocked: StockedStore) -> None:
    """Each picture is what painting its request gives: two options vary, the mixture and the regions stay."""
    half = np.zeros((48, 60), np.uint8)
    half[:, 30:] = 255
    Image.fromarray(half).save("half.png")
    mask = stocked.store.keep_upload(Path("half.png"), "half.png")
    flow = next(path for path in bundled_by_hash().values() if path.stem == "flow")
    paintings = (stocked.request.paintings[0].model_copy(update={"weight": 0.4}), PaintingChoice(path=flow))
    request = stocked.request.model_copy(
        update={"paintings": paintings, "regions": (RegionChoice(mask=mask),), "options": {"size_px": 32}}
    )
    axes = (GridAxis(name="brush_scale", values=("0.5", "2")), GridAxis(name="strength", values=(20, 80)))
    view = stocked.wait(stocked.store.submit(request.as_grid(axes)))
    assert (view.state, view.manifest.error) == ("done", None)
    grid = stocked.store.grid_cells(view.id)
    assert [cell.labels for cell in grid][1] == {"brush_scale": "0.5", "strength": "80"}
    alone = stocked.wait(stocked.store.submit(grid[2].request))
    assert alone.pastiche and grid[2].picture
    np.testing.assert_array_equal(pixels(alone.pastiche), pixels(grid[2].picture))
    assert alone.request.options == {"size_px": 32, "brush_scale": 2.0, "strength": 20.0}
    restored = stocked.store.restore(grid[2].picture).request
    assert (restored.paintings, restored.regions) == (alone.request.paintings, alone.request.regions)
