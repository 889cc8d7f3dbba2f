"""The command line of style files and of the exported stylizer."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from impasto.cli import main as cli
from impasto.storage.installed import install_command


def test_style_files_are_saved_and_described(folder_with_pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["style", "save", "painting.png", "-o", "p.style"]) == 0
    assert "p.style: " in capsys.readouterr().out
    assert Path("p.style").stat().st_size < 1_100_000
    assert cli.main(["style", "info", "p.style"]) == 0
    assert "painting.png, 64x64 px" in capsys.readouterr().out
    for arguments, code in (
        (["save", "painting.png", "-o", "p.style"], 1),
        (["save", "painting.png", "-o", "p.txt"], 2),
        (["save", "missing.png", "-o", "q.style"], 1),
        (["info", "painting.png"], 1),
        (["info", "missing.style"], 1),
    ):
        assert cli.main(["style", *arguments]) == code
        assert len(capsys.readouterr().err.splitlines()) == 1


def test_what_cannot_be_exported_is_a_line(
    folder_with_pictures: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    export = ["export", "stylizer", "-o"]
    assert cli.main([*export, "nowhere/a.onnx"]) == 1
    assert "there is no folder 'nowhere'" in capsys.readouterr().err
    assert cli.main([*export, "a.onnx", "--stylizer", "photo.png"]) == 1
    assert "is damaged or not an impasto" in capsys.readouterr().err
    assert cli.main([*export, "a.png"]) == 2  # a graph under the name of a picture
    assert "an exported stylizer ends in .onnx, got 'a.png'" in capsys.readouterr().err
    assert cli.main([*export, "a.onnx", "--weights", "int4"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    monkeypatch.setitem(sys.modules, "onnx", None)
    assert cli.main([*export, "a.onnx"]) == 2
    assert capsys.readouterr().err.strip().endswith(f"to export: {install_command('onnx')}")
    assert not Path("a.onnx").exists()
