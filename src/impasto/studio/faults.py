"""Every fault that a person can mend is answered with one line, worded as on the command line."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi import Request as HttpRequest
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from impasto.errors import ImpastoError, NotKeptError, OutputError, shorten


def answer_faults(app: FastAPI) -> None:
    """Let an application answer whatever is raised."""
    app.exception_handler(ImpastoError)(_refuse)
    app.exception_handler(RequestValidationError)(_refuse_form)
    app.exception_handler(ValidationError)(_refuse_form)
    app.exception_handler(HTTPException)(_refuse_http)
    app.exception_handler(Exception)(_fail)


def _fault(line: str, status: int) -> JSONResponse:
    return JSONResponse({"error": line}, status)


async def _refuse(http: HttpRequest, error: Exception) -> JSONResponse:
    status = 404 if isinstance(error, NotKeptError) else 503 if isinstance(error, OutputError) else 400
    return _fault(str(error), status)


async def _refuse_form(http: HttpRequest, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError | ValidationError), "it is registered for these"
    fault = error.errors()[0]
    if fault["type"] == "json_invalid":
        return _fault("the request cannot be used: its body is no JSON", 422)
    place = ".".join(str(part) for part in fault["loc"] if part not in ("body", "query", "path")) or "body"
    given = "" if fault["type"] == "missing" else f", got {shorten(fault['input'])}"
    return _fault(f"the request cannot be used: {place}: {fault['msg'].lower()}{given}", 422)


async def _refuse_http(http: HttpRequest, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException), "it is registered for it"
    line = "there is nothing here" if error.status_code == 404 else str(error.detail).lower()
    return _fault(line, error.status_code)


async def _fail(http: HttpRequest, error: Exception) -> JSONResponse:
    return _fault("the studio failed; its window says why", 500)
