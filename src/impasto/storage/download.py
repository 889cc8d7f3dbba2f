"""Downloads: into a partial file that a broken one goes on from, and verified before anybody uses them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from impasto.events import Event, FetchProgressed, Notice
from impasto.storage.files import format_bytes

if TYPE_CHECKING:
    import httpx

TIMEOUT_SECONDS = 30.0  # without a byte
_WEB_PAGE = "the server sends a web page, for a login or an error"


class DownloadError(Exception):
    """A download that did not succeed; the text says which and why."""


@dataclass(frozen=True)
class PublishedFile:
    """A file on the network, and what is published of it; without size and digest nothing can be verified.

    Attributes
    ----------
    algorithm, digest: the published hash, in hexadecimal.
    """

    url: str
    size_bytes: int | None = None
    algorithm: str = "sha256"
    digest: str | None = None

    @property
    def name(self) -> str:
        """The last part of the address."""
        return self.url.rpartition("/")[2]

    def differences(self, path: Path) -> str:
        """Say how a file differs from the published one; empty: it does not. Raises `OSError`."""
        with path.open("rb") as stream:
            size = path.stat().st_size
            if self.size_bytes is not None and size != self.size_bytes:
                page = ", and it is a web page" if stream.read(64).lstrip().startswith(b"<") else ""
                return f"it has {size:,} bytes, expected {self.size_bytes:,}{page}"
            if self.digest is None:
                return ""
            algorithm = partial(hashlib.new, self.algorithm, usedforsecurity=False)
            digest = hashlib.file_digest(stream, algorithm).hexdigest()
        if digest == self.digest:
            return ""
        return f"its {self.algorithm.upper()} is {digest}, expected {self.digest}"


def iter_download(file: PublishedFile, part: Path) -> Iterator[Event]:
    """Download a file to `part` and verify it, yielding progress; what an earlier attempt left there is used.

    Raises `DownloadError` where it cannot be had whole, and `OSError` where it cannot be written.
    """
    size = "" if file.size_bytes is None else f" ({format_bytes(file.size_bytes)})"
    yield Notice(f"fetching {file.url}{size}")
    if file.size_bytes is None:  # nothing would say whether the parts are those of one file
        part.unlink(missing_ok=True)
    resumed = _size(part) > 0
    yield from _iter_connections(file, part)
    differences = file.differences(part)
    if differences and resumed:
        yield Notice(f"what an earlier download left does not fit ({differences}): fetching all of it again")
        part.unlink()
        yield from _iter_connections(file, part)
        differences = file.differences(part)
    if differences:
        part.unlink()
        raise DownloadError(f"{file.url}: it did not give the published file: {differences}")


def _iter_connections(file: PublishedFile, part: Path) -> Iterator[Event]:
    """Connect again as long as each connection brings something."""
    import httpx

    while (have := _size(part)) < (file.size_bytes or 1):
        reason = "the connection ends early"
        try:
            yield from _iter_receive(file, part, have)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            reason = str(error) or type(error).__name__
            if file.size_bytes is None:
                part.unlink(missing_ok=True)
        if _size(part) <= have:
            raise DownloadError(f"{file.url}: {reason}")


def _iter_receive(file: PublishedFile, part: Path, have: int) -> Iterator[Event]:
    """One connection: append to `part` from `have` on, or start over where the server knows no ranges."""
    import httpx

    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with httpx.stream("GET", file.url, headers=headers, follow_redirects=True, timeout=TIMEOUT_SECONDS) as response:
        if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
            part.unlink(missing_ok=True)
        have = have if response.status_code == httpx.codes.PARTIAL_CONTENT else 0
        total = _announced_bytes(file, response, have)
        with part.open("ab" if have else "wb") as stream:
            for chunk in response.iter_raw():
                if not have and chunk.lstrip().startswith(b"<"):
                    raise DownloadError(f"{file.url}: {_WEB_PAGE}")
                before, have = have, have + len(chunk)
                stream.write(chunk)
                if total is not None and have > total:
                    break
                if total and 100 * before // total != 100 * have // total:
                    yield FetchProgressed(file.name, have, total)


def _announced_bytes(file: PublishedFile, response: httpx.Response, have: int) -> int | None:
    """Size of the whole file, None where neither server nor publisher says it; `DownloadError` for another answer."""
    if response.status_code not in (200, 206):
        raise DownloadError(f"{file.url}: the server answers {response.status_code} {response.reason_phrase}")
    if response.headers.get("Content-Type", "").startswith("text/html"):
        raise DownloadError(f"{file.url}: {_WEB_PAGE}")
    if "Content-Length" not in response.headers:
        return file.size_bytes
    total = have + int(response.headers["Content-Length"])
    if file.size_bytes not in (None, total):
        raise DownloadError(f"{file.url}: the server sends {total:,} bytes, not {file.size_bytes:,}")
    return total


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
