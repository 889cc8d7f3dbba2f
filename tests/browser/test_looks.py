"""How the page looks and reads: at two sizes, in light and dark; pictures of every state are kept to be looked at."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hands import choose, paint, stroke, wait_done, wait_preview
from looks import FAINT, LOOKS, SAMPLES, UNNAMED, UNTOUCHABLE
from matplotlib.cbook import get_sample_data
from studio_server import Page, show

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-core is not installed").Axe()


def violations(page: Page) -> list[str]:
    """What axe-core finds."""
    found = axe.run(page).response["violations"]
    return [f"{fault['id']}: {node['html'][:120]}" for fault in found for node in fault["nodes"]]


@pytest.mark.parametrize(("width", "height", "scheme"), LOOKS)
def test_every_state(open_page: Callable[..., Page], width: int, height: int, scheme: str) -> None:
    page = open_page(width=width, height=height, scheme=scheme)
    kind = "phone" if width < 500 else "desktop"

    def look(state: str) -> None:
        page.wait_for_timeout(150)
        show(page, f"{kind}-{scheme}-{state}")
        assert page.evaluate(UNNAMED) == []
        assert page.evaluate(UNTOUCHABLE) == []
        assert page.evaluate(FAINT) == []
        assert violations(page) == []
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
    page.click("#full-close")
    page.click("#try-open")
    page.wait_for_selector("#try-list img[alt='Draft after woodcut']")
    page.click("#try-list button")
    look("10-all-of-them")
    page.click("#try-close")
    page.click("#further > summary")
    box = page.locator("#further ul").bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= width, "the menu is cut off"
    page.click("#print-open")
    look("11-print")
    page.click("#print-close")
    page.click("#select")
    page.click("#history button")
    look("12-chosen")
    page.click("#select")
