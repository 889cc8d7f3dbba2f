"""Training: losses against the engine's, resumption bit for bit, and that a few steps learn something."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from impasto.encoders import load_encoder
from impasto.engine.readability import Readability
from impasto.errors import CheckpointError, OptionError, OutputError
from impasto.losses.style import WassersteinLoss
from impasto.stylizer.statistics import CHANNELS, LAYERS, blend_statistics, study
from impasto.stylizer.stylizer import load_stylizer
from impasto.stylizer.training.objective import (
    ENCODED,
    FLAT,
    LUMA,
    StyleTargets,
    batch_statistics,
    crispness,
    crispness_distance,
    mix,
    restlessness,
    style_distance,
    unreadability,
)
from impasto.stylizer.training.run import iter_training
from impasto.stylizer.training.train import SHORT_SIDE_PX, Trainer, TrainingOptions, load_images

TINY = TrainingOptions(steps=4, batch=2, crop_px=64, scales_px=(64,), identity_share=0.5, blend_share=0.5, bf16=False)
NONE = dict.fromkeys(CHANNELS, 0.0)


def picture(seed: int, side: int = 96) -> Tensor:
    """[1, 3, side, side] in [0, 1]: smooth colours and noise."""
    generator = torch.Generator().manual_seed(seed)
    smooth = torch.nn.functional.interpolate(torch.rand(1, 3, 6, 6, generator=generator), (side, side), mode="bicubic")
    return (smooth + 0.05 * torch.randn(1, 3, side, side, generator=generator)).clamp(0, 1)


def images(count: int, first: int) -> list[Tensor]:
    return [(picture(first + index)[0] * 255).byte() for index in range(count)]


def test_style_distance_is_the_engines() -> None:
    encoder, ours, theirs = load_encoder("lite"), picture(0), picture(1)
    targets = StyleTargets(encoder, study(encoder, theirs).batch(), NONE)
    found = targets.distances(batch_statistics(ours, encoder(ours, ENCODED)))
    reached, wanted = study(encoder, ours).moments, study(encoder, theirs).moments
    for name in LAYERS:
        target = wanted[name].transformed(encoder.geometry[name])
        expected = WassersteinLoss(target)(reached[name].transformed(encoder.geometry[name]))
        # The engine adds a little of the mean square to what it divides by.
        ridged = float(target.covariance.trace()) * (1 + 1e-4)
        divisor = ridged + 1e-3 * float(target.mean.square().sum())
        assert float(found[name]) * ridged == pytest.approx(float(expected) * divisor, rel=2e-3, abs=1e-6)


def test_a_flat_painting_does_not_count_a_thousandfold() -> None:
    encoder, flat = load_encoder("lite"), torch.full((1, 3, 64, 64), 0.4)
    usual = {
        name: float(study(encoder, picture(1)).batch()[name][1].diagonal(dim1=1, dim2=2).sum()) for name in CHANNELS
    }
    reached = batch_statistics(picture(0), encoder(picture(0), ENCODED))
    found = StyleTargets(encoder, study(encoder, flat).batch(), usual).distances(reached)
    assert max(float(value) for value in found.values()) < 10 / FLAT


def test_distances_of_a_batch_are_those_of_its_pictures() -> None:
    encoder, usual = load_encoder("lite"), dict.fromkeys(CHANNELS, 1.0)
    pictures, wanted = torch.cat([picture(0), picture(1)]), torch.cat([picture(2), picture(3)])
    together = StyleTargets(encoder, batch_statistics(wanted, encoder(wanted, ENCODED)), usual).distances(
        batch_statistics(pictures, encoder(pictures, ENCODED))
    )
    for row in (0, 1):
        one, two = pictures[row : row + 1], wanted[row : row + 1]
        alone = StyleTargets(encoder, batch_statistics(two, encoder(two, ENCODED)), usual).distances(
            batch_statistics(one, encoder(one, ENCODED))
        )
        assert float(style_distance(alone)) == pytest.approx(float(style_distance(together)[row]), rel=1e-4)


def test_gradient_of_the_style_distance_by_finite_differences() -> None:
    encoder = load_encoder("lite", dtype=torch.float64)
    targets = StyleTargets(encoder, study(encoder, picture(1, 32).double()).batch(), NONE)

    def loss(pixels: Tensor) -> Tensor:
        return style_distance(targets.distances(batch_statistics(pixels, encoder(pixels, ENCODED)))).sum()

    at = picture(0, 32).double().requires_grad_()
    loss(at).backward()
    assert at.grad is not None
    direction = torch.randn(at.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    step = 1e-6
    with torch.no_grad():
        slope = (loss(at + step * direction) - loss(at - step * direction)) / (2 * step)
    assert float((at.grad * direction).sum()) == pytest.approx(float(slope), rel=1e-3)


def test_unreadability_is_the_engines() -> None:
    encoder, photo, ours = load_encoder("lite"), picture(0), (picture(0) + picture(5)) / 2
    expected = Readability(encoder, photo).distance(ours)
    assert float(unreadability(encoder(ours, ENCODED), encoder(photo, ENCODED))) == pytest.approx(expected, abs=0.02)
    assert float(unreadability(encoder(photo, ENCODED), encoder(photo, ENCODED))) == pytest.approx(0, abs=1e-5)


def test_restlessness_of_a_ramp() -> None:
    ramp = torch.arange(8.0).expand(1, 3, 8, 8) / 10
    assert float(restlessness(ramp)) == pytest.approx(0.01)
    assert float(restlessness(ramp.mT)) == pytest.approx(0.01)


def test_crispness_of_chessboards() -> None:
    board = (torch.arange(8)[:, None] + torch.arange(6)) % 2 * 1.0
    gray = board.expand(1, 3, 8, 6)
    torch.testing.assert_close(crispness(gray), torch.tensor([[16.0, 0.0]]), atol=1e-5, rtol=1e-5)
    tint = torch.tensor([LUMA[1], -LUMA[0], 0.0])  # two colours of the same luma
    found = crispness((0.5 + tint[:, None, None] * board)[None])
    torch.testing.assert_close(found, 16 * torch.tensor([[0.0, float(tint.square().sum())]]), atol=1e-5, rtol=1e-5)
    ramp = torch.arange(6.0).expand(1, 3, 8, 6)
    torch.testing.assert_close(crispness(ramp), torch.zeros(1, 2), atol=1e-5, rtol=0)


def test_crispness_counts_by_ratios() -> None:
    wanted = torch.tensor([[10.0, 3.0], [0.0, 0.0]])
    found = crispness_distance(wanted * torch.tensor([np.e, np.e**-2]), wanted)
    torch.testing.assert_close(found, torch.tensor([5.0, 0.0]), atol=1e-2, rtol=0)


def test_crispness_is_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    trained = []
    for weight in (0.0, 0.05):
        monkeypatch.setattr("impasto.stylizer.training.train.CRISPNESS_WEIGHT", weight)
        trainer = Trainer(images(2, 0), images(2, 10), TINY)
        trainer.train_step()
        trained.append(trainer.network.leave.weight.detach().clone())
        assert trainer.losses["crispness"] > 0
    assert not torch.equal(*trained)


def test_two_paintings_mix_as_they_blend() -> None:
    encoder, first, second = load_encoder("lite"), picture(0, 64), picture(1, 64)
    expected = blend_statistics([(study(encoder, first), 0.3), (study(encoder, second), 0.7)]).batch()
    found = mix(*(batch_statistics(p, encoder(p, ENCODED)) for p in (first, second)), share=0.7)
    for name in CHANNELS:
        for place in (0, 1):
            torch.testing.assert_close(found[name][place], expected[name][place].float(), atol=1e-3, rtol=1e-3)


def test_a_resumed_run_is_the_uninterrupted_one(tmp_path: Path) -> None:
    photos, paintings = images(3, 0), images(3, 10)
    whole = list(iter_training(photos, paintings, tmp_path / "whole", TINY, every=2))
    for _ in iter_training(photos, paintings, tmp_path / "parts", TINY, every=2):
        break
    assert json.loads((tmp_path / "parts" / "log.jsonl").read_text())["step"] == 2
    rest = list(iter_training(photos, paintings, tmp_path / "parts", TINY, every=2, resume=True))
    assert [report.step for report in rest] == [4]
    assert rest[-1].losses == whole[-1].losses
    files = [tmp_path / name / "stylizer.safetensors" for name in ("whole", "parts")]
    weights = [load_stylizer(file).weights for file in files]
    for name, tensor in weights[0].items():
        assert torch.equal(tensor, weights[1][name]), name
    assert {file.name for file in (tmp_path / "whole").iterdir()} == {
        "checkpoint.pt", "log.jsonl", "sample-000002.jpg", "sample-000004.jpg", "stylizer.safetensors"
    }  # fmt: skip


def test_another_seed_is_another_run() -> None:
    photos, paintings = images(3, 0), images(3, 10)
    found = []
    for seed in (0, 0, 1):
        trainer = Trainer(photos, paintings, replace(TINY, seed=seed))
        trainer.train_step()
        found.append(trainer.average["leave.weight"])
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


def test_learns_one_painting() -> None:
    options = replace(TINY, steps=1000, learning_rate=3e-3, identity_share=0.0, blend_share=0.0, readability=0.9)
    trainer = Trainer(images(1, 0), images(1, 20), options)
    trainer.content_weight = 0.0
    distances = []
    for _ in range(30):
        trainer.losses.clear()
        trainer.train_step()
        distances.append(sum(trainer.losses[name] for name in LAYERS))
    assert np.mean(distances[-4:]) < 0.8 * np.mean(distances[:4])


def test_begins_where_it_is_told_to() -> None:
    weights = load_stylizer().weights
    trainer = Trainer(images(2, 0), images(1, 10), TINY, weights)
    for name, tensor in weights.items():
        assert torch.equal(trainer.average[name], tensor), name


def test_runs_are_not_overwritten_and_not_made_up(tmp_path: Path) -> None:
    photos, paintings = images(2, 0), images(1, 10)
    with pytest.raises(CheckpointError, match=r"holds no checkpoint.pt to go on from"):
        next(iter_training(photos, paintings, tmp_path, TINY, resume=True))
    (tmp_path / "checkpoint.pt").write_bytes(b"not a checkpoint")
    with pytest.raises(OutputError, match="holds a training run"):
        next(iter_training(photos, paintings, tmp_path, TINY))
    with pytest.raises(CheckpointError, match="damaged or no checkpoint"):
        next(iter_training(photos, paintings, tmp_path, TINY, resume=True))
    with pytest.raises(OptionError, match="2 photos and 0 paintings"):
        Trainer(photos, [], TINY)


def test_images_are_reduced_and_read_as_rgb(tmp_path: Path) -> None:
    Image.new("RGB", (900, 600), (10, 20, 30)).save(tmp_path / "large.png")
    Image.new("L", (40, 50), 77).save(tmp_path / "grey.png")
    large, grey = load_images([tmp_path / "large.png", tmp_path / "grey.png"])
    assert large.shape == (3, SHORT_SIDE_PX, 432)
    assert large[:, 100, 100].tolist() == [10, 20, 30]
    assert grey.shape == (3, 50, 40)
    assert grey[:, 5, 5].tolist() == [77, 77, 77]
