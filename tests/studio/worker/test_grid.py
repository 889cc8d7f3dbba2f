"""Grids that are really painted, with a tiny encoder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from studio_stores import StockedStore, pixels

import impasto
from impasto.inputs.bundled import bundled_by_hash
from impasto.lab.run_folder import RunFolder
from impasto.studio.protocol import Message
from impasto.studio.request import PaintingChoice
from impasto.studio.store import Store


def cells(store: Store, job_id: str) -> list[tuple[str, float, Path]]:
    """Painting, strength and file of the pictures of a grid that are painted so far."""
    grid = RunFolder.open(store.queue.files(job_id).grid)
    painted = [job for job in grid.manifest.jobs if (result := grid.result(job)) and result.status == "done"]
    return [(job.labels["painting"], job.options.strength, grid.picture_path(job)) for job in painted]


def test_a_grid_is_every_strength_with_every_painting(stocked: StockedStore, quick: dict[str, Any]) -> None:
    flow = next(path for path in bundled_by_hash().values() if path.stem == "flow")
    paintings = (*stocked.request.paintings, PaintingChoice(path=flow))
    stocked.request = stocked.request.model_copy(update={"paintings": paintings, "options": {"size_px": 32}})
    grid = stocked.paint().request.as_grid((20, 80))
    assert grid.options == {"size_px": 32}
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
    changes = {"kind": "grid", "strengths": (20.0, 50.0, 80.0)}
    stopped = stocked.paint(**changes)
    assert (stopped.state, stopped.progress.steps_done, stopped.resumable) == ("stopped", 1, True)
    assert stopped.pastiche is not None
    first = cells(stocked.store, stopped.id)[0][2]
    before = first.stat().st_mtime_ns
    stocked.store.queue.go_on(stopped.id)
    done = stocked.wait(stopped.id)
    assert (done.state, done.progress.steps_done, len(cells(stocked.store, done.id))) == ("done", 3, 3)
    assert first.stat().st_mtime_ns == before
