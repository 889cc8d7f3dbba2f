"""Batches: each of many photos with each of many paintings or style files, or the rows of a CSV file."""

from __future__ import annotations

import csv
import glob
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from impasto.errors import InputError, OptionError
from impasto.inputs.bundled import bundled_paintings, find_painting
from impasto.lab.jobs import LabManifest, build_manifest
from impasto.lab.plan import PathLike, Planner, file_labels, option_label, option_named
from impasto.runs.build import named_files
from impasto.runs.record import PAINTING_SUFFIXES, PICTURE_SUFFIXES
from impasto.storage.files import why_not_a_file
from impasto.storage.places import Trusts, elsewhere, trusts_none

MAX_TABLE_BYTES = 20_000_000
MAX_ROWS = 20_000


@dataclass(frozen=True)
class PairRow:
    """A row of the CSV file: a pair, and the options and recipe it sets."""

    photo: Path
    painting: Path
    recipe: str | None
    values: Mapping[str, str]


def find_pairs(photos: Iterable[PathLike], paintings: Iterable[PathLike]) -> tuple[list[Path], list[Path]]:
    """Photos, and paintings or style files, as `find_pictures`; raises `OptionError` where no place is given."""
    photo_files = find_pictures(photos, "photos")
    painting_files = find_pictures(paintings, "paintings", PAINTING_SUFFIXES)
    if not photo_files or not painting_files:
        raise OptionError(f"no {'paintings' if photo_files else 'photos'} given; name files, folders or globs")
    return photo_files, painting_files


def find_pictures(places: Iterable[PathLike], what: str, suffixes: frozenset[str] = PICTURE_SUFFIXES) -> list[Path]:
    """Pictures named by files, folders (their pictures, not those of folders within) and globs, each once.

    Raises `InputError` for a place where there are none, or that cannot be read.
    """
    pictures: dict[Path, None] = {}
    for place in places:
        path, text = Path(place), os.fspath(place)
        try:
            if os.path.isdir(path):  # noqa: PTH112 (Path.is_dir raises for a name too long)
                files = sorted(entry for entry in path.iterdir() if _is_picture(entry, suffixes))
            elif os.path.exists(path) or not glob.has_magic(text):  # noqa: PTH110
                files = [Path(find_painting(path)) if what == "paintings" else path]
            else:
                matches = sorted(glob.glob(text, recursive=True))  # noqa: PTH207 (Path.glob takes no absolute pattern)
                files = [Path(name) for name in matches if _is_picture(Path(name), suffixes)]
        except OSError as error:
            raise InputError(f"cannot read the {what} in {text!r}: {error.strerror}") from error
        if not files:
            raise InputError(f"there are no {what} in {text!r}")
        pictures |= dict.fromkeys(files)
    return list(pictures)


def _is_picture(path: Path, suffixes: frozenset[str]) -> bool:
    return path.is_file() and path.suffix.lower() in suffixes and not path.name.startswith(".")


def plan_batch(photos: Sequence[PathLike], paintings: Sequence[PathLike], planner: Planner) -> LabManifest:
    """Each photo with each painting. All photos of a painting follow each other, so that its statistics are at hand.

    Raises `OptionError` for options that cannot be used, `InputError` where there are no pictures.
    """
    photo_files, painting_files = find_pairs(photos, paintings)
    photo_labels, painting_labels = file_labels(photo_files), file_labels(painting_files)
    options = planner.resolve()
    jobs = [
        planner.painting_job(
            photo,
            [(painting, 1.0)],
            options,
            recipe=planner.recipe,
            labels={"photo": photo_labels[photo], "painting": painting_labels[painting]},
        )
        for painting in painting_files
        for photo in photo_files
    ]
    return build_manifest("batch", ["photo", "painting"], planner.judge, jobs)


def plan_pairs(table: PathLike, planner: Planner, trusts: Trusts = trusts_none) -> LabManifest:
    """The rows of a CSV file with the columns ``photo``, ``painting`` and any options; paths are relative to it,
    and a bundled painting is called by its name.

    An empty cell leaves its option as it is. Files that do not lie beside the table, or below, have to be trusted.
    Raises as `plan_batch` does, naming the line.
    """
    rows = read_table(Path(table))
    _check_trusted(Path(table), rows, trusts)
    photos, paintings = file_labels(row.photo for row in rows), file_labels(row.painting for row in rows)
    varied = [name for name in rows[0].values if len({row.values[name] for row in rows}) > 1]
    recipe_varies = len({row.recipe for row in rows}) > 1
    jobs = []
    for line, row in enumerate(rows, start=2):
        recipe = row.recipe or planner.recipe
        try:
            options = planner.resolve(recipe, {name: value for name, value in row.values.items() if value})
            labels = {"photo": photos[row.photo], "painting": paintings[row.painting]}
            labels |= {name: option_label(options, name) for name in varied}
            if recipe_varies:
                labels["recipe"] = recipe or "painterly"
            jobs.append(planner.painting_job(row.photo, [(row.painting, 1.0)], options, recipe=recipe, labels=labels))
        except (OptionError, InputError) as error:
            raise type(error)(f"{str(table)!r}, line {line}: {error}") from error
    return build_manifest("batch", list(jobs[0].labels), planner.judge, jobs)


def _check_trusted(table: Path, rows: Sequence[PairRow], trusts: Trusts) -> None:
    """Refuse files that a table names elsewhere, unless they are trusted: `InputError`."""
    bundled = set(bundled_paintings().values())
    named = [path for row in rows for path in (row.photo, row.painting) if path not in bundled]
    named += [
        path for row in rows for path in named_files({name: value for name, value in row.values.items() if value})
    ]
    named += [Path(row.recipe) for row in rows if row.recipe and row.recipe.endswith(".toml")]
    outside = elsewhere(named, table.absolute().parent)
    if outside and not trusts(outside):
        more = f" and {len(outside) - 1} more" if len(outside) > 1 else ""
        raise InputError(
            f"the table {str(table)!r} names {str(outside[0])!r}{more}, which does not lie beside it or below: if the "
            "table is your own, add --trust (in Python trust=True)"
        )


def _painting_in(folder: Path, cell: str) -> Path:
    file = folder / cell
    return file if os.path.exists(file) else bundled_paintings().get(cell, file)  # noqa: PTH110 (a long name)


def read_table(path: Path) -> list[PairRow]:
    """Read the CSV file; raises `InputError` where it cannot be read or lacks a column, `OptionError` for options."""
    try:
        if why := why_not_a_file(path):
            raise InputError(f"cannot read the table {str(path)!r}: {why}")
        if path.stat().st_size > MAX_TABLE_BYTES:
            raise InputError(f"cannot read the table {str(path)!r}: it has more than {MAX_TABLE_BYTES} bytes")
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            lines, columns = list(reader), [name.strip() for name in reader.fieldnames or ()]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"cannot read the table {str(path)!r}: {error}") from error
    if not {"photo", "painting"} <= set(columns) or not lines:
        raise InputError(f"the table {str(path)!r} needs the columns photo and painting, and a row at least")
    if len(lines) > MAX_ROWS:
        raise InputError(f"the table {str(path)!r} has {len(lines)} rows, more than {MAX_ROWS}: make several of it")
    options = {name: option_named(name) for name in columns if name not in ("photo", "painting", "recipe")}
    rows = []
    for number, line in enumerate(lines, start=2):
        cells = {str(name).strip(): value.strip() for name, value in line.items() if isinstance(value, str)}
        if set(cells) != set(columns) or None in line:
            raise InputError(f"{str(path)!r}, line {number} has fewer or more cells than the first line")
        if not cells["photo"] or not cells["painting"]:
            raise InputError(f"{str(path)!r}, line {number} names no photo or no painting")
        rows.append(
            PairRow(
                photo=path.parent / cells["photo"],
                painting=_painting_in(path.parent, cells["painting"]),
                recipe=cells.get("recipe") or None,
                values={option: cells[name] for name, option in options.items()},
            )
        )
    return rows
