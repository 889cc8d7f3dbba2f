"""Choices between two pictures of the same photo and painting, without knowing who painted which.

  blind.py show FOLDER --ours paint --against tfhub draft --out PAGE --key KEY.json
  blind.py score KEY.json CHOICES.csv [MORE.csv ...]

`show` takes the pictures that pictures.py keeps in FOLDER, and writes sheets of rows to PAGE: photo and painting
small, then two pictures, L and R. Rows are shuffled, and so are the sides of each, by --seed. PAGE also gets a
choices.csv to be filled in: `row,choice` with L or R; a row that is left empty does not count. Who painted what is in
KEY alone: give the eyes PAGE, and no more.

`score` says how often ours was chosen over each opponent, with the exact binomial interval (Clopper and Pearson) of
95 %. With several files, each by other eyes, all choices count, and it says how often the eyes agree.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont
from scipy.stats import binomtest

CONFIDENCE = 0.95
SIDES = ("L", "R")
SMALL_PX, LARGE_PX, GAP_PX, LABEL_PX = 250, 520, 12, 28


@dataclass(frozen=True)
class Row:
    """One choice: the pair's name, and who painted each side."""

    row: int
    pair: str
    left: str
    right: str

    def chosen(self, choice: str) -> str:
        """The method on the side chosen."""
        return self.left if choice == "L" else self.right


def build_rows(pairs: Sequence[str], ours: str, opponents: Sequence[str], seed: int) -> list[Row]:
    """A row for every pair and opponent, rows and sides shuffled; ours is on each side equally often, or once more."""
    random_state = random.Random(seed)
    matches = [(pair, opponent) for opponent in opponents for pair in pairs]
    random_state.shuffle(matches)
    left = [place % 2 == 0 for place in range(len(matches))]
    random_state.shuffle(left)
    return [
        Row(number, pair, *((ours, opponent) if ours_left else (opponent, ours)))
        for number, ((pair, opponent), ours_left) in enumerate(zip(matches, left, strict=True), start=1)
    ]


def find_pairs(folder: Path, methods: Sequence[str]) -> dict[str, tuple[Path, Path]]:
    """Photo and painting by pair, of those that every method has painted; one line where there are none."""
    listed = folder / "pairs.json"
    if not listed.is_file():
        raise SystemExit(f"{folder} holds no pairs.json: name the folder that pictures.py keeps its pictures in")
    pairs = {name: (Path(photo), Path(painting)) for name, (photo, painting) in json.loads(listed.read_text()).items()}
    for method in methods:
        if not (folder / method).is_dir():
            raise SystemExit(f"{folder} holds no pictures by {method!r}")
    whole = {n: files for n, files in pairs.items() if all((folder / m / f"{n}.png").exists() for m in methods)}
    if not whole:
        raise SystemExit(f"no pair in {folder} was painted by all of {', '.join(methods)}")
    return whole


# --- the page ---------------------------------------------------------------------------------------------


def draw_row(row: Row, folder: Path, inputs: tuple[Path, Path]) -> Image.Image:
    """Photo and painting small, one above the other; then both sides, equally large."""
    small = [_fit(Image.open(path), SMALL_PX) for path in inputs]
    large = [_fit(Image.open(folder / method / f"{row.pair}.png"), LARGE_PX) for method in (row.left, row.right)]
    height = LABEL_PX + max(sum(image.height for image in small) + GAP_PX, *(image.height for image in large))
    canvas = Image.new("RGB", (SMALL_PX + 2 * LARGE_PX + 4 * GAP_PX, height + 2 * GAP_PX), "white")
    pen, font = ImageDraw.Draw(canvas), ImageFont.load_default(LABEL_PX - 6)
    pen.text((GAP_PX, GAP_PX), f"row {row.row}", "black", font)
    top = GAP_PX + LABEL_PX
    canvas.paste(small[0], (GAP_PX, top))
    canvas.paste(small[1], (GAP_PX, top + small[0].height + GAP_PX))
    for side, image, left in zip(SIDES, large, (SMALL_PX + 2 * GAP_PX, SMALL_PX + LARGE_PX + 3 * GAP_PX), strict=True):
        pen.text((left, GAP_PX), f"{row.row} {side}", "black", font)
        canvas.paste(image, (left, top))
    return canvas


def _fit(image: Image.Image, long_edge_px: int) -> Image.Image:
    """At that long edge, enlarged too: what is small in one method must not be small on the page."""
    scale = long_edge_px / max(image.size)
    size = tuple(max(1, round(side * scale)) for side in image.size)
    return image.convert("RGB").resize(size, Image.Resampling.LANCZOS)


def draw_sheets(rows: Sequence[Image.Image], out: Path, per_sheet: int) -> list[Path]:
    """Write sheet-01.png and so on, rows one below the other."""
    paths = []
    for start in range(0, len(rows), per_sheet):
        part = rows[start : start + per_sheet]
        sheet = Image.new("RGB", (part[0].width, sum(row.height for row in part)), "white")
        top = 0
        for row in part:
            sheet.paste(row, (0, top))
            top += row.height
        paths.append(out / f"sheet-{len(paths) + 1:02}.png")
        sheet.save(paths[-1], optimize=True)
    return paths


def show(args: argparse.Namespace) -> None:
    pairs = find_pairs(args.folder, [args.ours, *args.against])
    if args.key.resolve().is_relative_to(args.out.resolve()):
        raise SystemExit(f"the key {args.key} would lie on the page, for all eyes: give another --key")
    names = list(pairs)[: args.pairs]
    rows = build_rows(names, args.ours, args.against, args.seed)
    args.out.mkdir(parents=True, exist_ok=True)
    for stale in args.out.glob("sheet-*.png"):
        stale.unlink()
    sheets = draw_sheets([draw_row(row, args.folder, pairs[row.pair]) for row in rows], args.out, args.rows)
    with (args.out / "choices.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([["row", "choice"], *([row.row, ""] for row in rows)])
    key = {"ours": args.ours, "against": args.against, "seed": args.seed, "rows": [asdict(row) for row in rows]}
    args.key.parent.mkdir(parents=True, exist_ok=True)
    args.key.write_text(json.dumps(key, indent=1) + "\n", encoding="utf-8")
    print(f"{args.out}: {len(rows)} rows on {len(sheets)} sheets; fill in choices.csv, then score {args.key}")


# --- the score --------------------------------------------------------------------------------------------


def read_choices(path: Path, rows: Mapping[int, Row]) -> dict[int, str]:
    """Choices by row, empty ones left out; ends with one line for what is none."""
    choices: dict[int, str] = {}
    with path.open(newline="", encoding="utf-8-sig") as file:
        for line in csv.DictReader(file):
            number, choice = (line.get("row") or "").strip(), (line.get("choice") or "").strip().upper()
            if not number.isdecimal() or int(number) not in rows or choice not in ("", *SIDES):
                raise SystemExit(f"{path}: a line is ROW,L or ROW,R with a row of the page, got {number!r},{choice!r}")
            if int(number) in choices:
                raise SystemExit(f"{path}: row {number} is chosen twice")
            if choice:
                choices[int(number)] = choice
    return choices


def score_table(rows: Sequence[Row], ours: str, eyes: Sequence[Mapping[int, str]]) -> list[dict[str, Any]]:
    """For each opponent: choices for ours and in all, share, and its interval."""
    table: list[dict[str, Any]] = []
    for opponent in dict.fromkeys(row.right if row.left == ours else row.left for row in rows):
        matches = [row for row in rows if opponent in (row.left, row.right)]
        chosen = [row.chosen(choices[row.row]) for choices in eyes for row in matches if row.row in choices]
        if not chosen:
            continue
        won = chosen.count(ours)
        low, high = binomtest(won, len(chosen)).proportion_ci(CONFIDENCE, method="exact")
        share = won / len(chosen)
        table.append({"against": opponent, "won": won, "of": len(chosen), "share": share, "low": low, "high": high})
    return table


def agreement(eyes: Sequence[Mapping[int, str]]) -> tuple[int, int]:
    """Rows in which all eyes chose the same, and rows that all of them chose in."""
    shared = set.intersection(*(set(choices) for choices in eyes))
    return sum(len({choices[row] for choices in eyes}) == 1 for row in shared), len(shared)


def score(args: argparse.Namespace) -> None:
    key = json.loads(args.key.read_text(encoding="utf-8"))
    rows = [Row(**row) for row in key["rows"]]
    eyes = [read_choices(path, {row.row: row for row in rows}) for path in args.choices]
    print(f"| {key['ours']} against | chosen | share | {CONFIDENCE:.0%} interval |\n|---|---|---|---|")
    for line in score_table(rows, key["ours"], eyes):
        counts = f"{line['won']} : {line['of'] - line['won']}"
        print(f"| {line['against']} | {counts} | {line['share']:.0%} | {line['low']:.0%} to {line['high']:.0%} |")
    if len(eyes) > 1:
        same, shared = agreement(eyes)
        print(
            f"\n{len(eyes)} pairs of eyes agree in {same} of {shared} rows; the interval counts their choices singly."
        )


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    page = commands.add_parser("show", help="write the page")
    page.add_argument("folder", type=Path, help="where pictures.py keeps its pictures")
    page.add_argument("--ours", required=True, help="a method's label")
    page.add_argument("--against", nargs="+", required=True, metavar="LABEL", help="opponents")
    page.add_argument("--out", type=Path, required=True, help="folder of the page")
    page.add_argument("--key", type=Path, required=True, help="file of who painted what, outside the page")
    page.add_argument("--pairs", type=int, help="at most so many pairs")
    page.add_argument("--seed", type=int, default=0)
    page.add_argument("--rows", type=int, default=3, help="rows on a sheet [default: 3]")
    page.set_defaults(call=show)
    result = commands.add_parser("score", help="say how often ours was chosen")
    result.add_argument("key", type=Path)
    result.add_argument("choices", type=Path, nargs="+")
    result.set_defaults(call=score)
    args = parser.parse_args(words)
    args.call(args)


if __name__ == "__main__":
    main(sys.argv[1:])
