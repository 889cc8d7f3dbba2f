"""Stylizer files: safetensors that carry their own description, verified on every load."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path

import torch
from torch import Tensor

from impasto.encoders import Encoder
from impasto.encoders.weights import MAX_MAGNITUDE, hash_weights
from impasto.errors import WeightsError
from impasto.storage.atomic import write_whole
from impasto.storage.tensorfile import TensorFormat
from impasto.stylizer.network import Network

FORMAT = TensorFormat("impasto-stylizer", "2", "stylizer", WeightsError, covered=lambda about: about["encoder_sha256"])
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
    sha256 = hash_weights(file)
    if bundled and sha256 != BUNDLED_SHA256:
        raise WeightsError(f"{file} is damaged (SHA-256 {sha256[:12]}, expected {BUNDLED_SHA256[:12]}): reinstall")
    metadata, arrays = FORMAT.read(file)
    if metadata.get("encoder_sha256") != encoder.sha256:
        raise WeightsError(
            f"{file} was trained on another version of the encoder {encoder.name}: train it again, or use the "
            "version of impasto that it was trained with"
        )
    tensors = {key: torch.from_numpy(array) for key, array in arrays.items()}
    network = Network()
    try:
        network.load_state_dict(_from_bytes(tensors))
    except (RuntimeError, IndexError, TypeError, ValueError) as error:
        raise WeightsError(f"{file} does not hold the weights of a stylizer: {error}") from error
    if not all(bool((tensor.abs() <= MAX_MAGNITUDE).all()) for tensor in network.state_dict().values()):
        raise WeightsError(f"{file} is damaged: it holds values that are not finite numbers, or absurd ones")
    return metadata.get("name", file.stem), sha256, network


def save_stylizer_file(
    path: Path, name: str, weights: Mapping[str, Tensor], encoder: Encoder, about: Mapping[str, str]
) -> None:
    """Write weights, whole or not at all; `about` says what they were trained on and how.

    Every row of a larger tensor is stored in bytes, times a scale of its own.
    """
    description = {"name": name, "encoder": encoder.name, "encoder_sha256": encoder.sha256, **about}
    write_whole(path, FORMAT.pack(description, {key: tensor.numpy() for key, tensor in _in_bytes(weights).items()}))


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
