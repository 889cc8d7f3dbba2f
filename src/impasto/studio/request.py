"""What the page asks for, and what it is told: plain frozen records."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from impasto.inputs.paintings import BRUSH_SCALES
from impasto.options.fields import PALETTE
from impasto.runs.record import is_picture_path

Kind = Literal["paint", "grid", "final"]
State = Literal["waiting", "painting", "stopped", "done", "failed", "cancelled"]
GRID_STRENGTHS = (25.0, 50.0, 75.0)
GRID_SIZE_PX = 384  # the pictures of a grid are shown no larger
FINAL_SIZE_PX = 4096


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PaintingChoice(_Part):
    """A painting and its share among several; `mask`: which part of it to learn from (white = this part)."""

    path: Path
    weight: float = Field(default=1.0, gt=0, le=1e6)
    brush_scale: float = Field(default=1.0, ge=BRUSH_SCALES[0], le=BRUSH_SCALES[1])
    mask: Path | None = None


class RegionChoice(_Part):
    """A part of the photo with its own paintings; without paintings it stays the photograph.

    Attributes
    ----------
    mask: white = here; None: the photo's own opacity.
    strength, color: None: as the rest of the picture.
    """

    mask: Path | None
    paintings: tuple[PaintingChoice, ...] = ()
    strength: float | None = Field(default=None, ge=0, le=100)
    brush_scale: float = Field(default=1.0, ge=BRUSH_SCALES[0], le=BRUSH_SCALES[1])
    color: str | None = None


class Request(_Part):
    """One job: what to paint, after what, how. Paths are those that `Store.keep_upload` and `Store.shelf` gave.

    Attributes
    ----------
    photo: None for a texture.
    paintings: paint what no region covers; none: the rest stays the photograph (there must be regions then).
    recipe: a name of `impasto.options.fields.recipe_names()`.
    options: fields of `PaintOptions` that differ from the recipe's.
    kind: ``paint``; ``grid``: painting x strength on one sheet; ``final``: a larger one from a finished job.
    strengths: the columns of a grid; its rows are the paintings.
    of: the job that a ``final`` goes on from, at ``options["size_px"]``.
    """

    photo: Path | None
    paintings: tuple[PaintingChoice, ...] = ()
    regions: tuple[RegionChoice, ...] = ()
    recipe: str | None = None
    options: dict[str, Any] = {}
    kind: Kind = "paint"
    strengths: tuple[float, ...] = GRID_STRENGTHS
    of: str | None = None

    @property
    def files(self) -> tuple[Path, ...]:
        """Every picture that the job reads, each once."""
        found: list[Path] = []

        def note(path: Path) -> Path:
            found.append(path)
            return path

        self.moved(note)
        return tuple(dict.fromkeys(found))

    @property
    def painted_after(self) -> tuple[Path, ...]:
        """The paintings and style files, each once."""
        choices = (*self.paintings, *(choice for region in self.regions for choice in region.paintings))
        return tuple(dict.fromkeys(choice.path for choice in choices))

    def moved(self, place: Callable[[Path], Path]) -> Request:
        """The same request with every path as `place` gives it."""

        def mask_moved(mask: Path | None) -> Path | None:
            return None if mask is None else place(mask)

        def paintings_moved(choices: tuple[PaintingChoice, ...]) -> tuple[PaintingChoice, ...]:
            return tuple(
                choice.model_copy(update={"path": place(choice.path), "mask": mask_moved(choice.mask)})
                for choice in choices
            )

        def region_moved(region: RegionChoice) -> RegionChoice:
            changes = {"mask": mask_moved(region.mask), "paintings": paintings_moved(region.paintings)}
            return region.model_copy(update=changes | _color_moved(region.color, place))

        options = dict(self.options)
        start = options.get("starting_point")
        if isinstance(start, str) and is_picture_path(start):
            options["starting_point"] = str(place(Path(start)))
        changes = {
            "photo": mask_moved(self.photo),
            "paintings": paintings_moved(self.paintings),
            "regions": tuple(map(region_moved, self.regions)),
            "options": options | _color_moved(options.get("color"), place),
        }
        return self.model_copy(update=changes)


def _color_moved(color: object, place: Callable[[Path], Path]) -> dict[str, str]:
    """The colour option again where it names a picture, ``palette:FILE``."""
    if not isinstance(color, str) or not color.startswith(PALETTE):
        return {}
    return {"color": PALETTE + str(place(Path(color.removeprefix(PALETTE))))}


class Restored(_Part):
    """Settings read from a pastiche, and the names of the inputs that are not here (drop them in, too)."""

    request: Request
    missing: tuple[str, ...] = ()


class Draft(_Part):
    """A picture of what a request would come to, painted in one pass; `left_out`: in words, what it does not show."""

    path: Path
    left_out: tuple[str, ...] = ()


class ShelfPicture(_Part):
    """A painting to choose: one of the bundled samples, or one of their own."""

    path: Path
    name: str
    bundled: bool


@dataclass(frozen=True)
class GridCell:
    """A picture of a grid; dropped in like any pastiche, it restores its settings."""

    path: Path
    strength: float
    painting: str


@dataclass(frozen=True)
class JobView:
    """A job as it stands; a snapshot, so that nothing in it changes.

    Attributes
    ----------
    position: place among those that wait, 1 is next; None unless waiting.
    error: one line, where it failed. notices: what was done instead of what was asked.
    steps_done, steps: over all scales, at most; of a grid: pictures.
    doing: what goes on before the first step, such as weights being fetched; empty: painting.
    scale, scales: the scale in hand, from 1, and how many there are; of a grid: the picture in hand.
    share_done: of the work, 0 to 1.
    size: (width, height) of the pastiche in pixels, once it is known.
    seconds: painting so far, without pauses. seconds_left: None while it cannot be told.
    losses: (step over all scales, loss breakdown with ``total``), thinned to a few hundred at most.
    preview: the picture while it is painted (JPEG, replaced as a whole); `preview_version` changes when it does.
    pastiche: the finished or stopped picture (PNG with its run record); of a grid: the sheet.
    thumbnail: JPEG, from the first preview on.
    created: seconds since 1970.
    can_go_on: whether `Store.go_on` has something to do; `resumable`: and goes on from a checkpoint.
    """

    id: str
    kind: Kind
    state: State
    position: int | None
    error: str | None
    notices: tuple[str, ...]
    doing: str
    steps_done: int
    steps: int
    scale: int
    scales: int
    share_done: float
    size: tuple[int, int] | None
    seconds: float
    seconds_left: float | None
    losses: tuple[tuple[int, dict[str, float]], ...]
    preview: Path | None
    preview_version: int
    pastiche: Path | None
    thumbnail: Path | None
    created: float
    title: str
    request: Request
    can_go_on: bool
    resumable: bool
