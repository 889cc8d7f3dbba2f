"""What several commands of the command line share: option flags, paintings, regions, inputs of records, Ctrl-C."""

from __future__ import annotations

import inspect
import os
import re
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from cyclopts import Group, Parameter

from impasto.errors import OptionError, did_you_mean
from impasto.options.fields import PaintOptions
from impasto.options.spelling import describe_option, describe_values, flag_name, format_value, option_group

if TYPE_CHECKING:
    from impasto.events import Controls
    from impasto.images.print_size import Print
    from impasto.inputs.paintings import Painting, Region
    from impasto.inputs.record_inputs import File, Inputs, PaintingFile

GENERAL = Group("General", sort_key=0)
SWITCH = Parameter(negative=(), show_default=False)
REGION_SETTINGS = ("strength", "brush-scale", "color")
STAYS = "photo"  # in place of a region's painting
Regions = Annotated[
    list[str] | None,
    Parameter(
        name="--region",
        metavar="MASK=PAINTING[+PAINTING...][,SETTING=VALUE...]",
        help="paint where MASK is white in another PAINTING, or with MASK=photo leave the photo there; the MASK alpha "
        "is the photo's own; settings are strength, brush-scale, color; repeat for more regions",
        negative=(),
        group=GENERAL,
    ),
]
EachPainting = Annotated[
    list[str] | None,
    Parameter(
        name="--paintings",
        help="each photo with each of these: files (style files too), folders, globs",
        metavar="PAINTING",
        negative=(),
        consume_multiple=True,
        group=GENERAL,
    ),
]
PAINTINGS_HELP = (
    "the picture in whose manner; several blend: painting.jpg:0.7 with a weight, painting.jpg:0.7:2 with strokes "
    "twice as large, painting.jpg@mask.png to learn from a part of it"
)
Number = TypeVar("Number", float, None)


def with_option_flags(command: Callable[..., int]) -> Callable[..., int]:
    """Give a command, in place of its ``**options``, one text flag for every field of `PaintOptions`.

    Text, None where not given: only what was given overrides a recipe or a record, and values are checked
    in one place, by `build_options`.
    """
    headings = list(dict.fromkeys(map(option_group, PaintOptions.model_fields)))
    groups = {heading: Group(heading, sort_key=place) for place, heading in enumerate(headings, start=1)}
    flags = [
        inspect.Parameter(
            option,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[str | None, option_flag(option, group=groups[option_group(option)])],
        )
        for option in PaintOptions.model_fields
    ]
    signature = inspect.signature(command)
    declared = [p for p in signature.parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
    command.__signature__ = signature.replace(parameters=[*declared, *flags])  # type: ignore[attr-defined]
    return command


def option_flag(option: str, **settings: Any) -> Parameter:
    """The flag of an option of a run; `settings`: what else it is to have, such as a group."""
    return Parameter(name=flag_name(option), help=describe_option(option), metavar=describe_values(option), **settings)


@contextmanager
def stop_on_signal(controls: Controls, onward: Callable[[], str] = str) -> Iterator[list[int]]:
    """Turn the first Ctrl-C or SIGTERM into `controls.stop`, the second into an immediate end.

    Yields the list of signals received, which grows. The second one raises KeyboardInterrupt, so that files
    half written are cleaned away on the way out; it carries the signal's number and how to go on.
    """
    received: list[int] = []

    def handle(number: int, frame: FrameType | None) -> None:
        received.append(number)
        controls.stop = True
        if len(received) > 1:
            raise KeyboardInterrupt(number, onward())

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def parse_painting(text: str, max_pixels: int | None = None) -> tuple[str, float] | Painting:
    """Split ``painting.jpg:0.7`` into path and weight; a file that has such a name goes first.

    ``painting.jpg@part.png:0.7:2`` has a mask of what to learn from, and a brush scale after the weight: read at
    once, into a `Painting`.
    """
    path, numbers = text, list[float]()
    while len(numbers) < 2 and not _exists(path):
        shorter, colon, number = path.rpartition(":")
        if not colon or not shorter:
            break
        try:
            numbers.insert(0, float(number or 1) if numbers else float(number))
        except ValueError:
            if _exists(shorter):
                raise OptionError(f"the weight of {shorter!r} is a number, got {number!r}") from None
            break
        path = shorter
    weight, brush_scale = (*numbers, 1.0, 1.0)[:2]
    shorter, at, mask = path.rpartition("@")
    if not at or _exists(path) or not _exists(shorter):
        shorter, mask = path, ""
    if not mask and brush_scale == 1:
        return path, weight
    from impasto.inputs.paintings import Painting

    return Painting(shorter, weight, brush_scale, mask or None, max_pixels=max_pixels)


def parse_region(text: str, max_pixels: int | None = None) -> Region:
    """Read ``mask.png=painting.jpg:0.7+other.jpg,strength=30``; a file with such signs in its name goes first.

    Raises `OptionError` for a text that is none, and what `Region` does.
    """
    from impasto.inputs.paintings import ALPHA, Region

    body, settings = text, dict[str, str]()
    while found := re.fullmatch(rf"(.*),({'|'.join(REGION_SETTINGS)})=(.*)", body, re.DOTALL):
        body, name, value = found.groups()
        settings[name] = value
    ways = [(body[:place], body[place + 1 :]) for place, letter in enumerate(body) if letter == "="]
    mask, style = next((way for way in ways if way[0] == ALPHA or _exists(way[0])), (ways or [("", "")])[0])
    if not mask or not style:
        raise OptionError(f"--region takes MASK=PAINTING, or MASK={STAYS} for the photograph itself, got {text!r}")
    named = re.search(r",([a-z-]+)=", style)
    if named and not _exists(style):
        raise OptionError(f"--region: no setting {named.group(1)!r}{did_you_mean(named.group(1), REGION_SETTINGS)}")
    return Region(
        mask,
        None if style == STAYS else [parse_painting(part, max_pixels) for part in _split_files(style)],
        strength=_setting(settings, "strength", None),
        brush_scale=_setting(settings, "brush-scale", 1.0),
        color=settings.get("color"),
        max_pixels=max_pixels,
    )


def _split_files(text: str) -> list[str]:
    """Split at plus signs, but not within the name of a file."""
    parts, files = text.split("+"), list[str]()
    while parts:
        lengths = (n for n in range(len(parts), 1, -1) if _exists("+".join(parts[:n])))
        length = next(lengths, 1)
        files.append("+".join(parts[:length]))
        parts = parts[length:]
    return files


def _exists(path: str) -> bool:
    return os.path.exists(path)  # noqa: PTH110 (Path.exists raises for a name too long)


def _setting(settings: Mapping[str, str], name: str, default: Number) -> float | Number:
    try:
        return float(settings[name]) if name in settings else default
    except ValueError:
        raise OptionError(f"--region: {name} is a number, got {settings[name]!r}") from None


def name_inputs(inputs: Inputs) -> dict[str, str]:
    """What a record says of the pictures that were read, for people: a heading and a text each."""
    lines: dict[str, str] = {}
    if inputs.content is not None:
        lines["content image"] = name_file(inputs.content)
    for number, painting in enumerate(inputs.paintings, start=1):
        lines[f"style image {number}"] = _name_painting(painting, several=len(inputs.paintings) > 1)
    for number, region in enumerate(inputs.regions, start=1):
        settings = {"strength": region.strength, "brush scale": region.brush_scale, "color": region.color}
        said = [f", {name} {format_value(value)}" for name, value in settings.items() if value not in (None, 1.0)]
        paintings = [_name_painting(painting, several=len(region.paintings) > 1) for painting in region.paintings]
        mask = name_file(region.mask) if region.mask else "the content image's alpha"
        lines[f"region {number}"] = f"{mask}: {' and '.join(paintings) or 'the photograph'}{''.join(said)}"
    if inputs.starting_picture is not None:
        lines["starting point"] = name_file(inputs.starting_picture)
    if inputs.palette is not None:
        lines["palette"] = name_file(inputs.palette)
    return lines


def name_file(file: File) -> str:
    """A picture of a record, for people."""
    return f"{file.name}  (SHA-256 {file.sha256[:12]})"


def _name_painting(painting: PaintingFile, *, several: bool) -> str:
    """A painting of a record and its settings, for people."""
    weight = f", weight {format_value(painting.weight)}" if several else ""
    brush = f", brush scale {format_value(painting.brush_scale)}" if painting.brush_scale != 1 else ""
    mask = f", of it {name_file(painting.mask)}" if painting.mask else ""
    return f"{painting.name}{weight}{brush}  (SHA-256 {painting.sha256[:12]}){mask}"


def parse_sheet(text: str | None, given: Mapping[str, str]) -> Print | None:
    """What --print says; with --size beside it, it is one too many."""
    from impasto.images.print_size import parse_print

    if text is not None and "size_px" in given:
        raise OptionError("--size and --print both give the size: leave one out")
    return parse_print(text) if text is not None else None
