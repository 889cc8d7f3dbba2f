"""Every control of the page is pressed against the real server, and nothing is refused or fails."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hands import call, choose, look_at, paint, set_slider, stroke, until, wait_done, wait_preview
from looks import SAMPLES
from PIL import Image
from studio_server import Page

# What was operated, by id, or by what the element is called where it has none.
WATCH = """window.pressed = new Set();
for (const kind of ["click", "input", "change", "toggle"]) {
    addEventListener(kind, ({ target }) => {
        for (let at = target; at?.id !== undefined; at = at.parentElement) {
            if (at.id) window.pressed.add(at.id);
            else if (at.dataset.format) window.pressed.add(at.dataset.format);
            else if (at.name) window.pressed.add(at.name);
        }
        const named = target.closest?.("label")?.querySelector("input");
        if (named?.id) window.pressed.add(named.id);
        const fold = target.closest?.("details, summary")?.closest("details");
        if (fold) window.pressed.add(fold.id);
    }, true);
}"""
CONTROLS = """[...document.querySelectorAll("button, input, select, summary, a[href], canvas")]
    .filter((element) => !element.closest("noscript, #options, #shelf, #history, #messages, #paintings, #chips"))
    .filter((element) => !element.closest("#try-list, #cells-list"))
    .map((element) => element.id || element.dataset.format || element.name || element.closest("details")?.id
        || element.outerHTML.slice(0, 80))"""
LONG = 4000


def picture(folder: Path, name: str, seed: int) -> Path:
    pixels = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), np.uint8)
    Image.fromarray(pixels).resize((80, 60), Image.Resampling.BICUBIC).save(folder / name)
    return folder / name


def test_every_control_is_pressed(open_page: Callable[..., Page], tmp_path: Path) -> None:
    page = open_page()
    page.context.add_init_script(WATCH)
    page.reload()
    page.wait_for_selector("body[data-ready]")
    refused: list[str] = []
    page.on("response", lambda answer: answer.status >= 400 and refused.append(f"{answer.status} {answer.url}"))
    photo, other = picture(tmp_path, "photo.png", 1), picture(tmp_path, "other.png", 2)
    page.focus("#skip")
    page.keyboard.press("Enter")
    page.focus("#skip-paint")
    page.keyboard.press("Enter")
    with page.expect_file_chooser():
        page.click("#invite")
    for button in ("#sample", "#sample-too"):
        page.click(button)
        until(page, "document.getElementById('photo-ask').textContent === 'lighthouse'")
        page.click("#anew")
    choose(page, photo, SAMPLES / "wash.jpg")
    page.set_input_files("#shelf-file", [picture(tmp_path, "mine.png", 3)])
    page.wait_for_selector("#shelf [title='mine.png']")
    settings(page)
    shelf(page)
    rename(page)
    brush(page, tmp_path)
    job = finished(page)
    further(page, other, job)
    rail(page)
    film(page, tmp_path)
    page.click("#anew")
    page.click("#home")
    missed = set(page.evaluate(CONTROLS)) - set(page.evaluate("[...window.pressed]"))
    assert not missed, "a control that this test does not press"
    assert not refused


def film(page: Page, folder: Path) -> None:
    """A clip: its first seconds, and the film to download."""
    pytest.importorskip("av", reason="films need the extra 'video'")
    pytest.importorskip("cv2", reason="films need the extra 'video'")
    from clips import make_clip

    make_clip(folder / "walk.mp4", 6, rate=10)
    page.set_input_files("#photo-file", folder / "walk.mp4")
    until(page, "document.getElementById('photo-ask').textContent === 'walk'")
    page.click("#two-seconds")
    page.wait_for_selector("#film:not([hidden])")
    page.click("#download > summary")
    with page.expect_download() as waiting:
        page.click("#film-file")
    assert waiting.value.path().read_bytes()[4:8] == b"ftyp"


def settings(page: Page) -> None:
    for summary in ("#more", "#all"):
        page.click(f"{summary} > summary")
    set_slider(page, "strength", 60)
    set_slider(page, "colors", 20)
    set_slider(page, "brush_scale", 1)
    set_slider(page, "keep_detail", 40)
    page.select_option("#recipe", "pixels")
    page.select_option("#recipe", "painterly")
    page.click("#dice")
    assert 1 <= int(page.locator("#variation").input_value()) <= 9999
    page.fill("#variation", "2")
    page.fill("#exact", "64")
    page.check("input[name=size][value='512']", force=True)
    page.fill("#exact", "64")
    page.fill("#option-steps", str(LONG))
    for summary in ("#all", "#more"):
        page.click(f"{summary} > summary")


def shelf(page: Page) -> None:
    page.click("#next")
    page.click("#previous")
    page.click("#try-open")
    page.wait_for_selector("#try-list img[alt='Draft after flow']")
    page.click("#try-close")
    page.click("#try-open")
    page.click("#try-list [title='wash']")
    page.click("#try-list [title='flow']")
    assert page.locator("#try-take").inner_text() == "Blend wash + flow"
    page.click("#try-take")
    assert page.locator(".painting .name").all_inner_texts() == ["wash", "flow"]


def rename(page: Page) -> None:
    """Write over the name of a painting of one's own; bundled ones keep theirs."""
    page.click("[aria-label='Add mine.png to the mixture']", force=True)
    name = page.locator(".painting .name").last
    assert page.locator(".painting .name[contenteditable]").count() == 1
    name.fill("The sea")
    name.press("Enter")
    page.wait_for_selector("#shelf [title='The sea.png']")
    assert name.inner_text() == "The sea"
    page.click("[aria-label='Remove The sea.png']")


def brush(page: Page, folder: Path) -> None:
    page.click("#brush-open")
    set_slider(page, "brush-size", 70)
    set_slider(page, "brush-soft", 30)
    page.click("#brush-in")
    page.click("#brush-out")
    stroke(page, (0.2, 0.2), (0.6, 0.2))
    brushed = page.locator(".painting .where").all_inner_texts()
    assert brushed == ["everywhere else", "where brushed"]
    page.click("#brush-undo")
    assert page.locator(".painting .where").all_inner_texts() == ["50 %", "50 %"]
    page.click("#brush-redo")
    assert page.locator(".painting .where").all_inner_texts() == brushed
    page.click("#brush-invert")
    page.click("#brush-clear")
    Image.fromarray(np.uint8([[255, 0]])).save(folder / "mask.png")
    page.set_input_files("#mask-file", folder / "mask.png")
    until(page, "document.querySelectorAll('.where')[1].textContent === 'where brushed'")
    page.click("#brush-clear")
    page.click("#brush-done")


def finished(page: Page) -> str:
    """Paint a picture: steer it, stop it, go on; returns its job."""
    job = paint(page)
    wait_preview(page)
    page.check("#steer-on")
    set_slider(page, "strength", 70)
    page.click("#details > summary")
    page.wait_for_timeout(600)
    page.click("#paint.stop")
    wait_done(page)
    page.click("#continue")
    wait_preview(page)
    page.wait_for_timeout(1500)
    page.click("#paint.stop")
    wait_done(page)
    page.click("#compare-on")
    page.focus("#compare")
    page.keyboard.press("ArrowLeft")
    page.click("#full-on")
    page.click("#full-fit")
    page.click("#full-close")
    for suffix in ("png", "jpg", "webp", "tif"):
        page.click("#download > summary")
        with page.expect_download() as waiting:
            page.click(f"[data-format={suffix}]")
        assert waiting.value.suggested_filename == f"photo + wash + flow.{suffix}"
        page.click("#download > summary")
    page.click("#download > summary")
    with page.expect_download() as waiting:
        page.click("#time-lapse-file")
    page.click("#download > summary")
    page.click("#download > summary")
    with page.expect_download() as waiting_too:
        page.click("#time-lapse-mp4")
    assert waiting_too.value.path().read_bytes()[4:8] == b"ftyp"
    with Image.open(waiting.value.path()) as film:
        assert film.format == "WEBP" and film.n_frames > 1
    page.click("#download > summary")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.click("#download > summary")
    page.click("#copy")
    page.wait_for_selector(".message:has-text('in the clipboard')")
    types = page.evaluate("async () => (await navigator.clipboard.read()).flatMap(({ types }) => types)")
    assert "image/png" in types
    page.click("#shelf [title='dots.jpg']")  # something else: the picture is put aside
    page.click("#back")
    wait_done(page)
    return job


def look_at_done(page: Page, job: str) -> None:
    look_at(page, job)
    wait_done(page)


def further(page: Page, other: Path, job: str) -> None:
    def order(press: Callable[[], None]) -> None:
        page.click("#further > summary")
        press()
        until(page, f"location.hash !== '#{job}'")
        page.wait_for_selector("#paint.stop")
        page.click("#paint.stop")
        call(page, "cancel", page.evaluate("location.hash.slice(1)"))  # a step of 4096 px may take minutes
        look_at_done(page, job)

    grid(page, job)
    order(lambda: page.click("#final"))
    page.click("#further > summary")
    page.click("#print-open")
    page.click("#print-close")
    page.click("#further > summary")
    page.click("#print-open")
    page.fill("#print-cm", "1")
    page.select_option("#print-dpi", "150")
    page.fill("#print-bleed", "2")
    until(page, "document.getElementById('print-order').textContent === 'Paint it at 83 px'")
    page.click("#print-order")
    until(page, f"location.hash !== '#{job}'")
    page.wait_for_selector("#download:not([hidden])", timeout=180_000)  # the one of 4096 px is being stopped
    look_at_done(page, job)
    page.click("#further > summary")
    page.set_input_files("#again-file", [other])
    page.wait_for_selector(".batch")
    page.click(".batch button")
    page.wait_for_selector(".batch", state="detached")
    folder = other.parent / "folder"
    folder.mkdir()
    (folder / "notes.txt").write_text("no picture")
    for name in ("a", "b"):
        picture(folder, f"{name}.png", ord(name))
    page.click("#further > summary")
    page.set_input_files("#again-folder", folder)
    page.wait_for_selector(".message:has-text('2 pictures are taken; 1 other file is left out')")
    until(page, "document.querySelector('.batch')?.textContent.includes('of 2 photos')")
    page.click(".batch button")
    page.wait_for_selector(".batch", state="detached")


def grid(page: Page, job: str) -> None:
    """Order a grid, look at its pictures, take the settings of one, and paint one."""
    page.click("#further > summary")
    page.click("#grid-open")
    page.click("#grid-close")
    page.click("#further > summary")
    page.click("#grid-open")
    page.select_option("#grid-rows", "brush_scale")
    page.fill("#grid-rows-values", "0.5, 2")
    page.select_option("#grid-columns", "steps")
    page.fill("#grid-columns-values", "3, 4")
    until(page, "document.getElementById('grid-says').textContent.includes('4 pictures')")
    page.click("#grid-order")
    until(page, f"location.hash !== '#{job}'")
    page.wait_for_selector("#cells-open:not([hidden])")
    page.wait_for_selector("#download:not([hidden])", timeout=180_000)  # four pictures
    ordered = page.evaluate("location.hash.slice(1)")
    page.click("#cells-open")
    cells = page.locator("#cells-list button")
    until(page, "document.querySelectorAll('#cells-list button:enabled').length === 4")
    cells.nth(0).click()
    cells.nth(3).click()
    page.click("#cells-look")
    until(page, "document.getElementById('full').open")
    page.click("#full-close")
    cells.nth(0).click()
    page.click("#cells-take")
    until(page, "document.getElementById('option-steps').value === '4'")
    look_at_done(page, ordered)
    page.click("#cells-open")
    cells.nth(1).click()
    until(page, "document.getElementById('cells-says').textContent.includes('takes about')")
    page.click("#cells-paint")
    until(page, f"location.hash.length > 1 && location.hash !== '#{ordered}'")
    wait_done(page)
    painted = call(page, "view", page.evaluate("location.hash.slice(1)"))
    assert painted["kind"] == "paint"
    options = painted["request"]["options"]
    assert (options["brush_scale"], options["steps"]) == (0.5, [4]), "the second of the first row"
    look_at_done(page, ordered)
    page.click("#cells-open")
    page.click("#cells-close")
    look_at_done(page, job)


def rail(page: Page) -> None:
    page.fill("#job-name", "My first")
    page.press("#job-name", "Enter")
    page.click("#job-star")
    until(page, "document.getElementById('job-star').getAttribute('aria-pressed') === 'true'")
    page.click("#starred")
    assert page.locator("#history li").count() == 1
    page.click("#starred")
    page.fill("#search", "my FIRST")
    assert page.locator("#history button").get_attribute("title") == "My first"
    page.fill("#search", "")
    page.click("#select")
    with_pictures = [job["id"] for job in call(page, "history") if job["picture"]][:2]
    for job in with_pictures:
        page.click(f"[data-job='{job}']")
    page.click("#compare-two")
    page.click("#full-way")
    page.locator("#full-at").fill("30")
    page.click("#full-close")
    with page.expect_download():
        page.click("#zip")
    before = page.locator("#history li").count()
    page.click("#remove-chosen")
    until(page, f"document.querySelectorAll('#history li').length === {before - len(with_pictures)}")
    page.click(".message button:has-text('Undo')")
    until(page, f"document.querySelectorAll('#history li').length === {before}")
    page.click("#select")
    look_at_done(page, with_pictures[0])
    page.click("#further > summary")
    page.click("#remove")
    page.wait_for_selector(f"[data-job='{with_pictures[0]}']", state="detached")
