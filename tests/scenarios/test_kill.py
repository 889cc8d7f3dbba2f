"""Processes that are killed, and go on: the picture's file is byte for byte the one of a run left alone."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import impasto
from impasto.cli import main as cli
from impasto.engine.checkpoint import list_checkpoints

STEPS = (28, 24, 20)
FLAGS = [
    "--medium", "pixels", "--precision", "float32",
    "--size", "112", "--min-scale", "64", "--steps", ",".join(map(str, STEPS)), "--stop-tolerance", "0",
    "--threads", "1", "--checkpoint-every", "0.01", "--events", "e.jsonl",
]  # fmt: skip
PAINT = ["paint", "photo.png", "painting.png", "-o", "out.png"]
RUN = Path("out.png.run")


@contextmanager
def started(
    arguments: Sequence[str | Path], program: Sequence[str] = ("-m", "impasto")
) -> Iterator[subprocess.Popen[str]]:
    """A command on its way; killed at the end whatever happens."""
    command = [sys.executable, "-W", "error", *program, *map(str, arguments)]
    with subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


def complete(*arguments: str | Path) -> str:
    """Run a command to its end; returns what it told on standard error."""
    with started(arguments) as process:
        _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return err


def kill_when(
    arguments: Sequence[str | Path],
    moment: Callable[[], bool],
    number: int = signal.SIGKILL,
    program: Sequence[str] = ("-m", "impasto"),
) -> str:
    """Send a signal when the moment has come; returns what the process still told on standard output."""
    with started(arguments, program) as process:
        deadline = time.monotonic() + 300
        while not moment():
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.001)
        process.send_signal(number)
        out, err = process.communicate(timeout=300)
    assert process.returncode == {signal.SIGKILL: -signal.SIGKILL}.get(number, 128 + number), err
    return out


def events() -> list[dict[str, Any]]:
    """The events written so far; a line half written does not count."""
    path = Path("e.jsonl")
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    return [json.loads(line) for line in lines if line.endswith("\n")]


def steps_done() -> list[tuple[int, int, float]]:
    return [(e["scale"], e["step"], e["losses"]["total"]) for e in events() if e["event"] == "StepDone"]


def after(steps: int) -> Callable[[], bool]:
    """The moment at which so many steps are done."""
    return lambda: len(steps_done()) >= steps


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """photo.png, painting.png, and what an uninterrupted run makes of them: out.png and e.jsonl."""
    folder = tmp_path_factory.mktemp("desk")
    rows, columns = np.mgrid[0:90, 0:120]
    photo = np.stack([rows * 2, columns * 2, 180 - rows], axis=-1)
    photo[np.hypot(rows - 45, columns - 60) < 26] = (240, 200, 60)
    Image.fromarray(photo.astype(np.uint8)).save(folder / "photo.png")
    wave = 0.5 + 0.5 * np.sin((rows + 2 * columns) / 3.0 + np.sin(rows / 7.0))
    painting = wave[..., None] * (220, 90, 30) + (1 - wave[..., None]) * (20, 60, 150)
    Image.fromarray(painting.astype(np.uint8)).save(folder / "painting.png")
    before = Path.cwd()
    try:
        os.chdir(folder)
        complete(*PAINT, *FLAGS)
    finally:
        os.chdir(before)
    return folder


@pytest.fixture
def place(desk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Working directory with the two inputs."""
    for name in ("photo.png", "painting.png"):
        shutil.copy(desk / name, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def check_end(desk: Path) -> None:
    """The same file, every step once with the same loss, nothing left over."""
    assert Path("out.png").read_bytes() == (desk / "out.png").read_bytes()
    lines = (desk / "e.jsonl").read_text().splitlines()
    expected = [json.loads(line) for line in lines]
    assert steps_done() == [(e["scale"], e["step"], e["losses"]["total"]) for e in expected if e["event"] == "StepDone"]
    assert [event["event"] for event in events()].count("RunDone") == 1
    assert sorted(path.name for path in Path.cwd().iterdir()) == ["e.jsonl", "out.png", "painting.png", "photo.png"]


def newest() -> int:
    """Number of the newest checkpoint; 0: there is none."""
    return max((int(path.name[11:17]) for path in list_checkpoints(RUN)), default=0)


def kill_and_resume(desk: Path, steps: int) -> int:
    """Kill a run after so many steps and go on; returns how many checkpoints it had saved."""
    kill_when([*PAINT, *FLAGS], after(steps))
    assert not Path("out.png").exists()
    saved = newest()
    if saved:
        told = complete("resume", "out.png")
        assert "going on after step" in told
        assert [event["event"] for event in events()].count("Resumed") == 1
    else:  # killed too early: nothing to go on from, and nothing in the way
        complete(*PAINT, *FLAGS, "--overwrite")
    check_end(desk)
    return saved


@pytest.mark.slow
def test_killed_at_twenty_moments(desk: Path, place: Path) -> None:
    saved = []
    for moment in range(20):
        saved.append(kill_and_resume(desk, round((moment + 0.5) * sum(STEPS) / 20)))
        for name in ("out.png", "e.jsonl"):
            Path(name).unlink()
    assert sum(count >= 2 for count in saved) >= 10, saved


def test_a_resume_that_is_killed_and_resumed(desk: Path, place: Path) -> None:
    kill_when([*PAINT, *FLAGS], after(30))
    first = newest()
    assert first >= 1
    kill_when(["resume", RUN, "--checkpoint-every", "0.01"], lambda: newest() >= first + 2)
    complete("resume", RUN)
    check_end(desk)
    assert [event["event"] for event in events()].count("Resumed") == 2


# A disk that takes a minute over the second file that is to reach it.
SLOW_DISK = """
import os, sys, time
asked, sync = [], os.fsync
def slow(number):
    asked.append(number)
    if len(asked) == 2:
        time.sleep(60)
    sync(number)
os.fsync = slow
from impasto.cli import main as cli
sys.exit(cli.main(sys.argv[1:]))
"""


def test_killed_while_a_checkpoint_is_written(desk: Path, place: Path) -> None:
    writing = RUN / "checkpoint-000002.safetensors.partial"
    kill_when([*PAINT, *FLAGS], writing.exists, program=("-c", SLOW_DISK))
    assert writing.exists()
    assert newest() == 1
    assert cli.main(["resume", "out.png.run"]) == 0
    check_end(desk)


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_a_signal_writes_checkpoint_and_picture(
    desk: Path, place: Path, number: int, capsys: pytest.CaptureFixture[str]
) -> None:
    out = kill_when([*PAINT, *FLAGS], after(10), number)
    assert out.splitlines()[-1] == "to go on: impasto resume out.png.run"
    last = steps_done()[-1]
    assert impasto.read_record("out.png")["stopped_after"] == {"scale": last[0], "step": last[1]}
    assert newest() >= 1
    # It is replaced without being asked, but only where the run is to write it.
    shutil.copy("out.png", "other.png")
    assert cli.main(["resume", "out.png", "-o", "other.png"]) == 1
    assert "other.png" in capsys.readouterr().err
    Path("other.png").unlink()
    assert cli.main(["resume", "out.png"]) == 0
    check_end(desk)


def test_a_finished_picture_is_not_replaced(desk: Path, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kill_when([*PAINT, *FLAGS], lambda: newest() >= 1)
    Image.new("RGB", (8, 8)).save("out.png")  # appeared meanwhile
    before = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    assert cli.main(["resume", "out.png.run"]) == 1
    assert "exists" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in place.rglob("*") if path.is_file()} == before
    assert cli.main(["resume", "out.png.run", "--overwrite"]) == 0
    check_end(desk)
