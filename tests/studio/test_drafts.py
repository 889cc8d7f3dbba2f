"""Drafts by the store: what they show, that they wait for no painting, and that only the last wish is painted."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from painters import FakePainter, HerePainter
from PIL import Image

import impasto
from impasto.errors import ImpastoError, InputError, OptionError, OutputError
from impasto.images.reading import load_picture, read_record
from impasto.studio import drafts as drafts_module
from impasto.studio import process as painter_module
from impasto.studio.drafts import DRAFT_PX, WHOLE_FROM, reduce_to_draft
from impasto.studio.process import ProcessPainter
from impasto.studio.request import Draft, PaintingChoice, RegionChoice, Request
from impasto.studio.store import Store
from impasto.studio.uploads import samples
from impasto.studio.worker.draft import DraftTable

SMALL = {"size_px": 64}


class Studio:
    """A store with a photo and paintings; `gate` holds drafts back that are in hand, `painting` holds jobs back."""

    def __init__(self, folder: Path, pictures: Path, real: bool = False) -> None:
        self.gate, self.painting = threading.Event(), threading.Event()
        self.gate.set()
        self.begun = threading.Semaphore(0)
        self.made: list[FakePainter | HerePainter] = []
        self.store = Store(
            folder,
            options={"threads": 1},
            painter=lambda: FakePainter(gate=self.painting),
            drafter=self._real if real else self._fake,
        )
        self.photo = self.store.keep_upload(pictures / "photo.png", "a lion.png")
        self.paintings = [*samples().values()]

    def _fake(self) -> FakePainter:
        studio = self

        class FakeDrafter(FakePainter):
            def begin(self, order: Any) -> None:
                super().begin(order)
                studio.begun.release()

            def messages(self) -> Iterator[Any]:
                for message in super().messages():
                    if message.ended and message.ended.state == "done":
                        self.orders[-1].files.exported(".jpg").write_bytes(b"a draft")
                    yield message

        self.made.append(FakeDrafter(steps=1, gate=self.gate))
        return self.made[-1]

    def _real(self) -> HerePainter:
        self.made.append(HerePainter(do_work=DraftTable().do_work))
        return self.made[-1]

    def request(self, place: int = 0, **options: Any) -> Request:
        paintings = (PaintingChoice(path=self.paintings[place]),)
        return Request(photo=self.photo, paintings=paintings, options=SMALL | options)

    def drafted(self) -> list[str]:
        """Names of the paintings of the drafts that were begun, in order."""
        return [order.request.paintings[0].path.name for painter in self.made for order in painter.orders]  # type: ignore[union-attr]

    def ask(self, *arguments: Any) -> tuple[threading.Thread, list[Draft | ImpastoError | None]]:
        """Ask for a draft in a thread of its own; its answer is put into the list."""
        answers: list[Draft | ImpastoError | None] = []

        def run() -> None:
            try:
                answers.append(self.store.draft(*arguments))
            except ImpastoError as error:
                answers.append(error)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        return thread, answers

    def waiting(self, count: int) -> None:
        """Wait until so many wait for their turn."""
        while self.store._drafts._waiting != count:
            threading.Event().wait(0.005)


@pytest.fixture
def page(tmp_path: Path, studio: Path) -> Iterator[Studio]:
    made = Studio(tmp_path / "store", studio)
    yield made
    made.gate.set()
    made.painting.set()
    made.store.close()


@pytest.fixture
def real(tmp_path: Path, studio: Path) -> Iterator[Studio]:
    made = Studio(tmp_path / "store", studio, real=True)
    yield made
    made.store.close()


def pixels(path: Path) -> np.ndarray:
    return load_picture(path).samples.astype(np.float64)


def draft(studio: Studio, request: Request) -> Draft:
    made = studio.store.draft(request)
    assert made is not None
    return made


# ---- what a draft shows


def test_a_draft_is_the_librarys(real: Studio, studio: Path) -> None:
    two = (PaintingChoice(path=real.paintings[0], weight=3, brush_scale=2), PaintingChoice(path=real.paintings[1]))
    made = draft(real, Request(photo=real.photo, paintings=two, options=SMALL | {"strength": 40, "brush_scale": 0.5}))
    paintings = [impasto.Painting(real.paintings[0], 3, 2), impasto.Painting(real.paintings[1])]
    whole = impasto.draft("photo.png", paintings, size_px=64, strength=80, brush_scale=0.5)
    whole.save("expected.jpg")
    assert np.abs(pixels(made.path) - pixels(studio / "expected.jpg")).mean() < 0.3
    other = impasto.draft("photo.png", paintings, size_px=64, strength=80)
    other.save("other.jpg")
    assert np.abs(pixels(made.path) - pixels(studio / "other.jpg")).mean() > 1, "brush scales are seen at this size"
    record = read_record(made.path)
    assert record["kind"] == "draft"
    assert record["inputs"]["content"]["name"] == "a lion.png"  # type: ignore[index]
    assert [file["weight"] for file in record["inputs"]["paintings"]] == [3, 1]  # type: ignore[index]
    again = impasto.replay(made.path, ["photo.png", *real.paintings[:2]])
    assert np.abs(again.pixels * 255 - pixels(made.path)).mean() < 4  # of a JPEG


def test_paintings_are_studied_once_and_photos_read_once(real: Studio) -> None:
    for strength in (10, 20, 30):
        for place in (0, 1, 0):
            draft(real, real.request(place, strength=strength))
    table = real.made[0].do_work.__self__  # type: ignore[union-attr]
    assert table._study.cache_info().misses == 2
    assert table._photo.cache_info().misses == 1


def test_a_transparent_photo(real: Studio) -> None:
    fading = np.dstack([np.full((40, 50, 3), 200), np.tile(np.linspace(0, 255, 50), (40, 1))]).astype(np.uint8)
    Image.fromarray(fading).save("fading.png")
    photo = real.store.keep_upload(Path("fading.png"), "fading.png")
    made = draft(real, real.request().model_copy(update={"photo": photo}))
    assert pixels(made.path).shape == (51, 64, 3)


def test_what_a_draft_takes_of_a_request_and_what_it_leaves_out(page: Studio) -> None:
    first, second = (PaintingChoice(path=path) for path in page.paintings[:2])
    plain = page.request(tv_weight="half typed", steps="nonsense")
    assert reduce_to_draft(plain, {}) == reduce_to_draft(page.request(), {}), "a draft has no such options"
    assert reduce_to_draft(plain, {})[1] == ()
    regions = RegionChoice(mask=None), RegionChoice(mask=None, paintings=(second,), strength=WHOLE_FROM / 5)
    asked = page.request(color="photo", color_strength=30, keep_detail=40)
    shown, left_out = reduce_to_draft(asked.model_copy(update={"paintings": (), "regions": regions}), {})
    assert shown.paintings == ()
    assert [region.strength for region in shown.regions] == [None, 20]
    assert (shown.options["color"], shown.options["color_strength"]) == ("photo", 30)
    assert left_out == ("kept detail",)
    masked = first.model_copy(update={"mask": page.photo})
    assert reduce_to_draft(page.request().model_copy(update={"paintings": (masked,)}), {})[0].paintings == (masked,)
    with pytest.raises(OptionError, match="at least one painting"):
        reduce_to_draft(page.request().model_copy(update={"paintings": (), "regions": regions[:1]}), {})


def test_a_draft_with_regions_masks_and_colours_is_the_librarys(real: Studio, studio: Path) -> None:
    with Image.open("photo.png") as photo:
        width, height = photo.size
    half = np.zeros((height, width), np.uint8)
    half[:, : width // 2] = 255
    Image.fromarray(half).save("half.png")
    mask = real.store.keep_upload(Path("half.png"), "half.png")
    with Image.open(real.paintings[0]) as painting:
        Image.new("L", painting.size, 255).save("all.png")
    whole = real.store.keep_upload(Path("all.png"), "all.png")
    first, second = (PaintingChoice(path=path) for path in real.paintings[:2])
    request = Request(
        photo=real.photo,
        paintings=(first.model_copy(update={"mask": whole}),),
        regions=(RegionChoice(mask=mask, paintings=(second,), strength=25, color="painting"),),
        options=SMALL | {"color": "photo"},
    )
    made = draft(real, request)
    region = impasto.Region("half.png", real.paintings[1], 50, color="painting")
    expected = impasto.draft("photo.png", real.paintings[0], regions=[region], size_px=64, color="photo")
    expected.save("expected.jpg")
    assert np.abs(pixels(made.path) - pixels(studio / "expected.jpg")).mean() < 0.3
    plain = impasto.draft("photo.png", real.paintings[0], size_px=64)
    assert np.abs(plain.pixels * 255 - pixels(made.path)).mean() > 4
    inputs: dict[str, Any] = read_record(made.path)["inputs"]  # type: ignore[assignment]
    assert inputs["regions"][0]["mask"]["name"] == "half.png"


@pytest.mark.parametrize(("strength", "expected"), [(0, 0), (WHOLE_FROM / 2, 50), (WHOLE_FROM, 100), (100, 100)])
def test_the_strength_of_a_painting_as_that_of_its_draft(page: Studio, strength: float, expected: float) -> None:
    assert reduce_to_draft(page.request(strength=strength), {})[0].options["strength"] == expected
    assert reduce_to_draft(page.request(), {"strength": strength})[0].options["strength"] == expected


@pytest.mark.parametrize(("asked", "expected"), [(None, DRAFT_PX), (4096, DRAFT_PX), (200, 200)])
def test_drafts_are_small(page: Studio, asked: int | None, expected: int) -> None:
    assert reduce_to_draft(page.request(size_px=asked), {})[0].options["size_px"] == expected


# ---- when it is made


def test_nothing_runs_before_the_first_draft(page: Studio) -> None:
    assert not page.made
    page.store.prepare_drafts()
    page.store.prepare_drafts()
    draft(page, page.request())
    assert len(page.made) == 1


def test_drafts_wait_for_no_painting(page: Studio) -> None:
    job = page.store.submit(page.request())
    assert draft(page, page.request()).path.read_bytes() == b"a draft"
    assert page.store.view(job).state in ("waiting", "painting")


def test_the_same_request_is_drafted_once(page: Studio) -> None:
    first = draft(page, page.request(strength=60))
    assert draft(page, page.request(strength=60, tv_weight=0.5)) == first
    assert draft(page, page.request(strength=90)) == first, "it is the whole draft anyway"
    assert page.store.find_draft(first.path.name) == first.path
    for other in (page.request(strength=20), page.request(1, strength=60), page.request(strength=60, brush_scale=2)):
        assert draft(page, other).path != first.path
    assert len(page.drafted()) == 4


def test_two_who_want_the_same_get_one_draft(page: Studio) -> None:
    page.gate.clear()
    asked = [page.ask(page.request()) for _ in range(2)]
    page.waiting(1)
    page.gate.set()
    for thread, _ in asked:
        thread.join()
    assert asked[0][1] == asked[1][1] != [None]
    assert len(page.drafted()) == 1


def test_the_last_ones_are_kept(page: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drafts_module, "MOST_KEPT", 2)
    first, second = draft(page, page.request(0)), draft(page, page.request(1))
    draft(page, page.request(0))  # used again
    draft(page, page.request(2))
    assert first.path.exists() and not second.path.exists()
    with pytest.raises(OptionError, match="there is no draft"):
        page.store.find_draft(second.path.name)
    draft(page, page.request(1))
    assert page.drafted() == [page.paintings[place].name for place in (0, 1, 2, 1)]


@pytest.mark.parametrize("name", ["../jobs", "..", "", "studio.lock", "impasto-0.jpg"])
def test_nothing_but_drafts_is_found(page: Studio, name: str) -> None:
    with pytest.raises(OptionError, match="there is no draft"):
        page.store.find_draft(name)


def test_of_one_asker_only_the_last_wish_is_drafted(page: Studio) -> None:
    page.gate.clear()
    asked = [page.ask(page.request(0), "tab", 1)]
    page.begun.acquire()
    for place in (1, 2, 3):
        asked.append(page.ask(page.request(place), "tab", place + 1))
        while page.store._drafts._latest["tab"] <= place:
            threading.Event().wait(0.005)
    late, answer = page.ask(page.request(4), "tab", 2)  # overtaken on its way
    late.join()
    other = page.ask(page.request(5), "another tab", 1)
    page.waiting(2)
    page.gate.set()
    for thread, _ in (*asked, other):
        thread.join()
    assert answer == [None]
    assert [answers[0] is None for _, answers in asked] == [False, True, True, False]
    assert sorted(page.drafted()) == sorted(page.paintings[place].name for place in (0, 3, 5))


def test_who_does_not_say_who_asks_waits(page: Studio) -> None:
    page.gate.clear()
    asked = [page.ask(page.request(place)) for place in range(4)]
    page.waiting(3)
    page.gate.set()
    for thread, _ in asked:
        thread.join()
    assert all(isinstance(answers[0], Draft) for _, answers in asked)
    assert len(page.drafted()) == 4


# ---- what goes wrong


def test_too_many_wait(page: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drafts_module, "MOST_WAITING", 2)
    page.gate.clear()
    for place in range(3):
        page.ask(page.request(place))
    page.waiting(2)
    with pytest.raises(OptionError, match="2 drafts wait already"):
        page.store.draft(page.request(3))


def test_only_pictures_of_the_studio_are_read(page: Studio, studio: Path) -> None:
    with pytest.raises(InputError, match="no picture of this studio"):
        page.store.draft(page.request().model_copy(update={"photo": studio / "photo.png"}))
    with pytest.raises(OptionError, match="a draft needs a photo and at least one painting"):
        page.store.draft(Request(photo=page.photo))
    with pytest.raises(OptionError, match="strength"):
        page.store.draft(page.request(strength=200))
    with pytest.raises(OptionError, match="unknown recipe"):
        page.store.draft(page.request().model_copy(update={"recipe": "/etc/passwd"}))
    assert not page.made


def test_what_cannot_be_drafted_ends_in_one_line_and_the_next_draft_is_made(real: Studio) -> None:
    Image.new("RGB", (400, 4), "red").save("thin.png")
    thin = real.store.keep_upload(Path("thin.png"), "thin.png")
    with pytest.raises(InputError, match="the stylizer needs 16 px a side"):
        real.store.draft(real.request().model_copy(update={"photo": thin}))
    painting = real.store.keep_upload(Path("painting.png"), "painting.png")
    painting.write_bytes(painting.read_bytes()[:200])
    with pytest.raises(InputError, match="damaged or cut short"):
        real.store.draft(real.request().model_copy(update={"paintings": (PaintingChoice(path=painting),)}))
    assert draft(real, real.request()).path.is_file()


def test_who_waits_as_the_studio_closes_is_told(page: Studio) -> None:
    page.gate.clear()
    page.ask(page.request(0))
    page.begun.acquire()
    thread, answers = page.ask(page.request(1))
    page.waiting(1)
    page.store._drafts.close()
    thread.join()
    assert "being closed" in str(answers[0])
    with pytest.raises(OutputError, match="being closed"):
        page.store.draft(page.request(2))


def test_a_drafting_process_is_lost_and_replaced(tmp_path: Path, studio: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One test for all that needs the real process, since it takes seconds to load."""
    with Store(tmp_path / "store", options={"threads": 1}, painter=FakePainter) as store:
        photo = store.keep_upload(studio / "photo.png", "photo.png")

        def request(strength: float) -> Request:
            paintings = (PaintingChoice(path=next(iter(samples().values()))),)
            return Request(photo=photo, paintings=paintings, options=SMALL | {"strength": strength})

        def process() -> Any:
            painter = store._drafts._painter
            assert isinstance(painter, ProcessPainter)
            return painter._process

        assert store.draft(request(10))
        first = process()
        first.send_signal(signal.SIGKILL)
        first.wait()
        assert store.draft(request(20))
        second = process()
        assert second.pid != first.pid

        monkeypatch.setattr(drafts_module, "DRAFT_SECONDS", 0.05)
        monkeypatch.setattr(painter_module, "CANCEL_SECONDS", 0.05)
        os.kill(second.pid, signal.SIGSTOP)
        with pytest.raises(OutputError, match="the drafting process was lost"):
            store.draft(request(30))
        monkeypatch.undo()
        assert store.draft(request(30))
    assert process().wait() == 0
