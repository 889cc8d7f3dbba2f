"""A request: what the page asks the studio to paint."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from impasto.errors import OptionError
from impasto.inputs.paintings import BRUSH_SCALES
from impasto.options.fields import PALETTE
from impasto.runs.record import is_picture_path

Kind = Literal["paint", "grid", "final"]
GRID_STRENGTHS = (25.0, 50.0, 75.0)
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


class Request(_RequestPart):
    """A job's inputs and options, with the paths that `Store.keep_upload` and `Store.shelf` returned.

    Attributes
    ----------
    photo: None for a texture.
    paintings: paint what no region covers; none: the rest stays the photograph (then there must be regions).
    recipe: the name of a recipe.
    options: the fields of `PaintOptions` that differ from the recipe's.
    kind: ``paint``; ``grid``: strength x painting on one sheet; ``final``: a larger version of a finished job.
    strengths: the columns of a grid; its rows are the paintings.
    of: the job that a ``final`` enlarges, to ``options["size_px"]``.
    """

    photo: Path | None
    paintings: tuple[PaintingChoice, ...] = Field(default=(), max_length=MAX_PAINTINGS)
    regions: tuple[RegionChoice, ...] = Field(default=(), max_length=MAX_REGIONS)
    recipe: str | None = None
    options: dict[str, Any] = Field(default={}, max_length=MAX_OPTIONS)
    kind: Kind = "paint"
    strengths: tuple[float, ...] = Field(default=GRID_STRENGTHS, max_length=MAX_GRID_PICTURES)
    of: str | None = None

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
        parts = {name: _convert(getattr(self, name), convert) for name in ("photo", "paintings", "regions")}
        return self.model_copy(update=parts | {"options": options})

    def check(self) -> None:
        """Raise `OptionError` where something is missing or does not fit together."""
        if self.kind == "grid":
            if self.regions:
                raise OptionError("a grid paints the whole photo after each painting: leave the regions out")
            if self.photo is None or not self.paintings:
                raise OptionError("a grid needs a photo and at least one painting")
            pictures = len(self.strengths) * len(self.paintings)
            if not 0 < pictures <= MAX_GRID_PICTURES or not all(0 <= strength <= 100 for strength in self.strengths):
                raise OptionError(f"a grid has 1 to {MAX_GRID_PICTURES} pictures of strengths from 0 to 100")
        elif self.kind == "final":
            if self.of is None or not self.options.get("size_px"):
                raise OptionError("a larger one needs the job that it goes on from, and its size")
        elif self.photo is None and not self.paintings:
            raise OptionError("nothing to paint: add a photo and a painting")

    def as_grid(self, strengths: tuple[float, ...] = GRID_STRENGTHS) -> Request:
        """The request for a grid (strength x painting) of small pictures of the same photo, paintings and options."""
        size_px = min(GRID_SIZE_PX, self.options.get("size_px") or GRID_SIZE_PX)
        options = {name: value for name, value in self.options.items() if name != "strength"} | {"size_px": size_px}
        changes = {"options": options, "kind": "grid", "strengths": strengths, "regions": (), "of": None}
        return self.model_copy(update=changes)

    def for_photo(self, photo: Path) -> Request:
        """The same for another photo; what was brushed stays behind, see `brushed`. Raises `OptionError`."""
        if self.kind != "paint":
            raise OptionError(
                "only the settings of a painted picture can be used again: not a grid's or a larger one's"
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

    @property
    def left_out_of_grid(self) -> tuple[str, ...]:
        """In words, what `as_grid` leaves out of it."""
        words = [*self.brushed]
        if len(self.paintings) > 1 or any(choice.mask for choice in self.paintings):
            words.append("the mixture: each painting has a row of its own")
        return tuple(words)

    def as_final(self, job_id: str, size_px: int = FINAL_SIZE_PX) -> Request:
        """The request for a larger version of a job's picture."""
        return self.model_copy(update={"kind": "final", "of": job_id, "options": {"size_px": size_px}})


def _convert(value: Any, convert: Callable[[Path], Path]) -> Any:
    """Convert the paths in a part of a request."""
    if isinstance(value, Path):
        return convert(value)
    if isinstance(value, tuple):
        return tuple(_convert(item, convert) for item in value)
    if isinstance(value, _RequestPart):
        return value.model_copy(update={name: _convert(field, convert) for name, field in value})
    return value
