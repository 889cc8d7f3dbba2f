"""Standard streams that are closed, full or gone: the command does its work, and says what it can."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(os.name != "posix", reason="shells redirect so on POSIX")
FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")


def run(arguments: str, redirect: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    command = f"{shlex.quote(sys.executable)} -W error -m impasto {arguments} {redirect}"
    return subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, timeout=120, env=os.environ | environment
    )


@pytest.mark.parametrize("redirect", ["2>&-", pytest.param("2>/dev/full", marks=FULL), "<&- >&- 2>&-"])
def test_an_error_that_nobody_can_read_keeps_its_code(redirect: str) -> None:
    done = run("info nowhere.png", redirect)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")


@FULL
def test_a_result_that_cannot_be_written_is_one_line() -> None:
    done = run("recipes", ">/dev/full")
    assert done.returncode == 1
    assert done.stderr == "impasto: cannot write to standard output: No space left on device\n"


def test_a_reader_that_has_gone() -> None:
    done = run("recipes", "| true; exit ${PIPESTATUS[0]}")
    assert done.returncode in (0, 141) and done.stderr == ""


@pytest.mark.parametrize("columns", ["0", "-1", "", "many", "9" * 30])
def test_a_width_of_the_terminal_that_is_none(columns: str) -> None:
    done = run("--help", COLUMNS=columns)
    assert done.returncode == 0 and "paint" in done.stdout and done.stderr == ""


def test_closed_numbers_are_not_those_of_files(tmp_path: Path) -> None:
    script = (
        "import os; from impasto.cli.streams import guard_streams; guard_streams(); "
        f"file = open({str(tmp_path / 'a')!r}, 'w'); assert file.fileno() > 2, file.fileno(); "
        "print('x'); os.write(1, b'y'); os.write(2, b'z')"
    )
    command = f"{shlex.quote(sys.executable)} -c {shlex.quote(script)} <&- >&- 2>&-"
    assert subprocess.run(["bash", "-c", command], timeout=60).returncode == 0
    assert (tmp_path / "a").read_text() == ""
