"""The Python face: paint, iterate a run's events, paint a picture again from its record."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from numpy.typing import NDArray

from impasto.errors import OptionError, did_you_mean
from impasto.events import Controls, Event
from impasto.images.io import (
    DEFAULT_MAX_PIXELS,
    Picture,
    load_picture,
    picture_from_array,
    read_record,
)
from impasto.images.printing import Print
from impasto.inputs import Painting
from impasto.interrupted import (
    RunState,
    find_run_folder,
    holds_run,
    load_source,
    read_run,
    remove_run,
)
from impasto.options import (
    CHECKPOINT_SECONDS,
    MIN_SCALE_PX,
    STARTING_POINTS,
    PaintOptions,
    build_options,
    load_recipe,
    scale_edges,
)
from impasto.record import (
    find_inputs,
    is_picture_path,
    parse_record,
    wanted_files,
)
from impasto.runs import Pastiche, Run

if TYPE_CHECKING:
    from torch import Tensor

PictureLike: TypeAlias = "str | os.PathLike[str] | Picture | NDArray[Any] | Tensor"
Weighted: TypeAlias = "tuple[PictureLike, float]"
StyleLike: TypeAlias = "PictureLike | Sequence[PictureLike | Weighted]"

# A stop means the same step only where the plan of scales and steps is the same.
PLAN_OPTIONS = frozenset(["size_px", "shape_px", "steps", "min_scale_px", "scale_factor"])


def paint(
    content: PictureLike | None,
    style: StyleLike | None,
    *,
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
    style: one of the same, or a sequence of them, or of pairs (picture, weight), whose manners blend. None, without
        style layers: `content` reconstructed from its feature maps, as the recipe ``reconstruct-content`` does.
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
    run = build_run(content, style, recipe=recipe, controls=controls, options=options)
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
    start = state.starting_picture
    run = Run(
        content=load_source(state.content, folder, "content image", max_pixels) if state.content else None,
        paintings=[
            Painting(load_source(source, folder, "style image", max_pixels), source.weight)
            for source in state.paintings
        ],
        options=state.options,
        recipe=state.recipe,
        starting_picture=load_source(start, folder, "starting point", max_pixels) if start else None,
        controls=controls or Controls(),
        stop_after=state.stop_after,
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
    recipe: str | None = None,
    controls: Controls | None = None,
    **options: Any,
) -> Iterator[Event]:
    """Paint as `paint` does, yielding the run's events; the last, `RunDone`, holds the pixels.

    Takes and raises what `paint` does; options and pictures are checked at once, before the first event.
    """
    return iter(build_run(content, style, recipe=recipe, controls=controls, options=options))


def replay(
    path: str | os.PathLike[str],
    inputs: Sequence[str | os.PathLike[str]] | None = None,
    **overrides: Any,
) -> Pastiche:
    """Paint a picture again from the run record that it carries.

    Its inputs are found by SHA-256 among `inputs`, beside the picture and in the working directory. On the
    same machine the pixels are the same, bit for bit, unless `overrides` (`PaintOptions`) change them.

    Raises
    ------
    RecordError: for a picture without a usable record, and for an input that is not found.
    InputError, OptionError, WeightsError: as `paint` does.
    """
    return build_replay(path, inputs or (), overrides=overrides).paint()


def build_run(
    content: PictureLike | None,
    style: StyleLike | None,
    *,
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
        starting_picture = _load(values["starting_point"], max_pixels)
        values["starting_point"] = starting_picture.name
    resolved = resolve_options(recipe, values)
    if starting_picture is None:
        starting_picture = load_starting_picture(resolved, max_pixels)
    photo = None if content is None else _load(content, max_pixels)
    if sheet is not None and photo is not None:
        resolved = build_options({"size_px": sheet.long_edge_px(photo.height_px, photo.width_px)}, resolved)
    return Run(
        content=photo,
        paintings=[Painting(_load(picture, max_pixels), weight) for picture, weight in _weighted(style)],
        options=resolved,
        recipe=recipe,
        starting_picture=starting_picture,
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
    starting_picture = None
    if "starting point" in files:
        starting_picture = load_picture(files["starting point"], max_pixels=max_pixels)
    else:
        starting_picture = load_starting_picture(options, max_pixels)
    if "encoder" in files:
        options = options.model_copy(update={"encoder": str(files["encoder"])})
    weights = [painting.weight for painting in record.inputs.paintings]
    styles = [path for role, path in files.items() if role.startswith("style image")]
    return Run(
        content=load_picture(files["content image"], max_pixels=max_pixels) if record.inputs.content else None,
        paintings=[
            Painting(load_picture(path, max_pixels=max_pixels), weight)
            for path, weight in zip(styles, weights, strict=True)
        ],
        options=options,
        recipe=record.recipe,
        starting_picture=starting_picture,
        stop_after=None if PLAN_OPTIONS & overrides.keys() else record.stopped_after,
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


def _weighted(style: StyleLike | None) -> list[tuple[PictureLike, float]]:
    """Bring every accepted form of `style` to (picture, weight) pairs."""
    # Arrays and tensors are no Sequence; a path is one, of letters.
    if style is None:
        return []
    if isinstance(style, str) or not isinstance(style, Sequence):
        return [(style, 1.0)]
    if not style:
        raise OptionError("no style image given; give at least one painting")
    pairs: list[tuple[PictureLike, float]] = []
    for item in style:
        picture, weight = item if isinstance(item, tuple) and len(item) == 2 else (item, 1.0)
        if isinstance(weight, bool) or not isinstance(weight, Real):
            raise OptionError(f"the weight of a painting is a number, got {weight!r}")
        if not (math.isfinite(weight) and weight > 0):
            raise OptionError(f"the weight of a painting is above 0 and finite, got {float(weight):g}")
        pairs.append((cast("PictureLike", picture), float(weight)))
    return pairs


def _load(picture: PictureLike, max_pixels: int) -> Picture:
    if isinstance(picture, Picture):
        return picture
    if isinstance(picture, str | os.PathLike):
        return load_picture(picture, max_pixels=max_pixels)
    if hasattr(picture, "shape"):
        return picture_from_array(picture)
    raise OptionError(f"a picture is a path, an array, a tensor or a Picture, got {picture!r:.80}")
