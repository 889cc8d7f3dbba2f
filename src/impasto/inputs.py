"""What is painted from: the style images of a run and their own settings."""

from __future__ import annotations

from dataclasses import dataclass

from impasto.images.io import Picture


@dataclass(frozen=True)
class Painting:
    """A style image and its share among several."""

    picture: Picture
    weight: float = 1.0
