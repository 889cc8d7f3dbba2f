"""The command that `info` prints makes a run of the same inputs and options."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import impasto
from impasto.cli import main as cli


def command_of(picture: str, capsys: pytest.CaptureFixture[str]) -> list[str]:
    capsys.readouterr()
    assert cli.main(["info", picture]) == 0
    program, *words = shlex.split(capsys.readouterr().out.splitlines()[-1])
    assert program == "impasto"
    return words


@pytest.mark.parametrize(
    "arguments",
    [
        ["painting.png"],
        ["flow", "painting.png:0.25", "--strength", "30", "--starting-point", "my start.png"],
        ["flow@part.png:1:2", "--color", "palette:painting.png"],
        ["painting.png", "--region", "mask.png=dots:2+flow,strength=20,color=photo", "--tv-weight", "0.1"],
        ["painting.png", "--recipe", "painterly"],
    ],
)
def test_it_makes_the_same_record(
    folder_with_pictures: Path, tiny_encoder_file: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with Image.open("photo.png") as photo:
        photo.save("my start.png")
    Image.new("L", (40, 30), 255).save("part.png")
    Image.new("L", (60, 48), 255).save("mask.png")
    (folder_with_pictures / "tiny.safetensors").write_bytes(tiny_encoder_file.read_bytes())
    quick = ["--encoder", "tiny.safetensors", "--size", "40", "--min-scale", "32", "--steps", "1"]
    assert cli.main(["paint", "photo.png", *arguments, *quick, "-o", "first.png", "-q"]) == 0
    words = command_of("first.png", capsys)
    assert cli.main([*words, "-o", "second.png", "-q"]) == 0
    first: Any = impasto.read_record("first.png")
    second: Any = impasto.read_record("second.png")
    assert first | {"recipe": second["recipe"]} == second  # `pixels` may have gone without saying
    assert len(words) < 20
    assert "--threads" not in words


def test_a_name_is_neither_a_flag_nor_the_way_to_another_folder(
    folder_with_pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A picture that was sent may call its photo --overwrite: what is pasted of `info` is to paint, no more."""
    pastiche = impasto.draft("photo.png", "painting.png", size_px=32)
    inputs: Any = pastiche.record["inputs"]
    inputs["content"]["name"], inputs["paintings"][0]["name"] = "--overwrite", "../../-oother.png"
    pastiche.save("sent.png")
    assert command_of("sent.png", capsys)[:3] == ["draft", "./--overwrite", "./-oother.png"]


def test_what_was_no_file_is_to_be_named(folder_with_pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    impasto.draft(Path("photo.png").read_bytes(), "painting.png", size_px=32).save("sent.png")
    assert command_of("sent.png", capsys)[:3] == ["draft", "PICTURE", "painting.png"]


def test_drafts_textures_and_reconstructions(
    folder_with_pictures: Path, tiny_encoder_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["draft", "photo.png", "flow", "--strength", "60", "--size", "32", "-o", "d.png", "-q"]) == 0
    assert command_of("d.png", capsys) == shlex.split("draft photo.png flow --size 32 --strength 60")
    quick = ["--encoder", str(tiny_encoder_file), "--min-scale", "32", "--steps", "1", "-q"]
    assert cli.main(["texture", "painting.png", "-o", "t.png", "--size", "40x32", *quick]) == 0
    assert command_of("t.png", capsys)[:4] == ["texture", "painting.png", "--recipe", "texture"]
    flags = ["--no-timelapse", "--size", "32", *quick]
    assert cli.main(["reconstruct", "content", "photo.png", "-o", "r.png", *flags]) == 0
    assert command_of("r.png", capsys)[:3] == ["reconstruct", "content", "photo.png"]
