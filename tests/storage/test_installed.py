"""The command that adds an extra, by how the environment was made."""

from __future__ import annotations

import shlex
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

from impasto.storage import installed
from impasto.storage.installed import extra_requirements, install_command, package_command

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = ("heic", "magenta", "onnx", "ray", "studio", "tfhub", "vgg19", "video")


@pytest.fixture
def prefix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment of its own, whose programs come first."""
    (tmp_path / "bin").mkdir()
    for name in ("python", "pip"):
        (tmp_path / "bin" / name).write_text("#!/bin/sh\n")
        (tmp_path / "bin" / name).chmod(0o755)
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin/python"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(installed, "find_spec", lambda name: name)
    monkeypatch.setattr(metadata, "requires", lambda name: requires)
    return tmp_path


requires = ["torch>=2.4", "av>=18; extra == 'video'", 'opencv-python-headless>=4.10 ; extra == "video"',
            "videos>=1; extra == 'videos'", "pillow-heif>=0.21; extra == 'heic'"]  # fmt: skip


@pytest.mark.parametrize("extra", EXTRAS)
def test_what_the_project_says_is_what_is_named(extra: str) -> None:
    assert sorted(extra_requirements(extra)) == sorted(PROJECT["optional-dependencies"][extra])


def test_in_an_environment_of_pip(prefix: Path) -> None:
    assert install_command("video") == 'pip install "av>=18" "opencv-python-headless>=4.10"'


def test_another_pip_comes_first(prefix: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin")
    assert install_command("heic") == f'"{prefix}/bin/python" -m pip install "pillow-heif>=0.21"'


def test_of_pipx(prefix: Path) -> None:
    (prefix / "pipx_metadata.json").write_text("{}")
    assert install_command("heic") == f'pipx inject {prefix.name} "pillow-heif>=0.21"'


def test_of_uv_without_pip(prefix: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installed, "find_spec", lambda name: None)
    words = shlex.split(install_command("heic"))
    assert words == ["uv", "pip", "install", "--python", f"{prefix}/bin/python", "pillow-heif>=0.21"]


def test_not_installed_at_all(prefix: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def requires(name: str) -> list[str]:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "requires", requires)
    clone = Path(__file__).parents[2]
    assert install_command("heic") == f'pip install "{clone}[heic]"'


FLAGS = "--force-reinstall --no-deps"


def test_with_flags_of_pip(prefix: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert package_command("a==1", flags=FLAGS) == f'pip install {FLAGS} "a==1"'
    monkeypatch.setattr(installed, "find_spec", lambda name: None)
    assert package_command("a==1", flags=FLAGS) == f'uv pip install --python "{prefix}/bin/python" {FLAGS} "a==1"'
    (prefix / "pipx_metadata.json").write_text("{}")
    words = shlex.split(package_command("a==1", flags=FLAGS))
    assert words == ["pipx", "inject", prefix.name, "--force", f"--pip-args={FLAGS}", "a==1"]
