"""What paints the frames of a shot, one at a time, so that nothing breathes: all read the same statistics."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from impasto.engine.regions import RegionLayout
from impasto.events import Event
from impasto.images.picture import Picture, picture_from_array
from impasto.images.tensors import pixels_to_tensor
from impasto.inputs.paintings import Region
from impasto.inputs.run_inputs import RunInputs
from impasto.inputs.style_file import MAX_MEAN
from impasto.losses.statistics import Moments
from impasto.options.fields import PaintOptions
from impasto.runs.draft import DraftOptions
from impasto.stylizer.regions import DraftPainter, SharedPhoto, joining_masks
from impasto.stylizer.statistics import CHANNELS, StyleStatistics, blend_statistics
from impasto.stylizer.stylizer import Stylizer, load_stylizer
from impasto.video.flow import Pixels, load_cv2

SAMPLED_EVERY = 4  # frames of a shot, at first
SAMPLES = 16  # at most; then every other one is dropped, and half as many are taken from there on
COLORS_PX = 48  # height of a sampled frame, where only its colours count
MAX_SUM = 1e12  # of weights: of more pixels than a frame has
MAX_COLORS = 300_000_000  # samples of colours that a file may hold

Arrays = Mapping[str, NDArray[Any]]


@dataclass
class ShotSamples:
    """Frames of a shot, evenly spread however long it is, and what they have in common."""

    stylizer: Stylizer
    _every: int = SAMPLED_EVERY
    _seen: int = 0
    _samples: list[tuple[StyleStatistics, NDArray[np.uint8]]] = field(default_factory=list)

    def see(self, pixels: Pixels) -> bool:
        """Take the next frame in, [height, width, 3] in [0, 1], at its painted size; returns whether it is a sample."""
        taken = self._seen % self._every == 0
        if taken:
            height = min(COLORS_PX, pixels.shape[0])
            width = max(1, round(pixels.shape[1] * height / pixels.shape[0]))
            cv2 = load_cv2()
            small = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
            statistics = self.stylizer.encode(pixels_to_tensor(pixels)).statistics
            self._samples.append((statistics, np.rint(small.clip(0, 1) * 255).astype(np.uint8)))
            if len(self._samples) > SAMPLES:
                self._samples, self._every = self._samples[::2], 2 * self._every
        self._seen += 1
        return taken

    def shared(self) -> SharedPhoto:
        """The sums over the samples, which count alike."""
        statistics = blend_statistics((one, 1.0) for one, _ in self._samples)
        colors = np.concatenate([small for _, small in self._samples], axis=1)
        return SharedPhoto(statistics, picture_from_array(colors, name="shot"))


def shared_to_arrays(shared: SharedPhoto) -> dict[str, NDArray[Any]]:
    """As arrays for a file; `shared_from_arrays` is the way back."""
    arrays: dict[str, NDArray[Any]] = {"colors": np.asarray(shared.colors.samples)}
    for name, sums in shared.statistics.moments.items():
        arrays |= {f"{name}.{part}": getattr(sums, part).numpy() for part in ("count", "total", "outer")}
    return arrays


def shared_from_arrays(arrays: Arrays, encoder_sha256: str) -> SharedPhoto:
    """What `shared_to_arrays` made arrays of.

    Raises `KeyError` or `ValueError` where some are missing, or are what no frame has.
    """
    moments = {}
    for name, channels in CHANNELS.items():
        count, total, outer = (arrays[f"{name}.{part}"] for part in ("count", "total", "outer"))
        fits = (count.shape, total.shape, outer.shape) == ((), (channels,), (channels, channels))
        if not fits or {count.dtype, total.dtype, outer.dtype} != {np.dtype(np.float64)} or not 0 < count < MAX_SUM:
            raise ValueError(f"{name} has no sums over a frame")
        if max(np.abs(total).max() / MAX_MEAN, np.abs(outer).max() / MAX_MEAN**2) > count:
            raise ValueError(f"{name} has means that no frame has")
        moments[name] = Moments(*map(torch.from_numpy, (count, total, outer)))
    colors = arrays["colors"]
    if colors.dtype != np.uint8 or colors.ndim != 3 or not 0 < colors.size <= MAX_COLORS:
        raise ValueError("its colours are no frames")
    return SharedPhoto(StyleStatistics(moments, encoder_sha256), picture_from_array(colors, name="shot"))


def kept_photo(frame: Picture, regions: tuple[Region, ...], options: DraftOptions | PaintOptions) -> Pixels | None:
    """Share of the photo at every place of a frame, [height, width, 1] in [0, 1]; None where none of it is kept."""
    resolved = options if isinstance(options, PaintOptions) else options.to_paint_options()
    layout = RegionLayout(RunInputs(frame, regions), resolved, paint_background=bool(regions[0].paintings))
    if not layout.painted:  # a mask that moves has left the frame
        return np.ones((frame.height_px, frame.width_px, 1), np.float32)
    if not layout.keeps_photo:
        return None
    share: Pixels = joining_masks(layout, (frame.height_px, frame.width_px))[1].numpy()[..., None]
    return share


class FramePainter(Protocol):
    """Paints the frames of a film.

    Attributes
    ----------
    stylizer: whose statistics the frames of a shot share.
    pairs: of neighbouring frames that it is tuned on before a shot is painted; 0: none.
    """

    stylizer: Stylizer
    pairs: int

    def pass_size(self, height_px: int, width_px: int) -> tuple[int, int]:
        """(height, width) at which it reads a frame of this size first."""
        ...

    def tune(self, pairs: Sequence[tuple[Picture, Picture]], arrays: Arrays) -> Generator[Event, None, Arrays]:
        """Tune on neighbouring frames of the shot of these arrays; returns what was tuned, as arrays."""
        ...

    def begin_shot(self, arrays: Arrays) -> None:
        """From here on paint frames of the shot that these arrays are of."""
        ...

    def paint(self, frame: Picture, regions: tuple[Region, ...]) -> Pixels:
        """Paint a frame at its own size, [height, width, 3] in [0, 1]; `regions` as in `RunInputs`."""
        ...


class DraftFrames:
    """Paints frames in one pass of the stylizer each."""

    pairs = 0

    def __init__(self, palette: Picture | None, options: DraftOptions) -> None:
        self._palette = palette
        self._options = options.to_paint_options()
        self.stylizer = load_stylizer(options.stylizer)
        self._painter = DraftPainter(self.stylizer)
        self._shared: SharedPhoto | None = None

    def pass_size(self, height_px: int, width_px: int) -> tuple[int, int]:
        """The frame's own size."""
        return height_px, width_px

    def tune(self, pairs: Sequence[tuple[Picture, Picture]], arrays: Arrays) -> Generator[Event, None, Arrays]:
        """Nothing is tuned."""
        yield from ()
        return {}

    def begin_shot(self, arrays: Arrays) -> None:
        """From here on paint frames of the shot of which `shared_to_arrays` gave these arrays.

        Raises what `shared_from_arrays` does.
        """
        self._shared = shared_from_arrays(arrays, self.stylizer.encoder.sha256)

    def paint(self, frame: Picture, regions: tuple[Region, ...]) -> Pixels:
        """Paint a frame at its own size, [height, width, 3] in [0, 1]; `regions`: the background first."""
        inputs = RunInputs(frame, regions, palette=self._palette)
        return self._painter.paint(inputs, self._options, max(frame.size), shared=self._shared)
