"""What a person does with the page."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

Page = Any


def until(page: Page, condition: str, *, seconds: float = 60) -> None:
    """Wait for a condition, in JavaScript (Playwright's own way would need the page to allow `eval`)."""
    for _ in range(int(seconds * 10)):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(100)
    pytest.fail(f"never came true: {condition}")


def choose(page: Page, photo: Path, *paintings: Path, steps: int | None = None) -> None:
    """Bring a photo, and paintings (none: flow, from the shelf)."""
    page.set_input_files("#photo-file", photo)
    page.wait_for_selector("#frame:not([hidden])")
    if paintings:
        page.set_input_files("#painting-file", list(paintings))
    else:
        page.click("#shelf [title='flow.jpg']")
    page.wait_for_selector(f".painting:nth-child({max(1, len(paintings))})")
    if steps is not None:
        set_option(page, "steps", str(steps))
        set_option(page, "stop_tolerance", "0")


def set_option(page: Page, name: str, value: str) -> None:
    """Fill in one of the options that are folded away."""
    for fold in ("more", "all"):
        if page.locator(f"#{fold}").get_attribute("open") is None:
            page.click(f"#{fold} > summary")
    field = page.locator(f"#option-{name}")
    if field.evaluate("element => element.tagName") == "SELECT":
        field.select_option(value)
    else:
        field.fill(value)


def paint(page: Page) -> str:
    """Press Paint; returns the job's id."""
    before = page.evaluate("location.hash")
    page.click("#paint:not(.stop)")
    until(page, f"location.hash.length > 1 && location.hash !== '{before}'")
    return str(page.evaluate("location.hash.slice(1)"))


def look_at(page: Page, job: str) -> None:
    """Open a job of the history; until it is there, the buttons are still those of the job before it."""
    page.click(f"[data-job='{job}']")
    until(page, f"location.hash === '#{job}'")


def wait_done(page: Page) -> None:
    page.wait_for_selector("#download:not([hidden])")


def wait_preview(page: Page) -> str:
    """Wait until something is painted; returns its address."""
    page.wait_for_selector("#after:not([hidden])")
    return str(page.locator("#after").get_attribute("src"))


def call(page: Page, name: str, *data: object) -> Any:
    """The studio's API, as the page uses it."""
    script = "([name, data]) => import('/page/api.js').then(({ api }) => api[name](...data))"
    return page.evaluate(script, [name, list(data)])


def set_slider(page: Page, name: str, value: float) -> None:
    page.locator(f"#{name}").fill(str(value))


def drop(page: Page, target: str, *files: Path) -> None:
    """Drop files from outside on a place of the page."""
    data = [(base64.b64encode(file.read_bytes()).decode(), file.name) for file in files]
    script = """(files) => {
        const transfer = new DataTransfer();
        for (const [data, name] of files) {
            const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
            transfer.items.add(new File([bytes], name));
        }
        return transfer;
    }"""
    transfer = page.evaluate_handle(script, data)
    page.dispatch_event(target, "dragover", {"dataTransfer": transfer})
    page.dispatch_event(target, "drop", {"dataTransfer": transfer})


def stroke(page: Page, *places: tuple[float, float]) -> None:
    """Draw with the mouse on the photo; places in shares of its sides."""
    box = page.locator("#brush").bounding_box()
    points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in places]
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point, steps=6)
    page.mouse.up()


def download(page: Page, suffix: str, folder: Path) -> Path:
    page.click("#download > summary")
    with page.expect_download() as waiting:
        page.click(f"[data-format={suffix}]")
    path = folder / waiting.value.suggested_filename
    waiting.value.save_as(path)
    page.click("#download > summary")
    return path
