"""The documentation site in Chromium: every page, asked of this machine alone, wide and narrow, light and dark."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mkdocs", reason="the site needs the extra 'docs'")

ROOT = Path(__file__).parents[2]


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, list[str]]]:
    """Address of the site, and the names of its pages."""
    pytest.importorskip("latex2mathml", reason="the site needs the extra 'docs'")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=os.environ)
    assert built.returncode == 0, built.stdout + built.stderr
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", sorted(path.name for path in folder.glob("*.html"))
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_every_page_asks_nothing_of_others_and_fits(chromium: Any, site: Any, width: int, scheme: str) -> None:
    address, pages = site
    context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    asked: list[str] = []
    complaints: list[str] = []
    page = context.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("response", lambda response: complaints.append(response.url) if response.status >= 400 else None)
    for name in pages:
        page.goto(f"{address}/{name}", wait_until="load")
        wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wider <= 1, f"{name} is {wider} px too wide"
        broken = page.evaluate("[...document.images].filter(image => !image.naturalWidth).map(image => image.src)")
        assert not broken, name
    context.close()
    assert {url for url in asked if not url.startswith((address, "data:", "blob:"))} == set()
    assert complaints == []
    assert len(pages) > 25


@pytest.mark.parametrize(
    ("width", "scheme"),
    [
        (1280, "light"),
        (390, "dark"),
        pytest.param(1280, "dark", marks=pytest.mark.slow),
        pytest.param(390, "light", marks=pytest.mark.slow),
    ],
)
def test_nothing_stands_in_the_way_of_readers(chromium: Any, site: Any, width: int, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-core is not installed").Axe()
    address, pages = site
    context = chromium.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce"
    )
    page = context.new_page()
    found = []
    for name in pages:
        page.goto(f"{address}/{name}")
        faults = axe.run(page).response["violations"]
        found += [(name, fault["id"], node["html"]) for fault in faults for node in fault["nodes"]]
    context.close()
    assert found == []


def test_formulas_are_formulas(chromium: Any, site: Any) -> None:
    address, names = site
    page = chromium.new_page()
    shown = {}
    for name in names:
        page.goto(f"{address}/{name}")
        page.evaluate("document.querySelectorAll('code').forEach(code => code.remove())")
        assert "$" not in page.inner_text("article"), name
        shown[name] = page.locator("article math").count()
    assert shown["how-it-works.html"] > 20
    assert page.goto(f"{address}/how-it-works.html")
    first = page.locator("article math[display=block]").first.bounding_box()
    assert first["height"] > 20
    page.close()


def test_the_site_can_be_searched(chromium: Any, site: Any) -> None:
    address, _ = site
    page = chromium.new_page()
    page.goto(f"{address}/index.html")
    page.click("input.md-search__input")
    page.locator("input.md-search__input").press_sequentially("gain map")  # the theme listens to keys
    page.wait_for_selector(".md-search-result__link")
    assert "pictures.html" in page.get_attribute(".md-search-result__link >> nth=0", "href")
    page.close()
