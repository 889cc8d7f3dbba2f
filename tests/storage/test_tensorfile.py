"""Tensor files: what is packed is read, always in the same bytes, and damage is found."""

from __future__ import annotations

import hashlib
import io
import json
import os
import random
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load, save

from impasto.errors import InputError
from impasto.storage.tensorfile import TensorFormat, encode_header, map_array, read_description, read_header

FORMAT = TensorFormat("test-format", "3", "test", InputError, covered=lambda about: f"{about['words']}|")
LOOSE = TensorFormat(
    "test-format", "3", "test", InputError, covered=lambda about: "", covers_types=False, needs_checksum=False
)
ARRAYS = {
    "b.half": np.arange(6, dtype=np.float16).reshape(2, 3),
    "a.wide": np.linspace(0, 1, 5, dtype=np.float64),
    "c.bytes": np.arange(-3, 3, dtype=np.int8),
    "d.none": np.zeros((0, 2), np.float32),
    "e.one": np.float32(7.5).reshape(()),
    "f.turned": np.arange(12, dtype=np.float32).reshape(3, 4).T,
}
ABOUT = {"words": "é “quoted”", "name": "x"}


def packed(tmp_path: Path, kind: TensorFormat = FORMAT) -> Path:
    path = tmp_path / "file.safetensors"
    path.write_bytes(kind.pack(ABOUT, ARRAYS))
    return path


def test_what_is_packed_is_read(tmp_path: Path) -> None:
    description, arrays = FORMAT.read(packed(tmp_path))
    assert description.items() >= (ABOUT | {"format": "test-format", "format_version": "3"}).items()
    assert arrays.keys() == ARRAYS.keys()
    for key, array in arrays.items():
        assert array.dtype == ARRAYS[key].dtype
        np.testing.assert_array_equal(array, ARRAYS[key])
    assert read_description(packed(tmp_path), InputError) == description


def test_a_name_that_is_no_text_is_written_as_one(tmp_path: Path) -> None:
    path = tmp_path / "a.x"
    path.write_bytes(FORMAT.pack({"words": "ph\udcff.png"}, {"a": np.zeros(1, np.float32)}))
    assert FORMAT.read(path)[0]["words"] == "ph\\udcff.png"


def test_the_same_bytes_whatever_the_order() -> None:
    turned = dict(reversed(list(ARRAYS.items()))), dict(reversed(list(ABOUT.items())))
    assert FORMAT.pack(ABOUT, ARRAYS) == FORMAT.pack(turned[1], turned[0])


def test_others_read_it_as_safetensors() -> None:
    found = load(FORMAT.pack(ABOUT, ARRAYS))
    for key, array in ARRAYS.items():
        np.testing.assert_array_equal(found[key], array)


def test_the_checksum_by_hand(tmp_path: Path) -> None:
    path = tmp_path / "file.safetensors"
    path.write_bytes(FORMAT.pack({"words": "w"}, {"a": np.array([[1.5, 2.0]], np.float32)}))
    by_hand = hashlib.sha256(b"w|a torch.float32 (1, 2) " + np.array([1.5, 2.0], "<f4").tobytes()).hexdigest()
    assert FORMAT.read(path)[0]["checksum"] == by_hand
    path.write_bytes(LOOSE.pack({}, {"a": np.array([[1.5, 2.0]], np.float32)}))
    by_hand = hashlib.sha256(b"a (1, 2) " + np.array([1.5, 2.0], "<f4").tobytes()).hexdigest()
    assert LOOSE.read(path)[0]["checksum"] == by_hand


def test_a_changed_bit_anywhere_is_refused_or_changes_nothing(tmp_path: Path) -> None:
    path = packed(tmp_path)
    whole, random_state = path.read_bytes(), random.Random(5)
    _, expected = FORMAT.read(path)
    for place in random_state.sample(range(len(whole)), 200):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << random_state.randrange(8)
        path.write_bytes(damaged)
        try:
            description, arrays = FORMAT.read(path)
        except InputError as error:
            assert str(error).isprintable()
            continue
        assert description["words"] == ABOUT["words"]
        assert all(array.tobytes() == arrays[key].tobytes() for key, array in expected.items())


@pytest.mark.parametrize("length", [0, 4, 8, 100, -1])
def test_a_file_cut_short(tmp_path: Path, length: int) -> None:
    path = packed(tmp_path)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(InputError, match=r"'.*file\.safetensors' is damaged or not an impasto test file"):
        FORMAT.read(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "other"}, "is not an impasto test file"),
        ({"format_version": "4"}, "has test format 4, this version reads 3"),
        ({"words": "others"}, "is damaged: its content is not what was saved"),
        ({"words": None}, "has a damaged description: it lacks 'words'"),
        ({"checksum": None}, "is damaged"),
    ],
)
def test_another_description(tmp_path: Path, change: dict[str, str | None], message: str) -> None:
    path = packed(tmp_path)
    description, arrays = FORMAT.read(path)
    changed = {key: value for key, value in (description | change).items() if value is not None}
    path.write_bytes(save(arrays, changed))
    with pytest.raises(InputError, match=message):
        FORMAT.read(path)


def test_a_file_without_checksum_where_none_is_needed(tmp_path: Path) -> None:
    path = tmp_path / "file.safetensors"
    path.write_bytes(save({"a": np.zeros(2)}, {"format": "test-format", "format_version": "3"}))
    assert LOOSE.read(path)[1]["a"].tolist() == [0, 0]
    path.write_bytes(save({"a": np.zeros(2)}, {"format": "test-format", "format_version": "3", "checksum": "no"}))
    with pytest.raises(InputError, match="is damaged"):
        LOOSE.read(path)


def test_a_header_and_back() -> None:
    header = {"b": {"shape": [1]}, "a": "é"}
    encoded = encode_header(header)
    assert len(encoded) % 8 == 0
    assert read_header(io.BytesIO(encoded + b"data")) == (encoded, header)


@pytest.mark.parametrize(
    "data",
    [b"", b"1234567", b"\x09" + bytes(7) + b"{}", (2**62).to_bytes(8, "little") + b"{}", b"\x02" + bytes(7) + b"[]",
     b"\x02" + bytes(7) + b"{{", (100_000).to_bytes(8, "little") + b"[" * 100_000],
)  # fmt: skip
def test_a_header_that_makes_no_sense(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(ValueError):
        read_header(io.BytesIO(data))
    (tmp_path / "bad").write_bytes(data)
    with pytest.raises(InputError, match="is not a readable safetensors file"):
        read_description(tmp_path / "bad", InputError)


def test_a_description_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "bad").write_bytes(encode_header(json.loads('{"__metadata__": 7}')))
    with pytest.raises(InputError, match="is not a readable safetensors file"):
        read_description(tmp_path / "bad", InputError)


@pytest.mark.parametrize(
    "header", [b"{'descr': (", b"{'descr': '|O', 'fortran_order': False, 'shape': (1,)}\n", b"\0" * 40, b"(" * 500]
)
def test_arrays_that_numpy_cannot_read(tmp_path: Path, header: bytes) -> None:
    path = tmp_path / "x.npy"
    path.write_bytes(b"\x93NUMPY\x01\0" + len(header).to_bytes(2, "little") + header)
    with pytest.raises(ValueError, match="no array that NumPy saved"):
        map_array(path)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.npy")
    with pytest.raises(ValueError, match="it is not a regular file"):
        map_array(tmp_path / "x.npy")


def test_a_file_with_holes_takes_no_memory(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    os.truncate(tmp_path / "x", 2**42)
    with pytest.raises(FORMAT.error, match="it has more than"):
        FORMAT.read(tmp_path / "x")


def entry(shape: object = (4,), offsets: object = (0, 16), dtype: object = "F32") -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


HOSTILE: dict[str, dict[str, object]] = {
    "overlapping": {"a": entry(), "b": entry(offsets=(8, 24))},
    "the same data twice": {"a": entry(), "b": entry()},
    "negative": {"a": entry(offsets=(-16, 0))},
    "backwards": {"a": entry(offsets=(16, 0))},
    "past the end": {"a": entry(shape=(4_000_000_000,), offsets=(0, 16_000_000_000))},
    "a hole": {"a": entry(), "b": entry(offsets=(20, 36))},
    "another size": {"a": entry(shape=(5,))},
    "a product beyond 64 bits": {"a": entry(shape=(2**32, 2**32, 4))},
    "a negative side": {"a": entry(shape=(-4,))},
    "a side that is no number": {"a": entry(shape=("4",))},
    "another type": {"a": entry(dtype="O8")},
    "no tables": {"a": [1, 2]},  # type: ignore[dict-item]
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_headers_are_one_line_and_take_no_memory(tmp_path: Path, name: str) -> None:
    about = {"format": FORMAT.name, "format_version": FORMAT.version, "words": "", "checksum": "0" * 64}
    path = tmp_path / "x.safetensors"
    path.write_bytes(encode_header({"__metadata__": about, **HOSTILE[name]}) + bytes(64))
    with pytest.raises(FORMAT.error) as error:
        FORMAT.read(path)
    assert str(error.value).isprintable() and "x.safetensors" in str(error.value)


@pytest.mark.parametrize("length", [2**63, 2**64 - 1, 2**40, 9_000_000, 1000])
def test_a_header_without_end_is_not_read(tmp_path: Path, length: int) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(length.to_bytes(8, "little") + b"{}      ")
    with pytest.raises(FORMAT.error, match=r"its header would have|ends too early"):
        FORMAT.read(path)
