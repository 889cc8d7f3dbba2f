"""Training runs in a folder: resumed bit for bit, never overwritten."""

from __future__ import annotations

import json
from pathlib import Path

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
