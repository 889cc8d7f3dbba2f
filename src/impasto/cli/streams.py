"""Standard streams that may be closed, full or hung up: that costs what was to be said, and no picture."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

from impasto.errors import OutputError, printable

STANDARD = "-"  # standard input, or output
STANDARD_INPUT = "standard input"  # the first of them, once `first_words.lead` has told the two apart


class _Guarded(io.RawIOBase):
    """What is written goes to another stream; `failed` is told why it cannot."""

    def __init__(self, raw: io.RawIOBase, failed: Callable[[OSError], None]) -> None:
        self._raw, self._failed = raw, failed

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return self._raw.isatty()

    def fileno(self) -> int:
        return self._raw.fileno()

    def write(self, data: Any) -> int:
        left = memoryview(data).cast("B")
        try:
            while left:
                left = left[self._raw.write(left) or len(left) :]  # None: it would block, and nobody reads
        except OSError as error:
            self._failed(error)
        return len(data)


def guard_streams() -> None:
    """Make the standard streams of this process fit for use; called once, before anything is opened.

    A number that is closed would become that of the next file, a picture's, and get whatever a library prints. What
    cannot be written to standard error is left out; of standard output `OutputError` says so.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            stream = Path(os.devnull).open(mode)  # noqa: SIM115 (for as long as the process lives)
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)  # as Python keeps its own, which would be closed otherwise
    for name, failed in (("stdout", _refuse_output), ("stderr", lambda error: None)):
        stream = getattr(sys, name)
        raw = getattr(stream.buffer, "raw", stream.buffer)  # without a buffer, as PYTHONUNBUFFERED asks for
        guarded = io.BufferedWriter(_Guarded(raw, failed))
        wrapped = io.TextIOWrapper(
            guarded,
            stream.encoding,
            "backslashreplace",
            line_buffering=name == "stderr" or stream.line_buffering,
            write_through=stream.write_through,
        )
        setattr(sys, name, wrapped)


def _refuse_output(error: OSError) -> None:
    if isinstance(error, BrokenPipeError):
        raise error
    raise OutputError(f"cannot write to standard output: {error.strerror}") from error


def silence_output() -> None:
    """Let what is still printed go nowhere, at Python's end too."""
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 1)


def say(text: str) -> None:
    """Print a line on standard error; what a file says in it cannot speak to the terminal."""
    print(f"impasto: {printable(text)}", file=sys.stderr, flush=True)


def tell(text: str, stream: TextIO | None = None) -> None:
    """Print news of what is written already: where nobody can read it, that is no fault of the picture.

    `stream`: standard output where none is given.
    """
    try:
        print(printable(text), file=stream, flush=True)
    except (OSError, OutputError):
        silence_output()
        with suppress(OSError, OutputError):
            sys.stdout.flush()


def sane_columns() -> None:
    """Forget a width of the terminal that is none, as ``COLUMNS=0``: help could not be laid out."""
    columns = os.environ.get("COLUMNS", "1")
    if not (columns.isdecimal() and len(columns) < 6 and int(columns) > 0):
        del os.environ["COLUMNS"]
