"""The studio as a server: a thin view over the store. Every function of the page is one of its API, and the other way.

The page is our own (``page/``): gradio brings the server and the API, with which `gradio_client` speaks.
"""

from __future__ import annotations

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

from impasto.errors import ImpastoError, InputError, OptionError
from impasto.options.fields import PaintOptions
from impasto.options.recipes import describe_recipe, load_recipe, recipe_names
from impasto.options.spelling import describe_bounds, describe_default, describe_values, option_group
from impasto.studio.guard import LOOPBACK
from impasto.studio.request import FINAL_SIZE_PX, JobView, Request
from impasto.studio.store import MAX_PIXELS, MAX_UPLOAD_BYTES, Store
from impasto.studio.thumbnails import Shown, has_record
from impasto.version import __version__

P = ParamSpec("P")
R = TypeVar("R")

FIRST_PORT, PORTS = 7860, 100
PAGE = Path(str(resources.files("impasto"))) / "studio" / "page"
DOWNLOADS = (".png", ".jpg", ".webp", ".tif")
PIECE_BYTES = 2**18
# In the page, with their types; under other names a picture is downloaded.
SHOWN = {"preview.jpg": "image/jpeg", "thumbnail.jpg": "image/jpeg", "picture.png": "image/png"}


class Studio:
    """A running studio; `close` ends it, and what is being painted with a checkpoint.

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
        self._uploading = folder / "uploading"  # gradio's, until the store has its copy
        os.environ["GRADIO_TEMP_DIR"] = str(self._uploading)
        os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
        gradio = load_gradio()
        self._store = Store(folder, max_upload_bytes=max_upload_bytes, max_pixels=max_pixels, options=options)
        shutil.rmtree(self._uploading, ignore_errors=True)
        limits = {"max_upload_bytes": max_upload_bytes, "max_pixels": max_pixels}
        desk = Desk(self._store, folder, self._uploading, limits, dict(options or {}))
        server = build_server(gradio, desk, host, password)
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
        """Stop what is being painted, with a checkpoint, and the server."""
        self._blocks.close(verbose=False)
        self._store.close()
        shutil.rmtree(self._uploading, ignore_errors=True)


class Desk:
    """What the page and the clients may ask for. Pictures have names here, never paths."""

    def __init__(
        self, store: Store, folder: Path, uploading: Path, limits: Mapping[str, int], options: Mapping[str, Any]
    ) -> None:
        self._store, self._uploads, self._uploading = store, folder / "uploads", uploading
        self._limits, self._options = limits, options
        self._shown = Shown(folder / "shown", limits["max_pixels"])
        self._bundled = {picture.path.name: picture.path for picture in store.shelf() if picture.bundled}

    def start(self) -> dict[str, Any]:
        """What the page needs at first: the shelf, recipes, options, limits."""
        shelf = [{"name": p.path.name, "title": p.name, "bundled": p.bundled} for p in self._store.shelf()]
        recipes = [
            {"name": name, "description": describe_recipe(name)} for name in recipe_names() if is_for_pairs(name)
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
            kept = self._store.keep_upload(path, title)
        finally:
            shutil.rmtree(path.parent, ignore_errors=True)
        self._store.prepare_drafts()  # whoever brings a picture will look at drafts of it
        width_px, height_px = self._shown.size_of(kept)
        return self._picture(kept) | {"width": width_px, "height": height_px, "pastiche": has_record(kept)}

    def measure(self, name: str) -> dict[str, Any]:
        """Title and size of a picture that is here."""
        path = self.find(name)
        width_px, height_px = self._shown.size_of(path)
        return self._picture(path) | {"width": width_px, "height": height_px}

    def shelve(self, name: str) -> None:
        """Keep a painting or style file that is here on the shelf."""
        self._store.shelve(self.find(name))

    def unshelve(self, name: str) -> None:
        """Take a painting off the shelf."""
        self._store.unshelve(self.find(name))

    def paint(self, request: dict) -> str:  # type: ignore[type-arg]
        """Put a painting into the queue; returns the job's id. `request` as in `Request`, with names for paths."""
        asked = Request.model_validate(request)
        return self._store.submit(asked.moved(lambda path: self.find(str(path))))

    def draft(self, request: dict, asker: str = "", place: int = 0) -> dict | None:  # type: ignore[type-arg]
        """Draft what `paint` would paint: the picture's address, and what it leaves out.

        None if the same `asker` wants another one, of a higher `place`, before this one is begun.
        """
        asked = Request.model_validate(request)
        draft = self._store.draft(asked.moved(lambda path: self.find(str(path))), asker, place)
        if draft is None:
            return None
        return {"picture": f"/drafts/{draft.path.name}", "left_out": list(draft.left_out)}

    def view(self, job: str, losses: bool = False) -> dict[str, Any]:
        """A job as it stands."""
        return self._describe(self._store.view(job), losses)

    def history(self) -> list:  # type: ignore[type-arg]
        """All jobs, newest first, in brief."""
        wanted = ("id", "kind", "state", "title", "thumbnail", "created", "position", "share_done")
        views = [self._describe(view, False) for view in self._store.history()]
        return [{name: view[name] for name in wanted} for view in views]

    def stop(self, job: str) -> None:
        """End a job after this step and keep what is there."""
        self._store.stop(job)

    def go_on(self, job: str) -> None:
        """Continue a job that was stopped, has failed or was cancelled."""
        self._store.go_on(job)

    def cancel(self, job: str) -> None:
        """End a job at once."""
        self._store.cancel(job)

    def delete(self, job: str) -> None:
        """Remove a job with its pictures."""
        self._store.delete(job)

    def steer(self, job: str, strength: float | None = None, color_strength: float | None = None) -> None:
        """Change a job that waits or is being painted."""
        self._store.steer(job, strength=strength, color_strength=color_strength)

    def restore(self, name: str) -> dict[str, Any]:
        """The settings that a pastiche was painted with, and the names of the inputs that are not here."""
        restored = self._store.restore(self.find(name))
        return {"request": self._name(restored.request), "missing": list(restored.missing)}

    def grid(self, job: str) -> str:
        """Queue a grid, strength x painting, of a job; returns its id."""
        return self._store.submit(self._store.grid_of(job))

    def final(self, job: str, size_px: int = FINAL_SIZE_PX) -> str:
        """Queue a larger one of a job that has a picture; returns its id."""
        return self._store.submit(self._store.final_of(job, int(size_px)))

    def find(self, name: str) -> Path:
        """The path of a picture that is here, by its name."""
        path = self._bundled.get(name) or self._uploads / Path(name).name
        if not path.is_file():
            raise OptionError(f"there is no picture {name!r} here; upload it first")
        return path

    def shown(self, name: str, edge_px: int) -> Path:
        """The file that the browser shows for a picture."""
        return self._shown.copy_of(self.find(name), edge_px)

    def draft_file(self, name: str) -> Path:
        """The file of a draft."""
        return self._store.find_draft(name)

    def file_of(self, job: str, name: str) -> Path:
        """A job's preview, thumbnail, or picture in a format for downloading."""
        view, path = self._store.view(job), None
        if name in ("preview.jpg", "thumbnail.jpg"):
            path = view.preview if name == "preview.jpg" else view.thumbnail
        elif name == "picture.png":
            path = view.pastiche
        elif Path(name).suffix in DOWNLOADS:
            path = self._store.export(job, Path(name).suffix)
        if path is None or not path.is_file():
            raise OptionError(f"there is no {name!r} of this job")
        return path

    def _picture(self, path: Path) -> dict[str, Any]:
        return {"name": path.name, "title": self._store.name_of(path)}

    def _name(self, request: Request) -> dict[str, Any]:
        """A request with names for paths, and the titles of its pictures."""
        titles = {path.name: self._store.name_of(path) for path in request.files}
        return request.moved(lambda path: Path(path.name)).model_dump(mode="json") | {"titles": titles}

    def _describe(self, view: JobView, losses: bool) -> dict[str, Any]:
        at = f"/jobs/{view.id}"
        version = f"?{view.preview_version}-{view.state}"
        pictures = {
            "preview": f"{at}/preview.jpg{version}" if view.preview else None,
            "thumbnail": f"{at}/thumbnail.jpg{version}" if view.thumbnail else None,
            "picture": f"{at}/picture.png{version}" if view.pastiche else None,
        }
        values = {name: getattr(view, name) for name in view.__dataclass_fields__ if name not in ("pastiche", "losses")}
        values |= pictures | {"request": self._name(view.request), "notices": list(view.notices)}
        return values | ({"losses": [list(item) for item in view.losses]} if losses else {})


API = ("start", "add", "measure", "shelve", "unshelve", "draft", "paint", "view", "history", "stop", "go_on", "cancel",
       "delete", "steer", "restore", "grid", "final")  # fmt: skip


def build_server(gradio: Any, desk: Desk, host: str, password: str | None) -> Any:
    """Everything but the listening: the API, the page, the pictures."""
    from fastapi.responses import FileResponse, PlainTextResponse, Response, StreamingResponse
    from fastapi.staticfiles import StaticFiles

    from impasto.studio.guard import Guard

    server = gradio.Server(title="impasto studio", version=__version__, docs_url=None, redoc_url=None, openapi_url=None)
    for name in API:
        server.api(in_one_line(getattr(desk, name), gradio.Error), name=name, queue=False)

    def page() -> Response:
        return FileResponse(PAGE / "index.html", headers={"Cache-Control": "no-cache"})

    def picture(name: str, edge: int = 1600) -> Response:
        try:
            return FileResponse(desk.shown(name, edge), headers={"Cache-Control": "max-age=3600"})
        except ImpastoError as error:
            return PlainTextResponse(str(error), 404)

    def job_file(job: str, name: str) -> Response:
        headers = {"Cache-Control": "no-cache"}
        try:
            path = desk.file_of(job, name)
            if name in SHOWN:  # it may be replaced at any time: what is opened stays as it is
                opened = path.open("rb")
                headers["Content-Length"] = str(os.fstat(opened.fileno()).st_size)
                return StreamingResponse(in_pieces(opened), media_type=SHOWN[name], headers=headers)
        except (ImpastoError, OSError) as error:
            return PlainTextResponse(str(error), 404)
        return FileResponse(path, headers=headers, filename=path.name)

    def draft(name: str) -> Response:
        try:
            pixels = desk.draft_file(name).read_bytes()
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
    """What a file holds; closes it."""
    with opened:
        while piece := opened.read(PIECE_BYTES):
            yield piece


def in_one_line(function: Callable[P, R], error_class: type[Exception]) -> Callable[P, R]:
    """Tell what a person can mend as one line, in the words of the command line."""

    @functools.wraps(function)
    def told(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except ImpastoError as error:
            raise error_class(str(error), print_exception=False) from error  # type: ignore[call-arg]
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"]))
            line = str(OptionError(f"the request cannot be used: {place}: {first['msg'].lower()}"))
            raise error_class(line, print_exception=False) from error  # type: ignore[call-arg]

    told.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]
    return told


def describe(option: str) -> dict[str, Any]:
    """What the page tells of an option, in the command line's words."""
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
    """The port asked for, else the first free one; raises `OptionError` where there is none."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for candidate in [port] if port is not None else range(FIRST_PORT, FIRST_PORT + PORTS):
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, candidate))
            except OSError as error:
                why = error.strerror
            else:
                return candidate
    raise OptionError(f"cannot listen on {host}, port {port or FIRST_PORT}: {why}; give another --port")
