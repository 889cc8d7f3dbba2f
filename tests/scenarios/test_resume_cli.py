"""Run folders on the command line: when they are made, kept, refused and removed."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import impasto
from impasto import api
from impasto.cli import main as cli
from impasto.engine.checkpoint import list_checkpoints
from impasto.events import Event, StepDone
from impasto.runs.event_log import EventLog

RUN = Path("out.png.run")
PAINT = ["paint", "photo.png", "painting.png", "-o", "out.png", "-q"]
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def on_step(monkeypatch: pytest.MonkeyPatch) -> Callable[[tuple[int, int], Callable[[], None]], None]:
    """Do something when a step is done, by (scale, step)."""
    what: dict[tuple[int, int], Callable[[], None]] = {}
    real = EventLog.write

    def write(self: EventLog, event: Event) -> None:
        real(self, event)
        if isinstance(event, StepDone):
            what.pop((event.scale, event.step), lambda: None)()

    monkeypatch.setattr(EventLog, "write", write)
    return what.__setitem__


@pytest.fixture
def interrupt(on_step: Any) -> Callable[..., None]:
    """Ctrl-C after a step."""
    return lambda *point: on_step(point, lambda: os.kill(os.getpid(), signal.SIGINT))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def whole(folder_with_pictures: Path, quick_flags: list[str]) -> bytes:
    """The picture file of a run left alone."""
    assert cli.main([*PAINT, *quick_flags]) == 0
    data = Path("out.png").read_bytes()
    Path("out.png").unlink()
    assert sorted(contents(folder_with_pictures)) == ["painting.png", "photo.png"]
    return data


def test_a_run_in_the_way(whole: bytes, quick_flags: list[str], interrupt: Any, capsys: Capture) -> None:
    interrupt(0, 2)
    assert cli.main([*PAINT, *quick_flags]) == 130
    Path("out.png").unlink()
    before = contents(Path.cwd())
    assert cli.main([*PAINT, *quick_flags]) == 1
    told = capsys.readouterr().err
    assert "'out.png.run' holds an interrupted run: go on with impasto resume out.png.run, or paint anew with" in told
    assert cli.main([*PAINT, *quick_flags, "--overwrite", "--content-layers", "rellu3_1"]) == 2
    assert contents(Path.cwd()) == before, "what cannot be painted removes nothing"
    assert cli.main([*PAINT, *quick_flags, "--overwrite", "--strength", "20"]) == 0
    assert not RUN.exists()
    assert Path("out.png").read_bytes() != whole


def test_painting_anew_forgets_the_run_before(whole: bytes, quick_flags: list[str], interrupt: Any) -> None:
    interrupt(1, 1)
    assert cli.main([*PAINT, *quick_flags, "--strength", "20"]) == 130
    interrupt(0, 1)
    assert cli.main([*PAINT, *quick_flags, "--overwrite"]) == 130
    assert [path.name for path in list_checkpoints(RUN)] == ["checkpoint-000001.safetensors"]
    assert cli.main(["resume", "out.png", "-q", "--trust"]) == 0
    assert Path("out.png").read_bytes() == whole


def test_files_of_others_stay_and_are_in_nobodys_way(whole: bytes, quick_flags: list[str], interrupt: Any) -> None:
    RUN.mkdir()
    (RUN / "notes.txt").write_text("mine")
    interrupt(0, 1)
    assert cli.main([*PAINT, *quick_flags]) == 130
    assert cli.main(["resume", "out.png.run", "-q", "--trust"]) == 0
    assert contents(RUN) == {"notes.txt": b"mine"}
    Path("out.png").unlink()
    assert cli.main([*PAINT, *quick_flags]) == 0
    assert contents(RUN) == {"notes.txt": b"mine"}


def test_a_run_folder_that_cannot_be_made(
    whole: bytes, quick_flags: list[str], interrupt: Any, capsys: Capture
) -> None:
    RUN.write_text("a file of that name")
    assert cli.main([*PAINT, *quick_flags]) == 0
    assert Path("out.png").read_bytes() == whole
    interrupt(0, 1)
    assert cli.main([*PAINT[:-1], *quick_flags, "--overwrite"]) == 130
    said = capsys.readouterr()
    assert "the checkpoint could not be written (File exists); painting goes on without it" in said.err
    assert "to go on" not in said.out
    assert RUN.read_text() == "a file of that name"


def test_a_folder_that_is_not_writable(whole: bytes, quick_flags: list[str], interrupt: Any) -> None:
    if os.geteuid() == 0:
        pytest.skip("root writes everywhere")
    RUN.mkdir(mode=0o500)
    interrupt(0, 1)
    assert cli.main([*PAINT, *quick_flags]) == 130
    assert not contents(RUN)


def test_everything_asked_for_is_remembered(folder_with_pictures: Path, quick_flags: list[str], interrupt: Any) -> None:
    flags = [*quick_flags, "--no-record", "--bit-depth", "16", "--events", "e.jsonl", "--print", "0.5x0.5in@90"]
    del flags[(at := flags.index("--size")) : at + 2]
    paint = ["paint", "photo.png", "painting.png:0.5", "photo.png", "-q", *flags]
    assert cli.main([*paint, "-o", "whole.png"]) == 0
    expected = [json.loads(line) for line in Path("e.jsonl").read_text().splitlines()]
    Path("e.jsonl").unlink()
    interrupt(0, 2)
    assert cli.main([*paint, "-o", "out.png"]) == 130
    Path("elsewhere").mkdir()
    os.chdir("elsewhere")
    # without a record nobody can tell that the picture is unfinished
    assert cli.main(["resume", "../out.png.run", "-q", "--trust"]) == 1
    assert cli.main(["resume", "../out.png.run", "-q", "--overwrite", "--trust"]) == 0
    os.chdir(folder_with_pictures)
    assert Path("out.png").read_bytes() == Path("whole.png").read_bytes()
    steps = [json.loads(line) for line in Path("e.jsonl").read_text().splitlines()]
    losses = [[event["losses"] for event in found if event["event"] == "StepDone"] for found in (steps, expected)]
    assert losses[0] == losses[1]
    assert not list(Path("elsewhere").iterdir())


@pytest.mark.parametrize("change", ["gone", "another's"])
def test_events_begin_anew_where_the_file_is_not_this_runs(
    whole: bytes, quick_flags: list[str], interrupt: Any, change: str, capsys: Capture
) -> None:
    interrupt(0, 3)
    assert cli.main([*PAINT, *quick_flags, "--events", "e.jsonl"]) == 130
    length = Path("e.jsonl").stat().st_size
    Path("e.jsonl").unlink() if change == "gone" else Path("e.jsonl").write_text("{}\n" * length)
    assert cli.main(["resume", "out.png", "--trust"]) == 0
    written = Path("e.jsonl")
    if change == "another's":
        assert written.read_text() == "{}\n" * length, "nothing of others is cut back"
        written = Path("e-2.jsonl")
        assert "e.jsonl is not the events file of this run as it was left: e-2.jsonl" in capsys.readouterr().err
    events = [json.loads(line) for line in written.read_text().splitlines()]
    assert [event["event"] for event in events if event["event"] != "Notice"] == [
        "RunStarted", "Resumed", "ScaleStarted", "StepDone", "StepDone", "RunDone"
    ]  # fmt: skip
    assert Path("out.png").read_bytes() == whole


def test_another_output(whole: bytes, quick_flags: list[str], interrupt: Any, capsys: Capture) -> None:
    interrupt(1, 1)
    assert cli.main([*PAINT, *quick_flags]) == 130
    unfinished = Path("out.png").read_bytes()
    assert cli.main(["resume", "out.png", "-o", "other.pgn", "--trust"]) == 2
    assert cli.main(["resume", "out.png", "-o", "nowhere/other.png", "--trust"]) == 1
    capsys.readouterr()
    assert cli.main(["resume", "out.png", "-o", "other.png", "--trust"]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("other.png: 48x38 px, painted in ")
    assert "impasto: going on after step 1 of scale 2, 0:0" in said.err
    assert Path("other.png").read_bytes() == whole
    assert Path("out.png").read_bytes() == unfinished
    assert not RUN.exists()


def test_a_run_begun_in_python(whole: bytes, quick: dict[str, Any], capsys: Capture) -> None:
    controls = impasto.Controls(stop=True)
    impasto.paint("photo.png", "painting.png", controls=controls, run_folder="run", **quick)
    assert cli.main(["resume", "run", "--trust"]) == 2
    assert "say with -o where the picture goes" in capsys.readouterr().err
    assert cli.main(["resume", "run", "-o", "out.png", "--trust"]) == 0
    assert Path("out.png").read_bytes() == whole


def test_no_checkpoints(whole: bytes, quick_flags: list[str], interrupt: Any, capsys: Capture) -> None:
    interrupt(1, 1)
    assert cli.main([*PAINT[:-1], *quick_flags, "--checkpoint-every", "0"]) == 130
    assert not RUN.exists()
    assert "to go on" not in capsys.readouterr().out
    interrupt(0, 2)
    assert cli.main([*PAINT, *quick_flags, "--overwrite"]) == 130
    interrupt(1, 1)
    before = contents(RUN)
    assert cli.main(["resume", "out.png", "--checkpoint-every", "0", "--trust"]) == 130
    assert contents(RUN) == before
    assert "to go on: impasto resume out.png.run" in capsys.readouterr().out
    assert cli.main(["resume", "out.png", "--checkpoint-every", "0", "-q", "--trust"]) == 0
    assert Path("out.png").read_bytes() == whole
    assert not RUN.exists()


def test_a_second_interrupt_says_how_to_go_on(
    whole: bytes, quick_flags: list[str], interrupt: Any, on_step: Any, capsys: Capture
) -> None:
    interrupt(0, 2)
    assert cli.main([*PAINT, *quick_flags]) == 130
    Path("out.png").unlink()
    on_step((0, 3), lambda: [os.kill(os.getpid(), signal.SIGINT) for _ in range(2)])
    assert cli.main(["resume", "out.png.run", "-q", "--trust"]) == 130
    told = capsys.readouterr().err
    assert told == "impasto: interrupted, no picture written; to go on: impasto resume out.png.run --trust\n"
    assert not Path("out.png").exists()
    assert cli.main(["resume", "out.png.run", "-q", "--trust"]) == 0
    assert Path("out.png").read_bytes() == whole


def test_the_older_checkpoint_is_told(whole: bytes, quick_flags: list[str], interrupt: Any, capsys: Capture) -> None:
    for point in ((0, 1), (0, 2)):
        interrupt(*point)
        assert cli.main([*PAINT, *quick_flags] if point == (0, 1) else ["resume", "out.png", "-q", "--trust"]) == 130
    newer = list_checkpoints(RUN)[1]
    newer.write_bytes(newer.read_bytes()[:-1])
    assert cli.main(["resume", "out.png", "--trust"]) == 0
    told = capsys.readouterr().err
    assert "note: the checkpoint checkpoint-000002.safetensors is damaged: its SHA-256 does not match" in told
    assert "going on from the one before" in told
    assert "going on after step 1 of scale 1" in told
    assert Path("out.png").read_bytes() == whole


def test_a_picture_that_cannot_be_written_loses_no_checkpoint(
    whole: bytes, quick_flags: list[str], interrupt: Any, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    interrupt(0, 2)
    assert cli.main([*PAINT, *quick_flags]) == 130
    before = contents(RUN)

    def full(*given: object, **more: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as disk:
        disk.setattr("impasto.storage.atomic.write_whole", full)
        assert cli.main(["resume", "out.png", "-q", "--trust"]) == 1
    assert "no space left on device" in capsys.readouterr().err.lower()
    assert contents(RUN) == before
    assert cli.main(["resume", "out.png", "-q", "--trust"]) == 0
    assert Path("out.png").read_bytes() == whole


def test_an_interrupt_at_the_last_step_is_no_interruption(whole: bytes, quick_flags: list[str], interrupt: Any) -> None:
    interrupt(1, 2)
    assert cli.main([*PAINT, *quick_flags]) == 130
    assert Path("out.png").read_bytes() == whole
    assert not RUN.exists()


def test_a_replay_of_an_early_stop_leaves_no_run_folder(
    whole: bytes, quick_flags: list[str], interrupt: Any, tiny_encoder_file: Path
) -> None:
    interrupt(1, 1)
    assert cli.main([*PAINT, *quick_flags]) == 130
    assert cli.main(["replay", "out.png", str(tiny_encoder_file), "-o", "again.png", "-q"]) == 0
    assert Path("again.png").read_bytes() == Path("out.png").read_bytes()
    assert not Path("again.png.run").exists()


@pytest.mark.skipif(os.name != "posix", reason="names are bytes on POSIX only")
def test_names_that_are_no_text(folder_with_pictures: Path, quick: dict[str, Any]) -> None:
    name = os.fsdecode(b"ph\xff.png")
    shutil.copy("photo.png", name)
    run = api.build_run(name, "painting.png", options=quick)
    run.checkpoint_folder, run.controls.stop = folder_with_pictures / (name + ".run"), True
    assert run.paint().stopped
    again = impasto.resume(folder_with_pictures / name, trust=True)
    assert again.pixels.tobytes() == impasto.paint(name, "painting.png", **quick).pixels.tobytes()
