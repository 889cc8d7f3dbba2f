"""What somebody may send to the studio: each is answered with one line, 4xx, and the security headers."""

from __future__ import annotations

import json
import os
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


def test_pipes_and_links_in_a_store_do_not_keep_it_from_starting(tmp_path: Path) -> None:
    from impasto.studio.store import Store

    folder = tmp_path / "sent"
    Store(folder).close()
    job = folder / "jobs" / "20260101-000000-abcdef01"
    job.mkdir()
    (tmp_path / "secret.json").write_text('{"format": 1, "pictures": ["a.png"]}')
    for put in (os.mkfifo, lambda path: path.symlink_to("/dev/zero"), lambda path: path.symlink_to("../secret.json")):
        for path in (folder / "shelf.json", folder / "uploads" / "abc.json", job / "job.json"):
            path.unlink(missing_ok=True)
            put(path)
        (folder / "uploads" / "abc.png").write_bytes(b"x")
        store = Store(folder)
        with serving(store, tmp_path) as client:
            assert client.get("/api/start").status_code == 200
            assert client.get("/api/jobs").status_code == 200
        store.close()


def test_folders_of_the_person_are_not_emptied(tmp_path: Path) -> None:
    """A folder that is given to the studio may have drafts and jobs of another kind in it."""
    from impasto.studio.store import Store
    from impasto.studio.thumbnails import Thumbnails

    mine = [
        tmp_path / name
        for name in ("drafts/novel.txt", "drafts/scan.jpg", "jobs/2026/letter.txt", "jobs/cv.pdf", "uploads/old.png",
                     "shown/me-1600.jpg", "uploading/a.png")
    ]  # fmt: skip
    for path in mine:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mine")
        os.utime(path, (0, 0))
    Store(tmp_path).close()
    Thumbnails(tmp_path / "shown", 10**6)
    assert [path.read_text() for path in mine] == ["mine"] * len(mine)


@pytest.mark.parametrize("part", ["drafts", "jobs", "uploads", "shown"])
def test_a_store_that_was_sent_leads_nowhere(tmp_path: Path, part: str) -> None:
    from impasto.errors import OutputError
    from impasto.studio.store import Store

    victim, folder = tmp_path / "home", tmp_path / "sent"
    (victim / "20260101-000000-abcdef01").mkdir(parents=True)
    (victim / "impasto-x.jpg").write_text("mine")
    victim.chmod(0o755)
    folder.mkdir()
    (folder / part).symlink_to(victim)
    with pytest.raises(OutputError, match=f"'{part}' in it is a link that leads elsewhere"):
        Store(folder)
    assert (victim / "impasto-x.jpg").read_text() == "mine" and (victim / "20260101-000000-abcdef01").is_dir()
    assert victim.stat().st_mode & 0o777 == 0o755


def test_pictures_of_a_store_that_are_links_are_not_shown(tmp_path: Path) -> None:
    from impasto.studio.store import Store

    folder, job = tmp_path / "sent", "20260101-000000-abcdef01"
    Store(folder).close()
    (tmp_path / "secret.png").write_bytes(b"mine")
    (folder / "uploads" / "0123456789abcdef.png").symlink_to("../../secret.png")
    (folder / "jobs" / job).mkdir()
    manifest = {"id": job, "state": "done", "title": "x", "created": 0, "queued": 0,
                "request": {"photo": "samples/flow.jpg", "paintings": []}}  # fmt: skip
    (folder / "jobs" / job / "job.json").write_text(json.dumps(manifest))
    (folder / "jobs" / job / f"impasto-{job}.png").symlink_to("../../../secret.png")
    store = Store(folder)
    with serving(store, tmp_path) as client:
        for path in ("/pictures/0123456789abcdef.png", f"/jobs/{job}/picture.png"):
            check(client.get(path))
    assert any("is a link" in note for note in store.notes)
    store.close()
