"""What layers keep: which to reconstruct from, and the strip of figure 1 of Gatys et al. (arXiv 1508.06576)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

DPI = 100
# Inches.
PANEL, LABEL, GAP, TITLE = 2.6, 0.22, 0.08, 0.32


def strip_layers(kind: str) -> Mapping[str, dict[str, float]]:
    """Layer weights of every panel of figure 1, by the panel's name.

    Of ``content``: the first layer of every block alone. Of ``style``: the same, all up to that block.
    """
    first = [f"relu{block}_1" for block in range(1, 6)]
    if kind == "content":
        return {name: {name: 1.0} for name in first}
    return {name: dict.fromkeys(first[: count + 1], 1.0) for count, name in enumerate(first)}


def draw_strip(title: str, panels: Sequence[tuple[str, NDArray[np.float32]]]) -> NDArray[np.float32]:
    """Pictures [height, width, 3] side by side under their labels: [height, width, 3]."""
    tallest = max(pixels.shape[0] / pixels.shape[1] for _, pixels in panels)
    width, height = len(panels) * (PANEL + GAP) + GAP, TITLE + LABEL + PANEL * tallest + GAP
    figure = Figure(figsize=(width, height), dpi=DPI, facecolor="white")
    canvas = FigureCanvasAgg(figure)
    figure.text(GAP / width, 1 - TITLE / 2 / height, title, fontsize=10, va="center")
    for number, (label, pixels) in enumerate(panels):
        left, down = GAP + number * (PANEL + GAP), PANEL * pixels.shape[0] / pixels.shape[1]
        axes = figure.add_axes(
            (left / width, 1 - (TITLE + LABEL + down) / height, PANEL / width, down / height), xticks=[], yticks=[]
        )
        axes.spines[:].set_visible(False)
        axes.imshow(pixels, interpolation="antialiased")
        axes.set_title(label, fontsize=9, pad=3)
    canvas.draw()  # type: ignore[no-untyped-call]
    sheet = np.asarray(canvas.buffer_rgba())[..., :3]  # type: ignore[no-untyped-call]
    return (sheet / 255).astype(np.float32)
