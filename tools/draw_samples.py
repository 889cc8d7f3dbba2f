"""Draw the studio's shelf: four sample style images beside `flow.jpg`, each another manner, all of our own making.

``dots`` is a meadow in dabs of unmixed colour; ``facets`` a still life broken into planes; ``tide`` a sea of flat colours
with dark outlines, as a woodblock prints them; ``ink`` a wash of black and vermilion on paper.  The same seed gives
the same pictures.
"""

import argparse
from pathlib import Path

import numpy as np
from draw_painting import noise, ramp, save, smoothstep
from PIL import Image, ImageDraw, ImageFilter
from scipy import ndimage
from scipy.spatial import cKDTree

WIDTH, HEIGHT, SUPERSAMPLE = 800, 600, 2
SKY = ("#2b4c9b", "#4f8ecb", "#a8d0e6", "#ffe9b8", "#ffc078")
HILLS = ("#173b2c", "#2f6b3a", "#7ba23f", "#d4c24a", "#f1e3a1")
EARTHS = ("#2b2118", "#5b4630", "#8a6d46", "#b99a66", "#dccba0", "#6f7f6a", "#39524f", "#a3512f", "#d98a4b")
SEA = ("#10243f", "#1d4770", "#3b7ba5", "#7fb3c8", "#cfe0d8", "#f4ecd6")


def grid():
    """x and y of every pixel, in picture heights, at the size that is drawn."""
    rows, columns = np.mgrid[0 : HEIGHT * SUPERSAMPLE, 0 : WIDTH * SUPERSAMPLE] / (HEIGHT * SUPERSAMPLE)
    return columns, rows


def pick(colours, tone):
    """Colours of a ramp at tones from 0 to 1, mixed between neighbours."""
    table = ramp(colours)
    at = np.clip(tone, 0, 1) * (len(table) - 1)
    low = np.minimum(at.astype(int), len(table) - 2)
    part = (at - low)[..., None]
    return table[low] * (1 - part) + table[low + 1] * part


def to_image(pixels):
    return Image.fromarray(np.uint8(np.rint(np.clip(pixels, 0, 1) * 255)))


def draw_dots(rng):
    """A meadow under an evening sky, in dabs: the eye mixes them."""
    x, y = grid()
    ridge = 0.46 + 0.07 * np.sin(4.2 * x + 0.6) + 0.03 * np.sin(11 * x)
    near = 0.70 + 0.06 * np.sin(3.1 * x + 2.2)
    glow = np.exp(-((np.hypot(x - 0.92, y - 0.33) / 0.26) ** 2))
    sky = pick(SKY, np.clip(y / 0.5, 0, 1) * 0.75 + 0.5 * glow)
    far = pick(HILLS, 0.25 + 0.9 * (y - ridge) + 0.12 * noise(rng, x.shape, 40))
    field = pick(HILLS, 0.5 + 0.7 * (y - near) + 0.22 * noise(rng, x.shape, 22))
    poppies = smoothstep(1.35, 1.7, noise(rng, x.shape, 11))[..., None] * (y > near)[..., None]
    field = field * (1 - poppies) + poppies * np.array([0.86, 0.22, 0.16])
    scene = np.where((y > near)[..., None], field, np.where((y > ridge)[..., None], far, sky))
    canvas = to_image(scene * 0.55 + 0.40)
    pen = ImageDraw.Draw(canvas)
    for radius, count in ((9.0, 26_000), (6.5, 30_000)):
        for column, row in rng.random((count, 2)) * (canvas.width, canvas.height):
            colour = scene[min(int(row), scene.shape[0] - 1), min(int(column), scene.shape[1] - 1)]
            strong = np.clip(colour + 0.18 * (colour - colour.mean()) + rng.normal(0, 0.075, 3), 0, 1)
            if rng.random() < 0.09:  # the complement beside the colour
                strong = np.clip(0.90 - 0.55 * strong, 0, 1)
            long, wide = radius * rng.uniform(0.8, 1.25, 2)
            box = (column - long, row - wide, column + long, row + wide)
            pen.ellipse(box, fill=tuple(int(255 * part) for part in strong))
    return canvas


def draw_facets(rng):
    """Planes that tilt against each other, with scumbled paint and dark seams."""
    x, y = grid()
    aspect = WIDTH / HEIGHT
    seeds = rng.random((150, 2)) * (aspect, 1)
    bend = 0.05 * np.stack([noise(rng, x.shape, 150), noise(rng, x.shape, 150)], axis=-1)
    places = np.stack([x * 1.0, y * 1.35], axis=-1) + bend
    (first, second), nearest = (part for part in distances(places, seeds * (1, 1.35)))
    angle = rng.uniform(0, 2 * np.pi, len(seeds))
    tilt = np.cos(angle)[nearest] * x + np.sin(angle)[nearest] * y
    _, plane = np.unique(nearest, return_inverse=True)
    tilt = tilt - (np.bincount(plane.ravel(), tilt.ravel()) / np.bincount(plane.ravel()))[plane].reshape(tilt.shape)
    middle = np.exp(-(((seeds[:, 0] - 0.66) / 0.42) ** 2) - ((seeds[:, 1] - 0.5) / 0.33) ** 2)
    base = ramp(EARTHS)[rng.integers(0, len(EARTHS), len(seeds))] * (0.62 + 0.5 * middle[:, None])
    bristles = noise(rng, x.shape, (1.2, 9)) * 0.030 + noise(rng, x.shape, (9, 1.2)) * 0.025
    pixels = base[nearest] * (1 + 3.2 * tilt[..., None]) + bristles[..., None]
    seam = smoothstep(0.008, 0.0, second - first + 0.0016 * noise(rng, x.shape, 3))[..., None]
    shadow = np.exp(-(second - first) / 0.035)[..., None] * (tilt < 0)[..., None]
    return to_image(pixels * (1 - 0.85 * seam) * (1 - 0.30 * shadow))


def distances(places, seeds):
    """Distances to the nearest and the second nearest seed, and which is the nearest."""
    found, index = cKDTree(seeds).query(places.reshape(-1, 2), k=2)
    return found.T.reshape(2, *places.shape[:2]), index[:, 0].reshape(places.shape[:2])


def draw_tide(rng):
    """Rows of breaking waves: flat colours, gradations from the block, outlines, foam."""
    x, y = grid()
    pixels = pick(SEA, 0.98 - 0.30 * smoothstep(0.30, 0.0, y) - 0.08 * smoothstep(0.1, 0.5, y))
    sun = np.hypot(x - 1.02, y - 0.19)
    pixels = np.where((sun < 0.085)[..., None], np.array([0.80, 0.28, 0.20]), pixels)
    for row, base in enumerate(np.linspace(0.36, 0.98, 7)):
        phase = rng.uniform(0, 6.3)
        run = 2 * np.pi * x * (1.9 - 0.13 * row) + phase
        crest = base - (0.05 + 0.017 * row) * (np.sin(run) + 0.38 * np.sin(2 * run + 0.9) + 0.10 * np.sin(5 * run))
        depth = y - crest
        inside = depth > 0
        stripe = np.sin(2 * np.pi * depth / (0.030 + 0.004 * row) + 0.9 * np.sin(run))
        tone = 0.46 - 0.07 * row * 0.8 + 0.16 * np.exp(-depth / 0.03) - 0.25 * smoothstep(0, 0.16, depth)
        wave = pick(SEA, tone + 0.16 * (stripe > 0.35) * smoothstep(0.02, 0.06, depth))
        lip = 0.016 + 0.007 * np.sin(9 * run) + 0.004 * noise(rng, x.shape, 9)
        wave = np.where((depth < lip)[..., None], np.array([0.96, 0.93, 0.85]), wave)
        line = (depth < 0.0055) | (np.abs(depth - lip) < 0.0030)
        wave = np.where(line[..., None], np.array([0.06, 0.11, 0.20]), wave)
        pixels = np.where(inside[..., None], wave, pixels)
        spray = (noise(rng, x.shape, 4) > 2.35) & (depth < 0) & (depth > -0.07) & (np.sin(run) > 0.25)
        pixels = np.where(spray[..., None], np.array([0.96, 0.93, 0.85]), pixels)
    grain = 0.020 * noise(rng, x.shape, (0.8, 14)) + 0.012 * noise(rng, x.shape, 1.5)
    return to_image(pixels + grain[..., None])


def draw_ink(rng):
    """Broad wet strokes that run dry, splashes, and a little vermilion."""
    x, y = grid()
    paper = np.array([0.945, 0.918, 0.855]) + 0.016 * noise(rng, x.shape, 2)[..., None]
    ink = np.zeros(x.shape)
    for _ in range(26):
        start, angle = rng.random(2) * (WIDTH / HEIGHT, 1), rng.normal(-0.5, 0.55)
        length, width = rng.uniform(0.35, 1.0), rng.uniform(0.012, 0.075)
        along = (x - start[0]) * np.cos(angle) + (y - start[1]) * np.sin(angle)
        across = (y - start[1]) * np.cos(angle) - (x - start[0]) * np.sin(angle)
        across = across + rng.normal(0, 0.9) * (along - length / 2) ** 2 * 0.35
        part = along / length
        bristles = np.interp(across / width, np.linspace(-1.2, 1.2, 90), rng.random(90))
        body = smoothstep(1.0, 0.82, np.abs(across) / width) * smoothstep(-0.02, 0.03, part) * smoothstep(1.02, 0.9, part)
        dry = smoothstep(0.25, 1.0, part) * 1.1
        ink += body * smoothstep(dry - 0.25, dry + 0.15, bristles + 0.18) * rng.uniform(0.25, 0.95)
    wash = smoothstep(0.1, 1.6, noise(rng, x.shape, 90)) * (0.35 + 0.10 * noise(rng, x.shape, 18))
    edge = np.abs(ndimage.gaussian_laplace(wash, 3)) * 30
    splash = np.zeros(x.shape)
    for column, row, radius in rng.random((170, 3)) * (WIDTH / HEIGHT, 1, 1):
        size = 0.0015 + 0.011 * radius**6
        splash = np.maximum(splash, smoothstep(size * 1.15, size * 0.85, np.hypot(x - column, y - row)))
    dark = np.clip(ink + 0.55 * np.clip(wash, 0, 1) + 0.3 * np.clip(edge, 0, 0.5) + 0.9 * splash, 0, 1)[..., None]
    pixels = paper * (1 - dark) + np.array([0.085, 0.085, 0.10]) * dark
    for centre, size in (((1.05, 0.24), 0.10), ((0.25, 0.78), 0.05)):
        blot = np.hypot(x - centre[0], y - centre[1]) + 0.010 * noise(rng, x.shape, 25)
        red = (smoothstep(size * 1.06, size * 0.94, blot) * (0.82 + 0.09 * noise(rng, x.shape, 14)))[..., None]
        pixels = pixels * (1 - red) + np.array([0.78, 0.20, 0.13]) * red
    return to_image(pixels)


MANNERS = {"dots": draw_dots, "facets": draw_facets, "tide": draw_tide, "ink": draw_ink}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True, help="the folder to write to")
    parser.add_argument("--only", choices=MANNERS, nargs="*", default=list(MANNERS), help="these alone")
    args = parser.parse_args()
    for number, (name, draw) in enumerate(MANNERS.items()):
        if name in args.only:
            large = draw(np.random.default_rng(number)).filter(ImageFilter.GaussianBlur(0.6))
            save(large.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS), args.output / f"{name}.jpg")


if __name__ == "__main__":
    main()
