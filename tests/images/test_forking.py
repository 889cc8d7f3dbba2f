"""A child that was forked after pictures were read: one clear error, and never a child that waits for ever."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")

FORKED = """
import os, sys, signal
import impasto
{before}
child = os.fork()
if child == 0:
    signal.alarm(20)
    try:
        {inside}
        os._exit(0)
    except impasto.InputError as error:
        sys.stderr.write(str(error)); sys.stderr.flush()
        os._exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
READ = "impasto.load_picture('photo.png')"


def forked(before: str, inside: str) -> tuple[str, str]:
    code = FORKED.format(before=before, inside=inside)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    return done.stdout.strip(), done.stderr


@pytest.mark.parametrize("inside", [READ, "impasto.read_record('photo.png')"])
def test_after_a_picture_was_read_one_clear_error(folder_with_pictures: Path, inside: str) -> None:
    code, told = forked(READ, inside)
    assert code == "7" and "'spawn'" in told


def test_before_the_first_picture_a_fork_works(folder_with_pictures: Path) -> None:
    assert forked("", READ) == ("0", "")


def test_spawned_processes_work(folder_with_pictures: Path) -> None:
    code = "import multiprocessing, impasto\nif __name__ == '__main__':\n    impasto.load_picture('photo.png')\n"
    code += "    with multiprocessing.get_context('spawn').Pool(1) as pool:\n"
    code += "        print(pool.map(impasto.load_picture, ['photo.png'])[0].width_px)\n"
    Path("program.py").write_text(code)
    done = subprocess.run([sys.executable, "program.py"], capture_output=True, text=True, timeout=120)
    assert done.stdout == "60\n", done.stderr
