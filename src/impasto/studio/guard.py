"""Access to the studio: from this machine, or with the password; never for pages of other sites, and within limits."""

from __future__ import annotations

import asyncio
import base64
import binascii
import math
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

READING = frozenset(["GET", "HEAD"])
MAX_PATH = 300  # letters
MAX_JSON_BYTES = 1_000_000  # of the body of a request that is no picture
MAX_AT_ONCE = 64  # requests that are being answered, streams of events included
BODY_SECONDS = 30.0  # to wait for the next piece of a body
WHOLE_BODY_SECONDS = 60.0  # for all of one that is no picture: who sends a byte at a time is not waited for
UPLOADS = re.compile(r"/api/(pictures|clips)")
FREE_GUESSES = 3  # wrong passwords from one address without a wait
LONGEST_WAIT_SECONDS = 60.0
MAX_GUESSERS = 1000
HEADERS = {
    # The browser then lets no request of the page leave the machine.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' blob: data:; "
        "connect-src 'self'; media-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@dataclass
class Guard:
    """ASGI middleware that refuses requests from elsewhere, and those that are too large, too slow or too many.

    Parameters
    ----------
    app: what answers the others.
    hosts: the names for this machine that are answered; None: any. On the loopback address only its own are (else a
        site could point its name at it and read along).
    password: for HTTP Basic authentication, with any user name; None: no password is needed.
    """

    app: ASGIApp
    hosts: frozenset[str] | None
    password: str | None
    _at_once: int = 0
    _guesses: _Guesses = field(default_factory=lambda: _Guesses())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return

        body = _Body(scope, receive)
        begun = False

        async def send_with_headers(message: Message) -> None:
            nonlocal begun
            if body.refusal is not None and not begun:
                return  # the application only knows that there is no body; the reason is told below
            if message["type"] == "http.response.start":
                begun = True
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        refusal = self._refuse(scope, Headers(scope=scope))
        if refusal is None:
            self._at_once += 1
            try:
                await self.app(scope, body.receive, send_with_headers)
            except _BodyError:
                pass  # it is answered below
            finally:
                self._at_once -= 1
            refusal, body.refusal = body.refusal, None
        if refusal is not None and not begun:
            await refusal(scope, receive, send_with_headers)

    def _refuse(self, scope: Scope, headers: Headers) -> JSONResponse | None:
        """The answer to a request that is refused; None for one that is let in."""
        host, origin = headers.get("host", ""), headers.get("origin")
        if self.hosts is not None and _split(f"//{host}")[1] not in self.hosts:
            return _answer("the studio answers on this machine's own address only", 403)
        if len(scope["path"]) > MAX_PATH:
            return _answer("there is nothing here", 404)
        foreign = _split(origin)[0] != host if origin else headers.get("sec-fetch-site") == "cross-site"
        if foreign and scope["method"] not in READING:
            return _answer("the studio takes nothing from pages of other sites", 403)
        if self.password is not None and (refusal := self._ask_password(scope, headers.get("authorization", ""))):
            return refusal
        if self._at_once >= MAX_AT_ONCE:
            return _answer("the studio is answering too many requests: try again in a moment", 503)
        return None

    def _ask_password(self, scope: Scope, authorization: str) -> JSONResponse | None:
        address = (scope.get("client") or ("", 0))[0]
        if authorization and (wait_seconds := self._guesses.wait_seconds(address)) > 0:
            seconds = math.ceil(wait_seconds)
            line = f"too many wrong passwords from {address}: wait {seconds} s"
            return _answer(line, 429, {"Retry-After": str(seconds)})
        if _has_password(authorization, str(self.password)):
            self._guesses.forget(address)
            return None
        if authorization:
            self._guesses.add(address)
        challenge = {"WWW-Authenticate": 'Basic realm="impasto studio", charset="UTF-8"'}
        return _answer("the studio needs its password; any user name will do", 401, challenge)


class _Guesses:
    """Wrong passwords by address: after some, each doubles the wait for the next."""

    def __init__(self) -> None:
        self._wrong: OrderedDict[str, tuple[int, float]] = OrderedDict()  # number, and time of the next guess

    def add(self, address: str) -> None:
        number = self._wrong.pop(address, (0, 0.0))[0] + 1
        wait_seconds = min(LONGEST_WAIT_SECONDS, 2.0 ** (number - FREE_GUESSES)) if number >= FREE_GUESSES else 0.0
        self._wrong[address] = number, time.monotonic() + wait_seconds
        while len(self._wrong) > MAX_GUESSERS:
            self._wrong.popitem(last=False)

    def wait_seconds(self, address: str) -> float:
        return self._wrong.get(address, (0, 0.0))[1] - time.monotonic()

    def forget(self, address: str) -> None:
        self._wrong.pop(address, None)


class _BodyError(Exception):
    """A body is not taken; `_Body.refusal` says why."""


class _Body:
    """The body of a request, which ends where it is too large (pictures have limits of their own) or does not come."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self._receive = receive
        self._is_upload = scope["method"] == "POST" and UPLOADS.fullmatch(scope["path"]) is not None
        self._bytes, self._whole = 0, False
        self._until = time.monotonic() + (math.inf if self._is_upload else WHOLE_BODY_SECONDS)
        self.refusal: JSONResponse | None = None

    async def receive(self) -> Message:
        if self._whole:
            return await self._receive()
        try:
            message = await asyncio.wait_for(self._receive(), min(BODY_SECONDS, self._until - time.monotonic()))
        except TimeoutError:
            raise self._refuse("the request did not come in time: send it again", 408) from None
        self._bytes += len(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        if self._bytes > MAX_JSON_BYTES and not self._is_upload:
            raise self._refuse(f"a request may have {MAX_JSON_BYTES} bytes; pictures go to /api/pictures", 413)
        return message

    def _refuse(self, line: str, status: int) -> _BodyError:
        self.refusal = _answer(line, status, {"Connection": "close"})
        return _BodyError(line)


def _answer(line: str, status: int, headers: Mapping[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"error": line}, status, headers)


def _split(address: str) -> tuple[str, str | None]:
    """Host with port, and host alone; empty for an address that is none."""
    try:
        parts = urlsplit(address)
        return parts.netloc, parts.hostname
    except ValueError:
        return "", None


def _has_password(authorization: str, password: str) -> bool:
    kind, _, value = authorization.partition(" ")
    try:
        given = base64.b64decode(value, validate=True).partition(b":")[2]
    except (binascii.Error, ValueError):
        return False
    return kind.lower() == "basic" and secrets.compare_digest(given, password.encode())
