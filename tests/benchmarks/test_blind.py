"""Blind choices: rows and sides are shuffled and balanced, names are hidden, and the score is right."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

import blind

COLOURS = {"ours": (200, 0, 0), "theirs": (0, 200, 0), "older": (0, 0, 200)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Pictures by three methods of five pairs, each in its method's colour; one of `older` is missing."""
    pairs = {}
    for number in range(5):
        files = [tmp_path / f"{kind}{number}.png" for kind in ("photo", "painting")]
        for path in files:
            Image.new("RGB", (90, 60), (240, 240, 240)).save(path)
        pairs[f"pair{number}"] = [str(path) for path in files]
        for method, colour in COLOURS.items():
            (tmp_path / "pictures" / method).mkdir(parents=True, exist_ok=True)
            if (method, number) != ("older", 4):
                size = (90, 60) if method == "ours" else (45, 30)
                Image.new("RGB", size, colour).save(tmp_path / "pictures" / method / f"pair{number}.png")
    (tmp_path / "pictures" / "pairs.json").write_text(json.dumps(pairs))
    return tmp_path / "pictures"


def show(folder: Path, *flags: str) -> tuple[Path, Path]:
    out, key = folder.parent / "page", folder.parent / "key.json"
    blind.main(["show", str(folder), "--ours", "ours", "--out", str(out), "--key", str(key), *flags])
    return out, key


def fill_in(page: Path, choices: dict[int, str]) -> Path:
    path = page / "choices.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([["row", "choice"], *choices.items()])
    return path


def test_rows_and_sides_are_shuffled_and_balanced() -> None:
    pairs = [f"pair{number}" for number in range(10)]
    rows = blind.build_rows(pairs, "ours", ["theirs", "older"], seed=0)
    assert [row.row for row in rows] == list(range(1, 21))
    assert Counter((row.pair, *sorted((row.left, row.right))) for row in rows) == Counter(
        (pair, *sorted(("ours", opponent))) for pair in pairs for opponent in ("theirs", "older")
    )
    assert sum(row.left == "ours" for row in rows) == 10
    assert [row.pair for row in rows] != [*pairs, *pairs]
    assert rows == blind.build_rows(pairs, "ours", ["theirs", "older"], seed=0)
    assert rows != blind.build_rows(pairs, "ours", ["theirs", "older"], seed=1)


def test_the_page_shows_what_the_key_says_and_no_names(folder: Path) -> None:
    page, key = show(folder, "--against", "theirs", "older", "--rows", "2")
    rows = [blind.Row(**row) for row in json.loads(key.read_text())["rows"]]
    assert len(rows) == 8, "the pair that one method lacks is left out"
    assert sorted(path.name for path in page.iterdir()) == ["choices.csv", *(f"sheet-0{n}.png" for n in range(1, 5))]
    for path in page.iterdir():
        assert not any(name.encode() in path.read_bytes() for name in ("ours", "theirs", "older"))
    for number, row in enumerate(rows):
        with Image.open(page / f"sheet-0{number // 2 + 1}.png") as sheet:
            middle = sheet.height // 4 + (number % 2) * sheet.height // 2
            left = blind.SMALL_PX + 2 * blind.GAP_PX + blind.LARGE_PX // 2
            right = left + blind.GAP_PX + blind.LARGE_PX
            assert sheet.getpixel((left, middle)) == COLOURS[row.left]
            assert sheet.getpixel((right, middle)) == COLOURS[row.right]
            # A small picture is enlarged: its size does not give it away.
            edges = [x + blind.LARGE_PX // 2 - 2 for x in (left, right)]
            assert [sheet.getpixel((x, middle)) for x in edges] == [COLOURS[row.left], COLOURS[row.right]]


def test_a_page_made_anew_keeps_no_old_sheets(folder: Path) -> None:
    show(folder, "--against", "theirs", "--rows", "1")
    page, _ = show(folder, "--against", "theirs", "--rows", "1", "--pairs", "2")
    assert len(list(page.glob("sheet-*.png"))) == 2


def test_eyes_that_always_choose_ours(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page, key = show(folder, "--against", "theirs", "older")
    rows = [blind.Row(**row) for row in json.loads(key.read_text())["rows"]]
    always = {row.row: "L" if row.left == "ours" else "r" for row in rows}
    del always[next(row.row for row in rows if "older" in (row.left, row.right))]
    choices = fill_in(page, always)
    capsys.readouterr()
    blind.main(["score", str(key), str(choices)])
    said = capsys.readouterr().out
    assert "| theirs | 4 : 0 | 100% | 40% to 100% |" in said
    assert "| older | 3 : 0 | 100% | 29% to 100% |" in said
    assert "agree" not in said


def test_the_score_is_that_of_the_tables() -> None:
    rows = blind.build_rows([f"pair{n}" for n in range(20)], "ours", ["theirs"], seed=3)
    first = {row.row: "L" if (row.left == "ours") == (row.row <= 14) else "R" for row in rows}
    (line,) = blind.score_table(rows, "ours", [first])
    assert (line["won"], line["of"], line["share"]) == (14, 20, 0.7)
    assert line["low"] == pytest.approx(0.457, abs=5e-4)  # Clopper and Pearson's for 14 of 20
    assert line["high"] == pytest.approx(0.881, abs=5e-4)
    second = first | {1: "R" if first[1] == "L" else "L"}
    del second[20]
    (both,) = blind.score_table(rows, "ours", [first, second])
    assert (both["won"], both["of"]) == (27, 39)
    assert blind.agreement([first, second]) == (18, 19)


@pytest.mark.parametrize("choices", [{1: "M"}, {99: "L"}, {"one": "L"}])
def test_choices_that_are_none(folder: Path, choices: dict[int, str]) -> None:
    page, key = show(folder, "--against", "theirs")
    with pytest.raises(SystemExit, match="ROW,L or ROW,R"):
        blind.main(["score", str(key), str(fill_in(page, choices))])


def test_a_row_chosen_twice(folder: Path) -> None:
    page, key = show(folder, "--against", "theirs")
    (page / "choices.csv").write_text("row,choice\n1,L\n1,R\n")
    with pytest.raises(SystemExit, match="row 1 is chosen twice"):
        blind.main(["score", str(key), str(page / "choices.csv")])


def test_what_cannot_be_shown(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="no pictures by 'nobody'"):
        show(folder, "--against", "nobody")
    with pytest.raises(SystemExit, match=r"no pairs\.json"):
        show(tmp_path, "--against", "theirs")
    with pytest.raises(SystemExit, match="would lie on the page"):
        page = str(tmp_path / "page")
        blind.main(["show", str(folder), "--ours", "ours", "--against", "theirs", "--out", page, "--key", f"{page}/k"])
