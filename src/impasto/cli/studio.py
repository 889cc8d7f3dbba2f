"""The command line of the studio: ``impasto studio``."""

from __future__ import annotations

import signal
import sys
import threading
import webbrowser
from pathlib import Path
from types import FrameType
from typing import Annotated

from cyclopts import Parameter
from platformdirs import user_data_path

from impasto.cli.syntax import SWITCH, check_positive, given_options, with_option_flags
from impasto.errors import OptionError
from impasto.options.parsing import parse_bytes
from impasto.options.spelling import flag_name
from impasto.runs.build import resolve_options


@with_option_flags
def studio(
    *,
    folder: Annotated[
        Path | None, Parameter(help="where pictures and runs are kept [default: the user's data folder]")
    ] = None,
    host: Annotated[str, Parameter(help="address to listen on; any but this machine's needs --password")] = "127.0.0.1",
    port: Annotated[int | None, Parameter(help="port to listen on [default: the first free one from 7860]")] = None,
    password: Annotated[str | None, Parameter(help="asked for by the page, with any user name")] = None,
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
        password=password,
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
        print(f"impasto: note: {note}", file=sys.stderr)
    print(f"The studio is at {open_studio.url}  (Ctrl-C ends it; what is being painted can go on later)", flush=True)
    if not no_browser:
        webbrowser.open(open_studio.url)
    ended.wait()
    open_studio.close()
    return 0
