"""What the paintings of `manners.py` share: noise, colour, light, dabs and pieces.

Shapes are (height, width) in pixels; places and lengths are in picture heights, from the upper left.
"""

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage


def smoothstep(low, high, x):
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def ramp(names):
    return np.array([[int(name[i : i + 2], 16) for i in (1, 3, 5)] for name in names]) / 255


def places(shape):
    """x and y of every pixel."""
    rows, columns = np.mgrid[0 : shape[0], 0 : shape[1]] / shape[0]
    return columns, rows


def cloud(rng, shape, down, across=None, octaves=3):
    """Noise of zero mean and unit deviation, with lumps of the given size, and finer ones of less weight."""
    total = np.zeros(shape)
    for octave in range(octaves):
        extents = 1 / down, shape[1] / shape[0] / (across or down)
        cells = [max(3, round(extent * 2**octave)) for extent in extents]
        lumps = Image.fromarray(rng.standard_normal(cells, dtype=np.float32))
        total += 0.5**octave * np.asarray(lumps.resize(shape[::-1], Image.Resampling.BICUBIC))
    return (total - total.mean()) / total.std()


def skyline(rng, shape, across, octaves=3):
    """Noise that changes from left to right only: [1, width]."""
    return cloud(rng, shape, 9, across, octaves)[:1]


def blend(paint, colour, share):
    """Move the paint towards a colour, in place."""
    paint += (colour - paint) * np.asarray(share)[..., None]


def gradient(names, t):
    """The colours of a ramp at `t` in [0, 1]."""
    stops = ramp(names)
    return np.stack([np.interp(t, np.linspace(0, 1, len(stops)), stops[:, i]) for i in range(3)], axis=-1)


def turn_hue(colours, angle, chroma=1.0):
    """Turn the hue of [n, 3] colours by [n] angles about the grey axis; scale their distance from grey."""
    grey = colours @ np.array([[0.30], [0.59], [0.11]])
    axes = np.array([[2, -1, -1], [0, np.sqrt(3), -np.sqrt(3)]]) / 3
    a, b = ((colours - grey) @ axes.T).T * chroma
    a, b = a * np.cos(angle) - b * np.sin(angle), a * np.sin(angle) + b * np.cos(angle)
    turned = np.stack([a, -a / 2 + b * np.sqrt(3) / 2, -a / 2 - b * np.sqrt(3) / 2], axis=-1)
    return turned - turned @ np.array([[0.30], [0.59], [0.11]]) + grey  # as light as before


def lamp(paint, relief, strength):
    """The paint under a lamp at the upper left."""
    down, right = np.gradient(relief)
    slope = (down + right) * strength
    return paint * (1 + 0.35 * np.tanh(slope))[..., None] + 0.12 * smoothstep(0.5, 1.6, slope)[..., None]


def shapes(shape, polygons):
    """An image of numbers: 0 outside every polygon, i + 1 in the i-th, the later over the earlier."""
    image = Image.new("I", shape[::-1])
    for i, points in enumerate(polygons):
        ImageDraw.Draw(image).polygon([(px * shape[0], py * shape[0]) for px, py in points], fill=i + 1)
    return np.asarray(image)


def tree(rng, shape, foot, angle, length, width, depth):
    """A mask of trunk and branches, and the places of the twigs' ends."""
    image, ends = Image.new("L", shape[::-1]), []
    canvas, scale = ImageDraw.Draw(image), shape[0]

    def grow(x, y, angle, length, width, depth):
        for _ in range(6):
            nx, ny = x + length / 6 * np.cos(angle), y + length / 6 * np.sin(angle)
            canvas.line([x * scale, y * scale, nx * scale, ny * scale], fill=255, width=max(2, round(width * scale)))
            radius = width * scale / 2
            canvas.ellipse(
                [nx * scale - radius, ny * scale - radius, nx * scale + radius, ny * scale + radius], fill=255
            )
            x, y, angle, width = nx, ny, angle + rng.normal(0, 0.13), width * 0.95
        if depth <= 2:
            ends.append((x, y))
        if depth:
            for turn in (rng.uniform(-0.85, -0.3), rng.uniform(0.3, 0.85)):
                grow(x, y, angle + turn, length * rng.uniform(0.6, 0.85), width * 0.68, depth - 1)

    grow(*foot, angle, length, width, depth)
    return np.asarray(image) > 0, np.array(ends)


def stamp(rng, paint, relief, at, radius, stretch, angle, colours):
    """Lay a dab at each place, the later over the earlier; `at` (x, y) and `radius` are in pixels."""
    reach = int(radius * stretch * 1.2) + 1
    dy, dx = (axis.reshape(1, -1) for axis in np.mgrid[-reach : reach + 1, -reach : reach + 1])
    height, width = relief.shape
    for some in np.array_split(np.arange(len(at)), len(at) // 1000 + 1):
        c, s = np.cos(angle[some])[:, None], np.sin(angle[some])[:, None]
        along, across = (dx * c + dy * s) / (radius * stretch), (dy * c - dx * s) / radius
        size, phase, bend = rng.uniform((0.75, 0, -0.25), (1.15, 6.3, 0.25), (len(some), 3)).T[..., None]
        rim = size * (1 + 0.10 * np.sin(3 * np.arctan2(across, along) + phase))
        far = np.hypot(along, across + bend * along**2) / rim
        row, column = (at[some, 1, None] + dy).astype(int), (at[some, 0, None] + dx).astype(int)
        on = (far < 1) & (row >= 0) & (row < height) & (column >= 0) & (column < width)
        bristle = 0.09 * np.sin(across * 9 + phase + 1.5 * along)
        row, column = row[on], column[on]
        dab = np.broadcast_to(colours[some, None], (*far.shape, 3))[on] * (1 + bristle[on])[:, None]
        paint[row, column] = 0.93 * dab + 0.07 * paint[row, column]
        relief[row, column] = (1 - far[on] ** 3) * radius * 0.35 + 6 * bristle[on]


def facets(rng, x, y, regions, smallest):
    """Cut every region by straight lines into pieces of about `smallest` pixels: lists of flat places."""
    waiting, pieces = [np.flatnonzero(regions == i) for i in np.unique(regions)], []
    x, y = x.ravel(), y.ravel()
    while waiting:
        piece = waiting.pop()
        if len(piece) < smallest * rng.choice([0.5, 1, 3, 7]):
            pieces.append(piece)
            continue
        angles = rng.choice([0.15, 0.5, 1.05, 1.4, 2.1, 2.7], 2, replace=False) + rng.normal(0, 0.1, 2)
        sides = [x[piece] * np.cos(a) + y[piece] * np.sin(a) for a in angles]
        side = max(sides, key=np.std)  # the cut that leaves the rounder pieces
        low = side < np.quantile(side, rng.uniform(0.3, 0.7))
        waiting += [piece[low], piece[~low]]
    return pieces


def seams(pieces):
    """How far each pixel is from the border of its piece, in picture heights."""
    border = np.zeros(pieces.shape, bool)
    border[:, 1:] |= pieces[:, 1:] != pieces[:, :-1]
    border[1:] |= pieces[1:] != pieces[:-1]
    return ndimage.distance_transform_edt(~border) / pieces.shape[0]


def bricks(rng, along, across, first):
    """Number the pieces of courses of glass: `across` counts the courses, `along` the pieces in each."""
    course = np.floor(across).astype(int)
    course -= course.min()
    shift, stretch = rng.random(course.max() + 1), rng.uniform(0.7, 1.4, course.max() + 1)
    piece = np.floor(along * stretch[course] + shift[course]).astype(int)
    return first + course * 1000 + piece - piece.min()
