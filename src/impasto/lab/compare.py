"""Comparisons: one pair, painted by several recipes, beside other programs' pictures of it.

A column is the name of a recipe or its .toml file; ``tfhub`` or ``tfhub:MODEL``, Google's one-pass model; or
``file:PICTURE``. ``=LABEL`` after any of them names the column.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from impasto.errors import InputError, OptionError
from impasto.lab.jobs import InputFile, LabJob, LabManifest, Role, build_manifest
from impasto.lab.plan import PathLike, Planner, Weighted, job_name, without_folders

COLUMN = "column"
HUB_ADDRESS = "https://tfhub.dev/google/magenta/arbitrary-image-stylization-v1-256/2"


@dataclass(frozen=True)
class Column:
    """A parsed column; `maker` is the recipe, the picture or the model."""

    kind: Literal["paint", "picture", "tfhub"]
    maker: str
    label: str


def parse_column(text: str) -> Column:
    """Read ``painterly``, ``tfhub:models/v1=Google``, ``file:other.png=Label``; raises `OptionError`."""
    body, equals, label = text.partition("=")
    if not body or (equals and not label):
        raise OptionError(
            f"a column is RECIPE, tfhub, tfhub:MODEL or file:PICTURE, with =LABEL if wanted; got {text!r}"
        )
    prefix, colon, rest = body.partition(":")
    if prefix == "file" and colon:
        if not rest:
            raise OptionError(f"the column {text!r} names no picture; give it as file:PICTURE=LABEL")
        return Column("picture", rest, label or Path(rest).stem)
    if prefix == "tfhub" and (not colon or rest):
        return Column("tfhub", rest or HUB_ADDRESS, label or "tfhub")
    return Column("paint", body, label or Path(body).name.removesuffix(".toml"))


def plan_comparison(
    photo: PathLike, paintings: Sequence[Weighted], columns: Sequence[str], planner: Planner
) -> LabManifest:
    """A job for every column; the planner's values override each recipe. Raises `OptionError`, `InputError`."""
    if not columns:
        raise OptionError("nothing to compare: name columns after --with, such as painterly patient file:other.png")
    jobs = [_job(parse_column(text), photo, paintings, planner) for text in columns]
    return build_manifest("compare", [COLUMN], planner.judge, jobs)


def _job(column: Column, photo: PathLike, paintings: Sequence[Weighted], planner: Planner) -> LabJob:
    labels = {COLUMN: column.label}
    if column.kind == "paint":
        options = planner.resolve(column.maker)
        return planner.painting_job(photo, paintings, options, recipe=column.maker, labels=labels)
    inputs = planner.pair(photo, paintings)
    is_address = column.kind == "tfhub" and "://" in column.maker
    if column.kind == "picture":
        inputs.append(planner.describe(Role.PICTURE, column.maker))
    elif not is_address:
        inputs += _model_files(Path(column.maker), planner)
    return LabJob(
        name=job_name(labels),
        kind=column.kind,
        labels=labels,
        inputs=tuple(inputs),
        options=without_folders(planner.resolve()),
        model=column.maker if is_address else None,
    )


def _model_files(folder: Path, planner: Planner) -> list[InputFile]:
    """All files of a SavedModel, its graph first."""
    if not (folder / "saved_model.pb").is_file():
        raise InputError(f"{str(folder)!r} is no SavedModel folder: it holds no saved_model.pb")
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "saved_model.pb")
    return [planner.describe(Role.MODEL, path) for path in (folder / "saved_model.pb", *files)]
