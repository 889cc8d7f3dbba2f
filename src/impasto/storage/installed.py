"""How this copy of impasto was installed, so that a message can name the command that adds an extra to it."""

from __future__ import annotations

import re
import shutil
import sys
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path


def install_command(extra: str) -> str:
    """The command line that installs what an extra brings, into the environment that runs.

    It names the packages themselves: that works whether impasto came from a clone, a file or an index.
    """
    packages = " ".join(f'"{requirement}"' for requirement in extra_requirements(extra))
    return f"{_installer()} {packages}"


def extra_requirements(extra: str) -> list[str]:
    """What an extra requires, from the metadata of the installed package."""
    try:
        required = metadata.requires("impasto") or []
    except metadata.PackageNotFoundError:  # run from its source folder
        return [f"impasto[{extra}]"]
    parts = (re.fullmatch(rf"(.*?)\s*;\s*extra == ['\"]{re.escape(extra)}['\"]", line) for line in required)
    return [part[1] for part in parts if part]


def _installer() -> str:
    """The words that install a package here: pipx's, pip's, or uv's where there is no pip."""
    prefix, python = Path(sys.prefix), Path(sys.executable)
    if (prefix / "pipx_metadata.json").exists():
        return f"pipx inject {prefix.name}"
    if find_spec("pip") is None:
        return f'uv pip install --python "{python}"'
    pip = shutil.which("pip")
    return "pip install" if pip and Path(pip).parent == python.parent else f'"{python}" -m pip install'
