"""The command line: every error as a subprocess, painting mostly in this process."""

from __future__ import annotations

import inspect
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import OUT, WITHOUT_TORCH, paint_flags, run_cli, run_python

import impasto
from impasto.cli import main as cli
from impasto.cli import paint as cli_paint
from impasto.images.writing import save_picture
from impasto.options.fields import PaintOptions
from impasto.options.spelling import flag_name
from impasto.storage.waiting import SET_BY_USERS, SPINS

# ----------------------------------------------------------------------------------------- help


@pytest.mark.parametrize("arguments", [["--help"], ["paint", "--help"], ["replay", "--help"], []])
def test_help_loads_no_torch(arguments: list[str]) -> None:
    done = run_cli(*arguments)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "impasto" in done.stdout


INTERRUPTED = """
import sys
class Interrupted:
    def find_spec(self, name, *given):
        if name == "cyclopts":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupted())
from impasto.__main__ import main
sys.exit(main())
"""


def test_ctrl_c_while_the_program_loads_is_one_line() -> None:
    done = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (130, "impasto: interrupted, no picture written\n")


def test_version_and_recipes() -> None:
    assert run_cli("--version").stdout.strip() == impasto.__version__
    listing = run_cli("recipes").stdout
    assert all(any(line.startswith(name) for line in listing.splitlines()) for name in impasto.recipe_names())


def test_help_shows_every_option_with_its_default() -> None:
    text = run_cli("paint", "--help-all").stdout
    for name in PaintOptions.model_fields:
        assert f" {flag_name(name)} " in text
    assert "PHOTO PAINTING [PAINTING...] [-o OUT]" in text
    assert "[default: 50]" in text
    assert "wasserstein|gram" in text
    assert text.index("─ Picture ─") < text.index("─ Look ─") < text.index("─ Objective ─")


@pytest.mark.parametrize("command", [cli_paint.paint, cli_paint.replay, cli_paint.enlarge])
def test_flags_are_the_options_exactly(command: Any) -> None:
    parameters = inspect.signature(command).parameters
    flags = [
        name for name, p in parameters.items() if p.default is None and name not in ("recipe", "print_size", "region")
    ]
    assert flags == list(PaintOptions.model_fields)
    for name in flags:
        (parameter,) = parameters[name].annotation.__metadata__
        assert parameter.name == (flag_name(name),)
        assert (PaintOptions.model_fields[name].description or "?") in parameter.help


# --------------------------------------------------------------------------------------- errors

ERRORS: list[tuple[list[str], int, list[str]]] = [
    # usage
    (["pant"], 2, ["pant", "paint"]),
    (["paint"], 2, ["PHOTO", "--help"]),
    (["paint", "photo.png", *OUT], 2, ["PAINTING"]),
    (["paint", "photo.png"], 2, ["PAINTING", "impasto paintings"]),
    (paint_flags("-o"), 2, ["-o needs a value"]),
    (paint_flags(*OUT, "--size"), 2, ["--size needs a value"]),
    (paint_flags(*OUT, "--sise", "30"), 2, ["--sise", "--size"]),
    (paint_flags(*OUT, "--stlye-weight=1"), 2, ["--stlye-weight", "--style-weight"]),
    (paint_flags(*OUT, "-o", "other.png"), 2, ["-o", "multiple"]),
    (paint_flags(*OUT, "--overwrite=maybe"), 2, ["maybe"]),
    (paint_flags(*OUT, "--max-pixels", "many"), 2, ["many"]),
    (paint_flags(*OUT, "--max-pixels", "0"), 2, ["--max-pixels", "0"]),
    # options
    (paint_flags(*OUT, "--size", "-5"), 2, ["--size", "-5"]),
    (paint_flags(*OUT, "--size", "big"), 2, ["--size", "big"]),
    (paint_flags(*OUT, "--strength", "101"), 2, ["--strength", "101"]),
    (paint_flags(*OUT, "--style-loss", "gran"), 2, ["--style-loss", "gran", "gram"]),
    (paint_flags(*OUT, "--style-layers", "relu1_1:x"), 2, ["--style-layers", "relu1_1", "x"]),
    (paint_flags(*OUT, "--steps", "5,,3"), 2, ["--steps", "''"]),
    (paint_flags(*OUT, "--starting-point", "nois"), 2, ["nois", "noise"]),
    (paint_flags(*OUT, "--starting-point", "start.png"), 1, ["start.png"]),
    # recipes
    (paint_flags(*OUT, "--recipe", "painterl"), 2, ["painterl", "painterly"]),
    (paint_flags(*OUT, "--recipe", "gone.toml"), 1, ["gone.toml"]),
    (paint_flags(*OUT, "--recipe", "broken.toml"), 1, ["broken.toml", "TOML"]),
    (paint_flags(*OUT, "--recipe", "typo.toml"), 2, ["typo.toml", "stpes", "steps"]),
    (paint_flags(*OUT, "--recipe", "bounds.toml"), 2, ["bounds.toml", "strength", "200"]),
    # inputs
    (["paint", "gone.png", "painting.png", *OUT], 1, ["gone.png"]),
    (["paint", "photo.png", "gone.png:0.5", *OUT], 1, ["'gone.png'"]),
    (["paint", "folder", "painting.png", *OUT], 1, ["folder"]),
    (["paint", "empty.png", "painting.png", *OUT], 1, ["empty.png", "empty"]),
    (["paint", "cut.png", "painting.png", *OUT], 1, ["cut.png"]),
    (["paint", "text.jpg", "painting.png", *OUT], 1, ["text.jpg"]),
    (["paint", "drawing.jpg", "painting.png", *OUT], 1, ["drawing.jpg"]),
    (["paint", "photo.png", "painting.png:0", *OUT], 2, ["weight", "0"]),
    (["paint", "photo.png", "painting.png:nan", *OUT], 2, ["weight", "nan"]),
    (["paint", "photo.png", "painting.png:much", *OUT], 2, ["painting.png", "much"]),
    (paint_flags(*OUT, "--max-pixels", "100"), 1, ["photo.png", "100"]),
    # outputs
    (paint_flags("-o", "out.pgn"), 2, [".pgn", ".png"]),
    (paint_flags("-o", "out"), 2, ["'out'", "'out.png'"]),
    (paint_flags("-o", "text.jpg/"), 1, ["text.jpg/", "folder"]),
    (paint_flags(*OUT, "--format", "jpg"), 2, ["--format jpg", "out.png"]),
    (paint_flags("--format", "pgn"), 2, ["pgn", "png"]),
    (paint_flags("-o", "nowhere/out.png"), 1, ["nowhere"]),
    (paint_flags("-o", "photo.png"), 1, ["photo.png", "exists", "--overwrite"]),
    (paint_flags("-o", "out.jpg", "--bit-depth", "16"), 2, ["16", "out.jpg"]),
    (paint_flags(*OUT, "--bit-depth", "12"), 2, ["12", "16"]),
    (paint_flags(*OUT, "--events", "nowhere/e.jsonl"), 1, ["nowhere"]),
    (paint_flags(*OUT, "--events", "folder"), 1, ["folder"]),
    (paint_flags(*OUT, "--events", "text.jpg"), 1, ["text.jpg", "exists"]),
    (paint_flags(*OUT, "--events", "out.png"), 2, ["out.png", "--events"]),
    (paint_flags("-o", "held.png"), 1, ["held.png.run", "impasto resume held.png.run", "--overwrite"]),
    *[
        (paint_flags(*OUT, "--checkpoint-every", seconds), 2, ["--checkpoint-every", seconds])
        for seconds in ("-1", "nan", "inf", "often")
    ],
    # runs to resume
    (["resume"], 2, ["RUN", "--help"]),
    (["resume", "out.png"], 1, ["out.png", "no interrupted run"]),
    (["resume", "folder"], 1, ["folder", "no checkpoint"]),
    (["resume", "photo.png"], 1, ["photo.png", "no interrupted run"]),
    (["resume", "folder", "--checkpoint-every", "-1"], 2, ["--checkpoint-every", "-1"]),
    (["resume", "folder", "--strength", "7"], 2, ["--strength"]),
    # enlargements
    (["enlarge", "lonely.png", *OUT], 2, ["--size", "--print"]),
    (["enlarge", "lonely.png", *OUT, "--size", "4"], 2, ["lonely.png", "4 px long already"]),
    (["enlarge", "lonely.png", *OUT, "--size", "40"], 1, ["lost.jpg", "content image"]),
    (["enlarge", "photo.png", *OUT, "--size", "400"], 1, ["photo.png", "record"]),
    # records
    (["info", "gone.png"], 1, ["gone.png"]),
    (["info", "photo.png"], 1, ["photo.png", "record"]),
    (["info", "future.png"], 1, ["future.png", "99", "7.0"]),
    (["replay", "photo.png", *OUT], 1, ["photo.png", "record"]),
    (["replay", "future.png", *OUT], 1, ["future.png", "99"]),
    (["replay", "damaged.png", *OUT], 1, ["damaged.png", "machine"]),
    (["replay", "lonely.png", *OUT], 1, ["lost.jpg", "content image"]),
    (["replay", "lonely.png", "photo.png", *OUT], 1, ["photo.png", "none of the inputs", "lost.jpg"]),
    (["replay", "lonely.png", "gone.jpg", *OUT], 1, ["gone.jpg"]),
    (["replay", "lonely.png", *OUT, "--strength", "-1"], 2, ["--strength", "-1"]),
]


def write_troubles(folder_with_pictures: Path) -> None:
    """Every file that the error cases speak of."""
    (folder_with_pictures / "folder").mkdir()
    (folder_with_pictures / "held.png.run").mkdir()
    (folder_with_pictures / "held.png.run" / "checkpoint-000007.safetensors").touch()
    (folder_with_pictures / "empty.png").touch()
    (folder_with_pictures / "cut.png").write_bytes((folder_with_pictures / "painting.png").read_bytes()[:-100])
    (folder_with_pictures / "text.jpg").write_text("not a picture")
    (folder_with_pictures / "drawing.jpg").write_text('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')
    (folder_with_pictures / "broken.toml").write_text("steps = = 3")
    (folder_with_pictures / "typo.toml").write_text("stpes = 3")
    (folder_with_pictures / "bounds.toml").write_text("strength = 200")
    record = {
        "format_version": 1,
        "impasto": "7.0",
        "recipe": None,
        "options": {},
        "encoder": {"name": "lite", "sha256": "0"},
        "inputs": {
            "content": {"name": "lost.jpg", "sha256": "1" * 64},
            "paintings": [{"name": "lost-too.jpg", "sha256": "2" * 64, "weight": 1}],
        },
        "machine": {
            "torch": "1", "threads": 1, "device": "cpu",
            "instruction_set": "A", "architecture": "B", "system": "C",
        },
    }  # fmt: skip
    pixels = np.full((4, 4, 3), 0.5, np.float32)
    save_picture(folder_with_pictures / "lonely.png", pixels, record=record)
    save_picture(folder_with_pictures / "future.png", pixels, record=record | {"format_version": 99})
    save_picture(
        folder_with_pictures / "damaged.png", pixels, record={k: v for k, v in record.items() if k != "machine"}
    )


@pytest.mark.parametrize(("arguments", "code", "words"), ERRORS, ids=[" ".join(case[0]) for case in ERRORS])
def test_an_error_is_one_line_and_leaves_nothing(
    folder_with_pictures: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, words: list[str]
) -> None:
    write_troubles(folder_with_pictures)
    before = {path: path.stat().st_mtime_ns for path in folder_with_pictures.rglob("*")}
    assert cli.main(arguments) == code
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("impasto: ")
    assert said.err.count("\n") == 1
    assert said.err.endswith("\n")
    for word in words:
        assert word in said.err
    assert {path: path.stat().st_mtime_ns for path in folder_with_pictures.rglob("*")} == before


def test_errors_load_no_torch(folder_with_pictures: Path) -> None:
    write_troubles(folder_with_pictures)
    commands = [arguments for arguments, _, _ in ERRORS]
    done = run_python(
        "import sys\n"
        "from impasto.cli.main import main\n"
        f"codes = [main(words) for words in {commands}]\n"
        "assert 'torch' not in sys.modules\n"
        "print(*codes)"
    )
    assert done.stdout.split() == [str(code) for _, code, _ in ERRORS]
    assert done.stderr.count("\n") == len(ERRORS)


@pytest.mark.parametrize(
    ("arguments", "code"), [(paint_flags(*OUT, "--size", "big"), 2), (["paint", "gone.png", "painting.png", *OUT], 1)]
)
def test_the_process_ends_with_the_code(folder_with_pictures: Path, arguments: list[str], code: int) -> None:
    done = run_cli(*arguments)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (code, "", 1)


def test_an_unwritable_folder(folder_with_pictures: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root writes everywhere")
    (folder_with_pictures / "locked").mkdir(mode=0o500)
    done = run_cli(*paint_flags("-o", "locked/out.png"))
    assert done.returncode == 1
    assert "locked" in done.stderr


def test_an_unknown_layer_offers_the_nearest(folder_with_pictures: Path) -> None:
    done = run_cli(*paint_flags(*OUT, "--content-layers", "rellu4_2", "--events", "e.jsonl"), torch=True)
    assert done.returncode == 2
    assert done.stderr == "impasto: this encoder has no layer 'rellu4_2'; did you mean 'relu4_2'?\n"
    assert not Path("out.png").exists()
    assert not Path("e.jsonl").exists()


@pytest.mark.parametrize(
    ("encoder", "code", "words"),
    [
        ("light", 2, "did you mean 'lite'"),
        ("gone.safetensors", 1, "gone.safetensors"),
        ("text.safetensors", 1, "text"),
    ],
)
def test_encoders_that_cannot_be_used(
    folder_with_pictures: Path, capsys: pytest.CaptureFixture[str], encoder: str, code: int, words: str
) -> None:
    (folder_with_pictures / "text.safetensors").write_text("no tensors")
    assert cli.main(paint_flags(*OUT, "--encoder", encoder)) == code
    assert words in capsys.readouterr().err
    assert not Path("out.png").exists()


def test_bugs_keep_their_traceback(folder_with_pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: object, **keywords: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("impasto.runs.build.build_run", broken)
    with pytest.raises(ZeroDivisionError):
        cli.main(paint_flags(*OUT))


# --------------------------------------------------------------------------------------- paint


def test_paint(folder_with_pictures: Path, quick_flags: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(paint_flags(*OUT, *quick_flags, "--events", "e.jsonl", "--bit-depth", "16")) == 0
    said = capsys.readouterr()
    assert said.out.startswith("out.png: 48x38 px, painted in ")
    assert said.out.count("\n") == 1
    plan, *scales = said.err.splitlines()
    assert re.fullmatch(r"impasto: 48x38 px in 2 scales: about 0:\d\d and [\d.]+ [MG]B of memory", plan)
    assert scales == [
        "impasto: scale 1/2, 32x25 px, 3 steps",
        "impasto: scale 2/2, 48x38 px, 2 steps",
    ]
    events = [json.loads(line) for line in Path("e.jsonl").read_text().splitlines()]
    names = ["RunStarted", "ScaleStarted", *["StepDone"] * 3, "ScaleStarted", *["StepDone"] * 2, "RunDone"]
    assert [event["event"] for event in events if event["event"] != "Notice"] == names
    assert events[-1].keys() == {"event", "stopped", "seconds", "pixel_steps"}
    picture = impasto.load_picture("out.png")
    assert (picture.width_px, picture.height_px, picture.bit_depth) == (48, 38, 16)
    assert impasto.read_record("out.png")["bit_depth"] == 16


def test_only_what_was_given_overrides_a_recipe(folder_with_pictures: Path, quick_flags: list[str]) -> None:
    Path("mine.toml").write_text("strength = 20\nseed = 4\n")
    assert cli.main(paint_flags(*OUT, *quick_flags, "--recipe", "mine.toml", "--seed", "0", "-q")) == 0
    options: Any = impasto.read_record("out.png")["options"]
    assert (options["strength"], options["seed"]) == (20, 0)


# ------------------------------------------------------------------------------- info and replay


@pytest.mark.parametrize(("arguments", "code"), [(["recipes"], 141), (["--version"], 1), (["--help"], 1)])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_leaves_ends_it_quietly(arguments: list[str], code: int, unbuffered: str) -> None:
    """As ``| head -1`` does; the pipe is closed before anything is printed. Where rich prints, the code is its own."""
    running = subprocess.Popen(
        [sys.executable, "-c", f"input()\n{WITHOUT_TORCH}", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONUNBUFFERED": unbuffered},
    )
    assert running.stdout is not None
    running.stdout.close()
    running.stdout = None
    assert running.communicate(b"\n")[1] == b""
    assert running.returncode == code


def test_info(folder_with_pictures: Path, quick_flags: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    start = ["--starting-point", "photo.png", "--recipe", "painterly"]
    assert cli.main([*paint_flags("photo.png:0.25", *OUT), *quick_flags, "-q", *start]) == 0
    assert cli.main(["info", "out.png"]) == 0
    text = capsys.readouterr().out
    for words in ("recipe painterly", "style image 2      photo.png, weight 0.25", "--size             48"):
        assert words in text
    assert "--optimizer" not in text  # as the recipe has it
    assert cli.main(["info", "out.png", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == impasto.read_record("out.png")


def test_replay_is_byte_identical(
    folder_with_pictures: Path, quick_flags: list[str], tiny_encoder_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(paint_flags(*OUT, *quick_flags, "-q", "--bit-depth", "16")) == 0
    # in another process, where nothing is left over from the first run
    done = run_cli("replay", "out.png", tiny_encoder_file, "-o", "again.png", torch=True)
    assert done.returncode == 0, done.stderr
    assert "not the same bytes" not in done.stderr
    assert Path("again.png").read_bytes() == Path("out.png").read_bytes()

    assert cli.main(["replay", "out.png", str(tiny_encoder_file), "-o", "large.png", "--size", "60"]) == 0
    assert "large.png: 60x48 px" in capsys.readouterr().out
    Path("painting.png").unlink()
    assert cli.main(["replay", "out.png", str(tiny_encoder_file), "-o", "third.png"]) == 1
    assert "style image 'painting.png'" in capsys.readouterr().err


def test_replay_says_why_bytes_differ(
    folder_with_pictures: Path, quick: dict[str, Any], tiny_encoder_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pastiche = impasto.paint("photo.png", "painting.png", **quick)
    machine = pastiche.record["machine"] | {"torch": "1.0"}
    save_picture("old.png", pastiche.pixels, record=pastiche.record | {"machine": machine})
    assert cli.main(["replay", "old.png", str(tiny_encoder_file), *OUT]) == 0
    assert "impasto: note: not the same bytes: torch: 1.0 then," in capsys.readouterr().err


def test_how_threads_wait_is_said_before_pytorch_is_loaded() -> None:
    """In a process of its own: PyTorch reads it once."""
    told = """
import os, sys
from impasto.cli import main as cli
from impasto.storage import waiting
seen = []
cli.waiting_policy = lambda environment: seen.append("torch" in sys.modules) or waiting.waiting_policy(environment)
waiting.others_running = lambda: int(sys.argv[1])
cli.main(["recipes"])
print(seen, os.environ.get("OMP_WAIT_POLICY"), os.environ.get("GOMP_SPINCOUNT"))
"""
    environment = {name: value for name, value in os.environ.items() if name not in SET_BY_USERS}
    for others, seen in (("0", f"[False] None {SPINS}"), ("1000000", "[False] passive None")):
        done = subprocess.run([sys.executable, "-c", told, others], env=environment, capture_output=True, text=True)
        assert done.stdout.splitlines()[-1] == seen, done.stderr


@pytest.mark.skipif(os.name == "nt", reason="a working directory cannot be removed there")
@pytest.mark.parametrize("output", ["out.png", "{0}/out.png"])
def test_a_working_directory_that_was_removed(
    folder_with_pictures: Path, capsys: pytest.CaptureFixture[str], output: str
) -> None:
    Path("gone").mkdir()
    os.chdir("gone")
    (folder_with_pictures / "gone").rmdir()
    pair = [str(folder_with_pictures / name) for name in ("photo.png", "painting.png")]
    assert cli.main(["paint", *pair, "-o", output.format(folder_with_pictures)]) == 1
    assert capsys.readouterr().err.startswith("impasto: the working directory cannot be read (")
    os.chdir(folder_with_pictures)
    assert not Path("out.png").exists()


def test_what_a_record_says_cannot_speak_to_the_terminal(
    folder_with_pictures: Path, quick: dict[str, Any], tiny_encoder_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a note, which is made of what a record says of another machine."""
    pastiche = impasto.paint("photo.png", "painting.png", **quick)
    machine = pastiche.record["machine"] | {"architecture": "\x1b]0;mine\x07"}
    save_picture("sent.png", pastiche.pixels, record=pastiche.record | {"machine": machine})
    assert cli.main(["replay", "sent.png", str(tiny_encoder_file), *OUT]) == 0
    told = capsys.readouterr().err
    assert "note: not the same bytes: architecture: \\x1b]0;mine\\x07 then" in told and "\x1b" not in told
