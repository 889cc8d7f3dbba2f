"""The command line of drafts, and what replay, info and enlarge do with one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import impasto
from impasto.cli import main as cli
from impasto.errors import RecordError


@pytest.fixture
def drafted(folder_with_pictures: Path) -> Path:
    impasto.draft("photo.png", "painting.png").save("draft.png")
    return folder_with_pictures / "draft.png"


def test_replay_of_a_draft_from_the_command_line(drafted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["replay", str(drafted), "-o", "again.png"]) == 0
    assert "drafted in" in capsys.readouterr().out
    assert drafted.with_name("again.png").read_bytes() == drafted.read_bytes()
    assert cli.main(["replay", str(drafted), "-o", "other.png", "--strength", "20"]) == 0
    np.testing.assert_array_equal(impasto.replay("other.png").pixels, impasto.replay(drafted, strength=20).pixels)
    assert impasto.read_record("other.png")["options"]["strength"] == 20
    assert cli.main(["replay", str(drafted), "-o", "third.png", "--steps", "20"]) == 2
    assert "is a draft, which has no option --steps" in capsys.readouterr().err


def test_what_a_run_does_with_a_draft(
    drafted: Path, folder_with_pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["enlarge", str(drafted), "--size", "200", "-o", "large.png"]) == 1
    assert "is a draft" in capsys.readouterr().err
    with pytest.raises(RecordError, match=r"no run record|no record"):
        impasto.replay(folder_with_pictures / "photo.png")


def test_info_of_a_draft(drafted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["info", str(drafted)]) == 0
    *lines, command = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines if line.startswith("-")] == [["--size", "60"]]
    assert command.startswith("impasto draft ")
    assert command.endswith(" --size 60")


def test_command_line(folder_with_pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["draft", "photo.png", "painting.png", "painting.png:0.5", "-o", "draft.png"]
    assert cli.main([*arguments, "--size", "48", "--strength", "80"]) == 0
    assert "draft.png: 48x38 px, drafted in" in capsys.readouterr().out
    with Image.open("draft.png") as image:
        assert image.size == (48, 38)
    assert cli.main(arguments) == 1
    assert "draft.png" in capsys.readouterr().err
    assert cli.main([*arguments, "--overwrite", "--quiet", "--no-record"]) == 0
    assert capsys.readouterr().out == ""
    assert cli.main(["info", "draft.png"]) == 1


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["photo.png", "painting.png", "-o", "draft.txt"], 2),
        (["photo.png", "painting.png", "-o", "draft.png", "--strength", "200"], 2),
        (["missing.png", "painting.png", "-o", "draft.png"], 1),
        (["photo.png", "painting.png", "-o", "draft.png", "--max-pixels", "10"], 1),
        (["photo.png", "painting.png", "-o", "draft.png", "--max-pixels", "0"], 2),
    ],
)
def test_errors_are_one_line(
    folder_with_pictures: Path, arguments: list[str], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["draft", *arguments]) == code
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert sorted(path.name for path in folder_with_pictures.iterdir()) == ["painting.png", "photo.png"]


def test_help_loads_no_torch() -> None:
    for command in ("draft", "train stylizer"):
        script = f"import sys\nfrom impasto.cli.main import main\nmain({[*command.split(), '--help']})\n"
        script += "assert 'torch' not in sys.modules"
        subprocess.run([sys.executable, "-W", "error", "-c", script], check=True, capture_output=True)


HUGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage/enabled")


@pytest.mark.skipif(
    not HUGE_PAGES.is_file() or "[madvise]" not in HUGE_PAGES.read_text(),
    reason="pages of 2 MB are not to be asked for here",
)
def test_a_process_that_drafts_takes_memory_in_large_pages(
    folder_with_pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = (
        "import resource, sys; import impasto.lab.drafts, impasto.stylizer.regions; from impasto.cli.main import main\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt; main(sys.argv[1:])\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)"
    )
    command = [sys.executable, "-c", script, "draft", "photo.png", "painting.png", "-q", "-o", "out.png", "--overwrite"]
    command += ["--size", "640"]
    faults, pictures = [], []
    for value in ("0", None):
        if value is None:
            monkeypatch.delenv("THP_MEM_ALLOC_ENABLE")
        run = subprocess.run(command, check=True, capture_output=True, text=True)
        faults.append(int(run.stdout))
        pictures.append(Path("out.png").read_bytes())
    assert faults[1] < 0.6 * faults[0]
    assert pictures[0] == pictures[1]
