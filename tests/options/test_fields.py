"""Options: what is accepted, in which spellings, and what is refused in one line."""

from __future__ import annotations

import re

import pydantic
import pytest

from impasto.errors import OptionError
from impasto.options.fields import PaintOptions, build_options
from impasto.options.spelling import format_value


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
    with pytest.raises(OptionError, match=r"^option shape_px: it is a width and a height, as 2048x1024, got '2048'$"):
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
        ("style_layers", "relu1_1:-2", ", 'relu1_1': "),
        ("steps", (), "got ()"),
        ("steps", "5,0", ", number 2: input should be greater than or equal to 1, got '0'"),
        ("steps", "9" * 20, "less than or equal to 100000, got"),
        ("steps", "9" * 5000, " ..."),
        ("average", 1, "got 1"),
        ("scale_factor", 1, "got 1"),
        ("scale_factor", 1.01, "got 1.01"),
        ("scale_factor", "inf", "got 'inf'"),
        ("variation", 2**63, f"got {2**63}"),
        ("tv_weight", 1e10, "got 10000000000.0"),
        ("seed", "9" * 100_000, " ..."),
        ("tv_weight", "inf", "got 'inf'"),
        ("content_layers", "relu4_2:inf", ", 'relu4_2': "),
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
