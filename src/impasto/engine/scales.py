"""Sizes of a run's scales. Needs no torch: an enlargement is planned before it is loaded."""

from __future__ import annotations

from impasto.options.fields import PaintOptions


def scale_edges(long_edge_px: int, options: PaintOptions) -> list[int]:
    """Long edges of the scales: from `min_scale_px` by `scale_factor` to the pastiche's own; with a stylizer those two.

    The last factor is whatever remains, at most `scale_factor` to the power 1.25: a scale that would almost
    coincide with the last is left out, and small ones that round to the same size are one.
    """
    if options.medium == "stylizer":  # the stylizer needs no scale between
        return sorted({min(options.min_scale_px, long_edge_px), long_edge_px})
    edges: list[int] = []
    edge = float(options.min_scale_px)
    while edge * options.scale_factor**0.25 < long_edge_px:
        edges.append(round(edge))
        edge *= options.scale_factor
    return list(dict.fromkeys([*edges, long_edge_px]))
