"""Signals and faults at fifteen moments of every command that paints.

The picture is whole, or the run goes on to the very same one; nothing is left behind; what went wrong is said once.
A moment is an event: `MOMENTS` are counted over all runs, drafts or frames of a command.
"""

from __future__ import annotations

import io
import os
import select
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from impasto.cli import main as cli
from impasto.cli.streams import guard_streams
from impasto.errors import OutputError
from impasto.lab.drafts import DraftFolder
from impasto.runs.run import Run
from impasto.video.paint import Film

MOMENTS = range(15)
PAINTED = ["--events", "beside/e.jsonl", "--timelapse", "beside/t.gif", "--checkpoint-every", "0.000001"]
QUICK = ["--medium", "pixels", "--precision", "float32", "--threads", "1", "--steps", "3,2"]
SMALL = [*QUICK, "--size", "48", "--min-scale", "32"]


@dataclass(frozen=True)
class Command:
    """A command, and the one that goes on with it where that is another; what it makes, as patterns."""

    words: list[str]
    onward: list[str]
    makes: tuple[str, ...]
    beside: bool = False


def command(words: list[str], *makes: str, beside: bool = False) -> Command:
    return Command(words, ["resume", makes[0]] if beside else words, makes, beside)


COMMANDS = {
    "paint": command(["paint", "photo.png", "painting.png", "-o", "out.png", *SMALL, *PAINTED], "out.png", beside=True),
    "enlarge": command(["enlarge", "first.png", "--size", "80", "-o", "out.png", *PAINTED], "out.png", beside=True),
    "texture": command(
        ["texture", "painting.png", "-o", "out.png", *SMALL, *PAINTED], "out.png", beside=True
    ),
    "batch": command(
        ["batch", "photo.png", "--paintings", "painting.png", "photo.png", "-o", "made", *SMALL], "made/pastiches/*.png"
    ),
    "sweep": command(
        ["sweep", "photo.png", "painting.png", "--vary", "strength=20,80", "-o", "made", *SMALL], "made/pastiches/*.png"
    ),
    "draft folder": command(
        ["draft", "photos", "--paintings", "photos", "-o", "made", "--size", "32"], "made/*.jpg"
    ),
    "video": command(["video", "clip.gif", "painting.png", "-o", "film", "--size", "32"], "film/*.png"),
}  # fmt: skip


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, photo_pixels: np.ndarray, painting_pixels: np.ndarray) -> Path:
    """Pictures and a clip, a painted picture, and what every command makes when nothing disturbs it."""
    folder = tmp_path_factory.mktemp("desk")
    before = Path.cwd()
    os.chdir(folder)
    try:
        Image.fromarray(photo_pixels).save("photo.png")
        Image.fromarray(painting_pixels).save("painting.png")
        Path("photos").mkdir()
        Path("beside").mkdir()
        for number in range(4):
            Image.fromarray(np.roll(photo_pixels, 9 * number, 1)).save(f"photos/{number}.png")
        frames = [Image.fromarray(np.roll(photo_pixels, number, 1)) for number in range(16)]
        frames[0].save("clip.gif", save_all=True, append_images=frames[1:], duration=100)
        assert cli.main(["paint", "photo.png", "painting.png", "-o", "first.png", *SMALL]) == 0
        for name, one in COMMANDS.items():
            shutil.copytree(folder, folder / "whole" / name, ignore=shutil.ignore_patterns("whole"))
            os.chdir(folder / "whole" / name)
            assert cli.main(one.words) == 0, name
            os.chdir(folder)
    finally:
        os.chdir(before)
    return folder


@pytest.fixture
def place(desk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory like the desk's, and a temporary folder of its own."""
    shutil.copytree(desk, tmp_path / "place", ignore=shutil.ignore_patterns("whole"))
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    monkeypatch.chdir(tmp_path / "place")
    return tmp_path / "place"


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, Callable[[], object]], None]:
    """Do something at a moment of a command."""
    seen: dict[str, Any] = {"events": 0, "moment": -1, "what": lambda: None}

    def watched(real: Any) -> Any:
        def events(self: Any, *given: Any) -> Iterator[Any]:
            for event in real(self, *given):
                seen["events"] += 1
                if seen["events"] == seen["moment"] + 1:
                    seen["what"]()
                yield event

        return events

    for kind, name in ((Run, "__iter__"), (DraftFolder, "_run"), (Film, "__iter__")):
        monkeypatch.setattr(kind, name, watched(getattr(kind, name)))
    return lambda moment, what: seen.update(moment=moment, what=what)


def made(folder: Path, one: Command) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for pattern in one.makes for path in folder.glob(pattern)}


def check_end(desk: Path, place: Path, name: str) -> None:
    """The pictures of a run that nothing disturbed, and nothing more beside them."""
    one, whole = COMMANDS[name], desk / "whole" / name
    assert made(place, one) == made(whole, one)
    assert sorted(path.name for path in place.iterdir()) == sorted(path.name for path in whole.iterdir())
    assert not [path for path in place.rglob("*") if path.name.startswith(".impasto") or path.suffix == ".run"]
    assert not list((place.parent / "temporary").iterdir())


def go_on(name: str) -> None:
    """Finish what a signal ended: by resuming, or by the same command where nothing was to be resumed yet."""
    one = COMMANDS[name]
    if one.beside and not Path("out.png.run").is_dir():
        if Path("out.png").exists():
            return
        assert cli.main([*one.words, "-q", "--overwrite"]) == 0  # of what was logged before the first checkpoint
        return
    assert cli.main([*one.onward, "-q"]) == 0


@pytest.mark.slow
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("signals", ["INT", "TERM", "HUP", "INT INT"])
@pytest.mark.parametrize("name", COMMANDS)
def test_signals(desk: Path, place: Path, at: Any, name: str, signals: str, moment: int) -> None:
    numbers = [getattr(signal, f"SIG{word}") for word in signals.split()]
    at(moment, lambda: [os.kill(os.getpid(), number) for number in numbers])
    code = cli.main([*COMMANDS[name].words, "-q"])
    assert code in (128 + numbers[0], 0)
    if code:
        assert not [path for path in place.rglob("*") if path.name.startswith(".impasto")]
        go_on(name)
    check_end(desk, place, name)


class Terminal:
    """A terminal in the place of standard output and error, which somebody reads until it goes."""

    def __init__(self) -> None:
        self._master, slave = os.openpty()
        self._kept = [os.dup(number) for number in (1, 2)]
        for number in (1, 2):
            os.dup2(slave, number)
        os.close(slave)
        self._reading = True
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        while self._reading:
            if select.select([self._master], [], [], 0.02)[0]:
                os.read(self._master, 65_536)

    def go(self) -> None:
        if self._reading:
            self._reading = False
            self._reader.join()
            os.close(self._master)

    def close(self) -> None:
        self.go()
        for number, kept in zip((1, 2), self._kept, strict=True):
            os.dup2(kept, number)
            os.close(kept)


@contextmanager
def on_a_terminal() -> Iterator[Terminal]:
    made = Terminal()
    streams = [io.TextIOWrapper(io.BufferedWriter(io.FileIO(number, "w", closefd=False))) for number in (1, 2)]
    with pytest.MonkeyPatch.context() as patch:
        for name, stream in zip(("stdout", "stderr"), streams, strict=True):
            patch.setattr(sys, name, stream)
        guard_streams()
        try:
            yield made
        finally:
            made.go()
            for stream in (sys.stdout, sys.stderr, *streams):
                with suppress(OSError, ValueError, OutputError):
                    stream.close()
            made.close()


@pytest.mark.slow
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("name", COMMANDS)
def test_a_terminal_that_goes(desk: Path, place: Path, at: Any, name: str, moment: int) -> None:
    with on_a_terminal() as terminal:
        at(moment, terminal.go)
        code = cli.main(COMMANDS[name].words)
    assert code == 0
    check_end(desk, place, name)


def fill(folder: Path) -> None:
    """Leave no byte free on a small disk."""
    with (folder / "filler").open("wb", buffering=0) as stream:
        for size in (4096, 1):
            try:
                while True:
                    stream.write(bytes(size))
            except OSError:
                continue


@pytest.fixture
def small_disk(place: Path) -> Iterator[None]:
    """A disk of its own for what is written beside the picture, where this user may mount one."""
    mount = shutil.which("mount")
    done = mount and subprocess.run([mount, "-t", "tmpfs", "-o", "size=64k", "tmpfs", "beside"], capture_output=True)
    if not done or done.returncode:
        pytest.skip("no file system can be mounted here")
    yield
    subprocess.run(["umount", "-l", place / "beside"], check=True)


FAULTS: dict[str, Callable[[], object]] = {
    "full": lambda: fill(Path("beside")),
    "removed": lambda: [path.unlink() for path in Path("beside").iterdir()],
    "unplugged": lambda: subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k,ro", "tmpfs", "beside"], check=True),
    "no checkpoints": lambda: (shutil.rmtree("out.png.run", ignore_errors=True), Path("out.png.run").write_text("")),
}


@pytest.mark.slow
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", [name for name, one in COMMANDS.items() if one.beside])
def test_what_is_written_beside(
    desk: Path,
    place: Path,
    small_disk: None,
    at: Any,
    capsys: pytest.CaptureFixture[str],
    name: str,
    fault: str,
    moment: int,
) -> None:
    at(moment, FAULTS[fault])
    assert cli.main([*COMMANDS[name].words, "-q"]) == 0
    told = capsys.readouterr().err.splitlines()
    assert len(told) == len(set(told)) <= 2 and all(line.startswith("impasto: ") for line in told)
    if fault == "unplugged":
        subprocess.run(["umount", "-l", "beside"], check=True)
    Path("out.png.run").is_file() and Path("out.png.run").unlink()
    check_end(desk, place, name)


@pytest.mark.slow
@pytest.mark.parametrize("steps", [0, 2, 4, 7, 11])
@pytest.mark.parametrize("name", COMMANDS)
def test_killed(desk: Path, place: Path, name: str, steps: int) -> None:
    """SIGKILL after so many events, which only another process survives."""
    program = (
        "import os, signal, sys\n"
        "from impasto.cli import main as cli\n"
        "from impasto.lab.drafts import DraftFolder\n"
        "from impasto.runs.run import Run\n"
        "from impasto.video.paint import Film\n"
        f"seen = 0\n"
        "def watched(real):\n"
        "    def events(self, *given):\n"
        "        global seen\n"
        "        for event in real(self, *given):\n"
        f"            if seen == {steps}: os.kill(os.getpid(), signal.SIGKILL)\n"
        "            seen += 1\n"
        "            yield event\n"
        "    return events\n"
        "for kind, name in ((Run, '__iter__'), (DraftFolder, '_run'), (Film, '__iter__')):\n"
        "    setattr(kind, name, watched(getattr(kind, name)))\n"
        "sys.exit(cli.main(sys.argv[1:]))\n"
    )
    environment = os.environ | {"OMP_NUM_THREADS": "1", "TMPDIR": str(place.parent / "temporary")}
    done = subprocess.run([sys.executable, "-c", program, *COMMANDS[name].words, "-q"], env=environment, timeout=300)
    assert done.returncode == -signal.SIGKILL
    go_on(name)
    shutil.rmtree(place.parent / "temporary")
    (place.parent / "temporary").mkdir()
    check_end(desk, place, name)
