"""A published weight file of our own and a server that has it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest
from weights_server import TINY, Web, serve, tiny_source, write_published

from impasto.encoders import conversion
from impasto.encoders.sources import SOURCES, Source


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The file's bytes."""
    path = tmp_path_factory.mktemp("published") / "tiny.h5"
    write_published(path)
    return path.read_bytes()


@pytest.fixture
def web(published: bytes) -> Iterator[Web]:
    """A server of `published`."""
    with serve(published) as web:
        yield web


@pytest.fixture
def source(web: Web, published: bytes, monkeypatch: pytest.MonkeyPatch) -> Source:
    """``vgg19`` as that server publishes it."""
    for variable in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    source = tiny_source(web.url, len(published), hashlib.md5(published).hexdigest())
    monkeypatch.setitem(SOURCES, "vgg19", source)
    monkeypatch.setattr(conversion, "VGG19", TINY)
    return source
