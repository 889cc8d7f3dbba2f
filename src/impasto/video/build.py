"""Films made ready: pictures read and options checked, before the clip is opened. No torch."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from impasto.errors import InputError, OptionError
from impasto.images.reading import DEFAULT_MAX_PIXELS
from impasto.inputs.paintings import ALPHA, PaintingLike, PictureLike, Region, as_paintings
from impasto.options.fields import PaintOptions
from impasto.options.recipes import PAINTERLY
from impasto.runs.build import load_palette, resolve_options
from impasto.runs.draft import DraftOptions, build_draft_options

if TYPE_CHECKING:
    from impasto.video.masks import MovingRegion
    from impasto.video.paint import Film


def build_film(  # noqa: PLR0913 (as `impasto.film`)
    clip: str | os.PathLike[str],
    painting: PaintingLike | None,
    output: str | os.PathLike[str],
    *,
    regions: Sequence[Region | MovingRegion] = (),
    keys: Mapping[int, PictureLike] | None = None,
    piece: tuple[float | None, float | None] = (None, None),
    options: Mapping[str, Any] | DraftOptions | PaintOptions | None = None,
    overwrite: bool = False,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    **settings: Any,
) -> Film:
    """Prepare the film of `impasto.film`, which says what is taken and raised; `settings` are fields of `Film`."""
    check_clip(os.fspath(clip))
    resolved = options if isinstance(options, DraftOptions | PaintOptions) else build_draft_options(options or {})
    if painting is None and not regions and not keys:
        raise OptionError("no style image given; give at least one painting")
    if any(isinstance(region, Region) and region.mask == ALPHA for region in regions):
        raise OptionError("a region of a film is the white part of a picture; alpha is for photos")
    palette = load_palette(resolved if isinstance(resolved, PaintOptions) else resolved.to_paint_options(), max_pixels)
    background = Region(None, as_paintings(painting, max_pixels))
    from impasto.video.keys import load_keys  # loads torch, as does the film
    from impasto.video.paint import Film

    return Film(
        Path(clip),
        Path(output),
        (background, *regions),
        resolved,
        palette=palette,
        keys=load_keys(keys or {}, max_pixels),
        from_seconds=piece[0],
        to_seconds=piece[1],
        overwrite=overwrite,
        **settings,
    )


def build_film_options(
    quality: str, values: Mapping[str, Any], *, spell: Callable[[str], str] = "option {}".format
) -> DraftOptions | PaintOptions:
    """The options of a film of that quality, ``draft`` or ``paint``; raises `OptionError`."""
    if quality == "draft":
        return build_draft_options(values, spell=spell)
    if quality != "paint":
        raise OptionError(f"the quality of a film is draft or paint, got {quality!r}")
    given = {name: value for name, value in values.items() if name != "recipe"}
    return resolve_options(values.get("recipe") or PAINTERLY, given, spell)


def check_clip(text: str) -> None:
    """Refuse an address: files are not fetched. Raises `InputError`."""
    if re.match(r"\w+://", text) and not os.path.lexists(text):
        raise InputError(f"{text!r} is an address, and files are not fetched: save the clip first")
