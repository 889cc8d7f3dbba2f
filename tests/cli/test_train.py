"""The command line of training."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

import impasto
from impasto.cli import main as cli


def test_train_from_the_command_line(folder_with_pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder_with_pictures / "photos").mkdir()
    Image.open("photo.png").resize((100, 90)).save("photos/one.png")
    train = ["train", "stylizer", "--photos", "photos", "--painting", "painting.png", "-o", "mine"]
    train += ["--steps", "2", "--batch", "1", "--crop", "64", "--threads", "1"]
    assert cli.main(train) == 0
    assert "step 2 of 2" in capsys.readouterr().out
    assert impasto.draft("photo.png", "painting.png", stylizer="mine/stylizer.safetensors").record["stylizer"][
        "name"
    ] == ("painting")
    assert cli.main(train) == 1
    assert "holds a training run" in capsys.readouterr().err
    assert cli.main([*train[:-9], "photo.png", *train[-8:]]) == 1
    assert "cannot make the folder 'photo.png': File exists" in capsys.readouterr().err
    assert cli.main([*train, "--paintings", "photos"]) == 2
    assert cli.main([*train, "--crop", "70"]) == 2
    assert cli.main(["train", "stylizer", "--photos", "nowhere", "--painting", "painting.png", "-o", "x"]) == 1
