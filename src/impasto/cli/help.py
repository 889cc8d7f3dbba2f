"""What ``--help`` shows: commands in groups by use, what most people need of the flags, and an example at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cyclopts import Group
from cyclopts.help.formatters.default import DefaultFormatter

if TYPE_CHECKING:
    from cyclopts.help import HelpPanel
    from rich.console import Console, ConsoleOptions

EVERYTHING = "--help-all"
USES = {
    "Paint": "paint draft video studio",
    "Try": "paintings sheet recipes sweep compare",
    "Many": "batch again",
    "Continue": "resume enlarge replay",
    "Look": "info features reconstruct texture",
    "Train": "train style weights export",
}
"""Commands by use, in the order of the list."""

SETUP = Group("Program", sort_key=len(USES))
_GROUPS = {use: Group(use, sort_key=place) for place, use in enumerate(USES)}

EXAMPLES = {
    "paint": "impasto paint photo.jpg flow\n         impasto paint photo.jpg painting.jpg --size 1600 --strength 65",
    "draft": "impasto draft photo.jpg flow\n         impasto draft photos/*.jpg --paintings flow dots -o drafts",
    "video": "impasto video clip.mp4 flow --preview\n         impasto video clip.mp4 flow -o film.mp4",
    "studio": "impasto studio --folder pastiches",
    "paintings": "impasto paintings -o paintings.png",
    "sheet": "impasto sheet photo.jpg -o sheet.png",
    "recipes": "impasto recipes",
    "sweep": "impasto sweep photo.jpg flow --vary strength=30,50,70 -o sweep",
    "compare": "impasto compare photo.jpg flow --with painterly patient -o compared",
    "batch": "impasto batch photos --paintings flow painting.jpg -o pastiches",
    "again": "impasto again sweep",
    "resume": "impasto resume pastiche.png",
    "enlarge": "impasto enlarge pastiche.png --size 4096",
    "replay": "impasto replay pastiche.png --strength 70",
    "info": "impasto info pastiche.png",
    "features": "impasto features photo.jpg --layer relu3_1",
    "reconstruct": "impasto reconstruct content photo.jpg --layer relu4_2",
    "texture": "impasto texture painting.jpg --size 1024x512 --seamless",
    "train": "impasto train stylizer --photos photos --paintings paintings -o mine",
    "style": "impasto style save painting.jpg -o mine.style",
    "weights": "impasto weights fetch vgg19",
    "export": "impasto export stylizer -o stylizer.onnx",
}

HEADINGS_OF_ALL = frozenset(["Objective", "Optimisation", "Machine"])  # shown by `EVERYTHING` alone
FLAGS_OF_ALL = frozenset(
    [
        "--shape", "--mask-mode", "--color-method", "--color-strength", "--seed", "--starting-point",
        "--format", "--bit-depth", "--no-record", "--max-pixels", "--checkpoint-every", "--events",
        "--timelapse-size", "--timelapse-seconds",
    ]
)  # fmt: skip
"""So are these, where they stand under other headings."""


def group_of(command: str) -> Group:
    """The heading under which a command is listed."""
    return next(_GROUPS[use] for use, commands in USES.items() if command in commands.split())


def epilogue(command: str, *, options: bool = False) -> str:
    """The end of a command's help; `options`: whether it has options that only `EVERYTHING` shows."""
    more = f"\n\n{EVERYTHING} shows every option." if options else ""
    return f"Example: {EXAMPLES[command]}{more}"


class ShortHelp(DefaultFormatter):
    """Leaves out what `EVERYTHING` alone shows."""

    def __call__(self, console: Console, options: ConsoleOptions, panel: HelpPanel) -> None:
        """Print one heading with its flags."""
        if panel.title in HEADINGS_OF_ALL:
            return
        shown = [entry for entry in panel.entries if not FLAGS_OF_ALL & set(entry.positive_names)]
        super().__call__(console, options, panel.copy(entries=shown))
