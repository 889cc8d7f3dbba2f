"""Write src/impasto/options/keywords.py, the types of all options for type checkers: ``python tools/options_types.py``.

A test compares the file with what this makes.
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path

from impasto.options.fields import PaintOptions

TARGET = Path(__file__).parents[1] / "src" / "impasto" / "options" / "keywords.py"

HEAD = '''"""Types of the options as keywords of `impasto.paint`, for type checkers and editors.

Made from `PaintOptions` by ``python tools/options_types.py``; a test compares the two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, TypedDict

if TYPE_CHECKING:
    from impasto.inputs.paintings import PictureLike


class PaintKeywords(TypedDict, total=False):
    """Every option of a run, none of them required."""

'''
DRAFT_HEAD = '''

class DraftKeywords(TypedDict, total=False):
    """Every option of a draft, none of them required."""

'''
OF_A_DRAFT = ("size_px", "strength", "brush_scale", "color", "color_method", "color_strength")
# What may be given beside the type of the field itself.
SPELLINGS = {
    "Shape": "tuple[int, int] | str",
    "LayerWeights": "Mapping[str, float] | str",
    "Steps": "int | Sequence[int] | str",
    "Bytes": "int | str",
    "Weight": "float",
    "ColorMethod": 'Literal["luminance", "mean-covariance", "histogram"]',
    "Color": "str",
}


def build_module() -> str:
    """Return the module's source."""
    annotations = inspect.get_annotations(PaintOptions)
    lines = [f"    {name}: {_spell(name, annotations[name])}\n" for name in PaintOptions.model_fields]
    shared = [line for line in lines if line.split(":")[0].strip() in OF_A_DRAFT]
    return "".join([HEAD, *lines, DRAFT_HEAD, *shared, "    stylizer: str | None\n"])


def _spell(name: str, annotation: str) -> str:
    if name == "starting_point":
        return "str | PictureLike"
    names = r"\b(" + "|".join(SPELLINGS) + r")\b(?![\w\"-])"
    return re.sub(names, lambda match: SPELLINGS[match[0]], annotation.replace("'", '"'))


if __name__ == "__main__":
    TARGET.write_text(build_module(), encoding="utf-8")
    print(f"wrote {TARGET}")
