"""Pictures on the command line: their names, standard input and output, sizes as people write them."""

from __future__ import annotations

import glob
import os
import re
import shlex
import sys
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from impasto.cli.streams import STANDARD_INPUT
from impasto.cli.syntax import parse_painting
from impasto.errors import InputError, OptionError, OutputError
from impasto.storage.hashing import SENT_BYTES, hash_file

if TYPE_CHECKING:
    from impasto.images.picture import Picture
    from impasto.inputs.paintings import Painting, PictureLike

RELATIVE_SIZE = re.compile(r"\d+(\.\d+)?\s*%|\d+\s*[x×]\s*\d+(\s*px)?")  # 50%, 1920x1080
NAME_LETTERS = 80  # of a picture, in the name of another
BYTES_PER_PIXEL = 10  # of a file at most: CMYK and alpha at 16 bit


def check_photo(text: str, *, many: str) -> None:
    """Refuse what is no picture but leads to some: an address, a folder, a pattern.

    `many` is the command that paints several photos. Raises `InputError`.
    """
    if not os.path.lexists(text) and re.match(r"\w+://", text):
        raise InputError(f"{text!r} is an address, and files are not fetched: save the picture first")
    if not os.path.lexists(text) and glob.has_magic(text):
        raise InputError(f"{text!r} is no file but a pattern; for every picture that it matches: {many}")
    if os.path.isdir(text):  # noqa: PTH112 (Path.is_dir raises for a name too long)
        raise InputError(f"{text!r} is a folder; for every picture in it: {many}")


def read_photo(text: str, max_pixels: int) -> str | Picture:
    """The photo that a command is given: a path, or what stands at standard input."""
    return read_standard_input(max_pixels) if text == STANDARD_INPUT else text


def batch_command(photo: str, painting: str | None = None) -> str:
    """The command that paints all photos of a folder or pattern."""
    return f"impasto batch {shlex.quote(photo)} --paintings {shlex.quote(painting or 'flow')} -o pastiches"


def read_painting(text: str, max_pixels: int) -> tuple[PictureLike, float] | Painting:
    """A painting as `parse_painting` reads it; or what stands at standard input."""
    painting = parse_painting(text, max_pixels)
    if isinstance(painting, tuple) and painting[0] == STANDARD_INPUT:
        return read_standard_input(max_pixels), painting[1]
    return painting


def painting_path(painting: tuple[PictureLike, float] | Painting) -> Path | None:
    """The file of a painting that `read_painting` gives; None where it has none, or is bundled."""
    if isinstance(painting, tuple):
        return Path(painting[0]) if isinstance(painting[0], str) else None
    return painting.picture.path


def read_standard_input(max_pixels: int) -> Picture:
    """The picture whose file comes through standard input, which can be read once."""
    from impasto.images.reading import decode_picture

    if sys.stdin is None or sys.stdin.isatty():
        raise InputError("- is a picture from standard input, and there is none: cat photo.jpg | impasto paint - flow")
    data = sys.stdin.buffer.read(BYTES_PER_PIXEL * max_pixels + 2**26 + 1)
    if not data:
        raise InputError("standard input is empty: it holds one picture, and is read once")
    return decode_picture(data, name="stdin", max_pixels=max_pixels)


def default_place(beside: str | Path, *words: str, suffix: str, folder: Path | None = None, overwrite: bool) -> Path:
    """Where a picture goes whose name is left open: ``photo-flow.png`` beside the photo, or in `folder`.

    `words` follow the photo's name. Nothing is overwritten, unless that is asked for: ``photo-flow-2.png`` comes next.
    """
    source = Path("picture" if str(beside) == STANDARD_INPUT else beside)
    stem = "-".join([source.stem[:NAME_LETTERS], *words])[: 2 * NAME_LETTERS]
    first = (folder if folder is not None else source.parent) / f"{stem}{suffix}"
    return first if overwrite else free_name(first)


def free_name(first: Path) -> Path:
    """A path that no file has, no interrupted run is for and no process writes: ``first-2.png`` comes next."""
    from impasto.runs.interrupted import run_folder_of
    from impasto.storage.claims import is_claimed

    number, path = 1, first
    while os.path.lexists(path) or os.path.lexists(run_folder_of(path)) or is_claimed(path):
        number += 1
        path = first.with_name(f"{first.stem}-{number}{first.suffix}")
    return path


def name_part(text: str) -> str:
    """The name of a picture, or of a bundled painting, as part of another's name: no folder, no ending, no weight."""
    name = Path(re.split(r"[@:](?=[^/\\])", text, maxsplit=1)[0] or text).stem
    return name[:NAME_LETTERS] or "picture"


def paintings_part(paintings: Iterable[str]) -> str:
    """``flow``, ``flow-dots``, or ``flow-and-3-more``: the paintings as part of a pastiche's name."""
    names = [name_part(text) for text in paintings]
    return "-".join(names) if len(names) < 3 else f"{names[0]}-and-{len(names) - 1}-more"


def make_folder(text: str) -> Path:
    """The folder that a place ending in a slash names, made if need be."""
    try:
        Path(text).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot make the folder {text!r}: {error.strerror}") from error
    return Path(text)


def write_standard_output(data: bytes) -> None:
    """Write a picture's file to standard output."""
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def check_standard_output() -> None:
    """Refuse to write a picture to a terminal."""
    if sys.stdout is None or sys.stdout.isatty():
        raise OptionError("-o - writes the picture to standard output, which is a terminal: send it on, as > out.png")


def check_apart(
    written: Mapping[str, Path | None], inputs: Iterable[Path | None], hashes: Collection[str] = ()
) -> None:
    """Refuse files to write, by their flags, that are one and the same, an input, or a copy of one: `OptionError`.

    `hashes`: SHA-256 of further inputs.
    """
    from impasto.storage.places import same_content, same_file

    inputs = list(inputs)
    files = {flag: path for flag, path in written.items() if path is not None}
    why = "which the picture is painted from: without it no replay would be possible; give another name"
    for flag, path in files.items():
        for file in inputs:
            if file is not None and same_file(path, file):
                raise OptionError(f"{flag} {str(path)!r} is {file.name} itself, {why}")
            if file is not None and same_content(path, file):
                raise OptionError(f"{flag} {str(path)!r} is a copy of {file.name}, {why}")
        if hashes and path.is_file() and hash_file(path, SENT_BYTES) in hashes:
            raise OptionError(f"{flag} {str(path)!r} is a picture {why}")
        twin = next((other for other in files if other != flag and same_file(path, files[other])), None)
        if twin:
            raise OptionError(f"{flag} and {twin} are the same file {str(path)!r}")


def pop_size(given: dict[str, str]) -> str | None:
    """Take a size out of the options that can be known only beside a picture; else bring it to the option's form."""
    size = given.get("size_px", "")
    if RELATIVE_SIZE.fullmatch(size.strip()):
        return given.pop("size_px")
    if plain := re.fullmatch(r"(\d+)\s*px", size.strip()):
        given["size_px"] = plain[1]
    elif size and not re.fullmatch(r"[+-]?\d+", size.strip()):
        raise OptionError(f"--size is a long edge in pixels, as 800, or 50%, or 1920x1080 to fit into, got {size!r}")
    return None


def size_beside(size: str, picture: Picture) -> int:
    """The long edge that ``50%`` of a picture has, or the picture within ``1920x1080``, whose proportions it keeps."""
    numbers = [float(number) for number in re.findall(r"\d+(?:\.\d+)?", size)]
    if len(numbers) == 1:
        factor = numbers[0] / 100
    else:
        factor = min(numbers[0] / picture.width_px, numbers[1] / picture.height_px)
    return max(1, round(factor * max(picture.width_px, picture.height_px)))
