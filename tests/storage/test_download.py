"""Downloads of a file of which little is published; those of weights are in tests/encoders/test_fetch.py."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from weights_server import Web, serve

from impasto.events import Event, FetchProgressed, Notice
from impasto.storage.download import DownloadError, PublishedFile, iter_download

BODY = bytes(range(256)) * 800


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    """A server of `BODY`."""
    for variable in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    with serve(BODY) as web:
        yield web


def download(file: PublishedFile, part: Path) -> list[Event]:
    return list(iter_download(file, part))


def test_a_file_of_which_nothing_is_published(web: Web, tmp_path: Path) -> None:
    events = download(PublishedFile(web.url), tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == BODY
    assert events[0] == Notice(f"fetching {web.url}")
    assert events[-1] == FetchProgressed("tiny_notop.h5", len(BODY), len(BODY))


def test_nobody_says_how_long_it_is(web: Web, tmp_path: Path) -> None:
    web.says_length = False
    assert len(download(PublishedFile(web.url), tmp_path / "part")) == 1  # no progress of an unknown whole
    assert (tmp_path / "part").read_bytes() == BODY


def test_of_an_unknown_size_nothing_is_gone_on_from(web: Web, tmp_path: Path) -> None:
    (tmp_path / "part").write_bytes(b"of something else")
    web.cut_after = [1000]
    with pytest.raises(DownloadError, match=r"tiny_notop\.h5: "):
        download(PublishedFile(web.url), tmp_path / "part")
    assert not (tmp_path / "part").exists()
    download(PublishedFile(web.url), tmp_path / "part")
    assert web.asked == [None, None]
    assert (tmp_path / "part").read_bytes() == BODY


def test_a_digest_without_a_size_is_verified(web: Web, tmp_path: Path) -> None:
    download(PublishedFile(web.url, digest=hashlib.sha256(BODY).hexdigest()), tmp_path / "part")
    with pytest.raises(DownloadError, match=f"did not give the published file: its SHA256 is .*, expected {64 * '0'}"):
        download(PublishedFile(web.url, digest=64 * "0"), tmp_path / "part")
    assert not (tmp_path / "part").exists()


@pytest.mark.parametrize("fault", [{"status": 404}, {"body": b""}, {"content_type": "text/html"}, {"body": b"<html>"}])
def test_what_is_no_answer(web: Web, tmp_path: Path, fault: dict[str, object]) -> None:
    for name, value in fault.items():
        setattr(web, name, value)
    with pytest.raises(DownloadError, match=r"^http://127\.0\.0\.1"):
        download(PublishedFile(web.url), tmp_path / "part")


@pytest.mark.parametrize("address", ["http://[half", "http://host:port/model", "nonsense://host/model"])
def test_what_is_no_address(tmp_path: Path, address: str) -> None:
    with pytest.raises(DownloadError, match=re.escape(address)):
        list(iter_download(PublishedFile(address), tmp_path / "part"))


def test_differences_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"abc")
    digest = hashlib.md5(b"abc").hexdigest()
    assert PublishedFile("http://x/a.bin", 3, "md5", digest).differences(tmp_path / "file") == ""
    assert PublishedFile("http://x/a.bin", 4).differences(tmp_path / "file") == "it has 3 bytes, expected 4"
    assert (
        PublishedFile("http://x/a.bin", 3, "md5", "f").differences(tmp_path / "file")
        == f"its MD5 is {digest}, expected f"
    )
    (tmp_path / "file").write_bytes(b"\n<html>")
    assert PublishedFile("http://x/a.bin", 3).differences(tmp_path / "file").endswith(", and it is a web page")
    assert PublishedFile("http://x/folder/a.bin").name == "a.bin"
