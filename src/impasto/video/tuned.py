"""Films of the quality ``paint``: the stylizer is tuned for each shot, on neighbouring frames of it all at once.

The frames lie side by side on one canvas, a pair of neighbours in each row, and the engine tunes the network on that
canvas as it does on a photo. One term is added: what moves from a frame to its neighbour takes its paint along
(`losses.temporal`). Then every frame is painted in one pass, as in a draft.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace

import numpy as np
import torch

from impasto.encoders.weights import MAX_MAGNITUDE
from impasto.engine.devices import find_precision
from impasto.engine.paint import iter_paint
from impasto.engine.pyramid import Scale
from impasto.engine.regions import RegionLayout
from impasto.errors import OptionError
from impasto.events import Event, RunDone
from impasto.images.picture import Picture, picture_from_array
from impasto.images.resize import fit_long_edge
from impasto.images.tensors import pixels_to_tensor, tensor_to_pixels
from impasto.inputs.paintings import Region
from impasto.inputs.run_inputs import RunInputs
from impasto.losses.temporal import FlowLink
from impasto.losses.tiles import Spans
from impasto.options.fields import PaintOptions
from impasto.stylizer.regions import SharedPhoto
from impasto.stylizer.stylizer import Stylizer, load_stylizer
from impasto.stylizer.tuning import TunedStylizer, paint_tuned, pass_px
from impasto.video.flow import FlowFinder, Pixels, consistent
from impasto.video.painters import Arrays, shared_from_arrays

PAIRS = 2  # rows of the canvas
ACROSS = 2  # frames in a row
TUNED = "tuned."  # of the names of the network's weights


def is_tuned(arrays: Arrays) -> bool:
    """Whether a shot's arrays hold the weights of a network that was tuned for it."""
    return any(name.startswith(TUNED) for name in arrays)


class PairTuner(TunedStylizer):
    """Tunes the stylizer on a canvas of pairs, and keeps what it became."""

    def __init__(self, stylizer: Stylizer, inputs: RunInputs, rows: int, *, bf16: bool) -> None:
        super().__init__(stylizer, inputs, bf16=bf16)
        self._rows = rows

    def look_at(self, options: PaintOptions, layout: RegionLayout, scale: Scale) -> None:
        """As of a photo; then link each pair by its flow."""
        super().look_at(options, layout, scale)
        self.links = link_pairs(tensor_to_pixels(self._photo), self._rows)

    def finish(self, options: PaintOptions, long_edge_px: int) -> Pixels:
        """Nothing: the canvas itself is not wanted, and what is wanted is `tuned`."""
        return np.zeros((1, 1, 3), np.float32)


class TunedFrames:
    """Paints frames by a network that is tuned for their shot.

    `regions`: those that it is tuned with, the background first.

    Raises `OptionError` for options that do not paint through the stylizer.
    """

    pairs = PAIRS

    def __init__(self, regions: tuple[Region, ...], palette: Picture | None, options: PaintOptions) -> None:
        if options.medium != "stylizer":
            raise OptionError("a film is painted through the stylizer: take a recipe of that medium, such as painterly")
        self._regions, self._palette, self._options = regions, palette, options
        self.stylizer = load_stylizer()
        self._tuned: Stylizer | None = None
        self._shared: SharedPhoto | None = None

    def pass_size(self, height_px: int, width_px: int) -> tuple[int, int]:
        """The size of the first pass; from there the frame is enlarged and painted over."""
        return fit_long_edge(height_px, width_px, min(pass_px(self._options), max(height_px, width_px)))

    def tune(self, pairs: Sequence[tuple[Picture, Picture]], arrays: Arrays) -> Generator[Event, None, Arrays]:
        """Tune on pairs of neighbours, with the events of the run; returns the network's weights."""
        height, width = pairs[0][0].height_px, pairs[0][0].width_px
        small = fit_long_edge(height, width, min(self._options.min_scale_px, max(height, width)))
        canvas = np.vstack([np.hstack([one.pixels(*small) for one in pair]) for pair in pairs])
        inputs = RunInputs(picture_from_array(canvas, name="shot"), self._on_canvas(len(pairs)), palette=self._palette)
        edge = max(canvas.shape)
        # Strokes keep their size against a frame, not against the canvas.
        brush_scale = self._options.brush_scale * max(small) / edge
        sizes = {"size_px": edge, "min_scale_px": edge, "brush_scale": brush_scale}
        options = self._options.model_copy(update=sizes)
        precision = find_precision(options.precision, torch.device("cpu"))
        tuner = PairTuner(self.stylizer, inputs, len(pairs), bf16=precision is torch.bfloat16)
        for event in iter_paint(inputs, options, tuner=tuner):
            if not isinstance(event, RunDone):
                yield event
        return {TUNED + name: tensor.numpy() for name, tensor in tuner.tuned(options).network.state_dict().items()}

    def begin_shot(self, arrays: Arrays) -> None:
        """From here on paint frames of the shot whose statistics and weights these are; raises as `DraftFrames`."""
        self._shared = shared_from_arrays(arrays, self.stylizer.encoder.sha256)
        weights = {
            name.removeprefix(TUNED): torch.from_numpy(a) for name, a in arrays.items() if name.startswith(TUNED)
        }
        if not all(bool((tensor.abs() <= MAX_MAGNITUDE).all()) for tensor in weights.values()):
            raise ValueError("it holds weights that no network has")
        tuned = load_stylizer()
        try:
            tuned.network.load_state_dict(weights)
        except RuntimeError as error:  # other names or shapes
            raise ValueError("its weights are those of another network") from error
        base = self.stylizer
        self._tuned = Stylizer(base.name, base.sha256, base.encoder, tuned.network, self._options.variation)

    def paint(self, frame: Picture, regions: tuple[Region, ...]) -> Pixels:
        """Paint a frame at its own size, [height, width, 3] in [0, 1]; untuned before `begin_shot`."""
        inputs = RunInputs(frame, regions, palette=self._palette)
        stylizer = self._tuned or self.stylizer
        return paint_tuned(stylizer, inputs, self._options, max(frame.size), shared=self._shared)

    def _on_canvas(self, rows: int) -> tuple[Region, ...]:
        """The regions with their masks repeated for every frame on the canvas."""
        return tuple(
            replace(region, mask=picture_from_array(np.tile(region.mask.samples, (rows, ACROSS, 1)), name="mask"))
            if isinstance(region.mask, Picture)
            else region
            for region in self._regions
        )


def link_pairs(canvas: Pixels, rows: int) -> list[FlowLink]:
    """The links between the neighbours on a canvas [height, width, 3], of so many rows."""
    height, width = canvas.shape[0] // rows, canvas.shape[1] // ACROSS
    finder, links = FlowFinder(), []
    for row in range(rows):
        down = slice(row * height, (row + 1) * height)
        early: Spans = (down, slice(0, width))
        late: Spans = (down, slice(width, 2 * width))
        flow, back = finder.find(canvas[late], canvas[early])
        believed = consistent(flow, back).astype(np.float32)
        links.append(FlowLink(late, early, torch.from_numpy(flow)[None], pixels_to_tensor(believed[..., None])))
    return links
