"""The command `impasto`: it loads the command that is asked for, runs it and returns its exit code.

Exit codes: 0 painted; 1 an input or output cannot be used; 2 wrong usage; 130 interrupted (Ctrl-C), 143 terminated and
129 hung up, all after writing a checkpoint and the picture as it stands, while a second signal quits at once; 141 the
reader of the output has gone.
"""

from __future__ import annotations

import io
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from cyclopts import App, CycloptsError

from impasto.cli.commands import COMMANDS, add_commands
from impasto.cli.first_words import explain_usage, lead
from impasto.cli.help import EVERYTHING, ShortHelp, build_group
from impasto.cli.streams import guard_streams, sane_columns, say, silence_output
from impasto.errors import ImpastoError, InputError, OptionError, OutputError, first_line
from impasto.storage.waiting import waiting_policy
from impasto.version import __version__

READER_GONE = 141  # as shells report a program that SIGPIPE ended


def main(tokens: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; bugs keep their traceback."""
    if tokens is None:  # the process is ours
        guard_streams()
    if isinstance(sys.stdout, io.TextIOWrapper):  # a name may have letters that this terminal cannot show
        sys.stdout.reconfigure(errors="backslashreplace")
    sane_columns()
    words = list(sys.argv[1:] if tokens is None else tokens)
    app = build_app(everything=EVERYTHING in words)
    try:
        _check_working_directory()
        words = lead(["--help" if word == EVERYTHING else word for word in words], COMMANDS)
        command, bound, _ = app.parse_args(words, exit_on_error=False, print_error=False)
        os.environ.update(waiting_policy(os.environ))
        code = command(*bound.args, **bound.kwargs) or 0
        print(end="", flush=True)
        return code
    except BrokenPipeError:  # as with | head
        silence_output()
        return READER_GONE
    except ImpastoError as error:
        say(str(error))
        if tokens is None:
            _drop_unwritten()
        return error.exit_code
    except PermissionError as error:  # whatever asked, and in whichever folder on the way
        what = repr(str(error.filename)) if error.filename else "a file, folder or port"
        say(f"cannot use {what}: {error.strerror}; check its permissions and those of its folders")
        return 1
    except MemoryError as error:
        say(f"there is not enough memory ({first_line(error)}): take a smaller --size")
        return 1
    except CycloptsError as error:
        say(explain_usage(error, app))
        return OptionError.exit_code
    except KeyboardInterrupt as error:
        number, onward = error.args or (signal.SIGINT, "")
        say(f"interrupted, no picture written{onward}")
        return 128 + int(number)


def _check_working_directory() -> None:
    """Refuse a working directory that was removed: names mean nothing there, and PyTorch cannot be loaded."""
    try:
        Path.cwd()
    except OSError as error:
        raise InputError(f"the working directory cannot be read ({error.strerror}): go to another folder") from error


def _drop_unwritten() -> None:
    """Let standard output that is full not be tried again at Python's end."""
    try:
        sys.stdout.flush()
    except (OSError, OutputError):
        silence_output()


def build_app(*, everything: bool = False) -> App:
    """Assemble the commands, none of which is loaded yet; `everything`: whether their help shows every flag."""
    app = build_group(
        "impasto",
        help="Repaint a photo in the style of a painting.",
        version=__version__,
        version_format="plaintext",
        help_formatter="default" if everything else ShortHelp(),
    )
    add_commands(app)
    return app


if __name__ == "__main__":
    sys.exit(main())
