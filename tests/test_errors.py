"""The tree of errors."""

from __future__ import annotations

import re

import pytest
from pydantic import BaseModel, Field, ValidationError

from impasto import errors


def all_subclasses(root: type) -> set[type]:
    return {root}.union(*(all_subclasses(child) for child in root.__subclasses__()))


def test_docstring_tree_lists_every_class_and_its_exit_code() -> None:
    listed = dict(re.findall(r"[├└]── (\w+) .*\(exit code (\d)\)", errors.__doc__ or ""))
    ours = {cls.__name__: cls for cls in all_subclasses(errors.ImpastoError) if cls.__module__ == errors.__name__}
    del ours["ImpastoError"]
    assert listed == {name: str(cls.exit_code) for name, cls in ours.items()}


def test_no_error_class_lives_elsewhere() -> None:
    import impasto.api
    import impasto.cli.main
    import impasto.engine.paint  # noqa: F401

    assert {cls.__module__ for cls in all_subclasses(errors.ImpastoError)} == {errors.__name__}


def test_message_is_one_line() -> None:
    assert str(errors.InputError("first\n  second\tthird")) == "first second third"


def test_a_message_cannot_speak_to_the_terminal() -> None:
    assert str(errors.InputError("é \x1b[2J \ud800 \x9b")) == r"é \x1b[2J \ud800 \x9b"


def test_a_message_is_of_bounded_length() -> None:
    assert str(errors.InputError(600 * "a")) == 600 * "a"
    assert str(errors.InputError(300 * "a" + 10_000 * "b" + 99 * "c")) == 300 * "a" + 150 * "b" + " ... b" + 99 * "c"


def test_values_are_quoted_short() -> None:
    assert errors.shorten("a\nb") == r"'a\nb'"
    assert errors.shorten(1000 * "a") == "'" + 75 * "a" + " ..."
    assert errors.shorten(16**5000) == "int too large to be shown"


@pytest.mark.parametrize(
    ("name", "expected"),
    [("relu4_l", "; did you mean 'relu4_1'?"), ("zzz", "; known: relu1_1, relu4_1")],
)
def test_did_you_mean(name: str, expected: str) -> None:
    assert errors.did_you_mean(name, ["relu4_1", "relu1_1"]) == expected


class Leaf(BaseModel):
    weight: float = Field(default=1.0, gt=0)


class Tree(BaseModel):
    name: str
    leaves: tuple[Leaf, ...] = ()


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"name": 7}, "--name: input should be a valid string, got 7"),
        ({}, "--name: field required"),
        (
            {"name": "x", "leaves": [{}, {"weight": -1}]},
            "--leaves, number 2, 'weight': input should be greater than 0, got -1",
        ),
        ({"name": 100 * [1]}, f"--name: input should be a valid string, got {str(100 * [1])[:76]} ..."),
    ],
)
def test_what_pydantic_finds_wrong_in_one_line(values: dict[str, object], line: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Tree.model_validate(values)
    assert errors.first_fault(caught.value, "--{}".format) == line


@pytest.mark.parametrize(
    ("text", "line"), [("one\ntwo", "one"), ("\n  \n two  \nthree", "two"), ("", "no reason given")]
)
def test_first_line(text: str, line: str) -> None:
    assert errors.first_line(ValueError(text)) == line
