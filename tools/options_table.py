"""Write docs/options.md, the table of all options, from `PaintOptions`: ``python tools/options_table.py``.

A test compares the file with what this makes.
"""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from impasto.options.fields import PaintOptions
from impasto.options.spelling import describe_bounds, describe_usual, flag_name, option_group

TARGET = Path(__file__).parents[1] / "docs" / "options.md"

HEAD = """# Options

Every option of a run, made from `impasto.PaintOptions` by `python tools/options_table.py`. On the command
line it is a flag, in Python a keyword of `impasto.paint`, in a recipe file a key. Flags and keywords override
the recipe, the recipe overrides the defaults. The column *default* has what holds where no recipe is named,
which is `painterly`; where `pixels` has another value, both. A recipe of your own starts from those of `pixels`.
"""


def build_page() -> str:
    """Return the page as Markdown."""
    parts = [HEAD]
    for group, options in groupby(PaintOptions.model_fields, key=option_group):
        parts.append(f"\n## {group}\n\n| flag | keyword | meaning | default | values |\n|---|---|---|---|---|\n")
        for option in options:
            cells = [
                f"`{flag_name(option)}`",
                f"`{option}`",
                PaintOptions.model_fields[option].description or "",
                f"`{usual}`" if (usual := describe_usual(option)) else "",
                describe_bounds(option),
            ]
            parts.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n")
    return "".join(parts)


if __name__ == "__main__":
    TARGET.write_text(build_page(), encoding="utf-8")
    print(f"wrote {TARGET}")
