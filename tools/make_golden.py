"""Paint the golden pictures that a test compares with: ``python tools/make_golden.py``, with a folder: into it.

Run it when the encoder or the engine changes what is painted, look at the pictures, and say so in the
changelog. The photograph is drawn here, the painting is the sample in the package, and options whose defaults
are worth tuning are pinned: only the engine and the bundled encoder can change them.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FOLDER = Path(__file__).parents[1] / "tests" / "golden"
# An optimiser doubles and trebles what processors round differently at every step, L-BFGS fastest: few enough steps
# that every machine still paints nearly the same picture.
STEPS = {"adam": (12, 7, 5), "lbfgs": (6, 4, 3)}

OPTIONS: dict[str, Any] = {
    "size_px": 128,
    "min_scale_px": 64,
    "scale_factor": 2**0.5,
    "strength": 50,
    "content_weight": 0.3,
    "tv_weight": 0.005,
    "style_layers": "relu1_1:4,relu2_1:4,relu3_1:4,relu4_1:3,relu5_1:1",
    "content_layers": "relu4_2",
    "stop_tolerance": 0.0,
    "learning_rate": 0.02,
    "average": 0.9,
    "threads": 1,
    "precision": "float32",
}


def draw_photo(height_px: int = 192, width_px: int = 256) -> NDArray[np.uint8]:
    """[height, width, 3]: a striped hill and a sun below a graded sky, with a small pale tower."""
    rows, columns = (np.mgrid[0:height_px, 0:width_px] + 0.5) / height_px
    sky = np.stack([0.35 + 0.4 * rows, 0.5 + 0.3 * rows, 0.85 - 0.2 * rows], axis=-1)
    sun = np.hypot(rows - 0.3, columns - 0.35) < 0.15
    hill = rows > 0.7 + 0.12 * np.sin(4 * columns)
    stripes = np.sin(40 * (rows + 0.3 * columns)) > 0
    tower = (np.abs(columns - 1.0) < 0.07) & (rows > 0.35) & (rows < 0.8)
    sky[sun] = (1.0, 0.85, 0.4)
    sky[hill & stripes] = (0.2, 0.45, 0.2)
    sky[hill & ~stripes] = (0.45, 0.6, 0.25)
    sky[tower] = (0.85, 0.8, 0.75)
    return np.rint(255 * sky.clip(0, 1)).astype(np.uint8)


def golden_path(optimizer: str, folder: Path = FOLDER) -> Path:
    """The file of the picture painted with `optimizer`."""
    return folder / f"flow-128-{optimizer}.png"


def paint_golden(optimizer: str) -> NDArray[np.float32]:
    """[96, 128, 3] in [0, 1]: the picture as this version paints it."""
    import impasto

    painting = Path(impasto.__file__).parent / "inputs" / "samples" / "flow.jpg"
    return impasto.paint(draw_photo(), painting, optimizer=optimizer, **{"steps": STEPS[optimizer]} | OPTIONS).pixels


def main(folder: Path = FOLDER) -> None:
    from impasto import save_picture

    folder.mkdir(exist_ok=True)
    for optimizer in STEPS:
        path = golden_path(optimizer, folder)
        save_picture(path, paint_golden(optimizer), overwrite=True)
        print(f"wrote {path}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
