"""Files of other packages, found by metadata that is written here."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pytest

from impasto.errors import WeightsError
from impasto.storage.packaged import PackagedFile

CONTENT = b"numbers of a network"
FILE = PackagedFile("some-weights", "1.2", "some_weights/data/net.bin", hashlib.sha256(CONTENT).hexdigest())


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
