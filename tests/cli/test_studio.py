"""``impasto studio`` where it cannot start, and its API as docs/studio.md shows it."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from impasto.cli.main import main
from impasto.cli.studio import VARIABLE, find_password
from impasto.errors import InputError, OptionError
from impasto.images.reading import read_record
from impasto.storage.installed import install_command

DOCS = Path(__file__).parents[2] / "docs" / "studio.md"


def test_another_address_needs_a_password(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["studio", "--host", "0.0.0.0", "--folder", str(tmp_path / "new")]) == 2
    line = capsys.readouterr().err
    assert line == "impasto: --host 0.0.0.0 lets others in: give --password too, or leave --host out\n"
    assert not (tmp_path / "new").exists()


def test_a_port_that_is_taken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert main(["studio", "--port", port, "--folder", str(tmp_path / "new")]) == 2
    assert f"port {port}: Address already in use; give another --port" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--max-upload", "much"], "--max-upload is a number of bytes, as 50MB, got 'much'"),
        (["--max-pixels", "0"], "--max-pixels is at least 1, got 0"),
        (["--port", "99999"], "--port is from 1 to 65535, got 99999"),
        (["--strength", "200"], "--strength: input should be less than or equal to 100, got '200'"),
    ],
)
def test_wrong_flags(flags: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["studio", "--folder", str(tmp_path / "new"), *flags]) == 2
    assert capsys.readouterr().err == f"impasto: {words}\n"


def test_without_the_extra(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "uvicorn" else find(name))
    assert main(["studio", "--folder", str(tmp_path / "new")]) == 2
    assert capsys.readouterr().err == f"impasto: the studio needs uvicorn: {install_command('studio')}\n"


@pytest.fixture
def port(folder_with_pictures: Path, tmp_path: Path) -> Iterator[int]:
    """The port of a studio in a process of its own; the pictures are as the documentation calls them."""
    pytest.importorskip("fastapi", reason="the studio needs the extra 'studio'")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    for name in ("photo", "painting"):
        (folder_with_pictures / f"{name}.png").rename(folder_with_pictures / f"{name}.jpg")
    command = [sys.executable, "-m", "impasto", "studio", "--no-browser", "--folder", str(tmp_path / "folder")]
    command += ["--port", str(port), "--size", "48", "--min-scale", "32", "--steps", "2", "--threads", "1"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        assert server.stdout is not None
        assert str(port) in server.stdout.readline()
        yield port
    finally:
        server.send_signal(signal.SIGTERM)
        assert server.wait(30) == 0
        server.stdout.close()  # type: ignore[union-attr]


def example(language: str, port: int) -> str:
    """The last example of the documentation in a language, for a small picture at a port."""
    text = re.findall(rf"```{language}\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)[-1]
    assert text.count(":7860") == 1 and text.count("size_px") == 1
    return text.replace(":7860", f":{port}").replace('": 800', '": 48').replace('\\": 800', '\\": 48')


def test_the_documented_programs(port: int, folder_with_pictures: Path) -> None:
    script = example("python", port)
    subprocess.run([sys.executable, "-c", script], check=True, cwd=folder_with_pictures, timeout=120)
    draft = read_record(folder_with_pictures / "draft.jpg")
    assert (draft["kind"], draft["options"]["size_px"]) == ("draft", 48)  # type: ignore[index]
    assert read_record(folder_with_pictures / "pastiche.png")["options"]["strength"] == 60  # type: ignore[index]
    if shutil.which("curl") is None or shutil.which("jq") is None:
        return  # the shell's example needs them
    (folder_with_pictures / "pastiche.png").unlink()
    shell = example("bash", port)
    subprocess.run(["bash", "-ec", shell], check=True, cwd=folder_with_pictures, timeout=120, stdout=subprocess.DEVNULL)
    assert read_record(folder_with_pictures / "pastiche.png")["options"]["size_px"] == 48  # type: ignore[index]


def test_where_a_password_comes_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "password"
    file.write_text("from the file\nand more\n")
    file.chmod(0o600)
    monkeypatch.delenv(VARIABLE, raising=False)
    assert find_password(None, None) is None
    assert find_password("given", None) == "given"
    assert find_password(None, file) == "from the file"
    monkeypatch.setattr("getpass.getpass", lambda prompt: "typed")
    assert find_password("-", None) == "typed"
    monkeypatch.setenv(VARIABLE, "from the environment")
    assert find_password(None, None) == "from the environment"
    assert find_password(None, file) == "from the file"
    with pytest.raises(OptionError, match="leave one out"):
        find_password("given", file)
    with pytest.raises(OptionError, match="is empty"):
        find_password("", None)
    with pytest.raises(InputError, match="no such file"):
        find_password(None, tmp_path / "nowhere")


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_a_password_file_that_others_may_read(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("x")
    (tmp_path / "password").chmod(0o644)
    with pytest.raises(OptionError, match="chmod 600"):
        find_password(None, tmp_path / "password")
