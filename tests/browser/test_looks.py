"""How the page looks and reads: at two sizes, in light and dark; pictures of every state are kept to be looked at."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from matplotlib.cbook import get_sample_data

from .conftest import Page, show
from .hands import choose, paint, stroke, wait_done, wait_preview

SAMPLES = Path(__file__).parents[2] / "src" / "impasto" / "inputs" / "samples"
LOOKS = [(w, h, scheme) for w, h in ((1280, 800), (390, 844)) for scheme in ("light", "dark")]

# Names of what can be operated and has no name; texts with too little contrast against what is behind them.
UNNAMED = """() => [...document.querySelectorAll("button, input, select, summary, a[href], canvas, img, dialog")]
    .filter((e) => e.checkVisibility() || e.type === "file")
    .filter((e) => !(e.ariaLabel || e.alt || e.textContent.trim() || e.labels?.[0]?.textContent.trim() || e.title)
        && !(e.tagName === "IMG" && e.closest("button[aria-label]")))
    .map((e) => e.outerHTML.slice(0, 120))"""
FAINT = """() => {
    const pen = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const rgba = (color) => {
        pen.clearRect(0, 0, 1, 1);
        pen.fillStyle = color;
        pen.fillRect(0, 0, 1, 1);
        return [...pen.getImageData(0, 0, 1, 1).data];
    };
    const light = (color) => color.slice(0, 3).map((v) => v / 255)
        .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
    const behind = (element) => {
        for (let at = element; at; at = at.parentElement) {
            const color = rgba(getComputedStyle(at).backgroundColor);
            if (color[3] > 200) return color;
        }
        return [255, 255, 255, 255];
    };
    const faint = [];
    for (const element of document.querySelectorAll("body *")) {
        const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
        if (!own || !element.checkVisibility() || element.closest(":disabled, script, svg")) continue;
        if (!element.getClientRects().length) continue;
        const [a, b] = [light(rgba(getComputedStyle(element).color)), light(behind(element))].sort((x, y) => y - x);
        const contrast = (a + 0.05) / (b + 0.05);
        if (contrast < 4.5) faint.push(`${element.textContent.trim().slice(0, 40)}: ${contrast.toFixed(2)}`);
    }
    return faint;
}"""


@pytest.mark.parametrize(("width", "height", "scheme"), LOOKS)
def test_every_state(open_page: Callable[..., Page], width: int, height: int, scheme: str) -> None:
    page = open_page(width=width, height=height, scheme=scheme)
    kind = "phone" if width < 500 else "desktop"

    def look(state: str) -> None:
        page.wait_for_timeout(150)
        show(page, f"{kind}-{scheme}-{state}")
        assert page.evaluate(UNNAMED) == []
        assert page.evaluate(FAINT) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width, "it must not scroll sideways"

    look("1-empty")
    photo = Path(get_sample_data("grace_hopper.jpg", asfileobj=False))
    choose(page, photo, SAMPLES / "flow.jpg", steps=4000)
    page.click("#more > summary")
    page.evaluate("scrollTo(0, 0)")
    look("2-ready")
    paint(page)
    wait_preview(page)
    page.wait_for_timeout(1500)
    look("3-painting")
    page.click("#paint.stop")
    wait_done(page)
    look("4-stopped")
    page.click("#compare-on")
    look("5-before-after")
    page.click("#brush-open")
    stroke(page, (0.4, 0.2), (0.6, 0.3), (0.5, 0.45))
    look("6-brush")
    page.click("#brush-undo")  # else a draft of what was brushed takes the picture's place
    page.click("#brush-done")
    page.click("#download > summary")
    look("7-download")
    page.click("#download > summary")
    page.click("#more > summary")
    page.locator("#more").scroll_into_view_if_needed()
    look("8-more")
    page.click("#full-on")
    look("9-full-size")
