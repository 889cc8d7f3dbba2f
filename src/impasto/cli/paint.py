"""The commands that paint one picture: ``impasto paint``, ``enlarge``, ``resume`` and ``replay``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from impasto.cli.encoders import provide_encoder
from impasto.cli.first_words import why_not_resumed
from impasto.cli.output import ANYWHERE, Output, carry_out, check_interval
from impasto.cli.pictures import (
    batch_command,
    check_photo,
    paintings_part,
    pop_size,
    read_painting,
    read_photo,
    size_beside,
)
from impasto.cli.syntax import (
    PAINTINGS_HELP,
    CheckpointEvery,
    MaxPixels,
    Overwrite,
    Photo,
    PrintSize,
    Quiet,
    Recipe,
    Regions,
    Trust,
    asks,
    given_options,
    output_flag,
    parse_region,
    parse_sheet,
    pixel_limit,
    with_option_flags,
)
from impasto.errors import CheckpointError, OptionError
from impasto.options.fields import CHECKPOINT_SECONDS, build_options
from impasto.options.recipes import default_recipe
from impasto.options.spelling import flag_name
from impasto.storage.places import trusts_all

InputFiles = Annotated[Path, Parameter(help="its inputs, where they are not beside it or in the working directory")]
PaintedPicture = Annotated[Path, Parameter(help="a picture that impasto painted")]


@with_option_flags
def paint(
    photo: Photo,
    /,
    *paintings: Annotated[str, Parameter(name="PAINTING", help=PAINTINGS_HELP)],
    to: Output = ANYWHERE,
    region: Regions = None,
    recipe: Recipe = None,
    print_size: PrintSize = None,
    **options: str | None,
) -> int:
    """Repaint a photo in the style of one painting or several."""
    from impasto.inputs.paintings import load_input
    from impasto.runs.build import build_run, resolve_options

    given = given_options(options)
    why = "" if recipe else default_recipe(given)[1]
    sheet = parse_sheet(print_size, given)
    size = pop_size(given)
    chosen = resolve_options(recipe, given, spell=flag_name)
    if not paintings and not region:
        raise OptionError("PAINTING is missing, a file or a bundled one by name: impasto paintings lists them")
    check_photo(photo, many=batch_command(photo, *paintings[:1]))
    to = to.place(photo, paintings_part(paintings) or "pastiche")
    bit_depth = to.check()
    picture = read_photo(photo, to.limit)
    if size is not None:
        picture = load_input(picture, to.limit)
        chosen = build_options({"size_px": size_beside(size, picture)}, chosen, spell=flag_name)
    run = build_run(
        picture,
        [read_painting(text, to.limit) for text in paintings] or None,
        regions=[parse_region(text, to.limit) for text in region or ()],
        recipe=recipe,
        options=chosen,
        sheet=sheet,
        max_pixels=to.limit,
    )
    return carry_out(run, to, bit_depth, [why] * bool(why))


@with_option_flags
def enlarge(
    picture: PaintedPicture,
    /,
    *inputs: InputFiles,
    to: Output = ANYWHERE,
    print_size: PrintSize = None,
    **options: str | None,
) -> int:
    """Paint a finished pastiche larger: through the stylizer again, or of pixels the scales above its size."""
    from impasto.images.reading import load_picture
    from impasto.runs.build import build_enlargement

    given = given_options(options)
    sheet, size = parse_sheet(print_size, given), pop_size(given)
    overrides = parse_overrides(given)
    to = to.place(picture, "large")
    to.check()
    size_px = overrides.pop("size_px", None)
    if size is not None:
        size_px = size_beside(size, load_picture(picture, max_pixels=to.limit))
    run = build_enlargement(picture, inputs, size_px=size_px, sheet=sheet, overrides=overrides, max_pixels=to.limit)
    assert run.replayed is not None
    bit_depth = to.check(run.replayed.bit_depth)
    notes = []
    if run.replayed.stopped_after is not None:
        notes.append("the picture was stopped early, and the steps left out are not painted now; replay paints them")
    return carry_out(run, to, bit_depth, notes)


def resume(  # noqa: PLR0913 (flags)
    run: Annotated[Path, Parameter(help="the run folder, or the picture that it belongs to")],
    /,
    *inputs: Annotated[Path, Parameter(help="its inputs, where they are not beside the run folder")],
    output: Annotated[Path | None, output_flag("another file to write [default: the file as planned]")] = None,
    overwrite: Overwrite = False,
    events: Annotated[Path | None, Parameter(help="write the events on to this file")] = None,
    timelapse: Annotated[Path | None, Parameter(help="write the time-lapse to this file")] = None,
    trust: Trust = False,
    max_pixels: MaxPixels = None,
    checkpoint_every: CheckpointEvery = CHECKPOINT_SECONDS,
    quiet: Quiet = False,
) -> int:
    """Go on with a run that was interrupted, from its last checkpoint."""
    from impasto.cli.resuming import output_of
    from impasto.runs.build import build_resume

    check_interval(checkpoint_every)
    if why := why_not_resumed(run):
        raise CheckpointError(why)
    trusts = trusts_all if trust else asks
    resumed, state, notes = build_resume(
        run, inputs, trusts=trusts, checkpoint_seconds=checkpoint_every, max_pixels=pixel_limit(max_pixels)
    )
    given = Output(
        None if output is None else str(output),
        overwrite=overwrite,
        events=events,
        timelapse=timelapse,
        quiet=quiet,
    )
    to, more = output_of(resumed, state, given, trusts)
    bit_depth = state.command.bit_depth if state.command else 8
    to.check_place(bit_depth)
    earlier_log = (state.command.events_bytes, state.command.events_sha256) if state.command else (0, "")
    return carry_out(resumed, to, bit_depth, [*notes, *more], earlier_log)


@with_option_flags
def replay(picture: PaintedPicture, /, *inputs: InputFiles, to: Output = ANYWHERE, **options: str | None) -> int:
    """Paint a picture again from the run record that it carries; options given override the record's."""
    from impasto.images.reading import read_record
    from impasto.runs.build import build_replay
    from impasto.runs.record import is_draft, replay_differences

    overrides = parse_overrides(given_options(options))
    to = to.place(picture, "again")
    to.check()
    if is_draft(read_record(picture)):
        from impasto.cli.draft import replay as replay_draft

        return replay_draft(picture, inputs, to, overrides)
    run = build_replay(picture, inputs, overrides=overrides, max_pixels=to.limit)
    assert run.replayed is not None
    bit_depth = to.check(run.replayed.bit_depth)
    provide_encoder(run.options.encoder, to.quiet)  # the differences depend on it
    notes = []
    if run.replayed.stopped_after != run.stop_after:
        notes.append("the picture was stopped early; with these options it is painted to the end")
    if not overrides:
        notes += [f"not the same bytes: {line}" for line in replay_differences(run.replayed, run.options)]
    return carry_out(run, to, bit_depth, notes)


def parse_overrides(given: Mapping[str, str]) -> dict[str, Any]:
    """Read the options that were given: those that override a record's."""
    return build_options(given, spell=flag_name).model_dump(include=set(given))
