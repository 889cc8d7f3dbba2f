"""First contact: what people try before they have read anything, and the outcome that they would want."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import OUT

import impasto
from impasto.cli import main as cli
from impasto.inputs.bundled import bundled_by_hash, bundled_paintings
from impasto.lab.batch import plan_pairs
from impasto.lab.jobs import Role
from impasto.lab.plan import Planner
from impasto.lab.sweep import plan_sweep

# ------------------------------------------------------------------------------------ names of paintings


def flow_sha256() -> str:
    return next(sha256 for sha256, path in bundled_by_hash().items() if path.stem == "flow")


def test_a_bundled_painting_by_name_and_again_from_the_record(
    folder_with_pictures: Path, quick_flags: list[str], tiny_encoder_file: Path
) -> None:
    assert cli.main(["paint", "photo.png", "flow", "dots:0.5", *OUT, *quick_flags, "-q"]) == 0
    inputs: Any = impasto.read_record("out.png")["inputs"]
    assert [(painting["name"], painting["weight"]) for painting in inputs["paintings"]] == [
        ("flow.jpg", 1.0),
        ("dots.jpg", 0.5),
    ]
    assert inputs["paintings"][0]["sha256"] == flow_sha256()
    assert cli.main(["replay", "out.png", str(tiny_encoder_file), "-o", "again.png", "-q"]) == 0
    assert Path("again.png").read_bytes() == Path("out.png").read_bytes()


def test_a_file_of_that_name_wins_and_that_is_said(
    folder_with_pictures: Path, quick_flags: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("painting.png").rename("flow")
    assert cli.main(["paint", "photo.png", "flow", *OUT, *quick_flags]) == 0
    assert "note: 'flow' is the file of that name here, not the bundled painting" in capsys.readouterr().err
    inputs: Any = impasto.read_record("out.png")["inputs"]
    assert inputs["paintings"][0]["sha256"] != flow_sha256()
    pastiche = impasto.draft("photo.png", "flow", size_px=32)
    assert pastiche.notices == ("'flow' is the file of that name here, not the bundled painting",)


def test_bundled_paintings_in_drafts_batches_and_sweeps(
    folder_with_pictures: Path, quick: dict[str, Any], tiny_encoder_file: Path
) -> None:
    assert cli.main(["draft", "photo.png", "--paintings", "flow", "wash", "-o", "drafts", "--size", "32", "-q"]) == 0
    assert {path.name for path in Path("drafts").glob("*.jpg")} == {"photo_flow.jpg", "photo_wash.jpg"}
    judge = {"judge": str(tiny_encoder_file)}
    run = impasto.batch("photo.png", ["flow"], folder="batch", **judge, **quick)
    assert (list(run.results), run.failed, run.missing) == (["photo_flow"], [], [])
    # planned only: painting takes the same way
    Path("pairs.csv").write_text("photo,painting\nphoto.png,glass\n")
    (pair,) = plan_pairs("pairs.csv", Planner()).jobs
    assert (pair.name, pair.files(Role.PAINTING)[0].path) == ("photo_glass", bundled_paintings()["glass"])
    planned = plan_sweep("photo.png", ["painting.png"], {"painting": ["flow", "shards"]}, Planner())
    assert [job.name for job in planned.jobs] == ["flow", "shards"]


def test_an_unknown_name_leads_to_the_bundled_ones(
    folder_with_pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["paint", "photo.png", "woodcutt", *OUT]) == 1
    assert "did you mean the bundled painting 'woodcut'?" in capsys.readouterr().err
    assert cli.main(["paint", "photo.png", "monet", *OUT]) == 1
    assert ", ".join(bundled_paintings()) in capsys.readouterr().err


# ------------------------------------------------------------------------------- where the picture goes


def test_o_may_be_left_out_and_nothing_is_overwritten(
    folder_with_pictures: Path, quick_flags: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("holiday").mkdir()
    Path("photo.png").rename("holiday/photo.png")
    for name in ("photo-flow.png", "photo-flow-2.png", "photo-flow-3.png"):
        assert cli.main(["paint", "holiday/photo.png", "flow", *quick_flags]) == 0
        assert capsys.readouterr().out.startswith(f"{Path('holiday') / name}: 48x38 px, painted in ")
        assert Path("holiday", name).is_file()
    before = Path("holiday/photo-flow.png").stat().st_mtime_ns
    assert cli.main(["paint", "holiday/photo.png", "flow", *quick_flags, "-q", "--overwrite"]) == 0
    assert Path("holiday/photo-flow.png").stat().st_mtime_ns > before
    assert (
        cli.main(["draft", "holiday/photo.png", "flow", "painting.png", "--size", "32", "--format", "jpg", "-q"]) == 0
    )
    assert sorted(path.name for path in Path("holiday").iterdir()) == [
        "photo-flow-2.png", "photo-flow-3.png", "photo-flow-painting-draft.jpg", "photo-flow.png", "photo.png",
    ]  # fmt: skip


def test_o_may_be_a_folder_that_is_made(folder_with_pictures: Path, quick_flags: list[str]) -> None:
    for _ in range(2):
        assert cli.main(["paint", "photo.png", "flow", "-o", "new/folder/", *quick_flags, "-q"]) == 0
    assert {path.name for path in Path("new/folder").iterdir()} == {"photo-flow.png", "photo-flow-2.png"}
    inputs = ["photo.png", quick_flags[1]]
    assert cli.main(["replay", "new/folder/photo-flow.png", *inputs, "-o", "new", "--size", "40", "-q"]) == 0
    assert impasto.load_picture("new/photo-flow-again.png").width_px == 40


def run_piped(*arguments: str, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-W", "error", "-m", "impasto", *arguments]
    return subprocess.run(command, input=data, capture_output=True, timeout=120)


def test_through_a_pipe(folder_with_pictures: Path, quick_flags: list[str]) -> None:
    """``cat photo.png | impasto paint - flow -o - > out.png``"""
    data = Path("photo.png").read_bytes()
    done = run_piped("paint", "-", "flow", "-o", "-", *quick_flags, data=data)
    assert done.returncode == 0, done.stderr
    assert b"standard output: 48x38 px, painted in" in done.stderr
    assert b"scale 1/2" in done.stderr
    Path("piped.png").write_bytes(done.stdout)
    assert cli.main(["paint", "photo.png", "flow", "-o", "file.png", *quick_flags, "-q"]) == 0
    piped, file = (impasto.load_picture(name) for name in ("piped.png", "file.png"))
    assert np.array_equal(piped.samples, file.samples)
    records: list[Any] = [impasto.read_record(name) for name in ("piped.png", "file.png")]
    assert records[0]["inputs"]["content"]["sha256"] == records[1]["inputs"]["content"]["sha256"]
    assert {path.name for path in Path().iterdir()} == {"photo.png", "painting.png", "piped.png", "file.png"}
    webp = run_piped("draft", "photo.png", "-", "-o", "-", "--format", "webp", "--size", "32", "-q", data=data)
    assert (webp.returncode, webp.stdout[:4], webp.stdout[8:12]) == (0, b"RIFF", b"WEBP")


def test_standard_input_is_read_once_and_has_to_be_there(folder_with_pictures: Path) -> None:
    done = run_piped("paint", "-", "-", "-o", "out.png", data=Path("photo.png").read_bytes())
    assert (done.returncode, done.stderr.count(b"\n")) == (1, 1)
    assert b"one picture, and is read once" in done.stderr
    assert run_piped("paint", "-", "flow", "-o", "out.png").returncode == 1


# --------------------------------------------------------------------------- what people try first

P = ["paint", "photo.png", "painting.png", "-o", "out.png"]
FIRST_TRIES: list[tuple[list[str], int, list[str]]] = [
    # no picture, but something that names some
    (["paint", "folder", "flow"], 1, ["is a folder", "impasto batch folder --paintings flow -o pastiches"]),
    (["folder", "flow"], 1, ["impasto batch folder --paintings flow"]),
    (["paint", "folder/*.png", "flow"], 1, ["pattern", "impasto batch 'folder/*.png' --paintings flow"]),
    (["draft", "folder", "flow"], 1, ["is a folder", "impasto batch folder"]),
    (["paint", "https://example.org/photo.jpg", "flow", *OUT], 1, ["address", "save the picture first"]),
    (["paint", "https://example.org/photo.jpg", "flow"], 1, ["address", "save the picture first"]),
    (["paint", "photo.png", "https://example.org/a.jpg"], 1, ["address", "save the picture first"]),
    (["photo.png"], 2, ["PAINTING is missing", "impasto paintings"]),
    (["flow", "photo.png"], 2, ["'flow' is a painting: impasto paint PHOTO flow"]),
    # files that are there
    (["paint", "photo.png", "painting.png", "-o", "photo.png"], 1, ["already exists", "--overwrite"]),
    (["paint", "photo.png", "painting.png", "-o", "pastiche"], 2, ["'pastiche.png'"]),
    # words of other programs
    ([*P, "--iterations", "500"], 2, ["--iterations", "here it is --steps"]),
    ([*P, "-num_iterations", "500"], 2, ["here it is --steps"]),
    ([*P, "--cpu"], 2, ["--cpu", "here it is --device cpu"]),
    ([*P, "-gpu", "0"], 2, ["here it is --device cuda"]),
    ([*P, "--preserve-colors"], 2, ["here it is --color photo"]),
    ([*P, "--original_colors=1"], 2, ["here it is --color photo"]),
    ([*P, "--list-styles"], 2, ["impasto paintings"]),
    ([*P, "--content", "a.jpg"], 2, ["PHOTO and PAINTING, without flags"]),
    ([*P, "--style-weights", "1,2"], 2, ["painting.jpg:0.7"]),
    ([*P, "--image-size", "500"], 2, ["here it is --size"]),
    ([*P, "--size", "large"], 2, ["800", "50%", "1920x1080", "'large'"]),
    ([*P, "--alpha", "0.5"], 2, ["here it is --strength"]),
    (["--list-styles"], 2, ["impasto paintings"]),
    (["stylize", "photo", "flow"], 2, ["here it is impasto paint"]),
    (["gui"], 2, ["here it is impasto studio"]),
    (["upscale", "out.png"], 2, ["here it is impasto enlarge"]),
    # suggestions only when near
    ([*P, "--stregth", "30"], 2, ["did you mean --strength?"]),
    ([*P, "--frobnicate", "30"], 2, ["unknown flag --frobnicate; impasto paint --help"]),
    (["pant", "photo", "flow"], 2, ["did you mean 'paint'?"]),
    (["xyzzy"], 2, ["there is no command 'xyzzy'; there are", "paint"]),
]


@pytest.mark.parametrize(("arguments", "code", "words"), FIRST_TRIES, ids=[" ".join(case[0]) for case in FIRST_TRIES])
def test_what_people_try_first_leads_on_in_one_line(
    folder_with_pictures: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, words: list[str]
) -> None:
    Path("folder").mkdir()
    assert cli.main(arguments) == code
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    for word in words:
        assert word in said.err


def test_suggestions_are_of_flags_that_the_command_has(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["info", "out.png", "--iterations", "5"]) == 2
    assert "--steps" not in capsys.readouterr().err


def test_a_picture_where_the_command_belongs_is_painted(folder_with_pictures: Path, quick_flags: list[str]) -> None:
    assert cli.main(["photo.png", "painting.png", *quick_flags, "-q"]) == 0
    assert Path("photo-painting.png").is_file()


@pytest.mark.parametrize(
    ("size", "expected"),
    [("50%", (30, 24)), ("24px", (24, 19)), ("24 px", (24, 19)), ("30x1000", (30, 24)), ("1000x24", (30, 24)),
     ("120%", (72, 58))],
)  # fmt: skip
def test_sizes_as_people_write_them(folder_with_pictures: Path, size: str, expected: tuple[int, int]) -> None:
    assert cli.main(["draft", "photo.png", "flow", *OUT, "--size", size, "-q"]) == 0
    assert impasto.load_picture("out.png").size == expected


def test_the_size_of_a_painted_picture_beside_its_photo(folder_with_pictures: Path, tiny_encoder_file: Path) -> None:
    flags = ["--encoder", str(tiny_encoder_file), "--min-scale", "16", "--steps", "1", "--recipe", "pixels", "-q"]
    assert cli.main(["paint", "photo.png", "painting.png", *OUT, "--size", "50%", *flags]) == 0
    assert impasto.load_picture("out.png").size == (30, 24)
    assert cli.main(["enlarge", "out.png", str(tiny_encoder_file), "--size", "150%", "-q"]) == 0
    assert impasto.load_picture("out-large.png").size == (45, 36)


def test_help_and_version_as_words(capsys: pytest.CaptureFixture[str]) -> None:
    said = []
    for words in (["help", "info"], ["info", "--help"], ["help"], ["--help"], ["version"]):
        assert cli.main(words) == 0
        said.append(capsys.readouterr().out)
    assert (said[0], said[2], said[4].strip()) == (said[1], said[3], impasto.__version__)


def test_resuming_what_is_finished_leads_on(
    folder_with_pictures: Path, quick: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    impasto.paint("photo.png", "painting.png", **quick).save("out.png")
    assert cli.main(["resume", "out.png"]) == 1
    assert "out.png is finished, there is nothing to resume: impasto enlarge out.png" in capsys.readouterr().err
    stopped = impasto.paint("photo.png", "painting.png", controls=impasto.Controls(stop=True), **quick)
    stopped.save("stopped.png")
    assert cli.main(["resume", "stopped.png"]) == 1
    assert "impasto replay stopped.png paints it anew" in capsys.readouterr().err
