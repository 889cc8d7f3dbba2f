"""Published weight files against the libraries they come from: Keras's own VGG, torchvision's as it stacks it."""

from __future__ import annotations

import os
import pickle
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from impasto.encoders import VGG16, VGG19, Architecture, Encoder, conversion
from impasto.encoders.conversion import read_published
from impasto.errors import WeightsError

TOLERANCE = 1e-4  # of a map's own size
ARCHITECTURES = {"vgg16": VGG16, "vgg19": VGG19}
CONFIGURATIONS = {  # of the paper, table 1, D and E; M: pooling
    "vgg16": [64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M"],
    "vgg19": [64, 64, "M", 128, 128, "M", 256, 256, 256, 256, "M", 512, 512, 512, 512, "M", 512, 512, 512, 512, "M"],
}


@pytest.fixture(scope="module")
def pictures() -> NDArray[np.float32]:
    """[2, 48, 70, 3] in [0, 1]."""
    return np.random.default_rng(5).random((2, 48, 70, 3), np.float32)


@pytest.fixture(scope="module")
def keras() -> Iterator[Any]:
    """Keras on PyTorch."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(os.environ, "KERAS_BACKEND", "torch")
        yield pytest.importorskip("keras", reason="Keras is not installed")


def he(shape: tuple[int, ...], fan_in: int, random: np.random.Generator) -> NDArray[np.float32]:
    return (random.standard_normal(shape) * np.sqrt(2 / fan_in)).astype(np.float32)


def encoder_of(path: Path, name: str, padding_mode: str = "zeros") -> Encoder:
    architecture, layout, tensors = read_published(path)
    assert architecture == ARCHITECTURES[name]
    return Encoder("converted", "", architecture, tensors, mean=layout.mean, padding_mode=padding_mode)


def assert_same_maps(encoder: Encoder, pictures: NDArray[np.float32], expected: dict[str, NDArray[np.float32]]) -> None:
    with torch.no_grad():
        found = encoder(torch.from_numpy(pictures).permute(0, 3, 1, 2), list(expected))
    for name, theirs in expected.items():
        error = np.abs(found[name].numpy() - theirs).max() / np.abs(theirs).max()
        assert error <= TOLERANCE, (name, error)
        assert np.abs(theirs).max() > 1, f"{name} has shrunk to nothing: the comparison means little"


# ------------------------------------------------------------------------------------------------- Keras


def build_keras(keras: Any, name: str) -> Any:
    """The applications model with He-scaled kernels and biases that are not zero."""
    model = getattr(keras.applications, name.upper())(include_top=False, weights=None)
    random = np.random.default_rng(7)
    for layer in model.layers:
        if layer.weights:
            kernel, bias = (tuple(w.shape) for w in layer.weights)
            layer.set_weights([he(kernel, 9 * kernel[2], random), random.normal(0, 0.5, bias).astype(np.float32)])
    return model


def keras_maps(keras: Any, name: str, model: Any, pictures: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    """Keras's forward pass after its own preprocessing; every convolution, which rectifies."""
    application = getattr(keras.applications, name)
    convolutions = [layer for layer in model.layers if layer.weights]
    reader = keras.Model(model.inputs[0], [layer.output for layer in convolutions])
    with torch.no_grad():
        outputs = reader(application.preprocess_input(pictures * 255))
    names = [layer.name.replace("block", "relu").replace("conv", "") for layer in convolutions]
    return {name: output.numpy().transpose(0, 3, 1, 2) for name, output in zip(names, outputs, strict=True)}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Keras's own, with NumPy 2
@pytest.mark.parametrize("name", ["vgg16", "vgg19"])
def test_every_layer_is_keras_own(keras: Any, name: str, pictures: NDArray[np.float32], tmp_path: Path) -> None:
    from keras.src.legacy.saving.legacy_h5_format import save_weights_to_hdf5_group

    model = build_keras(keras, name)
    with h5py.File(tmp_path / "keras.h5", "w") as file:
        save_weights_to_hdf5_group(file, model)
    expected = keras_maps(keras, name, model, pictures)
    assert len(expected) == {"vgg16": 13, "vgg19": 16}[name]
    assert_same_maps(encoder_of(tmp_path / "keras.h5", name), pictures, expected)


def write_published_keras(path: Path, name: str) -> None:
    """The layout of the files on the net, written by Keras 1: other names inside than Keras writes today."""
    random = np.random.default_rng(3)
    block, index, inputs = 1, 0, 3
    names = []
    with h5py.File(path, "w") as file:
        for item in CONFIGURATIONS[name]:
            if item == "M":
                group, weights = f"block{block}_pool", {}
                block, index = block + 1, 0
            else:
                width, index = int(item), index + 1
                group = f"block{block}_conv{index}"
                weights = {
                    f"{group}_W_1:0": he((3, 3, inputs, width), 9 * inputs, random),
                    f"{group}_b_1:0": random.normal(0, 0.5, width).astype(np.float32),
                }
                inputs = width
            names.append(group.encode())
            file.create_group(group).attrs["weight_names"] = [key.encode() for key in weights]
            for key, value in weights.items():
                file[group][key] = value
        file.attrs["layer_names"] = names


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_published_layout_reads_as_keras_reads_it(
    keras: Any, pictures: NDArray[np.float32], tmp_path: Path
) -> None:
    write_published_keras(tmp_path / "published.h5", "vgg19")
    model = keras.applications.VGG19(include_top=False, weights=str(tmp_path / "published.h5"))
    encoder = encoder_of(tmp_path / "published.h5", "vgg19")
    assert_same_maps(encoder, pictures, keras_maps(keras, "vgg19", model, pictures))


# ------------------------------------------------------------------------------------------- torchvision


class Stacked(nn.Module):
    """The modules of torchvision's VGG in their order, so with its keys; the classifier's sizes do not matter."""

    def __init__(self, name: str) -> None:
        super().__init__()
        modules: list[nn.Module] = []
        channels = 3
        for item in CONFIGURATIONS[name]:
            if item == "M":
                modules.append(nn.MaxPool2d(2, 2))
            else:
                modules += [nn.Conv2d(channels, int(item), 3, padding=1), nn.ReLU()]
                channels = int(item)
        self.features = nn.Sequential(*modules)
        self.classifier = nn.Sequential(nn.Linear(4, 3))
        torch.manual_seed(11)
        for module in modules:
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                nn.init.normal_(module.bias, std=0.5)

    def maps(self, pictures: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """Every convolution before and after its rectifier, with torchvision's normalisation."""
        mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
        current = ((torch.from_numpy(pictures) - mean) / deviation).permute(0, 3, 1, 2)
        found, block, index = {}, 1, 0
        with torch.no_grad():
            for module in self.features:
                current = module(current)
                if isinstance(module, nn.MaxPool2d):
                    block, index = block + 1, 0
                    continue
                index += isinstance(module, nn.Conv2d)
                kind = "conv" if isinstance(module, nn.Conv2d) else "relu"
                found[f"{kind}{block}_{index}"] = current.numpy()
        return found


@pytest.mark.parametrize(("name", "zipped"), [("vgg16", True), ("vgg19", False)])
def test_every_layer_is_torchvisions(name: str, zipped: bool, pictures: NDArray[np.float32], tmp_path: Path) -> None:
    # the published files are of 2017, before PyTorch wrote archives
    stacked = Stacked(name)
    torch.save(stacked.state_dict(), tmp_path / "w.pth", _use_new_zipfile_serialization=zipped)
    assert zipfile.is_zipfile(tmp_path / "w.pth") == zipped
    expected = stacked.maps(pictures)
    assert len(expected) == 2 * {"vgg16": 13, "vgg19": 16}[name]
    assert_same_maps(encoder_of(tmp_path / "w.pth", name), pictures, expected)


def test_a_tolerance_that_wrong_normalisation_fails(pictures: NDArray[np.float32], tmp_path: Path) -> None:
    stacked = Stacked("vgg16")
    torch.save(stacked.state_dict(), tmp_path / "w.pth")
    expected = {"conv1_1": stacked.maps(pictures)["conv1_1"]}
    encoder = encoder_of(tmp_path / "w.pth", "vgg16")
    kernel, bias = encoder.kernels["relu1_1"]
    for wrong in ((kernel.flip(1), bias), (kernel * 0.999, bias), (kernel, 0 * bias)):
        encoder.kernels["relu1_1"] = wrong
        with pytest.raises(AssertionError, match="conv1_1"):
            assert_same_maps(encoder, pictures, expected)


# ------------------------------------------------------------------------------- what is no such file


def tiny_state(architecture: Architecture) -> dict[str, torch.Tensor]:
    return {
        f"features.{number}.{part}": torch.zeros(shape)
        for number, layer in enumerate(architecture.layers)
        for part, shape in (("weight", (layer.channels, layer.in_channels, 3, 3)), ("bias", (layer.channels,)))
    }


class Trap:
    """Runs a command when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    trap, file = tmp_path / "sprung", tmp_path / "w.pth"
    for zipped in (True, False):
        torch.save({"features.0.weight": Trap(trap)}, file, _use_new_zipfile_serialization=zipped)
        with pytest.raises(WeightsError, match="not a readable weight file"):
            read_published(file)
    file.write_bytes(pickle.dumps(Trap(trap), protocol=2))
    with pytest.raises(WeightsError, match="not a readable weight file"):
        read_published(file)
    assert not trap.exists()
    pickle.loads(file.read_bytes())
    assert trap.exists(), "the trap does not work"


@pytest.mark.parametrize("data", [b"X\1\0", b"\x80\x48}", b"\x80\x02X\xff\xff"])
def test_pickles_that_end_too_early_are_one_line(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "w.pth"
    file.write_bytes(data)
    with pytest.raises(WeightsError, match="not a readable weight file"):
        read_published(file, published=False)


def test_a_reader_that_never_ends_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversion, "READING_SECONDS", 0.01)  # as long as HDF5 hangs on some damaged files
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.attrs["layer_names"] = [b"block1_conv1"]
    with pytest.raises(WeightsError, match="not a readable weight file"):
        read_published(tmp_path / "x.h5")


def test_a_torch_that_may_run_code_reads_published_files_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversion, "TORCH_VERSION", (2, 9))
    file = tmp_path / "w.pth"
    torch.save({}, file)
    with pytest.raises(WeightsError, match=r"torch 2\.10 or later"):
        read_published(file, published=False)
    with pytest.raises(WeightsError, match="neither VGG-19 nor VGG-16"):
        read_published(file)


def test_what_is_neither(tmp_path: Path) -> None:
    page = tmp_path / "page.h5"
    page.write_text("<!DOCTYPE html><title>Sign in</title>")
    other = tmp_path / "other.pth"
    torch.save(tiny_state(Architecture((2, 2), (1, 1))), other)
    cut = tmp_path / "cut.h5"
    with h5py.File(cut, "w") as file:
        file["x"] = np.zeros(9999)
    whole = cut.read_bytes()
    cut.write_bytes(whole[:5000])
    empty = tmp_path / "empty.h5"
    with h5py.File(empty, "w") as file:
        file.attrs["layer_names"] = [b"block1_conv1"]
    tensor = tmp_path / "tensor.pth"
    torch.save(torch.zeros(3), tensor)
    for path, words in (
        (page, "it is a web page"),
        (other, "neither VGG-19 nor VGG-16"),
        (cut, "not a readable weight file"),
        (empty, "not a readable weight file"),
        (tensor, "not a readable weight file"),
        (tmp_path / "gone.h5", "there is no such file"),
    ):
        with pytest.raises(WeightsError, match=words):
            read_published(path)


@pytest.mark.parametrize("way", ["external storage", "external link", "soft link", "virtual", "huge"])
def test_other_files_are_not_followed_and_shapes_not_believed(tmp_path: Path, way: str) -> None:
    """Kin of CVE-2026-1669: a file named inside would become weights."""
    secret = tmp_path / "secret"
    secret.write_bytes(bytes(4 * 1728))
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.attrs["layer_names"] = [b"block1_conv1"]
        group = file.create_group("block1_conv1")
        group.attrs["weight_names"] = [b"kernel", b"bias"]
        group.create_dataset("bias", data=np.zeros(64, np.float32))
        if way == "external storage":
            group.create_dataset("kernel", (3, 3, 3, 64), "f4", external=[(str(secret), 0, 4 * 1728)])
        elif way == "external link":
            group["kernel"] = h5py.ExternalLink(str(secret), "/x")
        elif way == "soft link":
            group["kernel"] = h5py.SoftLink("/block1_conv1/bias")
        elif way == "virtual":
            layout = h5py.VirtualLayout((3, 3, 3, 64), "f4")
            layout[:] = h5py.VirtualSource(str(secret), "x", (3, 3, 3, 64))
            group.create_virtual_dataset("kernel", layout)
        else:
            group.create_dataset("kernel", (300_000, 300_000), "f4", chunks=(64, 64))
    with pytest.raises(WeightsError, match="not a readable weight file"):
        read_published(tmp_path / "x.h5")
