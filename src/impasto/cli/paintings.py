"""The command line of choosing a painting: ``impasto paintings`` and ``impasto sheet``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import numpy as np
from cyclopts import Parameter

from impasto.cli.draft import DraftFlags
from impasto.cli.output import PictureOutput
from impasto.cli.pictures import batch_command, check_photo, read_photo, write_standard_output
from impasto.cli.streams import say, tell
from impasto.cli.syntax import FAILED, Photo
from impasto.errors import OptionError
from impasto.images.writing import encode_picture, save_picture
from impasto.inputs.bundled import DESCRIPTIONS, bundled_paintings
from impasto.inputs.paintings import load_input
from impasto.options.spelling import flag_name
from impasto.runs.draft import build_draft_options

if TYPE_CHECKING:
    from PIL.Image import Image

ANYWHERE = PictureOutput()
ALL_OPTIONS = DraftFlags()


def paintings(*, to: PictureOutput = ANYWHERE) -> int:
    """List the bundled paintings, which are called by name; with -o they are drawn on a labelled sheet."""
    if to.output is not None:
        from impasto.lab.draft_sheet import draw_paintings

        to = to.place("paintings")
        to.check_place(8)
        _save(draw_paintings(), to)
    if not (to.quiet or to.to_standard_output):
        for name in bundled_paintings():
            print(f"{name:10} {DESCRIPTIONS[name]}")
    return 0


def sheet(
    photo: Photo,
    /,
    *places: Annotated[
        str,
        Parameter(name="PAINTING", help="files, folders, globs, or names [default: the bundled paintings]"),
    ],
    to: PictureOutput = ANYWHERE,
    flags: DraftFlags = ALL_OPTIONS,
) -> int:
    """Draft a photo after many paintings, on one labelled sheet, to choose from."""
    from impasto.engine.memory import use_large_pages  # loads torch
    from impasto.lab.draft_sheet import DraftSheet

    if flags.print_size is not None:
        raise OptionError("--print is for one draft; give --size, the long edge of the drafts in pixels")
    options = build_draft_options(flags.given(), spell=flag_name)
    check_photo(photo, many=batch_command(photo, *places[:1]))
    to = to.place(photo, "sheet")
    to.check_place(8)
    picture = load_input(read_photo(photo, to.limit), to.limit)
    drafts = DraftSheet(picture, places, options, to.limit)
    use_large_pages()
    with to.claimed([picture.path, *drafts.labels]):
        for count, label in enumerate(drafts, start=1):
            if not to.quiet:
                say(f"{count} of {len(drafts.labels)}: {label}")
        for why in drafts.failed.values():
            say(str(why))
        _save(drafts.draw(), to)
    return FAILED if drafts.failed else 0


def _save(image: Image, to: PictureOutput) -> None:
    """Write a sheet and print where it is."""
    pixels = np.asarray(image, np.float32) / 255
    if to.to_standard_output:
        write_standard_output(encode_picture(pixels, f"sheet{to.ending}"))
        return
    save_picture(to.path, pixels, overwrite=to.overwrite)
    if not to.quiet:
        tell(f"{to.path}: {image.width}x{image.height} px")
