"""Docstrings of this project for mkdocstrings: sections of NumPy's form, whose items are ``name: meaning``.

griffe reads such items under Google's headings, so the headings are changed before it reads.
"""

from __future__ import annotations

import re
from typing import Any

from griffe import Extension, Object

HEADING = re.compile(r"^(Parameters|Attributes|Returns|Raises)\n-{3,}\n", re.MULTILINE)
GOOGLE = {"Parameters": "Args", "Attributes": "Attributes", "Returns": "Returns", "Raises": "Raises"}


class NumpySections(Extension):  # type: ignore[misc]
    """Changes the headings of every docstring."""

    def on_instance(self, *, obj: Object, **_: Any) -> None:
        """Called by griffe with every object that it has read."""
        if obj.docstring is not None:
            obj.docstring.value = with_google_sections(obj.docstring.value)


def with_google_sections(text: str) -> str:
    """The docstring with ``Args:`` and indented items in place of ``Parameters`` underlined."""
    before, *sections = HEADING.split(text)
    parts = [before]
    for name, body in zip(sections[::2], sections[1::2], strict=True):
        items, blank, after = body.partition("\n\n")
        indented = "\n".join(f"    {line}" for line in items.rstrip().splitlines())
        parts.append(f"{GOOGLE[name]}:\n{indented}\n{blank}{after}")
    return "".join(parts)
