"""The command `impasto`: its list of commands, and paint, enlarge, resume, replay, info and recipes.

Commands that are named by a string are loaded when they are used.

Exit codes: 0 painted; 1 an input or output cannot be used; 2 wrong usage; 130 interrupted (Ctrl-C), 143 terminated and
129 hung up, all after writing a checkpoint and the picture as it stands, while a second signal quits at once; 141 the
reader of the output has gone.
"""

from __future__ import annotations

import io
import json
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, CycloptsError, Parameter

from impasto.cli.encoders import features, provide_encoder
from impasto.cli.first_words import explain_usage, lead, why_not_resumed
from impasto.cli.help import EVERYTHING, SETUP, ShortHelp, epilogue, group_of
from impasto.cli.lab import again, batch, compare, sweep
from impasto.cli.output import ANYWHERE, Output, carry_out, check_interval, print_table
from impasto.cli.pictures import (
    batch_command,
    check_photo,
    paintings_part,
    pop_size,
    read_painting,
    read_photo,
    size_beside,
)
from impasto.cli.streams import guard_streams, sane_columns, silence_output
from impasto.cli.syntax import (
    PAINTINGS_HELP,
    SWITCH,
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
    build_group,
    given_options,
    name_file,
    name_inputs,
    output_flag,
    parse_region,
    parse_sheet,
    pixel_limit,
    with_option_flags,
)
from impasto.errors import (
    CheckpointError,
    ImpastoError,
    OptionError,
    OutputError,
    first_line,
    printable,
)
from impasto.options.fields import CHECKPOINT_SECONDS, build_options
from impasto.options.recipes import default_recipe, describe_recipe, recipe_names
from impasto.options.spelling import flag_name, format_value
from impasto.storage.places import trusts_all
from impasto.version import __version__

READER_GONE = 141  # as shells report a program that SIGPIPE ended


PAIR = "PHOTO PAINTING [PAINTING...]"
LOADED_WHEN_USED = {  # by a string, with the first line of help and the usage
    "impasto.cli.studio:studio": (
        "Open the studio, a page for painting, in the browser.",
        "studio [--folder FOLDER] [--port PORT] [OPTIONS]",
    ),
    "impasto.cli.draft:draft": (
        "Repaint a photo in one pass: in a second, not in minutes.",
        f"draft {PAIR} [-o OUT] [OPTIONS]\n       impasto draft PHOTO... --paintings PAINTING... -o FOLDER [OPTIONS]",
    ),
    "impasto.cli.video:video": (
        "Repaint a clip so that it holds still, with its sound.",
        "video CLIP PAINTING [PAINTING...] [-o OUT] [--preview] [OPTIONS]",
    ),
    "impasto.cli.paintings:paintings": (
        "List the bundled paintings, which are called by name.",
        "paintings [-o SHEET] [OPTIONS]",
    ),
    "impasto.cli.paintings:sheet": (
        "Draft a photo after many paintings, on one labelled sheet.",
        "sheet PHOTO [PAINTING...] [-o SHEET] [OPTIONS]",
    ),
    "impasto.cli.reconstruct:texture": (
        "Paint a texture of any size in the style of a picture.",
        "texture IMAGE [IMAGE...] [-o OUT] [--size 2048x1024] [--seamless] [OPTIONS]",
    ),
}
GROUPS = {
    "impasto.cli.encoders:WEIGHTS": "Fetch, import and check the weights of vgg19 and vgg16.",
    "impasto.cli.reconstruct:RECONSTRUCT": "Paint a picture again from what some layers keep of it.",
    "impasto.cli.style:STYLE": "Style files: the style of a painting, without the picture.",
    "impasto.cli.style:EXPORT": "Write the stylizer for use without impasto.",
    "impasto.cli.train:TRAIN": "Train a stylizer on pictures of your own.",
}


def main(tokens: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; bugs keep their traceback."""
    if tokens is None:  # the process is ours
        guard_streams()
    if isinstance(sys.stdout, io.TextIOWrapper):  # a name may have letters that this terminal cannot show
        sys.stdout.reconfigure(errors="backslashreplace")
    sane_columns()
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # read when PyTorch is loaded: threads wait without spinning
    words = list(sys.argv[1:] if tokens is None else tokens)
    app = build_app(everything=EVERYTHING in words)
    try:
        words = lead(["--help" if word == EVERYTHING else word for word in words], list(app))
        command, bound, _ = app.parse_args(words, exit_on_error=False, print_error=False)
        code = command(*bound.args, **bound.kwargs) or 0
        print(end="", flush=True)
        return code
    except BrokenPipeError:  # as with | head
        silence_output()
        return READER_GONE
    except ImpastoError as error:
        print(f"impasto: {error}", file=sys.stderr)
        if tokens is None:
            _drop_unwritten()
        return error.exit_code
    except MemoryError as error:
        print(f"impasto: there is not enough memory ({first_line(error)}): take a smaller --size", file=sys.stderr)
        return 1
    except CycloptsError as error:
        print(f"impasto: {explain_usage(error, app)}", file=sys.stderr)
        return OptionError.exit_code
    except KeyboardInterrupt as error:
        number, onward = error.args or (signal.SIGINT, "")
        print(f"impasto: interrupted, no picture written{onward}", file=sys.stderr)
        return 128 + int(number)


def _drop_unwritten() -> None:
    """Let standard output that is full not be tried again at Python's end."""
    try:
        sys.stdout.flush()
    except (OSError, OutputError):
        silence_output()


def build_app(*, everything: bool = False) -> App:
    """Assemble the commands; `everything`: whether their help shows every flag."""
    text = "Repaint a photo in the style of a painting."
    app = build_group(
        "impasto",
        help=text,
        version=__version__,
        version_format="plaintext",
        help_formatter="default" if everything else ShortHelp(),
    )
    here: dict[Callable[..., int], str] = {
        paint: f"paint {PAIR} [-o OUT] [OPTIONS]",
        resume: "resume RUN [INPUT...] [OPTIONS]",
        enlarge: "enlarge PICTURE [INPUT...] (--size PX | --print 60x40cm@300) [-o OUT] [OPTIONS]",
        replay: "replay PICTURE [INPUT...] [-o OUT] [OPTIONS]",
        info: "info PICTURE [--json]",
        recipes: "recipes",
        sweep: f"sweep {PAIR} --vary NAME=VALUES... -o FOLDER [OPTIONS]",
        batch: "batch PHOTOS... --paintings PAINTINGS... -o FOLDER [OPTIONS]",
        compare: f"compare {PAIR} --with COLUMN... -o FOLDER [OPTIONS]",
        again: "again FOLDER [-o OTHER] [--judge ENCODER] [--ray auto|ADDRESS]",
        features: "features IMAGE --layer NAME [-o OUT] [OPTIONS]",
    }
    for command, usage in here.items():
        app.command(command, usage=f"Usage: impasto {usage}", **_help_of(command.__name__, options="OPTIONS" in usage))
    for place, (text, usage) in LOADED_WHEN_USED.items():
        name = usage.split()[0]
        settings = _help_of(name, options=name == "texture")
        app.command(place, name=name, help=text, usage=f"Usage: impasto {usage}", **settings)
    for place, text in GROUPS.items():
        name = place.partition(":")[2].lower()
        app.command(place, name=name, help=text, group=group_of(name))
    app.register_install_completion_command(help="Complete commands and flags in bash, zsh or fish.")
    for flag in (*app.help_flags, *app.version_flags, "--install-completion"):
        app[flag].group = SETUP
    return app


def _help_of(command: str, *, options: bool) -> dict[str, Any]:
    """How a command is listed, and how its help ends."""
    return {"group": group_of(command), "help_epilogue": epilogue(command, options=options)}


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


def info(
    picture: Annotated[Path, Parameter(help="a picture that impasto painted")],
    /,
    *,
    as_json: Annotated[bool, SWITCH, Parameter(name="--json", help="print the whole record as it is stored")] = False,
) -> int:
    """Print how a picture was painted, and the command that paints it: what differs from the defaults."""
    from impasto.cli.recorded_command import changed_options, paint_command
    from impasto.images.reading import read_record
    from impasto.runs.record import is_draft, parse_record

    values = read_record(picture)
    if as_json:
        print(json.dumps(values, indent=2))  # in ASCII, which every terminal can show
        return 0
    if is_draft(values):
        from impasto.cli.draft import describe

        return describe(values, picture.name)
    record = parse_record(values, picture.name)
    lines = {"painted by": f"impasto {record.impasto}" + (f", recipe {record.recipe}" if record.recipe else "")}
    lines |= name_inputs(record.inputs)
    if record.stylizer is not None:
        lines["draft by"] = name_file(record.stylizer)
    lines["encoder"] = name_file(record.encoder)
    if record.stopped_after is not None:
        lines["stopped after"] = f"scale {record.stopped_after.scale + 1}, step {record.stopped_after.step}"
    for steer in record.steered:
        changes = ", ".join(f"{flag_name(name)} {format_value(value)}" for name, value in steer.options.items())
        lines[f"at scale {steer.scale + 1}, {steer.step}"] = changes
    machine = record.machine
    lines["machine"] = (
        f"torch {machine.torch}, {machine.threads} threads, {machine.device}, {machine.instruction_set}, "
        f"{machine.architecture}, {machine.system}"
    )
    print_table(lines | {flag_name(name): format_value(value) for name, value in changed_options(record).items()})
    print(f"\nthe command, to be changed:\n{printable(paint_command(record))}")
    return 0


def recipes() -> int:
    """List the recipes: named sets of options."""
    for name in recipe_names():
        print(f"{name:20} {describe_recipe(name)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
