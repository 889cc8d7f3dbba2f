"""Coarse to fine: the scales of a run, and the canvas of each."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from impasto.engine.scales import scale_edges
from impasto.images.resize import fit_long_edge
from impasto.images.tensors import extend_mirrored
from impasto.losses.tiles import Core
from impasto.options.fields import PaintOptions

MIN_MARGIN_PX = 8
MAX_MARGIN_PX = 64  # what relu5_1 reads beyond a position: more is of no use
MAX_ENLARGEMENT = 2  # of a painting past its own pixels
SHORTEST_TUNED_PX = 32  # short side at which a stylizer is tuned, at least
CANVAS_MULTIPLE_PX = 16  # stride of relu5_1: pooling then drops no row or column of the canvas


@dataclass(frozen=True)
class Scale:
    """One rung: the picture's size, its place on the canvas, and the most steps spent there.

    The canvas is the picture continued by reflection and cropped again at the end of the run: the encoder's
    border effects fall on what is cropped.
    """

    core: Core
    canvas_height_px: int
    canvas_width_px: int
    steps: int

    @property
    def height_px(self) -> int:
        return self.core.height_px

    @property
    def width_px(self) -> int:
        return self.core.width_px

    @property
    def long_edge_px(self) -> int:
        return max(self.height_px, self.width_px)

    @property
    def canvas_pixels(self) -> int:
        return self.canvas_height_px * self.canvas_width_px

    def extend(self, picture: Float[Tensor, "1 c height width"]) -> Float[Tensor, "1 c canvas_h canvas_w"]:
        """Put a picture of this scale's size on its canvas."""
        return extend_mirrored(
            picture, self.core.top_px, self.core.left_px, self.canvas_height_px, self.canvas_width_px
        )

    def crop(self, canvas: Float[Tensor, "1 c canvas_h canvas_w"]) -> Float[Tensor, "1 c height width"]:
        """Cut the picture out of its canvas."""
        return self.core.cut(canvas, 1)


def build_pyramid(height_px: int, width_px: int, options: PaintOptions) -> list[Scale]:
    """Scales up to the pastiche's own size, all of its aspect ratio.

    A picture that wraps around has no margin, and whole strides of the deepest layer as its sides. The stylizer
    continues a picture by itself: it needs no margin either, and takes steps at the first scale alone.
    """
    wraps, tunes = options.padding_mode == "circular", options.medium == "stylizer"
    margin = 0.0 if wraps or tunes else options.margin
    scales, edges = [], scale_edges(max(height_px, width_px), options)
    if tunes and len(edges) > 1:  # a panorama is tuned larger: the stylizer needs some height
        edges[0] = min(
            edges[1], max(edges[0], -(-SHORTEST_TUNED_PX * max(height_px, width_px) // min(height_px, width_px)))
        )
    for index, edge_px in enumerate(edges):
        height, width = fit_long_edge(height_px, width_px, edge_px)
        if wraps:
            height, width = _whole_strides(height), _whole_strides(width)
        top, canvas_height = _canvas(height, edge_px, margin)
        left, canvas_width = _canvas(width, edge_px, margin)
        steps = 0 if tunes and index else options.steps[min(index, len(options.steps) - 1)]
        scales.append(Scale(Core(top, left, height, width), canvas_height, canvas_width, steps))
    return scales


def painting_size(height_px: int, width_px: int, long_edge_px: int, brush_scale: float) -> tuple[int, int]:
    """(height, width) at which a painting of the given own size is read at a scale.

    As large as the scale, so that strokes keep their size against the picture whatever its own; enlarged past
    its own pixels by no more than `MAX_ENLARGEMENT`, where it has no strokes left to show.
    """
    return fit_long_edge(height_px, width_px, painting_edge(height_px, width_px, long_edge_px, brush_scale))


def painting_edge(height_px: int, width_px: int, long_edge_px: int, brush_scale: float) -> int:
    """The long edge of `painting_size`."""
    largest_px = max(height_px, width_px) * MAX_ENLARGEMENT
    return max(1, round(min(long_edge_px * brush_scale, largest_px)))


def _whole_strides(side_px: int) -> int:
    """The nearest side on which pooling drops nothing, so that the two ends meet."""
    return max(2, round(side_px / CANVAS_MULTIPLE_PX)) * CANVAS_MULTIPLE_PX


def _canvas(side_px: int, long_edge_px: int, margin: float) -> tuple[int, int]:
    """(offset of the picture, side of the canvas): the margin on both sides, rounded up to the multiple."""
    if margin == 0:
        return 0, side_px
    smallest = side_px + 2 * min(max(MIN_MARGIN_PX, round(margin * long_edge_px)), MAX_MARGIN_PX)
    canvas = -(-smallest // CANVAS_MULTIPLE_PX) * CANVAS_MULTIPLE_PX
    return (canvas - side_px) // 2, canvas
