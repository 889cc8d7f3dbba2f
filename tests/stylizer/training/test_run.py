"""Training runs in a folder: resumed bit for bit, never overwritten."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from stylizers import random_images

from impasto.errors import CheckpointError, OutputError
from impasto.stylizer.stylizer import load_stylizer
from impasto.stylizer.training.data import TrainingSet
from impasto.stylizer.training.run import iter_training
from impasto.stylizer.training.trainer import TrainingOptions

TINY = TrainingOptions(steps=4, batch=2, crop_px=32, scales_px=(32,), identity_share=0.5, blend_share=0.5, bf16=False)


def test_a_resumed_run_is_the_uninterrupted_one(tmp_path: Path) -> None:
    pictures = TrainingSet(random_images(2, 0, 48), random_images(1, 10, 48))
    whole = list(iter_training(pictures, tmp_path / "whole", TINY, every=2))
    for _ in iter_training(pictures, tmp_path / "parts", TINY, every=2):
        break
    assert json.loads((tmp_path / "parts" / "log.jsonl").read_text())["step"] == 2
    rest = list(iter_training(pictures, tmp_path / "parts", TINY, every=2, resume=True))
    assert [report.step for report in rest] == [4]
    assert rest[-1].losses == whole[-1].losses
    files = [tmp_path / name / "stylizer.safetensors" for name in ("whole", "parts")]
    weights = [load_stylizer(file).network.state_dict() for file in files]
    for name, tensor in weights[0].items():
        assert torch.equal(tensor, weights[1][name]), name
    assert {file.name for file in (tmp_path / "whole").iterdir()} == {
        "checkpoint.pt", "log.jsonl", "sample-000002.jpg", "sample-000004.jpg", "stylizer.safetensors"
    }  # fmt: skip


def test_runs_are_not_overwritten_and_not_made_up(tmp_path: Path) -> None:
    pictures = TrainingSet(random_images(2, 0, 48), random_images(1, 10, 48))
    with pytest.raises(CheckpointError, match=r"holds no checkpoint.pt to go on from"):
        next(iter_training(pictures, tmp_path, TINY, resume=True))
    (tmp_path / "checkpoint.pt").write_bytes(b"not a checkpoint")
    with pytest.raises(OutputError, match="holds a training run"):
        next(iter_training(pictures, tmp_path, TINY))
    with pytest.raises(CheckpointError, match="damaged or no checkpoint"):
        next(iter_training(pictures, tmp_path, TINY, resume=True))


def begun(folder: Path) -> TrainingSet:
    """A training run that was stopped after its first report; returns its pictures."""
    pictures = TrainingSet(random_images(2, 0, 48), random_images(1, 10, 48))
    next(iter_training(pictures, folder, TINY, every=2))
    return pictures


@pytest.mark.parametrize(
    "change",
    [
        lambda state: [],
        lambda state: state.pop("average"),
        lambda state: state["average"].pop("leave.weight"),
        lambda state: state["average"].update({"leave.weight": torch.zeros(3)}),
        lambda state: state["network"]["leave.weight"].fill_(float("nan")),
        lambda state: state["optimizer"]["state"][0].update(exp_avg=torch.zeros(7)),
        lambda state: state["optimizer"]["state"][0].update(exp_avg_sq="x"),
        lambda state: state["optimizer"].update(state=3),
        lambda state: state.update(step=-1),
        lambda state: state.update(step=10**400),
        lambda state: state.update(step=None),
        lambda state: state.update(content_weight=float("inf")),
        lambda state: state.update(losses=[1.0]),
        lambda state: state.update(losses={"style": float("nan")}),
    ],
)  # fmt: skip
def test_a_checkpoint_from_somebody_else_is_checked(tmp_path: Path, change: Callable[[Any], object]) -> None:
    pictures, path = begun(tmp_path), tmp_path / "checkpoint.pt"
    state = torch.load(path, weights_only=True)
    changed = change(state)
    torch.save(changed if changed == [] else state, path)
    with pytest.raises(CheckpointError, match="is damaged or no checkpoint of a training run"):
        next(iter_training(pictures, tmp_path, TINY, resume=True))


def test_a_torch_that_may_run_code_reads_no_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = begun(tmp_path)
    monkeypatch.setattr("impasto.encoders.conversion.TORCH_VERSION", (2, 9))
    with pytest.raises(CheckpointError, match=r"may run code that is hidden in it .* install torch 2\.10"):
        next(iter_training(pictures, tmp_path, TINY, resume=True))


@pytest.mark.parametrize("kind", ["link", "pipe"])
@pytest.mark.parametrize("name", ["log.jsonl", "sample-000002.jpg", "stylizer.safetensors"])
def test_nothing_is_written_through_a_link_or_a_pipe_in_the_folder(tmp_path: Path, name: str, kind: str) -> None:
    mine, folder = tmp_path / "mine.txt", tmp_path / "run"
    mine.write_text("mine")
    folder.mkdir()
    (folder / name).symlink_to(mine) if kind == "link" else os.mkfifo(folder / name)
    pictures = TrainingSet(random_images(2, 0, 48), random_images(1, 10, 48))
    with pytest.raises(OutputError, match=f"'{name}' is a link or no file"):
        next(iter_training(pictures, folder, TINY, every=2))
    assert mine.read_text() == "mine"
