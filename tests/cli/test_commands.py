"""The list of commands: what it says of them, and that it loads none."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

from impasto.cli.commands import COMMANDS
from impasto.cli.main import main


def test_the_list_of_commands_is_what_they_say_themselves() -> None:
    for name, command in COMMANDS.items():
        module, _, attribute = command.place.partition(":")
        target = getattr(importlib.import_module(module), attribute)
        if not command.usage:
            assert target.name == (name,)
        else:
            assert target.__name__ == name == command.usage.split()[0]
            assert target.__doc__.splitlines()[0] == command.help


def test_the_list_of_commands_loads_none_of_them() -> None:
    heavy = ("numpy", "pydantic", "pyvips", "torch", "impasto.options")
    script = f"import sys; from impasto.cli.main import main; main(['--help']); print(set({heavy}) & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "set()"


def test_commands_stand_by_use(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    uses = list(dict.fromkeys(command.use for command in COMMANDS.values()))
    assert uses == ["Paint", "Try", "Many", "Continue", "Look", "Train"]
    places = [text.index(f"─ {use} ─") for use in uses]
    assert places == sorted(places)
    assert places[0] < text.index(" paint ") < places[1] < text.index(" sheet ") < places[2]
