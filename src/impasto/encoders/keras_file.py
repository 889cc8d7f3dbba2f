"""Convolutions out of Keras's legacy HDF5 layout, as a program: ``keras_file.py FROM.h5 > TO.safetensors``.

HDF5 is a library of many faults: this process may hang or crash, and nothing is lost. It loads no torch.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

MAX_CONVOLUTION = 3 * 3 * 512 * 512  # numbers of the largest one of VGG
MAX_LAYERS = 100
PROCESSOR_SECONDS = 5  # VGG-19 takes less than one


def read_convolutions(path: str) -> dict[str, NDArray[np.float32]]:
    """``conv1_1.weight`` [3, 3, in, out], ``conv1_1.bias`` [out], ...; raises whatever h5py does, or `ValueError`."""
    arrays: dict[str, NDArray[np.float32]] = {}
    with h5py.File(path, "r") as file:
        for layer in map(_text, file.attrs["layer_names"][:MAX_LAYERS]):
            block, _, index = layer.removeprefix("block").partition("_conv")
            if not index:
                continue  # pooling, input, classifier
            group = _member(file, layer)
            kernel, bias = (_array(group, _text(name)) for name in group.attrs["weight_names"])
            if kernel.ndim != 4:
                raise ValueError(f"{layer!r} is no convolution")
            arrays[f"conv{block}_{index}.weight"], arrays[f"conv{block}_{index}.bias"] = kernel, bias
    return arrays


def _member(group: Any, path: str) -> Any:
    """What lies in a group of an HDF5 file itself: links to other files, or other places, are not followed."""
    for name in path.split("/"):
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise ValueError(f"{name!r} is a link")
        group = group[name]
    return group


def _array(group: Any, path: str) -> NDArray[np.float32]:
    """The numbers of a dataset that its own file holds, no more than a convolution has."""
    dataset = _member(group, path)
    if dataset.is_virtual or dataset.external:
        raise ValueError(f"{path!r} is kept in another file")
    if not 1 <= dataset.ndim <= 4 or dataset.size > MAX_CONVOLUTION or dataset.dtype.kind != "f":
        raise ValueError(f"{path!r} is no convolution")
    return np.asarray(dataset[()], np.float32)


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


if __name__ == "__main__":
    with suppress(ImportError):  # not on Windows
        import resource

        resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR_SECONDS, PROCESSOR_SECONDS))
    sys.stdout.buffer.write(save(read_convolutions(sys.argv[1])))
