"""Options as people spell them: flag, default and bounds, all read from `PaintOptions`.

The command line, ``impasto info`` and docs/options.md derive from here, so that none of them can drift.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from impasto.options.fields import PaintOptions
from impasto.options.recipes import PAINTERLY, PIXELS, load_recipe

UNIT_SUFFIXES = ("_px", "_seconds", "_bytes")


def flag_name(option: str) -> str:
    """Flag of an option, its unit left out: ``min_scale_px`` is ``--min-scale``."""
    for suffix in UNIT_SUFFIXES:
        option = option.removesuffix(suffix)
    return "--" + option.replace("_", "-")


def option_group(option: str) -> str:
    """Heading under which help and documentation list an option."""
    extra = PaintOptions.model_fields[option].json_schema_extra
    return str(extra["group"]) if isinstance(extra, dict) else "Options"


def format_value(value: object, *, rounded: bool = False) -> str:
    """Write a value as its flag takes it: ``relu1_1:64,relu2_1:32``, ``120,80``, ``0.05``."""
    if isinstance(value, Mapping):
        if not value:
            return "none"
        return ",".join(f"{name}:{format_value(weight, rounded=rounded)}" for name, weight in value.items())
    if isinstance(value, tuple | list):
        return ",".join(format_value(item, rounded=rounded) for item in value)
    if isinstance(value, float):
        return f"{value:.4g}" if rounded else repr(value).removesuffix(".0")
    return str(value)


def describe_default(option: str) -> str:
    """Default as its flag takes it; empty where the description itself says what happens without one."""
    default = PaintOptions.model_fields[option].default
    return "" if default is None else format_value(default, rounded=True)


def describe_usual(option: str) -> str:
    """The value without a flag and a recipe, and that of `PIXELS`, which are the defaults, where it is another."""
    default, painterly = describe_default(option), load_recipe(PAINTERLY)
    usual = format_value(painterly[option], rounded=True) if option in painterly else default
    return usual if usual == default else f"{usual}; recipe {PIXELS}: {default}"


def describe_bounds(option: str) -> str:
    """Say what an option accepts: ``0 to 100``, ``above 0, at most 1``, ``adam or lbfgs``; empty: anything."""
    return _describe_schema(_schemas()[option])


def describe_values(option: str) -> str:
    """Kind of value, as help shows it: ``INT``, ``INT,...``, ``NAME:NUMBER,...``, ``adam|lbfgs``."""
    return _kind_of(_schemas()[option])


def describe_option(option: str) -> str:
    """One line of help: meaning, then default."""
    meaning, usual = PaintOptions.model_fields[option].description or "", describe_usual(option)
    return f"{meaning} [default: {usual}]" if usual else meaning


@cache
def _schemas() -> dict[str, Any]:
    return dict(PaintOptions.model_json_schema()["properties"])


def _kind_of(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return "|".join(schema["enum"])
    if "anyOf" in schema:  # a value or nothing
        return _kind_of(schema["anyOf"][0])
    if "prefixItems" in schema:  # so many of them
        return "x".join(_kind_of(item) for item in schema["prefixItems"])
    if schema["type"] == "array":
        return f"{_kind_of(schema['items'])},..."
    if schema["type"] == "object":
        return f"NAME:{_kind_of(schema['additionalProperties'])},..."
    return {"integer": "INT", "number": "NUMBER"}.get(schema["type"], "TEXT")


def _describe_schema(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return " or ".join(schema["enum"])
    if "anyOf" in schema:  # a value or nothing
        return next(filter(None, map(_describe_schema, schema["anyOf"])), "")
    if "prefixItems" in schema:
        return f"each {_describe_schema(schema['prefixItems'][0])}"
    for inner in ("items", "additionalProperties"):  # a sequence or a table: bounds of each of its values
        if isinstance(schema.get(inner), dict):
            return f"each {_describe_schema(schema[inner])}"
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        return f"{low:g} to {high:g}"
    bounds = {
        "at least": low,
        "above": schema.get("exclusiveMinimum"),
        "at most": high,
        "below": schema.get("exclusiveMaximum"),
    }
    return ", ".join(f"{words} {_short(bound)}" for words, bound in bounds.items() if bound is not None)


def _short(bound: float) -> str:
    return f"2^{bound.bit_length() - 1}" if isinstance(bound, int) and bound >= 2**32 else f"{bound:g}"
