"""The store as the server uses it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from studio_stores import StockedStore, pixels

from impasto.errors import ImpastoError, OptionError, OutputError
from impasto.images.reading import read_record
from impasto.studio.request import GridAxis, PaintingChoice, RegionChoice
from impasto.studio.store import EXPORTS, Store


def test_a_stopped_job_goes_on_after_a_restart(
    stocked: StockedStore, folder_with_pictures: Path, quick: dict[str, Any], tmp_path: Path
) -> None:
    whole = pixels(stocked.paint().pastiche)
    stocked.stop_at(2)
    stopped = stocked.paint()
    losses = stocked.store.queue.losses(stopped.id)
    stocked.store.close()
    again = StockedStore(tmp_path / "store", quick, folder_with_pictures)
    try:
        view = again.store.queue.view(stopped.id)
        assert (view.state, view.resumable, again.store.queue.losses(view.id), view.progress.size) == (
            "stopped",
            True,
            losses,
            stopped.progress.size,
        )
        again.store.queue.go_on(stopped.id)
        np.testing.assert_array_equal(pixels(again.wait(stopped.id).pastiche), whole)
        assert len(again.store.queue.history()) == 2
    finally:
        again.store.close()


@pytest.mark.parametrize("suffix", EXPORTS)
def test_every_format_holds_the_record(stocked: StockedStore, suffix: str) -> None:
    view = stocked.paint()
    path = stocked.store.export(view.id, suffix)
    assert path.suffix == suffix and view.id in path.name
    assert read_record(path) == read_record(view.pastiche)  # type: ignore[arg-type]
    difference = np.abs(pixels(path).astype(int) - pixels(view.pastiche).astype(int))
    assert difference.max() == 0 if suffix in (".png", ".tif") else difference.mean() < 4
    stamp = path.stat().st_mtime_ns
    assert stocked.store.export(view.id, suffix.upper().lstrip(".")).stat().st_mtime_ns == stamp  # not made again


def test_an_export_is_made_anew_when_the_picture_has_changed(stocked: StockedStore) -> None:
    stocked.stop_at(1)
    view = stocked.paint()
    early = pixels(stocked.store.export(view.id, "tif"))
    stocked.store.queue.go_on(view.id)
    stocked.wait(view.id)
    assert not np.array_equal(early, pixels(stocked.store.export(view.id, "tif")))


def test_exports_that_cannot_be_are_refused(stocked: StockedStore) -> None:
    id = stocked.paint().id
    for suffix in ("gif", "", "png/../../x", "exe"):
        with pytest.raises(OptionError, match="unknown format"):
            stocked.store.export(id, suffix)
    with pytest.raises(OptionError, match="there is no job"):
        stocked.store.export("../" + id, "png")
    stocked.at = lambda id, message: stocked.store.queue.cancel(id)
    with pytest.raises(OptionError, match="no picture yet"):
        stocked.store.export(stocked.paint().id, "png")


def grid(name: str, *values: str | float) -> dict[str, Any]:
    return {"kind": "grid", "axes": (GridAxis(name=name, values=values),)}


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "photo": ({"photo": Path("/etc/passwd")}, "no picture of this studio"),
    "painting": ({"paintings": (PaintingChoice(path=Path("photo.png")),)}, "no picture of this studio"),
    "mask": ({"regions": (RegionChoice(mask=Path("/etc/passwd")),)}, "no picture of this studio"),
    "start": ({"options": {"starting_point": "/etc/passwd.png"}}, "no picture of this studio"),
    "palette": ({"options": {"color": "palette:/etc/passwd"}}, "no picture of this studio"),
    "recipe": ({"recipe": "/etc/x.toml"}, "unknown recipe"),
    "encoder": ({"options": {"encoder": "/etc/x.safetensors"}}, "encoder files it was started with"),
    "option": ({"options": {"strenth": 3}}, "did you mean 'strength'"),
    "value": ({"options": {"strength": 101}}, "less than or equal to 100"),
    "nothing": ({"photo": None, "paintings": ()}, "nothing to paint"),
    "grid": ({"kind": "grid", "paintings": ()}, "a grid needs"),
    "grid of nothing": ({"kind": "grid"}, "varies one thing or two"),
    "grid of files": (grid("starting_point", "a.png"), "varies no files"),
    "grid of an unknown option": (grid("strenth", 1), "did you mean 'strength'"),
    "grid of a wrong value": (grid("strength", 1, 200), "less than or equal to 100"),
    "grid of an unknown recipe": (grid("recipe", "/etc/x.toml"), "unknown recipe"),
    "grid twice the same": (grid("strength", 1, 1), "each once"),
    "grid size": (
        {"kind": "grid", "axes": grid("strength", *range(10))["axes"] + grid("variation", 1, 2, 3, 4, 5)["axes"]},
        "at most 48",
    ),
    "final": ({"kind": "final"}, "needs the job"),
    "final of nothing": ({"kind": "final", "of": "../x", "options": {"size_px": 99}}, "there is no job"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_is_refused_at_once_in_one_line(stocked: StockedStore, name: str) -> None:
    changes, telling = REFUSED[name]
    with pytest.raises(ImpastoError, match=telling):
        stocked.store.submit(stocked.request.model_copy(update=changes))
    assert stocked.store.queue.history() == []


def test_steering_is_checked(stocked: StockedStore) -> None:
    stocked.at = lambda id, message: stocked.store.queue.steer(id, strength=80) if message.losses else None
    view = stocked.paint()
    assert view.request.options == {"strength": 80}
    with pytest.raises(OptionError):
        stocked.store.queue.steer(view.id, strength=101)


def test_one_studio_at_a_time_uses_a_folder(stocked: StockedStore, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="another studio uses"):
        Store(tmp_path / "store")
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot use the folder"):
        Store(tmp_path / "file")
    with pytest.raises(OptionError, match="unknown option"):
        Store(tmp_path / "other", options={"no": 1})


def test_the_store_loads_neither_torch_nor_the_server() -> None:
    script = "import sys, impasto.studio.store; print({'torch', 'fastapi', 'matplotlib', 'PIL'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
