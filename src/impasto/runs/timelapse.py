"""Time-lapses: the frames of a run worth seeing, as GIF, WebP or MP4.

Painting changes much at first and little later. So frames are chosen by what is seen: from each to the next the
picture changes by about as much, however many steps that takes.
"""

from __future__ import annotations

import hashlib
import itertools
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from impasto.errors import OptionError, OutputError, did_you_mean
from impasto.events import (
    CheckpointSaved,
    Controls,
    Event,
    PreviewReady,
    Resumed,
    RunDone,
    RunStarted,
    ScaleStarted,
    StepDone,
)
from impasto.images.animation import Frame, encode_gif, encode_webp
from impasto.images.resize import fit_long_edge
from impasto.storage.atomic import check_place, open_whole, unwritable, write_file, write_whole
from impasto.storage.files import read_own
from impasto.storage.hashing import SENT_BYTES, hash_file
from impasto.storage.installed import install_command
from impasto.storage.tensorfile import map_array

FORMATS = (".gif", ".webp", ".mp4")
DEFAULT_SIZE_PX = 480
DEFAULT_SECONDS = 4.0
FRAMES_PER_SECOND = 12
HOLD_SECONDS = 2.0  # the last frame
GIF_BYTES = 5_000_000  # aimed at for `DEFAULT_SIZE_PX`, in proportion to the pixels for larger ones
SAVED = "frame-saved.sha256"  # in the run folder: of the time-lapse, where it was saved before the run was complete
MAX_FRAME_BYTES = 4096 * 4096 * 3 + 4096
LOOK_PX = 64  # long edge of what change is measured on
FIRST_CHANGE = 1 / 256  # root mean square of the change that makes another candidate, to begin with
CANDIDATES = 2  # times the frames wanted, before the change is raised
RAISE = 1.25


@dataclass(frozen=True)
class Candidate:
    """A frame that may be shown, after which step it was taken, and a small copy to compare."""

    scale: int
    step: int
    frame: Frame = field(repr=False)
    look: NDArray[np.float32] = field(repr=False)

    @property
    def file_name(self) -> str:
        return f"frame-{self.scale:02}-{self.step:06}.npy"


class TimeLapse:
    """Watches a run and keeps some of its pictures.

    Parameters
    ----------
    path: .gif, .webp or .mp4.
    size_px: long edge of the frames, at most that of the pastiche.
    seconds: how long it runs, the last frame's hold not counted.
    folder: of the run's checkpoints: frames are kept there too and found again when it is resumed.
    overwrite: whether `path` may exist.

    Raises `OptionError` for another extension, a size or duration that is none, and an .mp4 without the extra
    ``video``; `OutputError` where the file cannot be written.
    """

    def __init__(
        self,
        path: Path,
        *,
        size_px: int = DEFAULT_SIZE_PX,
        seconds: float = DEFAULT_SECONDS,
        folder: Path | None = None,
        overwrite: bool = False,
    ) -> None:
        check_time_lapse(path, size_px=size_px, seconds=seconds, overwrite=overwrite)
        self.path, self._size_px, self._overwrite = path, size_px, overwrite
        self._folder = folder
        self._wanted = max(2, round(seconds * FRAMES_PER_SECOND))
        self._frame_px = (0, 0)
        self._change = FIRST_CHANGE
        self._candidates: list[Candidate] = []
        self._last: Candidate | None = None

    def watch(self, event: Event, controls: Controls) -> None:
        """Take an event of the run in; asks for a preview after every step."""
        if isinstance(event, RunStarted):
            self._frame_px = _even_size(*event.scales_px[-1], self._size_px)
        elif isinstance(event, Resumed):
            self._restore(event)
        elif isinstance(event, ScaleStarted | StepDone):
            controls.preview = True
        elif isinstance(event, PreviewReady):
            self._consider(self._reduced(event.scale, event.step, event.pixels))
        elif isinstance(event, CheckpointSaved):
            self._keep()
        elif isinstance(event, RunDone):
            self._last = self._reduced(-1, 0, event.pixels)

    def frames(self) -> list[Frame]:
        """The frames chosen so far, the pastiche last where the run is done."""
        shown = [*self._candidates, *([self._last] if self._last else [])]
        changes = [difference(before.look, after.look) for before, after in itertools.pairwise(shown)]
        return [shown[index].frame for index in choose_even(changes, self._wanted)]

    def save(self) -> None:
        """Write the file, whole or not at all; raises `OutputError`. The run folder knows it again, by its SHA-256."""
        frames = self.frames()
        if not frames:
            raise OutputError(f"cannot write {str(self.path)!r}: the run showed no picture")
        try:
            data = encode(frames, self.path.suffix.lower())
            if self._folder is not None and self._folder.is_dir():
                write_whole(self._folder / SAVED, hashlib.sha256(data).hexdigest().encode(), part=f"{SAVED}.partial")
        except (OSError, MemoryError) as error:  # libav's errors are of the first kind, as those of a disk
            raise unwritable(self.path, getattr(error, "strerror", None) or str(error)) from error
        write_file(self.path, data, overwrite=self._overwrite)

    def _reduced(self, scale: int, step: int, pixels: NDArray[np.float32]) -> Candidate:
        from impasto.images.tensors import pixels_to_tensor, resize, tensor_to_pixels  # loads torch

        picture = pixels_to_tensor(pixels)
        frame = (resize(picture, *self._frame_px).clamp(0, 1) * 255).round().byte()
        # Of the frame itself: one that is read again after a resumption then compares as before.
        look = resize(frame / 255, *fit_long_edge(*self._frame_px, LOOK_PX), mode="bilinear")
        return Candidate(scale, step, tensor_to_pixels(frame), tensor_to_pixels(look))

    def _consider(self, candidate: Candidate) -> None:
        if self._candidates and difference(self._candidates[-1].look, candidate.look) < self._change:
            return
        self._candidates.append(candidate)
        while len(self._candidates) > CANDIDATES * self._wanted:
            self._change *= RAISE
            kept = self._candidates[:1]
            for one in self._candidates[1:]:
                if difference(kept[-1].look, one.look) >= self._change:
                    kept.append(one)
            self._candidates = kept

    def _keep(self) -> None:
        """Bring the frames in the run folder up to date with those kept here."""
        if self._folder is None:
            return
        there = {path.name for path in self._folder.glob("frame-*.npy")}
        here = {candidate.file_name: candidate for candidate in self._candidates}
        try:
            for name in here.keys() - there:
                with open_whole(self._folder / name, part=f"{name}.partial") as file:
                    np.save(file, here[name].frame)
            for name in there - here.keys():
                (self._folder / name).unlink(missing_ok=True)
        except OSError:
            return  # a time-lapse is not worth the run: a resumed one then begins later

    def _restore(self, event: Resumed) -> None:
        """Take up the frames of the run so far; those that cannot be read are left out."""
        for path in sorted(self._folder.glob("frame-*.npy")) if self._folder else ():
            try:
                scale, step = map(int, path.stem.split("-")[1:])
                if path.is_symlink() or path.stat().st_size > MAX_FRAME_BYTES:
                    continue
                frame = map_array(path)
            except (OSError, ValueError):
                continue
            fits = frame.shape == (*self._frame_px, 3) and frame.dtype == np.uint8
            if fits and (scale, step) <= (event.scale, event.step):
                self._consider(self._reduced(scale, step, (frame / np.float32(255)).astype(np.float32)))


def is_time_lapse_of(path: Path, folder: Path) -> bool:
    """Whether a file is the time-lapse that a run saved when it was interrupted, which its resumed run replaces."""
    try:
        return read_own(folder / SAVED, 64).decode() == hash_file(path, SENT_BYTES)
    except (OSError, ValueError):
        return False


def check_time_lapse(
    path: Path, *, size_px: int = DEFAULT_SIZE_PX, seconds: float = DEFAULT_SECONDS, overwrite: bool = False
) -> None:
    """Refuse a time-lapse that cannot be made, before anything is painted; raises as `TimeLapse` does."""
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise OptionError(f"a time-lapse is .gif, .webp or .mp4, got {str(path)!r}{did_you_mean(suffix, FORMATS)}")
    if not 16 <= size_px <= 4096:
        raise OptionError(f"the size of a time-lapse is 16 to 4096 px, got {size_px}")
    if not 0.1 <= seconds <= 120:
        raise OptionError(f"a time-lapse takes 0.1 to 120 seconds, got {seconds:g}")
    if suffix == ".mp4":
        _load_av()
    check_place(path, overwrite=overwrite)


def difference(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Root mean square of the change from one picture to another."""
    return float(np.sqrt(np.square(one - other).mean()))


def choose_even(changes: Sequence[float], wanted: int) -> list[int]:
    """Choose at most `wanted` of a sequence of pictures so that as much changes from each chosen to the next.

    `changes` are the differences from each picture to its next, one fewer than pictures; the first and the last are
    always chosen. Returns places, ascending.
    """
    path = np.concatenate([[0.0], np.cumsum(changes)])
    if len(path) <= wanted:
        return list(range(len(path)))
    goals = np.linspace(0, path[-1], wanted)
    after = np.searchsorted(path, goals).clip(1, len(path) - 1)
    nearest = np.where(goals - path[after - 1] <= path[after] - goals, after - 1, after)
    return [int(place) for place in np.unique([0, *nearest, len(path) - 1])]


def encode(frames: Sequence[Frame], suffix: str) -> bytes:
    """Encode frames of one size at `FRAMES_PER_SECOND`, the last held; `suffix` is one of `FORMATS`."""
    if suffix == ".mp4":
        return _encode_mp4(frames)
    delays = [round(1000 / FRAMES_PER_SECOND)] * (len(frames) - 1) + [round(1000 * HOLD_SECONDS)]
    if suffix == ".webp":
        return encode_webp(frames, delays)
    height_px, width_px = frames[0].shape[:2]
    larger = max(1.0, (max(height_px, width_px) / DEFAULT_SIZE_PX) ** 2)
    return encode_gif(frames, delays, max_bytes=round(GIF_BYTES * larger))


def _encode_mp4(frames: Sequence[Frame]) -> bytes:
    av = _load_av()
    height_px, width_px = frames[0].shape[:2]
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "time-lapse.mp4"  # a file: its index is moved to the front at the end
        with av.open(str(target), "w", options={"movflags": "+faststart"}) as container:
            stream = container.add_stream("libx264", rate=FRAMES_PER_SECOND, options={"crf": "20"})
            stream.width, stream.height, stream.pix_fmt = width_px, height_px, "yuv420p"
            held = round(HOLD_SECONDS * FRAMES_PER_SECOND)
            for number, pixels in enumerate([*frames, *[frames[-1]] * (held - 1)]):
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
                frame.pts, frame.time_base = number, Fraction(1, FRAMES_PER_SECOND)
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        return target.read_bytes()


def _load_av() -> Any:
    try:
        import av
    except ImportError as error:
        raise OptionError(f"an .mp4 needs the extra 'video': {install_command('video')}; .gif needs none") from error
    return av


def _even_size(height_px: int, width_px: int, long_edge_px: int) -> tuple[int, int]:
    """Frames of even sides, which MP4 wants, of the same shape and never larger."""
    scale = min(1.0, long_edge_px / max(height_px, width_px))
    return max(2, round(height_px * scale / 2) * 2), max(2, round(width_px * scale / 2) * 2)
