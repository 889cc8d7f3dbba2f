"""The Python face: paint, iterate a run's events, paint a picture again from its record."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from impasto.errors import OptionError, did_you_mean
from impasto.events import Controls, Event
from impasto.images.picture import Picture
from impasto.images.print_size import Print
from impasto.images.reading import DEFAULT_MAX_PIXELS, load_picture, read_record
from impasto.inputs.paintings import (
    PictureLike,
    Region,
    StyleLike,
    as_paintings,
    check_regions,
    load_input,
    load_palette,
    load_style,
)
from impasto.inputs.record_inputs import input_files, read_painting, read_picture, read_region
from impasto.inputs.style_file import StyleFile
from impasto.options.fields import (
    CHECKPOINT_SECONDS,
    MIN_SCALE_PX,
    STARTING_POINTS,
    STEERABLE,
    PaintOptions,
    build_options,
    scale_edges,
)
from impasto.options.recipes import load_recipe
from impasto.runs.draft import replay_draft
from impasto.runs.interrupted import (
    RunState,
    find_run_folder,
    holds_run,
    load_sources,
    read_run,
    remove_run,
)
from impasto.runs.record import find_inputs, is_draft, is_picture_path, parse_record, wanted_files
from impasto.runs.run import Pastiche, Run

# A stop means the same step only where the plan of scales and steps is the same.
PLAN_OPTIONS = frozenset(["size_px", "shape_px", "steps", "min_scale_px", "scale_factor"])


def paint(
    content: PictureLike | None,
    style: StyleLike | None,
    *,
    regions: Sequence[Region] = (),
    recipe: str | None = None,
    controls: Controls | None = None,
    run_folder: str | os.PathLike[str] | None = None,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
    **options: Any,
) -> Pastiche:
    """Repaint `content` in the manner of `style`.

    Parameters
    ----------
    content: path of a picture, array or tensor (as `picture_from_array` takes), or `Picture`. None, without
        content layers: a texture of `style`, as the recipe ``texture`` paints.
    style: one of the same or a `Painting`, or a sequence of them, or of pairs (picture, weight), whose manners blend.
        None, with `regions`: what they leave stays the photograph; without style layers: `content` reconstructed
        from its feature maps, as the recipe ``reconstruct-content`` does.
    regions: parts of the content image with paintings of their own; `style` paints what they leave.
    recipe: name of a recipe or path of a .toml file; `options` override it.
    controls: `controls.stop = True` ends the run at the next step with the picture as it stands.
    run_folder: where a checkpoint is written every `checkpoint_seconds` (0: never), and when the run is stopped;
        `resume` goes on from there. It is removed when the run is complete. Default: none are written.
    options: fields of `PaintOptions`, such as ``size_px=800``; ``starting_point`` may be a picture too.

    Raises
    ------
    OptionError: for an option, recipe, layer or weight that cannot be used.
    InputError: for a picture or recipe that cannot be read.
    WeightsError: for missing or damaged encoder weights.
    """
    run = build_run(content, style, regions=regions, recipe=recipe, controls=controls, options=options)
    if run_folder is not None:
        run.checkpoint_folder, run.checkpoint_seconds = Path(run_folder), checkpoint_seconds
        if holds_run(run.checkpoint_folder):
            raise OptionError(f"{str(run_folder)!r} holds an interrupted run: resume it, or give another run folder")
    return _paint_and_clear(run)


def resume(run_folder: str | os.PathLike[str], *, controls: Controls | None = None) -> Pastiche:
    """Go on with an interrupted run from its last checkpoint.

    On the same machine's processor the pastiche is, bit for bit, the one that the run would have ended with.

    Raises
    ------
    CheckpointError: where there is no usable checkpoint: none, damaged, or of another version or encoder, or
        with inputs that have changed since.
    """
    run, _, _ = build_resume(run_folder, controls=controls)
    return _paint_and_clear(run)


def _paint_and_clear(run: Run) -> Pastiche:
    """Paint; a run that is complete needs its checkpoints no more."""
    pastiche = run.paint()
    if run.checkpoint_folder is not None and run.complete:
        remove_run(run.checkpoint_folder)
    return pastiche


def build_resume(
    run_folder: str | os.PathLike[str],
    *,
    controls: Controls | None = None,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
    max_pixels: int = DEFAULT_MAX_PIXELS,
) -> tuple[Run, RunState, list[str]]:
    """Read an interrupted run and its inputs; returns notes worth telling too. Raises as `resume` does."""
    folder = find_run_folder(Path(run_folder))
    state, checkpoint, notes = read_run(folder)
    pictures, inputs = load_sources(state, folder, max_pixels), state.inputs
    start = inputs.starting_picture
    run = Run(
        content=read_picture(inputs.content, pictures) if inputs.content else None,
        paintings=[read_painting(file, pictures) for file in inputs.paintings],
        regions=[read_region(region, pictures) for region in inputs.regions],
        options=state.options,
        recipe=state.recipe,
        starting_picture=read_picture(start, pictures) if start else None,
        stylizer=state.stylizer,
        palette=read_picture(inputs.palette, pictures) if inputs.palette else None,
        controls=controls or Controls(),
        stop_after=state.stop_after,
        steered=list(state.steered),
        checkpoint_folder=folder,
        checkpoint_seconds=checkpoint_seconds,
        resumed=checkpoint,
        dots_per_inch=state.dots_per_inch,
    )
    return run, state, notes


def iter_paint(
    content: PictureLike | None,
    style: StyleLike | None,
    *,
    regions: Sequence[Region] = (),
    recipe: str | None = None,
    controls: Controls | None = None,
    **options: Any,
) -> Iterator[Event]:
    """Paint as `paint` does, yielding the run's events; the last, `RunDone`, holds the pixels.

    Takes and raises what `paint` does; options and pictures are checked at once, before the first event.
    """
    return iter(build_run(content, style, regions=regions, recipe=recipe, controls=controls, options=options))


def replay(
    path: str | os.PathLike[str],
    inputs: Sequence[str | os.PathLike[str]] | None = None,
    **overrides: Any,
) -> Pastiche:
    """Paint a picture again from the record that it carries: a pastiche, or a draft.

    Its inputs are found by SHA-256 among `inputs`, beside the picture and in the working directory. On the
    same machine the pixels are the same, bit for bit, unless `overrides` (`PaintOptions`, or options that a draft
    has) change them.

    Raises
    ------
    RecordError: for a picture without a usable record, for an input that is not found, and for a draft by another
        stylizer.
    InputError, OptionError, WeightsError: as `paint` does.
    """
    if is_draft(read_record(path)):
        return replay_draft(path, inputs or (), overrides)
    return build_replay(path, inputs or (), overrides=overrides).paint()


def build_run(
    content: PictureLike | None,
    style: StyleLike | None,
    *,
    regions: Sequence[Region] = (),
    recipe: str | None = None,
    controls: Controls | None = None,
    options: Mapping[str, Any],
    sheet: Print | None = None,
    max_pixels: int = DEFAULT_MAX_PIXELS,
) -> Run:
    """Validate options and load inputs, without torch; takes and raises what `paint` does.

    The size that a sheet asks for takes the place of that in the options.
    """
    values = dict(options)
    starting_picture = None
    if not isinstance(values.get("starting_point", ""), str):
        starting_picture = load_input(values["starting_point"], max_pixels)
        values["starting_point"] = starting_picture.name
    resolved = resolve_options(recipe, values)
    if starting_picture is None:
        starting_picture = load_starting_picture(resolved, max_pixels)
    photo = None if content is None else load_input(content, max_pixels)
    check_regions(photo, regions)
    if sheet is not None and photo is not None:
        resolved = build_options({"size_px": sheet.long_edge_px(photo.height_px, photo.width_px)}, resolved)
    return Run(
        content=photo,
        paintings=as_paintings(style, max_pixels),
        regions=regions,
        options=resolved,
        recipe=recipe,
        starting_picture=starting_picture,
        palette=load_palette(resolved, max_pixels),
        controls=controls or Controls(),
        dots_per_inch=sheet.dots_per_inch if sheet else 72.0,
    )


def build_replay(
    path: str | os.PathLike[str],
    inputs: Sequence[str | os.PathLike[str]] = (),
    *,
    overrides: Mapping[str, Any],
    max_pixels: int = DEFAULT_MAX_PIXELS,
) -> Run:
    """Read a record and find its inputs, without torch; takes and raises what `replay` does."""
    picture = Path(path)
    record = parse_record(read_record(picture), picture.name)
    options = build_options(overrides, record.options)
    files = find_inputs(
        wanted_files(record, overrides),
        [picture.absolute().parent, Path.cwd()],
        [Path(file) for file in inputs],
    )
    if "encoder" in files:
        options = options.model_copy(update={"encoder": str(files["encoder"])})
    pictures: dict[str, Picture | StyleFile] = {}
    for role, file in input_files(record.inputs).items():
        if role in files and file.sha256 not in pictures:
            pictures[file.sha256] = load_style(files[role], max_pixels)
    read = record.inputs
    if read.starting_picture is not None and "starting point" in files:
        starting_picture: Picture | None = read_picture(read.starting_picture, pictures)
    else:
        starting_picture = load_starting_picture(options, max_pixels)
    if read.palette is not None and "palette" in files:
        palette: Picture | None = read_picture(read.palette, pictures)
    else:
        palette = load_palette(options, max_pixels)
    return Run(
        content=read_picture(read.content, pictures) if read.content else None,
        paintings=[read_painting(file, pictures) for file in read.paintings],
        regions=[read_region(region, pictures) for region in read.regions],
        options=options,
        recipe=record.recipe,
        starting_picture=starting_picture,
        palette=palette,
        stop_after=None if PLAN_OPTIONS & overrides.keys() else record.stopped_after,
        steered=[] if (PLAN_OPTIONS | set(STEERABLE)) & overrides.keys() else list(record.steered),
        replayed=record,
    )


def enlarge(
    path: str | os.PathLike[str],
    size_px: int,
    inputs: Sequence[str | os.PathLike[str]] | None = None,
    **overrides: Any,
) -> Pastiche:
    """Go on from a finished pastiche to a larger one: only the scales above its size are painted.

    The inputs are found as `replay` finds them; the pastiche itself becomes the starting point, and its record
    says how it was painted. Raises what `replay` does, and `OptionError` for a size that is not larger.
    """
    return build_enlargement(path, inputs or (), size_px=size_px, overrides=overrides).paint()


def build_enlargement(
    path: str | os.PathLike[str],
    inputs: Sequence[str | os.PathLike[str]] = (),
    *,
    size_px: int | None = None,
    sheet: Print | None = None,
    overrides: Mapping[str, Any],
    max_pixels: int = DEFAULT_MAX_PIXELS,
) -> Run:
    """Prepare what `enlarge` paints, for a size in pixels or a sheet to be printed."""
    pastiche = load_picture(path, max_pixels=max_pixels)
    own = max(pastiche.height_px, pastiche.width_px)
    if (size_px is None) == (sheet is None):
        raise OptionError("an enlargement needs its size: give --size or --print, one of them")
    size_px = size_px or (sheet.long_edge_px(pastiche.height_px, pastiche.width_px) if sheet else 0)
    if size_px <= own:
        raise OptionError(f"{pastiche.name} is {own} px long already; an enlargement is longer, got {size_px}")
    record = parse_record(read_record(path), pastiche.name)
    painted = len(scale_edges(own, record.options))
    weight = record.content_weight if record.content_weight is not None else record.options.content_weight
    onward = {
        "size_px": size_px,
        "starting_point": str(path),
        "min_scale_px": max(MIN_SCALE_PX, round(own * min(record.options.scale_factor, size_px / own))),
        "steps": record.options.steps[painted:] or record.options.steps[-1:],
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


def resolve_options(
    recipe: str | None, values: Mapping[str, Any], spell: Callable[[str], str] = "option {}".format
) -> PaintOptions:
    """Lay `values` over a recipe over the defaults; an error in the recipe names it."""
    base = None
    if recipe is not None:
        recipe_values = load_recipe(recipe)
        try:
            base = build_options(recipe_values)
        except OptionError as error:
            raise OptionError(f"recipe {recipe}: {error}") from error
    return build_options(values, base, spell=spell)


def load_starting_picture(options: PaintOptions, max_pixels: int = DEFAULT_MAX_PIXELS) -> Picture | None:
    """Load the starting point where it is a picture's path; None where it is one of the named ones."""
    start = options.starting_point
    if not is_picture_path(start):
        return None
    if not Path(start).suffix and not Path(start).exists():
        near = did_you_mean(start, STARTING_POINTS)
        raise OptionError(f"unknown starting point {start!r}{near} (or a picture file)")
    return load_picture(start, max_pixels=max_pixels)
