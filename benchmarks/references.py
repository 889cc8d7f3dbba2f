"""Encoders to compare with, as encoder files in a temporary folder: the teacher, and one of VGG-19's size."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor

from common import shared_path
from impasto.encoders import VGG19, Architecture, Encoder
from impasto.encoders.weights import pack_encoder
from teacher import load_teacher

VGG19_TO_CONV5_1 = Architecture(VGG19.widths, (2, 2, 4, 4, 1))
ABOUT = {"licence": "for benchmarks only: never shipped"}


@contextmanager
def encoder_folder() -> Iterator[Path]:
    with TemporaryDirectory(prefix="impasto-bench-") as folder:
        yield Path(folder)


def open_teacher(args: argparse.Namespace) -> tuple[Encoder, dict[str, Tensor]]:
    """The compact teacher and its maps into VGG-19's feature space, per style layer."""
    return load_teacher(shared_path(args, "teacher", "vgg19-compact.safetensors"))


def write_teacher(folder: Path, teacher: Encoder, *, geometry: bool) -> str:
    """Path of the teacher as an encoder file; without `geometry` its own feature maps are compared."""
    tensors = {}
    for layer in teacher.architecture.layers:
        kernel, bias = teacher.kernels[layer.name]
        tensors |= {f"{layer.convolution}.weight": kernel, f"{layer.convolution}.bias": bias}
    if geometry:
        tensors |= {f"geometry.{name}": matrix.float() for name, matrix in teacher.geometry.items()}
    name = "teacher-vgg-space" if geometry else "teacher"
    red, green, blue = teacher.mean.flatten().tolist()
    return _write(folder, name, teacher.architecture, tensors, (red, green, blue))


def write_vgg_sized(folder: Path) -> str:
    """Path of a network of VGG-19's size up to conv5_1 with random weights (He): as slow, and blind."""
    generator, tensors = torch.Generator().manual_seed(0), {}
    for layer in VGG19_TO_CONV5_1.layers:
        noise = torch.randn(layer.channels, layer.in_channels, 3, 3, generator=generator)
        tensors[f"{layer.convolution}.weight"] = noise * (2 / (9 * layer.in_channels)) ** 0.5
        tensors[f"{layer.convolution}.bias"] = torch.zeros(layer.channels)
    return _write(folder, "vgg19-sized", VGG19_TO_CONV5_1, tensors, (0.45, 0.45, 0.45))


def _write(
    folder: Path,
    name: str,
    architecture: Architecture,
    tensors: dict[str, Tensor],
    mean: tuple[float, float, float],
) -> str:
    path = folder / f"{name}.safetensors"
    path.write_bytes(pack_encoder(name, architecture, tensors, mean=mean, about=ABOUT))
    return str(path)
