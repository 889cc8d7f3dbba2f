"""Style files: what is known of a painting without the painting, small enough to send.

A safetensors file of float32 numbers, with its description in the header::

    scales_px                  [scales]  long edges at which the painting was read, rising
    rgb.mean, relu1_1.mean     [scales, channels]
    rgb.covariance             [scales, channels (channels + 1) / 2]  lower triangles, row by row
    total_variation            [scales]

Means and covariances are those of the painting's pixels in [0, 1], and of an encoder's feature maps as they are.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from impasto.errors import InputError, OptionError
from impasto.storage.files import why_not_a_file
from impasto.storage.hashing import hash_file
from impasto.storage.tensorfile import TensorFormat

FORMAT = TensorFormat(
    "impasto-style", "1", "style", InputError,
    covered=lambda about: repr(sorted((key, value) for key, value in about.items() if key != "checksum")),
    maker=": impasto style save makes one of a painting",
    covers_types=False,
)  # fmt: skip
SUFFIX = ".style"
MAX_BYTES = 64_000_000
MAX_EDGE_PX, MAX_SIDE_PX, MAX_SCALES = 65_536, 2**31, 64
MAX_MEAN = 1e6  # of a feature map; those of VGG stay below 1e5
MAX_TOTAL_VARIATION = 100.0  # of squared slopes between 0 and 1, in eight directions
ROUNDING = 0.01  # in a file of float32
COLOURS, SCALES, TOTAL_VARIATION = "rgb", "scales_px", "total_variation"

Arrays = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True, repr=False)
class StyleFile:
    """A painting's moments at several scales; stands in for the painting.

    Attributes
    ----------
    name, sha256, path: of the file.
    painting: name of the painting; painting_sha256: of its file.
    width_px, height_px: the painting's own size.
    encoder, encoder_sha256: whose feature maps were read; they mean nothing to another.
    """

    name: str
    sha256: str
    path: Path
    painting: str
    painting_sha256: str
    width_px: int
    height_px: int
    encoder: str
    encoder_sha256: str
    arrays: Arrays = field(compare=False)

    def __repr__(self) -> str:
        return f"<StyleFile {self.name!r} of {self.painting!r}, {self.width_px}x{self.height_px} px>"

    @cached_property
    def scales_px(self) -> list[int]:
        """Long edges at which the painting was read."""
        return [int(edge) for edge in self.arrays[SCALES]]

    @cached_property
    def layers(self) -> list[str]:
        """Layers whose moments it holds, the colours (`COLOURS`) first."""
        return sorted(key.removesuffix(".mean") for key in self.arrays if key.endswith(".mean"))

    def moments(self, layer: str, long_edge_px: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean [channels] and second moment E[f f^T] of a layer, with the painting read at a size.

        Between two scales they are a blend of both, in log size.
        A size beyond the scales is taken as the nearest. Raises `KeyError` for a layer that is not in the file.
        """
        mean: NDArray[np.float64] = np.zeros(self.arrays[f"{layer}.mean"].shape[1])
        second = np.zeros((len(mean), len(mean)))
        for index, share in self._shares(long_edge_px):
            scale_mean = self.arrays[f"{layer}.mean"][index].astype(np.float64)
            mean += share * scale_mean
            second += share * (unpacked(self.arrays[f"{layer}.covariance"][index]) + np.outer(scale_mean, scale_mean))
        return mean, second

    def total_variation(self, long_edge_px: float) -> float:
        """Total variation of the painting read at a size."""
        values = self.arrays[TOTAL_VARIATION]
        return sum(share * float(values[index]) for index, share in self._shares(long_edge_px))

    def _shares(self, long_edge_px: float) -> list[tuple[int, float]]:
        """(index of a scale, its share) of the one or two scales about a size."""
        edges = self.scales_px
        place = float(np.interp(math.log(long_edge_px), np.log(edges), np.arange(len(edges))))
        low = min(int(place), len(edges) - 2) if len(edges) > 1 else 0
        share = place - low
        return [(index, part) for index, part in ((low, 1 - share), (low + 1, share)) if part > 0]


def read_style_file(path: str | os.PathLike[str]) -> StyleFile:
    """Read a style file that `pack_style_file` made; raises `InputError`, one line, for any other."""
    file = Path(path)
    why = why_not_a_file(str(path))
    if not why and file.stat().st_size > MAX_BYTES:
        why = f"it has more than {MAX_BYTES} bytes, so is no style file"
    if why:
        raise InputError(f"cannot read the style file {str(path)!r}: {why}")
    try:
        sha256 = hash_file(file)
    except OSError as error:
        raise InputError(f"cannot read the style file {str(path)!r}: {error.strerror}") from error
    about, arrays = FORMAT.read(file)
    if not _whole(arrays):
        raise InputError(f"the style file {str(path)!r} is damaged: get it again, or save it again from the painting")
    try:
        sides = int(about["width_px"]), int(about["height_px"])
        if not all(1 <= side <= MAX_SIDE_PX for side in sides):
            raise ValueError(f"a painting of {sides[0]} x {sides[1]} px")
        return StyleFile(
            name=file.name,
            sha256=sha256,
            path=file.absolute(),
            painting=about["painting"],
            painting_sha256=about["painting_sha256"],
            width_px=sides[0],
            height_px=sides[1],
            encoder=about["encoder"],
            encoder_sha256=about["encoder_sha256"],
            arrays=arrays,
        )
    except (KeyError, ValueError) as error:
        raise InputError(f"the style file {str(path)!r} lacks a part of its description: {error}") from error


def pack_style_file(about: Mapping[str, str], arrays: Arrays) -> bytes:
    """The bytes of a style file. `about`: painting, painting_sha256, width_px, height_px, encoder, encoder_sha256."""
    return FORMAT.pack(about, {key: np.asarray(value, np.float32) for key, value in arrays.items()})


def is_style_file(path: str | os.PathLike[str]) -> bool:
    """Whether a path is that of a style file, by its ending."""
    return os.fspath(path).lower().endswith(SUFFIX)


def packed(matrix: NDArray[np.floating]) -> NDArray[np.float32]:
    """The lower triangle of a symmetric matrix, row by row."""
    return matrix[np.tril_indices(len(matrix))].astype(np.float32)


def unpacked(triangle: NDArray[np.float32]) -> NDArray[np.float64]:
    """The symmetric matrix of a lower triangle."""
    size = (math.isqrt(8 * len(triangle) + 1) - 1) // 2
    matrix = np.zeros((size, size))
    matrix[np.tril_indices(size)] = triangle
    return matrix + np.tril(matrix, -1).T


def check_encoder(style: StyleFile, encoder_name: str, encoder_sha256: str) -> None:
    """Refuse a style file of another encoder: `OptionError`."""
    if style.encoder_sha256 != encoder_sha256:
        version = " (another version of it)" if style.encoder == encoder_name else ""
        raise OptionError(
            f"the style file {style.name} was made with the encoder {style.encoder}{version} and tells nothing to "
            f"{encoder_name}: give the painting itself"
        )


def _whole(arrays: Arrays) -> bool:
    """Whether the numbers are those of a style file: shapes that fit, finite, sizes rising."""
    edges = arrays.get(SCALES)
    if (
        edges is None
        or edges.ndim != 1
        or not len(edges)
        or TOTAL_VARIATION not in arrays
        or f"{COLOURS}.mean" not in arrays
    ):
        return False
    if not all(a.dtype == np.float32 and a.shape[:1] == edges.shape and np.isfinite(a).all() for a in arrays.values()):
        return False
    means = {key.removesuffix(".mean"): a for key, a in arrays.items() if key.endswith(".mean")}
    shapes = (
        arrays.get(f"{layer}.covariance", edges).shape[1:] == (a.shape[1] * (a.shape[1] + 1) // 2,)
        for layer, a in means.items()
        if a.ndim == 2
    )
    rising = edges[0] >= 1 and edges[-1] <= MAX_EDGE_PX and len(edges) <= MAX_SCALES and (np.diff(edges) > 0).all()
    return bool(rising) and len(arrays) == 2 * len(means) + 2 and all(shapes) and _possible(arrays, means)


def _possible(arrays: Arrays, means: Arrays) -> bool:
    """Whether moments and total variation are those that a picture can have: a file may be whole and absurd."""
    limits = {COLOURS: (1.0, 0.25)} | {layer: (MAX_MEAN, MAX_MEAN**2) for layer in means if layer != COLOURS}
    return all(
        (np.abs(mean) <= limits[layer][0] + ROUNDING).all()
        and (np.abs(arrays[f"{layer}.covariance"]) <= limits[layer][1] + ROUNDING).all()
        and all((np.diag(unpacked(triangle)) >= -ROUNDING).all() for triangle in arrays[f"{layer}.covariance"])
        for layer, mean in means.items()
    ) and bool((np.abs(arrays[TOTAL_VARIATION]) <= MAX_TOTAL_VARIATION).all())
