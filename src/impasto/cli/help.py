"""What the help of a command shows: what most people need of the flags, and an example at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cyclopts import App, Group, Parameter
from cyclopts.help.formatters.default import DefaultFormatter

if TYPE_CHECKING:
    from cyclopts.help import HelpPanel
    from rich.console import Console, ConsoleOptions

EVERYTHING = "--help-all"
GENERAL = Group("General", sort_key=0)

HEADINGS_OF_ALL = frozenset(["Objective", "Optimisation", "Machine"])  # shown by `EVERYTHING` alone
FLAGS_OF_ALL = frozenset(
    [
        "--shape", "--mask-mode", "--color-method", "--color-strength", "--seed", "--starting-point",
        "--format", "--bit-depth", "--no-record", "--max-pixels", "--checkpoint-every", "--events",
        "--timelapse-size", "--timelapse-seconds",
    ]
)  # fmt: skip
"""So are these, where they stand under other headings."""


def build_group(name: str, example: str = "", *, more: bool = False, **settings: Any) -> App:
    """A command that has commands of its own, whose flags are listed under `GENERAL` unless they name another group.

    Their help ends as its own, by `end_of_help`.
    """
    return App(
        name=name,
        help_format="plaintext",
        help_epilogue=end_of_help(example, more=more) if example else None,
        group_arguments=GENERAL,
        group_parameters=GENERAL,
        default_parameter=Parameter(negative=()),
        **settings,
    )


def end_of_help(example: str, *, more: bool) -> str:
    """The last lines of a command's help; `more`: whether `EVERYTHING` shows more of it."""
    return f"Example: {example}" + f"\n\n{EVERYTHING} shows every option." * more


class ShortHelp(DefaultFormatter):
    """Leaves out what `EVERYTHING` alone shows."""

    def __call__(self, console: Console, options: ConsoleOptions, panel: HelpPanel) -> None:
        """Print one heading with its flags."""
        if panel.title in HEADINGS_OF_ALL:
            return
        shown = [entry for entry in panel.entries if not FLAGS_OF_ALL & set(entry.positive_names)]
        super().__call__(console, options, panel.copy(entries=shown))
