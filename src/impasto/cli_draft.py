"""The command line of drafts: ``impasto draft``, and what ``replay`` and ``info`` do with a draft."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from impasto.cli_parts import GENERAL, SWITCH, parse_painting
from impasto.drafting import DraftOptions, build_draft_options, parse_draft_record
from impasto.drafting import draft as paint_draft
from impasto.drafting import replay_draft as paint_again
from impasto.errors import OptionError, printable
from impasto.flags import flag_name, format_value
from impasto.images.io import DEFAULT_MAX_PIXELS, check_output

if TYPE_CHECKING:
    from impasto.cli_output import Output
    from impasto.runs import Pastiche


def _help(option: str) -> str:
    return str(DraftOptions.model_fields[option].description)


def draft(
    photo: Annotated[str, Parameter(help="the picture to repaint", group=GENERAL)],
    painting: Annotated[str, Parameter(help="the picture in whose manner", group=GENERAL)],
    /,
    *paintings: Annotated[str, Parameter(help="more of them blend; weights as painting.jpg:0.7", group=GENERAL)],
    output: Annotated[
        Path, Parameter(name=["--output", "-o"], help="file to write: .png, .jpg, .webp, .avif or .tif", group=GENERAL)
    ],
    size: Annotated[int | None, Parameter(metavar="PX", help=_help("size_px"))] = None,
    strength: Annotated[float, Parameter(metavar="0-100", help=_help("strength"))] = 100.0,
    brush_scale: Annotated[float, Parameter(metavar="0.25-4", help=_help("brush_scale"))] = 1.0,
    stylizer: Annotated[str | None, Parameter(metavar="FILE.safetensors", help=_help("stylizer"))] = None,
    overwrite: Annotated[bool, SWITCH, Parameter(help="replace a file that exists")] = False,
    bit_depth: Annotated[
        Literal["8", "16"], Parameter(metavar="8|16", help="16 for .png and .tif", show_choices=False)
    ] = "8",
    no_record: Annotated[bool, SWITCH, Parameter(help="leave the record out")] = False,
    max_pixels: Annotated[
        int | None, Parameter(help="refuse inputs with more pixels than this [default: 250 million]")
    ] = None,
    quiet: Annotated[bool, SWITCH, Parameter(name=["--quiet", "-q"], help="tell errors only")] = False,
) -> int:
    """Repaint a photograph in one pass: a second, not minutes."""
    if max_pixels is not None and max_pixels < 1:
        raise OptionError(f"--max-pixels is at least 1, got {max_pixels}")
    options = {"size_px": size, "strength": strength, "brush_scale": brush_scale, "stylizer": stylizer}
    build_draft_options(options)
    check_output(output, bit_depth=int(bit_depth), overwrite=overwrite)
    styles = [parse_painting(text) for text in (painting, *paintings)]
    pastiche = paint_draft(photo, styles, max_pixels=max_pixels or DEFAULT_MAX_PIXELS, **options)
    return _write(pastiche, output, int(bit_depth), record=not no_record, overwrite=overwrite, quiet=quiet)


def replay_draft(picture: Path, inputs: Sequence[Path], to: Output, given: Mapping[str, str]) -> int:
    """Paint a draft again from its record: ``impasto replay`` of one."""
    if given:
        flags = ", ".join(flag_name(name) for name in given)
        raise OptionError(f"{picture.name} is a draft, which replay repeats as it was: leave out {flags}")
    pastiche = paint_again(picture, inputs, max_pixels=to.limit)
    bit_depth = int(to.bit_depth or pastiche.record["bit_depth"])
    to.check(bit_depth)
    return _write(pastiche, to.output, bit_depth, record=not to.no_record, overwrite=to.overwrite, quiet=to.quiet)


def describe(values: Mapping[str, object], name: str) -> int:
    """Print how a draft was painted: ``impasto info`` of one."""
    record = parse_draft_record(values, name)
    lines = {"drafted by": f"impasto {record.impasto}, in one pass"}
    if record.inputs.content is not None:
        lines["content image"] = f"{record.inputs.content.name}  (SHA-256 {record.inputs.content.sha256[:12]})"
    for number, painting in enumerate(record.inputs.paintings, start=1):
        weight = f", weight {format_value(painting.weight)}" if len(record.inputs.paintings) > 1 else ""
        lines[f"style image {number}"] = f"{painting.name}{weight}  (SHA-256 {painting.sha256[:12]})"
    lines["stylizer"] = f"{record.stylizer.name}  (SHA-256 {record.stylizer.sha256[:12]})"
    lines |= {flag_name(key): format_value(value) for key, value in record.options if key != "stylizer"}
    for heading, value in lines.items():
        print(printable(f"{heading:18} {value}"))
    return 0


def _write(pastiche: Pastiche, output: Path, bit_depth: int, *, record: bool, overwrite: bool, quiet: bool) -> int:
    pastiche.save(output, bit_depth=bit_depth, record=record, overwrite=overwrite)
    if not quiet:
        height_px, width_px = pastiche.pixels.shape[:2]
        print(f"{output}: {width_px}x{height_px} px, drafted in {pastiche.seconds:.1f} s")
    return 0
