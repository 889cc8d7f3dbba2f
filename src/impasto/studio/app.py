"""The studio's server: the page, the API that the page and other clients use, and the pictures.

The page is our own (``page/``); gradio brings the server and the API, which `gradio_client` speaks.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import inspect
import os
import shutil
import socket
from collections.abc import Callable, Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Any, BinaryIO, ParamSpec, TypeVar

from pydantic import ValidationError

from impasto.errors import ImpastoError, InputError, OptionError, OutputError, first_fault
from impasto.options.fields import PaintOptions
from impasto.options.recipes import describe_recipe, load_recipe, recipe_names
from impasto.options.spelling import describe_bounds, describe_default, describe_values, option_group
from impasto.studio.guard import LOOPBACK
from impasto.studio.job import JobView
from impasto.studio.request import FINAL_SIZE_PX, Request
from impasto.studio.store import EXPORTS, MAX_PIXELS, MAX_UPLOAD_BYTES, Store
from impasto.studio.thumbnails import Thumbnails, has_record
from impasto.version import __version__

P = ParamSpec("P")
R = TypeVar("R")

FIRST_PORT, PORTS = 7860, 100
PAGE = Path(str(resources.files("impasto"))) / "studio" / "page"
PIECE_BYTES = 2**18
# The pictures in the page with their types; under other names a picture is downloaded.
SHOWN_TYPES = {"preview.jpg": "image/jpeg", "thumbnail.jpg": "image/jpeg", "picture.png": "image/png"}


class Studio:
    """A running studio; `close` ends it, and stops the current job with a checkpoint.

    Parameters
    ----------
    folder: where uploads, jobs and their pictures are kept.
    host: address to listen on; any but this machine's own needs a `password`.
    port: None: the first free one from `FIRST_PORT`.
    max_upload_bytes, max_pixels: of a picture that is uploaded.
    options: fields of `PaintOptions` that every painting starts from.

    Raises `OptionError` for an address without a password, a port that is taken, or where gradio is missing.
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
        port = find_port(host, port)
        self._uploading = folder / "uploading"  # gradio's copies, until the store has its own
        os.environ["GRADIO_TEMP_DIR"] = str(self._uploading)
        os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
        gradio = load_gradio()
        self._store = Store(folder, max_upload_bytes=max_upload_bytes, max_pixels=max_pixels, options=options)
        shutil.rmtree(self._uploading, ignore_errors=True)
        limits = {"max_upload_bytes": max_upload_bytes, "max_pixels": max_pixels}
        api = StudioApi(self._store, folder, self._uploading, limits, dict(options or {}))
        server = build_server(gradio, api, host, password)
        _, self.url, _ = server.launch(
            prevent_thread_lock=True,
            quiet=True,
            server_name=host,
            server_port=port,
            share=False,
            run_history=False,
            ssr_mode=False,
            mcp_server=False,
            pwa=False,
            enable_monitoring=False,
            max_file_size=max_upload_bytes,
            _frontend=False,
        )
        self._blocks = server.get_blocks()
        self.notes = self._store.notes

    def close(self) -> None:
        """Stop the current job, with a checkpoint, and the server."""
        self._blocks.close(verbose=False)
        self._store.close()
        shutil.rmtree(self._uploading, ignore_errors=True)


class StudioApi:
    """The functions of the API that are more than one call of the store. Here pictures have names, never paths."""

    def __init__(
        self, store: Store, folder: Path, uploading: Path, limits: Mapping[str, int], options: Mapping[str, Any]
    ) -> None:
        self.store, self._uploads, self._uploading = store, folder / "uploads", uploading
        self._limits, self._options = limits, options
        self.thumbnails = Thumbnails(folder / "shown", limits["max_pixels"])
        self._bundled = {picture.path.name: picture.path for picture in store.shelf() if picture.bundled}

    @property
    def functions(self) -> dict[str, Callable[..., Any]]:
        """The functions of the API by name."""
        queue = self.store.queue
        methods = (self.start, self.add, self.measure, self.shelve, self.unshelve, self.draft, self.paint, self.view,
               self.history, self.restore, self.grid, self.final)  # fmt: skip
        return {f.__name__: f for f in (*methods, queue.stop, queue.go_on, queue.cancel, queue.delete, queue.steer)}

    def start(self) -> dict[str, Any]:
        """Everything that the page needs at first: the shelf, recipes, options, limits."""
        shelf = [{"name": p.path.name, "title": p.name, "bundled": p.bundled} for p in self.store.shelf()]
        recipes = [
            {
                "name": name,
                "description": describe_recipe(name),
                "keep_detail": load_recipe(name).get("keep_detail", 0),
            }
            for name in recipe_names()
            if is_for_pairs(name)
        ]
        return {
            "version": __version__,
            "shelf": shelf,
            "recipes": recipes,
            "options": [describe(name) for name in PaintOptions.model_fields],
            "given": {name: value for name, value in self._options.items() if name in PaintOptions.model_fields},
            "limits": dict(self._limits),
            "final_size_px": FINAL_SIZE_PX,
        }

    def add(self, file: dict) -> dict[str, Any]:  # type: ignore[type-arg]
        """Keep an uploaded picture; its name here, its title, size, and whether it is a pastiche to restore from."""
        path = Path(str(file.get("path", "")))
        title = str(file.get("orig_name") or path.name)
        if self._uploading.resolve() not in path.resolve().parents or not path.is_file():
            raise InputError(f"{title!r} has not been uploaded; upload it first")
        try:
            picture = self.store.keep_upload(path, title)
        finally:
            shutil.rmtree(path.parent, ignore_errors=True)
        with contextlib.suppress(OutputError):  # the first draft reports it
            self.store.drafts.prepare()  # a person who adds a picture will look at drafts of it
        return self.measure(picture.name) | {"pastiche": has_record(picture)}

    def measure(self, name: str) -> dict[str, Any]:
        """Name, title and size of a picture."""
        path = self.find(name)
        width_px, height_px = self.thumbnails.size_of(path)
        return {"name": path.name, "title": self.store.uploads.name_of(path), "width": width_px, "height": height_px}

    def shelve(self, name: str) -> None:
        """Put an uploaded painting or style file on the shelf."""
        self.store.shelve(self.find(name))

    def unshelve(self, name: str) -> None:
        """Take a painting off the shelf."""
        self.store.unshelve(self.find(name))

    def paint(self, request: dict) -> str:  # type: ignore[type-arg]
        """Put a painting into the queue; returns the job's id. `request` as in `Request`, with names for paths."""
        return self.store.submit(self._parse(request))

    def draft(self, request: dict, client_id: str = "", sequence: int = 0) -> dict | None:  # type: ignore[type-arg]
        """Draft what `paint` would paint: the picture's address, and the settings that it leaves out.

        None if the client asks for another draft, with a higher `sequence`, before this one is begun.
        """
        draft = self.store.draft(self._parse(request), client_id, sequence)
        if draft is None:
            return None
        return {"picture": f"/drafts/{draft.path.name}", "left_out": list(draft.left_out)}

    def view(self, job_id: str, losses: bool = False) -> dict[str, Any]:
        """State, progress and pictures of a job."""
        view = self.store.queue.view(job_id)
        return self._describe(view) | ({"losses": view.manifest.losses} if losses else {})

    def history(self) -> list:  # type: ignore[type-arg]
        """All jobs, newest first, in brief."""
        brief = ("id", "kind", "state", "title", "thumbnail", "created", "position", "share_done")
        views = map(self._describe, self.store.queue.history())
        return [{name: view[name] for name in brief} for view in views]

    def restore(self, name: str) -> dict[str, Any]:
        """The settings that a pastiche was painted with, and the names of the inputs that are not here."""
        restored = self.store.restore(self.find(name))
        return {"request": self._dump(restored.request), "missing": list(restored.missing)}

    def grid(self, job_id: str) -> str:
        """Queue a grid, strength x painting, of a job; returns its id."""
        return self.store.submit(self.store.queue.view(job_id).request.as_grid())

    def final(self, job_id: str, size_px: int = FINAL_SIZE_PX) -> str:
        """Queue a larger version of a job that has a picture; returns its id."""
        return self.store.submit(self.store.queue.view(job_id).request.as_final(job_id, int(size_px)))

    # ------------------------------------------------------------------------ files, by their names

    def find(self, name: str) -> Path:
        """The path of an uploaded or bundled picture."""
        path = self._bundled.get(name) or self._uploads / Path(name).name
        if not path.is_file():
            raise OptionError(f"there is no picture {name!r} here; upload it first")
        return path

    def job_file(self, job_id: str, name: str) -> Path:
        """A job's preview, thumbnail, or picture in a format for downloading."""
        view = self.store.queue.view(job_id)
        pictures = {"preview.jpg": view.preview, "thumbnail.jpg": view.thumbnail, "picture.png": view.pastiche}
        if name not in pictures and Path(name).suffix in EXPORTS:
            return self.store.export(job_id, Path(name).suffix)
        path = pictures.get(name)
        if path is None:
            raise OptionError(f"there is no {name!r} of this job")
        return path

    # --------------------------------------------------------------------------------------- helpers

    def _parse(self, request: dict) -> Request:  # type: ignore[type-arg]
        """A request of the page, with paths for names."""
        return Request.model_validate(request).with_paths(lambda path: self.find(str(path)))

    def _dump(self, request: Request) -> dict[str, Any]:
        """A request with names for paths, and the titles of its pictures."""
        titles = {path.name: self.store.uploads.name_of(path) for path in request.files}
        return request.with_paths(lambda path: Path(path.name)).model_dump(mode="json") | {"titles": titles}

    def _describe(self, view: JobView) -> dict[str, Any]:
        address = f"/jobs/{view.id}"
        version = f"?{view.preview_version}-{view.state}"
        return {
            **view.manifest.model_dump(include={"id", "state", "title", "created", "error", "notices"}),
            **view.progress.model_dump(),
            "kind": view.request.kind,
            "position": view.position,
            "can_go_on": view.can_go_on,
            "resumable": view.resumable,
            "request": self._dump(view.request),
            "preview_version": view.preview_version,
            "preview": f"{address}/preview.jpg{version}" if view.preview else None,
            "thumbnail": f"{address}/thumbnail.jpg{version}" if view.thumbnail else None,
            "picture": f"{address}/picture.png{version}" if view.pastiche else None,
        }


def build_server(gradio: Any, api: StudioApi, host: str, password: str | None) -> Any:
    """The server before it listens: the API, the page, the pictures."""
    from fastapi.responses import FileResponse, PlainTextResponse, Response, StreamingResponse
    from fastapi.staticfiles import StaticFiles

    from impasto.studio.guard import Guard

    server = gradio.Server(title="impasto studio", version=__version__, docs_url=None, redoc_url=None, openapi_url=None)
    for name, function in api.functions.items():
        server.api(in_one_line(function, gradio.Error), name=name, queue=False)

    def page() -> Response:
        return FileResponse(PAGE / "index.html", headers={"Cache-Control": "no-cache"})

    def picture(name: str, edge: int = 1600) -> Response:
        try:
            return FileResponse(api.thumbnails.copy_of(api.find(name), edge), headers={"Cache-Control": "max-age=3600"})
        except ImpastoError as error:
            return PlainTextResponse(str(error), 404)

    def job_file(job: str, name: str) -> Response:
        headers = {"Cache-Control": "no-cache"}
        try:
            path = api.job_file(job, name)
            if name in SHOWN_TYPES:  # it may be replaced at any time, but an open file stays as it is
                opened = path.open("rb")
                headers["Content-Length"] = str(os.fstat(opened.fileno()).st_size)
                return StreamingResponse(in_pieces(opened), media_type=SHOWN_TYPES[name], headers=headers)
        except (ImpastoError, OSError) as error:
            return PlainTextResponse(str(error), 404)
        return FileResponse(path, headers=headers, filename=path.name)

    def draft(name: str) -> Response:
        try:
            pixels = api.store.drafts.find(name).read_bytes()
        except (ImpastoError, OSError) as error:
            return PlainTextResponse(str(error), 404)
        return Response(pixels, media_type="image/jpeg", headers={"Cache-Control": "max-age=3600"})

    server.get("/")(page)
    server.get("/drafts/{name}")(draft)
    server.get("/pictures/{name}")(picture)
    server.get("/jobs/{job}/{name}")(job_file)
    server.mount("/page", StaticFiles(directory=PAGE))
    server.add_middleware(Guard, host=host, password=password)
    return server


def in_pieces(opened: BinaryIO) -> Iterator[bytes]:
    """The bytes of an open file, which is closed at the end."""
    with opened:
        while piece := opened.read(PIECE_BYTES):
            yield piece


def in_one_line(function: Callable[P, R], error_class: type[Exception]) -> Callable[P, R]:
    """Turn the errors that a person can mend into one line, worded as on the command line."""

    @functools.wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except ImpastoError as error:
            raise error_class(str(error), print_exception=False) from error  # type: ignore[call-arg]
        except ValidationError as error:
            line = f"the request cannot be used: {first_fault(error)}"
            raise error_class(line, print_exception=False) from error  # type: ignore[call-arg]

    wrapped.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]
    return wrapped


def describe(option: str) -> dict[str, Any]:
    """Description of an option for the page, worded as on the command line."""
    return {
        "name": option,
        "group": option_group(option),
        "meaning": PaintOptions.model_fields[option].description or "",
        "default": describe_default(option),
        "bounds": describe_bounds(option),
        "values": describe_values(option),
    }


def is_for_pairs(recipe: str) -> bool:
    """Whether a recipe paints a photo after a painting: textures and reconstructions have only one of them."""
    values = load_recipe(recipe)
    return all(values.get(layers) != {} for layers in ("content_layers", "style_layers"))


def load_gradio() -> Any:
    """Import gradio; raises `OptionError` where it is not installed."""
    try:
        return importlib.import_module("gradio")
    except ImportError as error:
        raise OptionError("the studio needs gradio: pip install 'impasto[studio]'") from error


def find_port(host: str, port: int | None) -> int:
    """The given port, else the first free one; raises `OptionError` where there is none."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for candidate in [port] if port is not None else range(FIRST_PORT, FIRST_PORT + PORTS):
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, candidate))
            except OSError as error:
                reason = error.strerror
            else:
                return candidate
    raise OptionError(f"cannot listen on {host}, port {port or FIRST_PORT}: {reason}; give another --port")
