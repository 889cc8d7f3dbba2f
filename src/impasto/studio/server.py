"""The server: uvicorn in a thread, with limits on how long a request may take to come."""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import Any

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from impasto.studio.guard import HEADERS

HEAD_SECONDS = 15.0  # for the head of a request to come
IDLE_SECONDS = 30  # for which a connection stays open without one
END_SECONDS = 3  # for answers that are on their way when the studio ends
MAX_CONNECTIONS = 256


class ImpatientProtocol(H11Protocol):
    """Hangs up on who connects and sends no request, or half of one."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > MAX_CONNECTIONS:
            transport.abort()
            return
        self._deadline = self.loop.call_later(HEAD_SECONDS, transport.close)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        asks = self.conn.their_state is not h11.IDLE  # the head of a request is here
        if asks and self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        elif not asks and self._deadline is None and not self.transport.is_closing():
            self._deadline = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, with the headers that every answer has."""
        lines = ["HTTP/1.1 400 Bad Request", "Content-Type: text/plain; charset=utf-8", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in HEADERS.items()]
        self.transport.write("\r\n".join([*lines, "", msg]).encode())
        self.transport.close()


class Server:
    """A server that listens on a socket, from now until `close`."""

    def __init__(self, app: ASGIApp, listening: socket.socket) -> None:
        self._server = uvicorn.Server(
            uvicorn.Config(
                app,
                http=ImpatientProtocol,
                ws="none",
                lifespan="off",
                log_level="error",
                access_log=False,
                server_header=False,
                timeout_keep_alive=IDLE_SECONDS,
                timeout_graceful_shutdown=END_SECONDS,
            )
        )
        arguments: dict[str, Any] = {"sockets": [listening]}
        self._thread = threading.Thread(target=self._server.run, kwargs=arguments, name="server", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Answer what is on its way, and end."""
        self._server.should_exit = True
        self._thread.join()
