"""Options, recipes, and what derives from them: flags, help, documentation."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pydantic
import pytest

from impasto.errors import InputError, OptionError
from impasto.options import fields as options
from impasto.options.fields import PaintOptions, build_options
from impasto.options.recipes import describe_recipe, load_recipe, recipe_names
from impasto.options.spelling import describe_bounds, describe_values, flag_name, format_value

ROOT = Path(__file__).parents[2]


def test_every_option_has_a_meaning_a_group_and_a_valid_default() -> None:
    for field in PaintOptions.model_fields.values():
        assert field.description
        assert isinstance(field.json_schema_extra, dict)
        assert field.json_schema_extra["group"]
    PaintOptions.model_validate(PaintOptions().model_dump())


def test_options_are_frozen() -> None:
    with pytest.raises(pydantic.ValidationError):
        PaintOptions().strength = 3.0  # type: ignore[misc]


@pytest.mark.parametrize("name", PaintOptions.model_fields)
def test_what_a_flag_shows_is_what_it_takes(name: str) -> None:
    default = getattr(PaintOptions(), name)
    if default is not None:
        assert getattr(build_options({name: format_value(default)}), name) == default


def test_json_round_trip_is_exact() -> None:
    chosen = build_options({"strength": "33.3", "steps": "7,5", "style_layers": "relu1_1:0.1,relu3_1"})
    assert PaintOptions.model_validate_json(chosen.model_dump_json()) == chosen
    assert chosen.style_layers == {"relu1_1": 0.1, "relu3_1": 1.0}
    assert chosen.steps == (7, 5)


@pytest.mark.parametrize("value", ["none", "", {}])
def test_no_layers_at_all(value: object) -> None:
    assert build_options({"style_layers": value}).style_layers == {}
    assert build_options({"style_layers": format_value({})}).style_layers == {}


def test_the_shape_of_a_texture() -> None:
    for value in ("2048x1024", "2048,1024", (2048, 1024)):
        assert build_options({"shape_px": value}).shape_px == (2048, 1024)
    with pytest.raises(OptionError, match=r"^option shape_px"):
        build_options({"shape_px": "2048"})
    with pytest.raises(OptionError, match=r"^option shape_px"):
        build_options({"shape_px": "0x5"})


def test_a_single_number_of_steps() -> None:
    assert build_options({"steps": 9}).steps == (9,)


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("size_px", 0, "got 0"),
        ("size_px", "big", "got 'big'"),
        ("strength", 100.5, "got 100.5"),
        ("strength", "nan", "got 'nan'"),
        ("style_loss", "gran", "got 'gran'"),
        ("style_layers", "relu1_1:-2", "['relu1_1']"),
        ("steps", (), "got ()"),
        ("steps", "5,0", "got '0'"),
        ("average", 1, "got 1"),
        ("scale_factor", 1, "got 1"),
        ("scale_factor", 1.01, "got 1.01"),
        ("scale_factor", "inf", "got 'inf'"),
        ("variation", 2**63, f"got {2**63}"),
        ("tv_weight", 1e10, "got 10000000000.0"),
        ("seed", "9" * 100_000, " ..."),
        ("tv_weight", "inf", "got 'inf'"),
        ("content_layers", "relu4_2:inf", "['relu4_2']"),
        ("threads", 0, "got 0"),
    ],
)
def test_a_value_out_of_bounds_is_named(name: str, value: object, shown: str) -> None:
    with pytest.raises(OptionError, match=rf"^option {name}.*{re.escape(shown)}"):
        build_options({name: value})


def test_an_unknown_option_offers_the_nearest() -> None:
    with pytest.raises(OptionError, match="unknown option 'stile_weight'; did you mean 'style_weight'"):
        build_options({"stile_weight": 1})


def test_values_override_the_base() -> None:
    base = build_options({"strength": 10, "seed": 3})
    assert build_options({"strength": 20}, base) == build_options({"strength": 20, "seed": 3})


# ------------------------------------------------------------------------------------------ recipes


@pytest.mark.parametrize("name", recipe_names())
def test_bundled_recipes_are_valid_and_described(name: str) -> None:
    build_options(load_recipe(name))
    assert describe_recipe(name)


def test_the_default_recipe_is_the_defaults() -> None:
    assert build_options(load_recipe("painterly")) == PaintOptions()


def test_a_recipe_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('description = "mine"\nstrength = 30\nsteps = [4, 2]\n[style_layers]\nrelu2_1 = 3\n')
    built = build_options(load_recipe(str(file)))
    assert built == build_options({"strength": 30, "steps": (4, 2), "style_layers": {"relu2_1": 3.0}})
    assert describe_recipe(str(file)) == "mine"


def test_recipe_errors(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="unknown recipe 'painterl'; did you mean 'painterly'"):
        load_recipe("painterl")
    with pytest.raises(InputError, match=r"nowhere\.toml"):
        load_recipe("nowhere.toml")
    (tmp_path / "bad.toml").write_text("strength = = 3")
    with pytest.raises(InputError, match="not valid TOML"):
        load_recipe(str(tmp_path / "bad.toml"))
    (tmp_path / "latin.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="cannot read the recipe"):
        load_recipe(str(tmp_path / "latin.toml"))


# --------------------------------------------------------------------------------- what derives


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
        ("steps", "each at least 1", "INT,..."),
        ("style_layers", "each above 0, at most 1e+09", "NAME:NUMBER,..."),
        ("optimizer", "adam or lbfgs", "adam|lbfgs"),
        ("seed", "at least 0, below 2^63", "INT"),
        ("shape_px", "each 1 to 65536", "INTxINT"),
        ("encoder", "", "TEXT"),
    ],
)
def test_bounds_and_values_as_people_read_them(option: str, bounds: str, values: str) -> None:
    assert (describe_bounds(option), describe_values(option)) == (bounds, values)


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
