"""Five small paintings of our own making, each in another manner; `draw_painting.py` draws and saves them.

Each function takes a random generator and a shape (height, width) in pixels and returns [height, width, 3] in
[0, 1].  Places and lengths are in picture heights, from the upper left; every composition is 4:3.
"""

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from brushes import (
    blend,
    bricks,
    cloud,
    facets,
    gradient,
    lamp,
    places,
    ramp,
    seams,
    shapes,
    skyline,
    smoothstep,
    stamp,
    tree,
    turn_hue,
)

ASPECT = 4 / 3


# Dots: a bay at sunset in dabs of broken colour.


def bay(rng, shape):
    """The landscape: its colours, and the direction of the brush in it."""
    x, y = places(shape)
    sun = np.hypot(x - 0.86, y - 0.31)
    glow = np.exp(-sun / 0.28)
    sky = np.clip(1.25 * y + 0.9 * glow + 0.10 * cloud(rng, shape, 0.05, 0.35), 0, 1)
    colour = gradient(("#2c4a86", "#5878b0", "#9c90b8", "#d89498", "#eeaa68", "#f6cc6c", "#fbecb4"), sky)
    blend(colour, ramp(["#fff7cf"])[0], smoothstep(0.062, 0.052, sun))
    angle = np.arctan2(y - 0.31, x - 0.86) + np.pi / 2
    hills = 0.40 - 0.07 * np.exp(-(((x - 0.35) / 0.25) ** 2)) + 0.02 * skyline(rng, shape, 0.3)
    blend(colour, gradient(("#6c70a8", "#34487e"), (y - hills) / 0.1), smoothstep(0, 0.006, y - hills))
    shore = 0.455 + 0.006 * skyline(rng, shape, 0.5)
    for px, tall, wide in (
        (0.13, 0.2, 0.03),
        (0.21, 0.26, 0.034),
        (0.30, 0.17, 0.03),
        (1.17, 0.22, 0.032),
        (1.25, 0.28, 0.038),
    ):
        lumps = 0.2 * cloud(rng, shape, 0.03)
        poplar = ((x - px) / wide) ** 2 + ((y - shore + tall / 2) / (tall * 0.55)) ** 2 + lumps < 1
        colour[poplar] = gradient(("#123d4a", "#2f7a4a", "#b8a03c"), 0.5 + (x - px) / wide * 0.5)[poplar]
        angle[poplar] = np.pi / 2
    line = round(0.46 * shape[0])
    water = y > 0.46
    wave = 0.012 * cloud(rng, shape, 0.012, 0.15) * (0.5 + 4 * (y - 0.46))
    up = np.clip(line - (y - 0.46 + wave) * shape[0] * 1.35, 0, line - 1).astype(int)
    mirror = colour[up, np.arange(shape[1])] * 0.82 + ramp(["#12306e"])[0] * 0.16
    colour[water], angle[water] = mirror[water], 0
    glints = np.exp(-(((x - 0.86) / (0.03 + 0.25 * (y - 0.46))) ** 2)) * (cloud(rng, shape, 0.012, 0.08) > 0) * water
    blend(colour, ramp(["#ffd97a"])[0], 0.85 * glints)
    bank = 0.80 - 0.13 * np.exp(-((x / 0.45) ** 2)) + 0.06 * np.sin(3.4 * x) + 0.01 * skyline(rng, shape, 0.4)
    grass = gradient(("#0f3b4c", "#1f6b4a", "#64a03c", "#d8b83c"), 0.42 + 0.24 * cloud(rng, shape, 0.06, 0.12))
    blend(colour, grass, smoothstep(0, 0.006, y - bank))
    flowers = (cloud(rng, shape, 0.03) > 0.9) & (y > bank + 0.02)
    colour[flowers] = ramp(["#e2483a", "#f08aa4", "#f4e6c0"])[rng.integers(0, 3, shape)][flowers]
    angle = np.where(y > bank, -1.2 + 0.5 * cloud(rng, shape, 0.1), angle)
    trunk = np.abs(x - 0.20 - 0.03 * np.sin(9 * y)) < 0.014 + 0.02 * np.maximum(y - 0.7, 0)
    colour[trunk & (y > 0.3) & (y < 0.84)] = ramp(["#3a1f4a"])[0]
    crown = np.hypot((x - 0.2) / 1.25, y - 0.24) + 0.035 * cloud(rng, shape, 0.07) < 0.19
    leaves = gradient(
        ("#10294f", "#1d5a58", "#4f9440", "#e0a83a", "#ffe07a"), 0.42 + 0.9 * (x - 0.2) + 0.2 * cloud(rng, shape, 0.05)
    )
    colour[crown], angle[crown] = leaves[crown], (0.8 + cloud(rng, shape, 0.15))[crown]
    return colour, angle


def dots(rng, shape):
    colour, direction = bay(rng, (396, 528))
    paint = (
        np.broadcast_to(ramp(["#cdb58c"])[0], (*shape, 3))
        * (0.9 + 0.06 * cloud(rng, shape, 0.004, octaves=1))[..., None]
    )
    relief = np.zeros(shape)
    for radius, spread in ((0.0125, 0.5), (0.0088, 0.8), (0.0064, 1.0), (0.0047, 1.7)):
        step = radius * 1.45 * np.sqrt(spread + 0.5)
        lattice = np.mgrid[0 : ASPECT + step : step, 0 : 1 + step : step].reshape(2, -1).T
        at = rng.permutation(lattice + rng.uniform(-0.6, 0.6, lattice.shape) * step)
        row = np.clip(at[:, 1] * 396, 0, 395).astype(int)
        column = np.clip(at[:, 0] * 396, 0, 527).astype(int)
        local, count = colour[row, column], len(at)
        opposite = rng.random(count) < 0.10
        turn = rng.normal(0, 0.38, count) + np.pi * opposite
        light = rng.normal(1.05, 0.13, count)[:, None]
        colours = np.clip(turn_hue(local * light, turn, 1.36 - 0.2 * opposite), 0.03, 1)
        angle = direction[row, column] + rng.normal(0, 0.25, count)
        stamp(rng, paint, relief, at * shape[0], radius * shape[0], 1.35, angle, colours)
    return lamp(paint, ndimage.gaussian_filter(relief, 1), 0.55)


# Shards: sails in a harbour, cut into facets.

HARBOUR = (
    ("#e0b25c", [(0, 0), (0.5, 0), (0.38, 0.62), (0, 0.62)]),
    ("#7fa8b4", [(0.5, 0), (0.95, 0), (0.9, 0.62), (0.38, 0.62)]),
    ("#3e6c94", [(0.95, 0), (1.34, 0), (1.34, 0.62), (0.9, 0.62)]),
    ("#f6e3a4", [(1.13 + 0.12 * np.cos(a), 0.17 + 0.12 * np.sin(a)) for a in np.linspace(0, 6.2, 14)]),
    ("#8c4a34", [(0, 0.30), (0.08, 0.22), (0.16, 0.31), (0.16, 0.64), (0, 0.64)]),
    ("#c4703c", [(0.16, 0.40), (0.23, 0.33), (0.29, 0.41), (0.29, 0.64), (0.16, 0.64)]),
    ("#5c3c50", [(1.08, 0.46), (1.17, 0.37), (1.25, 0.45), (1.34, 0.38), (1.34, 0.64), (1.08, 0.64)]),
    ("#1f6470", [(0, 0.62), (1.34, 0.60), (1.34, 0.80), (0, 0.83)]),
    ("#16365c", [(0, 0.83), (1.34, 0.80), (1.34, 1), (0, 1)]),
    ("#f3ead0", [(0.58, 0.04), (0.60, 0.68), (0.27, 0.70)]),
    ("#cf3f2a", [(0.61, 0.09), (0.90, 0.64), (0.62, 0.68)]),
    ("#3a1c22", [(0.25, 0.71), (0.93, 0.67), (0.82, 0.79), (0.36, 0.81)]),
    ("#f0b840", [(1.03, 0.24), (1.04, 0.66), (0.86, 0.68)]),
    ("#d8e0d4", [(1.055, 0.28), (1.20, 0.64), (1.06, 0.66)]),
    ("#241c34", [(0.88, 0.685), (1.22, 0.665), (1.16, 0.73), (0.94, 0.74)]),
    ("#e8cf9c", [(0.36, 0.82), (0.60, 0.81), (0.52, 0.98)]),
    ("#b8452e", [(0.62, 0.81), (0.82, 0.80), (0.70, 0.95)]),
)


def shards(rng, shape):
    x, y = places(shape)
    colours = ramp([name for name, _ in HARBOUR])
    regions = shapes(shape, [points for _, points in HARBOUR])
    numbers = np.zeros(x.size, int)
    paint, relief = np.zeros((x.size, 3)), np.zeros(x.size)
    sheet = cloud(rng, (1024, 1024), 0.007, 0.07, 2) + 0.6 * cloud(rng, (1024, 1024), 0.025, 0.09, 2)
    for number, piece in enumerate(facets(rng, x, y, regions, x.size / 620)):
        numbers[piece] = number
        px, py, angle = x.flat[piece], y.flat[piece], rng.uniform(0, np.pi)
        own = colours[max(regions.flat[piece[0]] - 1, 0)]
        if rng.random() < 0.22:  # a colour from elsewhere in the picture
            own = 0.45 * own + 0.55 * colours[rng.integers(len(colours))]
        own = turn_hue(own[None], rng.normal(0, 0.16, 1), 1.15)[0]
        slope = px * np.cos(angle) + py * np.sin(angle)
        slope = (slope - slope.mean()) / (np.ptp(slope) + 1e-6) * 2
        u, v = (
            (px * np.cos(angle + 1.3) + py * np.sin(angle + 1.3)),
            (py * np.cos(angle + 1.3) - px * np.sin(angle + 1.3)),
        )
        top, left = rng.integers(0, 1024, 2)
        brush = sheet[(v * 1024 + top).astype(int) % 1024, (u * 1024 + left).astype(int) % 1024]
        relief[piece] = brush
        dark, light = own * 0.42 + ramp(["#0c1430"])[0] * 0.2, own * 0.62 + ramp(["#fff2d0"])[0] * 0.42
        tone = np.clip(0.48 + 0.62 * slope + 0.11 * brush + rng.normal(0, 0.10), 0, 1)[:, None]
        paint[piece] = np.where(tone < 0.5, dark + (own - dark) * 2 * tone, own + (light - own) * (2 * tone - 1))
    paint, numbers = paint.reshape(*shape, 3), numbers.reshape(shape)
    for _ in range(9):  # rays of light and shadow that cross the facets
        angle, sign = rng.choice([0.2, 0.6, 2.5, 2.9]) + rng.normal(0, 0.1), rng.choice([-1, 1])
        far = (x - rng.uniform(0.1, 1.25)) * np.cos(angle) + (y - rng.uniform(0.2, 0.8)) * np.sin(angle)
        paint *= 1 + sign * 0.20 * (np.exp(-far / 0.11) * (far > 0))[..., None]
    far = seams(numbers)
    firm = cloud(rng, shape, 0.08, octaves=2)
    outline = smoothstep(0.0026 + 0.0014 * firm, 0.0004, far)
    blend(paint, ramp(["#151226"])[0], 0.9 * outline * smoothstep(-0.7, 0.5, firm))
    relief = relief.reshape(shape) + 0.35 * cloud(rng, shape, 0.0035, octaves=1)
    return lamp(1.04 * paint, ndimage.gaussian_filter(relief, 1), 0.45)


# Woodcut: a pine above the sea, carved into a key block over three flat colours.


def carve(rng, shape):
    """The light (0: solid ink, 1: bare), the phase of the gouge, and the colour block of every place."""
    x, y = places(shape)
    sun = np.hypot(x - 0.93, y - 0.27)
    wander = cloud(rng, shape, 0.25)
    tone = 0.62 + 0.18 * cloud(rng, shape, 0.05, 0.4) + 0.35 * np.exp(-sun / 0.2) - 0.5 * smoothstep(0.25, 0, y)
    phase = (sun + 0.012 * wander) / 0.0175
    block = np.where(sun < 0.30 + 0.01 * wander, 2, 1)
    disc = sun < 0.135
    tone[disc], block[disc] = 1.1, 3
    for base, high, size, step in ((0.50, 0.13, 0.24, 0.014), (0.60, 0.12, 0.17, 0.0165)):
        height = skyline(rng, shape, size, 4)
        top = base - high * np.abs(height) + 0.04 * np.sin(5 * x + base * 20)
        inside = y > top
        fold = cloud(rng, shape, 0.16, 0.06, 3) + 0.9 * np.tanh(ndimage.gaussian_filter(np.gradient(top[0]), 12) * 4)
        slant = np.where(fold > 0, 1.0, -1.0)
        tone[inside] = (0.36 + 0.36 * np.tanh(2 * fold) + 0.25 * smoothstep(0.012, 0.002, y - top))[inside]
        phase[inside] = ((x * slant + 0.75 * y + 0.012 * wander) / step)[inside]
        block[inside] = 4 if base < 0.55 else 5
    sea = y > 0.62 + 0.006 * np.sin(20 * x)
    depth = np.clip((y - 0.60) / 0.4, 0.02, 1)
    swell = np.sin(9 / (depth + 0.22) + 0.8 * cloud(rng, shape, 0.10, 0.35, 2) + 3 * x)
    tone[sea] = (0.42 + 0.42 * swell + 0.18 * np.exp(-(((x - 0.93) / 0.14) ** 2)))[sea]
    phase[sea] = (50 * np.log(0.011 + 0.008 * depth) + 0.5 * swell + 0.25 * cloud(rng, shape, 0.05, 0.2))[sea]
    block[sea] = np.where(swell > 0.75, 1, 4)[sea]
    rock = y > 0.99 - 0.42 * np.exp(-((x / 0.42) ** 2)) + 0.025 * np.abs(cloud(rng, shape, 0.1)) - 0.10 * np.exp(
        -(((x - 1.36) / 0.2) ** 2)
    )
    crack = cloud(rng, shape, 0.09, 0.06, 3)
    tone[rock] = (0.22 + 0.34 * np.tanh(1.5 * crack))[rock]
    phase[rock] = ((0.9 * x * np.sign(crack) + y + 0.008 * crack) / 0.0165)[rock]
    block[rock] = 5
    return tone, phase, block


def woodcut(rng, shape):
    x, y = places(shape)
    tone, phase, block = carve(rng, shape)
    trunk, ends = tree(rng, shape, (0.15, 0.84), -1.25, 0.24, 0.062, 4)
    trunk &= (y < 0.6) | (x < 0.25)
    bark = ndimage.distance_transform_edt(trunk) / shape[0]
    tone[trunk], phase[trunk], block[trunk] = (0.5 - 18 * bark + 0.2)[trunk], (bark / 0.012 + 25 * y + 3 * x)[trunk], 5
    for ex, ey in ends[ends[:, 1] < 0.6]:  # pads of needles, each a fan of cuts
        wide, tall = rng.uniform(0.045, 0.085), rng.uniform(0.022, 0.034)
        turn = np.arctan2(y - ey - 2.2 * tall, x - ex)
        rim = 1 + 0.13 * np.sin(26 * turn) + 0.1 * np.sin(7 * turn + ex * 60)
        far = np.hypot((x - ex) / wide, (y - ey) / tall) / rim
        pad = far < 1
        tone[pad] = (0.05 + 0.62 * (far < 0.9) * smoothstep(0.5, -0.9, (y - ey) / tall))[pad]
        phase[pad], block[pad] = (turn * 11.0)[pad], 6
    broken = cloud(rng, shape, 0.05, octaves=3)  # the gouge lifts now and then
    wave = np.abs((phase % 1) * 2 - 1)
    wobble = 0.05 * cloud(rng, shape, 0.006, octaves=2)
    ink = smoothstep(-0.06, 0.06, wave - tone - 0.09 - 0.13 * broken + wobble)
    chatter = cloud(rng, shape, 0.010, 0.03, 2) > 2.4  # ridges the gouge left standing
    ink = np.maximum(ink, chatter & (tone > 0.8))
    paper = 1 + 0.02 * cloud(rng, shape, 0.004, 0.02, 2)
    paint = ramp(["#f1e4c6"])[0] * paper[..., None]
    blocks = ramp(["#f1e4c6", "#f1e4c6", "#f0b64e", "#d8402b", "#3f8f8c", "#c98a3e", "#2f6b4c"])
    grain = smoothstep(2.2, 1.2, cloud(rng, shape, 0.003, 0.06, 2) + 0.6 * cloud(rng, shape, 0.004, octaves=2))
    shifted = np.pad(block, ((3, 0), (0, 4)), "edge")[:-3, 4:]  # the colour blocks are a little out of register
    paint += (blocks[shifted] * paper[..., None] - paint) * (0.35 + 0.6 * grain)[..., None]
    worn = smoothstep(2.6, 1.6, cloud(rng, shape, 0.003, octaves=2) + 0.5 * cloud(rng, shape, 0.2))
    blend(paint, ramp(["#171a2b"])[0], ink * (0.25 + 0.72 * worn))
    return paint


# Wash: flowers in watercolour and pen.


SPARE = 400  # pixels


class Paper:
    """Wet paper: what its washes absorb of red, green and blue, and its grain."""

    def __init__(self, rng, shape):
        self.rng, self.shape = rng, shape
        self.x, self.y = places(shape)
        self.grain = cloud(rng, shape, 0.007, octaves=3)
        spare = shape[0] + SPARE, shape[1] + SPARE  # every wash takes its own part of these sheets
        self.lumps, self.pools = cloud(rng, spare, 0.10, octaves=5), cloud(rng, spare, 0.16, octaves=3)
        self.absorbed = np.zeros((*shape, 3))
        self.pen = np.zeros(shape)

    def wash(
        self, name, cx, cy, long, short, angle, strength=1.0, wet=0.0, pen=0.0, ragged=0.12, point=False, lift=0.0
    ):
        """One wash of a colour: an oval, or a leaf with a point; the wetter, the softer its edge.

        `lift` is the share of the older washes that is kept away, as masking fluid does.
        """
        reach, (height, width) = max(long, short) * 1.5 + 0.01, self.shape
        top, bottom = np.clip([(cy - reach) * height, (cy + reach) * height], 0, height).astype(int)
        left, right = np.clip([(cx - reach) * height, (cx + reach) * height], 0, width).astype(int)
        if top == bottom or left == right:
            return
        box, (c, s) = np.s_[top:bottom, left:right], (np.cos(angle), np.sin(angle))
        down, across = self.rng.integers(0, SPARE, 2)
        there = np.s_[top + down : bottom + down, left + across : right + across]
        dx, dy, lumps = self.x[box] - cx, self.y[box] - cy, self.lumps[there]
        u, v = (dx * c + dy * s) / long, (dy * c - dx * s) / short
        v = v + 0.25 * u * u
        far = u**2 + np.abs(v) if point else np.hypot(u, v)
        inside = (1 - far + ragged * lumps) * min(long, short)
        edge = 0.003 + 0.08 * wet
        body = smoothstep(0, edge, inside)
        rim = np.exp(-(((inside - 0.0025) / 0.003) ** 2)) * (1 - min(wet * 3, 1))
        flow = 0.55 + 0.22 * self.pools[there] - 0.35 * u + 0.06 * self.grain[box]
        density = strength * body * (np.maximum(flow, 0.10) + 0.6 * rim)
        self.absorbed[box] *= 1 - lift * body[..., None]
        self.pen[box] *= 1 - lift * body
        self.absorbed[box] -= density[..., None] * np.log(ramp([name])[0] * 0.97 + 0.01)
        if pen:
            line = np.exp(-(((inside - 0.003 * lumps) / 0.0015) ** 2)) * smoothstep(-0.6, 0.5, lumps + pen - 0.6)
            self.pen[box] = np.maximum(self.pen[box], line)

    def bloom(self, cx, cy, size):
        """A backrun: clean water pushes the pigment out to a crinkled rim."""
        lumps = self.lumps[: self.shape[0], : self.shape[1]]
        far = np.hypot(self.x - cx, self.y - cy) / size + 0.16 * lumps + 0.05 * self.grain
        self.absorbed *= (1 - 0.45 * smoothstep(1, 0.6, far) + 0.5 * np.exp(-(((far - 1.02) / 0.06) ** 2)))[..., None]

    def leaves(self, cx, cy, size):
        """Leaves that stand out from behind a flower."""
        rng, start = self.rng, self.rng.uniform(0, 6)
        for i in range(9):
            angle, long = start + 0.7 * i + rng.normal(0, 0.15), size * rng.uniform(0.55, 0.95)
            away = size * 0.55 + long
            name = rng.choice(["#3c8c3c", "#78a828", "#1c6c5c", "#2c6488", "#a0982c"])
            place = cx + away * np.cos(angle), cy + away * np.sin(angle), long, long * rng.uniform(0.3, 0.5), angle
            self.wash(name, *place, rng.uniform(0.9, 1.4), pen=0.9, point=True, lift=0.75)
            self.wash("#1c4c3c", *place[:2], long * 0.9, 0.004, angle, 0.5, ragged=0.03)

    def flower(self, cx, cy, size, names, petals):
        rng, start = self.rng, self.rng.uniform(0, 6)
        for ring, count in ((1.0, petals), (0.62, petals - 1)):
            for i in rng.permutation(count):
                angle = start + (i + ring) * 2 * np.pi / count + rng.normal(0, 0.12)
                long, away = ring * size * rng.uniform(0.42, 0.58), ring * size * rng.uniform(0.5, 0.62)
                place, broad = (cx + away * np.cos(angle), cy + 0.85 * away * np.sin(angle)), rng.uniform(0.6, 0.85)
                self.wash(
                    rng.choice(names), *place, long, long * broad, angle, rng.uniform(0.8, 1.4), pen=1.0, lift=0.92
                )
                near = cx + 0.4 * ring * size * np.cos(angle), cy + 0.34 * ring * size * np.sin(angle)
                for vein in (-0.3, 0, 0.3):
                    self.wash(names[-1], *near, long * 0.6, long * 0.05, angle + vein, 0.8, ragged=0.05)
        self.wash("#4a2a3c", cx, cy, size * 0.15, size * 0.13, 0, 1.3, pen=0.8, lift=0.8)
        for _ in range(26):
            angle, away = rng.uniform(0, 6.3), size * rng.uniform(0.12, 0.27)
            self.wash("#3a2410", cx + away * np.cos(angle), cy + away * np.sin(angle), 0.006, 0.003, angle, 1.2)


BLOSSOMS = (
    (0.42, 0.34, 0.21, ("#e8452c", "#f0642c", "#c01c3c"), 6),
    (0.88, 0.27, 0.17, ("#5a58c8", "#8a5cc8", "#2c2c98"), 6),
    (0.70, 0.60, 0.20, ("#f6b420", "#f89a1c", "#e0501c"), 8),
    (0.20, 0.66, 0.14, ("#d8348c", "#f070a8", "#98206c"), 6),
    (1.12, 0.58, 0.15, ("#f06a50", "#f4508c", "#c01c3c"), 7),
    (0.14, 0.20, 0.12, ("#2c80c8", "#5c9ce0", "#20409c"), 6),
    (1.20, 0.13, 0.11, ("#f6c83c", "#f0a03c", "#d0601c"), 6),
    (0.46, 0.82, 0.13, ("#7a4cb8", "#b060c0", "#4c2488"), 7),
    (0.96, 0.85, 0.12, ("#e8452c", "#f08a3c", "#b0182c"), 6),
)


def wash(rng, shape):
    paper = Paper(rng, shape)
    for name, count in (("#7cc0d8", 7), ("#a8c860", 7), ("#b8a0d8", 5), ("#f4d080", 4), ("#4c98a8", 5)):
        for cx, cy in rng.uniform((0, 0), (ASPECT, 1), (count, 2)):
            paper.wash(
                name,
                cx,
                cy,
                rng.uniform(0.2, 0.4),
                rng.uniform(0.12, 0.25),
                rng.uniform(0, 3),
                0.75,
                wet=0.6,
                ragged=0.3,
            )
    for cx, cy, size in rng.uniform((0, 0, 0.06), (ASPECT, 1, 0.13), (7, 3)):
        paper.bloom(cx, cy, size)
    for cx, cy, size, _, _ in BLOSSOMS:
        paper.leaves(cx, cy, size)
    for blossom in BLOSSOMS:
        paper.flower(*blossom)
    for cx, cy in rng.uniform((0, 0.1), (ASPECT, 0.9), (14, 2)):  # drips
        long = rng.uniform(0.05, 0.16)
        paper.wash(
            rng.choice(["#2c5c78", "#c01c3c", "#4c2488", "#1c6c5c"]),
            cx,
            cy + long,
            long,
            0.004,
            np.pi / 2,
            0.5,
            ragged=0.02,
        )
    for cx, cy in rng.uniform((0, 0), (ASPECT, 1), (170, 2)):  # spatter
        size = 0.0015 + 0.004 * rng.random() ** 3
        paper.wash(rng.choice(["#1c4c6c", "#c0244c", "#e88a1c", "#3c7c2c"]), cx, cy, size, size, 0, 1.0)
    sunk = 1 + 0.11 * np.maximum(paper.grain, -1.5) + 0.02 * rng.standard_normal(shape)  # pigment settles in the grain
    paint = ramp(["#f8f2e2"])[0] * np.exp(-paper.absorbed * sunk[..., None])
    blend(paint, ramp(["#2a1c2c"])[0], 0.6 * paper.pen)
    return lamp(paint, ndimage.gaussian_filter(paper.grain, 1), 0.10)


# Glass: a tree before the sun, in leaded glass.


POPPIES = (
    (0.58, 0.90, 0.13, 6, ("#3c1c3c", "#f0542c", "#d81c28")),
    (0.95, 0.86, 0.15, 7, ("#4c1c2c", "#f8b028", "#f07820")),
    (1.22, 0.72, 0.12, 6, ("#3c1c3c", "#f46ca0", "#c0246c")),
    (1.20, 0.97, 0.11, 6, ("#f8d03c", "#a080e0", "#6038b0")),
    (0.06, 0.74, 0.11, 7, ("#f8d03c", "#70a8f0", "#3858c8")),
    (0.42, 1.00, 0.09, 5, ("#3c1c3c", "#f8c040", "#e89020")),
)


def window(rng, shape):
    """The number and the colour of the piece of glass at every place."""
    x, y = places(shape)
    bend = cloud(rng, shape, 0.5, octaves=1)
    sun, angle = np.hypot(x - 0.80, y - 0.36), np.arctan2(y - 0.36, x - 0.80)
    ring = (sun / 0.085) ** 0.9 + 0.12 * bend - 0.35
    piece = bricks(rng, (angle + 0.10 * bend + np.pi) * 2.2 * np.maximum(np.floor(ring) + 0.5, 0), ring, 0)
    t = np.clip(sun / 0.85 + 0.05 * bend, 0, 1)
    colour = gradient(("#fffbe0", "#ffe27a", "#ffb83c", "#f47c3c", "#c8549c", "#6a58c8", "#2a64c0", "#1c3c98"), t)
    hills = ((0.56, 0.07, "#2c8c8c", "#175c78"), (0.66, 0.06, "#4ca850", "#1c6c4c"), (0.90, 0.05, "#a8b830", "#3c7c28"))
    for i, (base, high, light, dark) in enumerate(hills):
        top = base + high * np.sin(4.2 * x + 2.4 * i) + 0.02 * bend
        inside = y > top
        piece[inside] = bricks(
            rng, x / 0.24 + 4 * y * np.sin(3 * x + i), (y - top) / 0.05 + 0.9 * np.sin(2.6 * x + 2 * i), 10**6 * (i + 1)
        )[inside]
        colour[inside] = gradient((light, dark), (y - top) / 0.22)[inside]
        if i == 1:  # the river lies before the second hill
            river = np.abs(x - 0.72 - 0.16 * np.sin(9 * y)) < 0.03 + 0.75 * np.maximum(y - 0.66, 0)
            river &= inside
            piece[river] = bricks(rng, x / 0.16 + bend, y / 0.03 + 0.5 * np.sin(7 * x), 9 * 10**6)[river]
            colour[river] = gradient(("#ffd070", "#58b8d8", "#1c5cb0"), (y - 0.68) / 0.2)[river]
    trunk, _ = tree(rng, shape, (0.27, 1.02), -1.5, 0.34, 0.085, 2)
    piece[trunk] = bricks(rng, x / 0.05, y / 0.11 + 0.6 * x, 2 * 10**7)[trunk]
    colour[trunk] = gradient(("#7a3c1c", "#3c1c24"), (x + bend * 0.05 - 0.1) / 0.3)[trunk]
    turn, away = rng.uniform(0, 2 * np.pi, 210), rng.random(210) ** 0.6
    leaves = np.stack([0.30 + 0.31 * away * np.cos(turn), 0.26 + 0.23 * away * np.sin(turn)], -1)
    place = np.stack([x, y], -1) + 0.006 * np.stack([bend, cloud(rng, shape, 0.05)], -1)
    far, nearest = cKDTree(leaves).query(place, distance_upper_bound=0.032)
    inside = np.isfinite(far)
    tints = ramp(["#d8261c", "#f06418", "#f8a01c", "#fcd03c", "#a81c3c", "#7c9c1c"])[
        rng.integers(0, 6, len(leaves) + 1)
    ]
    piece[inside], colour[inside] = 3 * 10**7 + nearest[inside], tints[nearest[inside]]
    for i, (cx, cy, size, petals, names) in enumerate(POPPIES):
        turn, far = np.arctan2(y - cy, x - cx) + np.pi + 0.08 * bend, np.hypot(x - cx, (y - cy) * 1.15) / size
        inside = far < 0.86 + 0.14 * np.abs(np.sin(turn * petals / 2))
        course = np.digitize(far, (0.24, 0.58))
        part = np.floor((turn + 0.5 * (course == 1)) * petals / (2 * np.pi)).astype(int) % petals * (course > 0)
        piece[inside] = (4 * 10**7 + 1000 * i + 100 * course + part)[inside]
        colour[inside] = ramp(names)[course[inside]]
    return piece, colour


def glass(rng, shape):
    piece, design = window(rng, shape)
    _, piece = np.unique(piece, return_inverse=True)
    piece = piece.reshape(shape)
    far, count = seams(piece), piece.max() + 1
    size = np.bincount(piece.ravel())
    colour = np.stack([np.bincount(piece.ravel(), design[..., i].ravel()) / size for i in range(3)], -1)
    colour = turn_hue(colour * rng.normal(1, 0.13, (count, 1)), rng.normal(0, 0.14, count), 1.25)
    turn = rng.uniform(0, np.pi, count)[piece]  # every piece is cut from its own sheet, streaked its own way
    x, y = places(shape)
    u, v = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    sheet = cloud(rng, (1024, 1024), 0.035, 0.3, 4)
    shift = rng.integers(0, 1024, (2, count))[:, piece]
    streak = sheet[(v * 1024 + shift[0]).astype(int) % 1024, (u * 1024 + shift[1]).astype(int) % 1024]
    paint = colour[piece] * (0.95 + 0.17 * streak)[..., None]
    blend(paint, ramp(["#fff6dc"])[0], 0.30 * smoothstep(0.4, 2.0, streak + 0.5 * cloud(rng, shape, 0.3)))
    paint *= (0.62 + 0.48 * smoothstep(0.002, 0.022, far))[..., None]  # paint and dirt gather along the lead
    seeds = ndimage.gaussian_filter((rng.random(shape) < 0.0006) * 1.0, 1.6) * 12
    paint *= (1 + 0.3 * (seeds - np.roll(seeds, (2, 2), (0, 1))))[..., None]
    ripple = cloud(rng, shape, 0.018, octaves=3)
    paint = lamp(paint, 2.2 * ripple, 0.5)
    width = 0.0038 + 0.0007 * cloud(rng, shape, 0.06, octaves=1)
    rounded = np.sqrt(np.clip(1 - (far / width) ** 2, 0, 1)) * 5
    lead = lamp(np.broadcast_to(ramp(["#211f26"])[0], paint.shape), rounded + 0.3 * ripple, 0.6)
    blend(paint, lead, smoothstep(width + 0.0006, width - 0.0006, far))
    return paint


PAINTINGS = {"dots": dots, "shards": shards, "woodcut": woodcut, "wash": wash, "glass": glass}
