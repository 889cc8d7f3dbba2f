"""A painted picture and how it was made: what every way of painting returns."""

from __future__ import annotations

import base64
import hashlib
import html
import os
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import DTypeLike, NDArray

from impasto.errors import OptionError
from impasto.images.metadata import PhotoMetadata
from impasto.images.picture import Picture, encode_small, picture_from_array, to_pillow
from impasto.images.writing import encode_picture, format_ending, save_picture
from impasto.storage.atomic import unwritable
from impasto.storage.hashing import SENT_BYTES, hash_file

if TYPE_CHECKING:
    from PIL.Image import Image

SHOWN_OPTIONS = ("size_px", "strength", "brush_scale", "color", "variation", "encoder")
"""Options that a caption names, where the picture has them."""


@dataclass(frozen=True, eq=False, repr=False)
class Pastiche:
    """A painted picture and how it was made. In a notebook it shows itself.

    Two pastiches are equal where their pixels, their alpha and their records are; `numpy.asarray` gives the pixels.

    Attributes
    ----------
    pixels: [height, width, 3], sRGB in [0, 1].
    alpha: [height, width] in [0, 1], the content image's opacity at this size; None if it has none.
    record: the run record; `replay` paints from it.
    metadata: date taken and copyright of the content image.
    stopped: whether the run was stopped early.
    seconds: duration of the run.
    dots_per_inch: for printing, written into the file.
    notices: what was done differently from what was asked, or is worth knowing.
    """

    pixels: NDArray[np.float32]
    alpha: NDArray[np.float32] | None
    record: dict[str, Any]
    metadata: PhotoMetadata
    stopped: bool
    seconds: float
    dots_per_inch: float = 72.0
    notices: tuple[str, ...] = field(default=())

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels, as PIL has them."""
        height_px, width_px = self.pixels.shape[:2]
        return width_px, height_px

    def save(
        self,
        path: str | os.PathLike[str] | BinaryIO,
        *,
        format: str | None = None,
        bit_depth: int = 8,
        record: bool = True,
        overwrite: bool = False,
    ) -> None:
        """Write the picture, whole or not at all, to a path or into a file that is open in binary mode.

        The path's extension names the format; for an open file `format` does (default: png). `bit_depth` is 8, or
        16 for PNG and TIFF; without `record` the file cannot be replayed. Raises `OptionError` for an unknown format
        or bit depth, `OutputError` where it cannot be written, and where a file exists and `overwrite` is false.
        """
        if not isinstance(path, str | os.PathLike):
            path.write(self.to_bytes(format or "png", bit_depth=bit_depth, record=record))
            return
        if format is not None:
            raise OptionError(f"the name {os.fspath(path)!r} says the format already: leave format={format!r} out")
        self._refuse_inputs(path)
        save_picture(
            path,
            self.pixels,
            alpha=self.alpha,
            bit_depth=bit_depth,
            record=self._record_of(bit_depth) if record else None,
            metadata=self.metadata,
            dots_per_inch=self.dots_per_inch,
            overwrite=overwrite,
        )

    def _refuse_inputs(self, path: str | os.PathLike[str]) -> None:
        """Raise `OutputError` where the file that would be replaced is one that the picture was painted from."""
        with suppress(OSError):  # nothing is there
            if hash_file(path, SENT_BYTES) in _hashes({**self.record.get("inputs", {}), "starting_picture": None}):
                raise unwritable(path, "it is what the picture was painted from, and no replay would be possible")

    def to_bytes(self, format: str = "png", *, bit_depth: int = 8, record: bool = True) -> bytes:
        """The bytes of the file that `save` writes: png, jpg, webp, avif or tif. Raises as it does."""
        return encode_picture(
            self.pixels,
            f"pastiche{format_ending(format)}",
            alpha=self.alpha,
            bit_depth=bit_depth,
            record=self._record_of(bit_depth) if record else None,
            metadata=self.metadata,
            dots_per_inch=self.dots_per_inch,
        )

    def _record_of(self, bit_depth: int) -> dict[str, Any]:
        return self.record | {"bit_depth": bit_depth}

    def pil(self) -> Image:
        """The picture as an image of Pillow, RGB or RGBA of 8 bit, with its resolution."""
        image = to_pillow(self._planes())
        image.info["dpi"] = (self.dots_per_inch, self.dots_per_inch)
        return image

    def picture(self) -> Picture:
        """The pastiche as an input, at 16 bit: `paint` and `draft` take it as it is."""
        return replace(picture_from_array(self._planes(), name="pastiche"), metadata=self.metadata)

    def _planes(self) -> NDArray[np.float32]:
        """Pixels, and alpha where there is one: [height, width, 3 or 4]."""
        return self.pixels if self.alpha is None else np.dstack([self.pixels, self.alpha])

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        """The pixels."""
        return np.array(self.pixels, dtype, copy=copy)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Pastiche):
            return NotImplemented
        return self.record == other.record and np.array_equal(self._planes(), other._planes())

    def __hash__(self) -> int:
        return int.from_bytes(hashlib.sha256(self.pixels.tobytes()).digest()[:8])

    def __repr__(self) -> str:
        width_px, height_px = self.size
        stopped = ", stopped early" if self.stopped else ""
        return f"<Pastiche {width_px}x{height_px} px, {self.seconds:.1f} s{stopped}>"

    def caption(self) -> str:
        """One line: the inputs by name, and the options that decide most."""
        inputs, options = self.record.get("inputs", {}), self.record.get("options", {})
        content, paintings = inputs.get("content"), inputs.get("paintings") or ()
        names = [*([content["name"]] if content else []), " and ".join(painting["name"] for painting in paintings)]
        settings = [f"{name.removesuffix('_px').replace('_', ' ')} {options[name]}" for name in SHOWN_OPTIONS
                    if options.get(name) not in (None, "painting")]  # fmt: skip
        return f"{' after '.join(filter(None, names))}: {', '.join(settings)}"

    def _repr_png_(self) -> bytes:
        """For notebooks: a small PNG."""
        return encode_small(self.pil())

    def _repr_html_(self) -> str:
        """For notebooks: the picture with its caption and notices."""
        data = base64.b64encode(self._repr_png_()).decode()
        lines = [html.escape(line) for line in (self.caption(), *self.notices)]
        return (
            f'<figure style="margin:0"><img src="data:image/png;base64,{data}" alt="{lines[0]}" '
            f'style="max-width:100%"><figcaption>{"<br>".join(lines)}</figcaption></figure>'
        )


def _hashes(recorded: object) -> set[object]:
    """Every SHA-256 in a part of a record."""
    if isinstance(recorded, dict):
        return {recorded.get("sha256")}.union(*map(_hashes, recorded.values()))
    return set().union(*map(_hashes, recorded)) if isinstance(recorded, list) else set()
