"""The program that reads HDF5: what is in a file comes out, and what is no convolution ends it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from safetensors.numpy import load

from impasto.encoders import keras_file
from impasto.encoders.keras_file import read_convolutions


def write(path: Path, kernel: np.ndarray) -> None:
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [b"input_1", b"block1_conv1", b"block1_pool"]
        group = file.require_group("block1_conv1")
        group.attrs["weight_names"] = [b"kernel", b"bias"]
        group["kernel"], group["bias"] = kernel, np.arange(4, dtype=np.float32)


def test_what_is_in_the_file_comes_out(tmp_path: Path) -> None:
    kernel = np.random.default_rng(0).random((3, 3, 2, 4)).astype(np.float16)
    write(tmp_path / "x.h5", kernel)
    words = [sys.executable, "-P", keras_file.__file__, str(tmp_path / "x.h5")]
    arrays = load(subprocess.run(words, check=True, stdout=subprocess.PIPE, timeout=100).stdout)
    assert arrays.keys() == {"conv1_1.weight", "conv1_1.bias"}
    np.testing.assert_array_equal(arrays["conv1_1.weight"], kernel.astype(np.float32))
    np.testing.assert_array_equal(arrays["conv1_1.bias"], [0, 1, 2, 3])


@pytest.mark.parametrize("kernel", [np.zeros((3, 3)), np.zeros(4), np.zeros((3, 3, 2, 4), np.int32)])
def test_what_is_no_convolution_is_refused(tmp_path: Path, kernel: np.ndarray) -> None:
    write(tmp_path / "x.h5", kernel)
    with pytest.raises(ValueError, match="is no convolution"):
        read_convolutions(str(tmp_path / "x.h5"))
