"""A request: what the page asks the studio to paint."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from impasto.errors import OptionError, did_you_mean
from impasto.inputs.paintings import BRUSH_SCALES
from impasto.options.fields import PALETTE, PaintOptions
from impasto.runs.record import ENCODER_SUFFIX, is_picture_path

Kind = Literal["paint", "grid", "final", "film"]
GRID_SIZE_PX = 384  # the pictures of a grid are shown no larger
MAX_GRID_PICTURES = 48
MAX_PAINTINGS, MAX_REGIONS, MAX_OPTIONS = 64, 32, 100  # of one request
FINAL_SIZE_PX = 4096


class _RequestPart(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PaintingChoice(_RequestPart):
    """A painting by its path; the fields are those of `Painting`."""

    path: Path
    weight: float = Field(default=1.0, gt=0, le=1e6)
    brush_scale: float = Field(default=1.0, ge=BRUSH_SCALES[0], le=BRUSH_SCALES[1])
    mask: Path | None = None


class RegionChoice(_RequestPart):
    """A region by paths; the fields are those of `Region`, and `mask` is None for the photo's own opacity."""

    mask: Path | None
    paintings: tuple[PaintingChoice, ...] = Field(default=(), max_length=MAX_PAINTINGS)
    strength: float | None = Field(default=None, ge=0, le=100)
    brush_scale: float = Field(default=1.0, ge=BRUSH_SCALES[0], le=BRUSH_SCALES[1])
    color: str | None = None


class GridAxis(_RequestPart):
    """What varies over the rows or the columns of a grid.

    Attributes
    ----------
    name: an option, ``recipe``, or ``painting``: each of the request's paintings by itself.
    values: as on the command line; none for ``painting``.
    """

    name: str = Field(max_length=100)
    values: tuple[str | float, ...] = Field(default=(), max_length=MAX_GRID_PICTURES)


DEFAULT_AXES = (GridAxis(name="painting"), GridAxis(name="strength", values=(25.0, 50.0, 75.0)))


class Request(_RequestPart):
    """A job's inputs and options, with the paths that `Store.keep_upload` and `Store.shelf` returned.

    Attributes
    ----------
    photo: None for a texture.
    paintings: paint what no region covers; none: the rest stays the photograph (then there must be regions).
    recipe: the name of a recipe.
    options: the fields of `PaintOptions` that differ from the recipe's.
    kind: ``paint``; ``grid``: one picture over and over, on one sheet; ``final``: a larger version of a finished job;
        ``film``: a clip, frame by frame, as its draft is.
    axes: what varies over the rows of a grid, and over its columns; where one thing varies, its columns.
    clip: what a ``film`` is painted from; its photo is a frame of it. seconds: only so many of its first ones.
    of: the job that a ``final`` enlarges, to ``options["size_px"]``.
    """

    photo: Path | None
    paintings: tuple[PaintingChoice, ...] = Field(default=(), max_length=MAX_PAINTINGS)
    regions: tuple[RegionChoice, ...] = Field(default=(), max_length=MAX_REGIONS)
    recipe: str | None = None
    options: dict[str, Any] = Field(default={}, max_length=MAX_OPTIONS)
    kind: Kind = "paint"
    axes: tuple[GridAxis, ...] = Field(default=(), max_length=2)
    of: str | None = None
    clip: Path | None = None
    seconds: float | None = Field(default=None, gt=0, le=86_400)

    @model_validator(mode="before")
    @classmethod
    def _read_strengths(cls, values: Any) -> Any:
        """Version 0.1.0 wrote the strengths of a grid, and had one kind of it: a row for every painting."""
        if not isinstance(values, dict) or "strengths" not in values:
            return values
        strengths = {"name": "strength", "values": tuple(dict.fromkeys(values["strengths"]))}
        axes = {"axes": ({"name": "painting"}, strengths)} if values.get("kind") == "grid" else {}
        return {name: value for name, value in values.items() if name != "strengths"} | axes

    @property
    def files(self) -> tuple[Path, ...]:
        """Every picture that the job reads, each once."""
        paths: dict[Path, None] = {}

        def collect(path: Path) -> Path:
            paths[path] = None
            return path

        self.with_paths(collect)
        return tuple(paths)

    @property
    def painting_files(self) -> tuple[Path, ...]:
        """The paintings and style files, each once."""
        choices = (*self.paintings, *(choice for region in self.regions for choice in region.paintings))
        return tuple(dict.fromkeys(choice.path for choice in choices))

    def with_paths(self, convert: Callable[[Path], Path]) -> Request:
        """The same request with every path converted, those in its options included."""
        options = dict(self.options)
        start, color = options.get("starting_point"), options.get("color")
        if isinstance(start, str) and is_picture_path(start):
            options["starting_point"] = str(convert(Path(start)))
        if isinstance(color, str) and color.startswith(PALETTE):
            options["color"] = PALETTE + str(convert(Path(color.removeprefix(PALETTE))))
        parts = {name: _convert(getattr(self, name), convert) for name in ("photo", "paintings", "regions", "clip")}
        return self.model_copy(update=parts | {"options": options})

    def check(self) -> None:
        """Raise `OptionError` where something is missing or does not fit together."""
        if self.kind == "grid":
            self._check_grid()
        elif self.kind == "final":
            if self.of is None or not self.options.get("size_px"):
                raise OptionError("a larger one needs the job that it goes on from, and its size")
        elif self.kind == "film":
            if self.clip is None or not self.painting_files:
                raise OptionError("a film needs a clip and a painting")
        elif self.photo is None and not self.paintings:
            raise OptionError("nothing to paint: add a photo and a painting")

    def _check_grid(self) -> None:
        if self.photo is None or not self.paintings:
            raise OptionError("a grid needs a photo and at least one painting that is not brushed")
        names = [axis.name for axis in self.axes]
        if not names or len(set(names)) < len(names):
            raise OptionError("a grid varies one thing or two different ones")
        for axis in self.axes:
            axis_name = repr(axis.name)
            if axis.name not in ("painting", "recipe", *PaintOptions.model_fields):
                known = ["painting", "recipe", *PaintOptions.model_fields]
                raise OptionError(f"a grid cannot vary {axis_name}{did_you_mean(axis.name, known)}")
            values = [getattr(value, "path", value) for value in self.values(axis)]
            if not values or len(set(values)) < len(values):
                raise OptionError(f"{axis_name} needs values to vary, each once")
            if any(_is_file(axis.name, value) for value in axis.values):
                raise OptionError(f"a grid varies no files: give {axis_name} other values")
        plain = all(choice.mask is None and choice.brush_scale == 1 for choice in self.paintings)
        if "painting" in names and not plain:
            raise OptionError("paintings with masks or brush scales of their own cannot be varied: vary something else")
        if len(self.cells()) > MAX_GRID_PICTURES:
            raise OptionError(f"a grid has at most {MAX_GRID_PICTURES} pictures, and this one {len(self.cells())}")

    def values(self, axis: GridAxis) -> tuple[Any, ...]:
        """What varies along an axis; paintings as choices."""
        return self.paintings if axis.name == "painting" else axis.values

    def cells(self) -> tuple[Request, ...]:
        """The requests of the pictures of a grid, row by row, each as large as the grid was ordered from."""
        cells = []
        for values in itertools.product(*map(self.values, self.axes)):
            chosen = dict(zip([axis.name for axis in self.axes], values, strict=True))
            painting, recipe = chosen.pop("painting", None), chosen.pop("recipe", self.recipe)
            changes = {
                "paintings": self.paintings if painting is None else (painting.model_copy(update={"weight": 1.0}),),
                "recipe": recipe,
                "options": {**self.options, **chosen},
                "kind": "paint",
                "axes": (),
            }
            cells.append(self.model_copy(update=changes))
        return tuple(cells)

    @property
    def cell_options(self) -> dict[str, Any]:
        """What the pictures of a grid have in common: small, unless their size is what varies."""
        varied = {axis.name for axis in self.axes}
        options = {name: value for name, value in self.options.items() if name not in varied}
        if "size_px" not in varied:
            options["size_px"] = min(GRID_SIZE_PX, int(options.get("size_px") or GRID_SIZE_PX))
        return options

    def as_grid(self, axes: tuple[GridAxis, ...] = DEFAULT_AXES) -> Request:
        """The request for a grid of small pictures of it."""
        return self.model_copy(update={"kind": "grid", "axes": axes, "of": None, "clip": None, "seconds": None})

    def for_photo(self, photo: Path) -> Request:
        """The same for another photo; what was brushed stays behind, see `brushed`. Raises `OptionError`."""
        if self.kind != "paint":
            raise OptionError(
                "only the settings of a painted picture can be used again: not a grid's, a film's or a larger one's"
            )
        if not self.paintings:
            raise OptionError("all of it was brushed on its photo: there is nothing to paint another one with")
        return self.model_copy(update={"photo": photo, "regions": ()})

    @property
    def brushed(self) -> tuple[str, ...]:
        """In words, what belongs to its photo alone."""
        words = []
        if any(not region.paintings for region in self.regions):
            words.append("the part that stays the photo")
        if any(region.paintings for region in self.regions):
            words.append("the regions")
        return tuple(words)

    def as_final(self, job_id: str, size_px: int = FINAL_SIZE_PX) -> Request:
        """The request for a larger version of a job's picture."""
        return self.model_copy(update={"kind": "final", "of": job_id, "options": {"size_px": size_px}})


def _is_file(option: str, value: object) -> bool:
    """Whether the value of an option is a file."""
    if option == "starting_point":
        return is_picture_path(str(value))
    return str(value).startswith(PALETTE) if option == "color" else str(value).endswith(ENCODER_SUFFIX)


def _convert(value: Any, convert: Callable[[Path], Path]) -> Any:
    """Convert the paths in a part of a request."""
    if isinstance(value, Path):
        return convert(value)
    if isinstance(value, tuple):
        return tuple(_convert(item, convert) for item in value)
    if isinstance(value, _RequestPart):
        return value.model_copy(update={name: _convert(field, convert) for name, field in value})
    return value
