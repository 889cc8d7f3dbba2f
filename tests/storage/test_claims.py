"""Claims of a name that is about to be written, between processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from impasto.errors import OutputError
from impasto.storage.claims import claim, claimed_folder, is_claimed

HOLD = "import sys, pathlib; from impasto.storage.claims import claim\nwith claim(pathlib.Path(sys.argv[1])):\n    {}"


def other(path: str, then: str = "print('claimed')") -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", HOLD.format(then), path], capture_output=True, text=True, timeout=60)


def test_a_name_is_one_processs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("y").mkdir()
    Path("link.png").symlink_to("out.png")
    with claim(Path("out.png")):
        assert is_claimed(Path("out.png"))
        for spelling in ("out.png", "y/../out.png", str(tmp_path / "out.png"), "link.png"):
            assert "another run is at it" in other(spelling).stderr, spelling
        assert "claimed" in other("other.png").stdout
        with pytest.raises(OutputError, match="another run is at it"), claim(Path("out.png")):
            pass
    assert "claimed" in other("out.png").stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.png", "y"], "nothing is left"


def test_a_killed_process_claims_nothing(tmp_path: Path) -> None:
    path = tmp_path / "out.png"
    assert other(str(path), "import os; os._exit(9)").returncode == 9
    assert is_claimed(path), "its lock is still there"
    with claim(path):
        pass
    assert not list(tmp_path.iterdir())


def test_capitals_where_the_folder_takes_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with claim(tmp_path / "out.png"):
        assert not is_claimed(tmp_path / "OUT.png")
    monkeypatch.setattr("impasto.storage.claims._folds_case", lambda folder: True)
    with claim(tmp_path / "out.png"):
        assert is_claimed(tmp_path / "OUT.png")


def test_a_lock_that_is_a_link_leads_nowhere(tmp_path: Path) -> None:
    with claim(tmp_path / "out.png"):
        (lock,) = tmp_path.iterdir()
    victim = tmp_path / "victim"
    victim.write_text("mine")
    lock.symlink_to(victim)
    with pytest.raises(OutputError), claim(tmp_path / "out.png"):
        pass
    assert victim.read_text() == "mine"


def test_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    with claimed_folder(folder), pytest.raises(OutputError, match="another run"), claimed_folder(folder):
        pass
    assert not list((tmp_path / "a" / "b").iterdir())
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot make the folder"), claimed_folder(tmp_path / "file"):
        pass


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot write"), claim(tmp_path / "nowhere" / "out.png"):
        pass
