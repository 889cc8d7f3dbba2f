"""Drafts beside the painterly recipe: how near to painting and photo, how fast, how much memory.

(a) Seeded gallery pairs painted in both ways, judged by the teacher, which the stylizer was not trained against,
    in VGG-19's feature space: style distance (bar: 1.6 times the recipe's) and content distance (bar: the recipe's).
(b) Seconds for a draft of one megapixel after loading, taking turns with one forward pass of a VGG-19-sized encoder.
(c) Peak memory of a process that drafts one megapixel, and sixteen.
(d) Seconds of `impasto draft` from the shell to a first picture of 512 px.

The recipe's pastiches take minutes: they are kept in the folder --references and painted once.
"""

from __future__ import annotations

import argparse

from common import (
    Pair,
    eight_bit,
    paint_options,
    paint_pair,
)
from impasto.fast.draft import DraftOptions, iter_drafts
from impasto.fast.stylizer import Stylizer
from impasto.images.io import Picture, load_picture, save_picture
from impasto.lab.metrics import color_distance, noise_ratio, style_gram, style_sliced
from measures import TeacherView, border

MEASURES = ("content", "style", "style gram", "style sliced", "color", "sharpness", "border")
MEGAPIXEL = (1024, 1024)
MEMORY_PROBE = """
import resource, sys
import numpy as np
import impasto
side = int(sys.argv[1])
rows, columns = np.mgrid[:side, :side].astype(np.float32) / side
photo = np.stack([rows, columns, np.sin(40 * rows * columns) / 2 + 0.5], 2).astype(np.float32)
impasto.draft((photo * 255).astype(np.uint8), sys.argv[2], size_px=side)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def reference(args: argparse.Namespace, pair: Pair) -> Picture:
    """The recipe's pastiche of a pair; painted if it is not in --references yet."""
    args.references.mkdir(parents=True, exist_ok=True)
    path = args.references / f"{pair.photo_path.stem}+{pair.painting_path.stem}+{args.size}.png"
    if not path.exists():
        painted = paint_pair(pair, paint_options(args))
        save_picture(path, painted.picture.pixels(), bit_depth=8, overwrite=True)
    return load_picture(path)


def draft_of(stylizer: Stylizer, pair: Pair, size_px: int) -> Picture:
    drafts = iter_drafts(stylizer, [pair.photo], [(pair.painting, 1.0)], DraftOptions(size_px=size_px))
    return eight_bit(next(drafts))


def measure(teacher: TeacherView, judge, pair: Pair, pastiche: Picture) -> tuple[float, ...]:
    """Values of `MEASURES`."""
    return (
        teacher.content_distance(pair.photo, pastiche),
        teacher.style_distance(pair.painting, pastiche),
        style_gram(judge, pair.painting, pastiche),
        style_sliced(judge, pair.painting, pastiche),
        color_distance(pair.painting, pastiche),
        noise_ratio(pair.painting, pastiche),
        border(pair.photo, pastiche),
    )
