"""Stylizer files: safetensors that carry their own description, verified on every load."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from impasto.encoders import Encoder
from impasto.encoders.weights import hash_file
from impasto.errors import WeightsError
from impasto.stylizer.network import Network

FORMAT, FORMAT_VERSION = "impasto-stylizer", "2"
BYTES_FROM = 1024  # numbers from which a tensor is stored in bytes; smaller ones as they are
SCALE = ".scale"  # of the name of its scales
BUNDLED_NAME = "stylizer.safetensors"
BUNDLED_SHA256 = "c0307481b47fcd5f04fcebd39cc75042b2368ebfbd6119fd8cf3b87166f2b396"


def read_stylizer_file(path: Path | None, encoder: Encoder) -> tuple[str, str, Network]:
    """(name, SHA-256, network) of a file that `save_stylizer_file` wrote; None: the bundled one.

    The bundled file must be the one that this version was released with. Raises `WeightsError`.
    """
    bundled = path is None
    file = Path(str(resources.files("impasto.stylizer") / BUNDLED_NAME)) if path is None else path
    sha256 = hash_file(file)
    if bundled and sha256 != BUNDLED_SHA256:
        raise WeightsError(f"{file} is damaged (SHA-256 {sha256[:12]}, expected {BUNDLED_SHA256[:12]}): reinstall")
    try:
        with safe_open(str(file), framework="pt") as opened:
            metadata = opened.metadata() or {}
            tensors = {key: opened.get_tensor(key) for key in opened.keys()}  # noqa: SIM118 (not a dict)
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{file} is not a readable safetensors file: {error}") from error
    if metadata.get("format") != FORMAT:
        raise WeightsError(f"{file} is not an impasto stylizer file")
    if metadata.get("format_version") != FORMAT_VERSION:
        raise WeightsError(
            f"{file} has stylizer format {metadata.get('format_version')}, this version reads {FORMAT_VERSION}"
        )
    if metadata.get("encoder_sha256") != encoder.sha256:
        raise WeightsError(
            f"{file} was trained on another version of the encoder {encoder.name}: train it again, or use the "
            "version of impasto that it was trained with"
        )
    if metadata.get("checksum") != _checksum(metadata, tensors):
        raise WeightsError(f"{file} is damaged: its weights are not those that were saved; get it again")
    network = Network()
    try:
        network.load_state_dict(_from_bytes(tensors))
    except RuntimeError as error:
        raise WeightsError(f"{file} does not hold the weights of a stylizer: {error}") from error
    if not all(bool(tensor.isfinite().all()) for tensor in tensors.values()):
        raise WeightsError(f"{file} is damaged: it holds values that are not finite numbers")
    return metadata.get("name", file.stem), sha256, network


def save_stylizer_file(
    path: Path, name: str, weights: Mapping[str, Tensor], encoder: Encoder, about: Mapping[str, str]
) -> None:
    """Write weights, whole or not at all; `about` says what they were trained on and how.

    Every row of a larger tensor is stored in bytes, times a scale of its own.
    """
    tensors = _in_bytes(weights)
    metadata = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "name": name,
        "encoder": encoder.name,
        "encoder_sha256": encoder.sha256,
        **about,
    }
    metadata["checksum"] = _checksum(metadata, tensors)
    partial = path.with_name(path.name + ".partial")
    try:
        save_file(tensors, partial, metadata=metadata)
        partial.chmod(0o644)  # safetensors writes for the owner alone
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _in_bytes(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    tensors = {}
    for name, tensor in weights.items():
        values = tensor.detach().float().contiguous()
        if values.numel() >= BYTES_FROM:
            rows = values.flatten(1)
            scale = rows.abs().amax(1, keepdim=True).clamp_min(1e-12) / 127
            tensors[name + SCALE] = scale[:, 0].contiguous()
            values = (rows / scale).round_().to(torch.int8).view(values.shape)
        tensors[name] = values
    return tensors


def _from_bytes(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    weights = {}
    for name, tensor in tensors.items():
        if tensor.dtype == torch.int8 and name + SCALE in tensors:
            weights[name] = (tensor.flatten(1) * tensors[name + SCALE][:, None]).view(tensor.shape)
        elif not name.endswith(SCALE):
            weights[name] = tensor.float()
    return weights


def _checksum(metadata: Mapping[str, str], tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 of all that decides what the network paints."""
    summary = hashlib.sha256(metadata["encoder_sha256"].encode())
    for key in sorted(tensors):
        tensor = tensors[key].contiguous()
        summary.update(f"{key} {tensor.dtype} {tuple(tensor.shape)} ".encode())
        summary.update(tensor.flatten().view(torch.uint8).numpy().data)
    return summary.hexdigest()
