"""Who the studio answers: by hand-made requests, without gradio."""

from __future__ import annotations

import asyncio
import base64
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

pytest.importorskip("starlette", reason="the studio needs the extra 'studio'")

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from impasto.studio.guard import Guard


def ask(
    path: str = "/", *, method: str = "GET", host: str = "127.0.0.1", password: str | None = None, **headers: str
) -> httpx.Response:
    """Ask a small site behind the guard."""

    async def answer(request: Request) -> PlainTextResponse:
        return PlainTextResponse("inside")

    site = Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST"])])
    transport = httpx.ASGITransport(Guard(site, host=host, password=password))

    async def send() -> httpx.Response:
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:7860") as client:
            return await client.request(method, path, headers={k.replace("_", "-"): v for k, v in headers.items()})

    with ThreadPoolExecutor(1) as pool:  # Playwright has a loop of its own in this thread
        return pool.submit(asyncio.run, send()).result()


def basic(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


@pytest.mark.parametrize("host", ["127.0.0.1:7860", "localhost", "[::1]:7860"])
def test_this_machine_is_let_in(host: str) -> None:
    assert ask(host=host.split(":")[0] if host[0] != "[" else "::1", Host=host).text == "inside"


@pytest.mark.parametrize("host", ["evil.example", "evil.example:7860", "127.0.0.1.evil.example", ""])
def test_another_name_for_this_machine_is_not_answered(host: str) -> None:
    assert ask(Host=host).status_code == 403


def test_other_sites_pages_can_do_nothing() -> None:
    ours, theirs = "http://127.0.0.1:7860", "https://evil.example"
    path = "/gradio_api/run/delete"
    assert ask(path, method="POST", Origin=ours).text == "inside"
    assert ask(path, method="POST").text == "inside"  # a client that is no browser
    assert ask(path, method="POST", Origin=theirs).status_code == 403
    assert ask(path, method="POST", Origin="null").status_code == 403
    assert ask(path, method="POST", Sec_Fetch_Site="cross-site").status_code == 403


@pytest.mark.parametrize(
    "path",
    ["/gradio_api/file=/etc/passwd", "/monitoring", "/gradio_api/proxy=http://x", "/static/x", "/page/a/../../b/c"],
)
def test_what_no_page_of_ours_needs_is_not_there(path: str) -> None:
    assert ask(path).status_code == 404


def test_the_password() -> None:
    def given(value: str) -> int:
        return ask(host="0.0.0.0", password="söhne", Host="studio.example", Authorization=value).status_code

    assert ask(host="0.0.0.0", password="söhne", Host="studio.example").status_code == 401
    assert given(basic("anyone", "söhne")) == 200
    assert given(basic("", "söhne")) == 200
    for wrong in (basic("anyone", "sohne"), basic("söhne", ""), "Basic !!!", "Bearer secret"):
        assert given(wrong) == 401


def test_no_page_may_ask_another_machine() -> None:
    policy = ask().headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "http" not in policy
