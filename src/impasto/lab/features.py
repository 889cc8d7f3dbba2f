"""What a layer sees: its feature maps and their Gram matrix on one labelled contact sheet."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import CenteredNorm, Normalize, PowerNorm
from matplotlib.figure import Figure
from numpy.typing import NDArray

from impasto.encoders import Encoder
from impasto.errors import OptionError
from impasto.images.picture import Picture
from impasto.images.tensors import fit_long_edge
from impasto.losses.statistics import moments

COLUMNS = 8  # of feature maps
DPI = 130
# Inches.
CELL, LABEL, GAP, TITLE, LEFT = 1.15, 0.2, 0.08, 0.55, 3.6


@dataclass(frozen=True)
class Features:
    """A layer's answer to a picture.

    Attributes
    ----------
    title: picture, encoder, layer and sizes, in words.
    pixels: [height, width, 3], the picture as the encoder read it.
    maps: [channels, rows, columns].
    gram: [channels, channels], second moments over the positions (Gatys et al., arXiv 1508.06576, eq. 3, divided by
        the number of positions).
    energies: [channels], each channel's share of the sum of squares.
    """

    title: str
    pixels: NDArray[np.float32] = field(repr=False)
    maps: NDArray[np.float32] = field(repr=False)
    gram: NDArray[np.float64] = field(repr=False)
    energies: NDArray[np.float64] = field(repr=False)


def read_features(encoder: Encoder, picture: Picture, layer: str, *, size_px: int = 512) -> Features:
    """Feature maps of `picture`, brought to a long edge of `size_px` (never enlarged), at `layer`.

    Raises `OptionError` for an unknown layer, and for one that has no position on so small a picture.
    """
    facts = encoder.architecture.layer(layer)
    long_edge = min(size_px, max(picture.height_px, picture.width_px))
    height, width = fit_long_edge(picture.height_px, picture.width_px, long_edge)
    if min(height, width) < facts.stride_px:
        raise OptionError(f"{layer} needs {facts.stride_px} px a side, {picture.name} has {width}x{height} px")
    pixels = picture.pixels(height, width)
    with torch.no_grad():
        maps = encoder(torch.from_numpy(pixels).permute(2, 0, 1)[None].to(encoder.dtype), [layer])[layer]
        gram = moments(maps).second_moment
    energies = gram.diagonal().clamp_min(0).numpy()
    title = (
        f"{picture.name}, {width}x{height} px    {encoder.name} {layer}: {facts.channels} channels, "
        f"{maps.shape[3]}x{maps.shape[2]} positions, each reads {facts.receptive_field_px} px"
    )
    return Features(title, pixels, maps[0].numpy(), gram.numpy(), energies / max(energies.sum(), 1e-300))


def draw_features(features: Features, *, channels: int = 48) -> NDArray[np.float32]:
    """Contact sheet [height, width, 3] of picture, Gram matrix and the strongest `channels`, strongest first.

    A rectified map runs from 0 (black) to its own maximum; one before the rectifier around 0 (white).
    """
    chosen = np.argsort(-features.energies, kind="stable")[:channels]
    aspect = features.pixels.shape[0] / features.pixels.shape[1]
    cell_height = CELL * min(max(aspect, 0.4), 2.5)
    rows, columns = -(-len(chosen) // COLUMNS), min(COLUMNS, len(chosen))
    picture_height, gram_side = min((LEFT - GAP) * aspect, 5.0), LEFT - 0.6
    left_height = picture_height + 2 * LABEL + gram_side
    width = max(LEFT + columns * (CELL + GAP) + 4 * GAP, 9.5)
    height = TITLE + max(rows * (cell_height + LABEL + GAP), left_height) + 2 * GAP
    figure = Figure(figsize=(width, height), dpi=DPI, facecolor="white")
    canvas = FigureCanvasAgg(figure)

    def place(left: float, top: float, across: float, down: float) -> Axes:
        """Axes at inches from the upper left corner, without ticks."""
        axes = figure.add_axes(
            (left / width, 1 - (top + down) / height, across / width, down / height), xticks=[], yticks=[]
        )
        axes.spines[:].set_visible(False)
        return axes

    figure.text(GAP / width, 1 - 0.22 / height, features.title, fontsize=10, va="center")
    signed = bool(features.maps.min() < 0)
    place(GAP, TITLE, LEFT - GAP, picture_height).imshow(features.pixels)
    _draw_gram(figure, place(GAP, TITLE + picture_height + 2 * LABEL, gram_side, gram_side), features.gram, signed)
    for place_number, channel in enumerate(chosen):
        row, column = divmod(place_number, COLUMNS)
        left, top = LEFT + 3 * GAP + column * (CELL + GAP), TITLE + row * (cell_height + LABEL + GAP)
        axes = place(left, top + LABEL, CELL, cell_height)
        plane = features.maps[channel]
        scale = Normalize(0, max(float(plane.max()), 1e-30))
        axes.imshow(plane, cmap="RdBu_r" if signed else "magma", norm=CenteredNorm() if signed else scale)
        axes.set_title(f"{channel}:  {features.energies[channel]:.1%}", fontsize=7, pad=2)
    note = f"{len(chosen)} of {len(features.maps)} channels, strongest first: number, share of the sum of squares"
    figure.text((LEFT + 3 * GAP) / width, 1 - TITLE / height, note, fontsize=7, color="0.4", va="bottom")
    canvas.draw()  # type: ignore[no-untyped-call]
    sheet = np.asarray(canvas.buffer_rgba())[..., :3]  # type: ignore[no-untyped-call]
    return (sheet / 255).astype(np.float32)


def _draw_gram(figure: Figure, axes: Axes, gram: NDArray[np.float64], signed: bool) -> None:
    """A square root for the colours of rectified maps: a few strong channels would leave the rest black."""
    norm = CenteredNorm() if signed else PowerNorm(0.5, 0, max(float(gram.max()), 1e-30))
    image = axes.imshow(gram, cmap="RdBu_r" if signed else "magma", norm=norm, interpolation="nearest")
    axes.set_title("Gram matrix, per position" + ("" if signed else "; colours by the root"), fontsize=8, loc="left")
    bar = figure.colorbar(image, ax=axes, fraction=0.046, pad=0.03)
    bar.ax.tick_params(labelsize=6)
