"""A studio's server in this process, over a store of a test."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx

from impasto.studio.app import serve
from impasto.studio.store import Store
from impasto.studio.thumbnails import Thumbnails

LIMITS = {"max_upload_bytes": 10**6, "max_pixels": 10**6}


@contextlib.contextmanager
def serving(store: Store, folder: Path, password: str | None = None, host: str = "127.0.0.1") -> Iterator[httpx.Client]:
    """Serve a store, and give a client of it; at the end the server is closed, and the store is left open."""
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    server = serve(store, Thumbnails(folder / "shown", 10**6), LIMITS, {"threads": 1}, listening, host, password)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            yield client
    finally:
        store.queue.begin_closing()
        server.close()
