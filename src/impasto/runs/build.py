"""Runs made ready: options resolved, inputs read; from pictures, from a record, from a checkpoint. No torch."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from impasto.engine.scales import scale_edges
from impasto.errors import OptionError, did_you_mean
from impasto.events import Controls
from impasto.images.picture import Picture
from impasto.images.print_size import Print
from impasto.images.reading import DEFAULT_MAX_PIXELS, load_picture, read_record
from impasto.inputs.bundled import bundled_paintings, find_painting, shadow_notices
from impasto.inputs.paintings import PaintingLike, PictureLike, Region, load_input, load_style
from impasto.inputs.run_inputs import RunInputs
from impasto.options.acting import inert_notices
from impasto.options.fields import (
    CHECKPOINT_SECONDS,
    MIN_SCALE_PX,
    PALETTE,
    STARTING_POINTS,
    STEERABLE,
    PaintOptions,
    build_options,
    palette_path,
)
from impasto.options.recipes import PAINTERLY, PIXELS, default_recipe, load_recipe
from impasto.runs.interrupted import RunState, find_run_folder, read_inputs, read_run
from impasto.runs.record import ENCODER_SUFFIX, RunRecord, find_files, parse_record, wanted_files, without_overridden
from impasto.runs.run import Run
from impasto.storage.places import Trusts, elsewhere, trusts_none

# A stop means the same step only where the plan of scales and steps is the same.
PLAN_OPTIONS = frozenset(["size_px", "shape_px", "steps", "min_scale_px", "scale_factor"])


def build_run(
    photo: PictureLike | None,
    painting: PaintingLike | None,
    *,
    regions: Sequence[Region] = (),
    recipe: str | None = None,
    controls: Controls | None = None,
    options: PaintOptions | Mapping[str, Any],
    sheet: Print | None = None,
    max_pixels: int = DEFAULT_MAX_PIXELS,
) -> Run:
    """Validate options and load inputs; takes and raises what `impasto.paint` does.

    `PaintOptions` are resolved already. With a `sheet` the pastiche is as large as fits it, whatever the options say.
    """
    starting_picture: Picture | None = None
    notices: list[str] = []
    if isinstance(options, PaintOptions):
        resolved = options
    else:
        values = dict(options)
        if not isinstance(values.get("starting_point", ""), str):
            starting_picture = load_input(values["starting_point"], max_pixels)
            values["starting_point"] = starting_picture.name
        name, why = default_recipe(values, pair=photo is not None and bool(painting is not None or regions))
        notices = [why] * bool(why and recipe is None)
        resolved = resolve_options(recipe or name, values)
    inputs = RunInputs.load(
        photo,
        painting,
        regions,
        starting_picture=starting_picture or load_starting_picture(resolved, max_pixels),
        palette=load_palette(resolved, max_pixels),
        max_pixels=max_pixels,
    )
    if sheet is not None and inputs.photo is not None:
        size_px = sheet.long_edge_px(inputs.photo.height_px, inputs.photo.width_px)
        resolved = build_options({"size_px": size_px}, resolved)
    return Run(
        inputs,
        resolved,
        recipe=recipe,
        controls=controls or Controls(),
        notices=[
            *notices,
            *_inert(resolved, recipe, inputs),
            *shadow_notices(painting.picture.path for painting in inputs.paintings),
        ],
        dots_per_inch=sheet.dots_per_inch if sheet else 72.0,
    )


def build_resume(
    run_folder: str | os.PathLike[str],
    inputs: Sequence[str | os.PathLike[str]] = (),
    *,
    trusts: Trusts = trusts_none,
    controls: Controls | None = None,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
    max_pixels: int = DEFAULT_MAX_PIXELS,
) -> tuple[Run, RunState, list[str]]:
    """Read an interrupted run and its inputs; returns notes for the user too. Raises as `impasto.resume` does."""
    folder = find_run_folder(Path(run_folder))
    state, checkpoint, notes = read_run(folder, list(map(Path, inputs)), trusts)
    run = Run(
        read_inputs(state, folder, max_pixels),
        state.options,
        recipe=state.recipe,
        controls=controls or Controls(),
        stop_after=state.stop_after,
        steered=list(state.steered),
        stylizer=state.stylizer,
        checkpoint_folder=folder,
        checkpoint_seconds=checkpoint_seconds,
        resumed=checkpoint,
        dots_per_inch=state.dots_per_inch,
    )
    return run, state, notes


def build_replay(
    path: str | os.PathLike[str],
    inputs: Sequence[str | os.PathLike[str]] = (),
    *,
    overrides: Mapping[str, Any],
    max_pixels: int = DEFAULT_MAX_PIXELS,
) -> Run:
    """Read a record and find its inputs; takes and raises what `impasto.replay` does."""
    picture = Path(path)
    record = parse_record(read_record(picture), picture.name)
    options = build_options(overrides, record.options)
    wanted = wanted_files(record, overrides)
    paths = find_files(wanted, [picture.absolute().parent, Path.cwd()], list(map(Path, inputs)))
    if "encoder" in wanted:
        options = options.model_copy(update={"encoder": str(paths[record.encoder.sha256])})
    recorded = without_overridden(record.inputs, overrides)
    hashes = {file.sha256 for _, file in recorded.iter_files()}
    pictures = RunInputs.read(recorded, {sha256: load_style(paths[sha256], max_pixels) for sha256 in hashes})
    if "starting_point" in overrides:
        pictures = replace(pictures, starting_picture=load_starting_picture(options, max_pixels))
    if "color" in overrides:
        pictures = replace(pictures, palette=load_palette(options, max_pixels))
    return Run(
        pictures,
        options,
        recipe=record.recipe,
        stop_after=None if PLAN_OPTIONS & overrides.keys() else record.stopped_after,
        steered=[] if (PLAN_OPTIONS | set(STEERABLE)) & overrides.keys() else list(record.steered),
        replayed=record,
    )


def build_enlargement(
    path: str | os.PathLike[str],
    inputs: Sequence[str | os.PathLike[str]] = (),
    *,
    size_px: int | None = None,
    sheet: Print | None = None,
    overrides: Mapping[str, Any],
    max_pixels: int = DEFAULT_MAX_PIXELS,
) -> Run:
    """Prepare the run of `enlarge`, for a size in pixels or a sheet to be printed."""
    pastiche = load_picture(path, max_pixels=max_pixels)
    painted_px = max(pastiche.height_px, pastiche.width_px)
    if (size_px is None) == (sheet is None):
        raise OptionError("an enlargement needs its size: give --size or --print, one of them")
    size_px = size_px or (sheet.long_edge_px(pastiche.height_px, pastiche.width_px) if sheet else 0)
    if size_px <= painted_px:
        raise OptionError(f"{pastiche.name} is {painted_px} px long already; an enlargement is longer, got {size_px}")
    record = parse_record(read_record(path), pastiche.name)
    if record.options.medium == "stylizer":
        run = _repainting(path, inputs, record, {"size_px": size_px} | dict(overrides), max_pixels)
        run.dots_per_inch = sheet.dots_per_inch if sheet else run.dots_per_inch
        return run
    scales_painted = len(scale_edges(painted_px, record.options))
    weight = record.content_weight if record.content_weight is not None else record.options.content_weight
    onward = {
        "size_px": size_px,
        "starting_point": str(path),
        "min_scale_px": max(MIN_SCALE_PX, round(painted_px * min(record.options.scale_factor, size_px / painted_px))),
        "steps": record.options.steps[scales_painted:] or record.options.steps[-1:],
        "content_weight": weight,
        "variation": 0,
        "tile_px": None,
        "precision": "auto",
        "threads": None,
    }
    for steer in record.steered:
        onward |= steer.options
    run = build_replay(path, inputs, overrides=onward | dict(overrides), max_pixels=max_pixels)
    if sheet is not None:
        run.dots_per_inch = sheet.dots_per_inch
    return run


def _repainting(
    path: str | os.PathLike[str],
    inputs: Sequence[str | os.PathLike[str]],
    record: RunRecord,
    overrides: Mapping[str, Any],
    max_pixels: int,
) -> Run:
    """The run of a record again at another size: a stylizer is tuned at a size of its own, so it is tuned the same."""
    run = build_replay(path, inputs, overrides=overrides, max_pixels=max_pixels)
    run.steered, run.stop_after = list(record.steered), record.stopped_after
    return run


def resolve_options(
    recipe: str | None, values: Mapping[str, Any], spell: Callable[[str], str] = "option {}".format
) -> PaintOptions:
    """Lay `values` over a recipe (default: `default_recipe`) over the defaults; an error in the recipe names it."""
    recipe = recipe or default_recipe(values)[0]
    recipe_values = load_recipe(recipe)
    try:
        base = build_options(recipe_values)
    except OptionError as error:
        raise OptionError(f"recipe {recipe}: {error}") from error
    own = base.model_dump(include=recipe_values.keys() - values.keys())
    for path in elsewhere(named_files(own), Path(recipe).absolute().parent) if recipe.endswith(".toml") else ():
        raise OptionError(
            f"the recipe {recipe} names the file {str(path)!r}, which does not lie beside it or below: give it "
            "yourself, by its flag"
        )
    return build_options(values, base, spell=spell)


def named_files(options: Mapping[str, Any]) -> list[Path]:
    """The files that options name: an encoder's, a starting picture, a palette that is not bundled."""
    encoder, start, color = (str(options.get(name, "")) for name in ("encoder", "starting_point", "color"))
    palette = color.removeprefix(PALETTE) if color.startswith(PALETTE) else ""
    files = [encoder if encoder.endswith(ENCODER_SUFFIX) else "", "" if start in STARTING_POINTS else start]
    files.append("" if palette in bundled_paintings() and not os.path.lexists(palette) else palette)
    return [Path(file) for file in files if file]


def _inert(options: PaintOptions, recipe: str | None, inputs: RunInputs) -> Iterator[str]:
    """Notices of options that were set and cannot act; what the recipe sets was not asked for."""
    name = recipe or (PAINTERLY if options.medium == "stylizer" else PIXELS)
    masks = len(inputs.regions) > 1 or any(painting.mask is not None for painting in inputs.paintings)
    return inert_notices(options, build_options(load_recipe(name)), photo=inputs.photo is not None, regions=masks)


def load_starting_picture(options: PaintOptions, max_pixels: int = DEFAULT_MAX_PIXELS) -> Picture | None:
    """Load the starting point where it is a picture's path; None where it is one of the named ones."""
    start = options.starting_point
    if start in STARTING_POINTS:
        return None
    if not Path(start).suffix and not os.path.lexists(start):
        raise OptionError(f"unknown starting point {start!r}{did_you_mean(start, STARTING_POINTS)} (or a picture file)")
    return load_picture(start, max_pixels=max_pixels)


def load_palette(options: PaintOptions, max_pixels: int = DEFAULT_MAX_PIXELS) -> Picture | None:
    """Load the picture whose colours `options.color` names, or the bundled painting; None where it names none."""
    path = palette_path(options)
    return load_picture(find_painting(path), max_pixels=max_pixels) if path else None
