"""Feature maps of a layer and their Gram matrix, on one labelled sheet."""

from __future__ import annotations

from dataclasses import dataclass, field

import matplotlib
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from impasto.encoders import Encoder
from impasto.errors import OptionError
from impasto.images.picture import Picture, picture_from_array
from impasto.images.resize import fit_long_edge
from impasto.images.sheet import Cell, Sheet, draw_sheet
from impasto.images.tensors import pixels_to_tensor
from impasto.losses.statistics import moments

COLUMNS = 8  # of feature maps
CELL_PX, LARGE_PX, BAR_PX = 150, 400, 16


@dataclass(frozen=True)
class Features:
    """The feature maps of a picture at one layer.

    Attributes
    ----------
    heading: layer and encoder, in words.
    picture, sizes: its name and size; channels, positions and how much of it each reads.
    pixels: [height, width, 3], the picture as the encoder read it.
    maps: [channels, rows, columns].
    gram: [channels, channels], second moments over the positions (Gatys et al., arXiv 1508.06576, eq. 3, divided by
        the number of positions).
    energies: [channels], each channel's share of the sum of squares.
    """

    heading: str
    picture: str
    sizes: str
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
        maps = encoder(pixels_to_tensor(pixels).to(encoder.dtype), [layer])[layer]
        gram = moments(maps).second_moment
    energies = gram.diagonal().clamp_min(0).numpy()
    return Features(
        heading=f"{layer} of {encoder.name}",
        picture=f"{picture.name}, {width}x{height} px",
        sizes=f"{facts.channels} channels, {maps.shape[3]}x{maps.shape[2]} positions, "
        f"each reads {facts.receptive_field_px} px",
        pixels=pixels,
        maps=maps[0].numpy(),
        gram=gram.numpy(),
        energies=energies / max(energies.sum(), 1e-300),
    )


def draw_features(features: Features, *, channels: int = 48) -> NDArray[np.float32]:
    """Sheet [height, width, 3] of picture and Gram matrix, and beside them the strongest `channels`, strongest first.

    With the 48 of the default it is about twice as wide as high, as a slide is.
    A rectified map runs from 0 (black) to its maximum; one before the rectifier around 0 (white). The Gram matrix
    of rectified maps is coloured by its square root: a few strong channels would leave the rest black.
    """
    strongest = np.argsort(-features.energies, kind="stable")[:channels]
    signed = bool(features.maps.min() < 0)
    cells = [
        Cell(_draw_map(features.maps[channel], signed), figures=f"{channel}:  {features.energies[channel]:.1%}")
        for channel in strongest
    ]
    strength = features.gram if signed else np.sqrt(np.maximum(features.gram, 0))
    top = np.abs(features.gram).max()
    scale = f"{-top:.3g} to {top:.3g}" if signed else f"0 to {top:.3g}, coloured by the root"
    gram = Cell(_with_bar(strength, signed), "Gram matrix: channel by channel", f"mean products, {scale}")
    picture = Cell(picture_from_array(features.pixels), features.picture, features.sizes)
    left = Sheet([[picture], [gram]], features.heading, cell_px=LARGE_PX)
    shares = "number and share of the sum of squares"
    right = Sheet(
        [cells[start : start + COLUMNS] for start in range(0, len(cells), COLUMNS)],
        note=f"The {len(cells)} strongest of {len(features.maps)} feature maps: {shares}",
        cell_px=CELL_PX,
    )
    sheets = [np.asarray(draw_sheet(sheet), np.float32) / np.float32(255) for sheet in (left, right)]
    height = max(len(sheet) for sheet in sheets)
    return np.concatenate([np.pad(s, ((0, height - len(s)), (0, 0), (0, 0)), constant_values=1) for s in sheets], 1)


def _with_bar(matrix: NDArray[np.float64], signed: bool) -> Picture:
    """A matrix and, at its right, the bar of its colours with the largest value on top."""
    side = LARGE_PX - 2 * BAR_PX
    image = Image.fromarray(_colour(matrix, signed)).resize((side, side), Image.Resampling.NEAREST)
    ramp = np.linspace(1, -1 if signed else 0, side)[:, None].repeat(BAR_PX, 1)
    gap = np.full((side, BAR_PX, 3), 255, np.uint8)
    return picture_from_array(np.concatenate([np.asarray(image), gap, _colour(ramp, signed)], 1))


def _colour(plane: NDArray[np.floating], signed: bool) -> NDArray[np.uint8]:
    """A plane as colours [height, width, 3]: from 0 to its maximum, or around 0 to its largest magnitude."""
    top = max(float(np.abs(plane).max()), 1e-30)
    scaled = (plane / top + 1) / 2 if signed else np.maximum(plane, 0) / top
    colours: NDArray[np.uint8] = matplotlib.colormaps["RdBu_r" if signed else "magma"](scaled, bytes=True)
    return np.ascontiguousarray(colours[..., :3])


def _draw_map(plane: NDArray[np.float32], signed: bool) -> Picture:
    """A feature map, a small one enlarged so that each position is a square of one colour."""
    image = Image.fromarray(_colour(plane, signed))
    if max(image.size) < CELL_PX:
        height, width = fit_long_edge(plane.shape[0], plane.shape[1], CELL_PX)
        image = image.resize((width, height), Image.Resampling.NEAREST)
    return picture_from_array(np.asarray(image))
