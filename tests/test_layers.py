"""Who may load what: the modules that must answer at once load no torch."""

from __future__ import annotations

import subprocess
import sys

import pytest

LIGHT = [
    "impasto",
    "impasto.errors",
    "impasto.events",
    "impasto.storage.files",
    "impasto.options.fields",
    "impasto.options.spelling",
    "impasto.images.color",
    "impasto.images.writing",
    "impasto.images.resize",
    "impasto.images.metadata",
    "impasto.images.picture",
    "impasto.images.print_size",
    "impasto.runs.interrupted",
    "impasto.images.reading",
    "impasto.runs.record",
    "impasto.cli.display",
    "impasto.api",
    "impasto.lab.run_folder",
    "impasto.cli.display_jobs",
    "impasto.cli.syntax",
    "impasto.cli.lab",
    "impasto.cli.main",
]


def loaded_after_each(modules: list[str], watched: str) -> dict[str, bool]:
    """Whether `watched` is loaded once each module is, in turn, in an interpreter of its own."""
    script = (
        "import importlib, sys\n"
        f"for name in {modules}:\n"
        "    importlib.import_module(name)\n"
        f"    print(name, {watched!r} in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=True)
    return {name: loaded == "True" for name, loaded in map(str.split, done.stdout.splitlines())}


def test_light_modules_load_no_torch() -> None:
    found = loaded_after_each([*LIGHT, "impasto.engine.paint"], "torch")
    assert found.pop("impasto.engine.paint"), "the probe does not see torch"
    assert found == dict.fromkeys(LIGHT, False)


@pytest.mark.parametrize("module", ["impasto.options.fields", "impasto.events", "impasto.errors"])
def test_options_events_and_errors_load_no_picture_library(module: str) -> None:
    assert loaded_after_each([module], "pyvips") == {module: False}
