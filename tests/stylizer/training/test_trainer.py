"""Steps of training: what decides them, and that a few of them learn something."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from stylizers import random_images

from impasto.stylizer.statistics import LAYERS
from impasto.stylizer.stylizer import load_stylizer
from impasto.stylizer.training.data import TrainingSet
from impasto.stylizer.training.trainer import Trainer, TrainingOptions

TINY = TrainingOptions(steps=4, batch=2, crop_px=32, scales_px=(32,), identity_share=0.5, blend_share=0.5, bf16=False)


def test_crispness_is_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    trained = []
    for weight in (0.0, 0.05):
        monkeypatch.setattr("impasto.stylizer.training.trainer.CRISPNESS_WEIGHT", weight)
        trainer = Trainer(TrainingSet(random_images(2, 0, 48), random_images(2, 10, 48)), TINY)
        trainer.train_step()
        trained.append(trainer.network.leave.weight.detach().clone())
        assert trainer.losses["crispness"] > 0
    assert not torch.equal(*trained)


def test_another_seed_is_another_run() -> None:
    pictures = TrainingSet(random_images(3, 0, 48), random_images(3, 10, 48))
    weights = []
    for seed in (0, 0, 1):
        trainer = Trainer(pictures, replace(TINY, seed=seed))
        trainer.train_step()
        weights.append(trainer.average["leave.weight"])
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_learns_one_painting() -> None:
    options = replace(TINY, steps=1000, learning_rate=3e-3, identity_share=0.0, blend_share=0.0, readability=0.9)
    trainer = Trainer(TrainingSet(random_images(1, 0, 48), random_images(1, 20, 48)), options)
    trainer.content_weight = 0.0
    distances = []
    for _ in range(24):
        trainer.losses.clear()
        trainer.train_step()
        distances.append(sum(trainer.losses[name] for name in LAYERS))
    assert np.mean(distances[-4:]) < 0.8 * np.mean(distances[:4])


def test_begins_where_it_is_told_to() -> None:
    weights = load_stylizer().network.state_dict()
    trainer = Trainer(TrainingSet(random_images(2, 0, 48), random_images(1, 10, 48)), TINY, weights)
    for name, tensor in weights.items():
        assert torch.equal(trainer.average[name], tensor), name
