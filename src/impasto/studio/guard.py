"""Access to the studio: from this machine, or with the password; never for pages of other sites."""

from __future__ import annotations

import base64
import binascii
import re
import secrets
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = frozenset(["127.0.0.1", "localhost", "::1"])
READING = frozenset(["GET", "HEAD"])
# The paths that the page and our clients need; gradio would answer many more.
OPEN_PATHS = re.compile(
    r"/(|config|favicon\.ico|(page|jobs|pictures|drafts)/[^/]+(/[^/]+)?"
    r"|gradio_api/(info|app_id|upload|cancel|reset|startup-events|queue/(join|data)|(run|call|heartbeat)/.+))"
)
STARTUP = "/gradio_api/startup-events"  # gradio requests it itself, once, without a password; it holds no secret
PAGE_HEADERS = {
    # The browser then lets no request of the page leave the machine.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' blob: data:; "
        "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Guard:
    """ASGI middleware that refuses requests from elsewhere.

    Parameters
    ----------
    host: the address that the studio listens on. On the loopback address only requests that name it are answered
        (else a site could point its own name at it and read along).
    password: for HTTP Basic authentication, with any user name; None: no password is needed.
    """

    def __init__(self, app: ASGIApp, *, host: str, password: str | None) -> None:
        self._app, self._password = app, password
        self._hosts = LOOPBACK if host in LOOPBACK else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        refusal = self._refuse(scope["method"], scope["path"], Headers(scope=scope))
        if refusal is not None:
            await refusal(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(PAGE_HEADERS)
            await send(message)

        await self._app(scope, receive, send_with_headers)

    def _refuse(self, method: str, path: str, headers: Headers) -> PlainTextResponse | None:
        """The answer to a request that is refused; None for one that is let in."""
        host = headers.get("host", "")
        if self._hosts is not None and urlsplit(f"//{host}").hostname not in self._hosts:
            return PlainTextResponse("the studio answers on this machine's own address only", 403)
        if not OPEN_PATHS.fullmatch(path):
            return PlainTextResponse("there is nothing here", 404)
        origin = headers.get("origin")
        foreign = urlsplit(origin).netloc != host if origin else headers.get("sec-fetch-site") == "cross-site"
        if foreign and method not in READING:
            return PlainTextResponse("the studio takes nothing from pages of other sites", 403)
        if self._password is not None and path != STARTUP and not self._has_password(headers.get("authorization", "")):
            challenge = {"WWW-Authenticate": 'Basic realm="impasto studio", charset="UTF-8"'}
            return PlainTextResponse("the studio needs its password; any user name will do", 401, challenge)
        return None

    def _has_password(self, authorization: str) -> bool:
        kind, _, value = authorization.partition(" ")
        try:
            given = base64.b64decode(value, validate=True).partition(b":")[2]
        except (binascii.Error, ValueError):
            return False
        return kind.lower() == "basic" and secrets.compare_digest(given, str(self._password).encode())
