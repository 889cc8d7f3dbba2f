"""The addresses of files: the page, and the pictures that it shows and downloads."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Annotated, BinaryIO

from fastapi import APIRouter
from fastapi import Query as InQuery
from fastapi import Request as HttpRequest
from fastapi.responses import FileResponse, HTMLResponse, Response, StreamingResponse

from impasto.errors import NotKeptError
from impasto.studio.answerer import Answerer, Here, JobId, Name
from impasto.studio.api_page import describe_api
from impasto.studio.store import EXPORTS
from impasto.studio.zipping import file_name, zip_pictures

PAGE = Path(str(resources.files("impasto"))) / "studio" / "page"
PAGE_FILES = frozenset(path.name for path in PAGE.iterdir())
FILE_BYTES = 2**18  # of a file that are sent at once
MAX_ZIPPED = 500
# The pictures in the page with their types; under other names a picture is downloaded.
SHOWN_TYPES = {"preview.jpg": "image/jpeg", "thumbnail.jpg": "image/jpeg", "picture.png": "image/png"}
CELL = re.compile(r"cell-(\d{1,3})\.png")
files = APIRouter(include_in_schema=False)


@files.get("/")
def page() -> FileResponse:
    return FileResponse(PAGE / "index.html", headers={"Cache-Control": "no-cache"})


@files.get("/page/{name}")
def page_file(name: str) -> FileResponse:
    if name not in PAGE_FILES:
        raise NotKeptError("there is nothing here")
    return FileResponse(PAGE / name, headers={"Cache-Control": "no-cache"})


@files.get("/api")
def api_page(http: HttpRequest) -> HTMLResponse:
    return HTMLResponse(describe_api(http.app.openapi()))


@files.get("/pictures/{name}")
def picture(name: Name, here: Here, edge: int = 1600) -> FileResponse:
    copy = here.thumbnails.copy_of(here.store.find(name), edge)
    return FileResponse(copy, headers={"Cache-Control": "max-age=3600"})


@files.get("/drafts/{name}")
def draft_file(name: Name, here: Here) -> Response:
    try:
        pixels = here.store.drafts.find(name).read_bytes()
    except OSError as error:
        raise NotKeptError("this draft is not kept any more") from error
    return Response(pixels, media_type="image/jpeg", headers={"Cache-Control": "max-age=3600"})


@files.get("/jobs/{job_id}/{name}")
def job_file(job_id: JobId, name: Name, here: Here) -> Response:
    """A job's preview, thumbnail, or picture in a format for downloading."""
    view, headers = here.store.queue.view(job_id), {"Cache-Control": "no-cache"}
    if name == "time-lapse.webp" and view.time_lapse:
        return FileResponse(view.time_lapse, headers=headers, filename=file_name(view.manifest.title, ".webp"))
    if name == "time-lapse.mp4" and view.time_lapse:
        return FileResponse(
            here.store.time_lapse_film(job_id), headers=headers, filename=file_name(view.manifest.title, ".mp4")
        )
    if name == "film.mp4" and view.film:
        return FileResponse(view.film, headers=headers, filename=file_name(view.manifest.title, ".mp4"))
    if cell := CELL.fullmatch(name):
        return cell_file(here, job_id, int(cell[1]))
    if name not in SHOWN_TYPES and Path(name).suffix in EXPORTS:
        path = here.store.export(job_id, Path(name).suffix)
        return FileResponse(path, headers=headers, filename=file_name(view.manifest.title, path.suffix))
    shown = {"preview.jpg": view.preview, "thumbnail.jpg": view.thumbnail, "picture.png": view.pastiche}.get(name)
    try:
        if shown is None:
            raise FileNotFoundError
        opened = shown.open("rb")  # it may be replaced at any time, but an open file stays as it is
    except OSError as error:
        raise NotKeptError(f"there is no {name!r} of this job") from error
    headers["Content-Length"] = str(os.fstat(opened.fileno()).st_size)
    return StreamingResponse(in_pieces(opened), media_type=SHOWN_TYPES[name], headers=headers)


def cell_file(here: Answerer, job_id: str, place: int) -> FileResponse:
    """A picture of a grid."""
    cells = here.store.grid_cells(job_id)
    picture = cells[place].picture if place < len(cells) else None
    if picture is None:
        raise NotKeptError("there is no such picture in this grid (yet)")
    return FileResponse(picture, headers={"Cache-Control": "no-cache"})


@files.get("/jobs.zip")
def zip_file(job: Annotated[list[str], InQuery(max_length=MAX_ZIPPED)], here: Here) -> StreamingResponse:
    """The pictures of several jobs, each with its run record."""
    views = [here.store.queue.view(job_id) for job_id in job]
    pictures = [(view.manifest.title, view.pastiche) for view in views if view.pastiche]
    if not pictures:
        raise NotKeptError("none of these jobs has a picture yet")
    headers = {"Content-Disposition": 'attachment; filename="impasto.zip"'}
    return StreamingResponse(zip_pictures(pictures), media_type="application/zip", headers=headers)


def in_pieces(opened: BinaryIO) -> Iterator[bytes]:
    """The bytes of an open file, which is closed at the end."""
    with opened:
        while piece := opened.read(FILE_BYTES):
            yield piece
