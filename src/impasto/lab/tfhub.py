"""Google's one-pass painting, to compare with: arbitrary-image-stylization-v1-256.

Ghiasi et al., "Exploring the structure of a real-time, arbitrary neural artistic stylization network" (arXiv
1705.06830). The only place that knows TensorFlow (the ``[tfhub]`` extra).
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
import time
import zlib
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray
from platformdirs import user_cache_path

from impasto.engine.validate import pastiche_size
from impasto.errors import InputError, OptionError
from impasto.images.picture import Picture
from impasto.options.fields import PaintOptions
from impasto.storage.download import DownloadError, PublishedFile, iter_download
from impasto.storage.installed import install_command

STYLE_PX = 256  # the size that the model was trained to read paintings at


def stylize(
    photo: Picture, painting: Picture, options: PaintOptions, model: str | Path
) -> tuple[NDArray[np.float32], float]:
    """Paint with the model: pixels [height, width, 3] in [0, 1], at the size that `options` set, and the seconds.

    `model` is the hub's address or the folder of a SavedModel with the same signature: two float32 pictures
    [1, height, width, 3] in [0, 1], photo and painting, to one. The painting is resized to 256 x 256 px.

    Raises `OptionError` without TensorFlow, `InputError` for a model that cannot be had or used.
    """
    tensorflow = _tensorflow()
    network = _load(tensorflow, model if isinstance(model, Path) else fetch_model(model))
    height_px, width_px = pastiche_size(photo, options)
    inputs = (photo.pixels(height_px, width_px), painting.pixels(STYLE_PX, STYLE_PX))
    started = time.monotonic()
    try:
        outputs = network(*(np.ascontiguousarray(pixels[None]) for pixels in inputs))
        painted = np.asarray(outputs[0], np.float32)[0]
    except (ValueError, TypeError, LookupError) as error:
        raise InputError(f"the model {str(model)!r} is no arbitrary-image-stylization model: {error}") from error
    seconds = time.monotonic() - started
    # Its strides round the sides up by a few pixels.
    pixels: NDArray[np.float32] = np.clip(painted[:height_px, :width_px], 0, 1)
    return pixels, seconds


def fetch_model(address: str) -> Path:
    """The model's folder in the cache, downloaded the first time.

    The cache is ``TFHUB_CACHE_DIR``, named as tensorflow_hub names it, or a folder of the user's cache.
    Raises `InputError` where the hub cannot be reached or sends something else.
    """
    cache = Path(os.environ.get("TFHUB_CACHE_DIR") or user_cache_path("impasto") / "tfhub")
    folder = cache / hashlib.sha1(address.encode(), usedforsecurity=False).hexdigest()
    if (folder / "saved_model.pb").is_file():
        return folder
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".impasto-", dir=cache) as temporary:
            packed, unpacked = Path(temporary) / "model.tar.gz", Path(temporary) / "model"
            for _ in iter_download(PublishedFile(f"{address}?tf-hub-format=compressed"), packed):
                pass
            with tarfile.open(packed, "r:gz") as archive:
                archive.extractall(unpacked, filter="data")
            if not (unpacked / "saved_model.pb").is_file():
                raise InputError(f"what {address} sent is no SavedModel; {_BY_HAND}")
            shutil.rmtree(folder, ignore_errors=True)
            unpacked.rename(folder)
    except DownloadError as error:
        raise InputError(f"cannot fetch {error}; {_BY_HAND}") from error
    except (OSError, tarfile.TarError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"cannot fetch {address}: {reason}; {_BY_HAND}") from error
    return folder


_BY_HAND = "fetch it elsewhere, unpack it, and give its folder as tfhub:FOLDER"


def _tensorflow() -> Any:
    # Read when TensorFlow is first loaded: quiet, and without oneDNN, whose sums vary from run to run.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    try:
        import tensorflow
    except ImportError as error:
        raise OptionError(
            f"TensorFlow is not installed; for the column tfhub: {install_command('tfhub')}, "
            f"or for the same model as ONNX: {install_command('magenta')}"
        ) from error
    return tensorflow


@lru_cache(maxsize=1)
def _load(tensorflow: Any, folder: Path) -> Any:
    try:
        network = tensorflow.saved_model.load(str(folder))
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise InputError(f"{str(folder)!r} is no SavedModel that TensorFlow reads: {error}") from error
    if not callable(network):
        raise InputError(f"the model {str(folder)!r} is no arbitrary-image-stylization model: it cannot be called")
    return network
