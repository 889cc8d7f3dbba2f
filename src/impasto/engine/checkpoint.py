"""Checkpoints: all that the next step reads, in one file, whole or not at all.

A checkpoint is a safetensors file whose last tensor is the SHA-256 of everything before it. Two are kept.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor

from impasto.errors import CheckpointError
from impasto.storage.files import why_not_a_file

FORMAT_VERSION = 1
KEPT = 2
MOST_TIME = 0.05  # share of a run that checkpoints may take
_DTYPES = {torch.float32: "F32", torch.float64: "F64"}
_DIGEST = "sha256"


@dataclass(frozen=True)
class Checkpoint:
    """The state of a run between two steps.

    Attributes
    ----------
    values: whatever JSON can hold, by name. tensors: the pictures of the optimiser, by name.
    """

    values: Mapping[str, Any]
    tensors: Mapping[str, Tensor] = field(repr=False)


class Checkpoints:
    """The checkpoints of one run: writes them when they are due and keeps the last two.

    Parameters
    ----------
    folder: made when the first one is written.
    every_seconds: from one to the next at least; further apart where writing takes long (`MOST_TIME`).
    describe: tells what run this is, when one is written; JSON can hold it.
    """

    def __init__(self, folder: Path, every_seconds: float, describe: Callable[[], Mapping[str, Any]]) -> None:
        self.folder, self._every, self._describe = folder, every_seconds, describe
        self._last, self._took = time.monotonic(), 0.0

    @property
    def due(self) -> bool:
        """Whether it is time for the next one."""
        return time.monotonic() - self._last >= max(self._every, self._took / MOST_TIME)

    def save(self, checkpoint: Checkpoint) -> Path:
        """Write one and remove all but the last two. Raises `OSError`; what is there already stays."""
        started = time.monotonic()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            number = max(map(_number, list_checkpoints(self.folder)), default=0) + 1
            path = self.folder / f"checkpoint-{number:06}.safetensors"
            write_checkpoint(path, checkpoint, self._describe())
            for old in list_checkpoints(self.folder)[:-KEPT]:
                old.unlink(missing_ok=True)
        finally:  # a disk that is full is not tried again at once
            self._last = time.monotonic()
            self._took = self._last - started
        return path


def list_checkpoints(folder: Path) -> list[Path]:
    """The checkpoints in a folder, oldest first."""
    return sorted((path for path in folder.glob("checkpoint-*.safetensors") if _number(path)), key=_number)


def write_checkpoint(path: Path, checkpoint: Checkpoint, about: Mapping[str, Any]) -> None:
    """Write a checkpoint, streamed: a copy of its pictures might not fit into memory."""
    metadata = {
        "format": "impasto-checkpoint",
        "format_version": str(FORMAT_VERSION),
        "about": json.dumps(about),
        "values": json.dumps(checkpoint.values),
    }
    header: dict[str, Any] = {"__metadata__": metadata}
    start = 0
    for name, tensor in checkpoint.tensors.items():
        stop = start + tensor.numel() * tensor.element_size()
        header[name] = {"dtype": _DTYPES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [start, stop]}
        start = stop
    header[_DIGEST] = {"dtype": "U8", "shape": [32], "data_offsets": [start, start + 32]}
    encoded = json.dumps(header).encode()
    encoded += b" " * (-len(encoded) % 8)
    partial = path.with_name(path.name + ".partial")
    try:
        with partial.open("wb") as file:
            out = _Hashed(file)
            out.write(len(encoded).to_bytes(8, "little") + encoded)
            for tensor in checkpoint.tensors.values():
                out.write(tensor.cpu().contiguous().numpy().data.cast("B"))
            file.write(out.hash.digest())
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def read_checkpoint(path: Path) -> tuple[Checkpoint, dict[str, Any]]:
    """Read a checkpoint and what it says about its run, and check that it is whole.

    Raises `CheckpointError` with the reason.
    """
    try:
        if why := why_not_a_file(path):
            raise CheckpointError(f"cannot read the checkpoint {path.name}: {why}")
        with path.open("rb") as file:
            return _read(file, path)
    except OSError as error:
        raise CheckpointError(f"cannot read the checkpoint {path.name}: {error.strerror}") from error


def _read(file: BinaryIO, path: Path) -> tuple[Checkpoint, dict[str, Any]]:
    size = path.stat().st_size
    prefix = file.read(8)
    length = int.from_bytes(prefix, "little")
    if len(prefix) < 8 or length > size - 8 - 32:
        raise CheckpointError(f"the checkpoint {path.name} is damaged: it ends too early")
    encoded = file.read(length)
    digest = hashlib.sha256(prefix + encoded)
    try:
        header = json.loads(encoded)
        metadata = header.pop("__metadata__")
        version, about = metadata["format_version"], dict(json.loads(metadata["about"]))
        values, layout = json.loads(metadata["values"]), {k: v for k, v in header.items() if k != _DIGEST}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CheckpointError(f"the checkpoint {path.name} is damaged: its header cannot be read") from error
    if version != str(FORMAT_VERSION):
        raise CheckpointError(f"the checkpoint {path.name} has format {version}, this version reads {FORMAT_VERSION}")
    tensors = _read_tensors(file, layout, digest, path)
    if file.read() != digest.digest():
        raise CheckpointError(f"the checkpoint {path.name} is damaged: its SHA-256 does not match")
    return Checkpoint(values, tensors), about


def _read_tensors(
    file: BinaryIO, layout: Mapping[str, Mapping[str, Any]], digest: hashlib._Hash, path: Path
) -> dict[str, Tensor]:
    """Read the tensors in the order in which they were written."""
    dtypes = {name: dtype for dtype, name in _DTYPES.items()}
    tensors = {}
    try:
        for name, entry in sorted(layout.items(), key=lambda item: item[1]["data_offsets"][0]):
            start, stop = entry["data_offsets"]
            dtype = dtypes[entry["dtype"]]
            if math.prod(entry["shape"]) * dtype.itemsize != stop - start or stop - start > path.stat().st_size:
                raise ValueError("a shape that is not the data's")  # nothing is allocated for it
            tensor = torch.empty(entry["shape"], dtype=dtype)
            buffer = tensor.numpy().reshape(-1).data.cast("B")
            if file.readinto(buffer) != len(buffer):  # type: ignore[attr-defined]
                raise ValueError("too short")
            digest.update(buffer)
            tensors[name] = tensor
    except (ValueError, KeyError, TypeError, AttributeError, RuntimeError, IndexError) as error:
        raise CheckpointError(f"the checkpoint {path.name} is damaged: its pictures cannot be read") from error
    return tensors


class _Hashed:
    """Writes and hashes."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self.hash = file, hashlib.sha256()

    def write(self, data: bytes | memoryview) -> None:
        self._file.write(data)
        self.hash.update(data)


def _number(path: Path) -> int:
    found = re.fullmatch(r"checkpoint-(\d+)\.safetensors", path.name)
    return int(found.group(1)) if found else 0
