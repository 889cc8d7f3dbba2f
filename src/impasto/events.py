"""Events of a run: frozen records, in the order in which `iter_paint` yields them.

FetchProgressed while weights are fetched, on their first use. Then RunStarted (and Resumed, where a run goes on);
for every scale ScaleStarted and StepDone (with PreviewReady where one was wanted, Steered where the controls changed
and CheckpointSaved where one was due); and at the end RunDone. A Notice may come at any time: it says what was
done instead of what was asked.

Of a film: FramesRead while it is looked through, FilmStarted, for every shot ShotStarted and FrameDone, then FilmDone.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from impasto.runs.pastiche import Pastiche


@dataclass(frozen=True)
class RunStarted:
    """The plan: (height, width), steps at most and number of tiles, for every scale, coarsest first."""

    scales_px: tuple[tuple[int, int], ...]
    steps: tuple[int, ...]
    tiles: tuple[int, ...]
    tile_px: int
    """Pictures up to this size are painted whole."""
    peak_bytes: int
    """Most memory that the process will hold, an estimate."""
    estimated_seconds: float
    """Seconds that the run takes if every scale takes all its steps, about."""
    precision: str = "float32"
    """Precision of the encoder's convolutions."""


@dataclass(frozen=True)
class Resumed:
    """The run goes on from a checkpoint, after this step."""

    scale: int
    step: int
    content_weight: float
    seconds: float
    """Seconds that the run had taken by then."""


@dataclass(frozen=True)
class CheckpointSaved:
    """From here the run can be resumed; `path` is the file."""

    scale: int
    step: int
    path: str


@dataclass(frozen=True)
class ScaleStarted:
    """A rung of the pyramid begins; `scale` counts from 0."""

    scale: int
    height_px: int
    width_px: int
    steps: int


@dataclass(frozen=True)
class StepDone:
    """One optimiser step. `losses` holds the objective's named, weighted parts and their sum ``total``."""

    scale: int
    step: int
    losses: dict[str, float]
    content_weight: float
    readability: float | None
    """Distance of the pastiche from the photo's structure: 0 the photo, 1 unrelated. None: not measured."""
    seconds: float
    """Seconds since the run started."""


@dataclass(frozen=True)
class Steered:
    """From here on the run is painted with these options in place of those that it began with.

    `steps` is how many this scale may still take: a change late in a scale is given time to show.
    """

    scale: int
    step: int
    options: dict[str, float]
    steps: int


@dataclass(frozen=True)
class PreviewReady:
    """The pastiche as it stands, [height, width, 3] in [0, 1], without the canvas margin."""

    scale: int
    step: int
    pixels: NDArray[np.float32] = field(repr=False)


@dataclass(frozen=True)
class Notice:
    """Something was done differently from what was asked, or is worth knowing."""

    message: str


@dataclass(frozen=True)
class FetchProgressed:
    """A file of weights is on its way: so many bytes of so many."""

    file_name: str
    done_bytes: int
    total_bytes: int


@dataclass(frozen=True)
class RunDone:
    """The finished pastiche, [height, width, 3] in [0, 1]; `stopped` when it was asked to stop early."""

    pixels: NDArray[np.float32] = field(repr=False)
    stopped: bool
    seconds: float
    pixel_steps: float
    """Work done: pixels of the canvas times objective evaluations, summed over the scales."""
    pastiche: Pastiche | None = field(default=None, repr=False, compare=False)
    """The whole of it, with record, alpha and metadata, as `paint` returns it; the engine alone does not know it."""


@dataclass(frozen=True)
class FramesRead:
    """A clip is being looked through for cuts: so many frames so far, and shots that began in them."""

    frames: int
    shots: int
    total: int | None
    """How many there are; None where only reading tells."""


@dataclass(frozen=True)
class FilmStarted:
    """The plan of a film: its frames and shots, and how many frames were painted before."""

    frames: int
    shots: int
    height_px: int
    width_px: int
    painted: int
    estimated_seconds: float
    """Seconds that the frames left will take, about."""
    needed_bytes: int
    """Room on the disk that its frames take until the film is written, about."""


@dataclass(frozen=True)
class ShotStarted:
    """A shot begins with this frame of the film; both count from 0."""

    shot: int
    frame: int
    frames: int


@dataclass(frozen=True)
class FrameDone:
    """A frame of the film is painted and on disk; `frame` counts from 0."""

    shot: int
    frame: int
    frames: int
    seconds: float
    """Seconds since painting began."""
    seconds_left: float
    pixels: NDArray[np.float32] | None = field(default=None, repr=False)
    """The frame, [height, width, 3] in [0, 1], where `Controls.preview` asked for it."""


@dataclass(frozen=True)
class FilmDone:
    """The film is written; `stopped`: as far as it had come when it was asked to stop."""

    path: str
    frames: int
    shots: int
    stopped: bool
    seconds: float


Event = (
    FetchProgressed
    | RunStarted
    | Resumed
    | ScaleStarted
    | StepDone
    | Steered
    | PreviewReady
    | CheckpointSaved
    | Notice
    | RunDone
    | FramesRead
    | FilmStarted
    | ShotStarted
    | FrameDone
    | FilmDone
)


def event_fields(event: Event) -> dict[str, Any]:
    """``{"event": "StepDone", ...}``: the fields of an event as JSON can hold them, without pictures."""
    values = {field.name: getattr(event, field.name) for field in dataclasses.fields(event)}
    return {"event": type(event).__name__} | {
        name: value for name, value in values.items() if name not in ("pixels", "pastiche")
    }


@dataclass
class Controls:
    """Controls that steer a run from outside; read at every step boundary."""

    stop: bool = False
    """End after this step with the picture as it stands."""
    preview: bool = False
    """Yield a PreviewReady after this step, or before a scale's first; the engine sets it back to False."""
    strength: float | None = None
    """Go on with this strength, 0-100; None: with what the options say. Every change is a `Steered`."""
    color_strength: float | None = None
    """Go on with this strength of a colour mode, 0-100; None: with what the options say."""
