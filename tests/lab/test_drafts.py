"""Folders of drafts: what is painted, kept, left out and told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import impasto
from impasto.cli import main as cli
from impasto.errors import OptionError, OutputError
from impasto.events import Controls
from impasto.images.picture import quantise
from impasto.lab.drafts import DraftFailed, DraftFolder, DraftWritten
from impasto.runs.draft import build_draft_options
from impasto.stylizer import stylizer as module

SIZE = {"size_px": 40}


def plan(**changes: object) -> DraftFolder:
    given = {"photos": ["photos"], "paintings": ["paintings"], "folder": Path("out"), "suffix": ".png"} | changes
    return DraftFolder(options=build_draft_options(SIZE), **given)  # type: ignore[arg-type]


def test_each_with_each_as_alone(many: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loads: list[object] = []
    real = module.load_stylizer
    monkeypatch.setattr(module, "load_stylizer", lambda path=None: loads.append(path) or real(path))
    studied: list[object] = []
    measure = module.Stylizer.measure_style
    monkeypatch.setattr(module.Stylizer, "measure_style", lambda self, *a: studied.append(a) or measure(self, *a))
    events = list(plan().run())
    assert len(loads) == len(studied) == 1
    assert [type(event) for event in events].count(DraftWritten) == 4
    (failed,) = [event for event in events if isinstance(event, DraftFailed)]
    assert failed.file == Path("paintings/broken.jpg")
    names = ["one_saved.png", "one_waves.png", "two_saved.png", "two_waves.png"]
    assert sorted(path.name for path in Path("out").iterdir()) == names
    alone = impasto.draft("photos/two.png", "paintings/waves.png", **SIZE)
    np.testing.assert_array_equal(np.asarray(Image.open("out/two_waves.png")), quantise(alone.pixels, 8))
    assert impasto.read_record("out/two_saved.png")["inputs"]["paintings"][0]["name"] == "saved.style"
    again = impasto.replay("out/two_saved.png", ["photos/two.png", "paintings/saved.style"])
    np.testing.assert_array_equal(np.asarray(Image.open("out/two_saved.png")), quantise(again.pixels, 8))


def test_what_is_there_stays(many: Path) -> None:
    list(plan().run())
    before = Path("out/one_waves.png").stat().st_mtime_ns
    Path("out/two_waves.png").unlink()
    events = [event for event in plan().run() if isinstance(event, DraftWritten)]
    assert sorted((event.path.name, event.kept) for event in events) == [
        ("one_saved.png", True), ("one_waves.png", True), ("two_saved.png", True), ("two_waves.png", False),
    ]  # fmt: skip
    assert Path("out/one_waves.png").stat().st_mtime_ns == before
    assert not any(event.kept for event in plan(overwrite=True).run() if isinstance(event, DraftWritten))
    assert Path("out/one_waves.png").stat().st_mtime_ns > before


def test_a_broken_photo_is_told_and_the_rest_done(many: Path) -> None:
    Path("photos/a-broken.png").write_text("no picture")
    events = list(plan(paintings=["painting.png"]).run())
    assert [type(event) for event in events] == [DraftFailed, DraftWritten, DraftWritten]


def test_stop_ends_it_after_the_draft_in_hand(many: Path) -> None:
    controls = Controls()
    written = 0
    for event in plan(paintings=["painting.png", "paintings/waves.png"]).run(controls):
        written += isinstance(event, DraftWritten)
        controls.stop = True
    assert 1 <= written < 4
    assert len(list(Path("out").iterdir())) == written


def test_what_cannot_be_planned(many: Path) -> None:
    with pytest.raises(OptionError, match="no paintings given"):
        plan(paintings=[])
    Path("file").touch()
    with pytest.raises(OutputError, match="cannot make the folder 'file'"):
        plan(folder=Path("file"))
    with pytest.raises(OptionError, match="unknown extension"):
        plan(suffix=".txt")


def test_a_sheet_that_is_not_ours_is_left_alone(many: Path) -> None:
    folder = plan()
    list(folder.run())
    Path("out").joinpath("contact-sheet.png").write_bytes(Path("photo.png").read_bytes())
    (sheet,) = folder.write_sheets()
    assert sheet.name == "contact-sheet-of-drafts.png"
    assert folder.write_sheets() == [sheet]  # its own it may draw anew
    assert Path("out/contact-sheet.png").read_bytes() == Path("photo.png").read_bytes()
    sheet.write_text("a list of things to buy")
    with pytest.raises(OutputError, match="no sheet of drafts"):
        folder.write_sheets()
    assert sheet.read_text() == "a list of things to buy"
    (drawn,) = plan(overwrite=True).write_sheets()
    assert drawn.name == "contact-sheet.png"
    assert drawn.read_bytes() != Path("photo.png").read_bytes()


def test_command_line(many: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["draft", "photos/*.png", "--paintings", "paintings", "-o", "out", "--size", "40", "--format", "png"]
    assert cli.main(arguments) == 1
    told = capsys.readouterr()
    assert told.err.splitlines() == [told.err.strip()]
    assert "broken.jpg" in told.err
    assert "4 of 6 drafts painted; see out/contact-sheet.png" in told.out
    assert np.asarray(Image.open("out/contact-sheet.png")).std() > 10
    assert cli.main(arguments) == 1
    assert "4 there before" in capsys.readouterr().out
    assert cli.main([*arguments, "--print", "10x10cm"]) == 2
    assert cli.main(["draft", "photo.png", "-o", "out.png"]) == 2
    assert "PAINTING is missing" in capsys.readouterr().err


def test_a_sheet_of_paper(folder_with_pictures: Path) -> None:
    assert cli.main(["draft", "photo.png", "painting.png", "-o", "a.png", "--print", "2x2cm@100", "--quiet"]) == 0
    with Image.open("a.png") as image:
        assert max(image.size) == round(2 / 2.54 * 100)
        assert image.info["dpi"][0] == pytest.approx(100, abs=0.1)
