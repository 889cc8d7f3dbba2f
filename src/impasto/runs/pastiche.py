"""A painted picture and how it was made: what every way of painting returns."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from impasto.images.metadata import PhotoMetadata
from impasto.images.writing import save_picture


@dataclass(frozen=True)
class Pastiche:
    """A painted picture and how it was made.

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

    pixels: NDArray[np.float32] = field(repr=False)
    alpha: NDArray[np.float32] | None = field(repr=False)
    record: dict[str, Any] = field(repr=False)
    metadata: PhotoMetadata = field(repr=False)
    stopped: bool
    seconds: float
    dots_per_inch: float = 72.0
    notices: tuple[str, ...] = ()

    def save(
        self,
        path: str | os.PathLike[str],
        *,
        bit_depth: int = 8,
        record: bool = True,
        overwrite: bool = False,
    ) -> None:
        """Write the picture, whole or not at all; the extension names the format.

        `bit_depth` is 8, or 16 for PNG and TIFF; without `record` the file cannot be replayed. Raises
        `OptionError` for an unknown extension or bit depth, `OutputError` where it cannot be written, and
        where a file exists and `overwrite` is false.
        """
        save_picture(
            path,
            self.pixels,
            alpha=self.alpha,
            bit_depth=bit_depth,
            record=self.record | {"bit_depth": bit_depth} if record else None,
            metadata=self.metadata,
            dots_per_inch=self.dots_per_inch,
            overwrite=overwrite,
        )
