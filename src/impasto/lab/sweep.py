"""Sweeps: one photo and one painting over a grid of options; any of them can vary, and the pictures too."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from impasto.errors import OptionError, did_you_mean
from impasto.inputs.paintings import Region
from impasto.lab.plan import (
    PathLike,
    Plan,
    Planner,
    Weighted,
    checked,
    file_labels,
    option_called,
    without_folders,
)
from impasto.lab.run_folder import Axis, Manifest
from impasto.options.fields import PaintOptions
from impasto.options.spelling import format_value

PICTURES = ("photo", "painting")
OTHERS = (*PICTURES, "recipe")


def parse_vary(texts: Sequence[str]) -> dict[str, list[str]]:
    """Read ``content_weight=1,10,100``; where values have commas themselves, ``;`` goes between them."""
    varied: dict[str, list[str]] = {}
    for text in texts:
        name, equals, values = text.partition("=")
        if not equals:
            raise OptionError(f"--vary takes NAME=VALUE,VALUE,..., got {text!r}")
        if name in varied:
            raise OptionError(f"--vary {name} is given twice; put all its values into one")
        varied[name] = [value.strip() for value in values.split(";" if ";" in values else ",")]
    return varied


def plan_sweep(
    photo: PathLike,
    paintings: Sequence[Weighted],
    vary: Mapping[str, Sequence[Any]],
    *,
    planner: Planner,
    regions: Sequence[Region] = (),
    recipe: str | None = None,
    values: Mapping[str, Any],
    judge: str = "lite",
) -> Plan:
    """Every combination of the varied values as a job; all are checked before anything is painted.

    Raises `OptionError` for an unknown option or a value that cannot be used, `InputError` for missing files.
    """
    varied = {_name(name): list(choices) for name, choices in vary.items()}
    if not varied:
        raise OptionError("nothing varies: give at least one --vary NAME=VALUE,VALUE,...")
    if len(varied) < len(vary):
        raise OptionError("an option is varied twice under two spellings; put all its values into one")
    for name, choices in varied.items():
        if not choices or "" in choices:
            raise OptionError(f"--vary {name} needs values, as {name}=VALUE,VALUE,...")
    for name in varied:
        if name in values or (name == "recipe" and recipe is not None):
            raise OptionError(f"{name} varies in this sweep and is given beside it; leave one of them out")
    values, notes = _fixing_balance(varied, recipe, values, planner)
    pictures = {name: file_labels(choices) for name, choices in varied.items() if name in PICTURES}
    jobs = []
    for combination in itertools.product(*varied.values()):
        chosen = dict(zip(varied, combination, strict=True))
        recipe_name = chosen.get("recipe", recipe)
        picked = {name: value for name, value in chosen.items() if name not in OTHERS}
        options = planner.resolve(recipe_name, {**values, **picked})
        jobs.append(
            planner.painting_job(
                chosen.get("photo", photo),
                [(chosen["painting"], 1.0)] if "painting" in chosen else paintings,
                options,
                recipe=recipe_name,
                labels={name: _label(name, value, options, pictures) for name, value in chosen.items()},
                regions=regions,
            )
        )
    axes = tuple(Axis(name=name, values=tuple(dict.fromkeys(job.labels[name] for job in jobs))) for name in varied)
    return Plan(checked(Manifest(command="sweep", axes=axes, judge=judge, jobs=tuple(jobs))), notes)


def _name(name: str) -> str:
    if name in OTHERS:
        return name
    try:
        return option_called(name)
    except OptionError:
        known = [*OTHERS, *PaintOptions.model_fields]
        raise OptionError(f"--vary: unknown option {name!r}{did_you_mean(name, known)}") from None


def _label(name: str, value: Any, options: PaintOptions, pictures: Mapping[str, Mapping[Path, str]]) -> str:
    if name in pictures:
        return pictures[name][Path(value)]
    return str(value) if name in OTHERS else format_value(getattr(without_folders(options), name))


def _fixing_balance(
    varied: Mapping[str, Any], recipe: str | None, values: Mapping[str, Any], planner: Planner
) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    """A content weight that strength would move away again is no experiment: hold it, and say so."""
    if "content_weight" not in varied or "balance" in varied or "balance" in values or "recipe" in varied:
        return values, ()
    if planner.resolve(recipe, values).balance == "fixed":
        return values, ()
    note = "content_weight varies, so balance is 'fixed' in this sweep (with 'readability' strength would set it)"
    return {**values, "balance": "fixed"}, (note,)
