"""What the API takes and answers, as types (requests for paintings: `request`). Here pictures have names, not paths."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from impasto.options.fields import PaintOptions
from impasto.options.recipes import describe_recipe, load_recipe, recipe_names
from impasto.options.spelling import describe_bounds, describe_default, describe_values, option_group
from impasto.studio.job import JobView, State
from impasto.studio.queue import MAX_WAITING
from impasto.studio.request import DEFAULT_AXES, FINAL_SIZE_PX, GridAxis, Kind, Request
from impasto.studio.store import Store


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")


class DraftQuestion(_Asked):
    """A request to be drafted, or to be told the price of.

    A program that pages through paintings gives a client id and a sequence number that grows: then only its latest
    request is drafted, and an earlier one that still waits is answered with null.
    """

    request: Request
    client_id: str = Field(default="", max_length=100)
    sequence: int = Field(default=0, ge=0)


class Steering(_Asked):
    """New values for the picture that is being painted."""

    strength: float | None = Field(default=None, ge=0, le=100)
    color_strength: float | None = Field(default=None, ge=0, le=100)


class FinalSize(_Asked):
    """Long edge of a larger version."""

    size_px: int = Field(default=FINAL_SIZE_PX, ge=16, le=65_536)


class GridAxes(_Asked):
    """What varies over the rows and columns of a grid."""

    axes: tuple[GridAxis, ...] = Field(default=DEFAULT_AXES, min_length=1, max_length=2)


class Title(_Asked):
    """What a person calls a picture."""

    title: str = Field(min_length=1, max_length=200)


class Label(_Asked):
    """What a person calls a job, and whether it is marked; what is not given stays."""

    title: str | None = Field(default=None, min_length=1, max_length=200)
    starred: bool | None = None


class OtherPhotos(_Asked):
    """Names of photos to be painted with the settings of a job."""

    photos: list[str] = Field(min_length=1, max_length=MAX_WAITING)


class Fault(BaseModel):
    """Why a request was refused, in one line."""

    error: str


class PictureAnswer(BaseModel):
    """A picture: its name in the studio, its title, its size in pixels."""

    name: str
    title: str
    width: int
    height: int


class AddedPicture(PictureAnswer):
    """A picture that was added; `pastiche`: whether its settings can be restored."""

    pastiche: bool


class AddedClip(BaseModel):
    """A clip that was added: its name in the studio, its title, its length; `still`: a frame of it, as a picture."""

    name: str
    title: str
    frames: int
    seconds: float
    still: PictureAnswer


class ShelfAnswer(BaseModel):
    """A painting on the shelf."""

    name: str
    title: str
    bundled: bool


class RecipeAnswer(BaseModel):
    """A recipe, and the detail that it keeps."""

    name: str
    description: str
    keep_detail: float


class OptionAnswer(BaseModel):
    """An option, worded as on the command line."""

    name: str
    group: str
    meaning: str
    default: str
    bounds: str
    values: str


class Limits(BaseModel):
    """The largest picture that may be uploaded."""

    max_upload_bytes: int
    max_pixels: int


class Start(BaseModel):
    """Everything that the page needs at first.

    `given`: options that every painting starts from; `video_missing`: the command that installs what films need, or
    null.
    """

    version: str
    shelf: list[ShelfAnswer]
    recipes: list[RecipeAnswer]
    options: list[OptionAnswer]
    given: dict[str, Any]
    limits: Limits
    final_size_px: int
    video_missing: str | None


class DraftAnswer(BaseModel):
    """The address of a draft, and in words the settings that it leaves out."""

    picture: str
    left_out: list[str]


class PriceAnswer(BaseModel):
    """What a picture would take: (width, height), seconds, bytes of memory, as estimated."""

    size: tuple[int, int]
    seconds: float
    peak_bytes: int


class JobRequest(Request):
    """A request with the titles of its pictures, by name."""

    titles: dict[str, str]


class Restoration(BaseModel):
    """The settings that a pastiche was painted with, and the names of the inputs that are not in the studio."""

    request: JobRequest
    missing: list[str]


class Space(BaseModel):
    """Bytes that the studio keeps, and bytes that are free beside it."""

    kept_bytes: int
    free_bytes: int


class JobLine(BaseModel):
    """A job in brief.

    `position` is that among those that wait, `created` in seconds since 1970; jobs that were ordered together have the
    same `batch`.
    """

    id: str
    kind: Kind
    state: State
    title: str
    created: float
    position: int | None
    share_done: float
    starred: bool
    batch: str | None
    picture: str | None
    thumbnail: str | None


class JobAnswer(JobLine):
    """A job: state, progress, and the addresses of its pictures; `ending`: it was asked to end, and will soon."""

    doing: str
    steps_done: int
    steps: int
    scale: int
    scales: int
    size: tuple[int, int] | None
    seconds: float
    seconds_left: float | None
    error: str | None
    notices: list[str]
    ending: bool
    can_go_on: bool
    resumable: bool
    preview: str | None
    time_lapse: str | None
    film: str | None
    request: JobRequest


class CellAnswer(BaseModel):
    """A picture of a grid: what it has that varies, in words, its address once it is painted, and its request."""

    row: int
    column: int
    labels: dict[str, str]
    picture: str | None
    request: JobRequest


def describe_line(view: JobView) -> JobLine:
    """A job in brief."""
    return JobLine.model_validate(_line(view))


def describe_job(view: JobView, store: Store) -> JobAnswer:
    """A job with its request."""
    progress = view.progress.model_dump(exclude={"share_done"})
    return JobAnswer.model_validate(
        {
            **_line(view),
            **progress,
            **view.manifest.model_dump(include={"error", "notices"}),
            "ending": view.ending,
            "can_go_on": view.can_go_on,
            "resumable": view.resumable,
            "preview": _address(view, "preview.jpg", view.preview),
            "time_lapse": _address(view, "time-lapse.webp", view.time_lapse),
            "film": _address(view, "film.mp4", view.film),
            "request": describe_request(view.request, store),
        }
    )


def describe_cells(view: JobView, store: Store) -> list[CellAnswer]:
    """The pictures of a grid, row by row; none of another job, or before it is begun."""
    cells = store.grid_cells(view.id)
    axes = view.request.axes
    columns = len(cells) // len(view.request.values(axes[0])) if len(axes) == 2 else len(cells)
    return [
        CellAnswer(
            row=place // columns,
            column=place % columns,
            labels=cell.labels,
            picture=f"/jobs/{view.id}/cell-{place}.png" if cell.picture else None,
            request=describe_request(cell.request, store),
        )
        for place, cell in enumerate(cells)
    ]


def describe_request(request: Request, store: Store) -> JobRequest:
    """A request with names for paths, and the titles of its pictures."""
    titles = {path.name: store.uploads.name_of(path) for path in request.files}
    named = request.with_paths(lambda path: Path(path.name))
    return JobRequest.model_validate(named.model_dump() | {"titles": titles})


def _line(view: JobView) -> dict[str, Any]:
    return {
        **view.manifest.model_dump(include={"id", "state", "title", "created", "starred", "batch"}),
        "kind": view.request.kind,
        "position": view.position,
        "share_done": view.progress.share_done,
        "picture": _address(view, "picture.png", view.pastiche),
        "thumbnail": _address(view, "thumbnail.jpg", view.thumbnail),
    }


def _address(view: JobView, name: str, file: Path | None) -> str | None:
    """Where a picture of a job is to be had; it changes when the picture does."""
    return f"/jobs/{view.id}/{name}?{view.preview_version}-{view.state}" if file else None


def describe_option(name: str) -> OptionAnswer:
    """An option, worded as on the command line."""
    return OptionAnswer(
        name=name,
        group=option_group(name),
        meaning=PaintOptions.model_fields[name].description or "",
        default=describe_default(name),
        bounds=describe_bounds(name),
        values=describe_values(name),
    )


def recipes_for_pairs() -> list[RecipeAnswer]:
    """The recipes that paint a photo after a painting: textures and reconstructions have only one of them."""
    return [
        RecipeAnswer(name=name, description=describe_recipe(name), keep_detail=load_recipe(name).get("keep_detail", 0))
        for name in recipe_names()
        if _for_pairs(name)
    ]


def _for_pairs(recipe: str) -> bool:
    values = load_recipe(recipe)
    return all(values.get(layers) != {} for layers in ("content_layers", "style_layers"))
