"""The plan before the run: its memory against what processes really took, its refusals, its choices."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import numpy as np
import pytest
import torch

from impasto.encoders import load_encoder
from impasto.encoders.architectures import Architecture
from impasto.encoders.weights import pack_encoder
from impasto.engine.devices import bfloat16_unit
from impasto.engine.plan import Plan, build_plan, workspace_bytes
from impasto.engine.regions import RegionLayout
from impasto.errors import OptionError
from impasto.images.metadata import PhotoMetadata
from impasto.images.picture import Picture, build_picture
from impasto.inputs.paintings import Region
from impasto.inputs.run_inputs import RunInputs
from impasto.options.fields import PaintOptions, build_options

GB = 10**9
NARROW = () if bfloat16_unit() else pytest.mark.slow  # minutes, where a processor only imitates bfloat16

# What the process needs is taken from the system's own account of it, when the run is over.
PAINT = """
import json, sys
import numpy as np
import impasto
height, width, options = json.loads(sys.argv[1])
random = np.random.default_rng(0)
photo, painting = (random.integers(0, 256, (h, w, 3)).astype(np.uint8) for h, w in ((height, width), (300, 400)))
masks = [random.random((height // 8, width // 8)) for _ in range(options.pop("regions", 0))]  # and soft edges
regions = [impasto.Region(mask, painting if n else None, strength=20 * n) for n, mask in enumerate(masks)]
for event in impasto.iter_paint(photo, painting, regions=regions, size_px=max(height, width), **options):
    if isinstance(event, impasto.RunStarted):
        print(event.peak_bytes, event.tiles[-1], end=" ")
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(int(status["VmHWM"].split()[0]) * 1024)  # ru_maxrss would count the process that this one was forked from
"""


@pytest.fixture(scope="module")
def odd_encoder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Not the encoder that the estimate was fitted with: three times as wide, of other depths."""
    architecture = Architecture(widths=(48, 96, 160, 256, 256), depths=(2, 2, 4, 3, 2))
    random = torch.Generator().manual_seed(0)
    tensors = {}
    for layer in architecture.layers:
        shape = (layer.channels, layer.in_channels, 3, 3)
        tensors[f"{layer.convolution}.weight"] = (2 / (9 * layer.in_channels)) ** 0.5 * torch.randn(
            shape, generator=random
        )
        tensors[f"{layer.convolution}.bias"] = 0.1 * torch.randn(layer.channels, generator=random)
    path = tmp_path_factory.mktemp("encoders") / "odd.safetensors"
    path.write_bytes(pack_encoder("odd", architecture, tensors, mean=(0.5, 0.5, 0.5), about={}))
    return str(path)


@pytest.mark.skipif(sys.platform != "linux", reason="measured on Linux, as the estimate was fitted")
@pytest.mark.parametrize(
    ("height", "width", "options", "tiled"),
    [
        pytest.param(700, 900, {"steps": (4, 3)}, False, marks=pytest.mark.slow),
        (1100, 1400, {"steps": (3, 2), "max_memory_bytes": "700MB", "precision": "float32"}, True),  # binding
        (1100, 1400, {"steps": (3, 2), "max_memory_bytes": "760MB", "precision": "bfloat16"}, True),
        pytest.param(1300, 1000, {"steps": (3, 2), "optimizer": "adam", "tile_px": 512}, True, marks=pytest.mark.slow),
        (900, 700, {"steps": (4, 3), "precision": "bfloat16"}, False),
        pytest.param(330, 420, {"encoder": "odd", "steps": (4, 3)}, False, marks=pytest.mark.slow),
        (500, 700, {"encoder": "odd", "steps": (3, 2), "tile_px": 256, "precision": "float32"}, True),
        pytest.param(700, 900, {"steps": (3, 2), "regions": 4}, False, marks=pytest.mark.slow),
        (900, 1200, {"steps": (2, 2), "regions": 4, "tile_px": 512, "precision": "float32"}, True),
    ],
    ids=[
        "lite",
        "lite in little",
        "narrow in little",
        "adam",
        "half precision",
        "odd",
        "odd in tiles",
        "regions",
        "regions in tiles",
    ],
)
def test_estimate_is_within_a_quarter_of_the_peak(
    height: int, width: int, options: dict[str, object], tiled: bool, odd_encoder: str
) -> None:
    if "encoder" in options:
        options = options | {"encoder": odd_encoder}
    given = json.dumps([height, width, options | {"threads": 1, "min_scale_px": 256, "scale_factor": 2.0}])
    done = subprocess.run([sys.executable, "-c", PAINT, given], capture_output=True, text=True, check=True)
    estimate, tiles, peak = map(int, done.stdout.split())
    assert (tiles > 1) is tiled
    assert estimate == pytest.approx(peak, rel=0.25)
    if "max_memory_bytes" in options:
        assert peak <= 1e6 * float(str(options["max_memory_bytes"]).removesuffix("MB"))


def plan(height_px: int, width_px: int, **changes: object) -> Plan:
    return plan_for(height_px, width_px, (900, 1200), build_options(changes))


def plan_for(height_px: int, width_px: int, painting_px: tuple[int, int], options: PaintOptions) -> Plan:
    """The plan of a picture with one painting."""
    layout = RegionLayout(RunInputs.load(blank(height_px, width_px), blank(*painting_px)), options)
    return build_plan(height_px, width_px, layout, options, load_encoder("lite"))


def blank(height_px: int, width_px: int) -> Picture:
    """A picture of any size in no memory: a plan reads none of its pixels."""
    samples = np.broadcast_to(np.zeros(3, np.uint8), (height_px, width_px, 3))
    return build_picture("blank", "", samples, PhotoMetadata())


@pytest.fixture
def small_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("impasto.engine.plan.held_bytes", lambda device: GB // 4)
    monkeypatch.setattr("impasto.engine.plan.free_bytes", lambda device: 2 * GB)
    monkeypatch.setattr("impasto.engine.plan.machine_bytes", lambda: 4 * GB)


def test_less_memory_smaller_tiles_in_the_end_thrift(small_machine: None) -> None:
    plans = [plan(3000, 4000, max_memory_bytes=limit * 10**8) for limit in (200, 60, 30, 22, 17)]
    assert [p.tile_px for p in plans] == sorted((p.tile_px for p in plans), reverse=True)
    assert plans[0].tile_px > plans[-1].tile_px
    assert not plans[0].thrifty
    assert plans[-1].thrifty
    for found, limit in zip(plans, (200, 60, 30, 22, 17), strict=True):
        assert found.peak_bytes <= limit * 10**8
        assert found.tiles[0] == 1
    assert plans[-1].tiles[-1] > 12


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_what_does_not_fit_is_refused_with_the_largest_that_does(small_machine: None, optimizer: str) -> None:
    with pytest.raises(OptionError, match=r"40000x30000 px need .* more than the 2\.\d GB there are") as refusal:
        plan(30_000, 40_000, optimizer=optimizer)
    found = re.search(r"--size (\d+)", str(refusal.value))
    assert found
    largest = int(found.group(1))
    assert 2000 < largest < 8000
    assert plan(round(largest * 0.75), largest, optimizer=optimizer)
    with pytest.raises(OptionError):
        plan(round((largest + 40) * 0.75), largest + 40, optimizer=optimizer)


def test_where_nothing_fits(small_machine: None) -> None:
    with pytest.raises(OptionError, match="no size fits"):
        plan(300, 400, max_memory_bytes=2**20)


def test_tiles_asked_for_are_used(small_machine: None) -> None:
    found = plan(1500, 2000, tile_px=512)
    assert found.tile_px == 512
    assert found.tiles[-1] == 3 * 4


def test_a_painting_counts_too(small_machine: None) -> None:
    one, other = (plan_for(600, 800, size, PaintOptions()) for size in ((600, 800), (600, 60)))
    assert one.peak_bytes >= other.peak_bytes


def test_time_is_by_steps_and_by_the_speed_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    assert plan(300, 400, steps=5).seconds > 0
    monkeypatch.setattr("impasto.engine.plan._seconds_a_pixel", lambda encoder, options: 1e-6)
    short, long = (plan(300, 400, steps=steps).seconds for steps in (5, 50))
    assert long == pytest.approx(10 * short)
    monkeypatch.setattr("impasto.engine.plan._seconds_a_pixel", lambda encoder, options: 3e-6)
    assert plan(300, 400, steps=5).seconds == pytest.approx(3 * short)


def test_memory_of_an_evaluation_by_hand() -> None:
    """1000 px: a block of 10 channels, pooled, and one of 20.

    Rectified maps take 4 bytes a number, and seven maps of the widest layer are in use at once.
    """
    layers = Architecture(widths=(10, 20), depths=(1, 1)).layers
    kept = 4 * 10 * 1000, 4 * 20 * 250
    widest = 7 * 4 * 10 * 1000
    assert workspace_bytes(layers, 1000, 4, whole=True, thrifty=False) == pytest.approx(sum(kept) + widest)
    for thrifty, waste in ((True, 1.1), (False, 1.7)):
        found = workspace_bytes(layers, 1000, 4, whole=False, thrifty=thrifty)
        assert found == pytest.approx(waste * (sum(kept) + widest))
    half = 2 * 10 * 1000 + 2 * 20 * 250 + widest  # what is in use at once is float32 still
    assert workspace_bytes(layers, 1000, 2, whole=True, thrifty=False) == pytest.approx(half)


def test_blocks_too_large_for_the_heap_are_the_systems() -> None:
    layers = Architecture(widths=(10, 20), depths=(1, 1)).layers
    found = workspace_bytes(layers, 1_000_000, 4, whole=False, thrifty=False)  # maps of 40 and 20 MB
    assert found == pytest.approx(1.1 * 40e6 + 1.7 * 20e6 + 1.1 * 7 * 40e6)


def test_regions_need_memory_for_their_masks(small_machine: None) -> None:
    photo, painting = blank(600, 800), blank(60, 80)
    white = np.full((6, 8), 255, np.uint8)
    white[:3] = 0
    options = PaintOptions(tile_px=2048)

    def peak(*regions: Region) -> int:
        layout = RegionLayout(RunInputs.load(photo, painting, regions), options)
        return build_plan(600, 800, layout, options, load_encoder("lite")).peak_bytes

    whole, divided, kept = peak(), peak(Region(white, painting)), peak(Region(white))
    # Two masks, and in a tile the gradient of another region at the widest layer: relu1_1 of 16 channels.
    assert divided - whole > (2 * 4 + 16 * 4) * 600 * 800
    assert kept - whole > (4 + 12 + 16 * 4) * 600 * 800, "one region, and the photo where it stays"


def test_tiles_cost_another_pass_and_steps_more_than_their_pixels(
    small_machine: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("impasto.engine.plan._seconds_a_pixel", lambda encoder, options: 1e-6)
    chosen = {"min_scale_px": 400, "scale_factor": 16.0, "steps": 10, "margin": 0}
    whole, tiled = plan(300, 400, **chosen), plan(300, 400, tile_px=128, **chosen)
    assert whole.tiles == (1,)
    assert whole.seconds == pytest.approx(10 * (300 * 400 + 10_000) * 1e-6)
    assert tiled.tiles[0] > 1
    assert tiled.seconds > 10 * (4 / 3 * 300 * 400 + 10_000) * 1e-6, "and they overlap"


def test_the_time_of_a_tuned_network_is_not_that_of_the_encoder(
    small_machine: None, odd_encoder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    costs = {"lite": 1e-6, "odd": 5e-6}
    monkeypatch.setattr("impasto.engine.plan._seconds_a_pixel", lambda encoder, options: costs[encoder.name])
    options = build_options({"medium": "stylizer", "min_scale_px": 400, "steps": 10})
    layout = RegionLayout(RunInputs.load(blank(300, 400), blank(60, 80)), options)
    seconds = {
        name: build_plan(300, 400, layout, options, load_encoder(file)).seconds
        for name, file in (("lite", "lite"), ("odd", odd_encoder))
    }
    evaluations = 1.35 * 10 * (300 * 400 + 10_000)
    assert seconds["odd"] - seconds["lite"] == pytest.approx(4e-6 * evaluations)
    assert seconds["lite"] > 1e-6 * (evaluations + 3 * 10 * 300 * 400)
