"""The command line of films."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from clips import make_clip

from impasto.cli import main as cli
from impasto.cli.video import describe_film
from impasto.events import Event, FilmStarted, FrameDone
from impasto.storage.claims import claim
from impasto.video.clip import open_clip
from impasto.video.paint import Film


@pytest.fixture
def folder(folder_with_pictures: Path) -> Path:
    make_clip(folder_with_pictures / "clip.mp4", 5)
    return folder_with_pictures


def test_a_clip_is_painted_with_its_name_left_out(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["video", "clip.mp4", "painting.png", "--size", "48", "--events", "events.jsonl"]) == 0
    shown = capsys.readouterr()
    assert "clip-painting.mp4: 5 frames in 1 shot, painted in 0:0" in shown.out
    assert "5 frames of 48x36 px in 1 shot: about 0:0" in shown.err
    with open_clip(folder / "clip-painting.mp4") as film:
        assert (film.info.width_px, film.info.height_px, film.info.frames) == (48, 36, 5)
    events = [json.loads(line)["event"] for line in (folder / "events.jsonl").read_text().splitlines()]
    assert events[0] == "FilmStarted" and events[-1] == "FilmDone" and events.count("FrameDone") == 5
    assert cli.main(["video", "clip.mp4", "painting.png", "-q"]) == 0
    assert (folder / "clip-painting-2.mp4").exists()


def test_several_paintings_into_a_folder(folder: Path) -> None:
    arguments = ["video", "clip.mp4", "painting.png:0.7", "flow:0.3", "-o", "films/", "--to", "0.1", "-q"]
    assert cli.main([*arguments, "--strength", "60", "--color", "photo"]) == 0
    with open_clip(folder / "films" / "clip-painting-flow.mp4") as film:
        assert film.info.frames == 3


def test_a_preview_is_two_seconds_and_a_sheet(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["video", "clip.mp4", "flow", "-o", "film.mp4", "--preview"]) == 0
    assert "film-preview.png: 1 frames" in capsys.readouterr().out
    assert (folder / "film-preview.mp4").exists() and (folder / "film-preview.png").exists()
    assert not (folder / "film.mp4").exists()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["clip.mp4"], 2, "PAINTING is missing"),
        (["missing.mp4", "flow"], 1, "missing.mp4"),
        (["https://example.com/a.mp4", "flow"], 1, "files are not fetched"),
        (["clip.mp4", "flow", "--size", "50%"], 2, "long edge in pixels"),
        (["clip.mp4", "flow", "--strength", "200"], 2, "--strength"),
        (["clip.mp4", "flow", "--from", "60"], 2, "it lasts"),
        (["photo.png", "flow"], 1, "photo.png"),
        (["clip.mp4", "flow", "-o", "film.xyz"], 2, ".xyz"),
        (["clip.mp4", "flow", "-o", "clip.mp4", "--overwrite"], 2, "is clip.mp4 itself"),
        (["clip.mp4", "painting.png", "-o", "sub/../painting.png"], 2, "painting.png"),
        (["clip.mp4", "flow", "-o", "film.mp4", "--events", "clip.mp4", "--overwrite"], 2, "is clip.mp4 itself"),
        (["clip.mp4", "flow", "-o", "film.mp4", "--events", "./film.mp4"], 2, "same file"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int, said: str
) -> None:
    assert cli.main(["video", *words]) == code
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and said in lines[0]


def test_a_frame_painted_by_hand_is_not_written_over(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of an earlier film, which is painted anew from it."""
    assert cli.main(["video", "clip.mp4", "flow", "-o", "film", "--size", "32", "-q"]) == 0
    by_hand = Path("film/frame_000000.png")
    before = by_hand.read_bytes()
    words = ["video", "clip.mp4", "flow", "--key", f"0={by_hand}", "-o", "./film", "--overwrite", "--size", "32", "-q"]
    assert cli.main(words) == 2
    assert "holds frame_000000.png, which the film is painted from" in capsys.readouterr().err
    assert by_hand.read_bytes() == before


FILM = ["video", "clip.mp4", "flow", "-o", "film.mp4", "--size", "32", "-q"]


def test_the_second_film_of_a_name_is_refused_before_it_paints(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with claim(Path("film.mp4")):
        assert cli.main(FILM) == 1
    assert "another run is at it" in capsys.readouterr().err
    assert not Path("film.mp4.run").exists()


def test_a_film_that_goes_on_has_new_events_beside_the_old(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Film.__iter__

    def stopped(self: Film) -> Iterator[Event]:
        for event in real(self):
            self.controls.stop = isinstance(event, FrameDone) and event.frame == 1
            yield event

    with monkeypatch.context() as patch:
        patch.setattr(Film, "__iter__", stopped)
        assert cli.main([*FILM, "--events", "e.jsonl"]) == 0
    first = Path("e.jsonl").read_bytes()
    assert cli.main([*FILM[:-1], "--events", "e.jsonl"]) == 0
    assert "note: e.jsonl is there from before: e-2.jsonl is written" in capsys.readouterr().err
    assert Path("e.jsonl").read_bytes() == first and "FilmDone" in Path("e-2.jsonl").read_text()
    assert not Path("film.mp4.run").exists()


def test_a_log_that_fails_costs_no_film(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([*FILM, "--events", "/dev/full"]) == 0
    told = capsys.readouterr().err
    assert told.count("\n") == 1 and "painting goes on without it" in told
    assert Path("film.mp4").exists()


@pytest.mark.parametrize("name", ["film.mp4", "film.gif"])
def test_overwriting_through_a_link_writes_its_target(folder: Path, name: str) -> None:
    Path("real").write_text("old")
    Path("real").chmod(0o640)
    Path(name).symlink_to("real")
    assert cli.main([*FILM[:4], name, *FILM[5:], "--overwrite"]) == 0
    assert Path(name).is_symlink() and stat.S_IMODE(Path("real").stat().st_mode) == 0o640
    with open_clip("real") as film:
        assert film.info.frames == 5


def test_a_name_up_to_the_limit(folder: Path) -> None:
    name = "a" * 251 + ".mp4"
    assert cli.main([*FILM[:4], name, *FILM[5:]]) == 0
    assert sorted(path.name for path in folder.iterdir()) == sorted([name, "clip.mp4", "painting.png", "photo.png"])


def test_the_plan_in_words() -> None:
    started = FilmStarted(600, 3, 540, 960, 100, 330.0, 2_000_000_000)
    assert describe_film(started).startswith(
        "600 frames of 960x540 px in 3 shots, 100 of them painted before: about 5:30"
    )


def test_a_frame_painted_by_hand_needs_no_painting(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["video", "clip.mp4", "--key", "0=painting.png", "-o", "film", "-q"]) == 1
    assert "paint over the frame itself" in capsys.readouterr().err
    cv2 = pytest.importorskip("cv2")
    cv2.imwrite("key.png", np.full((48, 64, 3), (0, 128, 255), np.uint8))
    assert cli.main(["video", "clip.mp4", "--key", "0=key.png", "-q"]) == 0
    with open_clip(folder / "clip-keys.mp4") as film:
        first = next(film.frames()).pixels
    assert abs(float(first[0, 0].mean()) - 1) < 0.05 and float(first[0, 2].mean()) < 0.05


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--key", "key.png"], "--key takes FRAME=FILE"),
        (["--key", "0=a.png", "--key", "0=b.png"], "frame 0 is given twice"),
        (["--key", "0="], "--key takes FRAME=FILE"),
        (["--key=-1=key.png"], "--key takes FRAME=FILE"),
    ],
)
def test_what_is_no_key_is_said(folder: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str) -> None:
    assert cli.main(["video", "clip.mp4", "flow", *words]) == 2
    assert said in capsys.readouterr().err


def test_regions_with_a_picture_and_with_a_clip_as_mask(folder: Path) -> None:
    mask = np.zeros((48, 64, 3), np.uint8)
    mask[:, :32] = 255
    cv2 = pytest.importorskip("cv2")
    cv2.imwrite("left.png", mask)
    make_clip(folder / "left.mp4", 5, draw=lambda index: mask)
    assert cli.main(["video", "clip.mp4", "--region", "left.png=flow", "-o", "still", "-q"]) == 0
    assert cli.main(["video", "clip.mp4", "--region", "left.mp4=flow", "-o", "moving", "-q"]) == 0
    with open_clip(folder / "still") as still, open_clip(folder / "moving") as moving:
        for one, other in zip(still.frames(), moving.frames(), strict=True):
            assert float((one.pixels - other.pixels).abs().mean()) < 0.005
    assert cli.main(["video", "clip.mp4", "--region", "left.mp4=flow", "-o", "left.mp4", "--overwrite", "-q"]) == 2
