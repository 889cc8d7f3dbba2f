"""Words of other programs lead to ours, and a command that is left out is found."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from impasto.cli import first_words
from impasto.cli import main as cli
from impasto.options.fields import PaintOptions
from impasto.options.spelling import flag_name

COMMANDS = ["paint", "draft", "info"]


@pytest.mark.parametrize(
    ("tokens", "words"),
    [
        (["help"], ["--help"]),
        (["help", "paint"], ["paint", "--help"]),
        (["version"], ["--version"]),
        (["a.JPG", "flow"], ["paint", "a.JPG", "flow"]),
        (["here", "flow"], ["paint", "here", "flow"]),
        (["nowhere", "flow"], ["nowhere", "flow"]),
        (["info", "a.jpg"], ["info", "a.jpg"]),
        (["-", "flow"], ["paint", "standard input", "flow"]),
        (["paint", "-", "flow", "-o", "-", "-q"], ["paint", "standard input", "flow", "--output=-", "-q"]),
        (["paint", "-", "flow", "--output", "-"], ["paint", "standard input", "flow", "--output=-"]),
        ([], []),
    ],
)
def test_lead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tokens: list[str], words: list[str]) -> None:
    monkeypatch.chdir(tmp_path)
    Path("here").touch()
    assert first_words.lead(tokens, COMMANDS) == words


def test_a_file_with_the_name_of_a_command_is_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("paint").touch()
    assert first_words.lead(["paint", "a.jpg"], COMMANDS) == ["paint", "a.jpg"]


def test_what_is_led_to_exists() -> None:
    app = cli.build_app()
    ours = {flag_name(name) for name in PaintOptions.model_fields} | {"--output", "--overwrite", "--recipe", "--region"}
    ours |= {"--timelapse", "--print"}
    assert {name.split()[0] for name in first_words.FLAGS} <= ours
    assert set(first_words.COMMANDS) <= set(app)
    for answer in first_words.ANSWERS:
        for command in re.findall(r"impasto ([a-z-]+)", answer):
            assert command in app


def test_no_word_leads_to_two_places_nor_is_our_own() -> None:
    words = [
        word for table in (first_words.FLAGS, first_words.ANSWERS) for text in table.values() for word in text.split()
    ]
    assert len(words) == len(set(words))
    assert not {f"--{word}" for word in words} & {flag_name(name) for name in PaintOptions.model_fields}
    commands = [word for text in first_words.COMMANDS.values() for word in text.split()]
    assert len(commands) == len(set(commands))
    assert not set(commands) & set(cli.build_app())


def test_only_finished_pictures_are_spoken_of(folder_with_pictures: Path) -> None:
    assert first_words.why_not_resumed(Path("photo.png")) is None
    assert first_words.why_not_resumed(Path("nowhere")) is None
    assert first_words.why_not_resumed(Path("x" * 300)) is None
