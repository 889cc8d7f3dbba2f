"""Draw docs/pictures/drafts.webp: a free photo, its drafts after the bundled paintings, and one after two of them."""

import argparse
from pathlib import Path

import numpy as np
from matplotlib.cbook import get_sample_data
from PIL import Image

import impasto
from impasto.images.sheet import Cell, Sheet, draw_sheet

SAMPLES = Path(impasto.__file__).parent / "inputs" / "samples"
ORDER = ("flow",), ("dots",), ("shards",), ("woodcut",), ("wash",), ("glass",), ("flow", "glass")
EDGE_PX, THUMBNAIL_PX, GAP_PX, COLUMNS, QUALITY = 400, 90, 8, 4, 74


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, default=Path("docs/pictures/drafts.webp"), help="the picture")
    args = parser.parse_args()
    photo = get_sample_data("grace_hopper.jpg", asfileobj=False)
    with Image.open(photo) as opened:
        cells = [opened.convert("RGB")]
    cells[0].thumbnail((EDGE_PX, EDGE_PX))
    cells += [cell(photo, names) for names in ORDER]
    rows = [
        [Cell(impasto.picture_from_array(np.asarray(picture))) for picture in cells[start : start + COLUMNS]]
        for start in range(0, len(cells), COLUMNS)
    ]
    sheet = draw_sheet(Sheet(rows, cell_px=EDGE_PX, edge_px=0, gap_px=GAP_PX))
    sheet.save(args.output, quality=QUALITY, method=6)


def cell(photo, names):
    """A draft, its paintings small in the corner."""
    paintings = [next(SAMPLES.glob(f"{name}.*")) for name in names]
    draft = impasto.draft(photo, [(path, 1.0) for path in paintings], size_px=EDGE_PX)
    picture = Image.fromarray((draft.pixels * 255).round().astype("uint8"))
    right = picture.width
    for path in reversed(paintings):
        with Image.open(path) as opened:
            small = opened.convert("RGB")
        small.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX))
        right -= small.width + 6
        picture.paste(small, (right, picture.height - small.height - 6))
    return picture


if __name__ == "__main__":
    main()
