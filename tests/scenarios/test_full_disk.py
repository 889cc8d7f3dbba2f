"""A full disk costs one line: what was there stays, and with room again the same command makes what it would have."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from weights_server import TINY, write_published

from impasto.cli import main as cli
from impasto.encoders import conversion
from impasto.events import Event, StepDone
from impasto.runs.run import Run

QUICK = ["--medium", "pixels", "--precision", "float32", "--threads", "1", "--steps", "2", "--size", "32"]
SMALL = [*QUICK, "--min-scale", "32"]
COMMANDS = {
    "paint": ["paint", "photo.png", "painting.png", "-o", "disk/out.png", *SMALL],
    "replay": ["replay", "first.png", "-o", "disk/out.png"],
    "enlarge": ["enlarge", "first.png", "-o", "disk/out.png", "--size", "48"],
    "texture": ["texture", "painting.png", "-o", "disk/out.png", *QUICK],
    "reconstruct": ["reconstruct", "style", "photo.png", "-o", "disk/out.png", *SMALL],
    "strip": [
        "reconstruct", "content", "photo.png", "--all-layers", "-o", "disk/strip.png", "--overwrite", *SMALL,
    ],
    "draft": ["draft", "photo.png", "painting.png", "-o", "disk/out.png", "--size", "32"],
    "draft folder": ["draft", "photos", "--paintings", "photos", "-o", "disk/made", "--size", "32"],
    "sheet": ["sheet", "photo.png", "painting.png", "-o", "disk/sheet.png", "--size", "32"],
    "paintings": ["paintings", "-o", "disk/paintings.png"],
    "batch": ["batch", "photo.png", "--paintings", "painting.png", "-o", "disk/made", *SMALL],
    "sweep": ["sweep", "photo.png", "painting.png", "--vary", "strength=20,80", "-o", "disk/made", *SMALL],
    "features": ["features", "photo.png", "--layer", "relu1_1", "-o", "disk/out.png"],
    "style": ["style", "save", "painting.png", "-o", "disk/out.style"],
    "video": ["video", "clip.gif", "painting.png", "-o", "disk/film.gif", "--size", "32"],
    "frames": ["video", "clip.gif", "painting.png", "-o", "disk/film", "--size", "32"],
    "compare": [
        "compare", "photo.png", "painting.png", "--with", "pixels", "file:photo.png=Photo", "-o", "disk/made", *SMALL
    ],
    "again": ["again", "list", "-o", "disk/made"],
    "resume": ["resume", "disk/begun.png.run", "photo.png", "painting.png"],
    "train": [
        "train", "stylizer", "--photos", "photos", "--painting", "painting.png", "-o", "disk/mine",
        "--steps", "2", "--batch", "1", "--crop", "64", "--threads", "1",
    ],
    "weights import": ["weights", "import", "weights.h5", "-o", "disk/encoder.safetensors"],
    "export": ["export", "stylizer", "-o", "disk/stylizer.onnx"],
}  # fmt: skip
WORDY = ("paintings", "weights import")  # which know no --quiet


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, photo_pixels: np.ndarray, painting_pixels: np.ndarray) -> Path:
    folder = tmp_path_factory.mktemp("desk")
    Image.fromarray(photo_pixels).save(folder / "photo.png")
    Image.fromarray(painting_pixels).save(folder / "painting.png")
    (folder / "photos").mkdir()
    frames = [Image.fromarray(np.roll(photo_pixels, number, 1)) for number in range(3)]
    for number, frame in enumerate(frames):
        frame.save(folder / "photos" / f"{number}.png")
    frames[0].save(folder / "clip.gif", save_all=True, append_images=frames[1:], duration=100)
    write_published(folder / "weights.h5")
    names = [str(folder / name) for name in ("photo.png", "painting.png", "first.png", "begun.png", "list")]
    assert cli.main(["paint", *names[:2], "-o", names[2], "-q", *SMALL]) == 0
    assert cli.main(["sweep", *names[:2], "--vary", "strength=20,80", "-o", names[4], "-q", *SMALL]) == 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Run, "__iter__", interrupted(Run.__iter__))
        assert cli.main(["paint", *names[:2], "-o", names[3], "-q", *SMALL]) == 130
    return folder


def interrupted(real: Callable[[Run], Iterator[Event]]) -> Callable[[Run], Iterator[Event]]:
    """The events of a run that somebody ends after its first step."""

    def events(run: Run) -> Iterator[Event]:
        for event in real(run):
            if isinstance(event, StepDone):
                os.kill(os.getpid(), signal.SIGINT)
            yield event

    return events


@pytest.fixture
def disk(desk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A disk of 600 kB in a working directory like the desk, where this user may mount one; a temporary folder."""
    place = tmp_path / "place"
    shutil.copytree(desk, place)
    for folder in (place / "disk", tmp_path / "temporary"):
        folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    monkeypatch.chdir(place)
    mount = shutil.which("mount")
    done = mount and subprocess.run([mount, "-t", "tmpfs", "-o", "size=600k", "tmpfs", "disk"], capture_output=True)
    if not done or done.returncode:
        pytest.skip("no file system can be mounted here")
    shutil.copytree(desk / "begun.png.run", "disk/begun.png.run")
    monkeypatch.setattr(conversion, "VGG19", TINY)  # whose layout weights.h5 has
    yield place / "disk"
    os.chdir(tmp_path)
    subprocess.run(["umount", "-l", place / "disk"], check=True)


def leave_free(disk: Path, pages: int) -> bytes:
    """Fill a disk but for some pages of 4 kB; returns what it is filled with."""
    facts = os.statvfs(disk)
    data = bytes((facts.f_bavail - pages) * facts.f_bsize)
    (disk / "mine").write_bytes(data)
    return data


def left_over(disk: Path) -> list[str]:
    """Names of unfinished files, and of checkpoints that no run on the disk began with."""
    unfinished = [path for path in disk.rglob("*") if path.name.startswith(".impasto") or path.suffix == ".partial"]
    return [str(path) for path in [*unfinished, *disk.rglob("checkpoint-*")] if path.parent.name != "begun.png.run"]


def run(words: list[str], capfd: pytest.CaptureFixture[str]) -> tuple[int, list[str]]:
    """Exit code and lines on standard error; in a process of its own where the checks of tests are in the way."""
    if words[0] != "export":  # torch's exporter cannot trace functions whose shapes are checked
        code = cli.main(words)
        return code, capfd.readouterr().err.splitlines()
    environment = os.environ | {"TMPDIR": str(Path.cwd().parent / "temporary")}
    done = subprocess.run(
        [sys.executable, "-m", "impasto", *words], env=environment, capture_output=True, text=True, timeout=600
    )
    return done.returncode, done.stderr.splitlines()


@pytest.mark.parametrize("pages", [0, 3, 12])
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in ("paint", "style") else pytest.mark.slow) for name in COMMANDS]
)
def test_a_full_disk(disk: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], name: str, pages: int) -> None:
    if name != "resume":
        shutil.rmtree(disk / "begun.png.run")
    mine = leave_free(disk, pages)
    words = [*COMMANDS[name], *([] if name in WORDY else ["-q"])]
    code, told = run(words, capfd)
    assert (disk / "mine").read_bytes() == mine
    assert not left_over(disk)
    if code == 0:  # it found room
        assert not told and not list((tmp_path / "temporary").iterdir())
        return
    assert code == 1 and len(told) == 1 and told[0].startswith("impasto: "), told
    kept = [path for path in (tmp_path / "temporary").iterdir() if not path.name.startswith("torchinductor")]
    assert not kept or (kept[0].suffix == ".png" and str(kept[0]) in told[0] and len(kept) == 1)
    (disk / "mine").unlink()
    subprocess.run(["mount", "-o", "remount,size=400m", disk], check=True)
    assert run(words, capfd) == (0, [])
    assert not left_over(disk) and not (disk / "begun.png.run").exists()


@pytest.mark.slow
def test_a_disk_that_fills_while_a_stylizer_is_trained(disk: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """What was saved before stays, and the training goes on from there."""
    words, steps = [*COMMANDS["train"], "--every", "1", "-q"], COMMANDS["train"].index("--steps") + 1
    subprocess.run(["mount", "-o", "remount,size=400m", disk], check=True)
    assert run([*words[:steps], "1", *words[steps + 1 :]], capfd) == (0, [])
    kept = {path.name: path.read_bytes() for path in (disk / "mine").iterdir()}
    (disk / "mine").rename(disk / "mine-too")
    leave_free(disk, 20)
    words[words.index("disk/mine")] = "disk/mine-too"
    code, told = run([*words, "--resume"], capfd)
    assert code == 1 and len(told) == 1 and told[0].startswith("impasto: cannot write"), told
    assert kept.items() <= {path.name: path.read_bytes() for path in (disk / "mine-too").iterdir()}.items()
    (disk / "mine").unlink()
    assert run([*words, "--resume"], capfd) == (0, [])
    assert sorted(path.name for path in (disk / "mine-too").glob("sample-*")) == [
        "sample-000001.jpg",
        "sample-000002.jpg",
    ]


@pytest.fixture
def small(
    disk: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """A folder of temporary files with room for 4 kB, of which `capfd` takes none; the disk has room."""
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-o", "remount,size=400m", disk], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], check=True)
    (folder / "mine").write_bytes(bytes(60_000))
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


@pytest.mark.parametrize("name", ["batch", "weights import", "paint"])
def test_what_needs_no_temporary_file(disk: Path, small: Path, capfd: pytest.CaptureFixture[str], name: str) -> None:
    assert run([*COMMANDS[name], *([] if name in WORDY else ["-q"])], capfd) == (0, [])


def test_what_needs_a_temporary_file_says_so(
    disk: Path, small: Path, capfd: pytest.CaptureFixture[str], painting_pixels: np.ndarray
) -> None:
    Image.fromarray(np.tile(painting_pixels, (3, 3, 1))).save("cut.jpg", quality=100)
    Path("cut.jpg").write_bytes(Path("cut.jpg").read_bytes().removesuffix(b"\xff\xd9"))
    code, told = run(["paint", "cut.jpg", *COMMANDS["paint"][2:], "-q"], capfd)
    assert code == 1 and len(told) == 1 and "TMPDIR names another" in told[0], told
