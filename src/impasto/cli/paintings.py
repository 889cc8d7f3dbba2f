"""The command line of the bundled paintings: ``impasto paintings``."""

from __future__ import annotations

from impasto.inputs.bundled import DESCRIPTIONS, bundled_paintings


def paintings() -> int:
    """List the bundled paintings, which are called by name wherever a painting is taken."""
    for name in bundled_paintings():
        print(f"{name:10} {DESCRIPTIONS[name]}")
    return 0
