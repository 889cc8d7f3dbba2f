"""The list of the bundled paintings."""

from __future__ import annotations

import pytest

from impasto.cli import main as cli
from impasto.inputs.bundled import bundled_paintings


def test_every_bundled_painting_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["paintings"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(bundled_paintings())
    assert all(len(line.split()) > 3 for line in lines)
