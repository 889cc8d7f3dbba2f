"""What is no file, or a strange one, in the place of every file that a command takes: one line, and no waiting."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hostile import QUICK, SAMPLES, make_desk
from hostile_watch import Child
from PIL import Image

pytestmark = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="what is opened is seen on Linux")

PAIR = ["photo.png", "painting.png"]
OUT = ["-o", "out.png"]
MADE = ["-o", "made", "-q"]
SMALL = ["--size", "32", "-q"]
TAKE = {
    "photo": ["paint", "X.png", "painting.png", *OUT, *QUICK],
    "painting": ["paint", "photo.png", "X.png", *OUT, *QUICK],
    "style file": ["paint", "photo.png", "X.style", *OUT, *QUICK],
    "mask": ["paint", *PAIR, "--region", "X.png=flow", *OUT, *QUICK],
    "painting of a region": ["paint", *PAIR, "--region", "photo.png=X.png", *OUT, *QUICK],
    "mask of a painting": ["paint", "photo.png", "painting.png@X.png", *OUT, *QUICK],
    "recipe": ["paint", *PAIR, "--recipe", "X.toml", *OUT, "-q"],
    "encoder": ["paint", *PAIR, "--encoder", "X.safetensors", *OUT, *QUICK],
    "palette": ["paint", *PAIR, "--color", "palette:X.png", *OUT, *QUICK],
    "starting point": ["paint", *PAIR, "--starting-point", "X.png", *OUT, *QUICK],
    "output": ["draft", *PAIR, "-o", "X.png", *SMALL],
    "output that may be there": ["draft", *PAIR, "-o", "X.png", "--overwrite", *SMALL],
    "stylizer": ["draft", *PAIR, "--stylizer", "X.safetensors", *OUT, *SMALL],
    "drafted photo": ["draft", "X.png", "painting.png", *OUT, *SMALL],
    "photo of many drafts": ["draft", "X.png", "photo.png", "--paintings", "painting.png", *MADE, "--size", "32"],
    "folder of drafts": ["draft", "photo.png", "--paintings", "painting.png", "-o", "X", *SMALL],
    "pastiche to enlarge": ["enlarge", "X.png", *OUT, *SMALL],
    "pastiche to replay": ["replay", "X.png", *OUT, "-q"],
    "pastiche to look at": ["info", "X.png"],
    "input of a replay": ["replay", "pastiche.png", "X.png", *OUT, "-q"],
    "run folder": ["resume", "X.run", "-q"],
    "texture": ["texture", "X.png", *OUT, *SMALL],
    "reconstruction": ["reconstruct", "content", "X.png", *OUT, *QUICK],
    "features": ["features", "X.png", "--layer", "relu1_1", *OUT, "-q"],
    "batch of photos": ["batch", "X.png", "--paintings", "painting.png", *MADE],
    "batch of paintings": ["batch", "photo.png", "--paintings", "X.png", *MADE],
    "table": ["batch", "X.csv", *MADE],
    "folder of a batch": ["batch", "photo.png", "--paintings", "painting.png", "-o", "X", "-q"],
    "list": ["again", "X.run", "-q"],
    "judge": ["batch", "photo.png", "--paintings", "painting.png", "--judge", "X.safetensors", *MADE],
    "column": ["compare", *PAIR, "--with", "pixels", "file:X.png", *MADE],
    "clip": ["video", "X.gif", "painting.png", "-o", "out.gif", *SMALL],
    "film file": ["video", "X.mp4", "painting.png", "-o", "out.gif", *SMALL],
    "film": ["video", "clip.gif", "painting.png", "-o", "X.gif", "--preview", *SMALL],
    "key frame": ["video", "clip.gif", "painting.png", "--key", "0=X.png", "-o", "out.gif", *SMALL],
    "sheet": ["sheet", "X.png", "painting.png", "-o", "out.png", *SMALL],
    "painting to save": ["style", "save", "X.png", "-o", "out.style", "-q"],
    "Keras weights": ["weights", "import", "X.h5", "-o", "out.safetensors"],
    "torch weights": ["weights", "import", "X.pth", "-o", "out.safetensors"],
    "photos to train with": ["train", "stylizer", "--photos", "X", "--painting", "painting.png", *MADE, "--steps", "1"],
    "painting to train with": ["train", "stylizer", "--photos", ".", "--painting", "X.png", *MADE, "--steps", "1"],
}  # fmt: skip


def listen(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server, suppress(OSError):  # a name that is too long for one
        server.bind(str(path))


def sparse(path: Path) -> None:
    path.touch()
    os.truncate(path, 2**42)


def lock(path: Path) -> None:
    path.touch()
    path.chmod(0)


def lock_away(path: Path) -> None:
    """A link into a folder that may not be entered, in which there is a sound picture."""
    closed = path.parent / "closed"
    closed.mkdir()
    shutil.copy(path.parent / "photo.png", closed)
    path.symlink_to(closed / "photo.png")
    closed.chmod(0)


def close(path: Path) -> None:
    """A folder that may not be read."""
    path.mkdir(mode=0o300)


STRANGE: dict[str, Callable[[Path], object]] = {
    "pipe": os.mkfifo,
    "folder": Path.mkdir,
    "no file": lambda path: None,
    "empty": Path.touch,
    "link to nowhere": lambda path: path.symlink_to("nowhere"),
    "link to itself": lambda path: path.symlink_to(path),
    "link without end": lambda path: path.symlink_to("/dev/zero"),
    "file with holes": sparse,
    "socket": listen,
    "letters": lambda path: path.write_bytes(b"letters\n" * 100),
    "locked": lock,
    "locked away": lock_away,
    "closed folder": close,
    "memory": lambda path: path.symlink_to("/proc/self/mem"),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("strange")
    make_desk(folder / "desk")
    shutil.copy(SAMPLES / "pastiche.png", folder / "desk")
    frames = [Image.new("RGB", (32, 24), (40 * number, 90, 120)) for number in range(4)]
    frames[0].save(folder / "desk" / "clip.gif", save_all=True, append_images=frames[1:], duration=100)
    return folder


@pytest.fixture(scope="module")
def child(place: Path) -> Iterator[Child]:
    (place / "scratch").mkdir()
    started = Child(place / "scratch")
    yield started
    started.end()


NAMES = ["-X", "X\n\x1b[2J", "[bold]X$^_$ {} %s", "X" * 250, "\udcff\udcfeX"]
CASES = [(kind, "X") for kind in STRANGE] + [(kind, name) for kind in ("no file", "letters") for name in NAMES]


@pytest.mark.parametrize(
    ("kind", "name"),
    [pytest.param(*case, marks=[] if case == ("pipe", "X") else pytest.mark.slow) for case in CASES],
)
def test_strange_files(place: Path, child: Child, kind: str, name: str) -> None:
    faults, case = [], place / "case"
    prefix = "./" if name.startswith("-") else ""
    for role, words in TAKE.items():
        shutil.rmtree(case, ignore_errors=True)
        shutil.copytree(place / "desk", case)
        (suffix,) = (word.partition("X")[2].split("=")[0] for word in words if "X" in word)
        fitting = name[: 255 - len(suffix)]
        STRANGE[kind](case / f"{fitting}{suffix}")
        told = child.run(case, [word.replace("X", prefix + fitting) for word in words])
        if told.fault:
            faults.append(f"{role}: {told.fault}")
        assert not list((place / "scratch").iterdir()), role
    assert not faults, "\n".join(faults)
