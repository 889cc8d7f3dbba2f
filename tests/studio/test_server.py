"""Who sends no request, half of one, or none that can be read."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from studio_stores import DraftingStore

pytest.importorskip("fastapi", reason="the studio needs the extra 'studio'")

from studio_site import serving

from impasto.studio import guard, server
from impasto.studio.guard import HEADERS


@pytest.fixture
def address(drafting: DraftingStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, int]]:
    monkeypatch.setattr(server, "HEAD_SECONDS", 0.3)
    monkeypatch.setattr(server, "IDLE_SECONDS", 1)
    monkeypatch.setattr(guard, "BODY_SECONDS", 0.3)
    with serving(drafting.store, tmp_path) as client:
        yield client.base_url.host, client.base_url.port  # type: ignore[misc]


def say(address: tuple[str, int], *texts: bytes) -> bytes:
    """Send pieces, and read until the server hangs up."""
    with socket.create_connection(address, timeout=20) as connection:
        for text in texts:
            connection.sendall(text)
        answer = b""
        while piece := connection.recv(65_536):
            answer += piece
        return answer


HEAD = b"POST /api/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize("sent", [b"", b"GET / HT", b"GET /api/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nGET / HT"])
def test_half_a_head_is_not_waited_for(address: tuple[str, int], sent: bytes) -> None:
    answer = say(address, sent)
    assert answer.count(b"HTTP/1.1 200 OK") == sent.count(b"\r\n\r\n")


def test_half_a_body_is_not_waited_for(address: tuple[str, int]) -> None:
    answer = say(address, HEAD + b"Content-Length: 100\r\n\r\n{").decode()
    assert "408" in answer.splitlines()[0] and "did not come in time" in answer


def test_a_body_that_comes_by_the_byte_is_not_waited_for(
    address: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "WHOLE_BODY_SECONDS", 0.8)
    began = time.monotonic()
    with socket.create_connection(address, timeout=0.1) as connection:
        connection.sendall(HEAD + b"Content-Length: 1000\r\n\r\n{")
        while time.monotonic() < began + 10:
            try:
                answer = connection.recv(65_536)
                break
            except TimeoutError:
                connection.sendall(b" ")
    assert b"408" in answer.splitlines()[0] and time.monotonic() < began + 10


def test_a_body_that_is_too_large_is_not_read(address: tuple[str, int]) -> None:
    answer = say(address, HEAD + b"Content-Length: 300000000\r\n\r\n" + b" " * 1_100_000).decode()
    assert "413" in answer.splitlines()[0] and "pictures go to /api/pictures" in answer
    assert all(f"{name.lower()}: {value}" in answer for name, value in HEADERS.items())


def test_what_is_no_http_is_refused_with_the_headers(address: tuple[str, int]) -> None:
    answer = say(address, b"\x16\x03\x01 hello\r\n\r\n").decode()
    assert answer.startswith("HTTP/1.1 400") and all(f"{name}: {value}" in answer for name, value in HEADERS.items())


def test_too_many_connections_are_cut_off(address: tuple[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MAX_CONNECTIONS", 0)
    with contextlib.suppress(ConnectionError):
        assert say(address, b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n") == b""
