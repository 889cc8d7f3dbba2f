"""Fifty steps on tiles against fifty on the whole picture."""

from __future__ import annotations

import torch
from objectives import make_objective

from impasto.encoders import load_encoder
from impasto.engine.optimizers import Adam
from impasto.losses.style_targets import StyleTarget, style_statistics
from impasto.losses.tiles import WHOLE_PX, Core
from impasto.options.fields import PaintOptions


def test_fifty_adam_steps_in_float64_end_within_one_level() -> None:
    options = PaintOptions()
    random = torch.Generator().manual_seed(0)
    photo, painting = (torch.rand(1, 3, 160, 176, generator=random, dtype=torch.float64) for _ in range(2))
    encoder = load_encoder("lite", dtype=torch.float64)
    targets = [StyleTarget(style_statistics(encoder, painting, list(options.style_layers)))]
    found = {}
    for tile_px in (48, WHOLE_PX):
        objective = make_objective(
            encoder, photo, Core(8, 16, 144, 144), targets, content_layers=options.content_layers,
            style_layers=options.style_layers, content_weight=0.05, tv_weight=0.002, tile_px=tile_px,
        )  # fmt: skip
        adam = Adam(photo, options)
        for step in range(50):
            objective.set_weight("content", 0.05 + 0.001 * step)  # as the balance moves it
            adam.step(objective(adam.picture))
        found[objective.tiles] = adam.picture
    assert sorted(found) == [1, 12]
    assert float((found[1] - photo).abs().max()) > 0.1
    assert float((found[1] - found[12]).abs().max()) <= 1 / 255
