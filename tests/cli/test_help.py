"""Help: commands by use, few flags at first, an example at the end; completion in real shells."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import run_cli

from impasto.cli import help as cli_help
from impasto.cli import main as cli
from impasto.cli.commands import COMMANDS
from impasto.options.fields import PaintOptions
from impasto.options.spelling import flag_name

FLAG = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]*")


def help_of(*words: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("COLUMNS", "80")
    assert cli.main(list(words)) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("command", COMMANDS)
def test_examples_are_at_the_end_and_can_be_parsed(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = help_of(command, "--help", capsys=capsys, monkeypatch=monkeypatch)
    end = text[text.index("Example: ") :].splitlines()
    lines = [line.removeprefix("Example: ").strip() for line in end if line and not line.startswith("--help-all")]
    assert lines
    app = cli.build_app()
    for line in lines:
        program, *words = shlex.split(line)
        assert program == "impasto"
        app.parse_args(words, exit_on_error=False, print_error=False)


@pytest.mark.parametrize("words", [*((name,) for name in COMMANDS), ("reconstruct", "style")], ids=" ".join)
def test_help_says_where_it_leaves_flags_out(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    short = help_of(*words, "--help", capsys=capsys, monkeypatch=monkeypatch)
    whole = help_of(*words, "--help-all", capsys=capsys, monkeypatch=monkeypatch)
    left_out = set(FLAG.findall(whole)) != set(FLAG.findall(short)) - {"--help-all"}
    assert ("--help-all shows every option" in short) == (left_out or words == ("reconstruct",))


def test_the_help_of_paint_fits_fifty_lines_and_all_of_it_is_to_be_had(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    short = help_of("paint", "--help", capsys=capsys, monkeypatch=monkeypatch)
    whole = help_of("paint", "--help-all", capsys=capsys, monkeypatch=monkeypatch)
    assert len(short.splitlines()) <= 50
    assert "--help-all shows every option" in short
    for flag in ("--size", "--strength", "--output", "--region", "--recipe", "--color"):
        assert f" {flag}" in short
    assert {flag_name(option) for option in PaintOptions.model_fields} <= set(FLAG.findall(whole))
    assert set(FLAG.findall(whole)) >= cli_help.FLAGS_OF_ALL
    assert not cli_help.FLAGS_OF_ALL & set(FLAG.findall(short))


# -------------------------------------------------------------------------------------- completion

BASH = """
source "$HOME/.local/share/bash-completion/completions/impasto"
complete_words() {
    COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
    word=${COMP_WORDS[COMP_CWORD]}
    $(complete -p impasto | sed 's/.*-F \\([^ ]*\\).*/\\1/') impasto "$word" "${COMP_WORDS[COMP_CWORD - 1]}"
    echo "${COMPREPLY[@]}"
}
complete_words impasto rep; complete_words impasto paint --stre; complete_words impasto weights ver
"""
FISH = "complete -C 'impasto rep'; complete -C 'impasto paint --stre'; complete -C 'impasto weights ver'"
ZSH = r"""
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell 'fpath=($HOME/.zsh/completions $fpath); autoload -Uz compinit; compinit -u -D; echo rea""dy'
zpty -r shell said '*ready*'
for line in 'impasto rep' 'impasto paint --stre' 'impasto weights ver'; do
    zpty -w -n shell "$line"$'\t\t\x01echo \x05\n'
    sleep 1.5
done
sleep 1
zpty -r -t shell out; while zpty -r -t shell more; do out+=$more; done
print -r -- "$out"
"""


@pytest.mark.parametrize(
    ("shell", "script"), [("bash", BASH), ("fish", FISH), ("zsh", ZSH)], ids=["bash", "fish", "zsh"]
)
def test_completion_in_a_real_shell(tmp_path: Path, shell: str, script: str) -> None:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"there is no {shell} here")
    environment = os.environ | {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / ".config"), "TERM": "xterm"}
    (tmp_path / "impasto").write_text("#!/bin/sh\n")  # fish completes only programs that there are
    (tmp_path / "impasto").chmod(0o755)
    environment["PATH"] = f"{tmp_path}{os.pathsep}{environment['PATH']}"
    environment.pop("XDG_DATA_HOME", None)
    environment.pop("ZSH_CUSTOM", None)
    install = [sys.executable, "-m", "impasto", "--install-completion", "--shell", shell]
    subprocess.run(install, env=environment, check=True, capture_output=True, timeout=60)
    done = subprocess.run(
        [program, "-c", script], env=environment, capture_output=True, text=True, timeout=60, cwd=tmp_path
    )
    assert "replay" in done.stdout, done.stderr
    assert "--strength" in done.stdout
    assert "verify" in done.stdout


def test_help_loads_nothing_heavy() -> None:
    done = run_cli("paint", "--help-all")
    assert (done.returncode, done.stderr) == (0, "")
