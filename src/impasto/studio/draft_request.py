"""Drafts of a request: which of its settings they show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from impasto.errors import OptionError
from impasto.options.spelling import format_value
from impasto.runs.build import resolve_options
from impasto.studio.request import Request

DRAFT_PX = 512  # long edge; a painting that is requested smaller is drafted as small
COLOR_OPTIONS = ("color", "color_method", "color_strength")
DRAFT_OPTIONS = ("strength", "brush_scale", "size_px", "threads", *COLOR_OPTIONS, "keep_detail")
NAMED = 2  # options that are left out and told by name
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
    return reduced, _left_out(request, options)


def _left_out(request: Request, options: Mapping[str, Any]) -> tuple[str, ...]:
    """In words, what a picture will have and its draft has not."""
    words = ["kept detail"] if request.options.get("keep_detail") else []
    if request.recipe is not None:
        words.append(f"the recipe {request.recipe!r}")
    usual = resolve_options(request.recipe, options).model_dump(mode="json")
    others = [name for name in request.options if name not in DRAFT_OPTIONS and name in usual]
    others = [name for name in others if _as_text(request.options[name]) != _as_text(usual[name])]
    if "variation" in others:
        others.remove("variation")
        words.append("another try")
    if others:
        names = ", ".join(name.replace("_", " ") for name in others[:NAMED])
        more = len(others) - NAMED
        words.append(f"{names} and {more} more option{'s' if more > 1 else ''}" if more > 0 else names)
    return tuple(words)


def _as_text(value: object) -> str:
    return value.strip() if isinstance(value, str) else format_value(value)


def draft_strength(strength: float) -> float:
    """The strength of the draft of a painting at `strength`."""
    return min(100.0, 100.0 * strength / WHOLE_FROM)
