"""Messages between the studio and its workers: one line of JSON each."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from impasto.studio.request import Request

WorkerKind = Literal["paint", "draft"]


class JobFiles:
    """Paths of the files in a job's folder; `picture` has a name fit for downloading."""

    def __init__(self, folder: Path, job_id: str) -> None:
        self.picture = folder / f"impasto-{job_id}.png"
        self.preview = folder / "preview.jpg"
        self.thumbnail = folder / "thumbnail.jpg"
        self.film = folder / f"impasto-{job_id}.mp4"
        self.time_lapse = folder / "time-lapse.webp"
        self.events = folder / "events.jsonl"
        self.checkpoints = folder / "checkpoints"
        self.grid = folder / "grid"

    def exported(self, suffix: str) -> Path:
        """Path of the picture in another format."""
        return self.picture.with_suffix(suffix)


class _Line(BaseModel):
    # A loss may be infinite: JSON as Python writes and reads it can say so.
    model_config = ConfigDict(frozen=True, ser_json_inf_nan="constants")


class Order(_Line):
    """A job for a worker, which continues from the job's checkpoint where there is one.

    Attributes
    ----------
    request: with absolute paths and complete options.
    names: the names that the person gave to the files, by path.
    source: the picture that a ``final`` enlarges.
    plan_only: say what it would take, and paint nothing. look_only: say what the clip is, and save a frame of it.
    """

    id: str
    folder: Path
    request: Request
    names: dict[str, str] = {}
    source: Path | None = None
    plan_only: bool = False
    look_only: bool = False

    @property
    def files(self) -> JobFiles:
        return JobFiles(self.folder, self.id)


class JobCommand(_Line):
    """A change to the current job: `stop` keeps its picture, `cancel` drops it, the numbers steer it."""

    id: str
    stop: bool = False
    cancel: bool = False
    strength: float | None = None
    color_strength: float | None = None


class WorkerInput(_Line):
    """A line to a worker: either an order or a command."""

    order: Order | None = None
    command: JobCommand | None = None


class StudioProgress(_Line):
    """Progress of a job.

    Attributes
    ----------
    doing: what happens before the first step, such as fetching weights; empty while painting.
    steps_done, steps: over all scales, at most; of a grid: pictures.
    scale, scales: the current scale, from 1, and their number; of a grid: the current picture.
    share_done: of the work, 0 to 1.
    size: (width, height) of the pastiche in pixels, once it is known.
    seconds: time spent painting, without pauses. seconds_left: None while it cannot be estimated.
    """

    doing: str = ""
    steps_done: int = 0
    steps: int = 0
    scale: int = 0
    scales: int = 0
    share_done: float = 0.0
    size: tuple[int, int] | None = None
    seconds: float = 0.0
    seconds_left: float | None = None


class Price(_Line):
    """What a job would take: (width, height) of the picture, seconds, and bytes of memory, as estimated."""

    size: tuple[int, int]
    seconds: float
    peak_bytes: int


class ClipFacts(_Line):
    """What is known of a clip: its frames, and how long it lasts."""

    frames: int
    seconds: float


class Ended(_Line):
    """The last line about a job; `traceback` is set where a bug ended it."""

    state: Literal["done", "stopped", "cancelled", "failed"]
    error: str | None = None
    traceback: str | None = None


class Message(_Line):
    """A worker's news about its current job.

    Attributes
    ----------
    losses: of step `progress.steps_done`. checkpoint: whether one was saved.
    """

    progress: StudioProgress | None = None
    losses: dict[str, float] | None = None
    notice: str | None = None
    checkpoint: bool = False
    price: Price | None = None
    clip: ClipFacts | None = None
    ended: Ended | None = None
