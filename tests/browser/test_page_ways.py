"""Ways through the page: by keyboard alone, without JavaScript, with files from outside, on a phone; and a monkey."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hands import call, choose, drop, paint, until, wait_done
from PIL import Image
from studio_server import LIMITS, SMALL, Page, Server

from impasto.images.reading import read_record

MONKEY_SECONDS, MONKEY_ACTS = 300, 1000


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    return picture(tmp_path / "photo.png", 1)


def picture(path: Path, seed: int) -> Path:
    pixels = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), np.uint8)
    Image.fromarray(pixels).resize((80, 60), Image.Resampling.BICUBIC).save(path)
    return path


def tab_to(page: Page, wanted: str, *, most: int = 60) -> None:
    """Press Tab until something has the focus."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate(f"document.activeElement.matches(`{wanted}`)"):
            return
    pytest.fail(f"Tab never comes to {wanted}")


def test_from_photo_to_download_by_keyboard_alone(page: Page, photo: Path, tmp_path: Path) -> None:
    page.once("filechooser", lambda chooser: chooser.set_files(photo))  # from the start: the browser has to hear of it
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "photo-file"
    page.keyboard.press("Space")
    page.wait_for_selector("#frame:not([hidden])")
    tab_to(page, "#shelf button")
    page.keyboard.press("Enter")
    first = page.locator(".painting .name").inner_text()
    page.keyboard.press("ArrowRight")
    until(page, f"document.querySelector('.painting .name').textContent !== '{first}'")
    chosen = page.locator(".painting .name").inner_text()
    page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    page.focus("#home")
    page.keyboard.press("Shift+Tab")
    assert page.evaluate("document.activeElement.id") == "skip-paint"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "paint"
    page.keyboard.press("Enter")
    until(page, "location.hash.length > 1")
    wait_done(page)
    page.focus("#stage button:not([hidden])")
    tab_to(page, "#compare-on")
    page.keyboard.press("Enter")
    page.focus("#compare")
    page.keyboard.press("End")
    clip = page.evaluate("getComputedStyle(document.getElementById('after')).clipPath")
    assert clip == "inset(0px 0px 0px 100%)"
    tab_to(page, "#download summary")
    page.keyboard.press("Enter")
    tab_to(page, "[data-format=png]", most=3)
    with page.expect_download() as waiting:
        page.keyboard.press("Enter")
    waiting.value.save_as(tmp_path / "pastiche.png")
    inputs: Any = read_record(tmp_path / "pastiche.png")["inputs"]
    assert (inputs["content"]["name"], Path(inputs["paintings"][0]["name"]).stem) == ("photo.png", chosen)


def test_without_javascript_it_says_so(chromium: Any, server: Server) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(server.url)
    assert page.locator("noscript, .notice").first.is_visible()
    assert "needs JavaScript" in page.locator("body").inner_text()
    context.close()


def test_several_photos_are_painted_alike(page: Page, tmp_path: Path) -> None:
    photos = [picture(tmp_path / f"{name}.png", seed) for seed, name in enumerate(("one", "two", "three"), 40)]
    page.set_input_files("#photo-file", photos[0])  # what takes one photo in the dialog takes more by dropping
    page.wait_for_selector("#frame:not([hidden])")
    page.click("#shelf [title='flow.jpg']")
    drop(page, "#wall", *photos)
    page.click(".message button:has-text('Paint all 3')")
    until(page, "document.querySelectorAll('#history li').length >= 3")
    for _ in range(2400):
        jobs = [job for job in call(page, "history") if job["title"] in ("one + flow", "two + flow", "three + flow")]
        if len(jobs) == 3 and {job["state"] for job in jobs} == {"done"}:
            return
        page.wait_for_timeout(100)
    pytest.fail(f"not all are painted: {jobs}")


def test_a_picture_that_is_pasted_becomes_photo_or_painting(page: Page, photo: Path, tmp_path: Path) -> None:
    def paste(file: Path) -> None:
        page.evaluate(
            """async (bytes) => {
                const pixels = new Blob([new Uint8Array(bytes)], { type: "image/png" });
                await navigator.clipboard.write([new ClipboardItem({ "image/png": pixels })]);
            }""",
            list(file.read_bytes()),
        )
        page.keyboard.press("Control+v")

    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    paste(photo)
    until(page, "document.getElementById('photo-ask').textContent === 'pasted'")
    paste(picture(tmp_path / "other.png", 2))
    page.click(".message button:has-text('As painting')")
    until(page, "document.querySelector('.painting .name')?.textContent === 'pasted'")


def test_the_photo_is_brushed_close_up_and_softly(page: Page, photo: Path) -> None:
    choose(page, photo)
    page.click("#brush-open")
    before = page.locator("#brush").bounding_box()
    page.mouse.move(before["x"] + 10, before["y"] + 10)
    page.keyboard.down("Control")
    for _ in range(4):
        page.mouse.wheel(0, -100)
    page.keyboard.up("Control")
    close = page.locator("#brush").bounding_box()
    assert close["width"] > 2 * before["width"]
    page.mouse.move(before["x"] + before["width"] / 2, before["y"] + before["height"] / 2)
    page.keyboard.down("Shift")
    page.mouse.down()
    page.mouse.move(before["x"] + before["width"] / 2 - 40, before["y"] + before["height"] / 2, steps=4)
    page.mouse.up()
    page.keyboard.up("Shift")
    assert page.locator("#brush").bounding_box()["x"] == pytest.approx(close["x"] - 40, abs=2)
    assert page.locator(".painting .where").inner_text() == "everywhere", "moving the photo brushes nothing"
    page.locator("#brush-soft").fill("100")
    x, y = before["x"] + before["width"] / 2, before["y"] + before["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 30, y, steps=5)
    page.mouse.up()
    alphas = """() => {
        const { width, height } = document.getElementById("brush");
        const { data } = document.getElementById("brush").getContext("2d").getImageData(0, 0, width, height);
        return new Set(data.filter((_, place) => place % 4 === 3)).size;
    }"""
    assert page.evaluate(alphas) > 5, "the edge is soft"
    page.click("#brush-done")
    assert page.evaluate("document.getElementById('frame').style.transform") == ""


def test_what_is_opened_from_the_history_comes_into_view_on_a_phone(
    open_page: Callable[..., Page], photo: Path
) -> None:
    page = open_page(width=390, height=844)
    choose(page, photo)
    job = paint(page)
    wait_done(page)
    page.click("#anew")
    page.locator(f"[data-job='{job}']").scroll_into_view_if_needed()
    page.click(f"[data-job='{job}']")
    until(page, f"location.hash === '#{job}'")
    wait_done(page)
    frame = "document.getElementById('frame').getBoundingClientRect()"
    until(page, f"{frame}.top >= 0 && {frame}.bottom <= innerHeight")  # the page glides there


KEYS = (
    "Tab",
    "Enter",
    "Space",
    "Escape",
    "ArrowLeft",
    "ArrowRight",
    "ArrowUp",
    "ArrowDown",
    "Home",
    "End",
    "+",
    "-",
    "7",
)


@pytest.mark.slow
def test_a_monkey_breaks_nothing(
    start_server: Callable[..., Server], open_page: Callable[..., Page], photo: Path, tmp_path: Path
) -> None:
    """Random clicks and keys, the same ones each time: no complaint (as in every test), no 5xx, no lost job."""
    server = start_server(*SMALL, *LIMITS)
    page = open_page(server.url)
    page.set_default_timeout(2000)
    broken: list[str] = []
    ordered: set[str] = set()

    def note(answer: Any) -> None:
        if answer.status >= 500:
            broken.append(f"{answer.status} {answer.request.method} {answer.url}")
        if answer.request.method == "POST" and answer.status == 201 and "/api/jobs" in answer.url:
            made = json.loads(answer.text())
            ordered.update(job["id"] for job in (made if isinstance(made, list) else [made]))

    removed: set[str] = set()
    page.on("response", note)
    page.on("request", lambda asked: removed.add(asked.url[-24:]) if asked.method == "DELETE" else None)
    choose(page, photo)
    rng, acts, ends = random.Random(17), 0, time.monotonic() + MONKEY_SECONDS
    while acts < MONKEY_ACTS or time.monotonic() < ends:
        acts += 1
        act(page, rng)
        if rng.random() < 0.02:
            page.set_input_files("#photo-file", photo)
    assert not broken
    page.set_default_timeout(60_000)
    page.goto(server.url)  # it stands behind the drafts that the last clicks asked for
    page.wait_for_selector("body[data-ready]")
    kept = {job["id"]: job for job in call(page, "history")}
    lost = {job for job in ordered - kept.keys() if job not in removed}
    assert not [job for job in lost if not was_cancelled(server, job)], "jobs are lost"
    assert not [job for job in kept.values() if job["state"] == "failed"]


def was_cancelled(server: Server, job: str) -> bool:
    """Whether nothing is left of a job: old ones without a picture are tidied away."""
    return not (server.folder / "jobs" / job / f"impasto-{job}.png").exists()


def act(page: Page, rng: random.Random) -> None:
    """One click or key, wherever it goes."""
    if rng.random() < 0.35:
        page.keyboard.press(rng.choice(KEYS))
        return
    seen = """() => [...document.querySelectorAll("button, summary, input:not([type=file]), select, .chip, canvas")]
        .filter((e) => e.checkVisibility() && !e.disabled && (!document.querySelector("dialog[open]")
            || e.closest("dialog[open]")))
        .map((e) => e.getBoundingClientRect()).filter((box) => box.width && box.bottom > 0 && box.top < innerHeight)
        .map((box) => [box.x + box.width * 0.4, box.y + box.height * 0.5])"""
    places = page.evaluate(seen)
    x, y = rng.choice(places) if places and rng.random() < 0.9 else (rng.uniform(0, 1280), rng.uniform(0, 800))
    page.mouse.move(x, y)
    page.mouse.down()
    if rng.random() < 0.2:
        page.mouse.move(x + rng.uniform(-80, 80), y + rng.uniform(-30, 30))
    page.mouse.up()


def test_a_clip_becomes_a_film(page: Page, tmp_path: Path) -> None:
    pytest.importorskip("av", reason="films need the extra 'video'")
    pytest.importorskip("cv2", reason="films need the extra 'video'")
    (tmp_path / "broken.mp4").write_text("no clip at all")
    page.set_input_files("#photo-file", tmp_path / "broken.mp4")
    page.wait_for_selector(".message:has-text('broken.mp4')")
    page.click(".message button")
    assert page.locator("#frame").is_hidden()
    from clips import make_clip

    make_clip(tmp_path / "walk.mp4", 25, rate=10)
    drop(page, "#wall", tmp_path / "walk.mp4")
    page.wait_for_selector("#frame:not([hidden])")
    page.click("#shelf [title='flow.jpg']")
    until(page, "document.getElementById('draft-tag').textContent === 'Draft · flow'")
    until(page, "document.getElementById('price').textContent.includes('about')")
    assert page.locator("#paint").inner_text() == "Paint the film"
    page.click("#two-seconds")
    until(page, "location.hash.length > 1")
    page.wait_for_selector("#film:not([hidden])")
    first = page.evaluate("location.hash")
    assert call(page, "view", first[1:])["request"]["seconds"] == 2
    until(page, "document.getElementById('film').readyState >= 2")
    assert page.evaluate("document.getElementById('film').duration") == pytest.approx(2, abs=0.2)
    page.reload()
    page.wait_for_selector("body[data-ready]")
    page.wait_for_selector("#film:not([hidden])")
    page.click("#shelf [title='wash.jpg']")
    page.click("#paint:has-text('Paint the film')")
    until(page, f"location.hash.length > 1 && location.hash !== '{first}'")
    page.wait_for_selector("#film:not([hidden])")
    page.click("#download > summary")
    with page.expect_download() as waiting:
        page.click("#film-file")
    assert waiting.value.suggested_filename.endswith(".mp4")
    assert waiting.value.path().read_bytes()[4:8] == b"ftyp"
