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
    signal.alarm(200)
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
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    return done.stdout.strip(), done.stderr


@pytest.mark.parametrize("inside", [READ, "impasto.read_record('photo.png')"])
def test_after_a_picture_was_read_one_clear_error(folder_with_pictures: Path, inside: str) -> None:
    code, told = forked(READ, inside)
    assert code == "7" and "'spawn'" in told


COMPUTED = """
import numpy as np, torch
torch.set_num_threads(2)
torch.rand(2000, 2000).exp().sum()
photo = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
"""
PAINTED = "assert impasto.paint(photo, photo, threads=2, steps=1, {}).record['machine']['threads'] == 1"
DRAFTED = "assert impasto.draft(photo, photo).record['machine']['threads'] == 1"


@pytest.mark.parametrize("inside", [PAINTED.format("medium='pixels'"), PAINTED.format("medium='stylizer'"), DRAFTED])
def test_after_torch_computed_a_child_paints_on_one_thread(inside: str) -> None:
    """On two it waits for ever for the second, which stayed in the parent."""
    assert forked(COMPUTED, inside) == ("0", "")


def test_before_the_first_picture_a_fork_works(folder_with_pictures: Path) -> None:
    assert forked("", READ) == ("0", "")


# As docs/security.md has it for programs with processes of their own.
POOL = """
import multiprocessing, impasto
if __name__ == "__main__":
    impasto.load_picture("photo.png")
    with multiprocessing.get_context("{how}").Pool(1) as pool:
        print(pool.map(impasto.load_picture, ["photo.png"])[0].width_px)
"""
LOADER = """
import impasto
from torch.utils.data import DataLoader

class Photos:
    def __len__(self):
        return 2
    def __getitem__(self, index):
        return impasto.load_picture("photo.png").pixels()

if __name__ == "__main__":
    {before}
    batches = DataLoader(Photos(), num_workers=1, timeout=100, multiprocessing_context={how!r})
    print([tuple(batch.shape) for batch in batches][0][2])
"""


@pytest.mark.parametrize(
    "program",
    [
        POOL.format(how="spawn"),
        POOL.format(how="forkserver"),
        pytest.param(LOADER.format(before=READ, how="spawn"), marks=pytest.mark.slow),
        pytest.param(LOADER.format(before="", how="fork"), marks=pytest.mark.slow),
    ],
    ids=["spawn", "forkserver", "DataLoader", "DataLoader that reads alone"],
)
def test_processes_that_work(folder_with_pictures: Path, program: str) -> None:
    Path("program.py").write_text(program)
    done = subprocess.run([sys.executable, "program.py"], capture_output=True, text=True, timeout=240)
    assert done.stdout == "60\n", done.stderr
