"""Films that are really painted, from a clip of a few small frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from studio_stores import StockedStore, pixels

pytest.importorskip("av", reason="films need the extra 'video'")
pytest.importorskip("cv2", reason="films need the extra 'video'")

from clips import make_clip

from impasto.studio.job import JobView
from impasto.studio.protocol import Message, Order
from impasto.studio.request import Request
from impasto.studio.worker.film import look_at_clip, plan_film
from impasto.video.clip import open_clip

FRAMES = 8


@pytest.fixture
def clip(stocked: StockedStore) -> Path:
    make_clip(Path("walk.mp4"), FRAMES, rate=10)
    return stocked.store.keep_upload(Path("walk.mp4"), "walk.mp4")


def paint(stocked: StockedStore, clip: Path, **changes: object) -> JobView:
    return stocked.paint(kind="film", clip=clip, options={"size_px": 48, "threads": 1}, **changes)


def test_a_clip_is_looked_at(stocked: StockedStore, clip: Path, tmp_path: Path) -> None:
    told: list[Message] = []
    order = Order(id="x", folder=tmp_path, request=Request(photo=None, kind="film", clip=clip))
    assert look_at_clip(order, told.append).state == "done"
    assert told[0].clip is not None and told[0].clip.frames == FRAMES
    assert told[0].clip.seconds == pytest.approx(FRAMES / 10)
    assert pixels(order.files.picture).shape[:2] == (48, 64)


def test_a_film_is_painted_whole_and_in_part(stocked: StockedStore, clip: Path) -> None:
    view = paint(stocked, clip)
    assert (view.state, view.manifest.error, view.pastiche) == ("done", None, None)
    assert (view.progress.steps_done, view.progress.size, view.resumable) == (FRAMES, (48, 36), False)
    assert view.film and view.preview and view.thumbnail
    with open_clip(view.film) as film:
        assert (film.info.frames, film.info.width_px, film.info.height_px) == (FRAMES, 48, 36)
    assert view.manifest.title == "a lion + waves"
    part = paint(stocked, clip, seconds=0.4)
    assert part.film and part.manifest.title == "a lion + waves, 0.4 s"
    with open_clip(part.film) as film:
        assert film.info.frames == 4


def test_a_film_that_was_stopped_goes_on(stocked: StockedStore, clip: Path) -> None:
    whole = paint(stocked, clip)
    stocked.stop_at(3)
    stopped = paint(stocked, clip)
    assert (stopped.state, stopped.resumable) == ("stopped", True)
    stocked.store.queue.go_on(stopped.id)
    done = stocked.wait(stopped.id)
    assert (done.state, done.manifest.error) == ("done", None)
    assert whole.film and done.film
    with open_clip(whole.film) as one, open_clip(done.film) as other:
        for expected, frame in zip(one.frames(), other.frames(), strict=True):
            np.testing.assert_array_equal(expected.pixels, frame.pixels)


def test_the_price_of_a_film_grows_with_its_frames(stocked: StockedStore, clip: Path, tmp_path: Path) -> None:
    prices = []
    for seconds in (None, 0.4):
        told: list[Message] = []
        request = stocked.request.model_copy(
            update={"kind": "film", "clip": clip, "seconds": seconds, "options": {"size_px": 48, "threads": 1}}
        )
        drafted: list[Request] = []
        plan_film(Order(id="x", folder=tmp_path, request=request), drafted.append, told.append)
        assert drafted[0].options["size_px"] == 48 and drafted[0].clip is None
        assert told[0].price is not None
        prices.append(told[0].price)
    assert {price.size for price in prices} == {(48, 36)}
    assert min(price.seconds for price in prices) > 0
