"""What somebody may send to the studio: each is answered with one line, 4xx, and the security headers."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("fastapi", reason="the studio needs the extra 'studio'")

from studio_site import serving

from impasto.studio.guard import HEADERS

CALLS = [
    ("POST", "/api/drafts"), ("POST", "/api/prices"), ("POST", "/api/jobs"), ("PUT", "/api/pictures/x.png/title"),
    ("POST", "/api/jobs/x/steer"), ("POST", "/api/jobs/x/final"),
]  # fmt: skip
NAMES = ["..", ".", "%2e%2e%2fetc%2fpasswd", "..%5c..", "%00", "a%00.png", "%0d%0aX: y", "x" * 99, "é" * 40, "%ff%fe",
         "shelf.json", ".hidden", "*", "[", "~", "CON", "a/b"]  # fmt: skip
BODIES = [
    b"", b"{", b"null", b"[]", b"[" * 100_000, b'"' + b"x" * 900_000, b'{"request": ' * 50_000, b"\xff\xfe",
    b'{"title": NaN}',
    b'{"title": "\\ud800"}', b'{"\\ud800": 1}', b'{"title": 1e999}', b'{"strength": Infinity}', b'{"strength": 1e400}',
    b'{"size_px": 1e30}', b'{"size_px": ' + b"9" * 5000 + b"}", b'{"request": {"photo": "\\u0000"}}',
    b'{"client_id": "' + b"a" * 5000 + b'"}', b'{"request": {"photo": "/etc/passwd", "paintings": [{"name": "../x"}]}}',
    b'{"title": "' + b"\\u202e" * 100 + b'"}',
]  # fmt: skip


@pytest.fixture(scope="module")
def sent_to(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    from impasto.studio.store import Store

    folder = tmp_path_factory.mktemp("attacked")
    store = Store(folder)
    with serving(store, folder) as client:
        yield client
    store.close()


def check(answer: httpx.Response) -> None:
    """One line, of a person's fault, with the headers."""
    assert 400 <= answer.status_code < 500, f"{answer.request.url}: {answer.status_code} {answer.text[:500]}"
    line = answer.json()["error"]
    assert line.isprintable() and 0 < len(line) < 700
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
@pytest.mark.parametrize(("method", "path"), CALLS)
def test_bodies(sent_to: httpx.Client, method: str, path: str, body: bytes) -> None:
    check(sent_to.request(method, path, content=body, headers={"Content-Type": "application/json"}))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "path", ["/api/pictures/{}", "/pictures/{}", "/drafts/{}", "/page/{}", "/jobs/{}/picture.png", "/jobs/x/{}", "/{}"]
)
def test_names(sent_to: httpx.Client, path: str, name: str) -> None:
    raw = path.format(name)
    if raw in ("/.", "/.."):
        return  # the page itself
    with socket.create_connection((sent_to.base_url.host, sent_to.base_url.port or 80), timeout=20) as wire:
        wire.sendall(f"GET {raw} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
        data = b""
        while piece := wire.recv(65_536):
            data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 4"), data[:500]
    assert all(f"{name}: ".lower().encode() in head.lower() for name in HEADERS)
    assert b"Traceback" not in body and b"root:" not in body


@pytest.mark.parametrize("edge", ["0", "-1", "1", "10000000000000", "x", "NaN", "1e3", ""])
def test_sizes_of_copies(sent_to: httpx.Client, edge: str) -> None:
    shelf = sent_to.get("/api/start").json()["shelf"]
    answer = sent_to.get(f"/pictures/{shelf[0]['name']}", params={"edge": edge})
    if answer.status_code == 200:
        assert len(answer.content) < 5_000_000
        assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
    else:
        check(answer)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30) | st.just("x.png"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["request", "photo", "paintings", "regions", "options", "size_px", "strength", "kind", "name",
                         "title", "client_id", "sequence", "recipe", "weight", "mask"]), inner, max_size=5),
    max_leaves=20,
)  # fmt: skip


@settings(max_examples=300, suppress_health_check=list(HealthCheck), derandomize=True)
@given(st.sampled_from(CALLS), values)
def test_any_json(sent_to: httpx.Client, call: tuple[str, str], value: Any) -> None:
    text = json.dumps(value)
    answer = sent_to.request(*call, content=text, headers={"Content-Type": "application/json"})
    check(answer)


def test_damaged_files_of_a_store_do_not_keep_it_from_starting(tmp_path: Path) -> None:
    from impasto.studio.store import Store

    first = Store(tmp_path / "damaged")
    first.close()
    kinds = [b"", b"[" * 100_000, b"\xff\xfe\0", b"null", b"{}", b'{"format_version": 1e999}', b'["\\ud800", 3, null]']
    for data in kinds:
        for path in (tmp_path / "damaged").rglob("*.json"):
            path.write_bytes(data)
        (tmp_path / "damaged" / "shelf.json").write_bytes(data)
        for name in ("job-x", "..job", "20260101-000000-abcdef"):
            job = tmp_path / "damaged" / "jobs" / name
            job.mkdir(parents=True, exist_ok=True)
            (job / "job.json").write_bytes(data)
            (job / "manifest.json").write_bytes(data)
        with_damage = Store(tmp_path / "damaged")
        with serving(with_damage, tmp_path) as client:
            assert client.get("/api/start").status_code == 200
            assert client.get("/api/jobs").status_code == 200
        with_damage.close()
