"""A long thin photo is too small to be read at the coarsest scale, and is read as soon as it can be."""

from __future__ import annotations

import numpy as np
from engine_runs import paint_events

from impasto.events import Notice, StepDone
from impasto.images.picture import picture_from_array
from impasto.inputs.paintings import Painting
from impasto.options.fields import build_options


def test_a_panorama_is_balanced_once_it_is_large_enough() -> None:
    rng = np.random.default_rng(0)
    blocks = rng.random((5, 52, 3)).repeat(4, 0).repeat(4, 1).astype(np.float32)  # 20 x 208: 12 px high at 128
    painting = rng.random((26, 26, 3)).repeat(8, 0).repeat(8, 1).astype(np.float32)
    options = build_options({"size_px": 208, "steps": (4, 4, 8), "threads": 1})
    paintings = [Painting(picture_from_array(painting))]
    events = list(paint_events(picture_from_array(blocks), paintings, options))
    measured = {event.scale for event in events if isinstance(event, StepDone) and event.readability is not None}
    assert measured
    assert 0 not in measured
    assert not [event for event in events if isinstance(event, Notice)]
