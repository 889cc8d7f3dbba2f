"""Flags, help and the page of options, all read from the fields."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from impasto.errors import OptionError
from impasto.options import fields as options
from impasto.options.fields import PaintOptions, build_options
from impasto.options.spelling import describe_bounds, describe_usual, describe_values, flag_name

ROOT = Path(__file__).parents[2]


def test_flags_are_distinct_and_drop_units() -> None:
    flags = [flag_name(name) for name in PaintOptions.model_fields]
    assert len(set(flags)) == len(flags)
    assert flag_name("size_px") == "--size"
    assert flag_name("min_scale_px") == "--min-scale"
    assert not any(flag.endswith(("-px", "-seconds", "-bytes")) for flag in flags)


@pytest.mark.parametrize(
    ("option", "bounds", "values"),
    [
        ("strength", "0 to 100", "NUMBER"),
        ("size_px", "1 to 65536", "INT"),
        ("steps", "each 1 to 100000", "INT,..."),
        ("style_layers", "each above 0, at most 1e+09", "NAME:NUMBER,..."),
        ("optimizer", "adam or lbfgs", "adam|lbfgs"),
        ("seed", "at least 0, below 2^63", "INT"),
        ("shape_px", "each 1 to 65536", "INTxINT"),
        ("encoder", "", "TEXT"),
    ],
)
def test_bounds_and_values_as_people_read_them(option: str, bounds: str, values: str) -> None:
    assert (describe_bounds(option), describe_values(option)) == (bounds, values)


def test_help_says_what_holds_without_a_recipe() -> None:
    assert describe_usual("keep_detail") == "60; recipe pixels: 0"
    assert describe_usual("strength") == "50"
    assert describe_usual("content_layers") == "relu3_1:1,relu4_2:1"  # the same in both, though the recipe names it
    assert describe_usual("size_px") == ""


def test_the_page_of_options_is_up_to_date() -> None:
    spec = importlib.util.spec_from_file_location("options_table", ROOT / "tools" / "options_table.py")
    assert spec is not None
    assert spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    page = (ROOT / "docs" / "options.md").read_text(encoding="utf-8")
    assert page == tool.build_page(), "run: python tools/options_table.py"
    assert all(f"`{name}`" in page for name in options.PaintOptions.model_fields)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("2GB", 2 * 10**9), ("1.5 GiB", 3 * 2**29), ("500mb", 500 * 10**6), ("3000000", 3_000_000), (2**21, 2**21)],
)
def test_bytes_as_people_write_them(text: str | int, expected: int) -> None:
    assert build_options({"max_memory_bytes": text}).max_memory_bytes == expected


@pytest.mark.parametrize("text", ["much", "2XB", "-1GB", "12", "9" * 400])
def test_bytes_that_are_none(text: str) -> None:
    with pytest.raises(OptionError, match="max_memory_bytes"):
        build_options({"max_memory_bytes": text})
