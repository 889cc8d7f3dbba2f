"""The store as the page uses it, with a tiny encoder that really paints."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from painters import HerePainter
from PIL import Image

import impasto
from impasto.errors import ImpastoError, InputError, OptionError, OutputError, RecordError
from impasto.images.reading import load_picture, read_record
from impasto.studio.protocol import Message, Order
from impasto.studio.request import GRID_SIZE_PX, JobView, PaintingChoice, RegionChoice, Request
from impasto.studio.shelf import MOST_KEPT, OwnShelf
from impasto.studio.store import EXPORTS, Store
from impasto.studio.uploads import samples

WAIT_SECONDS = 120


class Studio:
    """A store with a photo and a painting in it, and what is to happen at a message about a job."""

    def __init__(self, folder: Path, options: dict[str, Any], pictures: Path) -> None:
        self.at: Callable[[str, Message], None] = lambda id, message: None
        self.heard: list[Message] = []
        self.store = Store(folder, options=options, painter=lambda: HerePainter(self._watch))
        self.photo = self.store.keep_upload(pictures / "photo.png", "a lion.png")
        self.painting = self.store.keep_upload(pictures / "painting.png", "waves.png")
        self.request = Request(photo=self.photo, paintings=(PaintingChoice(path=self.painting),))

    def _watch(self, order: Order, message: Message) -> None:
        self.heard.append(message)
        self.at(order.id, message)

    def paint(self, **changes: Any) -> JobView:
        """Submit a request and wait for its end."""
        return self.wait(self.store.submit(self.request.model_copy(update=changes)))

    def wait(self, id: str) -> JobView:
        for _ in range(WAIT_SECONDS * 100):
            view = self.store.view(id)
            if view.state not in ("waiting", "painting"):
                return view
            threading.Event().wait(0.01)
        raise AssertionError(f"{id} is still {view.state}")

    def stop_at(self, step: int) -> None:
        """Stop the next job after a step; once."""

        def stop(id: str, message: Message) -> None:
            if message.progress and message.progress.steps_done == step:
                self.at = lambda id, message: None
                self.store.stop(id)

        self.at = stop


@pytest.fixture
def page(tmp_path: Path, studio: Path, quick: dict[str, Any]) -> Iterator[Studio]:
    made = Studio(tmp_path / "store", quick, studio)
    yield made
    made.store.close()


def pixels(path: Path | None) -> np.ndarray:
    assert path is not None
    return load_picture(path).samples


def test_a_job_paints_what_the_library_paints(page: Studio, studio: Path, quick: dict[str, Any]) -> None:
    view = page.paint(options={"strength": 40})
    assert (view.state, view.error, view.title) == ("done", None, "a lion + waves")
    assert (view.size, view.steps_done, view.steps, view.scale, view.scales, view.share_done) == (
        (48, 38),
        5,
        5,
        2,
        2,
        1.0,
    )
    assert [step for step, _ in view.losses] == [1, 2, 3, 4, 5]
    expected = impasto.paint("photo.png", "painting.png", **quick, strength=40)
    expected.save("expected.png")
    np.testing.assert_array_equal(pixels(view.pastiche), pixels(studio / "expected.png"))
    assert view.preview is None and not view.resumable
    assert pixels(view.thumbnail).shape == (38, 48, 3)
    folder = view.pastiche.parent  # type: ignore[union-attr]
    events = [json.loads(line)["event"] for line in (folder / "events.jsonl").read_text().splitlines()]
    assert events.count("StepDone") == 5 and events[-1] == "RunDone"
    assert not (folder / "checkpoints").exists()


def test_the_record_has_the_names_people_use_and_replays(page: Studio, quick: dict[str, Any]) -> None:
    view = page.paint()
    assert view.pastiche is not None
    inputs = read_record(view.pastiche)["inputs"]
    assert (inputs["content"]["name"], inputs["paintings"][0]["name"]) == ("a lion.png", "waves.png")  # type: ignore[index]
    files = [page.photo, page.painting, Path(quick["encoder"])]
    impasto.replay(view.pastiche, files).save("again.png")
    np.testing.assert_array_equal(pixels(view.pastiche), pixels(Path("again.png")))


def test_previews_are_whole_pictures_and_seen_from_the_start(page: Studio) -> None:
    seen: list[tuple[str, tuple[int, int]]] = []
    versions = [0]

    def look(id: str, message: Message) -> None:
        view = page.store.view(id)
        if view.preview_version not in versions:
            versions.append(view.preview_version)
            with Image.open(view.preview or "none") as picture:
                picture.load()
                seen.append((picture.format or "", picture.size))
            assert view.thumbnail
            assert len(seen) > 1 or not any(said.losses for said in page.heard[:-1])

    page.at = look
    assert page.paint().state == "done"
    assert seen[0] == ("JPEG", (32, 25))  # the first scale, before its first step


@pytest.mark.parametrize("step", [1, 3])
def test_a_stopped_job_keeps_its_picture_and_goes_on_to_the_same_end(page: Studio, step: int) -> None:
    whole = page.paint()
    page.stop_at(step)
    stopped = page.paint()
    assert (stopped.state, stopped.steps_done, stopped.resumable) == ("stopped", step, True)
    assert read_record(stopped.pastiche)["stopped_after"]  # type: ignore[arg-type]
    assert not np.array_equal(pixels(stopped.pastiche), pixels(whole.pastiche))
    page.store.go_on(stopped.id)
    done = page.wait(stopped.id)
    assert (done.state, done.steps_done, done.resumable) == ("done", 5, False)
    np.testing.assert_array_equal(pixels(done.pastiche), pixels(whole.pastiche))
    assert [step for step, _ in done.losses] == [1, 2, 3, 4, 5]
    assert read_record(done.pastiche)["inputs"] == read_record(whole.pastiche)["inputs"]  # type: ignore[arg-type]
    log = (done.pastiche.parent / "events.jsonl").read_text().splitlines()  # type: ignore[union-attr]
    assert [json.loads(line)["event"] for line in log].count("StepDone") == 5


def test_a_stopped_job_goes_on_after_a_restart(
    page: Studio, studio: Path, quick: dict[str, Any], tmp_path: Path
) -> None:
    whole = pixels(page.paint().pastiche)
    page.stop_at(2)
    stopped = page.paint()
    page.store.close()
    again = Studio(tmp_path / "store", quick, studio)
    try:
        view = again.store.view(stopped.id)
        assert (view.state, view.resumable, view.losses, view.size) == ("stopped", True, stopped.losses, stopped.size)
        again.store.go_on(stopped.id)
        np.testing.assert_array_equal(pixels(again.wait(stopped.id).pastiche), whole)
        assert len(again.store.history()) == 2
    finally:
        again.store.close()


def test_an_unusable_checkpoint_is_told_and_painted_anew(page: Studio) -> None:
    whole = pixels(page.paint().pastiche)
    page.stop_at(2)
    stopped = page.paint()
    for path in (stopped.pastiche.parent / "checkpoints").iterdir():  # type: ignore[union-attr]
        path.write_bytes(b"damage")
    page.store.go_on(stopped.id)
    done = page.wait(stopped.id)
    assert done.state == "done" and "painted anew: " in done.notices[0]
    np.testing.assert_array_equal(pixels(done.pastiche), whole)


def test_cancel_leaves_no_picture_and_no_checkpoint(page: Studio) -> None:
    page.at = lambda id, message: page.store.cancel(id) if message.losses else None
    view = page.paint()
    assert (view.state, view.pastiche, view.preview, view.resumable) == ("cancelled", None, None, False)
    assert [message.losses is None for message in page.heard].count(False) == 1, "not within a step"
    page.at = lambda id, message: None
    page.store.go_on(view.id)
    assert page.wait(view.id).state == "done"


def test_a_stopped_picture_survives_the_cancelling_of_its_continuation(page: Studio) -> None:
    page.stop_at(2)
    stopped = page.paint()
    page.at = lambda id, message: page.store.cancel(id) if message.losses else None
    page.store.go_on(stopped.id)
    view = page.wait(stopped.id)
    assert (view.state, view.pastiche, view.resumable) == ("cancelled", stopped.pastiche, False)


def test_what_the_engine_refuses_is_one_line(page: Studio) -> None:
    view = page.paint(options={"style_layers": {}, "content_layers": {}})
    assert view.state == "failed" and "nothing to paint after" in (view.error or "")
    page.photo.unlink()
    with pytest.raises(InputError, match="add it again"):
        page.paint()


def test_a_final_is_the_enlargement_of_its_picture(page: Studio, quick: dict[str, Any]) -> None:
    small = page.paint()
    large = page.wait(page.store.submit(page.store.final_of(small.id, 80)))
    assert (large.state, large.kind, large.size, large.title) == ("done", "final", (80, 64), "a lion + waves, 80 px")
    files = [page.photo, page.painting]
    expected = impasto.enlarge(small.pastiche, 80, files, encoder=quick["encoder"], threads=1)  # type: ignore[arg-type]
    expected.save("expected.png")
    np.testing.assert_array_equal(pixels(large.pastiche), pixels(Path("expected.png")))
    with pytest.raises(OptionError, match="80 px long already"):
        page.store.submit(page.store.final_of(large.id, 80))


def test_a_stopped_final_goes_on(page: Studio) -> None:
    small = page.paint()
    request = page.store.final_of(small.id, 80)
    whole = page.wait(page.store.submit(request))
    page.stop_at(1)
    stopped = page.wait(page.store.submit(request))
    assert stopped.state == "stopped"
    page.store.delete(small.id)
    page.store.go_on(stopped.id)
    np.testing.assert_array_equal(pixels(page.wait(stopped.id).pastiche), pixels(whole.pastiche))


def test_a_grid_is_every_strength_with_every_painting(page: Studio, quick: dict[str, Any]) -> None:
    flow = next(path for path in samples().values() if path.stem == "flow")
    paintings = (*page.request.paintings, PaintingChoice(path=flow))
    page.request = page.request.model_copy(update={"paintings": paintings, "options": {"size_px": 32}})
    grid = page.store.grid_of(page.paint().id, (20, 80))
    assert grid.options == {"size_px": 32}
    view = page.wait(page.store.submit(grid))
    assert (view.state, view.steps_done, view.steps, view.title) == ("done", 4, 4, "grid: a lion + waves + flow")
    assert view.pastiche and view.thumbnail and view.size == pixels(view.pastiche).shape[1::-1]
    cells = page.store.cells(view.id)
    assert [(cell.painting, cell.strength) for cell in cells] == [
        ("waves", 20.0), ("waves", 80.0), ("flow", 20.0), ("flow", 80.0),
    ]  # fmt: skip
    expected = impasto.paint("photo.png", flow, **quick | {"size_px": 32, "strength": 80})
    expected.save("expected.png")
    np.testing.assert_array_equal(pixels(cells[3].path), pixels(Path("expected.png")))
    restored = page.store.restore(cells[3].path)
    assert restored.request.options["strength"] == 80 and restored.request.paintings[0].path == flow


def test_a_stopped_grid_paints_only_what_is_left(page: Studio) -> None:
    def stop(id: str, message: Message) -> None:
        if message.progress and message.progress.steps_done == 1:
            page.at = lambda id, message: None
            page.store.stop(id)

    page.at = stop
    changes = {"kind": "grid", "strengths": (20.0, 50.0, 80.0)}
    stopped = page.paint(**changes)
    assert (stopped.state, stopped.steps_done, stopped.resumable) == ("stopped", 1, True)
    assert stopped.pastiche is not None
    first = page.store.cells(stopped.id)[0].path
    before = first.stat().st_mtime_ns
    page.store.go_on(stopped.id)
    done = page.wait(stopped.id)
    assert (done.state, done.steps_done, len(page.store.cells(done.id))) == ("done", 3, 3)
    assert first.stat().st_mtime_ns == before


def test_a_grid_defaults_to_a_small_size(page: Studio) -> None:
    id = page.store.submit(page.request.model_copy(update={"options": {"size_px": 2000, "strength": 10}}))
    page.store.cancel(id)
    assert page.store.grid_of(id).options == {"size_px": GRID_SIZE_PX}


@pytest.mark.parametrize("suffix", EXPORTS)
def test_every_format_holds_the_record(page: Studio, suffix: str) -> None:
    view = page.paint()
    path = page.store.export(view.id, suffix)
    assert path.suffix == suffix and view.id in path.name
    assert read_record(path) == read_record(view.pastiche)  # type: ignore[arg-type]
    difference = np.abs(pixels(path).astype(int) - pixels(view.pastiche).astype(int))
    assert difference.max() == 0 if suffix in (".png", ".tif") else difference.mean() < 4
    stamp = path.stat().st_mtime_ns
    assert page.store.export(view.id, suffix.upper().lstrip(".")).stat().st_mtime_ns == stamp  # not made again


def test_an_export_is_made_anew_when_the_picture_has_changed(page: Studio) -> None:
    page.stop_at(1)
    view = page.paint()
    early = pixels(page.store.export(view.id, "tif"))
    page.store.go_on(view.id)
    page.wait(view.id)
    assert not np.array_equal(early, pixels(page.store.export(view.id, "tif")))


def test_exports_that_cannot_be_are_refused(page: Studio) -> None:
    id = page.paint().id
    for suffix in ("gif", "", "png/../../x", "exe"):
        with pytest.raises(OptionError, match="unknown format"):
            page.store.export(id, suffix)
    with pytest.raises(OptionError, match="there is no job"):
        page.store.export("../" + id, "png")
    page.at = lambda id, message: page.store.cancel(id)
    with pytest.raises(OptionError, match="no picture yet"):
        page.store.export(page.paint().id, "png")


def test_a_pastiche_restores_its_settings(page: Studio) -> None:
    flow = next(path for path in samples().values() if path.stem == "flow")
    request = page.request.model_copy(
        update={
            "paintings": (PaintingChoice(path=page.painting, weight=0.7), PaintingChoice(path=flow, weight=0.3)),
            "recipe": "painterly",
            "options": {"strength": 33.0, "brush_scale": 2.0, "size_px": 40, "starting_point": "gray"},
        }
    )
    view = page.wait(page.store.submit(request))
    restored = page.store.restore(page.store.export(view.id, "jpg"))
    assert restored.missing == ()
    assert restored.request == request


def test_a_palette_is_restored_or_named(page: Studio) -> None:
    palette = page.store.keep_upload(Path("painting.png").read_bytes(), "dusk.png")
    options = page.request.options | {"color": f"palette:{palette}"}
    view = page.wait(page.store.submit(page.request.model_copy(update={"options": options})))
    assert view.state == "done", view.error
    restored = page.store.restore(view.pastiche)  # type: ignore[arg-type]
    assert (restored.request.options["color"], restored.missing) == (f"palette:{palette}", ())
    kept = view.pastiche.read_bytes()  # type: ignore[union-attr]
    for path in {palette, page.painting}:
        path.unlink(missing_ok=True)
    Path("kept.png").write_bytes(kept)
    restored = page.store.restore(Path("kept.png"))
    assert restored.request.options.get("color", "painting") == "painting"
    assert "dusk.png" in restored.missing


def test_what_is_not_here_is_named(page: Studio, quick: dict[str, Any]) -> None:
    other = page.store.keep_upload(Path("painting.png").read_bytes(), "waves.png")
    view = page.paint()
    page.photo.unlink()
    restored = page.store.restore(view.pastiche)  # type: ignore[arg-type]
    assert restored.missing == ("a lion.png",)
    assert restored.request.photo is None and restored.request.paintings[0].path == other


def test_what_restores_nothing_says_why(page: Studio, studio: Path) -> None:
    with pytest.raises(RecordError, match="no run record"):
        page.store.restore(studio / "photo.png")
    (studio / "text.png").write_text("text")
    with pytest.raises(InputError, match="not a picture"):
        page.store.restore(studio / "text.png")


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
    "grid regions": ({"kind": "grid", "regions": (RegionChoice(mask=None),)}, "leave the regions out"),
    "grid size": ({"kind": "grid", "strengths": tuple(range(50))}, "1 to 48"),
    "final": ({"kind": "final"}, "needs the job"),
    "final of nothing": ({"kind": "final", "of": "../x", "options": {"size_px": 99}}, "there is no job"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_is_refused_at_once_in_one_line(page: Studio, name: str) -> None:
    changes, telling = REFUSED[name]
    with pytest.raises(ImpastoError, match=telling):
        page.store.submit(page.request.model_copy(update=changes))
    assert page.store.history() == []


def test_steering_is_checked(page: Studio) -> None:
    page.at = lambda id, message: page.store.steer(id, strength=80) if message.losses else None
    view = page.paint()
    assert view.request.options == {"strength": 80}
    with pytest.raises(OptionError):
        page.store.steer(view.id, strength=101)


def test_a_steered_job_is_recorded_and_replays(page: Studio, quick: dict[str, Any]) -> None:
    if not hasattr(impasto.Controls(), "strength"):
        pytest.skip("the engine cannot be steered yet")
    page.at = lambda id, message: page.store.steer(id, strength=80) if message.losses else None
    view = page.paint(options={"strength": 20})
    assert view.pastiche is not None
    assert read_record(view.pastiche)["steered"][0]["options"] == {"strength": 80}  # type: ignore[index]
    assert page.store.restore(view.pastiche).request.options == {"strength": 80}
    impasto.replay(view.pastiche, [page.photo, page.painting, Path(quick["encoder"])]).save("again.png")
    np.testing.assert_array_equal(pixels(view.pastiche), pixels(Path("again.png")))


def test_one_studio_at_a_time_uses_a_folder(page: Studio, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="another studio uses"):
        Store(tmp_path / "store")
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot use the folder"):
        Store(tmp_path / "file")
    with pytest.raises(OptionError, match="unknown option"):
        Store(tmp_path / "other", options={"no": 1})


def shelf_of(store: Store) -> list[str]:
    """Names of the paintings that are people's own."""
    return [picture.name for picture in store.shelf() if not picture.bundled]


def test_the_shelf_has_samples_and_what_was_painted_with(page: Studio) -> None:
    bundled = [(picture.name, picture.bundled) for picture in page.store.shelf()]
    assert ("flow.jpg", True) in bundled and all(own for _, own in bundled)
    page.store.cancel(page.store.submit(page.request))
    assert shelf_of(page.store) == ["waves.png"]


def test_the_shelf_is_kept_in_order_until_it_is_cleared(page: Studio, tmp_path: Path, quick: dict[str, Any]) -> None:
    page.store.shelve(page.photo)
    page.store.shelve(page.painting)
    page.store.shelve(page.photo)
    page.store.shelve(next(iter(samples().values())))  # is there already
    assert shelf_of(page.store) == ["a lion.png", "waves.png"]
    for upload in (page.photo, page.painting):  # nothing reads them, and they are old
        os.utime(upload, (1, 1))
    page.store.close()
    with Store(tmp_path / "store", options=quick) as again:
        assert shelf_of(again) == ["a lion.png", "waves.png"] and not again.notes
        again.unshelve(page.photo)
        again.unshelve(page.photo)
        assert shelf_of(again) == ["waves.png"]
        with pytest.raises(InputError, match="add it again"):
            again.shelve(tmp_path / "store" / "shelf.json")
    with Store(tmp_path / "store", options=quick) as third:
        assert shelf_of(third) == ["waves.png"]
        assert page.painting.is_file() and not page.photo.is_file(), "what is off the shelf is an upload like any other"


@pytest.mark.parametrize("text", ["", "[1]", '{"format": 2, "pictures": []}', '{"format": 1, "pictures": 3}'])
def test_a_damaged_shelf_begins_again_with_what_was_painted_with(
    page: Studio, tmp_path: Path, quick: dict[str, Any], text: str
) -> None:
    page.store.cancel(page.store.submit(page.request))
    page.store.close()
    (tmp_path / "store" / "shelf.json").write_text(text)
    with Store(tmp_path / "store", options=quick) as again:
        assert shelf_of(again) == ["waves.png"]
        assert again.notes == ("shelf.json cannot be read: the shelf begins again with the paintings of the jobs",)


def test_a_full_shelf_gives_up_what_was_put_first(tmp_path: Path) -> None:
    shelf = OwnShelf(tmp_path / "shelf.json", ())
    for number in range(MOST_KEPT + 2):
        shelf.put(f"{number}.png")
    assert OwnShelf(tmp_path / "shelf.json", ()).names == shelf.names
    assert len(shelf.names) == MOST_KEPT and shelf.names[0] == "2.png"


@pytest.fixture
def split(page: Studio) -> Request:
    """The left half in the manner of a sample, stronger than the rest; learned from the upper half of the painting."""
    if not hasattr(impasto, "Region"):
        pytest.skip("impasto.paint has no regions yet")
    left, upper = np.zeros((48, 60), np.uint8), np.zeros((64, 64), np.uint8)
    left[:, :30] = upper[:32] = 255
    for name, mask in (("left", left), ("upper", upper)):
        Image.fromarray(mask).save(f"{name}.png")
    masks = {name: page.store.keep_upload(Path(f"{name}.png"), f"{name}.png") for name in ("left", "upper")}
    sample = PaintingChoice(path=next(iter(samples().values())))
    region = RegionChoice(mask=masks["left"], paintings=(sample,), strength=90, brush_scale=2)
    painting = PaintingChoice(path=page.painting, mask=masks["upper"])
    return page.request.model_copy(
        update={"paintings": (painting,), "regions": (region,), "options": {"strength": 30.0}}
    )


def test_regions_are_painted_recorded_and_restored(page: Studio, split: Request, quick: dict[str, Any]) -> None:
    view = page.wait(page.store.submit(split))
    assert view.state == "done", view.error
    face: Any = impasto
    region = face.Region("left.png", next(iter(samples().values())), 90, 2)
    style = [face.Painting("painting.png", mask="upper.png")]
    impasto.paint("photo.png", style, regions=[region], **quick | {"strength": 30}).save("expected.png")
    np.testing.assert_array_equal(pixels(view.pastiche), pixels(Path("expected.png")))
    inputs: Any = read_record(view.pastiche)["inputs"]  # type: ignore[arg-type]
    assert inputs["regions"][0]["mask"]["name"] == "left.png" and inputs["paintings"][0]["mask"]["name"] == "upper.png"
    restored = page.store.restore(view.pastiche)  # type: ignore[arg-type]
    assert restored.request == split and restored.missing == ()
    split.regions[0].mask.unlink()  # type: ignore[union-attr]
    restored = page.store.restore(view.pastiche)  # type: ignore[arg-type]
    assert restored.request.regions == () and restored.missing == ("left.png",)


def test_regions_are_kept_by_a_stop_and_by_a_final(page: Studio, split: Request) -> None:
    whole = page.wait(page.store.submit(split))
    page.stop_at(2)
    stopped = page.wait(page.store.submit(split))
    page.store.go_on(stopped.id)
    done = page.wait(stopped.id)
    assert done.state == "done", done.error
    np.testing.assert_array_equal(pixels(done.pastiche), pixels(whole.pastiche))
    assert read_record(done.pastiche)["inputs"] == read_record(whole.pastiche)["inputs"]  # type: ignore[arg-type]
    large = page.wait(page.store.submit(page.store.final_of(done.id, 80)))
    assert (large.state, large.error, large.size) == ("done", None, (80, 64))
    assert len(read_record(large.pastiche)["inputs"]["regions"]) == 1  # type: ignore[arg-type, index, call-overload]
