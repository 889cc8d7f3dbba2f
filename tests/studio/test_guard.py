"""Who the studio answers: by hand-made requests, without a server."""

from __future__ import annotations

import asyncio
import base64
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

pytest.importorskip("fastapi", reason="the studio needs the extra 'studio'")

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from impasto.studio import guard as guard_module
from impasto.studio.app import LOOPBACK
from impasto.studio.guard import HEADERS, Guard


def ask(
    path: str = "/",
    *,
    method: str = "GET",
    host: str = "127.0.0.1",
    password: str | None = None,
    guard: Guard | None = None,
    **headers: str,
) -> httpx.Response:
    """Ask a small site behind the guard."""

    async def answer(request: Request) -> PlainTextResponse:
        return PlainTextResponse("inside")

    site = Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST"])])
    transport = httpx.ASGITransport(guard or Guard(site, LOOPBACK if host in LOOPBACK else None, password))

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


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:7860", "127.0.0.1.evil.example", "", "[::1", "[", "a@b:c"]
)
def test_another_name_for_this_machine_is_not_answered(host: str) -> None:
    assert ask(Host=host).status_code == 403


def test_other_sites_pages_can_do_nothing() -> None:
    ours, theirs = "http://127.0.0.1:7860", "https://evil.example"
    path = "/api/jobs"
    assert ask(path, method="POST", Origin=ours).text == "inside"
    assert ask(path, method="POST").text == "inside"  # a client that is no browser
    assert ask(path, method="POST", Origin=theirs).status_code == 403
    assert ask(path, method="POST", Origin="null").status_code == 403
    assert ask(path, method="POST", Origin="http://[::1").status_code == 403
    assert ask(path, method="POST", Sec_Fetch_Site="cross-site").status_code == 403


def test_a_path_without_end_is_not_there() -> None:
    assert ask("/" + "x" * 5000).status_code == 404


def test_the_password() -> None:
    def given(value: str) -> int:
        return ask(host="0.0.0.0", password="söhne", Host="studio.example", Authorization=value).status_code

    assert ask(host="0.0.0.0", password="söhne", Host="studio.example").status_code == 401
    assert given(basic("anyone", "söhne")) == 200
    assert given(basic("", "söhne")) == 200
    for wrong in (basic("anyone", "sohne"), basic("söhne", ""), "Basic !!!", "Bearer secret"):
        assert given(wrong) == 401


def site(password: str) -> Guard:
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse("inside")(scope, receive, send)

    return Guard(answer, None, password)


def test_wrong_passwords_make_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(guard_module.time, "monotonic", lambda: now)
    guard = site("right")

    def guess(password: str) -> httpx.Response:
        return ask(guard=guard, Authorization=basic("me", password))

    assert [guess("wrong").status_code for _ in range(guard_module.FREE_GUESSES + 2)] == [401] * 3 + [429] * 2
    assert guess("right").status_code == 429, "who guesses is not told"
    assert ask(guard=guard).status_code == 401, "to ask for the page is no guess"
    now += int(guess("right").headers["Retry-After"])
    assert guess("wrong").status_code == 401
    assert int(guess("wrong").headers["Retry-After"]) == 2, "every wrong one doubles the wait"
    now += 2
    assert guess("right").text == "inside"
    assert guess("wrong").status_code == guess("wrong").status_code == 401, "and it begins again"


def test_too_many_at_once_are_asked_to_wait() -> None:
    guard = site("right")
    guard._at_once = guard_module.MAX_AT_ONCE
    assert ask(guard=guard, Authorization=basic("me", "right")).status_code == 503


def test_no_page_may_ask_another_machine_and_every_answer_says_so() -> None:
    policy = HEADERS["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "http" not in policy
    for answer in (
        ask(),
        ask(Host="evil"),
        ask(method="POST", Origin="https://evil"),
        ask(host="0.0.0.0", password="x"),
    ):
        assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
