"""Any valid options on any picture: a run ends with a finite picture in range. Hypothesis chooses both."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from engine_runs import paint_events
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from impasto.engine.pyramid import painting_size
from impasto.engine.validate import pastiche_size
from impasto.events import RunDone, StepDone
from impasto.images.picture import Picture, picture_from_array
from impasto.inputs.paintings import Painting
from impasto.options.fields import DRAFT, STARTING_POINTS, PaintOptions

KINDS = [
    "black",
    "white",
    "grey",
    "red",
    "noise",
    "stripes",
    "fine stripes",
    "checks",
    "dot",
    "ramp",
    "16 bit",
    "alpha",
]


def drawn(height: int, width: int, kind: str, turned: bool) -> Picture:
    """A picture of a kind that some step may take badly: without contrast, or with nothing else."""
    rows, columns = np.mgrid[0:height, 0:width]
    random_state = np.random.default_rng(0)
    planes = {
        "black": 0, "white": 255, "grey": 128, "red": 200 * (np.arange(3) == 0), "ramp": columns * 255 // width,
        "stripes": columns // 5 % 2 * 255, "fine stripes": columns % 2 * 255, "checks": (rows + columns) % 2 * 255,
        "dot": 255 * ((rows == height // 2) & (columns == width // 2)),
    }  # fmt: skip
    if kind in planes:
        values = np.asarray(planes[kind])
        pixels = np.broadcast_to(values[..., None] if values.ndim == 2 else values, (height, width, 3)).astype(np.uint8)
    elif kind == "16 bit":
        pixels = random_state.integers(0, 65_536, (height, width, 3), np.uint16)
    else:
        pixels = random_state.integers(0, 256, (height, width, 4 if kind == "alpha" else 3), np.uint8)
    return picture_from_array(pixels.swapaxes(0, 1) if turned else pixels)


sides = st.one_of(st.integers(1, 40), st.sampled_from([1, 2, 16, 17]))
pictures = st.one_of(
    st.builds(drawn, sides, sides, st.sampled_from(KINDS), st.booleans()),
    st.builds(drawn, st.integers(1, 3), st.integers(100, 400), st.sampled_from(KINDS), st.booleans()),  # long and thin
)
LAYERS = ("relu1_1", "relu1_2", "relu2_2", "relu3_1", "relu4_2", "relu4_4", "relu5_1")
layer_weights = st.dictionaries(
    st.sampled_from(LAYERS), st.sampled_from([5e-324, 1e-30, 1e-9, 0.01, 1.0, 30.0, 1e9]), min_size=1, max_size=3
)
weights = st.sampled_from([0.0, 5e-324, 1e-300, 1e-38, 1e-30, 1e-20, 1e-9, 0.01, 1.0, 1e4, 1e9])
ANY = {
    "size_px": st.integers(1, 48),
    "strength": st.one_of(st.floats(0, 100), st.sampled_from([0.0, 1e-9, 50.0, 100.0])),
    "brush_scale": st.sampled_from([0.25, 0.6, 1.0, 4.0]),
    "mask_mode": st.sampled_from(["inside", "simple"]),
    "variation": st.sampled_from([0, 0, 1, 2**63 - 1]),
    "color": st.sampled_from(["painting", "photo", "palette:picture.png"]),
    "color_method": st.sampled_from([None, "mean-covariance", "histogram"]),
    "color_strength": st.sampled_from([0.0, 1e-9, 40.0, 100.0]),
    "keep_detail": st.sampled_from([0.0, 1e-9, 50.0, 100.0]),
    "starting_point": st.sampled_from([*(start for start in STARTING_POINTS if start != DRAFT), "picture.png"]),
    "seed": st.sampled_from([0, 1, 2**63 - 1]),
    "pooling": st.sampled_from(["max", "average"]),
    "medium": st.sampled_from(["pixels", "pixels", "stylizer"]),
    "style_loss": st.sampled_from(["wasserstein", "gram"]),
    "style_softness": st.sampled_from([0.0, 1e-9, 0.1, 1e6]),
    "content_loss": st.sampled_from(["features", "features", "structure"]),
    "layout_weight": weights,
    "contour_weight": weights,
    "surface_weight": weights,
    "style_layers": layer_weights,
    "content_layers": layer_weights,
    "balance": st.sampled_from(["readability", "fixed"]),
    "content_weight": weights,
    "style_weight": weights,
    "tv_weight": weights,
    "optimizer": st.sampled_from(["adam", "lbfgs"]),
    "learning_rate": st.one_of(st.floats(1e-4, 1), st.just(sys.float_info.min)),
    "average": st.sampled_from([0.0, 0.5, 0.99, 1 - 2**-53]),
    "steps": st.lists(st.integers(1, 12), min_size=1, max_size=3).map(tuple),
    "stop_tolerance": st.sampled_from([0.0, 0.1, 1 - 2**-53]),
    "min_scale_px": st.integers(16, 40),
    "scale_factor": st.one_of(st.floats(1.05, 4), st.sampled_from([1.05, 16.0])),
    "margin": st.sampled_from([0.0, 0.01, 0.1, 0.5]),
    "padding_mode": st.sampled_from(["reflect", "replicate", "zeros"]),
    "tile_px": st.sampled_from([None, 64]),
    "beta1": st.sampled_from([0.0, 0.9, 0.99]),
    "beta2": st.sampled_from([0.0, 0.99, 0.999]),
    "epsilon": st.sampled_from([1e-8, 0.1]),
    "precision": st.sampled_from(["auto", "float32", "bfloat16"]),
}
# The bundled encoder, one thread, this machine; raw units leave float32 with weights as large as these.
NOT_DRAWN = {"encoder", "threads", "device", "max_memory_bytes", "shape_px", "loss_units"}


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """A run sets the threads of the whole process: put them back."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def paint_anything(photo: Picture, paintings: list[Picture], start: Picture, chosen: dict[str, Any]) -> None:
    options = PaintOptions(**chosen, threads=1)
    if options.medium == "stylizer":  # what it refuses is tested with it
        shortest = min(
            *pastiche_size(photo, options),
            *(min(painting_size(p.height_px, p.width_px, 16, options.brush_scale)) for p in paintings),
        )
        medium = "pixels" if shortest < 16 else "stylizer"
        options = options.model_copy(update={"starting_point": "content", "medium": medium})
    if options.medium == "stylizer" or options.content_loss == "structure":
        options = options.model_copy(update={"tile_px": None})
    starting_picture = start if options.starting_point == "picture.png" else None
    styles = [Painting(picture, 1.0 + number) for number, picture in enumerate(paintings)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        more = {"starting_picture": starting_picture, "palette": start}
        happened = list(paint_events(photo, styles, options, **more))
    for event in happened:
        if isinstance(event, StepDone):
            assert np.isfinite([*event.losses.values(), event.content_weight]).all()
            assert event.readability is None or np.isfinite(event.readability)
    last = happened[-1]
    assert isinstance(last, RunDone)
    assert last.pixels.shape == (*pastiche_size(photo, options), 3)
    assert np.isfinite(last.pixels).all()
    assert 0 <= last.pixels.min() <= last.pixels.max() <= 1


relaxed = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
everything = given(pictures, st.lists(pictures, min_size=1, max_size=2), pictures, st.fixed_dictionaries(ANY))


@settings(max_examples=15, derandomize=True, **relaxed)
@everything
def test_any_options_on_any_picture(
    photo: Picture, paintings: list[Picture], start: Picture, chosen: dict[str, Any]
) -> None:
    paint_anything(photo, paintings, start, chosen)


@pytest.mark.slow
@settings(max_examples=2_000, **relaxed)
@everything
def test_any_options_on_any_picture_at_length(
    photo: Picture, paintings: list[Picture], start: Picture, chosen: dict[str, Any]
) -> None:
    paint_anything(photo, paintings, start, chosen)


def test_every_option_is_drawn() -> None:
    assert ANY.keys() | NOT_DRAWN == PaintOptions.model_fields.keys()
