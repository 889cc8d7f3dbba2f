"""Types of the options as keywords of `impasto.paint`, for type checkers and editors.

Made from `PaintOptions` by ``python tools/options_types.py``; a test compares the two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, TypedDict

if TYPE_CHECKING:
    from impasto.inputs.paintings import PictureLike


class PaintKeywords(TypedDict, total=False):
    """Every option of a run, none of them required."""

    size_px: int | None
    shape_px: tuple[int, int] | str | None
    strength: float
    brush_scale: float
    mask_mode: Literal["inside", "simple"]
    variation: int
    color: str
    color_method: Literal["luminance", "mean-covariance", "histogram"] | None
    color_strength: float
    keep_detail: float
    starting_point: str | PictureLike
    seed: int
    medium: Literal["pixels", "stylizer"]
    encoder: str
    pooling: Literal["max", "average"]
    style_loss: Literal["wasserstein", "gram", "mmd-linear", "mmd-polynomial", "mmd-gaussian", "batch-norm"]
    style_layers: Mapping[str, float] | str
    content_layers: Mapping[str, float] | str
    style_softness: float
    content_loss: Literal["features", "structure"]
    balance: Literal["readability", "fixed"]
    content_weight: float
    style_weight: float
    tv_weight: float
    layout_weight: float
    contour_weight: float
    surface_weight: float
    loss_units: Literal["scale-free", "gatys", "tutorial"]
    optimizer: Literal["adam", "lbfgs"]
    learning_rate: float
    beta1: float
    beta2: float
    epsilon: float
    average: float
    steps: int | Sequence[int] | str
    stop_tolerance: float
    min_scale_px: int
    scale_factor: float
    margin: float
    padding_mode: Literal["reflect", "replicate", "zeros", "circular"]
    device: str
    precision: Literal["auto", "float32", "bfloat16"]
    max_memory_bytes: int | str | None
    tile_px: int | None
    threads: int | None


class DraftKeywords(TypedDict, total=False):
    """Every option of a draft, none of them required."""

    size_px: int | None
    strength: float
    brush_scale: float
    color: str
    color_method: Literal["luminance", "mean-covariance", "histogram"] | None
    color_strength: float
    stylizer: str | None
