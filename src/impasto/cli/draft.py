"""The command line of drafts: ``impasto draft``, and what ``replay`` and ``info`` do with a draft."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from impasto.cli.output import Output, PictureOutput, print_table
from impasto.cli.pictures import (
    batch_command,
    check_photo,
    painting_path,
    paintings_part,
    pop_size,
    read_painting,
    read_photo,
    size_beside,
)
from impasto.cli.recorded_command import changed_draft_options, draft_command
from impasto.cli.streams import say, tell
from impasto.cli.syntax import (
    FAILED,
    EachPainting,
    PrintSize,
    Regions,
    given_options,
    name_file,
    name_inputs,
    option_flag,
    parse_region,
    parse_sheet,
    stop_on_signal,
)
from impasto.errors import OptionError, printable
from impasto.events import Controls
from impasto.images.reading import read_record
from impasto.inputs.paintings import load_input
from impasto.lab.drafts import DraftFailed, DraftFolder
from impasto.options.spelling import flag_name, format_value
from impasto.runs.draft import (
    DraftOptions,
    build_draft_options,
    draft_differences,
    draft_picture,
    parse_draft_record,
    replay_draft,
)

if TYPE_CHECKING:
    from impasto.runs.pastiche import Pastiche


ANYWHERE_DRAFT = PictureOutput()


def _help(option: str) -> str:
    return str(DraftOptions.model_fields[option].description)


@Parameter(name="*")
@dataclass
class DraftFlags:
    """Flags of the options of a draft."""

    size_px: Annotated[str | None, Parameter(name="--size", metavar="PX", help=_help("size_px"))] = None
    print_size: PrintSize = None
    strength: Annotated[str | None, Parameter(metavar="0-100", help=f"{_help('strength')} [default: 100]")] = None
    brush_scale: Annotated[str | None, option_flag("brush_scale")] = None
    color: Annotated[str | None, option_flag("color")] = None
    color_method: Annotated[str | None, option_flag("color_method")] = None
    color_strength: Annotated[str | None, option_flag("color_strength")] = None
    stylizer: Annotated[str | None, Parameter(metavar="FILE.safetensors", help=_help("stylizer"))] = None

    def given(self) -> dict[str, Any]:
        """The options that were given."""
        return given_options({name: getattr(self, name) for name in DraftOptions.model_fields})


def draft(
    *pictures: Annotated[
        str,
        Parameter(
            help="photo, then paintings, which blend (weights as painting.jpg:0.7); with --paintings all are photos",
            metavar="PICTURE",
        ),
    ],
    to: PictureOutput = ANYWHERE_DRAFT,
    paintings: EachPainting = None,
    region: Regions = None,
    flags: DraftFlags | None = None,
) -> int:
    """Repaint photos in one pass each: in a second, not in minutes."""
    flags = flags or DraftFlags()
    given, limit, bit_depth = flags.given(), to.limit, int(to.bit_depth or 8)
    size = pop_size(given)
    options = build_draft_options(given, spell=flag_name)
    regions = [parse_region(text, limit) for text in region or ()]
    if paintings is not None:
        if flags.print_size is not None or size is not None:
            name = "--print" if flags.print_size is not None else f"--size {size}"
            raise OptionError(f"{name} is for one draft; with --paintings give --size in pixels")
        if to.output is None:
            raise OptionError("-o is missing: name the folder of the drafts")
        folder = DraftFolder(
            photos=pictures,
            paintings=paintings,
            folder=to.path,
            options=options,
            regions=regions,
            suffix=to.ending if to.file_format else ".jpg",
            bit_depth=bit_depth,
            record=not to.no_record,
            overwrite=to.overwrite,
            max_pixels=limit,
        )
        return _draft_folder(folder, to.quiet)
    if not pictures:
        raise OptionError("PHOTO is missing; impasto draft --help shows how it is used")
    if len(pictures) < (1 if regions else 2):
        raise OptionError("PAINTING is missing, a file or a bundled one by name: impasto paintings lists them")
    sheet = parse_sheet(flags.print_size, given if size is None else {"size_px": size})
    check_photo(pictures[0], many=batch_command(*pictures[:2]))
    to = to.place(pictures[0], paintings_part(pictures[1:]) or "regions", "draft")
    to.check_place(bit_depth)
    photo = load_input(read_photo(pictures[0], limit), limit)
    if size is not None:
        options = build_draft_options(given | {"size_px": size_beside(size, photo)}, spell=flag_name)
    painting = [read_painting(text, limit) for text in pictures[1:]] or None
    _use_large_pages()
    paths = [photo.path, *(path for text in painting or () if (path := painting_path(text)) is not None)]
    with to.claimed(paths):
        pastiche = draft_picture(photo, painting, options, regions=regions, sheet=sheet, max_pixels=limit)
        return _write(pastiche, to, bit_depth)


def _draft_folder(folder: DraftFolder, quiet: bool) -> int:
    """Paint a folder of drafts, a line for each; returns the exit code."""
    _use_large_pages()
    controls, failed, written, kept = Controls(), 0, 0, 0
    with stop_on_signal(controls) as received:
        for event in folder.run(controls):
            if isinstance(event, DraftFailed):
                failed += 1
                say(event.error)
            elif event.kept:
                kept += 1
            else:
                written += 1
                if not quiet:
                    tell(f"{event.path}  {event.seconds:.1f} s")
        sheets = folder.write_sheets()
    if not quiet:
        counts = [f"{written} of {len(folder.paths)} drafts painted"]
        counts += [f"{kept} there before (--overwrite paints them anew)"] if kept else []
        tell(f"{folder.folder}: {', '.join(counts)}{f'; see {sheets[0]}' if sheets else ''}")
    if received:
        return 128 + received[0]
    return FAILED if failed else 0


def replay(picture: Path, inputs: Sequence[Path], to: Output, given: Mapping[str, str]) -> int:
    """Paint a draft again from its record: ``impasto replay`` of one."""
    if foreign := [flag_name(name) for name in given if name not in DraftOptions.model_fields]:
        raise OptionError(f"{picture.name} is a draft, which has no option {', '.join(foreign)}: leave it out")
    if to.timelapse or to.events:
        raise OptionError(f"{picture.name} is a draft, painted in one pass: leave --timelapse and --events out")
    record = parse_draft_record(read_record(picture), picture.name)
    _use_large_pages()
    with to.claimed(inputs, {file.sha256 for _, file in record.inputs.iter_files()}):
        pastiche = replay_draft(picture, inputs, given, max_pixels=to.limit)
        for line in [] if given else draft_differences(record):
            say(f"note: not the same bytes: {line}")
        return _write(pastiche, to, to.check(pastiche.record["bit_depth"]))


def describe(values: Mapping[str, object], name: str) -> int:
    """Print how a draft was painted: ``impasto info`` of one."""
    record = parse_draft_record(values, name)
    lines = {"drafted by": f"impasto {record.impasto}, in one pass"}
    lines |= name_inputs(record.inputs)
    lines["stylizer"] = name_file(record.stylizer)
    changes = {key: value for key, value in changed_draft_options(record).items() if key != "stylizer"}
    print_table(lines | {flag_name(key): format_value(value) for key, value in changes.items()})
    print(f"\nthe command, to be changed:\n{printable(draft_command(record))}")
    return 0


def _write(pastiche: Pastiche, to: PictureOutput, bit_depth: int) -> int:
    for notice in () if to.quiet else pastiche.notices:
        say(f"note: {notice}")
    to.save(pastiche, bit_depth)
    to.report(pastiche, "drafted")
    return 0


def _use_large_pages() -> None:
    from impasto.engine.memory import use_large_pages  # loads torch

    use_large_pages()
