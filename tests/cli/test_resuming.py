"""What the folder of an interrupted run may decide: nothing outside its own place."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import impasto
from impasto.cli import main as cli
from impasto.engine.checkpoint import list_checkpoints, read_checkpoint, write_checkpoint
from impasto.errors import CheckpointError

RUN = Path("out.png.run")
Rewrite = Callable[..., None]


@pytest.fixture
def interrupted(folder_with_pictures: Path, quick: dict[str, Any], tiny_encoder_file: Path) -> Rewrite:
    """A stopped run, all of whose files lie beside it; rewrites what its checkpoint says of the command line."""
    shutil.copy(tiny_encoder_file, "tiny.safetensors")
    options = {**quick, "encoder": "tiny.safetensors"}
    impasto.paint("photo.png", "painting.png", controls=impasto.Controls(stop=True), run_folder=RUN, **options)

    def rewrite(about: dict[str, Any] | None = None, **command: Any) -> None:
        (path,) = list_checkpoints(RUN)
        checkpoint, said = read_checkpoint(path)
        said["command"] = {
            "output": str(Path("out.png").absolute()), "bit_depth": 8, "record": True, "events_bytes": 3,
            "events_sha256": "0" * 64, "timelapse_size_px": 64, "timelapse_seconds": 1.0,
        } | command  # fmt: skip
        write_checkpoint(path, checkpoint, said | (about or {}))

    rewrite()
    return rewrite


def test_what_lies_beside_needs_no_word(interrupted: Rewrite) -> None:
    assert cli.main(["resume", "out.png.run", "-q"]) == 0
    assert Path("out.png").is_file() and not RUN.exists()


@pytest.mark.parametrize("field", ["events", "timelapse"])
@pytest.mark.parametrize("place", ["outside", "link", "hidden", "kind"])
def test_nothing_is_written_elsewhere(
    interrupted: Rewrite,
    tmp_path_factory: pytest.TempPathFactory,
    capsys: pytest.CaptureFixture[str],
    field: str,
    place: str,
) -> None:
    victim = tmp_path_factory.mktemp("home") / ("victim.jsonl" if field == "events" else "victim.gif")
    victim.write_text("mine")
    named = {
        "outside": victim,
        "link": Path("link" + victim.suffix).absolute(),
        "hidden": Path(".bashrc").absolute(),
        "kind": Path("Makefile").absolute(),
    }[place]
    if place == "link":
        named.symlink_to(victim)
    interrupted(**{field: str(named)})
    before = sorted(Path().iterdir())
    assert cli.main(["resume", "out.png", "-q"]) in (1, 2)
    told = capsys.readouterr().err
    assert told.count("\n") == 1 and "--trust" in told and named.name in told
    assert victim.read_text() == "mine" and sorted(Path().iterdir()) == before


def test_a_file_of_others_is_not_cut_back(interrupted: Rewrite) -> None:
    for name in ("notes.txt", "other.gif"):
        Path(name).write_text("mine")
    interrupted(events=str(Path("notes.txt").absolute()), timelapse=str(Path("other.gif").absolute()))
    assert cli.main(["resume", "out.png", "-q"]) == 0
    assert Path("notes.txt").read_text() == Path("other.gif").read_text() == "mine"
    assert "RunDone" in Path("notes-2.txt").read_text() and Path("other-2.gif").read_bytes().startswith(b"GIF8")


def test_flags_name_other_files(interrupted: Rewrite) -> None:
    interrupted(events="/var/e.jsonl", timelapse="/var/t.gif")
    assert cli.main(["resume", "out.png", "-q", "--events", "mine.jsonl", "--timelapse", "mine.gif"]) == 0
    assert Path("mine.jsonl").is_file() and Path("mine.gif").is_file()


def test_the_picture_goes_beside_its_run_folder(interrupted: Rewrite, tmp_path: Path) -> None:
    interrupted(output="/var/.ssh/out.png")
    assert cli.main(["resume", "out.png", "-q"]) == 0
    assert (tmp_path / "out.png").is_file()


def test_a_finished_picture_of_another_run_stays(
    interrupted: Rewrite, quick: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    other = impasto.paint("painting.png", "photo.png", controls=impasto.Controls(stop=True), **quick)
    other.save("out.png")
    before = Path("out.png").read_bytes()
    assert cli.main(["resume", "out.png", "-q"]) == 1
    assert "already exists" in capsys.readouterr().err
    assert Path("out.png").read_bytes() == before


def test_inputs_elsewhere_are_given_or_trusted(
    interrupted: Rewrite, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    away = tmp_path_factory.mktemp("photos")
    shutil.move("photo.png", away / "photo.png")
    (path,) = list_checkpoints(RUN)
    sources = json.loads(json.dumps(read_checkpoint(path)[1]["sources"]))
    for source in sources:
        source["path"] = source["path"].replace(str(Path("photo.png").absolute()), str(away / "photo.png"))
    interrupted({"sources": sources})
    assert cli.main(["resume", "out.png", "-q"]) == 1
    assert f"the run names '{away / 'photo.png'}', outside" in capsys.readouterr().err
    with pytest.raises(CheckpointError, match="trust=True"):
        impasto.resume(RUN)
    given = impasto.resume(RUN, [away / "photo.png"], controls=impasto.Controls(stop=True))
    assert given.stopped
    assert cli.main(["resume", "out.png", "-q", "--trust"]) == 0


def test_at_a_terminal_the_person_is_asked(
    interrupted: Rewrite,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    place = tmp_path_factory.mktemp("elsewhere") / "e.jsonl"
    interrupted(events=str(place))
    answers = ["n\n", "y\n"]
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stdin.readline", lambda: answers.pop(0), raising=False)
    assert cli.main(["resume", "out.png", "-q"]) == 1
    assert str(place) in capsys.readouterr().err and not place.exists()
    assert cli.main(["resume", "out.png", "-q"]) == 0
    assert place.is_file()
