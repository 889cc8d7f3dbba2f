"""Loss curves, from event files to one picture."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path

import numpy as np
from PIL import Image

from impasto.lab.curves import PARTS, LossCurve, draw_curves, read_curve


def write_events(path: Path, *scales: list[dict[str, float]]) -> Path:
    lines = [{"event": "RunStarted"}]
    for losses in scales:
        lines.append({"event": "ScaleStarted"})
        lines += [{"event": "StepDone", "losses": parts} for parts in losses]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_a_curve_holds_every_step_and_where_scales_begin(tmp_path: Path) -> None:
    first, second = [{"total": 3.0, "style": 2.0}, {"total": 2.0, "style": 1.5}], [{"total": 1.0, "style": 0.5}]
    curve = read_curve("a", write_events(tmp_path / "a.jsonl", first, second), (0, 1))
    assert curve is not None
    assert (curve.parts["total"], curve.parts["style"]) == ([3, 2, 1], [2, 1.5, 0.5])
    assert (curve.scale_starts, curve.group) == ([1, 3], (0, 1))
    assert all(math.isnan(value) for value in curve.parts["content"])


def test_no_curve_without_steps_or_from_a_damaged_file(tmp_path: Path) -> None:
    assert read_curve("a", tmp_path / "missing.jsonl", (0, 0)) is None
    assert read_curve("a", write_events(tmp_path / "none.jsonl", []), (0, 0)) is None
    (tmp_path / "damaged.jsonl").write_text('{"event": ')
    assert read_curve("a", tmp_path / "damaged.jsonl", (0, 0)) is None


def test_only_parts_that_occur_are_drawn() -> None:
    def height(*names: str) -> int:
        parts = {name: [2.0, 1.0] if name in names else [math.nan, math.nan] for name in PARTS}
        picture = Image.open(io.BytesIO(draw_curves([LossCurve("a", parts, [1], (0, 0))])))
        assert len(np.unique(np.asarray(picture.convert("L")))) > 10
        return picture.height

    assert height("total", "style") < height("total", "content", "style")


def test_any_name_is_a_label() -> None:
    def drawn(label: str) -> bytes:
        parts = {name: [2.0, 1.0] for name in PARTS}
        return draw_curves([LossCurve(label, parts, [1], (0, 0))]) or b""

    names = ["_DSC1, flow", "_DSC2, flow", "a$b^^_$c", "50% \\frac{", "写真", "a\nb"]
    assert len({drawn(name) for name in names}) == len(names)


def test_numbers_of_any_size_are_drawn() -> None:
    extremes = [1e308, 5e-324, 0.0, -1e308, math.inf, -math.inf, math.nan, 1.0]
    assert draw_curves([LossCurve("a", dict.fromkeys(PARTS, extremes), [1], (0, 0))])
