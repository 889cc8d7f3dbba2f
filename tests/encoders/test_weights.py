"""Encoder files: what is written comes back, and nothing else gets in."""

from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from impasto.encoders import LITE, Architecture, load_encoder, weights
from impasto.encoders.weights import BUNDLED, pack_encoder
from impasto.errors import OptionError, WeightsError

ONE = Architecture((2,), (1,))


def one_layer(path: Path) -> dict[str, torch.Tensor]:
    tensors = {
        "conv1_1.weight": torch.arange(54.0).view(2, 3, 3, 3),
        "conv1_1.bias": torch.tensor([0.5, -1.0]),
        "geometry.relu1_1": torch.tensor([[1.0, 2.0], [0.0, 1.0]]),
    }
    path.write_bytes(pack_encoder("one", ONE, tensors, mean=(0.1, 0.2, 0.3), about={"licence": "CC0"}))
    return tensors


def edited(path: Path, **changes: str | None) -> Path:
    """A copy whose metadata is changed; None removes a key."""
    with safe_open(path, framework="pt") as file:
        metadata = dict(file.metadata())
    for key, value in changes.items():
        metadata.pop(key, None)
        if value is not None:
            metadata[key] = value
    copy = path.with_name("edited.safetensors")
    save_file(load_file(path), copy, metadata=metadata)
    return copy


def refused(path: Path, message: str) -> None:
    with pytest.raises(WeightsError, match=message) as caught:
        load_encoder(str(path))
    assert "\n" not in str(caught.value)
    assert path.name in str(caught.value)


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "one.safetensors"
    tensors = one_layer(path)
    encoder = load_encoder(str(path), dtype=torch.float64, padding_mode="zeros")
    assert (encoder.name, encoder.architecture) == ("one", ONE)
    assert torch.equal(encoder.geometry["relu1_1"], tensors["geometry.relu1_1"].double())
    # One pixel, zeros around it: the middle of each kernel times (pixel - mean), plus bias, rectified.
    middle = tensors["conv1_1.weight"][:, :, 1, 1].double()
    pixel = torch.tensor([0.3, 0.9, 0.2], dtype=torch.float64)
    expected = middle @ (pixel - torch.tensor([0.1, 0.2, 0.3], dtype=torch.float64))
    expected = (expected + tensors["conv1_1.bias"]).clamp_min(0)
    found = encoder(pixel.view(1, 3, 1, 1), ["relu1_1"])["relu1_1"]
    torch.testing.assert_close(found.flatten(), expected)
    assert [entry.name for entry in tmp_path.iterdir()] == ["one.safetensors"]  # no partial file left


def test_sha256_is_that_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "one.safetensors"
    one_layer(path)
    assert load_encoder(str(path)).sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_truncated_at_any_place(tmp_path: Path) -> None:
    path = tmp_path / "one.safetensors"
    one_layer(path)
    whole = path.read_bytes()
    for length in (0, 4, 8, 100, len(whole) - 1):
        path.write_bytes(whole[:length])
        refused(path, "is damaged or not an impasto encoder file")


def test_html_page_saved_as_weights(tmp_path: Path) -> None:
    path = tmp_path / "page.safetensors"
    path.write_text("<!DOCTYPE html><html><body>404: not found</body></html>" * 20)
    refused(path, "is damaged or not an impasto encoder file")


def test_header_that_promises_too_much(tmp_path: Path) -> None:
    path = tmp_path / "huge.safetensors"
    path.write_bytes(struct.pack("<Q", 2**62) + b"{}")
    refused(path, "is damaged or not an impasto encoder file")


def test_pickle_is_never_read(tmp_path: Path) -> None:
    path = tmp_path / "pickle.safetensors"
    torch.save({"conv1_1.weight": torch.zeros(2, 3, 3, 3)}, path)
    refused(path, "is damaged or not an impasto encoder file")


def test_somebody_elses_safetensors(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_file({"weight": torch.zeros(3)}, path)
    refused(path, "not an impasto encoder file")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "something else"}, "not an impasto encoder file"),
        ({"format_version": "999"}, "encoder format 999, this version reads"),
        ({"format_version": None}, "encoder format None"),
        ({"architecture": None}, "damaged description"),
        ({"architecture": "{"}, "damaged description"),
        ({"architecture": json.dumps({"widths": [2, 4], "depths": [1]})}, "damaged description"),
        ({"architecture": json.dumps({"widths": [], "depths": []})}, "damaged description"),
        ({"mean": None}, "damaged description"),
        ({"mean": "[0.5]"}, "damaged description"),
        ({"name": None}, "damaged description"),
    ],
)
def test_description_that_does_not_fit(tmp_path: Path, changes: dict[str, str | None], message: str) -> None:
    path = tmp_path / "one.safetensors"
    one_layer(path)
    refused(edited(path, **changes, checksum=None), message)


@pytest.mark.parametrize("key", ["architecture", "mean", "checksum"])
def test_a_description_that_was_changed(tmp_path: Path, key: str) -> None:
    path = tmp_path / "one.safetensors"
    one_layer(path)
    refused(edited(path, **{key: "{}"}), "is damaged: its content is not what was saved")
    if key != "checksum":
        refused(edited(path, **{key: None}), f"has a damaged description: it lacks '{key}'")


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ({"widths": [2, 4], "depths": [1, 1]}, "lack 'conv2_1.weight'"),
        ({"widths": [7], "depths": [1]}, r"conv1_1 has shape \(2, 3, 3, 3\), expected \(7, 3, 3, 3\)"),
    ],
)
def test_tensors_that_do_not_fit_the_description(tmp_path: Path, shape: dict[str, list[int]], message: str) -> None:
    path = tmp_path / "one.safetensors"
    one_layer(path)
    with pytest.raises(WeightsError, match=message) as caught:
        load_encoder(str(edited(path, architecture=json.dumps(shape), checksum=None)))
    assert "\n" not in str(caught.value)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    refused(tmp_path / "nowhere.safetensors", "cannot read the encoder file")
    folder = tmp_path / "folder.safetensors"
    folder.mkdir()
    refused(folder, "cannot read the encoder file")


def test_unknown_name() -> None:
    with pytest.raises(OptionError, match=r"unknown encoder 'light'; did you mean 'lite'\? \(or the path"):
        load_encoder("light")


def test_bundled_encoder_is_the_released_one() -> None:
    encoder = load_encoder("lite")
    assert encoder.name == "lite"
    assert encoder.sha256 == BUNDLED["lite"][1]
    assert encoder.architecture == LITE
    finite = encoder(torch.rand(1, 3, 32, 32), ["relu5_1"])["relu5_1"].isfinite()
    assert finite.all()


def test_bundled_encoder_of_another_release_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BUNDLED, "lite", (BUNDLED["lite"][0], "0" * 64))
    with pytest.raises(WeightsError, match=r"lite\.safetensors is damaged .*expected 000000000000.*reinstall"):
        load_encoder("lite")


def test_bundled_file_tells_where_it_comes_from() -> None:
    path = Path(weights.__file__).parent / "lite" / BUNDLED["lite"][0]
    assert path.stat().st_size <= 3_000_000
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    for key in ("licence", "source", "command", "mean", "input"):
        assert metadata.get(key, "").strip(), f"{key} is not told"
