"""What is written beside a picture may fail at any moment: the picture is the same, it is said once, the code is 0.

And what is written in a picture's place: nothing that was there, or is being made, is lost.
"""

from __future__ import annotations

import errno
import itertools
import os
import shlex
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import impasto
from impasto.cli import main as cli
from impasto.errors import OutputError
from impasto.events import Event, RunStarted, StepDone
from impasto.runs.run import Run
from impasto.storage.claims import claim

Capture = pytest.CaptureFixture[str]
PAINT = ["paint", "photo.png", "painting.png", "-o", "out.png", "-q"]
MOMENTS = ["start", (0, 1), (0, 3), (1, 1), (1, 2)]
FULL = Path("/dev/full")


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any, Callable[[], object]], None]:
    """Do something at a moment of the run: at its start, or when a step is done."""
    whats: dict[Any, Callable[[], object]] = {}
    real = Run.__iter__

    def watched(self: Run) -> Iterator[Event]:
        for event in real(self):
            moment = "start" if isinstance(event, RunStarted) else None
            if isinstance(event, StepDone):
                moment = (event.scale, event.step)
            whats.pop(moment, lambda: None)()
            yield event

    monkeypatch.setattr(Run, "__iter__", watched)
    return whats.__setitem__


@pytest.fixture
def whole(folder_with_pictures: Path, quick_flags: list[str]) -> bytes:
    """The picture of a run that nothing disturbs."""
    assert cli.main([*PAINT, *quick_flags]) == 0
    data = Path("out.png").read_bytes()
    Path("out.png").unlink()
    return data


def take_away(folder: Path) -> None:
    shutil.rmtree(folder)


def put_a_file(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_text("in the way")


@pytest.mark.parametrize("fault", [take_away, put_a_file])
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_time_lapse_whose_folder_goes(
    whole: bytes, quick_flags: list[str], at: Any, capsys: Capture, moment: Any, fault: Callable[[Path], None]
) -> None:
    Path("beside").mkdir()
    at(moment, lambda: fault(Path("beside")))
    assert cli.main([*PAINT, *quick_flags, "--timelapse", "beside/t.gif"]) == 0
    assert Path("out.png").read_bytes() == whole
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 1 and "beside/t.gif" in told[0]
    assert not Path("out.png.run").exists()


@pytest.mark.parametrize("fault", [take_away, put_a_file])
@pytest.mark.parametrize("moment", MOMENTS[1:])
def test_checkpoints_whose_folder_goes(
    whole: bytes, quick_flags: list[str], at: Any, moment: Any, fault: Callable[[Path], None]
) -> None:
    at(moment, lambda: Path("out.png.run").is_dir() and fault(Path("out.png.run")))
    assert cli.main([*PAINT, *quick_flags, "--checkpoint-every", "0.000001"]) == 0
    assert Path("out.png").read_bytes() == whole


@pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full")
def test_events_on_a_full_disk(whole: bytes, quick_flags: list[str], capsys: Capture) -> None:
    assert cli.main([*PAINT, *quick_flags, "--events", "/dev/full"]) == 0
    assert Path("out.png").read_bytes() == whole
    told = capsys.readouterr().err
    assert told.count("\n") == 1 and "No space left on device; painting goes on without it" in told


def test_a_time_lapse_that_no_encoder_makes(
    whole: bytes, quick_flags: list[str], monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    def full(*given: object) -> bytes:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("impasto.runs.timelapse.encode", full)
    assert cli.main([*PAINT, *quick_flags, "--timelapse", "t.gif"]) == 0
    assert Path("out.png").read_bytes() == whole
    assert "t.gif': No space left" in capsys.readouterr().err


def test_a_picture_without_room_is_kept_elsewhere(
    whole: bytes, quick_flags: list[str], at: Any, monkeypatch: pytest.MonkeyPatch, capsys: Capture, tmp_path: Path
) -> None:
    room, away = tmp_path / "room", tmp_path / "away"
    for folder in (room, away):
        folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(room))
    at((1, 2), lambda: shutil.rmtree(away))
    assert cli.main([*PAINT[:-3], "-o", "away/out.png", "-q", *quick_flags]) == 1
    told = capsys.readouterr().err
    (kept,) = room.iterdir()
    assert told.count("\n") == 1 and f"the picture is kept as '{kept}'" in told
    assert kept.read_bytes() == whole


def test_a_picture_without_room_anywhere_is_one_line(
    whole: bytes, quick_flags: list[str], at: Any, monkeypatch: pytest.MonkeyPatch, capsys: Capture, tmp_path: Path
) -> None:
    def none() -> str:
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found")

    (tmp_path / "away").mkdir()
    monkeypatch.setattr("tempfile.gettempdir", none)  # as in a container with nothing writable but the output's folder
    at((1, 2), lambda: shutil.rmtree(tmp_path / "away"))
    assert cli.main([*PAINT[:-3], "-o", "away/out.png", "-q", *quick_flags]) == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1 and told.startswith("impasto: cannot write 'away/out.png'")


# ------------------------------------------------------------------------------- the name of the output


def test_the_second_run_to_a_name_is_refused_before_it_paints(
    whole: bytes, quick_flags: list[str], capsys: Capture, at: Any
) -> None:
    at("start", lambda: pytest.fail("it paints"))
    Path("sub").mkdir()
    with claim(Path("out.png")):
        for name in ("out.png", "sub/../out.png", str(Path("out.png").absolute())):
            assert cli.main([*PAINT[:3], "-o", name, "-q", *quick_flags]) == 1
            assert "another run is at it" in capsys.readouterr().err


def test_a_name_that_is_left_open_avoids_one_that_is_claimed(
    folder_with_pictures: Path, quick_flags: list[str]
) -> None:
    with claim(Path("photo-painting.png")):
        assert cli.main([*PAINT[:3], "-q", *quick_flags]) == 0
    assert Path("photo-painting-2.png").is_file()


@pytest.mark.parametrize("command", ["paint", "draft"])
@pytest.mark.parametrize("name", ["photo.png", "painting.png", "link.png", "hard.png", "copy.png", "../{}/photo.png"])
def test_what_is_painted_from_is_not_written_over(
    folder_with_pictures: Path, quick_flags: list[str], capsys: Capture, command: str, name: str
) -> None:
    Path("link.png").symlink_to("photo.png")
    os.link("painting.png", "hard.png")
    shutil.copy("photo.png", "copy.png")
    before = [Path(file).read_bytes() for file in ("photo.png", "painting.png")]
    output = name.format(folder_with_pictures.name)
    flags = quick_flags if command == "paint" else ["--size", "32"]
    assert cli.main([command, "photo.png", "painting.png", "-o", output, "--overwrite", "-q", *flags]) == 2
    assert "which the picture is painted from" in capsys.readouterr().err
    assert [Path(file).read_bytes() for file in ("photo.png", "painting.png")] == before


def test_a_draft_is_not_replayed_over_what_it_was_drafted_from(
    folder_with_pictures: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli.main(["draft", "photo.png", "painting.png", "-o", "draft.png", "--size", "32", "-q"]) == 0
    before = Path("photo.png").read_bytes()
    monkeypatch.setattr("impasto.cli.draft.replay_draft", lambda *given: pytest.fail("it paints"))
    assert cli.main(["replay", "draft.png", "-o", "photo.png", "--overwrite", "-q"]) == 2
    assert "which the picture is painted from" in capsys.readouterr().err
    assert Path("photo.png").read_bytes() == before


@pytest.mark.parametrize(
    "words",
    [
        ["features", "photo.png", "--layer", "relu1_1", "-o", "./photo.png"],
        ["sheet", "photo.png", "painting.png", "-o", "painting.png"],
        ["reconstruct", "content", "photo.png", "--all-layers", "-o", "sub/../photo.png"],
        ["texture", "painting.png", "-o", "painting.png"],
        ["draft", "photo.png", "photo_painting.png", "--paintings", "painting.png", "-o", ".", "--format", "png"],
    ],
    ids=lambda words: words[0],
)
def test_nor_what_is_drawn_from(folder_with_pictures: Path, capsys: Capture, words: list[str]) -> None:
    Path("sub").mkdir()
    shutil.copy("photo.png", "photo_painting.png")  # as the first draft will be called
    before = {path: path.read_bytes() for path in Path().glob("*.png")}
    assert cli.main([*words, "--overwrite", "-q"]) == 2
    assert " itself, which " in capsys.readouterr().err
    assert {path: path.read_bytes() for path in Path().glob("*.png")} == before


def test_in_python_too(folder_with_pictures: Path) -> None:
    pastiche = impasto.draft("photo.png", "painting.png", size_px=32)
    before = Path("photo.png").read_bytes()
    with pytest.raises(OutputError, match="what the picture was painted from"):
        pastiche.save("photo.png", overwrite=True)
    assert Path("photo.png").read_bytes() == before


@pytest.mark.parametrize("flag", ["--events", "--timelapse"])
def test_the_same_file_under_two_spellings(
    folder_with_pictures: Path, quick_flags: list[str], capsys: Capture, flag: str
) -> None:
    Path("sub").mkdir()
    other = "sub/../" + ("out.gif" if flag == "--timelapse" else "out.png")
    output = "out.gif" if flag == "--timelapse" else "out.png"
    assert cli.main([*PAINT[:3], "-o", output, flag, other, "-q", *quick_flags]) == 2
    assert not any(path.suffix == ".run" for path in Path().iterdir())


def test_overwriting_through_a_link_writes_its_target_and_keeps_the_mode(
    folder_with_pictures: Path, quick_flags: list[str]
) -> None:
    Path("real.png").write_text("old")
    Path("real.png").chmod(0o640)
    Path("out.png").symlink_to("real.png")
    assert cli.main([*PAINT, *quick_flags, "--overwrite"]) == 0
    assert Path("out.png").is_symlink() and impasto.read_record("real.png")
    assert stat.S_IMODE(Path("real.png").stat().st_mode) == 0o640


@pytest.mark.parametrize("letter", ["a", "ä"])
def test_names_up_to_the_limit(folder_with_pictures: Path, quick_flags: list[str], at: Any, letter: str) -> None:
    name = letter * ((255 - 4) // len(letter.encode())) + ".png"
    at((0, 2), lambda: os.kill(os.getpid(), signal.SIGINT))
    assert cli.main([*PAINT[:3], "-o", name, "-q", *quick_flags]) == 130
    assert cli.main(["resume", name, "-q", "--trust"]) == 0
    assert sorted(path.name for path in Path().iterdir()) == sorted([name, "painting.png", "photo.png"])


# ---------------------------------------------------------------------------------- standard streams, signals


def shell(command: str, redirect: str) -> subprocess.CompletedProcess[str]:
    words = f"{shlex.quote(sys.executable)} -m impasto {command} {redirect}"
    return subprocess.run(["bash", "-c", words], capture_output=True, text=True, timeout=300)


REDIRECTS = ["2>&-", "2>/dev/full", ">&- 2>&-", ">/dev/full", ">/dev/full 2>/dev/full", "<&- >&- 2>&-", "2>&1 | true"]
COMMANDS = {
    "paint": "paint photo.png painting.png -o out.png {}",
    "draft": "draft photo.png painting.png -o out.png --size 32",
    "texture": "texture painting.png -o out.png {}",
    "draft folder": "draft photo.png --paintings painting.png -o made",
    "batch": "batch photo.png --paintings painting.png -o made {}",
    "sweep": "sweep photo.png painting.png --vary strength=20 -o made {}",
}


@pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full")
@pytest.mark.parametrize(
    ("command", "redirect"),
    [
        pytest.param(command, redirect, marks=[] if (command, redirect) == ("paint", ">&- 2>&-") else pytest.mark.slow)
        for command, redirect in itertools.product(COMMANDS, REDIRECTS)
    ],
)
def test_streams_that_fail_cost_no_picture(
    folder_with_pictures: Path, quick_flags: list[str], command: str, redirect: str
) -> None:
    flags = [word for word in quick_flags if command != "texture" or not word.startswith("--min")]
    if command == "texture":
        flags = ["--encoder", quick_flags[1], "--size", "32", "--steps", "2"]
    done = shell(COMMANDS[command].format(shlex.join(flags)), redirect)
    assert ("Traceback" not in done.stderr and "|" in redirect) or done.returncode == 0, done.stderr
    pictures = [*Path().glob("out.png"), *Path("made").rglob("*.jpg"), *Path("made").glob("pastiches/*.png")]
    assert pictures and all(impasto.load_picture(picture) for picture in pictures)
    assert not [path for path in Path().iterdir() if path.name.startswith(".impasto") or path.suffix == ".run"]


@pytest.mark.slow
@pytest.mark.parametrize("ignored", [False, True], ids=["heard", "ignored"])
def test_a_terminal_that_hangs_up(folder_with_pictures: Path, quick_flags: list[str], ignored: bool) -> None:
    steps = quick_flags.index("--steps") + 1
    flags = [*quick_flags[:steps], "400,2", *quick_flags[steps + 1 :], "--stop-tolerance", "0"]
    words = [sys.executable, "-m", "impasto", *PAINT[:-1], *flags, "--events", "e.jsonl"]

    def before() -> None:
        signal.signal(signal.SIGHUP, signal.SIG_IGN if ignored else signal.SIG_DFL)

    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=before)
    while "StepDone" not in (Path("e.jsonl").read_text() if Path("e.jsonl").exists() else ""):
        time.sleep(0.05)
    process.send_signal(signal.SIGHUP)
    assert process.wait(120) == (0 if ignored else 129)
    assert impasto.load_picture("out.png")
    assert Path("out.png.run").is_dir() is not ignored


# ------------------------------------------------------------------------------------------------ a full disk


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 kB, where this user may mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = shutil.which("mount")
    done = mount and subprocess.run([mount, "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk], capture_output=True)
    if not done or done.returncode:
        pytest.skip("no file system can be mounted here")
    yield disk
    subprocess.run(["umount", disk], check=True)


def test_a_full_disk_keeps_what_was_there_and_the_picture(
    small_disk: Path,
    whole: bytes,
    quick_flags: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: Capture,
    tmp_path: Path,
) -> None:
    (tmp_path / "room").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "room"))
    (small_disk / "mine").write_bytes(bytes(56_000))
    output = str(small_disk / "out.png")
    flags = [
        "--events",
        str(small_disk / "e.jsonl"),
        "--timelapse",
        str(small_disk / "t.gif"),
        "--checkpoint-every",
        "0.00001",
    ]
    code = cli.main([*PAINT[:3], "-o", output, "-q", *quick_flags, *flags])
    told = capsys.readouterr().err
    pictures = [*small_disk.glob("out.png"), *(tmp_path / "room").glob("*.png")]
    assert code == (0 if (small_disk / "out.png").exists() else 1) and "Traceback" not in told
    assert [path.read_bytes() for path in pictures] == [whole]
    assert (small_disk / "mine").read_bytes() == bytes(56_000)


def test_a_run_on_a_full_disk_goes_on_when_there_is_room(
    small_disk: Path, whole: bytes, quick_flags: list[str], at: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(small_disk))  # which is full, too
    subprocess.run(["mount", "-o", "remount,size=4m", small_disk], check=True)
    output = small_disk / "out.png"
    at((0, 3), lambda: os.kill(os.getpid(), signal.SIGINT))
    assert cli.main([*PAINT[:3], "-o", str(output), "-q", *quick_flags]) == 130
    filler = small_disk / "filler"
    with filler.open("wb") as stream, pytest.raises(OSError, match="No space"):
        while True:
            stream.write(bytes(1 << 16))
            stream.flush()
    resume = ["resume", str(output), "-q", "--trust"]
    assert cli.main(resume) == 1
    filler.unlink()
    assert cli.main(resume) == 0
    assert output.read_bytes() == whole
