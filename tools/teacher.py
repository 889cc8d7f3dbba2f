"""Teachers to distil from: the compact VGG-19 of "Collaborative Distillation", or a full VGG-19 file.

Both become an ordinary `Encoder`, plus per style layer a matrix that carries its feature map into (a rotation
of) VGG-19's own feature space.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from safetensors.torch import load_file

from impasto.encoders import VGG19, Architecture, Encoder

STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
COMPACT = Architecture(widths=(16, 32, 64, 128, 128), depths=(2, 2, 4, 4, 1))
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def load_teacher(path: Path, padding_mode: str = "reflect") -> tuple[Encoder, dict[str, torch.Tensor]]:
    """Load a teacher: (encoder, {style layer: R}).

    The compact teacher's file holds 1x1 maps W from its feature maps f to VGG-19's. With W = U R (QR
    decomposition, orthonormal U), distances between W f equal distances between R f, in a quarter of the
    dimensions. A full VGG-19 (torchvision's state dict, ``.pth``) needs no such matrix: R is the identity.
    """
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    if path.suffix == ".pth":
        return _full(path, sha256, padding_mode), {}
    tensors = load_file(path)
    matrix, offset = tensors["preprocess.weight"].flatten(1), tensors["preprocess.bias"]
    kernel = tensors["conv1_1.weight"]
    weights = {k: v for k, v in tensors.items() if k.startswith("conv")}
    weights["conv1_1.weight"] = torch.einsum("ockl,ci->oikl", kernel, matrix)
    # preprocess(x) = M x + o = M (x - mean) with mean = -M^-1 o: what the encoder subtracts.
    mean = (-torch.linalg.solve(matrix.double(), offset.double())).tolist()
    maps = {name: tensors[f"to_vgg{name[4:]}.weight"].flatten(1) for name in STYLE_LAYERS}
    rotations = {name: torch.linalg.qr(w.double()).R.float() for name, w in maps.items()}
    geometry = {name: geometry_of(w) for name, w in maps.items()}
    encoder = Encoder("teacher", sha256, COMPACT, weights, mean=mean, geometry=geometry, padding_mode=padding_mode)
    return encoder, rotations


def geometry_of(head: torch.Tensor) -> torch.Tensor:
    """Q = (H^T H)^(1/2), scaled to a mean squared singular value of one: |Q f| is proportional to |H f|."""
    gram = head.double().T @ head.double()
    values, vectors = torch.linalg.eigh(gram / gram.diagonal().mean())
    return ((vectors * values.clamp_min(0).sqrt()) @ vectors.T).float()


def _full(path: Path, sha256: str, padding_mode: str) -> Encoder:
    state = torch.load(path, map_location="cpu", weights_only=True)
    keys = [k.removesuffix(".weight") for k in state if k.startswith("features.") and k.endswith(".weight")]
    weights = {}
    for layer, key in zip(VGG19.layers, sorted(keys, key=lambda k: int(k.split(".")[1])), strict=True):
        weights[f"{layer.convolution}.weight"] = state[f"{key}.weight"]
        weights[f"{layer.convolution}.bias"] = state[f"{key}.bias"]
    weights["conv1_1.weight"] = weights["conv1_1.weight"] / torch.tensor(IMAGENET_STD).view(1, 3, 1, 1)
    return Encoder("vgg19", sha256, VGG19, weights, mean=IMAGENET_MEAN, padding_mode=padding_mode)
