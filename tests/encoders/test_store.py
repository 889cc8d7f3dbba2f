"""Where fetched weights live."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from impasto.encoders import store
from impasto.encoders.store import Stored, find_best, find_stored, list_stored, needs_fetch, resolve_name, stored_path
from impasto.errors import WeightsError

OLD, NEW = 64 * "0", 64 * "f"


def test_the_newest_comes_first_and_other_files_are_passed_over(weights_folder: Path) -> None:
    for age, sha256 in enumerate((NEW, OLD)):
        stored_path("vgg19", sha256).touch()
        os.utime(stored_path("vgg19", sha256), ns=(0, 1000 - age))
    for name in ("vgg19.short.safetensors", f"vgg16.{OLD}.safetensors", f"vgg19-torchvision.{OLD}.safetensors"):
        (weights_folder / name).touch()
    assert list_stored("vgg19") == [Stored(stored_path("vgg19", sha256), sha256) for sha256 in (NEW, OLD)]
    assert find_stored("vgg19") == Stored(weights_folder / f"vgg19.{NEW}.safetensors", NEW)


def test_what_needs_to_be_fetched() -> None:
    assert needs_fetch("vgg19")
    assert not needs_fetch("lite")
    assert not needs_fetch("own.safetensors")
    stored_path("vgg19", OLD).touch()
    assert not needs_fetch("vgg19")


def test_a_stand_in_is_second_best() -> None:
    assert resolve_name("vgg19") == "vgg19"
    assert find_best("vgg19") is None
    stored_path("vgg19-8bit", OLD).touch()
    assert find_best("vgg19") == find_stored("vgg19-8bit") == Stored(stored_path("vgg19-8bit", OLD), OLD)
    assert find_stored("vgg19") is None
    assert not needs_fetch("vgg19")
    assert needs_fetch("vgg16")
    assert [resolve_name(name) for name in ("vgg19", "lite", "own.safetensors")] == [
        "vgg19-8bit", "lite", "own.safetensors"
    ]  # fmt: skip
    stored_path("vgg19", NEW).touch()
    assert find_best("vgg19") == find_stored("vgg19")
    assert resolve_name("vgg19") == "vgg19"


def test_the_folder_is_in_the_cache_where_no_variable_names_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("IMPASTO_WEIGHTS_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert store.weights_folder().name == "weights"
    assert "impasto" in store.weights_folder().parts
    assert find_stored("vgg19") is None  # nothing is made by looking


def test_a_folder_that_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("IMPASTO_WEIGHTS_DIR", str(tmp_path / "file" / "weights"))
    with pytest.raises(WeightsError, match=r"cannot create the folder of weights .*; IMPASTO_WEIGHTS_DIR names"):
        store.weights_folder(create=True)
