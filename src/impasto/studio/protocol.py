"""What the studio and a painting process say to each other: a line of JSON each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from impasto.studio.request import Request

Trade = Literal["paint", "draft"]  # what a process does


class _Line(BaseModel):
    # A loss may be infinite: JSON as Python writes and reads it can say so.
    model_config = ConfigDict(frozen=True, ser_json_inf_nan="constants")


@dataclass(frozen=True)
class Files:
    """Where things are in a job's folder."""

    folder: Path
    id: str

    @property
    def picture(self) -> Path:
        return self.exported(".png")

    def exported(self, suffix: str) -> Path:
        """The picture in another format: a name fit for downloading."""
        return self.folder / f"impasto-{self.id}{suffix}"

    @property
    def preview(self) -> Path:
        return self.folder / "preview.jpg"

    @property
    def thumbnail(self) -> Path:
        return self.folder / "thumbnail.jpg"

    @property
    def events(self) -> Path:
        return self.folder / "events.jsonl"

    @property
    def checkpoints(self) -> Path:
        return self.folder / "checkpoints"

    @property
    def grid(self) -> Path:
        return self.folder / "grid"


class Order(_Line):
    """A job to paint: from its checkpoint, where there is one.

    Attributes
    ----------
    request: with absolute paths, and options that are complete.
    names: what people call its files, by path.
    source: the picture that a ``final`` goes on from.
    """

    id: str
    folder: Path
    request: Request
    names: dict[str, str] = {}
    source: Path | None = None

    @property
    def files(self) -> Files:
        return Files(self.folder, self.id)


class Command(_Line):
    """A change to the job in hand: end it and keep what is there, drop it, or steer it."""

    id: str
    stop: bool = False
    cancel: bool = False
    strength: float | None = None
    color_strength: float | None = None


class Progress(_Line):
    """How far a job is; see `JobView`."""

    doing: str = ""
    steps_done: int = 0
    steps: int = 0
    scale: int = 0
    scales: int = 0
    share_done: float = 0.0
    size: tuple[int, int] | None = None
    seconds: float = 0.0
    seconds_left: float | None = None


class Ended(_Line):
    """The last line about a job; `traceback` where it failed for a bug."""

    state: Literal["done", "stopped", "cancelled", "failed"]
    error: str | None = None
    traceback: str | None = None


class Message(_Line):
    """Something new about the job in hand.

    Attributes
    ----------
    losses: of step `progress.steps_done`. checkpoint: whether one was saved.
    """

    progress: Progress | None = None
    losses: dict[str, float] | None = None
    notice: str | None = None
    checkpoint: bool = False
    ended: Ended | None = None


class FromStudio(_Line):
    """A line to a painting process: one of the two."""

    order: Order | None = None
    command: Command | None = None
