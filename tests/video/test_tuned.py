"""The quality paint: the network is tuned for a shot, on pairs of neighbours, with the temporal term between them."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from impasto.errors import OptionError
from impasto.events import StepDone
from impasto.images.picture import Picture, picture_from_array, quantise
from impasto.inputs.paintings import Region
from impasto.options.fields import PaintOptions, build_options
from impasto.options.recipes import load_recipe
from impasto.video.flow import load_cv2
from impasto.video.painters import ShotSamples, shared_to_arrays
from impasto.video.tuned import TUNED, TunedFrames, link_pairs

Array = NDArray[np.float32]


def options(**values: Any) -> PaintOptions:
    small = {"min_scale_px": 48, "steps": 3, "precision": "float32", "threads": 1}
    return build_options(load_recipe("painterly") | small | values)


def frames(count: int, step_px: int = 2) -> list[Picture]:
    noise = np.random.default_rng(0).normal(size=(32, 96, 3)).astype(np.float32)
    smooth = load_cv2().GaussianBlur(noise, (0, 0), 2.0)
    scene = np.clip(0.5 + 0.25 * smooth / smooth.std(), 0, 1)
    return [picture_from_array(quantise(scene[:, step_px * t : step_px * t + 48], 8)) for t in range(count)]


def outcome(run: Generator[Any, None, Any]) -> tuple[list[Any], Any]:
    events = []
    while True:
        try:
            events.append(next(run))
        except StopIteration as end:
            return events, end.value


@pytest.fixture(scope="module")
def painting() -> NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, 256, (48, 48, 3), np.uint8)


def test_links_hold_the_flow_between_neighbours() -> None:
    one, other, *_ = (picture.pixels() for picture in frames(2))
    canvas = np.vstack([np.hstack([one, other]), np.hstack([other, one])])
    there, back = link_pairs(canvas, 2)
    assert there.early == (slice(0, 32), slice(0, 48)) and back.late == (slice(32, 64), slice(48, 96))
    inside = (0, slice(8, -8), slice(8, -8), 0)
    assert float((there.flow[inside] - 2).abs().max()) < 0.3  # the camera went right: the place was further right
    assert float((back.flow[inside] + 2).abs().max()) < 0.3
    assert float(there.believed.mean()) > 0.7


def test_a_network_is_tuned_and_paints_the_frames(painting: NDArray[np.uint8]) -> None:
    regions = (Region(None, painting),)
    painter = TunedFrames(regions, None, options())
    shown = frames(3)
    samples = ShotSamples(painter.stylizer)
    for picture in shown:
        samples.see(picture.pixels(*painter.pass_size(32, 48)))
    arrays = shared_to_arrays(samples.shared())
    events, weights = outcome(painter.tune([(shown[0], shown[1]), (shown[1], shown[2])], arrays))
    steps = [event for event in events if isinstance(event, StepDone)]
    assert len(steps) == 3 and steps[0].losses["temporal"] > 0
    assert weights and all(name.startswith(TUNED) for name in weights)
    painter.begin_shot(arrays | weights)
    painted = painter.paint(shown[1], regions)
    assert painted.shape == (32, 48, 3) and painted.min() >= 0 and painted.max() <= 1
    untuned = TunedFrames(regions, None, options())
    untuned.begin_shot(arrays | {TUNED + name: a.numpy() for name, a in untuned.stylizer.network.state_dict().items()})
    assert np.abs(untuned.paint(shown[1], regions) - painted).mean() > 1e-4


def test_the_base_network_is_left_as_it_is(painting: NDArray[np.uint8]) -> None:
    painter = TunedFrames((Region(None, painting),), None, options(steps=1))
    before = {name: tensor.clone() for name, tensor in painter.stylizer.network.state_dict().items()}
    shown = frames(2)
    outcome(painter.tune([(shown[0], shown[1])], {}))
    assert all((tensor == before[name]).all() for name, tensor in painter.stylizer.network.state_dict().items())


def test_pixels_paint_no_film(painting: NDArray[np.uint8]) -> None:
    with pytest.raises(OptionError, match="painterly"):
        TunedFrames((Region(None, painting),), None, build_options(load_recipe("pixels")))
