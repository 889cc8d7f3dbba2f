"""A studio as people start it, and Chromium without a screen to use it with."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from studio_server import LIMITS, SMALL, Page, Server

pytest.importorskip("fastapi", reason="the studio needs the extra 'studio'")
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def start_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Server]]:
    """Start a studio with a folder of its own and some flags."""
    servers: list[Server] = []

    def start(*flags: str) -> Server:
        servers.append(Server(tmp_path_factory.mktemp("studio") / "folder", *flags))
        return servers[-1]

    yield start
    for server in servers:
        if server._process.poll() is None:
            server.stop()


@pytest.fixture(scope="session")
def server(start_server: Callable[..., Server]) -> Server:
    """The studio that most tests share."""
    return start_server(*SMALL, *LIMITS)


@pytest.fixture(scope="package")  # not longer: other tests dislike its loop in their thread
def chromium() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("there is no Chromium here (Debian: apt-get install chromium)")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Any, server: Server) -> Iterator[Callable[..., Page]]:
    """Open a tab; whatever a page asks for must be on this machine, and it must not complain in its console."""
    contexts: list[Any] = []
    asked: list[str] = []
    complaints: list[str] = []

    def open_tab(url: str = server.url, *, width: int = 1280, height: int = 800, scheme: str = "light") -> Page:
        # A phone has more pixels than it says; a finger; and no mouse.
        phone = {"device_scale_factor": 2, "has_touch": True} if width < 500 else {}
        context = chromium.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce", **phone
        )
        context.set_default_timeout(60_000)
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("websocket", lambda socket: asked.append(socket.url))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.goto(url)
        page.wait_for_selector("body[data-ready]")
        return page

    yield open_tab
    for context in contexts:
        context.close()
    away = [url for url in asked if not re.match(r"(http://127\.0\.0\.1:\d+/|blob:http://127\.0\.0\.1:|data:)", url)]
    assert not away, "the page asked another machine"
    # What the studio refuses (4xx) Chromium reports as an error: that is no bug of the page.
    bugs = [text for text in complaints if not re.match(r"Failed to load resource: .*(400|404|422|ERR_)", text)]
    assert not bugs


@pytest.fixture
def page(open_page: Callable[..., Page]) -> Page:
    return open_page()
