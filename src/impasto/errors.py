"""Everything that can go wrong for a user, as one tree.

ImpastoError
├── OptionError     an option, name or combination that cannot be used (exit code 2)
│   └── NotKeptError    a picture, draft or job that the studio does not keep (exit code 2)
├── InputError      a picture, recipe or record file that cannot be read (exit code 1)
├── OutputError     a picture or log that cannot be written (exit code 1)
├── WeightsError    encoder weights that are missing, damaged or of another version (exit code 1)
├── CheckpointError a checkpoint that is damaged or of another run (exit code 1)
└── RecordError     a picture without a usable run record, or inputs that do not match it (exit code 1)

A message says what failed, with which value, and what to do. Programming errors keep their own
exceptions and tracebacks.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError


class ImpastoError(Exception):
    """Root of every error a user can cause or repair; its text is one printable line of bounded length."""

    exit_code = 1

    def __init__(self, message: str) -> None:
        line = printable(" ".join(message.split()))
        super().__init__(line if len(line) <= 600 else f"{line[:450]} ... {line[-100:]}")


class OptionError(ImpastoError):
    """An option, name or combination of options that cannot be used."""

    exit_code = 2


class NotKeptError(OptionError):
    """The name of a picture, draft or job that the studio does not keep (any more)."""


class InputError(ImpastoError):
    """A file or array given as input that cannot be used."""


class OutputError(ImpastoError):
    """An output that cannot be written."""


class WeightsError(ImpastoError):
    """Encoder weights that are missing, damaged or of another version."""


class CheckpointError(ImpastoError):
    """A checkpoint that is missing, damaged, or of another version, encoder, picture or set of options."""


class RecordError(ImpastoError):
    """A picture without a usable run record, or inputs that do not match it."""


def printable(text: str) -> str:
    """Escape what a terminal would obey (or could not write) in a text that comes from a file."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def shorten(value: object) -> str:
    """Quote a value of any kind in at most 80 letters."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # an integer of over 4,300 digits; lists in lists in lists
        return f"{type(value).__name__} too large to be shown"
    return text if len(text) <= 80 else f"{text[:76]} ..."


def first_line(error: Exception) -> str:
    """Return the first line of an error's text that is not empty."""
    return next(filter(None, map(str.strip, str(error).splitlines())), "no reason given")


def first_fault(error: ValidationError, spell: Callable[[str], str] = str) -> str:
    """Say in one line what pydantic finds wrong first: ``strength: input should be a valid number, got 'much'``.

    `spell` writes the name of a field.
    """
    fault = error.errors()[0]
    field, *inside = fault["loc"] or ("",)
    place = spell(str(field)) + "".join(
        f", number {part + 1}" if isinstance(part, int) else f", {shorten(part)}" for part in inside
    )
    given = "" if fault["type"] == "missing" else f", got {shorten(fault['input'])}"
    return f"{place}: {fault['msg'].lower()}{given}"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return "; did you mean 'x'?" for the nearest known name, else the list of known names."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; known: {', '.join(names)}"
