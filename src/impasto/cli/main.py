"""The command line: painting, enlarging, resuming and replaying; recipes, features, weights.

``reconstruct`` and ``texture`` are in `cli_reconstruct`, named by strings: they are loaded when they are wanted.

Exit codes: 0 painted, 1 an input or output cannot be used, 2 wrong usage, 130 interrupted (Ctrl-C) and 143
terminated, both after writing a checkpoint and the picture as it stands; a second signal quits at once; 141 where
nobody reads on what is printed.
"""

from __future__ import annotations

import io
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import App, CycloptsError, MissingArgumentError, Parameter

from impasto.cli.encoders import build_weights_app, features, fetch_encoder
from impasto.cli.lab import again, batch, compare, sweep
from impasto.cli.output import Output, carry_out, check_interval
from impasto.cli.syntax import (
    GENERAL,
    PAINTINGS_HELP,
    SWITCH,
    Regions,
    name_file,
    name_inputs,
    parse_painting,
    parse_region,
    parse_sheet,
    with_option_flags,
)
from impasto.errors import ImpastoError, InputError, OptionError, RecordError, printable
from impasto.options.fields import CHECKPOINT_SECONDS, build_options
from impasto.options.recipes import describe_recipe, recipe_names
from impasto.options.spelling import flag_name, format_value
from impasto.version import __version__

NOBODY_READS = 141  # as shells say of a program that SIGPIPE ended


def main(tokens: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; bugs keep their traceback."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # names may have letters that this terminal has not
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        command, bound, _ = build_app().parse_args(
            sys.argv[1:] if tokens is None else list(tokens), exit_on_error=False, print_error=False
        )
        code = command(*bound.args, **bound.kwargs) or 0
        print(end="", flush=True)
        return code
    except BrokenPipeError:  # who read what is printed has gone (| head): the rest goes nowhere, at Python's end too
        with Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
        return NOBODY_READS
    except ImpastoError as error:
        print(f"impasto: {error}", file=sys.stderr)
        return error.exit_code
    except CycloptsError as error:
        print(f"impasto: {explain_usage(error)}", file=sys.stderr)
        return OptionError.exit_code
    except KeyboardInterrupt as error:
        number, onward = error.args or (signal.SIGINT, "")
        print(f"impasto: interrupted, no picture written{onward}", file=sys.stderr)
        return 128 + int(number)


def explain_usage(error: CycloptsError) -> str:
    """Put wrong usage into one line of ours."""
    if isinstance(error, MissingArgumentError) and error.keyword is not None:
        return f"{error.keyword} needs a value"
    if isinstance(error, MissingArgumentError) and error.argument is not None:
        command = " ".join(["impasto", *(error.command_chain or ())])
        return f"{error.argument.name} is missing; {command} --help shows how it is used"
    return " ".join(str(error).split())


def build_app() -> App:
    """Assemble the commands; the flags of painting are made from `PaintOptions`."""
    app = App(
        name="impasto",
        version=__version__,
        help="Repaint a photograph in the manner of a painting.",
        help_format="plaintext",
        version_format="plaintext",
    )
    usage = "Usage: impasto {}"
    app.command(paint, usage=usage.format("paint PHOTO PAINTING [PAINTING...] -o OUT [OPTIONS]"))
    app.command(resume, usage=usage.format("resume RUN [OPTIONS]"))
    app.command(
        enlarge, usage=usage.format("enlarge PICTURE [INPUT...] (--size PX | --print 60x40cm@300) -o OUT [OPTIONS]")
    )
    app.command(replay, usage=usage.format("replay PICTURE [INPUT...] -o OUT [OPTIONS]"))
    app.command(info, usage=usage.format("info PICTURE [--json]"))
    app.command(recipes, usage=usage.format("recipes"))
    app.command(
        sweep, usage=usage.format("sweep PHOTO PAINTING [PAINTING...] --vary NAME=VALUES... -o FOLDER [OPTIONS]")
    )
    app.command(batch, usage=usage.format("batch PHOTOS... --paintings PAINTINGS... -o FOLDER [OPTIONS]"))
    app.command(
        compare, usage=usage.format("compare PHOTO PAINTING [PAINTING...] --with COLUMN... -o FOLDER [OPTIONS]")
    )
    app.command(again, usage=usage.format("again FOLDER [-o OTHER] [--judge ENCODER] [--ray auto|ADDRESS]"))
    app.command(features, usage=usage.format("features IMAGE --layer NAME [-o OUT] [OPTIONS]"))
    app.command(build_weights_app())
    app.command(
        "impasto.cli.studio:studio",
        name="studio",
        help="Open the studio, a page for painting, in the browser.",
        usage=usage.format("studio [--folder FOLDER] [--port PORT] [OPTIONS]"),
    )
    app.command(
        "impasto.cli.draft:draft",
        name="draft",
        help="Repaint a photograph in one pass: a second, not minutes.",
        usage=usage.format("draft PHOTO PAINTING [PAINTING...] -o OUT [OPTIONS]\n")
        + "       impasto draft PHOTO... --paintings PAINTING... -o FOLDER [OPTIONS]",
    )
    app.command("impasto.cli.style:STYLE", name="style", help="Style files: what is known of a painting, without it.")
    app.command("impasto.cli.style:EXPORT", name="export", help="Write the stylizer for use without impasto.")
    app.command("impasto.cli.train:TRAIN", name="train", help="Train a stylizer on pictures of your own.")
    app.command(
        "impasto.cli.reconstruct:texture",
        name="texture",
        help="Paint a texture of any size in the manner of a picture.",
        usage=usage.format("texture IMAGE [IMAGE...] -o OUT [--size 2048x1024] [--seamless] [OPTIONS]"),
    )
    app.command(
        "impasto.cli.reconstruct:RECONSTRUCT",
        name="reconstruct",
        help="Paint a picture from what layers of it keep.",
    )
    return app


PrintSize = Annotated[
    str | None,
    Parameter(
        name="--print", metavar="60x40cm@300", help="as large as fits a sheet, with its dots per inch", group=GENERAL
    ),
]


@with_option_flags
def paint(
    photo: Annotated[str, Parameter(help="the picture to repaint", group=GENERAL)],
    /,
    *paintings: Annotated[str, Parameter(name="PAINTING", help=PAINTINGS_HELP, group=GENERAL)],
    to: Output,
    region: Regions = None,
    recipe: Annotated[
        str | None,
        Parameter(help="named options (impasto recipes lists them)", metavar="NAME|FILE.toml", group=GENERAL),
    ] = None,
    print_size: PrintSize = None,
    **options: str | None,
) -> int:
    """Repaint a photograph in the manner of one painting or several.

    With --region PAINTING paints what no mask covers; without PAINTING that stays the photograph.
    """
    from impasto.api import build_run, resolve_options

    given = {name: value for name, value in options.items() if value is not None}
    resolve_options(recipe, given, spell=flag_name)
    sheet = parse_sheet(print_size, given)
    bit_depth = int(to.bit_depth or 8)
    to.check(bit_depth)
    if not paintings and not region:
        raise OptionError("PAINTING is missing; impasto paint --help shows how it is used")
    run = build_run(
        photo,
        [parse_painting(text, to.limit) for text in paintings] or None,
        regions=[parse_region(text, to.limit) for text in region or ()],
        recipe=recipe,
        options=given,
        sheet=sheet,
        max_pixels=to.limit,
    )
    fetch_encoder(run.options.encoder, to.quiet)
    return carry_out(run, to, bit_depth)


@with_option_flags
def enlarge(
    picture: Annotated[Path, Parameter(help="a picture that impasto painted", group=GENERAL)],
    /,
    *inputs: Annotated[Path, Parameter(help="its inputs, if not beside it or in the working directory", group=GENERAL)],
    to: Output,
    print_size: PrintSize = None,
    **options: str | None,
) -> int:
    """Go on from a finished pastiche to a larger one: only the scales above its size are painted."""
    from impasto.api import build_enlargement

    given = {name: value for name, value in options.items() if value is not None}
    overrides = build_options(given, spell=flag_name).model_dump(include=set(given))
    sheet = parse_sheet(print_size, given)
    to.check(int(to.bit_depth or 8))
    size_px = overrides.pop("size_px", None)
    run = build_enlargement(picture, inputs, size_px=size_px, sheet=sheet, overrides=overrides, max_pixels=to.limit)
    assert run.replayed is not None
    bit_depth = int(to.bit_depth or run.replayed.bit_depth)
    to.check(bit_depth)
    fetch_encoder(run.options.encoder, to.quiet)
    notes = []
    if run.replayed.stopped_after is not None:
        notes.append("the picture was stopped early: what was left out then is not painted now; replay paints it anew")
    return carry_out(run, to, bit_depth, notes)


def resume(
    run: Annotated[Path, Parameter(help="the run folder, or the picture that it belongs to", group=GENERAL)],
    /,
    *,
    output: Annotated[
        Path | None, Parameter(name=["--output", "-o"], help="another file to write [default: as it was to be]")
    ] = None,
    overwrite: Annotated[bool, SWITCH, Parameter(help="replace files that exist")] = False,
    max_pixels: Annotated[
        int | None, Parameter(help="refuse inputs with more pixels than this [default: 250 million]")
    ] = None,
    checkpoint_every: Annotated[
        float,
        Parameter(metavar="SECONDS", help="save the state so often; 0: never [default: 60]", show_default=False),
    ] = CHECKPOINT_SECONDS,
    quiet: Annotated[bool, SWITCH, Parameter(name=["--quiet", "-q"], help="tell errors only")] = False,
) -> int:
    """Go on with a run that was interrupted, from its last checkpoint."""
    from impasto.api import build_resume
    from impasto.images.writing import check_output

    check_interval(checkpoint_every)
    given = Output(output or run, max_pixels=max_pixels)
    resumed, state, notes = build_resume(run, checkpoint_seconds=checkpoint_every, max_pixels=given.limit)
    command = state.command
    if output is None and command is None:
        raise OptionError("the run was begun from Python: say with -o where the picture goes")
    target = output or Path(command.output if command else "")
    events = Path(command.events) if command and command.events else None
    to = Output(
        target,
        overwrite=overwrite or (output is None and is_unfinished(target)),
        bit_depth="16" if command and command.bit_depth == 16 else "8",
        no_record=bool(command and not command.record),
        events=events,
        checkpoint_every=checkpoint_every,
        timelapse=Path(command.timelapse) if command and command.timelapse else None,
        timelapse_size=command.timelapse_size_px if command else 0,
        timelapse_seconds=command.timelapse_seconds if command else 0.0,
        quiet=quiet,
    )
    check_output(to.output, bit_depth=int(to.bit_depth or 8), overwrite=to.overwrite)
    return carry_out(resumed, to, int(to.bit_depth or 8), notes, events_from=command.events_bytes if command else 0)


@with_option_flags
def replay(
    picture: Annotated[Path, Parameter(help="a picture that impasto painted", group=GENERAL)],
    /,
    *inputs: Annotated[Path, Parameter(help="its inputs, if not beside it or in the working directory", group=GENERAL)],
    to: Output,
    **options: str | None,
) -> int:
    """Paint a picture again from the run record that it carries; options given override the record's."""
    from impasto.api import build_replay
    from impasto.images.reading import read_record
    from impasto.runs.record import is_draft, replay_differences

    given = {name: value for name, value in options.items() if value is not None}
    build_options(given, spell=flag_name)
    to.check(int(to.bit_depth or 8))
    if is_draft(read_record(picture)):
        from impasto.cli.draft import replay_draft

        return replay_draft(picture, inputs, to, given)
    run = build_replay(picture, inputs, overrides=given, max_pixels=to.limit)
    assert run.replayed is not None
    bit_depth = int(to.bit_depth or run.replayed.bit_depth)
    to.check(bit_depth)
    fetch_encoder(run.options.encoder, to.quiet)
    notes = []
    if run.replayed.stopped_after != run.stop_after:
        notes.append("the picture was stopped early; with these options it is painted to the end")
    if not given:
        notes += [f"not the same bytes: {line}" for line in replay_differences(run.replayed, run.options)]
    return carry_out(run, to, bit_depth, notes)


def info(
    picture: Annotated[Path, Parameter(help="a picture that impasto painted")],
    /,
    *,
    as_json: Annotated[bool, SWITCH, Parameter(name="--json", help="the record as it is stored")] = False,
) -> int:
    """Print how a picture was painted: the run record that it carries."""
    from impasto.images.reading import read_record
    from impasto.runs.record import is_draft, parse_record

    values = read_record(picture)
    if as_json:
        print(json.dumps(values, indent=2))  # in ASCII: whatever the names hold, every terminal can take it
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
    lines |= {flag_name(name): format_value(value) for name, value in record.options}
    for name, value in lines.items():
        print(printable(f"{name:18} {value}"))
    return 0


def recipes() -> int:
    """List the recipes: named sets of options."""
    for name in recipe_names():
        print(f"{name:20} {describe_recipe(name)}")
    return 0


def is_unfinished(output: Path) -> bool:
    """Whether a file is a pastiche that was stopped early: resuming its run may replace it."""
    from impasto.images.reading import read_record

    try:
        return bool(read_record(output).get("stopped_after"))
    except (InputError, RecordError):
        return False


if __name__ == "__main__":
    sys.exit(main())
