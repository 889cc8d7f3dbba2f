"""Types of the options as keywords: the options exactly, and a checker finds what is misspelt."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from impasto.options.fields import PaintOptions
from impasto.options.keywords import DraftKeywords, PaintKeywords
from impasto.runs.draft import DraftOptions

ROOT = Path(__file__).parents[2]
RIGHT = """
import io
import numpy as np
import impasto
impasto.paint("photo.jpg", "flow", size_px=800, style_layers="relu1_1:4", steps=5, recipe="pixels")
impasto.paint(b"...", {"a.jpg": 1.0, "b.jpg": 2.0}, starting_point=np.zeros((4, 4)), on_event=print)
impasto.paint(io.BytesIO(), ("a.jpg", 0.5), shape_px=(2, 3), max_memory_bytes="2GB")
pastiche = impasto.draft("photo.jpg", "flow", strength=60)
impasto.paint(pastiche, pastiche)
pastiche.save(io.BytesIO(), format="jpg")
"""
WRONG = {
    'impasto.paint("photo.jpg", "flow", sise_px=800)': "sise_px",
    'impasto.paint("photo.jpg", "flow", optimizer="sgd")': "optimizer",
    'impasto.draft("photo.jpg", "flow", tv_weight=1.0)': "tv_weight",
    'impasto.replay("pastiche.png", stength=70)': "stength",
    'impasto.sweep("photo.jpg", "flow", {}, folder="x", sise_px=3)': "sise_px",
}


def test_the_module_is_up_to_date(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "tools")
    import options_types

    assert options_types.TARGET.read_text(encoding="utf-8") == options_types.build_module(), (
        "run: python tools/options_types.py"
    )
    assert list(PaintKeywords.__annotations__) == list(PaintOptions.model_fields)
    assert set(DraftKeywords.__annotations__) == set(DraftOptions.model_fields)


@pytest.mark.parametrize("checker", ["mypy", "pyright", "basedpyright"])
def test_a_checker_finds_a_misspelt_option(tmp_path: Path, checker: str) -> None:
    program = Path(sys.executable).parent / checker
    found = str(program) if program.exists() else shutil.which(checker)
    if found is None:
        pytest.skip(f"there is no {checker} here")
    (tmp_path / "wrong.py").write_text("\n".join(["import impasto", *WRONG]))
    (tmp_path / "right.py").write_text(RIGHT)
    arguments = ["--strict", "--cache-dir", str(tmp_path / "cache")] if checker == "mypy" else []
    done = subprocess.run([found, *arguments, "wrong.py", "right.py"], cwd=tmp_path, capture_output=True, text=True)
    said = done.stdout.splitlines()
    errors = [line for line in said if "error" in line and ".py:" in line]
    assert not [line for line in errors if "right.py" in line], done.stdout + done.stderr
    for number, words in enumerate(WRONG.values(), start=2):
        lines = [line for line in errors if f"wrong.py:{number}" in line]
        assert any(words in line for line in lines), (number, done.stdout, done.stderr)
