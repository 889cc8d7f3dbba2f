"""What several commands of the command line share: option flags, paintings with weights, Ctrl-C."""

from __future__ import annotations

import inspect
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Annotated

from cyclopts import Group, Parameter

from impasto.errors import OptionError
from impasto.flags import describe_option, describe_values, flag_name, option_group
from impasto.options import PaintOptions

if TYPE_CHECKING:
    from impasto.events import Controls

GENERAL = Group("General", sort_key=0)
SWITCH = Parameter(negative=(), show_default=False)


def with_option_flags(command: Callable[..., int]) -> Callable[..., int]:
    """Give a command, in place of its ``**options``, one text flag for every field of `PaintOptions`.

    Text, None where not given: only what was given overrides a recipe or a record, and values are checked
    in one place, by `build_options`.
    """
    headings = list(dict.fromkeys(map(option_group, PaintOptions.model_fields)))
    groups = {heading: Group(heading, sort_key=place) for place, heading in enumerate(headings, start=1)}
    flags = [
        inspect.Parameter(
            option,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[
                str | None,
                Parameter(
                    name=flag_name(option),
                    help=describe_option(option),
                    metavar=describe_values(option),
                    group=groups[option_group(option)],
                ),
            ],
        )
        for option in PaintOptions.model_fields
    ]
    signature = inspect.signature(command)
    declared = [p for p in signature.parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
    command.__signature__ = signature.replace(parameters=[*declared, *flags])  # type: ignore[attr-defined]
    return command


@contextmanager
def stop_on_signal(controls: Controls, onward: Callable[[], str] = str) -> Iterator[list[int]]:
    """Turn the first Ctrl-C or SIGTERM into `controls.stop`, the second into an immediate end.

    Yields the list of signals received, which grows. The second one raises KeyboardInterrupt, so that files
    half written are cleaned away on the way out; it carries the signal's number and how to go on.
    """
    received: list[int] = []

    def handle(number: int, frame: FrameType | None) -> None:
        received.append(number)
        controls.stop = True
        if len(received) > 1:
            raise KeyboardInterrupt(number, onward())

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def parse_painting(text: str) -> tuple[str, float]:
    """Split ``painting.jpg:0.7`` into path and weight; a file that has such a name goes first."""
    path, colon, weight = text.rpartition(":")
    if not colon or not path or os.path.exists(text):  # noqa: PTH110 (Path.exists raises for a name too long)
        return text, 1.0
    try:
        return path, float(weight)
    except ValueError:
        if os.path.exists(path):  # noqa: PTH110
            raise OptionError(f"the weight of {path!r} is a number, got {weight!r}") from None
        return text, 1.0
