"""Comparisons: one pair, painted by several recipes, beside other programs' pictures of it.

A column is the name of a recipe or its .toml file; ``tfhub`` or ``tfhub:MODEL``, Google's one-pass model; or
``file:PICTURE``. ``=LABEL`` after any of them names the column. ``tfhub`` alone is the hub's model for TensorFlow where
that is installed and the model can be had, else the same model as ONNX (`lab.magenta`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from impasto.errors import InputError, OptionError
from impasto.lab.jobs import HUB_ADDRESS, InputFile, LabJob, LabManifest, Role, build_manifest
from impasto.lab.plan import PathLike, Planner, Weighted, job_name, without_folders

COLUMN = "column"
LABELS = {
    "folder": "tfhub (SavedModel)",
    "address": "tfhub (TensorFlow)",
    "package": "tfhub (ONNX, 384 px inside)",
}


@dataclass(frozen=True)
class Column:
    """A parsed column.

    Attributes
    ----------
    maker: the recipe, the picture, or the model's address or folder; empty for the model that is here.
    label: empty where the model that is found names the column.
    """

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
        return Column("tfhub", rest, label)
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
    if column.kind == "paint":
        options, labels = planner.resolve(column.maker), {COLUMN: column.label}
        return planner.painting_job(photo, paintings, options, recipe=column.maker, labels=labels)
    inputs, label, model = planner.pair(photo, paintings), column.label, None
    if column.kind == "picture":
        inputs.append(planner.describe(Role.PICTURE, column.maker))
    elif column.maker and "://" not in column.maker:
        inputs += _model_files(Path(column.maker), planner)
        label = label or LABELS["folder"]
    else:
        model = column.maker or _find_model(planner)
        label = label or LABELS["address" if "://" in model else "package"]
    labels = {COLUMN: label}
    return LabJob(
        name=job_name(labels),
        kind=column.kind,
        labels=labels,
        inputs=tuple(inputs),
        options=without_folders(planner.resolve()),
        model=model,
    )


def _find_model(planner: Planner) -> str:
    """What paints a column ``tfhub``: the hub's address for TensorFlow, or else the package, where it is installed.

    Where there is neither, or the hub cannot be reached, the address: its job says what is missing.
    """
    from impasto.lab.magenta import PACKAGE, is_installed
    from impasto.lab.tfhub import fetch_model

    if not is_installed():
        return HUB_ADDRESS
    if find_spec("tensorflow") is None:
        return PACKAGE
    try:
        fetch_model(HUB_ADDRESS)
    except InputError as error:
        planner.notes.append(f"the column tfhub is painted by {PACKAGE}: {error}")
        return PACKAGE
    return HUB_ADDRESS


def _model_files(folder: Path, planner: Planner) -> list[InputFile]:
    """All files of a SavedModel, its graph first."""
    if not (folder / "saved_model.pb").is_file():
        raise InputError(f"{str(folder)!r} is no SavedModel folder: it holds no saved_model.pb")
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "saved_model.pb")
    return [planner.describe(Role.MODEL, path) for path in (folder / "saved_model.pb", *files)]
