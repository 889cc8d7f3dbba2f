"""Mutants: each is one change, and each kind of change is there."""

from __future__ import annotations

import ast
import random

import pytest

from mutants import iter_mutations, make_mutant

SOURCE = '''
LIMIT = 4

def clip(value: int = 1) -> int:
    """Nothing of a text is changed."""
    if value < LIMIT and value > 0:
        print(value)
        value = value + 2.0
        return value
    raise ValueError
'''
CHANGES = {
    "LIMIT = 4": {"LIMIT = 3", "LIMIT = 5"},
    "value: int=1": {"value: int=0", "value: int=2"},
    "value < LIMIT": {"value <= LIMIT"},
    "value > 0": {"value >= 0", "value > 1", "value > -1"},
    "LIMIT and value": {"LIMIT or value"},
    "if value": {"if not (value"},
    "print(value)": {"pass"},
    "value + 2.0": {"value - 2.0", "value + 1.0", "value + 4.0"},
    "raise ValueError": {"pass"},
}


def mutants() -> list[str]:
    plain = ast.unparse(ast.parse(SOURCE))
    count = len(list(iter_mutations(ast.parse(SOURCE))))
    made = [make_mutant(SOURCE, number, random.Random(seed)) for number in range(count) for seed in range(8)]
    assert plain not in made
    return made


@pytest.mark.parametrize("place", CHANGES)
def test_every_kind_of_change_is_made(place: str) -> None:
    plain = ast.unparse(ast.parse(SOURCE))
    assert place in plain
    for change in CHANGES[place]:
        assert any(change in mutant for mutant in mutants()), change


def test_a_mutant_differs_in_one_line() -> None:
    plain = ast.unparse(ast.parse(SOURCE)).splitlines()
    for mutant in mutants():
        changed = [line for line, other in zip(plain, mutant.splitlines(), strict=True) if line != other]
        assert len(changed) == 1
