"""A full disk costs one line: what was there stays, and with room again the same command makes what it would have."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from impasto.cli import main as cli

QUICK = ["--medium", "pixels", "--precision", "float32", "--threads", "1", "--steps", "2", "--size", "32"]
SMALL = [*QUICK, "--min-scale", "32"]
COMMANDS = {
    "paint": ["paint", "photo.png", "painting.png", "-o", "disk/out.png", *SMALL],
    "replay": ["replay", "first.png", "-o", "disk/out.png"],
    "enlarge": ["enlarge", "first.png", "-o", "disk/out.png", "--size", "48"],
    "texture": ["texture", "painting.png", "-o", "disk/out.png", *QUICK],
    "reconstruct": ["reconstruct", "style", "photo.png", "-o", "disk/out.png", *SMALL],
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
}  # fmt: skip


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
    names = [str(folder / name) for name in ("photo.png", "painting.png", "first.png")]
    assert cli.main(["paint", *names[:2], "-o", names[2], "-q", *SMALL]) == 0
    return folder


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
    return [str(path) for path in disk.rglob("*") if path.name.startswith((".impasto", "checkpoint-"))]


@pytest.mark.parametrize("pages", [0, 3, 12])
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in ("paint", "style") else pytest.mark.slow) for name in COMMANDS]
)
def test_a_full_disk(disk: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, pages: int) -> None:
    mine = leave_free(disk, pages)
    words = [*COMMANDS[name], *([] if name == "paintings" else ["-q"])]
    code = cli.main(words)
    told = capsys.readouterr().err.splitlines()
    assert (disk / "mine").read_bytes() == mine
    assert not left_over(disk)
    if code == 0:  # it found room
        assert not told and not list((tmp_path / "temporary").iterdir())
        return
    assert code == 1 and len(told) == 1 and told[0].startswith("impasto: "), told
    kept = list((tmp_path / "temporary").iterdir())
    assert not kept or (kept[0].suffix == ".png" and str(kept[0]) in told[0] and len(kept) == 1)
    (disk / "mine").unlink()
    subprocess.run(["mount", "-o", "remount,size=400m", disk], check=True)
    assert cli.main(words) == 0
    assert capsys.readouterr().err == "" and not left_over(disk)
