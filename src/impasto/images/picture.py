"""A decoded picture, and how one is made of an array."""

from __future__ import annotations

import hashlib
import io
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import DTypeLike, NDArray

from impasto.errors import InputError, OptionError
from impasto.images.color import linear_to_srgb, srgb_to_linear
from impasto.images.metadata import PhotoMetadata
from impasto.images.resize import lanczos_resize

if TYPE_CHECKING:
    from PIL.Image import Image

SHOWN_PX = 1024  # long edge of a picture in a notebook


@dataclass(frozen=True)
class Picture:
    """A decoded picture: upright, sRGB, at its own bit depth.

    Attributes
    ----------
    name: file name without folders; "array" for arrays.
    sha256: of the file's bytes; for arrays, of the samples' shape, type and bytes.
    bit_depth: 8 or 16.
    path: the file it was read from; None for what was in memory.
    data: the bytes it was decoded from, where no file has them.
    notices: what was read otherwise than it stands in the file, or is worth knowing.
    """

    name: str
    sha256: str
    width_px: int
    height_px: int
    bit_depth: int
    metadata: PhotoMetadata = field(repr=False)
    # [height, width, 3 or 4], uint8 or uint16: compact, while pixels() may be asked for many sizes
    samples: NDArray[np.unsignedinteger[Any]] = field(repr=False, compare=False)
    path: Path | None = field(default=None, repr=False, compare=False)
    data: bytes | None = field(default=None, repr=False, compare=False)
    notices: tuple[str, ...] = field(default=(), repr=False, compare=False)

    def pixels(self, height_px: int | None = None, width_px: int | None = None) -> NDArray[np.float32]:
        """Return the colours, [height, width, 3] sRGB in [0, 1], straight (not multiplied by alpha).

        With one side given the other keeps the proportions. Resizing is Lanczos-3: in linear light
        when a side shrinks, else on the sRGB values, where ringing shows least. Colours under
        alpha = 0 have no say in their neighbours'.
        """
        size = self._size(height_px, width_px)
        if size == (self.height_px, self.width_px):
            return self._unit(self.samples[..., :3])
        shrinks = size[0] < self.height_px or size[1] < self.width_px
        table = self._unit(np.arange(self._top + 1))
        table = srgb_to_linear(table) if shrinks else table

        def read_colour(rows: slice, channel: int) -> NDArray[np.float32]:
            return cast("NDArray[np.float32]", np.take(table, self.samples[rows, :, channel]))

        def read_premultiplied(rows: slice, channel: int) -> NDArray[np.float32]:
            alpha = self._unit(self.samples[rows, :, 3])
            return alpha if channel == 3 else read_colour(rows, channel) * alpha

        colours = lanczos_resize(read_colour, 3, (self.height_px, self.width_px), size)
        if self._has_alpha:
            weighted = lanczos_resize(read_premultiplied, 4, (self.height_px, self.width_px), size)
            # Under half an 8-bit level of alpha there is nothing to see and nothing safe to divide by.
            visible = weighted[..., 3] > 1 / 510
            colours[visible] = weighted[visible, :3] / weighted[visible, 3:]
        np.clip(colours, 0, 1, out=colours)
        return np.clip(linear_to_srgb(colours), 0, 1) if shrinks else colours

    def alpha(self, height_px: int | None = None, width_px: int | None = None) -> NDArray[np.float32] | None:
        """Return the opacity, [height, width] in [0, 1], resized as `pixels` is; None without alpha."""
        size = self._size(height_px, width_px)
        if not self._has_alpha:
            return None
        if size == (self.height_px, self.width_px):
            return self._unit(self.samples[..., 3])
        resized = lanczos_resize(
            lambda rows, _: self._unit(self.samples[rows, :, 3]), 1, (self.height_px, self.width_px), size
        )
        return np.clip(resized[..., 0], 0, 1)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels, as PIL has them."""
        return self.width_px, self.height_px

    def pil(self) -> Image:
        """The picture as an image of Pillow, RGB or RGBA of 8 bit."""
        return to_pillow(self.samples if self.bit_depth == 8 else self._unit(self.samples))

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        """The colours, as `pixels` gives them."""
        return np.array(self.pixels(), dtype, copy=copy)

    def _repr_png_(self) -> bytes:
        """For notebooks: a PNG of at most `SHOWN_PX`."""
        return encode_small(self.pil())

    @property
    def _has_alpha(self) -> bool:
        return bool(self.samples.shape[2] == 4)

    @property
    def _top(self) -> int:
        return (1 << self.bit_depth) - 1

    def _unit(self, samples: NDArray[Any]) -> NDArray[np.float32]:
        return cast("NDArray[np.float32]", np.true_divide(samples, np.float32(self._top), dtype=np.float32))

    def _size(self, height_px: int | None, width_px: int | None) -> tuple[int, int]:
        """Fill in the side that was not given, keeping the proportions."""
        for side in (height_px, width_px):
            if side is not None and side < 1:
                raise OptionError(f"a picture is at least 1 px high and wide, not {side}")
        if height_px is None and width_px is None:
            return self.height_px, self.width_px
        if width_px is None:
            width_px = max(1, round(cast("int", height_px) * self.width_px / self.height_px))
        if height_px is None:
            height_px = max(1, round(width_px * self.height_px / self.width_px))
        return height_px, width_px


def picture_from_array(array: Any, *, name: str = "array") -> Picture:
    """Make a picture of an sRGB array or torch tensor.

    Parameters
    ----------
    array: floating point in [0, 1] of any precision (kept at 16 bit); integers, of 8 bit where their type or all of
        their values fit 0 to 255, else of 16; or truth values, black and white. [height, width], [height, width,
        channels], [channels, height, width] or [1, channels, height, width], with 1 (grey), 3 (RGB) or 4 (RGB and
        straight alpha) channels. An array that could be read both ways is read with its channels last.

    Raises
    ------
    InputError: for another shape or type, and for floats that are not finite or not within [0, 1].
    """
    if hasattr(array, "detach"):  # a tensor
        array = array.detach().cpu()
        try:
            array = array.numpy()
        except TypeError:  # NumPy has no bfloat16, and no 8-bit floats
            array = array.float().numpy()
    samples = np.asarray(array)
    samples = _as_samples(_channels_last(samples, name), name)
    summary = hashlib.sha256(f"{samples.shape} {samples.dtype.itemsize * 8}".encode())
    summary.update(samples.astype(samples.dtype.newbyteorder("<"), copy=False).data)
    return build_picture(name, summary.hexdigest(), samples, PhotoMetadata())


def build_picture(
    name: str,
    sha256: str,
    samples: NDArray[np.unsignedinteger[Any]],
    metadata: PhotoMetadata,
    notices: tuple[str, ...] = (),
) -> Picture:
    """Make a picture of decoded samples, which become read-only."""
    samples.flags.writeable = False
    height_px, width_px = samples.shape[:2]
    if samples.shape[2] == 4 and not samples[..., 3].any():
        notices += ("it is transparent everywhere, so nothing of it shows",)
    return Picture(name, sha256, width_px, height_px, samples.dtype.itemsize * 8, metadata, samples, notices=notices)


def _channels_last(samples: NDArray[Any], name: str) -> NDArray[Any]:
    """Bring any of the accepted layouts to [height, width, channels]."""
    shape = samples.shape
    if samples.ndim == 4 and shape[0] == 1:
        samples = samples[0]
    if samples.ndim == 2:
        samples = samples[:, :, None]
    if samples.ndim == 3 and samples.shape[2] not in (1, 3, 4) and samples.shape[0] in (1, 3, 4):
        samples = samples.transpose(1, 2, 0)
    if samples.ndim != 3 or samples.shape[2] not in (1, 3, 4) or samples.size == 0:
        raise unreadable(
            name,
            f"its shape is {list(shape)}; give [height, width], [height, width, 3 or 4] "
            "or [3 or 4, height, width], at least 1 x 1",
        )
    return samples


def _as_samples(values: NDArray[Any], name: str) -> NDArray[np.unsignedinteger[Any]]:
    """Bring [height, width, 1, 3 or 4] values to 3 or 4 channels of uint8 or uint16, in memory of our own."""
    if values.dtype.name.startswith(("bfloat", "float8")):  # of the package ml_dtypes, as JAX has them
        values = values.astype(np.float32)
    if np.issubdtype(values.dtype, np.floating):
        low, high = float(values.min()), float(values.max())
        if not (low >= -1e-6 and high <= 1 + 1e-6):  # also false for NaN; 1e-6: rounding is no fault
            values_held = f"from {low:g} to {high:g}" if np.isfinite([low, high]).all() else "that are not finite"
            raise unreadable(name, f"it holds values {values_held}; bring them into [0, 1]")
        values = quantise(values, 16)
    elif values.dtype == np.bool_:
        values = values * np.uint8(255)
    elif np.issubdtype(values.dtype, np.integer) and values.dtype not in (np.uint8, np.uint16):
        low, high = int(values.min()), int(values.max())
        if not 0 <= low <= high < 2**16:
            raise unreadable(name, f"it holds whole numbers from {low} to {high}; bring them into 0 to 255, or 65535")
        values = values.astype(np.uint8 if high < 2**8 else np.uint16)
    if values.dtype not in (np.uint8, np.uint16):
        raise unreadable(name, f"its type is {values.dtype}; give whole numbers, or floats in [0, 1]")
    colours = np.repeat(values, 3, axis=2) if values.shape[2] == 1 else values.copy()
    return np.ascontiguousarray(colours, dtype=colours.dtype.newbyteorder("="))


def to_pillow(planes: NDArray[Any]) -> Image:
    """An image of Pillow, of [height, width, 3 or 4] uint8, or floating point in [0, 1]."""
    from PIL import Image

    return Image.fromarray(planes if planes.dtype == np.uint8 else quantise(planes, 8))


def encode_small(image: Image) -> bytes:
    """The bytes of a PNG of at most `SHOWN_PX`; `image` is reduced in place."""
    file = io.BytesIO()
    image.thumbnail((SHOWN_PX, SHOWN_PX))
    image.save(file, "PNG")
    return file.getvalue()


def quantise(values: NDArray[np.floating[Any]], bit_depth: int) -> NDArray[np.unsignedinteger[Any]]:
    """Round [0, 1] to whole levels, a few rows at a time to spare memory."""
    samples = np.empty(values.shape, np.uint8 if bit_depth == 8 else np.uint16)
    for start in range(0, len(values), 256):
        rows = slice(start, start + 256)
        # float64: halves must not round differently from one float type to the next
        samples[rows] = np.rint(np.clip(values[rows].astype(np.float64), 0, 1) * (2**bit_depth - 1))
    return samples


def unreadable(path: str | os.PathLike[str], why: str) -> InputError:
    """The error of a picture that cannot be read, in one line."""
    return InputError(f"cannot read {os.fspath(path)!r}: {why}")
