"""Paint the pictures of the documentation from a gallery of photographs and paintings.

    python tools/make_pictures.py --gallery FOLDER
    python tools/make_pictures.py --only color

Only pastiches are written (docs/pictures/*.jpg): the photographs and paintings are other people's. Those of
docs/control.md need no gallery: matplotlib's photograph of Grace Hopper, and our own sample painting.
"""

from __future__ import annotations

import argparse
import random
from functools import reduce
from pathlib import Path

import numpy as np
import pyvips
from matplotlib.cbook import get_sample_data

import impasto

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
STRIP = (
    ("dog", "seurat_grande_jatte"),
    ("colosseum", "van_gogh_starry_night"),
    ("mountain_lake", "hokusai_great_wave"),
    ("coffee", "marc_large_blue_horses"),
)
STRENGTHS = (10, 25, 40, 50, 60, 75, 100)  # not 0, which is the photograph
STRENGTH_PAIR = ("dog", "seurat_grande_jatte")
SIZES_PAIR, SIZES_PX, CROP_PX = ("colosseum", "van_gogh_starry_night"), (512, 2048), 400
HEIGHT_PX, SHEET_HEIGHT_PX, SHEET_COLUMNS, GAP_PX = 270, 190, 6, 6
PHOTO = get_sample_data("grace_hopper.jpg", asfileobj=False)
SAMPLE = Path(impasto.__file__).parent / "inputs" / "samples" / "flow.jpg"
CONTROL_PX = 288
COLORS: tuple[dict[str, object], ...] = (
    {},
    {"color": "photo"},
    {"color": "photo", "color_method": "mean-covariance"},
    {"color": "photo", "color_method": "histogram"},
)
DETAILS = (0, 50, 100)
OF_GALLERY, OF_SAMPLES = ("strip", "strength", "sizes", "pairs"), ("color", "detail")


def paint(gallery: Path, photo: str, painting: str, **options: object) -> pyvips.Image:
    """A pastiche of one photo and one painting, as an 8-bit image."""
    content, style = gallery / f"content_{photo}.jpg", gallery / f"style_{painting}.jpg"
    pastiche = impasto.paint(content, style, **options)
    print(photo, painting, options, f"{pastiche.seconds:.1f} s", flush=True)
    return as_image(pastiche)


def as_image(pastiche: impasto.Pastiche) -> pyvips.Image:
    """A pastiche as an 8-bit image."""
    return pyvips.Image.new_from_array((pastiche.pixels * 255 + 0.5).astype(np.uint8), interpretation="srgb")


def _beside(left: pyvips.Image, right: pyvips.Image) -> pyvips.Image:
    return left.join(right, "horizontal", expand=True, shim=GAP_PX, background=[255, 255, 255])


def _below(upper: pyvips.Image, lower: pyvips.Image) -> pyvips.Image:
    return upper.join(lower, "vertical", expand=True, shim=GAP_PX, background=[255, 255, 255])


def paint_sample(**options: object) -> pyvips.Image:
    """Grace Hopper, painted like our sample."""
    pastiche = impasto.paint(PHOTO, SAMPLE, size_px=CONTROL_PX, **options)
    print(options, f"{pastiche.seconds:.1f} s", flush=True)
    return as_image(pastiche)


def paint_sizes(gallery: Path) -> list[pyvips.Image]:
    """A small and a large pastiche of a pair at the small one's size, and the middle of the large one as it is."""
    small, large = (paint(gallery, *SIZES_PAIR, size_px=size) for size in SIZES_PX)
    width = 2 * small.width + GAP_PX
    middle = large.crop((large.width - width) // 2, (large.height - CROP_PX) // 2, width, CROP_PX)
    return [_beside(small, large.thumbnail_image(small.width)), middle]


def save(name: str, images: list[pyvips.Image], across: int) -> None:
    """Join and write a JPEG under 300 kB."""
    rows = [reduce(_beside, images[start : start + across]) for start in range(0, len(images), across)]
    joined = reduce(_below, rows)
    for quality in range(88, 40, -4):
        data = joined.jpegsave_buffer(Q=quality, strip=True)
        if len(data) < 300_000:
            break
    target = PICTURES / f"{name}.jpg"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data)
    print(f"{name}.jpg: {len(data) / 1000:.0f} kB at quality {quality}")


def seeded_pairs(gallery: Path, count: int) -> list[tuple[str, str]]:
    """Pairs from two shuffled decks: every photo and painting has its turn before any comes again."""
    decks = []
    for kind, seed in (("content", 1), ("style", 2)):
        names = sorted(p.stem.split("_", 1)[1] for p in gallery.glob(f"{kind}_*.jpg"))
        rng = random.Random(seed)
        decks.append([name for _ in range(-(-count // len(names))) for name in rng.sample(names, len(names))])
    return list(zip(*decks, strict=False))[:count]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gallery", type=Path, help="folder of content_*.jpg and style_*.jpg")
    parser.add_argument("--pairs", type=int, default=30, help="pastiches on the sheet of pairs; 0: no sheet")
    parser.add_argument("--only", choices=(*OF_GALLERY, *OF_SAMPLES), help="default: all")
    args = parser.parse_args()
    if args.gallery is None and args.only not in OF_SAMPLES:
        parser.error("--gallery is needed for these")
    if args.only in (None, "color"):
        images = [paint_sample(**options) for options in COLORS]
        save("control/color", images, len(images))
        half = paint_sample(color="photo", color_strength=50)
        save("control/color-strength", [images[0], half, images[1]], 3)
    if args.only in (None, "detail"):
        save("control/detail", [paint_sample(keep_detail=keep) for keep in DETAILS], len(DETAILS))
    if args.only in (None, "strip"):
        strip = [paint(args.gallery, *pair, size_px=512) for pair in STRIP]
        save("strip", [image.resize(HEIGHT_PX / image.height) for image in strip], len(strip))
    if args.only in (None, "strength"):
        steps = [paint(args.gallery, *STRENGTH_PAIR, size_px=384, strength=s) for s in STRENGTHS]
        save("strength", [image.resize(HEIGHT_PX / image.height) for image in steps], len(steps))
    if args.only in (None, "sizes"):
        save("sizes", paint_sizes(args.gallery), 1)
    if args.only in (None, "pairs") and args.pairs:
        sheet = [paint(args.gallery, *pair, size_px=512) for pair in seeded_pairs(args.gallery, args.pairs)]
        save("pairs", [image.resize(SHEET_HEIGHT_PX / image.height) for image in sheet], SHEET_COLUMNS)


if __name__ == "__main__":
    main()
