"""The laboratory on the command line."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from impasto.cli import lab as cli_lab
from impasto.cli import main as cli

PAIR = ["photo.png", "painting.png"]


def run(*arguments: str) -> int:
    return cli.main(list(arguments))


def test_a_sweep(folder_with_pictures: Path, quick_flags: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    grid = ["--vary", "strength=20,50", "steps=2;3,2", "-o", "grid"]
    flags = [*quick_flags[: quick_flags.index("--steps")], *quick_flags[quick_flags.index("--steps") + 2 :]]
    assert run("sweep", *PAIR, *grid, *flags) == 0
    told = capsys.readouterr()
    assert "4 of 4 pictures" in told.out
    assert "report.html" in told.out
    assert "4/4 strength-50_steps-3-2: done in" in told.err
    assert len(list(Path("grid/pastiches").iterdir())) == 4
    assert run("again", "grid", "-q", "--trust") == 0
    assert capsys.readouterr() == ("", "")


def test_a_batch(folder_with_pictures: Path, quick_flags: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    Path("photos").mkdir()
    shutil.copy("photo.png", "photos/one.png")
    Path("photos/two.png").write_text("no picture")
    assert run("batch", "photos", "--paintings", "painting.png", "photo.png", "-o", "run", *quick_flags) == 1
    told = capsys.readouterr()
    assert "2 of 4 pictures, 2 failed" in told.out
    assert "two_painting failed: cannot read" in told.err
    assert "2 of 4 jobs failed" in told.err
    Path("pairs.csv").write_text("photo,painting,strength\nphoto.png,painting.png,30\n")
    assert run("batch", "pairs.csv", "-o", "run2", "--quiet", *quick_flags) == 0


def test_a_comparison(folder_with_pictures: Path, quick_flags: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run("compare", *PAIR, "--with", "painterly", "file:photo.png=The photo", "-o", "run", *quick_flags) == 0
    assert Path("run/pastiches/The-photo.png").exists()
    assert "2 of 2 pictures" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["sweep", *PAIR, "-o", "run"], 2, ["--vary"]),
        (["sweep", *PAIR, "--vary", "strength=1,2"], 2, ["--output"]),
        (["sweep", *PAIR, "--vary", "strength=1,200", "-o", "run"], 2, ["--strength", "200"]),
        (["sweep", *PAIR, "--vary", "stength=1", "-o", "run"], 2, ["stength", "'strength'"]),
        (["sweep", *PAIR, "--vary", "strength", "-o", "run"], 2, ["NAME=VALUE"]),
        (["sweep", "nowhere.png", "painting.png", "--vary", "strength=1", "-o", "run"], 1, ["nowhere.png"]),
        (["sweep", *PAIR, "--vary", "strength=1", "-o", "run", "--judge", "lit"], 2, ["lit", "'lite'"]),
        (["sweep", *PAIR, "--vary", "strength=1", "-o", "photo.png"], 1, ["photo.png", "file"]),
        (["batch", "-o", "run"], 2, ["PHOTOS"]),
        (["batch", "photo.png", "-o", "run"], 2, ["--paintings"]),
        (["batch", "x.csv", "--paintings", "painting.png", "-o", "run"], 2, ["x.csv"]),
        (["batch", "x.csv", "-o", "run"], 1, ["x.csv"]),
        (["batch", "*.webp", "--paintings", "painting.png", "-o", "run"], 1, ["*.webp"]),
        (["compare", *PAIR, "-o", "run"], 2, ["--with"]),
        (["compare", *PAIR, "--with", "painterli", "-o", "run"], 2, ["painterli", "'painterly'"]),
        (["again", "run"], 1, ["run", "no run folder"]),
    ],
)
def test_errors_are_one_line(
    folder_with_pictures: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, words: list[str]
) -> None:
    assert run(*arguments) == code
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("impasto: ")
    assert told.err.count("\n") == 1, told.err
    assert all(word in told.err for word in words), told.err
    assert sorted(path.name for path in folder_with_pictures.iterdir()) == ["painting.png", "photo.png"]


@pytest.mark.parametrize("command", ["sweep", "batch", "compare"])
def test_every_option_is_a_flag(command: str) -> None:
    from impasto.options.fields import PaintOptions
    from impasto.options.spelling import flag_name

    names = {name for argument in cli.build_app()[command].assemble_argument_collection() for name in argument.names}
    assert {flag_name(option) for option in PaintOptions.model_fields} <= names
    assert {"--judge", "--ray", "--output", "-o", "--quiet"} <= names


@pytest.mark.parametrize(
    "arguments",
    [
        ["sweep", *PAIR, "--vary", "strength=1,200", "-o", "run"],
        ["batch", "photo.png", "--paintings", "*.webp", "-o", "run"],
        ["compare", *PAIR, "--with", "painterli", "-o", "run"],
        ["again", "run"],
    ],
)
def test_errors_come_before_torch_is_loaded(folder_with_pictures: Path, arguments: list[str]) -> None:
    script = (
        "import sys\nfrom impasto.cli.main import main\ncode = main(sys.argv[1:])\n"
        "sys.exit(9 if 'torch' in sys.modules else code)"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", script, *arguments], capture_output=True, timeout=60)
    assert done.returncode in (1, 2), done.stderr


@pytest.mark.parametrize("command", ["sweep", "batch", "compare", "again"])
def test_help_loads_no_torch(command: str) -> None:
    script = "import sys\nfrom impasto.cli.main import main\nmain(sys.argv[1:])\nassert 'torch' not in sys.modules\n"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script, command, "--help"], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert f"impasto {command}" in done.stdout


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="needs POSIX signals")
def test_ctrl_c_leaves_finished_jobs_and_says_so(folder_with_pictures: Path, quick_flags: list[str]) -> None:
    flags = [*quick_flags[: quick_flags.index("--steps")], *quick_flags[quick_flags.index("--steps") + 2 :]]
    command = ["sweep", *PAIR, "--vary", "steps=1;100000", "--stop-tolerance", "0", "-o", "run", *flags]
    process = subprocess.Popen([sys.executable, "-m", "impasto", *command], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)  # fmt: skip
    deadline = time.monotonic() + 60
    while not Path("run/results/steps-1.json").exists():
        assert process.poll() is None, process.stderr and process.stderr.read()
        assert time.monotonic() < deadline, "the first job never ended"
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "1 of 2 pictures, 1 not run" in out
    assert "Traceback" not in err
    assert Path("run/report.html").exists()
    assert [path.name for path in Path("run/pastiches").iterdir()] == ["steps-1.png"]


def test_the_commands_exist() -> None:
    for command in (cli_lab.sweep, cli_lab.batch, cli_lab.compare, cli_lab.again):
        assert command.__doc__
        assert command.__name__ in cli.build_app()
