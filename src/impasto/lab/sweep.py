"""Sweeps: one photo and one painting over a grid of options; any of them can vary, and the pictures too."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from impasto.errors import OptionError, did_you_mean
from impasto.lab.jobs import LabManifest, build_manifest
from impasto.lab.plan import PathLike, Planner, Weighted, file_labels, option_label, option_named
from impasto.options.fields import PaintOptions

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
    photo: PathLike, paintings: Sequence[Weighted], vary: Mapping[str, Sequence[Any]], planner: Planner
) -> LabManifest:
    """Every combination of the varied values as a job; all are checked before anything is painted.

    Raises `OptionError` for an unknown option or a value that cannot be used, `InputError` for missing files.
    """
    varied = _check_vary(vary, planner)
    fixed = _hold_content_weight(varied, planner)
    pictures = {name: file_labels(choices) for name, choices in varied.items() if name in PICTURES}
    jobs = []
    for combination in itertools.product(*varied.values()):
        chosen = dict(zip(varied, combination, strict=True))
        recipe = chosen.get("recipe", planner.recipe)
        options = planner.resolve(recipe, fixed | {name: chosen[name] for name in chosen if name not in OTHERS})
        jobs.append(
            planner.painting_job(
                chosen.get("photo", photo),
                [(chosen["painting"], 1.0)] if "painting" in chosen else paintings,
                options,
                recipe=recipe,
                labels={name: _label(name, value, options, pictures) for name, value in chosen.items()},
            )
        )
    return build_manifest("sweep", list(varied), planner.judge, jobs)


def _check_vary(vary: Mapping[str, Sequence[Any]], planner: Planner) -> dict[str, list[Any]]:
    """What varies, by the options' full names, to its values."""
    varied = {_name(name): list(choices) for name, choices in vary.items()}
    if not varied:
        raise OptionError("nothing varies: give at least one --vary NAME=VALUE,VALUE,...")
    if len(varied) < len(vary):
        raise OptionError("an option is varied twice under two spellings; put all its values into one")
    for name, choices in varied.items():
        if not choices or "" in choices:
            raise OptionError(f"--vary {name} needs values, as {name}=VALUE,VALUE,...")
    for name in varied:
        if name in planner.values or (name == "recipe" and planner.recipe is not None):
            raise OptionError(f"{name} varies in this sweep and is given beside it; leave one of them out")
    return varied


def _name(name: str) -> str:
    if name in OTHERS:
        return name
    try:
        return option_named(name)
    except OptionError:
        known = [*OTHERS, *PaintOptions.model_fields]
        raise OptionError(f"--vary: unknown option {name!r}{did_you_mean(name, known)}") from None


def _label(name: str, value: Any, options: PaintOptions, pictures: Mapping[str, Mapping[Path, str]]) -> str:
    if name in pictures:
        return pictures[name][Path(value)]
    return str(value) if name in OTHERS else option_label(options, name)


def _hold_content_weight(varied: Mapping[str, Any], planner: Planner) -> dict[str, Any]:
    """Values that hold the content weight where it varies: the controller would move it to the same place each time."""
    decided = {"balance", "recipe"} & varied.keys() or "balance" in planner.values
    if "content_weight" not in varied or decided or planner.resolve().balance == "fixed":
        return {}
    planner.notes.append(
        "content_weight varies, so balance is 'fixed' in this sweep (with 'readability' strength would set it)"
    )
    return {"balance": "fixed"}
