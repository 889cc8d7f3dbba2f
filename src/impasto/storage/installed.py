"""How this copy of impasto was installed, so that a message can name the command that adds an extra to it."""

from __future__ import annotations

import re
import shutil
import sys
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

SOURCE_FOLDER = Path(__file__).parents[3]


def install_command(extra: str) -> str:
    """The command line that installs what an extra brings, into the environment that runs.

    It names the packages themselves: that works whether impasto came from a clone, a file or an index.
    """
    return package_command(*extra_requirements(extra))


def package_command(*requirements: str, flags: str = "") -> str:
    """The command line that installs packages into the environment that runs; `flags` are pip's."""
    return " ".join([_installer(flags), *(f'"{requirement}"' for requirement in requirements)])


def extra_requirements(extra: str) -> list[str]:
    """What an extra requires, from the metadata of the installed package."""
    try:
        required = metadata.requires("impasto") or []
    except metadata.PackageNotFoundError:  # run from its source folder
        return [f"{SOURCE_FOLDER}[{extra}]"]
    parts = (re.fullmatch(rf"(.*?)\s*;\s*extra == ['\"]{re.escape(extra)}['\"]", line) for line in required)
    return [part[1] for part in parts if part]


def _installer(flags: str) -> str:
    """The words that install a package here: pipx's, pip's, or uv's where there is no pip."""
    prefix, python = Path(sys.prefix), Path(sys.executable)
    if (prefix / "pipx_metadata.json").exists():
        return f"pipx inject {prefix.name}" + (f' --force --pip-args="{flags}"' if flags else "")
    pip = shutil.which("pip")
    if find_spec("pip") is None:
        installer = f'uv pip install --python "{python}"'
    elif pip and Path(pip).parent == python.parent:
        installer = "pip install"
    else:
        installer = f'"{python}" -m pip install'
    return f"{installer} {flags}".rstrip()
