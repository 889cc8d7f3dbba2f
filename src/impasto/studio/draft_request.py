"""Drafts of a request: which of its settings they show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from impasto.errors import OptionError
from impasto.runs.build import resolve_options
from impasto.studio.request import Request

DRAFT_PX = 512  # long edge; a painting that is requested smaller is drafted as small
COLOR_OPTIONS = ("color", "color_method", "color_strength")
DRAFT_OPTIONS = ("strength", "brush_scale", "size_px", "threads", *COLOR_OPTIONS, "keep_detail")
WHOLE_FROM = 50.0  # strength of a painting from which its draft is the whole draft: no draft goes further


@dataclass(frozen=True)
class Draft:
    """A draft of a request; `left_out`: in words, the settings that it does not show."""

    path: Path
    left_out: tuple[str, ...]


def reduce_to_draft(request: Request, options: Mapping[str, Any]) -> tuple[Request, tuple[str, ...]]:
    """The part of a request that a draft shows, and in words the settings that it leaves out.

    `options` are laid over the recipe, below the request's own. Raises `OptionError` without a photo or a painting.
    """
    if request.photo is None or not request.painting_files:
        raise OptionError("a draft needs a photo and at least one painting")
    chosen = {name: request.options[name] for name in DRAFT_OPTIONS if name in request.options}
    resolved = resolve_options(request.recipe, {**options, **chosen})
    color_options = COLOR_OPTIONS if resolved.color_strength > 0 else ()
    regions = tuple(
        region if region.strength is None else region.model_copy(update={"strength": draft_strength(region.strength)})
        for region in request.regions
    )
    reduced = Request(
        photo=request.photo,
        paintings=request.paintings,
        regions=regions,
        options={
            "strength": draft_strength(resolved.strength),
            "size_px": min(DRAFT_PX, resolved.size_px or DRAFT_PX),
            **resolved.model_dump(include={"brush_scale", "threads", *color_options}),
        },
    )
    return reduced, ("kept detail",) if request.options.get("keep_detail") else ()


def draft_strength(strength: float) -> float:
    """The strength of the draft of a painting at `strength`."""
    return min(100.0, 100.0 * strength / WHOLE_FROM)
