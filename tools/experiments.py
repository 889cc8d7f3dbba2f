"""Run the commands of docs/experiments.md in order, and make its pictures and tables again.

    python tools/experiments.py --photos FOLDER [--precision bfloat16] [--only WORD]

The page is the list: a picture ``pictures/experiments/NAME.jpg`` comes from the ``NAME.png`` or the contact sheet or
loss curves of the run folder that a command above it writes (``-2`` for a second sheet, ``-curves``), and a table,
between two comments, from a run folder's results.csv. Run folders that are finished are not painted again.
"""

from __future__ import annotations

import argparse
import csv
import os
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from PIL import Image

from impasto.cli import main as cli
from impasto.encoders.sources import SOURCES
from impasto.encoders.store import needs_fetch
from impasto.encoders.weights import how_to_get
from impasto.lab import magenta
from impasto.storage.installed import install_command

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "experiments.md"
PICTURES = "pictures/experiments"
FOLDER = ROOT / "bench-out" / "experiments"
WIDTH_PX, LIMIT_BYTES = 1280, 300_000
TABLE = re.compile(r"(<!-- table (\S+)((?: \w+=\S+)*): ([\w ]+) -->\n).*?(<!-- /table -->)", re.DOTALL)


def commands(page: str) -> list[list[str]]:
    """The arguments of every ``impasto`` command in the page's ``sh`` blocks; `$PHOTOS` as it is."""
    lines = "".join(re.findall(r"^```sh\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)).replace("\\\n", " ")
    split = [shlex.split(line, comments=True) for line in lines.splitlines()]
    return [words[1:] for words in split if words and words[0] == "impasto"]


def missing_weights(lists: list[list[str]]) -> list[str]:
    """Published encoders that the commands name and that are neither stored nor carried by an installed package."""
    named = {word for words in lists for word in words if word in SOURCES}
    return sorted(name for name in named if needs_fetch(name) and not _is_installed(name))


def _is_installed(name: str) -> bool:
    source = SOURCES[name]
    package = (SOURCES[source.stand_in] if source.stand_in else source).package
    return package is not None and package.find() is not None


def output(words: list[str]) -> Path:
    """The file or run folder that a command writes."""
    return Path(words[words.index("-o") + 1])


def source(name: str, folder: Path) -> Path | None:
    """The file that the page's picture ``NAME.jpg`` or ``NAME.webp`` is made from."""
    stem, suffix = name.rsplit(".", 1)
    if suffix == "webp":
        return folder / name if (folder / name).is_file() else None
    base, _, last = stem.rpartition("-")
    sheet = f"contact-sheet-{last}.png" if last.isdigit() else "loss-curves.png"
    choices = [folder / f"{stem}.png", folder / stem / "contact-sheet.png", folder / base / sheet]
    return next((path for path in choices if path.is_file()), None)


def pictures(page: str) -> list[str]:
    """File names of the pictures that the page shows."""
    return re.findall(rf"\]\({PICTURES}/([\w.-]+)\)", page)


def save_small(made: Path, target: Path) -> None:
    """Copy a time-lapse as it is; write anything else as a JPEG under 300 kB."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.suffix == ".webp":
        shutil.copyfile(made, target)
        return
    with Image.open(made) as opened:
        picture = opened.convert("RGB")
    if picture.width > WIDTH_PX:
        picture = picture.resize((WIDTH_PX, round(picture.height * WIDTH_PX / picture.width)), Image.Resampling.LANCZOS)
    for quality in range(90, 40, -5):
        picture.save(target, quality=quality, subsampling=0)
        if target.stat().st_size < LIMIT_BYTES:
            break


def renew_tables(page: str, folder: Path) -> str:
    """The page with every table drawn anew from the run folder that it names, or from several (``one+other``)."""

    def draw(table: re.Match[str]) -> str:
        opening, run, conditions, columns, closing = table.groups()
        wanted = dict(condition.split("=", 1) for condition in conditions.split())
        rows = [row for one in run.split("+") for row in _rows(folder / one / "results.csv", wanted)]
        return opening + draw_table(rows, columns.split()) + closing

    return TABLE.sub(draw, page)


def _rows(path: Path, conditions: dict[str, str]) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if all(row[name] == value for name, value in conditions.items()):
                yield row


def draw_table(rows: list[dict[str, str]], columns: list[str]) -> str:
    """Rows of a results.csv as a Markdown table: three significant digits, no folders, no extensions."""
    head = [name.replace("_", " ") for name in columns]
    lines = [head, ["---"] * len(columns), *([_cell(row[name]) for name in columns] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cell(text: str) -> str:
    try:
        return f"{float(text):.3g}"
    except ValueError:
        return Path(text).stem if text.endswith(".jpg") else text


def run(words: list[str], precision: str) -> None:
    """Run one command in the working folder, and replace what it wrote there before."""
    if words[0] in ("paint", "reconstruct"):
        words = [*words, "--overwrite"]
    if words[0] in ("paint", "reconstruct", "sweep", "compare"):
        words = [*words, "--precision", precision]
    print("impasto", shlex.join(words), flush=True)
    code = cli.main([os.path.expandvars(word) for word in [*words, "--quiet"]])
    if code:
        sys.exit(code)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, required=True, help="folder of content_*.jpg and style_*.jpg")
    parser.add_argument("--precision", default="auto", help="of convolutions, as impasto paint takes it")
    parser.add_argument("--only", default="", help="carry out only commands in which this occurs")
    args = parser.parse_args()
    if not args.photos.is_dir():
        parser.error(f"--photos {args.photos}: no such folder; name it, as in make experiments PHOTOS=FOLDER")
    page = PAGE.read_text(encoding="utf-8")
    chosen = [words for words in commands(page) if args.only in shlex.join(words)]
    for name in missing_weights(chosen):
        sys.exit(f"the experiments need {name}, and its weights are not here; {how_to_get(SOURCES[name])}")
    if any("tfhub" in words for words in chosen) and not (magenta.is_installed() or find_spec("tensorflow")):
        sys.exit(f"the experiments need TF-Hub's model, which is not here: {install_command('magenta')}")
    os.environ["PHOTOS"] = str(args.photos.resolve())
    FOLDER.mkdir(parents=True, exist_ok=True)
    os.chdir(FOLDER)
    for words in chosen:
        run(words, args.precision)
    for name in pictures(page):
        made = source(name, FOLDER)
        if made is None:
            sys.exit(f"no command of the page made {name}")
        save_small(made, PAGE.parent / PICTURES / name)
    PAGE.write_text(renew_tables(page, FOLDER), encoding="utf-8")
    print(f"written: {PAGE} and its pictures")


if __name__ == "__main__":
    main()
