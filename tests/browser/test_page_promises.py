"""What the page promises: what was ordered stays, what is stale says so, the last choice wins, nothing jumps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hands import call, choose, paint, set_option, set_slider, until, wait_done, wait_preview
from PIL import Image
from studio_server import Page

LONG = 4000


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """Another one for every test, so that no draft of it is kept already."""
    seed = np.frombuffer(str(tmp_path).encode(), np.uint8)
    pixels = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), np.uint8)
    Image.fromarray(pixels).resize((80, 60), Image.Resampling.BICUBIC).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def hold(page: Page, address: str) -> Callable[[], None]:
    """Keep the next answer at an address back, until what is returned is called."""
    held: list[Any] = []
    page.route(address, lambda route: held.append(route), times=1)

    def let_go() -> None:
        while not held:
            page.wait_for_timeout(50)
        held.pop().continue_()

    return let_go


def test_a_job_stays_as_it_was_ordered(page: Page, photo: Path) -> None:
    choose(page, photo, steps=LONG)
    ordered = []
    for strength in (50, 20, 90):
        set_slider(page, "strength", strength)
        ordered.append((paint(page), strength))
    set_slider(page, "strength", 5)
    set_slider(page, "colors", 100)
    page.wait_for_timeout(800)
    jobs = [(call(page, "view", job), strength) for job, strength in ordered]
    assert [job["request"]["options"]["strength"] for job, _ in jobs] == [50, 20, 90]
    assert {job["request"]["options"]["color_strength"] for job, _ in jobs} == {0}
    for job, _ in reversed(ordered):
        call(page, "cancel", job)


def test_a_draft_out_of_date_says_so(page: Page, photo: Path) -> None:
    choose(page, photo)
    until(page, "document.getElementById('draft-tag').textContent === 'Draft · flow'")
    let_go = hold(page, "**/api/drafts")
    set_slider(page, "colors", 100)
    until(page, "document.getElementById('draft-tag').textContent === 'Drafting …'")
    assert page.locator("#frame.stale #draft").is_visible()
    let_go()
    until(page, "document.getElementById('draft-tag').textContent === 'Draft · flow'")
    assert page.locator("#frame.stale").count() == 0


@pytest.mark.parametrize("first", ["photo", "detail"])
def test_what_a_draft_leaves_out_is_said_in_any_order(page: Page, photo: Path, first: str) -> None:
    def keep_detail() -> None:
        set_slider(page, "keep_detail", 40)

    if first == "detail":
        keep_detail()
    choose(page, photo)
    if first == "photo":
        until(page, "document.getElementById('draft-tag').textContent === 'Draft · flow'")
        keep_detail()
    until(page, "document.getElementById('telling').textContent.includes('kept detail')")


def test_what_was_opened_last_is_shown(page: Page, photo: Path) -> None:
    choose(page, photo)
    set_slider(page, "strength", 30)
    slow = paint(page)
    wait_done(page)
    set_slider(page, "strength", 70)
    quick = paint(page)
    wait_done(page)
    page.click("#anew")
    let_go = hold(page, f"**/api/jobs/{slow}")
    page.click(f"[data-job='{slow}']")
    page.click(f"[data-job='{quick}']")
    until(page, f"location.hash === '#{quick}'")
    let_go()
    page.wait_for_timeout(400)
    assert page.evaluate("location.hash") == f"#{quick}"
    assert page.locator("#strength").input_value() == "70"


def test_the_picture_keeps_its_height_and_the_price_is_said_before(page: Page, photo: Path) -> None:
    heights: dict[str, float] = {}

    def measure(state: str) -> None:
        heights[state] = page.locator("#wall").bounding_box()["height"]

    page.set_input_files("#photo-file", photo)
    page.wait_for_selector("#frame:not([hidden])")
    measure("photo")
    page.click("#shelf [title='flow.jpg']")
    until(page, "document.getElementById('draft-tag').textContent === 'Draft · flow'")
    measure("draft")
    until(page, "document.getElementById('price').textContent.includes('about')")
    assert page.locator("#price").inner_text().startswith("64 × 48 px · ")
    set_option(page, "steps", str(LONG))
    page.fill("#exact", "64")
    paint(page)
    wait_preview(page)
    measure("painting")
    page.click("#paint.stop")
    wait_done(page)
    measure("stopped")
    assert page.locator("#paint-hint").inner_text().startswith("Continue goes on with this picture")
    assert len(set(heights.values())) == 1, heights


def test_an_upload_on_its_way_is_seen(page: Page, photo: Path) -> None:
    let_go = hold(page, "**/api/pictures?*")
    page.set_input_files("#photo-file", photo)
    until(page, "document.getElementById('photo-ask').textContent.startsWith('Bringing photo')")
    assert page.locator("#photo-drop").get_attribute("aria-busy") == "true"
    let_go()
    page.wait_for_selector("#frame:not([hidden])")
    assert page.locator("#photo-ask").inner_text() == "photo"


def test_two_pictures_are_looked_at_at_the_same_zoom_and_place(page: Page, photo: Path) -> None:
    choose(page, photo)
    jobs = []
    for size in (64, 48):
        page.locator("#exact").evaluate("(field, size) => { field.value = size; }", str(size))
        page.locator("#exact").dispatch_event("input")
        jobs.append(paint(page))
        wait_done(page)
    page.click("#select")
    for job in jobs:
        page.click(f"[data-job='{job}']")
    page.click("#compare-two")
    until(page, "document.getElementById('full').open")
    assert (
        page.locator("#full figcaption").all_inner_texts()[0] != page.locator("#full figcaption").all_inner_texts()[1]
    )

    assert page.locator("#full figcaption").first.inner_text().endswith("strength 50 · colours 0")

    def boxes() -> list[list[int]]:
        """Place and size of each picture in its pane."""
        script = """image => { const [a, b] = [image, image.parentElement].map((e) => e.getBoundingClientRect());
            return [a.x - b.x, a.y - b.y, a.width, a.height].map(Math.round); }"""
        return [page.locator(name).evaluate(script) for name in ("#full-picture", "#full-other")]

    one, other = boxes()
    assert one == other
    page.mouse.move(300, 300)
    page.mouse.wheel(0, -100)
    page.keyboard.press("Tab")
    page.focus("#full-view")
    page.keyboard.press("ArrowRight")
    zoomed, zoomed_other = boxes()
    assert zoomed == zoomed_other
    assert zoomed[2] > one[2]
    page.click("#full-way")
    one, other = boxes()
    assert one == other
    page.locator("#full-at").fill("25")
    assert page.evaluate("getComputedStyle(document.querySelector('#full figure:last-child')).clipPath").endswith(
        "25%)"
    )
    page.keyboard.press("Escape")
    assert not page.locator("#full").is_visible()
    page.click("#select")


def test_the_brush_by_keys(page: Page, photo: Path) -> None:
    choose(page, photo)
    page.click("#brush-open")
    assert page.evaluate("document.getElementById('brush').getContext('2d').getImageData(5, 5, 1, 1).data[3] === 0"), (
        "the photo is not tinted before anything is brushed"
    )
    page.keyboard.press("ArrowLeft")
    assert page.locator("#ring").is_visible()
    width = page.locator("#ring").bounding_box()["width"]
    page.keyboard.press("]")
    assert page.locator("#ring").bounding_box()["width"] > width
    where = page.locator(".painting .where")
    page.keyboard.press("Space")
    assert where.inner_text() == "everywhere else"
    page.keyboard.press("Control+z")
    assert where.inner_text() == "everywhere"
    page.keyboard.press("Control+Shift+Z")
    assert where.inner_text() == "everywhere else"
    page.keyboard.press("Escape")
    assert page.locator("#brush").is_hidden()
