"""The run folder of a film: everything that is finished, so that it can be ended at any time and go on.

::

    film.json               the plan: what decides the film (as a SHA-256), its size and its shots
    times.txt               number, time and duration of every frame, a line each
    shot-00001.safetensors  what the frames of a shot have in common, or what was tuned for it
    frame-0000001.png       a finished frame, of 8 or 16 bit, with its alpha
    state.safetensors       after some frame, all that the next one depends on

Every file appears whole or not at all. The plan is written last of what is found before painting.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from impasto.errors import CheckpointError, OutputError
from impasto.images.picture import quantise
from impasto.storage.atomic import write_file
from impasto.storage.tensorfile import TensorFormat
from impasto.video.flow import Pixels, load_cv2

PLAN, TIMES, STATE = "film.json", "times.txt", "state.safetensors"
OUR_FILES = (PLAN, TIMES, STATE, "shot-*.safetensors", "frame-*.png", ".impasto-*.part")
FORMAT_VERSION = 1
PNG_EFFORT = 1  # of 9: more takes long, for little
PNG_BYTES = 0.8  # of the samples' bytes, about, for paint

Arrays = Mapping[str, NDArray[Any]]
_ARRAYS = TensorFormat("impasto-film", "1", "film", CheckpointError, covered=lambda about: about.get("frame", ""))


class FilmPlan(BaseModel):
    """What is known of a film before it is painted.

    Attributes
    ----------
    identity: SHA-256 of all that decides its frames.
    frames: how many there are. shots: where each begins, counted in frames from 0.
    frame_seconds: that one takes, about.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format_version: int = FORMAT_VERSION
    identity: str
    frames: int
    shots: tuple[int, ...]
    height_px: int
    width_px: int
    frame_seconds: float

    def shot_of(self, frame: int) -> int:
        """The shot that a frame is in, from 0."""
        return max(shot for shot, start in enumerate(self.shots) if start <= frame)


@dataclass(frozen=True)
class FrameTime:
    """A frame's place in the clip, and when it is shown."""

    index: int
    time: Fraction
    duration: Fraction


@dataclass(frozen=True)
class FilmFolder:
    """See the module's description. What cannot be written raises `OutputError`."""

    path: Path
    bit_depth: int = field(default=8)

    def make(self) -> None:
        """Make the folder, unless it is there."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"cannot make the run folder {str(self.path)!r}: {error.strerror}") from error

    def plan(self) -> FilmPlan | None:
        """The plan of the film that is in here; None where there is none, or a damaged one."""
        try:
            return FilmPlan.model_validate_json((self.path / PLAN).read_text(encoding="utf-8"))
        except (OSError, ValidationError, ValueError):
            return None

    def save_plan(self, plan: FilmPlan) -> None:
        self._write(PLAN, json.dumps(plan.model_dump(mode="json"), indent=1).encode())

    @contextmanager
    def writing_times(self) -> Iterator[Callable[[FrameTime], object]]:
        """A function that writes the time of the next frame, so that they are not all held."""
        try:
            with (self.path / TIMES).open("w", encoding="utf-8") as file:
                yield lambda one: file.write(f"{one.index} {one.time} {one.duration}\n")
        except OSError as error:
            raise OutputError(f"cannot write in {str(self.path)!r}: {error.strerror}") from error

    def times(self, first: int = 0) -> Iterator[FrameTime]:
        """The frames of the film from one of them on."""
        with (self.path / TIMES).open(encoding="utf-8") as file:
            for number, line in enumerate(file):
                if number >= first:
                    index, time, duration = line.split()
                    yield FrameTime(int(index), Fraction(time), Fraction(duration))

    def save_shot(self, shot: int, arrays: Arrays) -> None:
        self._write(f"shot-{shot + 1:05}.safetensors", _ARRAYS.pack({}, arrays))

    def load_shot(self, shot: int) -> dict[str, NDArray[Any]]:
        """What was saved of a shot; raises `CheckpointError` where it is missing or damaged."""
        return _ARRAYS.read(self.path / f"shot-{shot + 1:05}.safetensors")[1]

    def save_state(self, frame: int, arrays: Arrays) -> None:
        """Keep what the frames after this one depend on."""
        self._write(STATE, _ARRAYS.pack({"frame": str(frame)}, arrays))

    def load_state(self) -> tuple[int, dict[str, NDArray[Any]]] | None:
        """The frame after which the state was saved, and the state; None where there is none to go on from."""
        if not (self.path / STATE).exists():
            return None
        try:
            about, arrays = _ARRAYS.read(self.path / STATE)
            return int(about["frame"]), arrays
        except (CheckpointError, KeyError, ValueError):
            return None

    def save_frame(self, frame: int, pixels: Pixels, alpha: Pixels | None) -> None:
        """Write a finished frame, [height, width, 3] in [0, 1], with its alpha, [height, width]."""
        cv2 = load_cv2()
        channels = pixels[..., ::-1] if alpha is None else np.dstack([pixels[..., ::-1], alpha])
        _, data = cv2.imencode(".png", quantise(channels, self.bit_depth), [cv2.IMWRITE_PNG_COMPRESSION, PNG_EFFORT])
        self._write(self.frame_path(frame).name, data.tobytes())

    def load_frame(self, frame: int) -> tuple[Pixels, Pixels | None]:
        """A finished frame and its alpha; raises `CheckpointError` where it is missing or damaged."""
        path, cv2 = self.frame_path(frame), load_cv2()
        try:
            samples = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)
        except (OSError, cv2.error) as error:
            raise CheckpointError(f"the frame {str(path)!r} cannot be read: {error}") from error
        if samples is None or samples.ndim != 3:
            raise CheckpointError(f"the frame {str(path)!r} is damaged: remove the folder and paint the film again")
        unit = samples.astype(np.float32) / np.float32(np.iinfo(samples.dtype).max)
        return np.ascontiguousarray(unit[..., 2::-1]), unit[..., 3] if unit.shape[2] == 4 else None

    def frame_path(self, frame: int) -> Path:
        return self.path / f"frame-{frame + 1:07}.png"

    def frame_bytes(self, height_px: int, width_px: int) -> int:
        """What a frame takes on the disk, about."""
        return round(height_px * width_px * 3 * self.bit_depth / 8 * PNG_BYTES)

    def remove(self) -> None:
        """Remove what a film left here, and the folder unless there is something else in it."""
        if not self.path.is_dir():
            return
        try:
            for pattern in OUR_FILES:
                for path in self.path.glob(pattern):
                    path.unlink(missing_ok=True)
            if not any(self.path.iterdir()):
                self.path.rmdir()
        except OSError as error:
            raise OutputError(f"cannot clear the run folder {str(self.path)!r}: {error.strerror}; remove it") from error

    def _write(self, name: str, data: bytes) -> None:
        write_file(self.path / name, data, overwrite=True)
