"""Enlarging a finished pastiche, and pictures for a sheet of paper."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import impasto
from impasto import api
from impasto.cli import main as cli
from impasto.errors import InputError, OptionError, RecordError
from impasto.events import RunStarted
from impasto.options.fields import build_options
from impasto.runs import run as runs

Quick = dict[str, Any]
STEPS = (3, 2, 5, 4)  # two scales up to 48 px, which leaves 5 and 4 for those above


@pytest.fixture
def painted(folder_with_pictures: Path, quick: Quick) -> impasto.Pastiche:
    """A pastiche of 48x38 px, saved as out.png."""
    pastiche = impasto.paint("photo.png", "painting.png", **(quick | {"steps": STEPS}))
    pastiche.save("out.png", bit_depth=16)
    return pastiche


def plan_of(run: runs.Run) -> RunStarted:
    return next(event for event in run if isinstance(event, RunStarted))


def enlarge(*arguments: str | Path) -> int:
    return cli.main(["enlarge", "out.png", *map(str, arguments)])


# ---------------------------------------------------------------------------------------- what is painted


@pytest.mark.parametrize(
    ("size_px", "edges", "steps"),
    [
        (96, [68, 96], (5, 4)),
        (64, [64], (5,)),
        (49, [49], (5,)),
        (140, [68, 96, 140], (5, 4, 4)),
    ],
)
def test_only_what_is_above_is_painted(
    painted: impasto.Pastiche, tiny_encoder_file: Path, size_px: int, edges: list[int], steps: tuple[int, ...]
) -> None:
    run = api.build_enlargement("out.png", [tiny_encoder_file], size_px=size_px, overrides={})
    plan = plan_of(run)
    assert [max(size) for size in plan.scales_px] == edges
    assert plan.steps == steps, "they go on where the pastiche's own ended"


def test_the_last_number_of_steps_repeats(folder_with_pictures: Path, quick: Quick, tiny_encoder_file: Path) -> None:
    impasto.paint("photo.png", "painting.png", **quick).save("out.png")  # 3, 2
    plan = plan_of(api.build_enlargement("out.png", [tiny_encoder_file], size_px=96, overrides={}))
    assert plan.steps == (2, 2)


def test_it_goes_on_from_the_pastiche(painted: impasto.Pastiche, quick: Quick, tiny_encoder_file: Path) -> None:
    larger = impasto.enlarge("out.png", 96, [tiny_encoder_file], threads=1)
    assert larger.pixels.shape == (77, 96, 3)
    options = larger.record["options"]
    assert options["content_weight"] == painted.record["content_weight"]
    assert options["starting_point"] == "out.png"
    assert larger.record["inputs"]["starting_picture"]["sha256"] == impasto.load_picture("out.png").sha256
    # the same, put together by hand
    own = quick | {"size_px": 96, "min_scale_px": 68, "steps": (5, 4), "starting_point": "out.png"}
    by_hand = impasto.paint("photo.png", "painting.png", **own, content_weight=painted.record["content_weight"])
    assert np.array_equal(larger.pixels, by_hand.pixels)
    anew = impasto.paint("photo.png", "painting.png", **(own | {"starting_point": "content"}))
    assert not np.array_equal(larger.pixels, anew.pixels)
    # a size in between: the pastiche is still recognised in the enlargement
    reduced = np.asarray(Image.fromarray((larger.pixels * 255).astype(np.uint8)).resize((48, 38), Image.Resampling.BOX))
    assert np.corrcoef(reduced.ravel(), painted.pixels.ravel())[0, 1] > 0.8


def test_a_tiny_pastiche(folder_with_pictures: Path, quick: Quick, tiny_encoder_file: Path) -> None:
    impasto.paint("photo.png", "painting.png", **(quick | {"size_px": 5})).save("out.png")
    for size_px, edges in ((6, [6]), (16, [16]), (30, [16, 23, 30])):
        run = api.build_enlargement("out.png", [tiny_encoder_file], size_px=size_px, overrides={})
        assert [max(size) for size in plan_of(run).scales_px] == edges


def test_what_is_given_overrides(painted: impasto.Pastiche, tiny_encoder_file: Path) -> None:
    larger = impasto.enlarge("out.png", 60, [tiny_encoder_file], strength=70, steps=(1,))
    assert larger.record["options"]["strength"] == 70
    assert larger.record["options"]["steps"] == [1]
    with pytest.raises(OptionError, match="unknown option 'stength'"):
        impasto.enlarge("out.png", 60, [tiny_encoder_file], stength=70)


def test_an_enlargement_is_replayed_byte_for_byte(painted: impasto.Pastiche, tiny_encoder_file: Path) -> None:
    assert enlarge(tiny_encoder_file, "--size", 72, "-o", "larger.png", "-q") == 0
    assert cli.main(["replay", "larger.png", str(tiny_encoder_file), "-o", "again.png", "-q"]) == 0
    assert Path("again.png").read_bytes() == Path("larger.png").read_bytes()
    assert impasto.load_picture("larger.png").bit_depth == 16, "as the pastiche was"
    # and enlarged once more, with the pastiche beside it no longer needed
    Path("out.png").unlink()
    assert cli.main(["enlarge", "larger.png", str(tiny_encoder_file), "--size", "100", "-o", "third.png", "-q"]) == 0
    assert impasto.load_picture("third.png").width_px == 100
    assert cli.main(["replay", "larger.png", str(tiny_encoder_file), "-o", "fourth.png", "-q"]) == 1


def test_an_enlargement_that_is_interrupted(
    painted: impasto.Pastiche, tiny_encoder_file: Path, folder_with_pictures: Path
) -> None:
    sheet = api.Print(1.0, 1.0, 72.5)
    whole = api.build_enlargement("out.png", [tiny_encoder_file], sheet=sheet, overrides={}).paint()
    run = api.build_enlargement("out.png", [tiny_encoder_file], sheet=sheet, overrides={})
    run.checkpoint_folder, run.controls.stop = folder_with_pictures / "run", True
    assert run.paint().stopped
    again = impasto.resume("run", trust=True)
    assert np.array_equal(again.pixels, whole.pixels)
    assert (again.record, again.dots_per_inch) == (whole.record, 72.5)


def test_enlarging_over_itself(painted: impasto.Pastiche, tiny_encoder_file: Path) -> None:
    assert enlarge(tiny_encoder_file, "--size", 60, "-o", "out.png", "-q") == 1
    assert enlarge(tiny_encoder_file, "--size", 60, "-o", "out.png", "-q", "--overwrite") == 0
    assert impasto.load_picture("out.png").width_px == 60


def test_blurred_strokes_and_an_early_stop_are_told(
    folder_with_pictures: Path, quick: Quick, tiny_encoder_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stopped = impasto.paint("photo.png", "painting.png", controls=impasto.Controls(stop=True), **quick)
    stopped.save("out.png")
    assert enlarge(tiny_encoder_file, "--size", 96, "-o", "larger.png", "--steps", 1) == 0
    told = capsys.readouterr().err
    assert "painting.png is 64x64 px and is enlarged 1.5 times: strokes will look softer at full size" in told
    assert "the picture was stopped early" in told


# ------------------------------------------------------------------------------------------------- paper


def test_paint_for_a_sheet(
    folder_with_pictures: Path, quick_flags: list[str], quick: Quick, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = list(quick_flags)
    del flags[(at := flags.index("--size")) : at + 2]
    paint = ["paint", "photo.png", "painting.png", *flags, "-q"]
    assert cli.main([*paint, "-o", "out.jpg", "--print", "2x1.6in@30"]) == 0
    with Image.open("out.jpg") as picture:
        assert picture.size == (60, 48)  # 5:4, as the photo is
        assert picture.info["dpi"] == (30, 30)
    assert cli.main([*paint, "-o", "by-hand.png", "--size", "60"]) == 0
    assert cli.main([*paint, "-o", "out.png", "--print", "2x1.6in@30"]) == 0
    with Image.open("out.png") as ours, Image.open("by-hand.png") as theirs:
        assert np.array_equal(np.asarray(ours), np.asarray(theirs))
        assert theirs.info["dpi"] == pytest.approx((72, 72), abs=0.02)
    for text in ("2x1.6in@30", "9x9"):
        assert cli.main([*paint, "-o", "no.png", "--print", text, "--size", "60"]) == 2
        assert "--size and --print both give the size" in capsys.readouterr().err
    assert cli.main([*paint, "-o", "no.png", "--print", "9x9"]) == 2
    assert "--print is a size such as 60x40cm@300" in capsys.readouterr().err
    assert cli.main([*paint, "-o", "no.png", "--print", "900x900cm@9600"]) == 2
    assert capsys.readouterr().err.startswith("impasto: option size_px: input should be less than or equal to 65536")
    assert not Path("no.png").exists()


def test_enlarge_for_a_sheet(painted: impasto.Pastiche, tiny_encoder_file: Path) -> None:
    assert enlarge(tiny_encoder_file, "--print", "50x50mm@36", "-o", "larger.tif", "-q") == 0
    with Image.open("larger.tif") as picture:
        assert picture.size == (71, 57)  # 50 / 25.4 * 36 = 70.9, and 5:4 as the photo is
        assert picture.info["dpi"] == pytest.approx((36, 36), abs=1e-4)


# ------------------------------------------------------------------------------------------- what is refused


def test_what_is_refused(
    painted: impasto.Pastiche, tiny_encoder_file: Path, folder_with_pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.read_bytes() for path in folder_with_pictures.iterdir()}
    for arguments, code, words in (
        ([], 2, "give --size or --print, one of them"),
        (["--size", "60", "--print", "9x9in"], 2, "--size and --print both give the size"),
        (["--size", "48"], 2, "out.png is 48 px long already; an enlargement is longer, got 48"),
        (["--size", "20"], 2, "out.png is 48 px long already"),
        (["--print", "1x1cm@10"], 2, "out.png is 48 px long already"),
        (["--size", "0"], 2, "--size"),
        (["--size", "99999999"], 2, "--size"),
        (["--print", "9000x9000cm"], 2, "65536"),
        (["--print", "60x40"], 2, "--print is a size such as"),
        (["--size", "60", "--strength", "x"], 2, "--strength"),
        (["gone.png", "--size", "60"], 1, "gone.png"),
    ):
        assert enlarge(tiny_encoder_file, *arguments, "-o", "larger.png") == code, arguments
        told = capsys.readouterr().err
        assert told.count("\n") == 1
        assert words in told
    assert enlarge("--size", "60", "-o", "larger.png") == 1
    assert "encoder" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in folder_with_pictures.iterdir()} == before


def test_what_is_no_pastiche(folder_with_pictures: Path) -> None:
    with pytest.raises(RecordError, match=r"photo\.png.* no run record"):
        impasto.enlarge("photo.png", 100)
    with pytest.raises(InputError, match=r"gone\.png"):
        impasto.enlarge("gone.png", 100)


def test_size_and_sheet_in_python(painted: impasto.Pastiche) -> None:
    for given in ({}, {"size_px": 100, "sheet": api.Print(1.0, 1.0, 300.0)}):
        with pytest.raises(OptionError, match="one of them"):
            api.build_enlargement("out.png", overrides={}, **given)
    assert build_options({}).size_px is None
