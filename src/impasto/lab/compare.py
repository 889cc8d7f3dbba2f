"""Comparisons: one pair, painted by several recipes, beside other programs' pictures of it.

A column is the name of a recipe or its .toml file; ``tfhub`` or ``tfhub:MODEL``, Google's one-pass model; or
``file:PICTURE``. ``=LABEL`` after any of them names the column.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from impasto.errors import InputError, OptionError
from impasto.events import Event
from impasto.images.writing import save_picture
from impasto.lab.paint_job import SHELF, iter_painting, png_bytes
from impasto.lab.plan import PathLike, Plan, Planner, Weighted, checked, job_name, without_folders
from impasto.lab.run_folder import Axis, InputFile, Job, Manifest, Outcome

COLUMN = "column"
HUB_ADDRESS = "https://tfhub.dev/google/magenta/arbitrary-image-stylization-v1-256/2"


@dataclass(frozen=True)
class Column:
    """A parsed column: `kind` as a job's, `what` the recipe, picture or model."""

    kind: str
    what: str
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
    photo: PathLike,
    paintings: Sequence[Weighted],
    columns: Sequence[str],
    *,
    planner: Planner,
    values: Mapping[str, Any],
    judge: str = "lite",
) -> Plan:
    """A job for every column; `values` override each recipe. Raises `OptionError`, `InputError`."""
    parsed = [parse_column(text) for text in columns]
    if not parsed:
        raise OptionError("nothing to compare: name columns after --with, such as painterly patient file:other.png")
    jobs = [_job(column, photo, paintings, planner, values) for column in parsed]
    axis = Axis(name=COLUMN, values=tuple(column.label for column in parsed))
    return Plan(checked(Manifest(command="compare", axes=(axis,), judge=judge, jobs=tuple(jobs))))


def _job(
    column: Column,
    photo: PathLike,
    paintings: Sequence[Weighted],
    planner: Planner,
    values: Mapping[str, Any],
) -> Job:
    labels = {COLUMN: column.label}
    if column.kind == "paint":
        options = planner.resolve(column.what, values)
        return planner.painting_job(photo, paintings, options, recipe=column.what, labels=labels)
    options = without_folders(planner.resolve(None, values))
    inputs = planner.pair(photo, paintings)
    if column.kind == "picture":
        inputs.append(planner.describe("picture", column.what))
        return Job(name=job_name(labels), kind="picture", labels=labels, inputs=tuple(inputs), options=options)
    is_address = "://" in column.what
    if not is_address:
        inputs += _model_files(Path(column.what), planner)
    return Job(
        name=job_name(labels),
        kind="tfhub",
        labels=labels,
        inputs=tuple(inputs),
        options=options,
        model=column.what if is_address else None,
    )


def _model_files(folder: Path, planner: Planner) -> list[InputFile]:
    """All files of a SavedModel, its graph first."""
    if not (folder / "saved_model.pb").is_file():
        raise InputError(f"{str(folder)!r} is no SavedModel folder: it holds no saved_model.pb")
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "saved_model.pb")
    return [planner.describe("model", path) for path in (folder / "saved_model.pb", *files)]


def do_job(job: Job) -> Iterator[Event | Outcome]:
    """Do a job of any kind: paint, take a picture that exists, or ask Google's model."""
    if job.kind == "paint":
        yield from iter_painting(job)
        return
    alpha, seconds = None, None
    if job.kind == "picture":
        (picture,) = (SHELF.load(file) for file in job.inputs if file.role == "picture")
        pixels, alpha = picture.pixels(), picture.alpha()
    else:
        photo, *paintings = (SHELF.load(file) for file in job.inputs if file.role in ("photo", "painting"))
        if len(paintings) > 1:
            raise OptionError("tfhub paints after one painting only; give one")
        from impasto.lab.tfhub import stylize  # loads torch, which planning does not

        pixels, seconds = stylize(photo, paintings[0], job.options, job.model or job.paths("model")[0].parent)
    height_px, width_px = pixels.shape[:2]
    png = png_bytes(lambda path: save_picture(path, pixels, alpha=alpha))
    yield Outcome(picture=png, width_px=width_px, height_px=height_px, seconds=seconds)
