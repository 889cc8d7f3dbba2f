"""The studio's engine room as one object: uploads, a queue of jobs, their history, what can be done with them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from impasto.studio.request import (
    FINAL_SIZE_PX,
    GRID_STRENGTHS,
    JobView,
    Request,
    Restored,
    ShelfPicture,
)

MAX_UPLOAD_BYTES = 200_000_000
MAX_PIXELS = 100_000_000


class Store:
    """Uploads and jobs in a folder; every method may be called from any thread.

    Parameters
    ----------
    folder: made if need be; one studio at a time uses it.
    max_upload_bytes, max_pixels: of a picture that is uploaded.
    devices: jobs painted at once, each on a GPU of its own; 1: one job, on whatever ``device`` says.
    options: what every job starts from; a request's own options override them.

    Raises `OutputError` where the folder cannot be used, or another studio uses it.
    """

    def __init__(
        self,
        folder: Path,
        *,
        max_upload_bytes: int = MAX_UPLOAD_BYTES,
        max_pixels: int = MAX_PIXELS,
        devices: int = 1,
        options: Mapping[str, Any] | None = None,
    ) -> None: ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What was found wrong in the folder when it was opened, a line each; nothing of it was lost."""
        raise NotImplementedError

    def keep_upload(self, picture: Path | bytes, name: str) -> Path:
        """Copy a picture into the store, under a name of ours; the same bytes are kept once.

        `name` is what the person calls it: it is shown and goes into the run record, and touches no path. Raises
        `InputError`, one line, for what is too large (bytes, or pixels, before it is decoded), damaged, or no picture.
        """
        raise NotImplementedError

    def name_of(self, path: Path) -> str:
        """What the person called an upload; the file name of anything else."""
        raise NotImplementedError

    def shelf(self, most: int = 24) -> list[ShelfPicture]:
        """Paintings to choose from: the bundled ones, then those used before, the last used first."""
        raise NotImplementedError

    def submit(self, request: Request) -> str:
        """Put a job at the end of the queue and return its id.

        Raises `OptionError` for options, recipes or combinations that cannot be used, for files that are not the
        store's, and when too many wait already; `InputError` for a file that is gone.
        """
        raise NotImplementedError

    def view(self, id: str) -> JobView:
        """The job as it stands; `OptionError` for an id that there is not."""
        raise NotImplementedError

    def history(self) -> list[JobView]:
        """All jobs, newest first."""
        raise NotImplementedError

    def stop(self, id: str) -> None:
        """End a job after this step and keep what is there, with a checkpoint to go on from; nothing if it has ended."""
        raise NotImplementedError

    def go_on(self, id: str) -> None:
        """Put a stopped, failed or cancelled job back into the queue, from its checkpoint where there is one.

        Raises `OptionError` for one that is done; nothing happens to one that waits or is being painted.
        """
        raise NotImplementedError

    def cancel(self, id: str) -> None:
        """End a job at once, without a picture and a checkpoint; nothing if it has ended."""
        raise NotImplementedError

    def delete(self, id: str) -> None:
        """Cancel a job if need be, and remove it with its pictures."""
        raise NotImplementedError

    def steer(self, id: str, *, strength: float | None = None, color_strength: float | None = None) -> None:
        """Change a job that waits or is being painted; from its next step on. Nothing if it has ended.

        Raises `OptionError` for a value out of bounds.
        """
        raise NotImplementedError

    def export(self, id: str, suffix: str) -> Path:
        """The picture as .png, .jpg, .webp or .tif with its run record inside, under a name fit for downloading.

        Raises `OptionError` for another suffix or a job that has no picture.
        """
        raise NotImplementedError

    def restore(self, picture: Path) -> Restored:
        """The settings that a pastiche was painted with; its inputs are found among uploads and samples.

        Raises `InputError` for what is no picture, `RecordError` for one without a usable run record.
        """
        raise NotImplementedError

    def grid_of(self, id: str, strengths: tuple[float, ...] = GRID_STRENGTHS) -> Request:
        """What to submit for a grid (strength x painting) of a job's photo, paintings and options."""
        raise NotImplementedError

    def final_of(self, id: str, size_px: int = FINAL_SIZE_PX) -> Request:
        """What to submit for a larger one of a job that has a picture; only the scales above its size are painted."""
        raise NotImplementedError

    def close(self) -> None:
        """Stop what is being painted, with a checkpoint, and end the workers. What waits goes on at the next start."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
