"""Make docs/pictures/video.webp: a pan over a photo, drafted frame by frame, and as `impasto video` paints it.

    python tools/video_picture.py PHOTO [--painting flow]

The photo must be ours or CC0; the one in the documentation is the Colosseum that README.md names.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from impasto.images.picture import picture_from_array, quantise
from impasto.images.reading import load_picture
from impasto.inputs.paintings import Region
from impasto.runs.draft import DraftOptions
from impasto.video.painters import DraftFrames, ShotSamples, shared_to_arrays
from impasto.video.steady import Steadier

ROOT = Path(__file__).parents[1]
FRAMES, SIZE, STEP_PX, NOISE, GAP_PX = 12, (180, 244), 2, 0.015, 6  # the noise of a small camera
QUALITY, MOST_BYTES = 62, 300_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photo", type=Path)
    parser.add_argument("--painting", default="flow")
    parser.add_argument("--out", type=Path, default=ROOT / "docs/pictures/video.webp")
    args = parser.parse_args()
    height, width = SIZE
    scene = load_picture(args.photo).pixels(round(1.25 * height))
    random = np.random.default_rng(0)

    def photo(step: int) -> NDArray[np.float32]:
        cut = scene[20 : 20 + height, 40 + STEP_PX * step :][:, :width]
        return np.clip(cut + NOISE * random.normal(size=cut.shape), 0, 1).astype(np.float32)

    photos = [photo(step) for step in range(FRAMES)]
    pictures = [picture_from_array(quantise(one, 8)) for one in photos]
    painter, regions = DraftFrames(None, DraftOptions(size_px=max(SIZE))), (Region(None, args.painting),)
    alone = [painter.paint(picture, regions) for picture in pictures]
    samples, steadier = ShotSamples(painter.stylizer), Steadier()
    for one in photos:
        samples.see(one)
    painter.begin_shot(shared_to_arrays(samples.shared()))
    film = [steadier.mix(one, painter.paint(picture, regions)) for one, picture in zip(photos, pictures, strict=True)]
    gap = np.ones((height, GAP_PX, 3), np.float32)
    shown = [
        Image.fromarray(quantise(np.hstack([left, gap, right]), 8)) for left, right in zip(alone, film, strict=True)
    ]
    there_and_back = shown + shown[-2:0:-1]
    for quality in range(QUALITY, 10, -8):
        there_and_back[0].save(
            args.out, save_all=True, append_images=there_and_back[1:], duration=90, loop=0, quality=quality, method=6
        )
        if args.out.stat().st_size < MOST_BYTES:
            break
    print(f"{args.out}: {args.out.stat().st_size} bytes, quality {quality}")


if __name__ == "__main__":
    main()
