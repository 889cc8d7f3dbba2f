"""Style files made of paintings: ``impasto style save``."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from impasto.errors import InputError, OptionError
from impasto.images.picture import Picture
from impasto.images.reading import DEFAULT_MAX_PIXELS
from impasto.inputs.paintings import Painting, load_style
from impasto.inputs.style_file import (
    SCALES,
    SUFFIX,
    TOTAL_VARIATION,
    StyleFile,
    pack_style_file,
    packed,
    read_style_file,
)
from impasto.storage.atomic import check_place, write_file

# By root 2, as the scales of a run are by default; coarser ones for small brush scales.
SCALES_PX = (32, 45, 64, 91, 128, 181, 256, 362, 512, 724, 1024, 1448, 2048)
TILE_PX = 768


def save_style(
    painting: str | os.PathLike[str] | Picture,
    path: str | os.PathLike[str],
    *,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    overwrite: bool = False,
) -> StyleFile:
    """Write the style statistics of a painting, by the bundled encoder, as a style file, whole or not at all.

    Raises `InputError` for a painting that cannot be read or has under 16 px a side, `OptionError` for a path that
    does not end in .style, `OutputError` where it cannot be written.
    """
    from impasto.engine.devices import keep_threads

    target = Path(path)
    if target.suffix.lower() != SUFFIX:
        raise OptionError(f"a style file's name ends in {SUFFIX}, got {target.name!r}")
    check_place(target, overwrite=overwrite)
    picture = load_style(painting, max_pixels)
    if isinstance(picture, StyleFile):
        raise OptionError(f"{picture.name} is a style file already: give the painting")
    with keep_threads():
        data = pack_picture(picture)
    write_file(target, data, overwrite=overwrite)
    return read_style_file(target)


def pack_picture(picture: Picture) -> bytes:
    """The bytes of a painting's style file, which holds it at every scale up to twice its own size."""
    from impasto.encoders import load_encoder
    from impasto.engine.canvas import painting_canvas
    from impasto.engine.pyramid import MAX_ENLARGEMENT
    from impasto.losses.total_variation import total_variation
    from impasto.stylizer.statistics import CHANNELS, measure_style

    encoder = load_encoder("lite")
    if min(picture.height_px, picture.width_px) < 16:
        raise InputError(f"{picture.name} is {picture.width_px}x{picture.height_px} px: a painting needs 16 px a side")
    scales = [edge for edge in SCALES_PX if edge <= max(picture.height_px, picture.width_px) * MAX_ENLARGEMENT]
    columns: dict[str, list[np.ndarray]] = {}
    for edge in scales:
        canvas, _ = painting_canvas(Painting(picture), edge, 1.0)
        moments = measure_style(encoder, canvas, tile_px=TILE_PX).moments
        for layer in CHANNELS:
            columns.setdefault(f"{layer}.mean", []).append(moments[layer].mean.numpy())
            columns.setdefault(f"{layer}.covariance", []).append(packed(moments[layer].covariance.numpy()))
        columns.setdefault(TOTAL_VARIATION, []).append(np.array(float(total_variation(canvas))))
    arrays = {key: np.stack(values).astype(np.float32) for key, values in columns.items()}
    about = {
        "painting": picture.name,
        "painting_sha256": picture.sha256,
        "width_px": str(picture.width_px),
        "height_px": str(picture.height_px),
        "encoder": encoder.name,
        "encoder_sha256": encoder.sha256,
    }
    return pack_style_file(about, {SCALES: np.array(scales, np.float32), **arrays})
