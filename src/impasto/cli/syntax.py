"""What several commands share: flags, the reading of paintings and regions, the names of inputs, Ctrl-C."""

from __future__ import annotations

import inspect
import os
import re
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from cyclopts import Group, Parameter

from impasto.errors import OptionError, did_you_mean, printable
from impasto.options.fields import PaintOptions
from impasto.options.spelling import describe_option, describe_values, flag_name, format_value, option_group

if TYPE_CHECKING:
    from impasto.cli.display import Messages
    from impasto.events import Controls
    from impasto.images.print_size import Print
    from impasto.inputs.paintings import Painting, Region
    from impasto.inputs.recorded import RecordedFile, RecordedInputs, RecordedPainting

SWITCH = Parameter(show_default=False)
FAILED = 1  # exit code where some of many pictures failed
REGION_SETTINGS = ("strength", "brush-scale", "color")
STAYS_PHOTO = "photo"  # in place of a region's painting
Overwrite = Annotated[bool, SWITCH, Parameter(help="replace files that exist")]
Trust = Annotated[bool, SWITCH, Parameter(help="the run is your own: use the files that it names, wherever they lie")]
Ray = Annotated[
    str | None,
    Parameter(
        help="run jobs on Ray: auto (this machine, or the cluster it belongs to) or HOST:PORT", metavar="auto|ADDRESS"
    ),
]
Quiet = Annotated[bool, SWITCH, Parameter(name=["--quiet", "-q"], help="print errors only")]
MaxPixels = Annotated[int | None, Parameter(help="refuse inputs with more pixels than this [default: 250 million]")]
CheckpointEvery = Annotated[
    float,
    Parameter(metavar="SECONDS", help="time between checkpoints, saved beside the picture for impasto resume; 0: none"),
]
Photo = Annotated[str, Parameter(help="the picture to repaint")]
Recipe = Annotated[str | None, Parameter(help="named options (impasto recipes lists them)", metavar="NAME|FILE.toml")]
Regions = Annotated[
    list[str] | None,
    Parameter(
        name="--region",
        metavar="MASK=PAINTING,...",
        help="another PAINTING where MASK is white (or several: art.jpg+flow), or photo; elsewhere the first, if any; "
        "alpha as MASK is the photo's own opacity; then ,strength=30 or ,brush-scale= or ,color=; repeat for more",
    ),
]
PrintSize = Annotated[
    str | None,
    Parameter(
        name="--print", metavar="60x40cm@300", help="as large as fits on this sheet of paper, at these dots per inch"
    ),
]
EachPainting = Annotated[
    list[str] | None,
    Parameter(
        name="--paintings",
        help="paint each photo with each of these: files (style files too), folders, globs",
        metavar="PAINTING",
        consume_multiple=True,
    ),
]
PAINTINGS_HELP = (
    "whose style to use: a file, or a bundled painting by name (impasto paintings); several blend: art.jpg:0.7 with a "
    "weight, art.jpg:0.7:2 with strokes twice as large, art.jpg@mask.png to learn from a part"
)
Number = TypeVar("Number", float, None)
Item = TypeVar("Item")


def with_option_flags(command: Callable[..., int]) -> Callable[..., int]:
    """Give a command, in place of its ``**options``, one text flag for every field of `PaintOptions`.

    A flag's value is text, or None where the flag is not given: only given flags override a recipe or a record, and
    `build_options` alone checks values.
    """
    signature = inspect.signature(command)
    declared = [p for p in signature.parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
    command.__signature__ = signature.replace(parameters=[*declared, *_option_flags()])  # type: ignore[attr-defined]
    return command


@cache
def _option_flags() -> list[inspect.Parameter]:
    """The flags of all options, under their headings."""
    headings = list(dict.fromkeys(map(option_group, PaintOptions.model_fields)))
    groups = {heading: Group(heading, sort_key=position) for position, heading in enumerate(headings, start=1)}
    return [
        inspect.Parameter(
            option,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[str | None, option_flag(option, group=groups[option_group(option)])],
        )
        for option in PaintOptions.model_fields
    ]


def option_flag(option: str, **settings: Any) -> Parameter:
    """The flag of an option of `PaintOptions`; `settings` are further arguments of `Parameter`, such as a group."""
    return Parameter(name=flag_name(option), help=describe_option(option), metavar=describe_values(option), **settings)


def output_flag(text: str, **settings: Any) -> Parameter:
    """The flag ``--output``; `text` is its help, `settings` are further arguments of `Parameter`."""
    return Parameter(name=["--output", "-o"], help=text, **settings)


def check_positive(**flags: int | None) -> None:
    """Refuse numbers below 1, named by their flags; None: the flag was not given."""
    for name, value in flags.items():
        if value is not None and value < 1:
            raise OptionError(f"--{name.replace('_', '-')} is at least 1, got {value}")


def pixel_limit(max_pixels: int | None) -> int:
    """Number of pixels that an input may have, by ``--max-pixels``."""
    from impasto.images.reading import DEFAULT_MAX_PIXELS

    check_positive(max_pixels=max_pixels)
    return max_pixels or DEFAULT_MAX_PIXELS


def given_options(options: Mapping[str, str | None]) -> dict[str, str]:
    """The options whose flags were given."""
    return {name: value for name, value in options.items() if value is not None}


@contextmanager
def stop_on_signal(controls: Controls, onward: Callable[[], str] = str) -> Iterator[list[int]]:
    """Turn the first Ctrl-C, SIGTERM or SIGHUP into `controls.stop`, the second into an immediate end.

    Yields the list of signals received, which grows. The second signal raises KeyboardInterrupt, so that half-written
    files are removed on the way out; the exception carries the signal's number and how to go on.
    """
    received: list[int] = []

    def handle(number: int, frame: FrameType | None) -> None:
        received.append(number)
        controls.stop = True
        if len(received) > 1:
            raise KeyboardInterrupt(number, onward())

    numbers = [signal.SIGINT, signal.SIGTERM]
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:  # ignored under nohup
        numbers.append(signal.SIGHUP)
    before = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def note_stop(events: Iterable[Item], received: list[int], display: Messages, text: str) -> Iterator[Item]:
    """Pass events on; show a note once, after the first signal."""
    noted = False
    for event in events:
        yield event
        if received and not noted:
            display.note(text)
            noted = True


def parse_painting(text: str, max_pixels: int | None = None) -> tuple[str, float] | Painting:
    """Split ``painting.jpg:0.7`` into path and weight, unless a file has that name.

    ``painting.jpg@part.png:0.7:2`` has a mask of the part to learn from, and a brush scale after the weight: these are
    read at once, into a `Painting`.
    """
    path, numbers = text, list[float]()
    while len(numbers) < 2 and not _is_painting(path):
        shorter, colon, number = path.rpartition(":")
        if not colon or not shorter:
            break
        try:
            numbers.insert(0, float(number or 1) if numbers else float(number))
        except ValueError:
            if _is_painting(shorter):
                raise OptionError(f"the weight of {shorter!r} is a number, got {number!r}") from None
            break
        path = shorter
    weight, brush_scale = (*numbers, 1.0, 1.0)[:2]
    shorter, at, mask = path.rpartition("@")
    if not at or _exists(path) or not _is_painting(shorter):
        shorter, mask = path, ""
    if not mask and brush_scale == 1:
        return path, weight
    from impasto.inputs.paintings import Painting

    return Painting(shorter, weight, brush_scale, mask or None, max_pixels=max_pixels)


def parse_region(text: str, max_pixels: int | None = None) -> Region:
    """Read ``mask.png=painting.jpg:0.7+other.jpg,strength=30``; names of existing files may hold these signs.

    Raises `OptionError` for another kind of text, and as `Region` does.
    """
    mask, build = split_region(text, max_pixels)
    return build(mask)


def split_region(text: str, max_pixels: int | None = None) -> tuple[str, Callable[[str | None], Region]]:
    """The mask that the text of a region names, and what makes the region with a mask; raises as `parse_region`."""
    from impasto.inputs.paintings import ALPHA, Region

    body, settings = text, dict[str, str]()
    while match := re.fullmatch(rf"(.*),({'|'.join(REGION_SETTINGS)})=(.*)", body, re.DOTALL):
        body, name, value = match.groups()
        settings[name] = value
    splits = [(body[:at], body[at + 1 :]) for at, letter in enumerate(body) if letter == "="]
    mask, paintings = next(
        (split for split in splits if split[0] == ALPHA or _exists(split[0])), (splits or [("", "")])[0]
    )
    if not mask or not paintings:
        raise OptionError(f"--region takes MASK=PAINTING, or MASK={STAYS_PHOTO} for the photo itself, got {text!r}")
    unknown = re.search(r",([a-z-]+)=", paintings)
    if unknown and not _exists(paintings):
        raise OptionError(f"--region: no setting {unknown.group(1)!r}{did_you_mean(unknown.group(1), REGION_SETTINGS)}")
    return mask, lambda mask: Region(
        mask,
        None if paintings == STAYS_PHOTO else [parse_painting(part, max_pixels) for part in _split_files(paintings)],
        strength=_setting(settings, "strength", None),
        brush_scale=_setting(settings, "brush-scale", 1.0),
        color=settings.get("color"),
        max_pixels=max_pixels,
    )


def _split_files(text: str) -> list[str]:
    """Split at plus signs, but not within the name of an existing file."""
    parts, files = text.split("+"), list[str]()
    while parts:
        lengths = (n for n in range(len(parts), 1, -1) if _exists("+".join(parts[:n])))
        length = next(lengths, 1)
        files.append("+".join(parts[:length]))
        parts = parts[length:]
    return files


def _exists(path: str) -> bool:
    return os.path.exists(path)  # noqa: PTH110 (Path.exists raises for a name too long)


def _is_painting(text: str) -> bool:
    from impasto.inputs.bundled import bundled_paintings

    return _exists(text) or text in bundled_paintings()


def _setting(settings: Mapping[str, str], name: str, default: Number) -> float | Number:
    try:
        return float(settings[name]) if name in settings else default
    except ValueError:
        raise OptionError(f"--region: {name} is a number, got {settings[name]!r}") from None


def name_inputs(inputs: RecordedInputs) -> dict[str, str]:
    """The pictures of a record, for people: headings and texts."""
    lines: dict[str, str] = {}
    if inputs.content is not None:
        lines["content image"] = name_file(inputs.content)
    for number, painting in enumerate(inputs.paintings, start=1):
        lines[f"style image {number}"] = _name_painting(painting, several=len(inputs.paintings) > 1)
    for number, region in enumerate(inputs.regions, start=1):
        settings = {"strength": region.strength, "brush scale": region.brush_scale, "color": region.color}
        texts = [f", {name} {format_value(value)}" for name, value in settings.items() if value not in (None, 1.0)]
        paintings = [_name_painting(painting, several=len(region.paintings) > 1) for painting in region.paintings]
        mask = name_file(region.mask) if region.mask else "the content image's alpha"
        lines[f"region {number}"] = f"{mask}: {' and '.join(paintings) or 'the photo'}{''.join(texts)}"
    if inputs.starting_picture is not None:
        lines["starting point"] = name_file(inputs.starting_picture)
    if inputs.palette is not None:
        lines["palette"] = name_file(inputs.palette)
    return lines


def name_file(file: RecordedFile) -> str:
    """The file of a record, for people."""
    return f"{file.name}  (SHA-256 {file.sha256[:12]})"


def _name_painting(painting: RecordedPainting, *, several: bool) -> str:
    """A painting of a record and its settings, for people."""
    weight = f", weight {format_value(painting.weight)}" if several else ""
    brush = f", brush scale {format_value(painting.brush_scale)}" if painting.brush_scale != 1 else ""
    mask = f", of it {name_file(painting.mask)}" if painting.mask else ""
    return f"{painting.name}{weight}{brush}  (SHA-256 {painting.sha256[:12]}){mask}"


def parse_sheet(text: str | None, given: Mapping[str, object]) -> Print | None:
    """Read ``--print``; raises `OptionError` where ``--size`` is given too."""
    from impasto.images.print_size import parse_print

    if text is not None and "size_px" in given:
        raise OptionError("--size and --print both give the size: leave one out")
    return parse_print(text) if text is not None else None


def asks(paths: Sequence[Path]) -> bool:
    """Ask the person at the terminal whether files that a run folder names may be used; no without one."""
    if sys.stdin is None or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    print("impasto: the run names files that do not lie beside its folder:", file=sys.stderr)
    for path in paths:
        print(printable(f"  {path}"), file=sys.stderr)
    print("Use them? Yes, if you began this run yourself. [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
