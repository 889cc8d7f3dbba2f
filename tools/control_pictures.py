"""Paint the pictures of paintings, regions and strokes in docs/control.md.

    python tools/control_pictures.py [--only NAME]

They need no gallery: the photograph is matplotlib's of Grace Hopper, one painting is our own sample, the other is
drawn here.
"""

from __future__ import annotations

import argparse

import numpy as np
import pyvips
from numpy.typing import NDArray
from scipy.spatial import cKDTree

import impasto
from impasto import Painting, Region
from make_pictures import PHOTO, SAMPLE, as_image, save

SIZE_PX = 256
WARM = np.array([(67, 26, 42), (138, 44, 34), (201, 71, 42), (219, 128, 48), (230, 174, 82), (243, 213, 150)])


def draw_mosaic(height: int = 480, width: int = 640, stones: int = 1500) -> NDArray[np.uint8]:
    """Warm stones in dark joints, [height, width, 3]: a picture as different from the sample as possible."""
    rng = np.random.default_rng(2)
    places = rng.random((stones, 2)) * (height, width)
    points = np.stack(np.mgrid[0:height, 0:width], axis=-1)
    distances, nearest = cKDTree(places).query(points, k=2)
    light = np.clip(places.sum(1) / (height + width) + rng.normal(0, 0.2, stones), 0, 0.999)
    colours = WARM[(light * len(WARM)).astype(int)] + rng.normal(0, 9, (stones, 3))
    picture = colours[nearest[..., 0]] + rng.normal(0, 5, (height, width, 1))
    joint = np.clip((distances[..., 1] - distances[..., 0]) / 2.5, 0, 1)[..., None]
    return np.clip(joint * picture + (1 - joint) * 28, 0, 255).astype(np.uint8)


def draw_figure(height: int = 600, width: int = 512) -> NDArray[np.float32]:
    """A soft mask of the woman in the photograph, [height, width] in [0, 1]."""
    y, x = np.mgrid[0:height, 0:width] / 1.0
    head = 1 - np.hypot((x - 268) / 118, (y - 190) / 178)
    shoulders = 1 - np.hypot((x - 256) / 275, (y - 610) / 270)
    return np.clip(0.5 + 8 * np.maximum(head, shoulders), 0, 1).astype(np.float32)


def paint(style: object, *regions: Region, **options: object) -> pyvips.Image:
    """A pastiche of the photograph, as an 8-bit image."""
    pastiche = impasto.paint(PHOTO, style, regions=regions, **{"size_px": SIZE_PX} | options)
    print(options, f"{pastiche.seconds:.1f} s", flush=True)
    return as_image(pastiche)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=("paintings", "regions", "strokes"), help="default: all")
    only = parser.parse_args().only
    mosaic, figure = draw_mosaic(), draw_figure()
    if only in (None, "regions"):
        figures = [
            paint(SAMPLE, Region(figure, mosaic)),
            paint(mosaic, Region(figure, SAMPLE)),
            paint(SAMPLE, Region(figure)),
            paint(SAMPLE, Region(figure, SAMPLE, strength=25), strength=75),
        ]
        save("control-regions", figures, len(figures))
    if only in (None, "paintings"):
        save(
            "control-paintings", [paint([(SAMPLE, share), (mosaic, 1 - share)]) for share in (0.99, 0.7, 0.3, 0.01)], 4
        )
    if only in (None, "strokes"):
        save("control-strokes", [paint(Painting(mosaic, brush_scale=scale)) for scale in (0.5, 1, 2)], 3)


if __name__ == "__main__":
    main()
