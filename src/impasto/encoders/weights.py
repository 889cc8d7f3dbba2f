"""Encoder files: safetensors that carry their own description, verified on every load."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from impasto.encoders.architectures import Architecture
from impasto.encoders.encoder import Encoder
from impasto.encoders.sources import SOURCES
from impasto.encoders.store import find_stored
from impasto.errors import OptionError, WeightsError, did_you_mean
from impasto.storage.files import why_not_a_file

FORMAT_VERSION = "1"
MAX_BLOCKS, MAX_DEPTH, MAX_WIDTH = 8, 64, 65_536  # of an encoder that a damaged description may speak of
LITE_SHA256 = "e8f38bb319da9fe54f05940591e74c255013e045df9b5e93beb929d18f67ff90"
BUNDLED = {"lite": ("lite.safetensors", LITE_SHA256)}


def load_encoder(
    name: str,
    *,
    padding_mode: str = "reflect",
    pooling: str = "max",
    dtype: torch.dtype = torch.float32,
    precision: torch.dtype | None = None,
    device: torch.device | str = "cpu",
) -> Encoder:
    """Load an encoder: a bundled one or one whose weights were fetched by name, a file by its path (``*.safetensors``).

    A bundled file must have the SHA-256 that this version was released with, a fetched one that of its conversion.
    Raises `OptionError` for an unknown name, `WeightsError` for a missing or damaged file; it fetches nothing.
    """
    again = "reinstall"
    if name in BUNDLED:
        file_name, expected = BUNDLED[name]
        path = Path(str(resources.files("impasto.encoders") / "lite" / file_name))
    elif name in SOURCES:
        stored = find_stored(name)
        if stored is None:
            raise WeightsError(f"the weights of {name} are not here; 'impasto weights fetch {name}' gets them")
        path, expected, again = stored.path, stored.sha256, f"'impasto weights fetch {name}' gets it again"
    elif name.endswith(".safetensors"):
        path, expected = Path(name), None
    else:
        near = did_you_mean(name, [*BUNDLED, *SOURCES])
        raise OptionError(f"unknown encoder {name!r}{near} (or the path of a .safetensors file)")
    sha256 = hash_file(path)
    if expected is not None and sha256 != expected:
        raise WeightsError(f"{path} is damaged (SHA-256 {sha256[:12]}, expected {expected[:12]}): {again}")
    return read_encoder_file(
        path,
        sha256,
        name=name if expected else None,
        padding_mode=padding_mode,
        pooling=pooling,
        dtype=dtype,
        precision=precision,
        device=device,
    )


def read_encoder_file(
    path: Path,
    sha256: str,
    *,
    name: str | None = None,
    padding_mode: str = "reflect",
    pooling: str = "max",
    dtype: torch.dtype = torch.float32,
    precision: torch.dtype | None = None,
    device: torch.device | str = "cpu",
) -> Encoder:
    """Build an encoder from a file that `save_encoder_file` wrote."""
    try:
        with safe_open(str(path), framework="pt") as file:
            metadata = file.metadata() or {}
            _check_format(path, metadata)
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a dict)
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{path} is not a readable safetensors file: {error}") from error
    try:
        architecture, mean = _parse_description(metadata)
        name = name or metadata["name"]
        geometry = {k.removeprefix("geometry."): v for k, v in tensors.items() if k.startswith("geometry.")}
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise WeightsError(f"{path} has a damaged description ({error!r})") from error
    if metadata.get("checksum") not in (None, _checksum(metadata, tensors)):
        raise WeightsError(f"{path} is damaged: its weights are not those that were saved; get it again")
    for key, tensor in tensors.items():
        if not (tensor.is_floating_point() and bool(tensor.isfinite().all())):
            raise WeightsError(f"{path} is damaged: {key} holds values that are not finite numbers")
    try:
        return Encoder(
            name,
            sha256,
            architecture,
            tensors,
            mean=mean,
            geometry=geometry,
            padding_mode=padding_mode,
            pooling=pooling,
            dtype=dtype,
            precision=precision,
            device=device,
        )
    except WeightsError as error:
        raise WeightsError(f"{path}: {error}") from error


def _check_format(path: Path, metadata: Mapping[str, str]) -> None:
    if metadata.get("format") != "impasto-encoder":
        raise WeightsError(f"{path} is not an impasto encoder file")
    if metadata.get("format_version") != FORMAT_VERSION:
        raise WeightsError(
            f"{path} has encoder format {metadata.get('format_version')}, this version reads {FORMAT_VERSION}"
        )


def _parse_description(metadata: Mapping[str, str]) -> tuple[Architecture, list[float]]:
    """Read widths, depths and mean; ValueError, KeyError or TypeError for what cannot be an encoder's."""
    shape, mean = json.loads(metadata["architecture"]), json.loads(metadata["mean"])
    widths, depths = tuple(shape["widths"]), tuple(shape["depths"])
    for sizes, most in ((widths, MAX_WIDTH), (depths, MAX_DEPTH)):
        if not 1 <= len(sizes) <= MAX_BLOCKS or not all(type(n) is int and 1 <= n <= most for n in sizes):
            raise ValueError("widths and depths are not a few whole numbers")
    if len(mean) != 3 or not all(math.isfinite(value) for value in mean):
        raise ValueError("the mean is not three finite numbers")
    if len(widths) != len(depths):
        raise ValueError("as many widths as depths are needed")
    return Architecture(widths, depths), mean


def _checksum(metadata: Mapping[str, str], tensors: Mapping[str, torch.Tensor]) -> str:
    """SHA-256 of all that decides what the encoder computes."""
    summary = hashlib.sha256(f"{metadata['architecture']} {metadata['mean']} ".encode())
    for key in sorted(tensors):
        tensor = tensors[key].detach().cpu().contiguous()
        summary.update(f"{key} {tensor.dtype} {tuple(tensor.shape)} ".encode())
        summary.update(tensor.flatten().view(torch.uint8).numpy().data)
    return summary.hexdigest()


def read_about(path: Path) -> dict[str, str]:
    """Words that an encoder file carries: name, source, licence, ...; raises `WeightsError`."""
    try:
        with safe_open(str(path), framework="pt") as file:
            return dict(file.metadata() or {})
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{path} is not a readable safetensors file: {error}") from error


def save_encoder_file(
    path: Path,
    name: str,
    architecture: Architecture,
    tensors: dict[str, torch.Tensor],
    *,
    mean: tuple[float, float, float],
    about: dict[str, str],
) -> None:
    """Write an encoder file, whole or not at all; `about` adds licence, source and training command."""
    metadata = {
        "format": "impasto-encoder",
        "format_version": FORMAT_VERSION,
        "name": name,
        "architecture": json.dumps({"widths": architecture.widths, "depths": architecture.depths}),
        "mean": json.dumps(mean),
        **about,
    }
    metadata["checksum"] = _checksum(metadata, tensors)
    partial = path.with_name(path.name + ".partial")
    try:
        save_file({k: v.contiguous() for k, v in tensors.items()}, partial, metadata=metadata)
        _sort_header(partial)
        partial.chmod(0o644)  # safetensors writes for the owner alone
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _sort_header(path: Path) -> None:
    """Bring the header into one order: safetensors writes its metadata in a random one, and hashes would differ."""
    with path.open("r+b") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
        ordered = json.dumps(header, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        file.seek(8)
        file.write(ordered.ljust(length))


def hash_file(path: Path) -> str:
    """SHA-256 of an encoder file, in hexadecimal; raises `WeightsError`."""
    try:
        if why := why_not_a_file(path):
            raise WeightsError(f"cannot read the encoder file {path}: {why}")
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise WeightsError(f"cannot read the encoder file {path}: {error.strerror}") from error
