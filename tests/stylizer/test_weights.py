"""Stylizer files: what is saved comes back, and what is damaged ends in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from impasto.encoders import load_encoder
from impasto.errors import WeightsError
from impasto.stylizer.network import Network
from impasto.stylizer.stylizer import load_stylizer
from impasto.stylizer.weights import FORMAT, read_stylizer_file, save_stylizer_file


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("stylizers") / "mine.safetensors"
    save_stylizer_file(path, "mine", Network().state_dict(), load_encoder("lite"), {"steps": "0"})
    return path


def test_comes_back_in_steps_of_a_byte(good: Path, tmp_path: Path) -> None:
    name, sha256, network = read_stylizer_file(good, load_encoder("lite"))
    assert name == "mine"
    assert len(sha256) == 64
    torch.manual_seed(0)
    for key, wanted in Network().state_dict().items():
        found = network.state_dict()[key]
        if wanted.numel() < 1024:
            torch.testing.assert_close(found, wanted, atol=0, rtol=0)
            continue
        largest = wanted.flatten(1).abs().amax(1)
        error = (found - wanted).flatten(1).abs().amax(1)
        assert bool((error <= largest / 127 / 2 * 1.001 + 1e-12).all()), key
        assert bool((error > 0).any()) or not bool(wanted.any()), key
    assert [file.name for file in good.parent.iterdir()] == ["mine.safetensors"]
    save_stylizer_file(tmp_path / "again.safetensors", "mine", network.state_dict(), load_encoder("lite"), {})
    again = read_stylizer_file(tmp_path / "again.safetensors", load_encoder("lite"))[2].state_dict()
    for key, tensor in network.state_dict().items():
        torch.testing.assert_close(again[key], tensor, atol=0, rtol=3e-7)


def header(path: Path) -> dict[str, object]:
    raw = path.read_bytes()
    found: dict[str, object] = json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")])
    return found


def rewritten(good: Path, path: Path, drop: str = "", **changes: str) -> Path:
    metadata = dict(header(good)["__metadata__"]) | changes  # type: ignore[call-overload]
    tensors = {key: tensor for key, tensor in load_file(good).items() if key != drop}
    save_file(tensors, path, metadata=metadata)
    return path


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "impasto-encoder"}, "is not an impasto stylizer file"),
        ({"format_version": "9"}, "has stylizer format 9, this version reads 2"),
        ({"encoder_sha256": "0" * 64}, "its content is not what was saved"),
        ({"checksum": "0" * 64}, "its content is not what was saved"),
        ({"drop": "leave.bias"}, "its content is not what was saved"),
    ],
)
def test_a_file_that_is_not_right_is_refused(good: Path, tmp_path: Path, changes: dict[str, str], message: str) -> None:
    with pytest.raises(WeightsError, match=message):
        load_stylizer(rewritten(good, tmp_path / "bad.safetensors", **changes))


def test_a_file_for_another_encoder_is_refused(good: Path, tmp_path: Path) -> None:
    description = dict(header(good)["__metadata__"]) | {"encoder_sha256": "0" * 64}  # type: ignore[call-overload]
    arrays = {key: tensor.numpy() for key, tensor in load_file(good).items()}
    (tmp_path / "other.safetensors").write_bytes(FORMAT.pack(description, arrays))
    with pytest.raises(WeightsError, match="trained on another version of the encoder lite"):
        load_stylizer(tmp_path / "other.safetensors")


def test_a_flipped_bit_is_found(good: Path, tmp_path: Path) -> None:
    raw = bytearray(good.read_bytes())
    raw[-1000] ^= 1
    (tmp_path / "bad.safetensors").write_bytes(raw)
    with pytest.raises(WeightsError, match="damaged"):
        load_stylizer(tmp_path / "bad.safetensors")


@pytest.mark.parametrize("kept", [0, 5, 300, 100_000])
def test_half_a_file_is_refused(good: Path, tmp_path: Path, kept: int) -> None:
    (tmp_path / "bad.safetensors").write_bytes(good.read_bytes()[:kept])
    with pytest.raises(WeightsError, match=r"bad.safetensors' is damaged or not an impasto"):
        load_stylizer(tmp_path / "bad.safetensors")


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no such file"):
        load_stylizer(tmp_path / "none.safetensors")
    with pytest.raises(WeightsError, match="folder"):
        load_stylizer(tmp_path)


def test_weights_of_another_shape_are_refused(tmp_path: Path) -> None:
    tensors = dict(Network().state_dict())
    tensors["leave.bias"] = torch.zeros(4)
    save_stylizer_file(tmp_path / "odd.safetensors", "odd", tensors, load_encoder("lite"), {})
    with pytest.raises(WeightsError, match="does not hold the weights of a stylizer"):
        load_stylizer(tmp_path / "odd.safetensors")
    tensors["leave.bias"] = torch.full((3,), float("nan"))
    save_stylizer_file(tmp_path / "nan.safetensors", "nan", tensors, load_encoder("lite"), {})
    with pytest.raises(WeightsError, match="not finite"):
        load_stylizer(tmp_path / "nan.safetensors")
