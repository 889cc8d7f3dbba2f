"""Draw the bundled style images, all of our own making: `flow` is drawn here, the others in `manners.py`.

Nothing here is a photograph or somebody's picture.  `flow` is an abstract oil painting.  A handful of vortices
makes a flow field; the flow stirs bands of light and dark into a design; thousands of brush strokes, from broad
to fine, follow the flow and take their colour from the design.  Every stroke carries two paints streaked by its
bristles, picks up some of the wet paint below, runs dry at its tail, and leaves relief that is lit from the
upper left.

Every picture is painted at twice its size and scaled down.  The same seed gives the same picture.  Bristles and
relief of `flow` are made for a height of about 768 pixels.

    draw_painting.py all -o src/impasto/inputs/samples
    draw_painting.py dots --seed 7 -o other.jpg
"""

import argparse
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

from brushes import ramp, smoothstep
from manners import PAINTINGS

SIZES = {"flow": (1024, 768)} | dict.fromkeys(PAINTINGS, (704, 528))
SUPERSAMPLE = 2
DESIGN_HEIGHT = 384  # the flow and the design are smooth, and computed at this height
MAX_BYTES = 300_000  # at the default size, and in proportion at others
SUN = (0.455, 0.415)  # places are in picture heights, from the upper left
SUN_RADIUS = 0.105

# (x, y, core radius, turn, pull): positive turns clockwise, a pull makes it a spiral
VORTICES = (
    (*SUN, 0.17, 1.0, 0.10),
    (1.03, 0.68, 0.13, -0.85, 0.22),
    (1.13, 0.16, 0.08, 0.50, 0.20),
    (0.13, 0.83, 0.09, -0.50, 0.20),
)

COLD = ("#04081a", "#0a1a3c", "#14306f", "#1c5a92", "#268a90", "#72b49c", "#c3d7b6", "#f7f2de")
EARTH = ("#0a0a18", "#241d3c", "#4d345c", "#8f5468", "#bd8872", "#b5b184", "#e0d0a6", "#faf3de")
WARM = ("#140a1c", "#431a2a", "#8a2c22", "#c9472a", "#db8030", "#e6ae52", "#f3d596", "#fdf4da")


@dataclass(frozen=True)
class Layer:
    """One pass over the canvas with one brush; lengths are in picture heights."""

    width: float
    length: float
    cover: float  # how often the pass covers the canvas
    detail: float  # 0: strokes fall everywhere, 1: only where the design is busy or light
    broken: float  # how far the stroke's colour may stray from the design
    patience: float  # how much the design's tone may change before the stroke ends
    contrast: float = 0.0  # lighter than the design in the dark, darker in the light


LAYERS = (
    Layer(0.060, 0.30, 3.0, 0.0, 0.4, 0.28),
    Layer(0.034, 0.22, 2.4, 0.0, 0.6, 0.20),
    Layer(0.021, 0.16, 1.2, 0.35, 0.65, 0.16),
    Layer(0.0090, 0.42, 0.08, 0.0, 0.8, 0.40, 0.30),
    Layer(0.0135, 0.105, 0.9, 0.7, 0.7, 0.14),
    Layer(0.0080, 0.075, 0.45, 0.9, 0.8, 0.12),
    Layer(0.0055, 0.30, 0.02, 0.0, 0.8, 0.40, 0.40),
)


def noise(rng, shape, sigma):
    """Smooth noise of zero mean and unit deviation."""
    field = ndimage.gaussian_filter(rng.standard_normal(shape), sigma, mode="wrap")
    return (field - field.mean()) / field.std()


def in_sun(x, y, size):
    """1 at the sun's centre, falling to 0 outside `size` radii."""
    return np.exp(-((np.hypot(x - SUN[0], y - SUN[1]) / (size * SUN_RADIUS)) ** 6))


def make_flow(rng, x, y):
    """The direction (unit vectors) and the unscaled velocity of the paint."""
    u = np.full_like(x, 0.30)
    v = -0.10 + 0.22 * np.cos(3.4 * x + 0.5)
    for cx, cy, core, turn, pull in VORTICES:
        dx, dy = x - cx, y - cy
        fall = core / (dx**2 + dy**2 + core**2) * np.exp(-(dx**2 + dy**2) / (5 * core) ** 2) * 1.9
        u += fall * (-turn * dy - pull * dx)
        v += fall * (turn * dx - pull * dy)
    stream = noise(rng, x.shape, 0.09 * x.shape[0]) * 0.012
    wobble_v, wobble_u = np.gradient(stream, 1 / x.shape[0])
    near = in_sun(x, y, 1.7)  # nothing but the sun's own turning reaches it
    u = (u + wobble_v) * (1 - near) - near * (y - SUN[1]) * 4
    v = (v - wobble_u) * (1 - near) + near * (x - SUN[0]) * 4
    speed = np.hypot(u, v) + 1e-6
    return np.stack([u / speed, v / speed]), np.stack([u, v])


def stir(field, velocity, time, steps=90):
    """Carry a field along the velocity: every point looks back to where its paint came from."""
    height = field.shape[0]
    place = np.indices(field.shape).astype(float)[::-1]
    for _ in range(steps):
        at = [ndimage.map_coordinates(component, place[::-1], order=1, mode="nearest") for component in velocity]
        place -= np.stack(at) * height * time / steps
    return ndimage.map_coordinates(field, place[::-1], order=1, mode="reflect")


def make_design(rng, x, y, velocity):
    """Tone (0 dark to 1 light) and warmth (0 cold to 1 warm) for every place of the picture."""
    rise = y + 0.25 * (x - 0.6)
    bands = 0.5 + 0.5 * np.sin(11 * rise + 0.8 * noise(rng, x.shape, 0.12 * x.shape[0]))
    tone = 0.18 + 0.42 * bands + 0.10 * noise(rng, x.shape, 0.03 * x.shape[0])
    warm = smoothstep(-0.2, 0.7, np.sin(5.5 * rise + 1.2) + 0.3 * noise(rng, x.shape, 0.07 * x.shape[0]))
    tone, warm = (stir(field, velocity, 0.75) for field in (tone, warm))

    far = np.hypot(x - SUN[0], y - SUN[1])
    glow = np.exp(-((far / 0.30) ** 2))
    depth = smoothstep(0.55, 1.0, y + 0.10 * np.sin(4 * x)) + 0.6 * smoothstep(0.30, 0.0, y + 0.3 * x)
    tone = tone + 0.34 * glow - 0.24 * depth
    warm = 0.62 * warm + 0.65 * glow - 0.25 * depth

    moon = np.hypot(x - SUN[0] - 0.035, y - SUN[1] + 0.02)
    disc = smoothstep(SUN_RADIUS * 1.04, SUN_RADIUS * 0.96, far)
    lit = smoothstep(SUN_RADIUS * 0.86, SUN_RADIUS * 0.80, moon)
    tone = tone * (1 - disc) + disc * (0.45 + 0.5 * lit)
    warm = warm * (1 - disc) + disc
    tone = np.log1p(np.exp(10 * tone)) / 10  # no flat black: the depths keep some of their bands
    return np.clip(tone, 0, 1), np.clip(warm, 0, 1)


def mix_paint(tone, warm):
    """The palette's colour for a tone and a warmth."""
    at = np.clip(tone, 0, 1) * (len(COLD) - 1)
    low = np.minimum(at.astype(int), len(COLD) - 2)
    part = (at - low)[..., None]
    cold, earth, hot = (c[low] * (1 - part) + c[low + 1] * part for c in map(ramp, (COLD, EARTH, WARM)))
    past_cold, past_earth = (smoothstep(at, at + 0.10, warm)[..., None] for at in (0.33, 0.54))
    return cold + (earth - cold) * past_cold + (hot - earth) * past_earth


def brush_places(path, width):
    """The brush's coordinates along (pixels) and across (-1 to 1) a path, and the pixels there."""
    path = ndimage.gaussian_filter1d(path, 1.0, axis=0, mode="nearest")
    run = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(path, axis=0).T))])
    along = np.linspace(0, run[-1], int(np.clip(run[-1] / 0.5, 2, 4000)))
    across = np.linspace(-1, 1, int(np.clip(width / 0.5, 2, 500)), dtype=np.float32)
    middle = np.stack([np.interp(along, run, path[:, i]) for i in (0, 1)])
    ahead = ndimage.gaussian_filter1d(np.gradient(middle, axis=1), width / 2, mode="nearest")
    ahead /= np.hypot(*ahead) + 1e-6
    half = width / 2 * (1 - 0.35 * smoothstep(0.5, 1, along / run[-1]))
    col = np.rint(middle[0] - across[:, None] * half * ahead[1]).astype(int)
    row = np.rint(middle[1] + across[:, None] * half * ahead[0]).astype(int)
    return along, across, col, row


class Painter:
    """A canvas with its wet paint and its relief, and the brush that works on it."""

    def __init__(self, rng, height, width):
        self.rng = rng
        self.shape = (height, width)
        grid = np.mgrid[0:DESIGN_HEIGHT, 0 : round(DESIGN_HEIGHT * width / height)] / DESIGN_HEIGHT
        self.direction, velocity = make_flow(rng, grid[1], grid[0])
        self.tone, self.warm = make_design(rng, grid[1], grid[0], velocity)
        edges = ndimage.gaussian_gradient_magnitude(self.tone, 3)
        self.interest = np.clip(edges / np.percentile(edges, 90) * 0.6 + self.tone * 0.6, 0, 1)
        ground = Image.fromarray(np.uint8(mix_paint(self.tone * 0.8, self.warm) * 255))
        self.paint = np.asarray(ground.resize((width, height)), np.float32).reshape(-1, 3) / 255
        self.relief = np.zeros(height * width, np.float32)
        fine, broad = (noise(rng, (512, 4096), (s, 26 * s)) for s in (1.3, 3.5))
        self.bristles = ((fine + 0.8 * broad) / 1.28).astype(np.float32)

    def look(self, field, x, y):
        """The value of a design field at a place given in picture heights."""
        row = min(max(int(y * DESIGN_HEIGHT), 0), field.shape[-2] - 1)
        col = min(max(int(x * DESIGN_HEIGHT), 0), field.shape[-1] - 1)
        return field[..., row, col]

    def trace(self, x, y, length, width, patience):
        """Follow the flow both ways from a point; stop where the design's tone changes too much."""
        tone, step = self.look(self.tone, x, y), width / 3
        halves = []
        for sign in (-1, 1):
            points, px, py = [], x, y
            for i in range(int(length / 2 / step)):
                u, v = self.look(self.direction, px, py)
                px, py = px + sign * u * step, py + sign * v * step
                if i > 2 and abs(self.look(self.tone, px, py) - tone) > patience:
                    break
                points.append((px, py))
            halves.append(points)
        return np.array([*halves[0][::-1], (x, y), *halves[1]])

    def stroke(self, x, y, layer):
        """Paint one stroke through a point."""
        rng = self.rng
        width = layer.width * rng.uniform(0.75, 1.25)
        path = self.trace(x, y, layer.length * rng.uniform(0.6, 1.3), width, layer.patience)
        if len(path) < 4:  # no room to move: a dab along the flow
            ahead = self.look(self.direction, x, y)
            path = np.array([x, y]) + np.linspace(-0.7, 0.7, 8)[:, None] * width * ahead
        tone, warm = self.look(self.tone, x, y), self.look(self.warm, x, y)
        broken = layer.broken * (1 - 0.6 * in_sun(x, y, 1.1))
        tone = tone + rng.normal(0, 0.08) * broken + layer.contrast * np.sign(0.5 - tone)
        warm = warm + rng.normal(0, 0.11) * broken
        if rng.random() < 0.04 * broken:  # an accent: the other side of the palette
            warm, tone = 1 - np.round(warm), tone + rng.normal(0.05, 0.1)
        first = mix_paint(np.array(tone), np.array(warm))
        second = mix_paint(np.array(tone + rng.normal(0.02, 0.10)), np.array(warm + rng.normal(0, 0.2)))
        self.drag(path * self.shape[0], width * self.shape[0], first, second, tone)

    def drag(self, path, width, first, second, tone):
        """Drag a brush with two paints along a path in pixels."""
        along, across, col, row = brush_places(path, width)
        grain = self.take_bristles(len(across), len(along))
        body = self.bristle_mask(grain, along, across, width)
        keep = (body > 0.03) & (row >= 0) & (row < self.shape[0]) & (col >= 0) & (col < self.shape[1])
        if not keep.any():
            return
        side = np.broadcast_to(across[:, None], keep.shape)[keep][:, None]
        at, body, grain = (row * self.shape[1] + col)[keep], body[keep][:, None], grain[keep][:, None]

        share = smoothstep(-1.3, 1.6, grain + 0.7 * side)
        colour = (first + (second - first) * share) * (1 + 0.07 * grain)
        below = self.paint[at]
        wet = 0.16 * self.rng.random()
        self.paint[at] = below + (colour * (1 - wet) + below.mean(0) * wet - below) * body
        ridge = np.exp(-(((np.abs(side) - 0.86) / 0.10) ** 2))
        thick = np.sqrt(width) * (0.55 + 0.6 * np.clip(tone, 0, 1))  # light paint is laid on thicker
        load = thick * (0.75 + 0.22 * grain + 0.28 * ridge)
        self.relief[at] += ((load - 0.55 * self.relief[at, None]) * body)[:, 0]

    def take_bristles(self, across, along):
        """A random piece of the sheet of bristle streaks."""
        top = self.rng.integers(self.bristles.shape[0] - across)
        left = self.rng.integers(self.bristles.shape[1] - along)
        return self.bristles[top : top + across, left : left + along]

    def bristle_mask(self, grain, along, across, width):
        """How much paint each bristle leaves: a rounded start, a ragged tail that runs dry."""
        length = along[-1]
        ends = grain[:, grain.shape[1] // 2][:, None]
        start = width * (0.45 * across[:, None] ** 2 + 0.05 * ends)
        finish = length - width * (0.35 * across[:, None] ** 2 + 0.35 * np.abs(ends))
        inside = smoothstep(0, 3, along - start) * smoothstep(0, 3, finish - along)
        dry = smoothstep(0.55, 1.0, along / length) * self.rng.uniform(0.2, 1.2)
        return (inside * smoothstep(-0.2, 0.35, 1.3 + grain * 0.7 - 2.2 * dry)).astype(np.float32)

    def pass_over(self, layer):
        """Cover the canvas with the strokes of one brush."""
        aspect = self.shape[1] / self.shape[0]
        count = int(layer.cover * aspect / (layer.width * layer.length))
        for x, y, chance in self.rng.random((count, 3)):
            x, y = x * aspect * 1.04 - 0.02, y * 1.04 - 0.02
            if chance < 1 - layer.detail * (1 - self.look(self.interest, x, y)):
                self.stroke(x, y, layer)

    def fill_gaps(self, layer):
        """Put strokes where no brush has been."""
        bare = np.flatnonzero(self.relief == 0)
        for at in self.rng.permutation(bare):
            if self.relief[at] == 0:
                self.stroke(at % self.shape[1] / self.shape[0], at // self.shape[1] / self.shape[0], layer)

    def light(self):
        """The picture under a lamp at the upper left: slopes facing it brighten, ridges glint."""
        relief = ndimage.gaussian_filter(self.relief.reshape(self.shape), 0.9)
        down, right = np.gradient(relief)
        slope = (down * 0.75 + right * 0.66) * 0.8
        shade = 1 + 0.48 * np.tanh(slope)
        glint = 0.20 * smoothstep(0.55, 1.6, slope)
        paint = self.paint.reshape(*self.shape, 3)
        return np.clip(paint * shade[..., None] + glint[..., None] * (0.35 + 0.65 * paint), 0, 1)


def flow(rng, shape):
    painter = Painter(rng, *shape)
    for layer in LAYERS:
        painter.pass_over(layer)
        if layer is LAYERS[1]:
            painter.fill_gaps(layer)
    return painter.light()


def draw(name, width, height, seed=1):
    paint = (flow if name == "flow" else PAINTINGS[name])(
        np.random.default_rng(seed), (height * SUPERSAMPLE, width * SUPERSAMPLE)
    )
    large = Image.fromarray(np.uint8(np.rint(np.clip(paint, 0, 1) * 255)))
    return large.resize((width, height), Image.Resampling.LANCZOS)


def save(image, path):
    """Save as JPEG at the best quality, up to 88, that stays small (PNG if so named)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix.lower() == ".png":
        image.save(path)
        return
    limit = MAX_BYTES * image.width * image.height / (1024 * 768)
    for quality in range(88, 50, -1):
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=quality, optimize=True, progressive=True)
        if buffer.tell() < limit:
            break
    path.write_bytes(buffer.getvalue())
    print(f"{path}: {image.width}x{image.height}, quality {quality}, {buffer.tell() / 1000:.0f} kB")


def size(text):
    width, height = (int(part) for part in text.lower().split("x"))
    return width, height


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("painting", nargs="?", choices=(*SIZES, "all"), default="flow", help="default: flow")
    parser.add_argument(
        "-o", "--output", type=Path, required=True, help="the file to write (.jpg or .png); with `all`, the folder"
    )
    parser.add_argument("--seed", type=int, default=1, help="another number, another painting (default: 1)")
    parser.add_argument(
        "--size",
        type=size,
        metavar="WxH",
        help="in pixels, best 4:3 (default: 1024x768 for flow, 704x528 for the others)",
    )
    args = parser.parse_args()
    for name in SIZES if args.painting == "all" else [args.painting]:
        path = args.output / f"{name}.jpg" if args.painting == "all" else args.output
        save(draw(name, *(args.size or SIZES[name]), args.seed), path)


if __name__ == "__main__":
    main()
