"""Safetensors files that describe themselves and carry a checksum, verified whenever they are read."""

from __future__ import annotations

import hashlib
import io
import json
import tokenize
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError

from impasto.errors import ImpastoError, first_line
from impasto.storage.files import why_not_a_file

UNREADABLE = (OSError, SafetensorError, ValueError, TypeError, KeyError, AttributeError, OverflowError, MemoryError)
"""What a damaged or hostile file makes of its readers."""
Arrays = Mapping[str, NDArray[Any]]
Description = Mapping[str, str]
MAX_BYTES = 2**32
_LENGTH_BYTES, _MAX_HEADER_BYTES = 8, 8_000_000


@dataclass(frozen=True)
class TensorFormat:
    """A kind of safetensors file, with its description in the header.

    Attributes
    ----------
    name, version: in the header, as ``format`` and ``format_version``.
    noun: what messages call such a file; maker: how one comes to be, to end a message with.
    error: raised for any file that is not one of these, or damaged.
    covered: the words of the description that the checksum covers.
    covers_types: whether it covers the types of the arrays too.
    needs_checksum: whether a file without one is refused.
    """

    name: str
    version: str
    noun: str
    error: type[ImpastoError]
    covered: Callable[[Description], str]
    maker: str = ""
    covers_types: bool = True
    needs_checksum: bool = True

    def read(self, path: Path) -> tuple[dict[str, str], dict[str, NDArray[Any]]]:
        """Read description and arrays of a file that `pack` made; raises `error`, one line, for any other."""
        from safetensors import safe_open

        try:
            if path.stat().st_size > MAX_BYTES:
                raise ValueError(f"it has more than {MAX_BYTES} bytes")
            with path.open("rb") as stream:  # before the header is taken apart: a huge one fills the memory
                read_header(stream)
            with safe_open(str(path), framework="np") as file:
                description = file.metadata() or {}
                self._check(path, description)
                arrays = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a dict)
        except UNREADABLE as error:
            raise self.error(f"{str(path)!r} is damaged or not an impasto {self.noun} file: {error}") from error
        if "checksum" in description or self.needs_checksum:
            self._verify(path, description, arrays)
        return description, arrays

    def pack(self, description: Description, arrays: Arrays) -> bytes:
        """The bytes of such a file; the same description and arrays give the same bytes."""
        from safetensors.numpy import save

        whole = {"format": self.name, "format_version": self.version, **description}
        # A file's name may be no text.
        whole = {key: text.encode(errors="backslashreplace").decode() for key, text in whole.items()}
        arrays = {key: np.asarray(array, order="C") for key, array in arrays.items()}
        whole["checksum"] = self._checksum(whole, arrays)
        data = save(dict(arrays), whole)
        start, header = read_header(io.BytesIO(data))  # safetensors writes the description in a random order
        return b"".join([encode_header(header), memoryview(data)[len(start) :]])

    def _check(self, path: Path, description: Description) -> None:
        if description.get("format") != self.name:
            raise self.error(f"{str(path)!r} is not an impasto {self.noun} file{self.maker}")
        if description.get("format_version") != self.version:
            raise self.error(
                f"{str(path)!r} has {self.noun} format {description.get('format_version')}, this version reads "
                f"{self.version}{self.maker}"
            )

    def _verify(self, path: Path, description: Description, arrays: Arrays) -> None:
        try:
            checksum = self._checksum(description, arrays)
        except KeyError as error:
            raise self.error(f"{str(path)!r} has a damaged description: it lacks {error}") from error
        if description.get("checksum") != checksum:
            raise self.error(f"{str(path)!r} is damaged: its content is not what was saved; get it again")

    def _checksum(self, description: Description, arrays: Arrays) -> str:
        """SHA-256 of the words that are covered, and of every array by name, type, shape and numbers."""
        summary = hashlib.sha256(self.covered(description).encode())
        for key in sorted(arrays):
            array = np.asarray(arrays[key], order="C")
            kind = f"torch.{array.dtype.name} " if self.covers_types else ""
            summary.update(f"{key} {kind}{array.shape} ".encode())
            summary.update(array.astype(array.dtype.newbyteorder("<"), copy=False).reshape(-1).data)
        return summary.hexdigest()


def map_array(path: Path) -> NDArray[Any]:
    """The array of a .npy file, mapped: what a damaged header declares takes no memory. Raises `ValueError`."""
    try:
        if why := why_not_a_file(path):
            raise ValueError(why)
        return np.lib.format.open_memmap(path, mode="r")
    except (*UNREADABLE, EOFError, SyntaxError, tokenize.TokenError) as error:  # NumPy reads the header as Python
        raise ValueError(f"it is no array that NumPy saved: {first_line(error)}") from error


def read_description(path: Path, error: type[ImpastoError]) -> dict[str, str]:
    """The description in the header of a safetensors file, not verified; raises `error`, one line."""
    try:
        with path.open("rb") as stream:
            description = dict(read_header(stream)[1].get("__metadata__", {}))
        if not all(isinstance(text, str) for text in description.values()):
            raise ValueError("its description is no texts")
    except UNREADABLE as reason:
        raise error(f"{str(path)!r} is not a readable safetensors file: {reason}") from reason
    return description


def encode_header(header: Mapping[str, Any]) -> bytes:
    """The beginning of a safetensors file, in one order: the header's length, then the header, padded."""
    text = json.dumps(header, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(_LENGTH_BYTES, "little") + text


def read_header(stream: BinaryIO) -> tuple[bytes, dict[str, Any]]:
    """Read the beginning of a safetensors file: its bytes, and the header. Raises `ValueError` where it is damaged."""
    prefix = stream.read(_LENGTH_BYTES)
    length = int.from_bytes(prefix, "little")
    if length > _MAX_HEADER_BYTES:
        raise ValueError(f"its header would have {length} bytes")
    text = stream.read(length)
    if len(prefix) < _LENGTH_BYTES or len(text) < length:
        raise ValueError("it ends too early")
    try:
        header = json.loads(text)
    except RecursionError as error:
        raise ValueError("tables too deep") from error
    if not isinstance(header, dict):
        raise ValueError("its header is no table")
    return prefix + text, header
