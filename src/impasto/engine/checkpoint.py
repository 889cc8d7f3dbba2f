"""Checkpoints: everything that the next step reads, in one file, written whole or not at all.

A checkpoint is a safetensors file whose last tensor is the SHA-256 of everything before it. It is streamed, which a
`TensorFormat` is not: a copy of its pictures might not fit into memory. Two are kept.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import torch
from pydantic import Field, model_validator
from torch import Tensor

from impasto.engine.memory import machine_bytes
from impasto.engine.pyramid import Scale
from impasto.errors import CheckpointError, first_line
from impasto.inputs.recorded import RecordPart
from impasto.options.fields import Steerable
from impasto.options.parsing import Weight
from impasto.storage.atomic import open_whole
from impasto.storage.files import format_bytes, why_not_a_file
from impasto.storage.tensorfile import UNREADABLE, encode_header, read_header

FORMAT_VERSION = 1
KEPT = 2
MOST_TIME = 0.05  # share of a run that checkpoints may take
_DTYPES = {torch.float32: "F32", torch.float64: "F64"}
_DIGEST = "sha256"


class BalanceValues(RecordPart):
    """The state of the content weight controller."""

    moves: bool
    weights: tuple[Weight, ...]
    measurements: int = Field(ge=0, lt=2**31)


class RunValues(RecordPart):
    """The `Checkpoint.values` of a run, checked: what a file says of a run must be possible in one."""

    scale: int = Field(ge=0, lt=2**31)
    step: int = Field(ge=0, lt=2**31)
    scale_done: bool
    seconds: float = Field(ge=0, allow_inf_nan=False)
    pixel_steps: float = Field(ge=0, allow_inf_nan=False)
    balance: BalanceValues
    totals: tuple[float, ...]
    course: tuple[Annotated[int, Field(ge=0, lt=2**31)], Annotated[int, Field(ge=0, lt=2**31)]]
    steered: dict[Steerable, Annotated[float, Field(ge=0, le=100)]]
    optimizer: dict[str, Any]

    @model_validator(mode="after")
    def _is_within_its_budget(self) -> RunValues:
        begun, steps = self.course
        if not begun <= self.step <= begun + steps:
            raise ValueError("a step beyond those of its scale")
        return self


@dataclass(frozen=True)
class Checkpoint:
    """The state of a run between two steps.

    Attributes
    ----------
    values: whatever JSON can hold, by name. tensors: the pictures of the optimiser, by name.
    """

    values: Mapping[str, Any]
    tensors: Mapping[str, Tensor] = field(repr=False)

    def checked_values(self, scales: Sequence[Scale], *, pictures: bool) -> RunValues:
        """The values of a run of these scales; `pictures`: the tensors are of its canvas, not weights of a network.

        Raises `ValueError` for what cannot be a state of that run.
        """
        values = RunValues.model_validate(self.values)
        if values.scale >= len(scales):
            raise ValueError("a scale that the run does not have")
        scale = scales[values.scale]
        canvas = (1, 3, scale.canvas_height_px, scale.canvas_width_px)
        for name, tensor in self.tensors.items():
            if not bool(tensor.isfinite().all()):
                raise ValueError(f"{name} holds values that are not finite")
            if pictures and tensor.shape != canvas:
                raise ValueError(f"{name} is not of its scale's size")
        return values


@contextmanager
def refusing_foreign_state(path: Path) -> Iterator[None]:
    """Raise `CheckpointError` where a checkpoint, whole as it is, does not hold the state of the run that it names."""
    try:
        yield
    except (ValueError, KeyError, TypeError, AttributeError, RuntimeError) as error:
        raise CheckpointError(
            f"the checkpoint {path.name} is damaged: it does not hold the state of this run ({first_line(error)}); "
            "paint anew"
        ) from error


class Checkpoints:
    """The checkpoints of one run: writes them when they are due and keeps the last two.

    Parameters
    ----------
    folder: made when the first one is written.
    every_seconds: least time from one to the next; more where writing takes long (`MOST_TIME`).
    describe: describes the run, each time that one is written, in values that JSON can hold.
    """

    def __init__(self, folder: Path, every_seconds: float, describe: Callable[[], Mapping[str, Any]]) -> None:
        self.folder, self._every, self._describe = folder, every_seconds, describe
        self._last, self._took = time.monotonic(), 0.0

    @property
    def due(self) -> bool:
        """Whether it is time for the next one."""
        return time.monotonic() - self._last >= max(self._every, self._took / MOST_TIME)

    def save(self, checkpoint: Checkpoint) -> Path:
        """Write a checkpoint and remove all but the last two. Raises `OSError`; older ones stay then."""
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
    """Write a checkpoint, whole or not at all."""
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
    digest = hashlib.sha256()
    with open_whole(path, part=path.name + ".partial") as file:
        parts: Iterable[bytes | memoryview] = chain(
            [encode_header(header)], map(_bytes_of, checkpoint.tensors.values())
        )
        for data in parts:
            digest.update(data)
            file.write(data)
        file.write(digest.digest())


def read_checkpoint(path: Path) -> tuple[Checkpoint, dict[str, Any]]:
    """Read a checkpoint and what it says about its run, and check that it is whole.

    Raises `CheckpointError` with the reason.
    """
    try:
        why = why_not_a_file(path)
        if not why and path.stat().st_size > machine_bytes():
            why = f"it has {format_bytes(path.stat().st_size)}, more than this machine's memory"
        if why:
            raise CheckpointError(f"cannot read the checkpoint {path.name}: {why}")
        with path.open("rb") as file:
            return _read(file, path)
    except OSError as error:
        raise CheckpointError(f"cannot read the checkpoint {path.name}: {error.strerror}") from error


def _read(file: BinaryIO, path: Path) -> tuple[Checkpoint, dict[str, Any]]:
    try:
        start, header = read_header(file)
        metadata = header.pop("__metadata__")
        version, about = metadata["format_version"], dict(json.loads(metadata["about"]))
        values, layout = json.loads(metadata["values"]), {k: v for k, v in header.items() if k != _DIGEST}
    except (*UNREADABLE, RecursionError) as error:
        raise CheckpointError(f"the checkpoint {path.name} is damaged: its header cannot be read ({error})") from error
    digest = hashlib.sha256(start)
    if version != str(FORMAT_VERSION):
        raise CheckpointError(f"the checkpoint {path.name} has format {version}, this version reads {FORMAT_VERSION}")
    tensors = _read_tensors(file, layout, digest, path)
    if file.read(digest.digest_size + 1) != digest.digest():
        raise CheckpointError(f"the checkpoint {path.name} is damaged: its SHA-256 does not match")
    return Checkpoint(values, tensors), about


def _read_tensors(file: BinaryIO, layout: Mapping[str, Any], digest: hashlib._Hash, path: Path) -> dict[str, Tensor]:
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
    except (*UNREADABLE, RuntimeError, IndexError) as error:
        raise CheckpointError(f"the checkpoint {path.name} is damaged: its pictures cannot be read") from error
    return tensors


def _bytes_of(tensor: Tensor) -> memoryview:
    return tensor.cpu().contiguous().numpy().reshape(-1).data.cast("B")


def _number(path: Path) -> int:
    match = re.fullmatch(r"checkpoint-(\d+)\.safetensors", path.name)
    return int(match.group(1)) if match else 0
