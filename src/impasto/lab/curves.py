"""Loss curves of all jobs of a run, in one picture."""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter
from numpy.typing import NDArray

from impasto.storage.files import read_own

PARTS = {
    "total": "total",
    "content": "content",
    "style": "style",
    "total_variation": "total variation",
    "detail": "detail",
    "contours": "contours",
    "surface": "surface",
    "layout": "layout",
}
DASHES = ("-", (0, (5, 1.5)), (0, (1.5, 1.5)), (0, (6, 1.5, 1.5, 1.5)))
STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans", "font.size": 10, "axes.titlesize": 12, "text.parse_math": False,  # a name may hold $
}  # fmt: skip
MAX_EVENTS_BYTES = 200_000_000
LARGEST = 1e30
MAX_LEGEND = 16  # nobody can tell more lines apart


@dataclass(frozen=True)
class LossCurve:
    """Weighted loss parts after every step, and the steps at which a new scale begins.

    `group`: numbers of the curve's colour and of its dashes.
    """

    label: str
    parts: Mapping[str, Sequence[float]]
    scale_starts: Sequence[int]
    group: tuple[int, int]


def read_curve(label: str, events: Path, group: tuple[int, int]) -> LossCurve | None:
    """Read an events file; None where there is none, or it holds no step."""
    try:
        lines = [json.loads(line) for line in read_own(events, MAX_EVENTS_BYTES).splitlines()]
        steps = [line["losses"] if line["event"] == "StepDone" else None for line in lines
                 if line["event"] in ("ScaleStarted", "StepDone")]  # fmt: skip
        parts: dict[str, list[float]] = {name: [] for name in PARTS}
        starts: list[int] = []
        for losses in steps:
            if losses is None:
                starts.append(len(parts["total"]) + 1)
                continue
            for name, values in parts.items():
                values.append(float(losses.get(name, float("nan"))))
    except (OSError, ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):  # no such file
        return None
    return LossCurve(label, parts, starts, group) if parts["total"] else None


def draw_curves(curves: Sequence[LossCurve]) -> bytes | None:
    """A PNG with a panel for each loss part, all jobs in each; scales begin at the dotted lines. None for no curves."""
    if not curves:
        return None
    drawn = {part: title for part, title in PARTS.items() if any(np.isfinite(c.parts[part]).any() for c in curves)}
    rows = -(-len(drawn) // 2)
    with matplotlib.rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # of a name in another script: boxes stand for it
        figure = Figure(figsize=(12, 3.8 * rows), dpi=110, layout=ConstrainedLayoutEngine(w_pad=0.15, h_pad=0.12))
        FigureCanvasAgg(figure)
        panels = figure.subplots(rows, 2, sharex=True).flat
        colors = matplotlib.colormaps["viridis"]
        for panel, (part, title) in zip(panels, drawn.items(), strict=False):
            for curve in curves:
                color = colors(0.88 * curve.group[0] / max(1, *(c.group[0] for c in curves)))
                dashes = DASHES[curve.group[1] % len(DASHES)]
                values = _shown(curve.parts[part])
                panel.plot(range(1, len(values) + 1), values, color=color, linestyle=dashes, linewidth=1.5)
            _choose_scale(panel, [value for curve in curves for value in _shown(curve.parts[part]) if value > 0])
            panel.set_title(title, loc="left", fontweight="bold")
            panel.grid(color="#e6e6ea", linewidth=0.7)
            panel.set_axisbelow(True)
            panel.spines[["top", "right"]].set_visible(False)
            for start in curves[0].scale_starts[1:] if len({tuple(c.scale_starts) for c in curves}) == 1 else ():
                panel.axvline(start, color="#9a9aa2", linewidth=0.8, linestyle=":")
        for panel in figure.axes[len(drawn) :]:
            panel.remove()
        for panel in figure.axes[-2:]:
            panel.tick_params(labelbottom=True)
            panel.set_xlabel("step, over all scales")
        for panel in figure.axes[::2]:
            panel.set_ylabel("weighted loss")
        if len(curves) <= MAX_LEGEND:
            lines, labels = figure.axes[0].lines[: len(curves)], [curve.label for curve in curves]
            figure.legend(lines, labels, loc="outside lower center", ncols=3, frameon=False)
        file = io.BytesIO()
        figure.savefig(file, format="png")
    return file.getvalue()


def _shown(values: Sequence[float]) -> NDArray[np.float64]:
    """What an axis can show: nothing beyond `LARGEST`, none for what is nearer to none than its inverse."""
    shown = np.asarray(values, np.float64)
    size = np.abs(shown)
    return np.where(size <= LARGEST, np.where(size < 1 / LARGEST, 0.0, shown), np.nan)


def _choose_scale(panel: Axes, positive: Sequence[float]) -> None:
    """Logarithmic where values span more than a few times the smallest; ticks as plain numbers."""
    if positive and max(positive) > 4 * min(positive):
        panel.set_yscale("log")
        panel.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        panel.yaxis.set_minor_formatter(NullFormatter())
    panel.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
