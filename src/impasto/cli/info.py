"""The command line of looking things up: ``impasto info`` and ``impasto recipes``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from impasto.cli.output import print_table
from impasto.cli.recorded_command import changed_options, paint_command
from impasto.cli.syntax import SWITCH, name_file, name_inputs
from impasto.errors import printable
from impasto.images.reading import read_record
from impasto.options.recipes import describe_recipe, recipe_names
from impasto.options.spelling import flag_name, format_value
from impasto.runs.record import is_draft, parse_record


def info(
    picture: Annotated[Path, Parameter(help="a picture that impasto painted")],
    /,
    *,
    as_json: Annotated[bool, SWITCH, Parameter(name="--json", help="print the whole record as it is stored")] = False,
) -> int:
    """Print how a picture was painted, and the command that paints it: what differs from the defaults."""
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
