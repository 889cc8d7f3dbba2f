"""A picture painted by this version against the one that was looked at and kept, as two processors paint it."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from skimage.metrics import structural_similarity

TOOL = Path(__file__).parents[2] / "tools" / "make_golden.py"

# The code paths of another processor, as far as the libraries can be asked for them: matrix products, convolutions
# and PyTorch's own loops without the newer instructions. They mean nothing to a processor of another architecture.
OTHER_PROCESSOR = {"MKL_CBWR": "COMPATIBLE", "ONEDNN_MAX_CPU_ISA": "SSE41", "ATEN_CPU_CAPABILITY": "default"}
PROCESSORS = {"this processor": {}, "another": OTHER_PROCESSOR}

# Mean difference in levels of 255. Measured among seven ways to compute on one machine (products, convolutions and
# loops without newer instructions, two threads): at most 0.5 with Adam and 0.01 with L-BFGS. A strength of 60 in
# place of 50 moves the pictures by 4.0 and 1.8 levels, other content layers by 11 and 4.7.
TOLERANCES = {"adam": 1.5, "lbfgs": 0.5}


def load_tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_golden", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


tool = load_tool()


def read(path: Path) -> NDArray[np.float32]:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"), np.float32) / 255


@pytest.fixture(scope="module", params=PROCESSORS)
def painted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of both pictures, painted in a process of their own: these variables are read once, at its start."""
    folder = tmp_path_factory.mktemp("golden")
    subprocess.run([sys.executable, str(TOOL), str(folder)], env=os.environ | PROCESSORS[request.param], check=True)
    return folder


@pytest.mark.parametrize("optimizer", tool.STEPS)
def test_looks_like_the_golden_picture(painted: Path, optimizer: str) -> None:
    golden, pixels = read(tool.golden_path(optimizer)), read(tool.golden_path(optimizer, painted))
    assert golden.shape == pixels.shape
    difference = 255 * np.abs(golden - pixels).mean()
    assert difference < TOLERANCES[optimizer], "if it ought to look different now: python tools/make_golden.py"
    assert structural_similarity(golden, pixels, channel_axis=2, data_range=1) > 0.97


@pytest.mark.parametrize("optimizer", tool.STEPS)
def test_is_neither_the_photo_nor_without_it(optimizer: str) -> None:
    """What holds of any picture worth keeping, whatever its pixels."""
    pixels = read(tool.golden_path(optimizer))
    photo = Image.fromarray(tool.draw_photo()).resize((128, 96), Image.Resampling.LANCZOS)
    original = np.asarray(photo, np.float32) / 255
    assert pixels.shape == (96, 128, 3)
    assert np.abs(pixels - original).mean() > 0.05
    assert np.corrcoef(pixels.mean(2).ravel(), original.mean(2).ravel())[0, 1] > 0.4
