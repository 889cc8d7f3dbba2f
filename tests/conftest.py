"""Small things that many tests need: a tiny encoder, small pictures, quick options."""

from __future__ import annotations

import hashlib
import math
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import settings
from PIL import Image
from weights_server import PACKAGE, TINY, Web, serve, tiny_8bit, tiny_source, write_palettes, write_published

from impasto.storage import packaged

if TYPE_CHECKING:
    from impasto.encoders.sources import Source

# A busy machine is no fault: what takes long on it is no failure of an example.
settings.register_profile("busy", deadline=None)
settings.load_profile("busy")


@pytest.fixture(autouse=True)
def weights_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of fetched weights for every test: the user's own is neither seen nor touched.

    Nor is the package that carries VGG-19.
    """
    folder = tmp_path_factory.mktemp("weights")
    monkeypatch.setenv("IMPASTO_WEIGHTS_DIR", str(folder))
    everywhere = packaged.distribution
    monkeypatch.setattr(packaged, "distribution", lambda name: everywhere(f"no-{name}" if name == PACKAGE else name))
    monkeypatch.setenv("THP_MEM_ALLOC_ENABLE", "0")  # a draft must not change how much memory later tests take
    return folder


@pytest.fixture(autouse=True)
def small_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    """A plan times the encoder on a smaller picture: at its own size that takes longer than most runs of tests."""
    if (plan := sys.modules.get("impasto.engine.plan")) is not None:
        monkeypatch.setattr(plan, "PROBE_PX", 32)


@pytest.fixture(autouse=True)
def float32_unless_asked() -> Iterator[None]:
    """Precision ``auto`` is float32 whatever the processor: exact comparisons mean the same on every machine."""
    with pytest.MonkeyPatch.context() as patch:  # of its own: a test may undo those of `monkeypatch`
        patch.setattr("impasto.engine.devices.bfloat16_unit", lambda: "")
        yield


@pytest.fixture(scope="session")
def tiny_encoder_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An encoder file with the layers of `lite` but few channels and seeded random weights."""
    import torch

    from impasto.encoders.architectures import LITE, Architecture
    from impasto.encoders.weights import pack_encoder

    architecture = Architecture(widths=(4, 6, 8, 8, 8), depths=LITE.depths)
    random = torch.Generator().manual_seed(0)
    tensors = {}
    for layer in architecture.layers:
        scale = math.sqrt(2 / (9 * layer.in_channels))
        shape = (layer.channels, layer.in_channels, 3, 3)
        tensors[f"{layer.convolution}.weight"] = scale * torch.randn(shape, generator=random)
        tensors[f"{layer.convolution}.bias"] = 0.1 * torch.randn(layer.channels, generator=random)
    path = tmp_path_factory.mktemp("encoders") / "tiny.safetensors"
    path.write_bytes(pack_encoder("tiny", architecture, tensors, mean=(0.5, 0.5, 0.5), about={}))
    return path


@pytest.fixture(scope="session")
def vgg19_file() -> Path:
    """The real VGG-19 with 8 bits a weight, in the package that carries it."""
    from impasto.encoders.sources import SOURCES

    package = SOURCES["vgg19-8bit"].package
    assert package is not None
    file = package.find()
    if file is None:
        pytest.skip(f"the package {PACKAGE} is not installed, which carries VGG-19 (make test installs it)")
    return file


@pytest.fixture(scope="session")
def vgg19_folder(vgg19_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of weights that holds the real VGG-19 and nothing else."""
    from impasto.encoders.fetch import import_published

    folder = tmp_path_factory.mktemp("vgg19")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IMPASTO_WEIGHTS_DIR", str(folder))
        import_published(vgg19_file)
    return folder


@pytest.fixture
def vgg19(vgg19_folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Name of the real VGG-19, which this test can load."""
    monkeypatch.setenv("IMPASTO_WEIGHTS_DIR", str(vgg19_folder))
    return "vgg19"


@pytest.fixture(scope="session")
def photo_pixels() -> np.ndarray:
    """[48, 60, 3] uint8: a bright disc before a gradient."""
    rows, columns = np.mgrid[0:48, 0:60]
    disc = np.hypot(rows - 24, columns - 30) < 14
    pixels = np.stack([rows * 4, columns * 3, 180 - rows * 2], axis=-1)
    pixels[disc] = (240, 200, 60)
    return pixels.astype(np.uint8)


@pytest.fixture(scope="session")
def painting_pixels() -> np.ndarray:
    """[64, 64, 3] uint8: slanted waves of two colours."""
    rows, columns = np.mgrid[0:64, 0:64]
    wave = 0.5 + 0.5 * np.sin((rows + 2 * columns) / 3.0 + np.sin(rows / 7.0))
    pixels = wave[..., None] * (220, 90, 30) + (1 - wave[..., None]) * (20, 60, 150)
    return pixels.astype(np.uint8)


@pytest.fixture
def folder_with_pictures(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    photo_pixels: np.ndarray,
    painting_pixels: np.ndarray,
) -> Path:
    """Working directory that holds photo.png and painting.png, and nothing else."""
    Image.fromarray(photo_pixels).save(tmp_path / "photo.png")
    Image.fromarray(painting_pixels).save(tmp_path / "painting.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def quick(tiny_encoder_file: Path) -> dict[str, object]:
    """Options of a run of pixels that takes well under a second: two scales, five steps."""
    return {
        "encoder": str(tiny_encoder_file),
        "medium": "pixels",
        "precision": "float32",
        "size_px": 48,
        "min_scale_px": 32,
        "steps": (3, 2),
        "threads": 1,
    }


@pytest.fixture(scope="session")
def quick_flags(quick: dict[str, object]) -> list[str]:
    """The same on the command line."""
    from impasto.options.spelling import flag_name, format_value

    return [part for name, value in quick.items() for part in (flag_name(name), format_value(value))]


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The file's bytes."""
    path = tmp_path_factory.mktemp("published") / "tiny.h5"
    write_published(path)
    return path.read_bytes()


@pytest.fixture
def web(published: bytes) -> Iterator[Web]:
    """A server of `published`."""
    with serve(published) as web:
        yield web


@pytest.fixture
def source(web: Web, published: bytes, monkeypatch: pytest.MonkeyPatch) -> Source:
    """``vgg19`` as that server publishes it."""
    for variable in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    from impasto.encoders import conversion
    from impasto.encoders.sources import SOURCES

    source = tiny_source(web.url, len(published), hashlib.md5(published).hexdigest())
    monkeypatch.setitem(SOURCES, "vgg19", source)
    monkeypatch.setattr(conversion, "VGG19", TINY)
    return source


@pytest.fixture(scope="session")
def palettes(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A file in 8 bits a weight as the package carries it, of few channels."""
    path = tmp_path_factory.mktemp("palettes") / "tiny.bin"
    write_palettes(path)
    return path.read_bytes()


@pytest.fixture
def carried(source: Source, palettes: bytes, monkeypatch: pytest.MonkeyPatch) -> Source:
    """``vgg19-8bit``, which stands in for `source`; installed nowhere."""
    from impasto.encoders.sources import SOURCES

    small = tiny_8bit(palettes)
    monkeypatch.setitem(SOURCES, small.name, small)
    monkeypatch.setitem(SOURCES, "vgg19", replace(source, stand_in=small.name))
    return small
