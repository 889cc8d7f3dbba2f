"""A running studio: the store, the server, and their end."""

from __future__ import annotations

import importlib.util
import socket
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from impasto.errors import OptionError
from impasto.storage.installed import install_command
from impasto.studio.store import MAX_PIXELS, MAX_UPLOAD_BYTES, Store
from impasto.studio.thumbnails import Thumbnails

if TYPE_CHECKING:
    from impasto.studio.server import Server

LOOPBACK = frozenset(["127.0.0.1", "localhost", "::1"])
FIRST_PORT, PORTS = 7860, 100
WAITING_CONNECTIONS = 128


class Studio:
    """A running studio; `close` ends it, and stops the current job with a checkpoint.

    Parameters
    ----------
    folder: where uploads, jobs and their pictures are kept.
    host: address to listen on; any but this machine's own needs a `password`.
    port: None: the first free one from `FIRST_PORT`.
    max_upload_bytes, max_pixels: of a picture that is uploaded.
    options: fields of `PaintOptions` that every painting starts from.

    Raises `OptionError` for an address without a password, a port that is taken, or where the extra is missing.
    """

    def __init__(
        self,
        folder: Path,
        *,
        host: str = "127.0.0.1",
        port: int | None = None,
        password: str | None = None,
        max_upload_bytes: int = MAX_UPLOAD_BYTES,
        max_pixels: int = MAX_PIXELS,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        if host not in LOOPBACK and not password:
            raise OptionError(f"--host {host} lets others in: give --password too, or leave --host out")
        check_extra()
        listening = listen(host, port)
        import_module("impasto.studio.routes")  # before the store starts its workers, which load torch meanwhile
        try:
            self._store = Store(folder, max_upload_bytes=max_upload_bytes, max_pixels=max_pixels, options=options)
            thumbnails = Thumbnails(folder / "shown", max_pixels)
        except BaseException:
            listening.close()
            raise
        shown_host = f"[{host}]" if ":" in host else host
        self.url = f"http://{shown_host}:{listening.getsockname()[1]}/"
        self.notes = self._store.notes
        limits = {"max_upload_bytes": max_upload_bytes, "max_pixels": max_pixels}
        self._server = serve(self._store, thumbnails, limits, dict(options or {}), listening, host, password)

    def close(self) -> None:
        """Stop the current job, with a checkpoint, and the server."""
        self._store.queue.begin_closing()
        self._store.drafts.close()  # who waits for one is answered before the server ends
        self._server.close()
        self._store.close()


def serve(
    store: Store,
    thumbnails: Thumbnails,
    limits: Mapping[str, int],
    given: dict[str, Any],
    listening: socket.socket,
    host: str,
    password: str | None,
) -> Server:
    """Answer on a socket."""
    from impasto.studio.answerer import Answerer
    from impasto.studio.answers import Limits
    from impasto.studio.guard import Guard
    from impasto.studio.routes import build_app
    from impasto.studio.server import Server

    answerer = Answerer(store, thumbnails, Limits.model_validate(limits), given)
    hosts = LOOPBACK if host in LOOPBACK else None
    return Server(Guard(build_app(answerer), hosts, password), listening)


def check_extra() -> None:
    """Raise `OptionError` where the extra ``studio`` is not installed."""
    missing = [name for name in ("fastapi", "uvicorn") if importlib.util.find_spec(name) is None]
    if missing:
        raise OptionError(f"the studio needs {' and '.join(missing)}: {install_command('studio')}")


def listen(host: str, port: int | None) -> socket.socket:
    """A socket on the given port, else on the first free one; raises `OptionError` where there is none."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for candidate in [port] if port is not None else range(FIRST_PORT, FIRST_PORT + PORTS):
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, candidate))
            listening.listen(WAITING_CONNECTIONS)
        except OSError as error:
            listening.close()
            reason = error.strerror
        else:
            return listening
    raise OptionError(f"cannot listen on {host}, port {port or FIRST_PORT}: {reason}; give another --port")
