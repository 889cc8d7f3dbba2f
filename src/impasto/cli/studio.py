"""The command line of the studio: ``impasto studio``."""

from __future__ import annotations

import getpass
import os
import shlex
import signal
import threading
import webbrowser
from pathlib import Path
from types import FrameType
from typing import Annotated

from cyclopts import Parameter
from platformdirs import user_data_path

from impasto.cli.streams import STANDARD_INPUT, say
from impasto.cli.syntax import SWITCH, check_positive, given_options, with_option_flags
from impasto.errors import InputError, OptionError
from impasto.options.parsing import parse_bytes
from impasto.options.spelling import flag_name
from impasto.runs.build import resolve_options
from impasto.storage.files import why_not_a_file

VARIABLE = "IMPASTO_STUDIO_PASSWORD"


@with_option_flags
def studio(
    *,
    folder: Annotated[
        Path | None, Parameter(help="where pictures and runs are kept [default: the user's data folder]")
    ] = None,
    host: Annotated[str, Parameter(help="address to listen on; any but this machine's needs --password")] = "127.0.0.1",
    port: Annotated[int | None, Parameter(help="port to listen on [default: the first free one from 7860]")] = None,
    password: Annotated[
        str | None, Parameter(help=f"asked for by the page, with any user name; - asks for it [variable: {VARIABLE}]")
    ] = None,
    password_file: Annotated[Path | None, Parameter(help="the file whose first line is the password")] = None,
    max_upload: Annotated[str, Parameter(metavar="BYTES", help="refuse larger files, as 50MB")] = "200MB",
    max_pixels: Annotated[int, Parameter(help="refuse pictures with more pixels")] = 100_000_000,
    no_browser: Annotated[bool, SWITCH, Parameter(help="do not open the page")] = False,
    **options: str | None,
) -> int:
    """Open the studio, a page for painting, in the browser; the options are what every painting starts from."""
    from impasto.studio.app import Studio

    given = given_options(options)
    chosen = resolve_options(None, given, spell=flag_name).model_dump(mode="json", include=set(given))
    max_upload_bytes = parse_bytes(max_upload)
    if not isinstance(max_upload_bytes, int) or max_upload_bytes < 1:
        raise OptionError(f"--max-upload is a number of bytes, as 50MB, got {max_upload!r}")
    check_positive(max_pixels=max_pixels)
    if port is not None and not 1 <= port <= 65_535:
        raise OptionError(f"--port is from 1 to 65535, got {port}")
    open_studio = Studio(
        folder or user_data_path("impasto", appauthor=False) / "studio",
        host=host,
        port=port,
        password=find_password(password, password_file),
        max_upload_bytes=max_upload_bytes,
        max_pixels=max_pixels,
        options=chosen,
    )
    ended = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        ended.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    for note in open_studio.notes:
        say(f"note: {note}")
    print(f"The studio is at {open_studio.url}  (Ctrl-C ends it; what is being painted can go on later)", flush=True)
    if not no_browser:
        webbrowser.open(open_studio.url)
    ended.wait()
    open_studio.close()
    return 0


def find_password(given: str | None, file: Path | None) -> str | None:
    """The password: given, asked for at the terminal (a hyphen), the first line of a file, or of the environment.

    On the command line everybody on this machine can read it. Raises `OptionError` for two of them, an empty one, and
    a file that others may read; `InputError` for a file that cannot be read.
    """
    if given is not None and file is not None:
        raise OptionError("--password and --password-file both give the password: leave one out")
    if given in ("-", STANDARD_INPUT):
        given = getpass.getpass("Password of the studio: ")
    elif file is not None:
        given = _read_password(file)
    elif given is None:
        given = os.environ.get(VARIABLE)
    if given == "":
        raise OptionError("the password of the studio is empty: give one, or none")
    return given


def _read_password(file: Path) -> str:
    try:
        if why := why_not_a_file(file):
            raise InputError(f"cannot read the password file {str(file)!r}: {why}")
        if os.name == "posix" and file.stat().st_mode & 0o077:
            raise OptionError(f"others may read the password file {str(file)!r}: chmod 600 {shlex.quote(str(file))}")
        with file.open(encoding="utf-8") as stream:
            return stream.readline(1000).rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read the password file {str(file)!r}: {error}") from error
