"""How the command line carries out a run: files, messages, signals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import OUT, paint_flags

import impasto
from impasto.cli import main as cli
from impasto.events import Event, RunStarted, StepDone


def test_quiet_says_nothing(
    folder_with_pictures: Path, quick_flags: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(paint_flags(*OUT, *quick_flags, "--quiet", "--no-record")) == 0
    assert capsys.readouterr() == ("", "")
    with pytest.raises(impasto.RecordError):
        impasto.read_record("out.png")


def test_overwriting(folder_with_pictures: Path, quick_flags: list[str]) -> None:
    Path("out.png").write_text("old")
    Path("e.jsonl").write_text("old\n")
    flags = [*OUT, *quick_flags, "-q", "--events", "e.jsonl"]
    assert cli.main(paint_flags(*flags)) == 1
    assert Path("out.png").read_text() == "old"
    assert cli.main(paint_flags(*flags, "--overwrite")) == 0
    assert impasto.load_picture("out.png").width_px == 48
    assert "old" not in Path("e.jsonl").read_text()


def wait_for_steps(path: Path, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 100
    while not (path.exists() and '"StepDone"' in path.read_text()):
        assert process.poll() is None, "ended before its first step"
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_writes_the_picture_as_it_stands(
    folder_with_pictures: Path,
    quick_flags: list[str],
    tiny_encoder_file: Path,
    number: int,
    code: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    endless = paint_flags(*OUT, "--events", "e.jsonl", *quick_flags)
    endless[endless.index("--steps") + 1] = "100000"
    command = [sys.executable, "-W", "error", "-m", "impasto", *endless]
    with subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            wait_for_steps(Path("e.jsonl"), process)
            process.send_signal(number)
            out, err = process.communicate(timeout=100)
        finally:
            process.kill()
    assert process.returncode == code, err
    assert "stopped early" in out
    assert "stopping after this step" in err
    events = [json.loads(line) for line in Path("e.jsonl").read_text().splitlines()]
    last = [event for event in events if event["event"] == "StepDone"][-1]
    record = impasto.read_record("out.png")
    assert record["stopped_after"] == {"scale": last["scale"], "step": last["step"]}
    again = ["replay", "out.png", str(tiny_encoder_file), "-o", "again.png"]
    assert cli.main([*again, "--quiet"]) == 0
    assert Path("again.png").read_bytes() == Path("out.png").read_bytes()
    assert cli.main(["info", "again.png"]) == 0
    assert f"stopped after      scale 1, step {last['step']}\n" in capsys.readouterr().out
    assert cli.main([*again, "--overwrite", "--steps", "2"]) == 0
    assert "with these options it is painted to the end" in capsys.readouterr().err


def replace_engine(monkeypatch: pytest.MonkeyPatch, events: Iterator[Event]) -> None:
    monkeypatch.setattr("impasto.engine.paint.iter_paint", lambda *args, **keywords: events)


def test_a_second_interrupt_leaves_nothing(
    folder_with_pictures: Path,
    quick_flags: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def interrupted_twice() -> Iterator[Event]:
        yield RunStarted(((38, 48),), (9,), (1,), 2048, 300_000_000, 1.0)
        os.kill(os.getpid(), signal.SIGINT)
        yield StepDone(0, 1, {"total": 1.0}, 1.0, None, 0.1)
        os.kill(os.getpid(), signal.SIGINT)
        yield StepDone(0, 2, {"total": 1.0}, 1.0, None, 0.2)
        pytest.fail("went on after the second interrupt")

    replace_engine(monkeypatch, interrupted_twice())
    before = set(folder_with_pictures.iterdir())
    handler = signal.getsignal(signal.SIGINT)
    assert cli.main(paint_flags(*OUT, *quick_flags)) == 130
    assert capsys.readouterr().err.splitlines()[-1] == "impasto: interrupted, no picture written"
    assert set(folder_with_pictures.iterdir()) == before
    assert signal.getsignal(signal.SIGINT) is handler


def test_an_interrupt_before_painting(
    folder_with_pictures: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*args: object, **keywords: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("impasto.runs.build.build_run", interrupted)
    assert cli.main(paint_flags(*OUT)) == 130
    assert capsys.readouterr().err == "impasto: interrupted, no picture written\n"
