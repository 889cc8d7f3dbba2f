"""Render the sample photo of the studio: a lighthouse on its rock in the evening. Nothing in it is a photograph.

A ray goes through every pixel and walks along a field of distances until it meets rock, house, tower or sea. What it
meets is lit by a low sun with soft shadows, by the sky, and seen through some haze; clouds and waves are sums of
noise. The same seed gives the same picture.

    draw_photo.py -o src/impasto/studio/page/lighthouse.jpg
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

SIZE = (768, 512)
STEPS, FAR = 150, 160.0
SUN = np.array([-0.62, 0.30, 0.46])
SUN /= np.linalg.norm(SUN)
SUN_LIGHT, SKY_LIGHT = np.array([1.75, 1.22, 0.74]), np.array([0.34, 0.44, 0.62])
EYE, TARGET, LENS = np.array([0.0, 2.6, -17.0]), np.array([0.6, 4.9, 4.0]), 2.6


def value_noise(x: np.ndarray, z: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Smooth noise from 0 to 1 on a plane, from a table of random values."""
    size = len(table)
    column, row = np.floor(x).astype(int), np.floor(z).astype(int)
    u, v = x - column, z - row
    u, v = u * u * (3 - 2 * u), v * v * (3 - 2 * v)
    at = [[table[(row + dy) % size, (column + dx) % size] for dx in (0, 1)] for dy in (0, 1)]
    return (at[0][0] * (1 - u) + at[0][1] * u) * (1 - v) + (at[1][0] * (1 - u) + at[1][1] * u) * v


def layers_of_noise(x: np.ndarray, z: np.ndarray, table: np.ndarray, octaves: int) -> np.ndarray:
    total, weight = np.zeros_like(x), 0.5
    for octave in range(octaves):
        total += weight * value_noise(x + 17.3 * octave, z - 9.1 * octave, table)
        x, z, weight = 2.03 * x + 0.31 * z, 2.03 * z - 0.31 * x, weight / 2
    return total


class Scene:
    """Distances to what there is. Parts: 0 rock, 1 tower, 2 lantern, 3 wall, 4 roof, 5 bush."""

    def __init__(self, seed: int) -> None:
        self.table = np.random.default_rng(seed).random((64, 64))

    def ground(self, x: np.ndarray, z: np.ndarray, octaves: int = 4) -> np.ndarray:
        """Height of the island over the sea."""
        hill = 3.4 * np.exp(-(((x - 2.2) / 5.2) ** 2) - ((z - 4.0) / 4.6) ** 2)
        cape = 1.5 * np.exp(-(((x + 4.5) / 4.0) ** 2) - ((z - 5.5) / 3.0) ** 2)
        rough = layers_of_noise(0.55 * x, 0.55 * z, self.table, octaves) - 0.45
        return hill + cape + 1.5 * rough * np.clip(0.25 + 0.3 * (hill + cape), 0, 1) - 0.62

    def parts(self, p: np.ndarray, octaves: int = 4) -> list[np.ndarray]:
        x, y, z = p[..., 0], p[..., 1], p[..., 2]
        rock = 0.55 * (y - self.ground(x, z, octaves))
        around = np.hypot(x - 2.4, z - 4.2)
        up = y - 2.3
        radius = 0.98 - 0.062 * up
        tower = np.maximum(around - radius, np.abs(up - 3.1) - 3.4) * 0.95
        gallery = np.maximum(around - 0.98, np.abs(up - 6.45) - 0.10)
        lantern = np.maximum(around - 0.46, np.abs(up - 7.0) - 0.55)
        cap = np.maximum((around - 0.75 + 0.95 * (up - 7.5)) * 0.7, 7.5 - up)
        hx, hy, hz = x + 1.0, y - 1.5, z - 3.6
        wall = np.maximum(np.maximum(np.abs(hx) - 1.5, np.abs(hz) - 1.0), np.abs(hy - 0.3) - 1.3)
        wall = np.minimum(
            wall, np.maximum(np.maximum(np.abs(hx) - 1.45, (np.abs(hz) + 1.1 * (hy - 2.45)) * 0.67), 1.2 - hy)
        )
        roof = np.maximum(
            np.abs((np.abs(hz) + 1.1 * (hy - 2.72)) * 0.67) - 0.07, np.maximum(np.abs(hx) - 1.75, 1.25 - hy)
        )
        chimney = np.maximum(np.maximum(np.abs(hx - 0.8) - 0.2, np.abs(hz - 0.15) - 0.2), np.abs(hy - 2.6) - 0.65)
        bushes = np.full_like(x, FAR)
        for bx, by, bz, size in (
            (-3.2, 1.55, 3.3, 0.62),
            (-3.9, 1.3, 3.9, 0.5),
            (0.95, 2.25, 2.6, 0.42),
            (4.3, 2.1, 3.6, 0.6),
            (4.95, 1.75, 3.9, 0.45),
        ):
            bumps = 0.10 * np.sin(9 * x + by) * np.sin(8 * y) * np.sin(9 * z)
            bushes = np.minimum(bushes, (np.sqrt((x - bx) ** 2 + (y - by) ** 2 + (z - bz) ** 2) - size + bumps) * 0.8)
        return [
            rock,
            tower,
            np.minimum(lantern, FAR),
            np.minimum(wall, chimney),
            np.minimum(np.minimum(roof, cap), gallery),
            bushes,
        ]

    def distance(self, p: np.ndarray) -> np.ndarray:
        return np.minimum.reduce(self.parts(p))

    def normal(self, p: np.ndarray) -> np.ndarray:
        step = 0.004
        sides = []
        for axis in np.eye(3):
            ahead, behind = (np.minimum.reduce(self.parts(p + way * step * axis, 6)) for way in (1, -1))
            sides.append(ahead - behind)
        gradient = np.stack(sides, -1)
        return gradient / np.maximum(np.linalg.norm(gradient, axis=-1, keepdims=True), 1e-9)

    def shadow(self, p: np.ndarray) -> np.ndarray:
        """Share of the sun that is seen from each point."""
        seen, along = np.ones(len(p)), np.full(len(p), 0.06)
        for _ in range(40):
            near = self.distance(p + along[:, None] * SUN)
            seen = np.minimum(seen, np.clip(14 * near / along, 0, 1))
            along += np.clip(near, 0.05, 0.6)
        return seen

    def openness(self, p: np.ndarray, normal: np.ndarray) -> np.ndarray:
        hidden = sum(
            (0.5**k) * (h - np.minimum(self.distance(p + h * normal), h)) / h for k, h in enumerate((0.12, 0.3, 0.7))
        )
        return np.clip(1 - 0.62 * hidden, 0, 1)

    def sky(self, ray: np.ndarray) -> np.ndarray:
        """Colours of the sky: warm below, blue above, with two banks of clouds lit from the sun."""
        up = np.clip(ray[:, 1], 0, 1)
        low, middle, high = np.array([1.02, 0.74, 0.50]), np.array([0.66, 0.70, 0.76]), np.array([0.17, 0.33, 0.60])
        a, b = np.clip(up / 0.16, 0, 1)[:, None], np.clip((up - 0.10) / 0.5, 0, 1)[:, None]
        colour = (low * (1 - a) + middle * a) * (1 - b) + high * b
        towards = np.clip(ray @ SUN, 0, 1)[:, None]
        colour = (
            colour + 0.55 * towards**6 * np.array([1.0, 0.55, 0.25]) + 1.6 * towards**220 * np.array([1.0, 0.85, 0.6])
        )
        x, z = ray[:, 0] / (up + 0.09), ray[:, 2] / (up + 0.09)
        thick = layers_of_noise(0.85 * x + 3.0, 1.25 * z + 1.0, self.table, 6)
        lit = layers_of_noise(0.85 * x + 3.0 - 0.12, 1.25 * z + 1.0 + 0.10, self.table, 5)
        cover = np.clip((thick - 0.44) / 0.22, 0, 1)[:, None] * np.clip(up / 0.05, 0, 1)[:, None]
        bright = np.clip(0.62 + 3.2 * (thick - lit), 0.25, 1.15)[:, None]
        cloud = bright * np.array([1.08, 0.93, 0.82]) + (1 - bright) * np.array([0.42, 0.42, 0.52])
        return colour * (1 - 0.9 * cover) + 0.9 * cover * cloud


def colours_of(scene: Scene, p: np.ndarray, normal: np.ndarray) -> np.ndarray:
    kind = np.argmin(np.stack(scene.parts(p), 0), 0)
    x, y, z = p.T
    grain = layers_of_noise(3 * x + 2 * y, 3 * z - 2 * y, scene.table, 4)[:, None]
    rock = np.array([0.36, 0.31, 0.27]) * (0.55 + 0.9 * grain)
    flat = np.clip((normal[:, 1] - 0.72) / 0.16, 0, 1)[:, None] * np.clip((y - 0.45) / 0.5, 0, 1)[:, None]
    rock = rock * (1 - flat) + flat * np.array([0.30, 0.36, 0.13]) * (0.5 + 1.0 * grain)
    wet = np.clip(1 - (y - 0.02) / 0.35, 0, 1)[:, None]
    rock = rock * (1 - 0.55 * wet)
    stripe = (np.floor((y - 2.3) / 1.36).astype(int) % 2 == 0)[:, None]
    tower = np.where(stripe, np.array([0.86, 0.83, 0.78]), np.array([0.62, 0.10, 0.07])) * (0.86 + 0.25 * grain)
    door = ((np.abs(x - 1.9) < 0.28) & (y < 3.1) & (z < 4.2))[:, None]
    window = ((np.abs(x - 2.05) < 0.15) & (np.abs((y - 3.0) % 2.0 - 1.0) < 0.24) & (z < 4.2))[:, None]
    tower = np.where(door | window, np.array([0.10, 0.09, 0.10]), tower)
    lantern = np.tile(np.array([1.7, 1.25, 0.6]), (len(p), 1))
    wall = np.array([0.84, 0.77, 0.66]) * (0.82 + 0.3 * grain)
    hx, hy = x + 1.0, y - 1.5
    pane = (((np.abs(np.abs(hx) - 0.85) < 0.26) & (np.abs(hy - 0.55) < 0.30)) & (z < 3.6))[:, None]
    entry = ((np.abs(hx) < 0.26) & (hy < 0.75) & (z < 3.6))[:, None]
    wall = np.where(pane, np.array([1.15, 0.78, 0.36]), np.where(entry, np.array([0.12, 0.24, 0.30]), wall))
    roof = np.array([0.46, 0.19, 0.12]) * (0.6 + 0.8 * grain)
    roof = np.where((y > 6)[:, None], np.array([0.14, 0.14, 0.16]), roof)
    bush = np.array([0.13, 0.21, 0.07]) * (0.4 + 1.2 * grain)
    return np.choose(kind[:, None], [rock, tower, lantern, wall, roof, bush])


def look(scene: Scene, eye: np.ndarray, ray: np.ndarray, sea: bool) -> np.ndarray:
    """Colours seen from points along rays; `sea`: whether there is water, which mirrors."""
    along = np.full(len(ray), 0.05)
    walking = np.ones(len(ray), bool)
    for _ in range(STEPS):
        near = scene.distance(eye[walking] + along[walking, None] * ray[walking])
        along[walking] += near
        walking[walking] = (near > 0.002) & (along[walking] < FAR)
        if not walking.any():
            break
    water = (
        np.where(ray[:, 1] < -1e-4, -eye[:, 1] / np.minimum(ray[:, 1], -1e-4), np.inf)
        if sea
        else np.full(len(ray), np.inf)
    )
    met = (along < FAR) & (along < water)
    colour = scene.sky(ray)
    if met.any():
        p = eye[met] + along[met, None] * ray[met]
        normal = scene.normal(p)
        sun = np.clip(normal @ SUN, 0, 1) * scene.shadow(p + 0.01 * normal)
        sky = scene.openness(p, normal) * (0.55 + 0.45 * normal[:, 1])
        light = (
            sun[:, None] * SUN_LIGHT
            + sky[:, None] * SKY_LIGHT
            + 0.10 * np.clip(-normal[:, 1:2] + 0.4, 0, 1) * np.array([0.8, 0.6, 0.4])
        )
        surface = colours_of(scene, p, normal)
        glow = (surface.max(1) > 1.0)[:, None]
        colour[met] = haze(np.where(glow, surface, surface * light), along[met], ray[met], scene)
    wet = (water < np.minimum(along, 400.0)) & ~met
    if wet.any():
        colour[wet] = sea_colours(scene, eye[wet], ray[wet], water[wet])
    return colour


def haze(colour: np.ndarray, along: np.ndarray, ray: np.ndarray, scene: Scene) -> np.ndarray:
    thick = 1 - np.exp(-along / 190)[:, None]
    return colour * (1 - thick) + thick * np.array([0.86, 0.74, 0.62])


def sea_colours(scene: Scene, eye: np.ndarray, ray: np.ndarray, along: np.ndarray) -> np.ndarray:
    p = eye + along[:, None] * ray
    x, z = p[:, 0], p[:, 2]
    calm = 1 / (1 + along / 24)

    def height(x: np.ndarray, z: np.ndarray) -> np.ndarray:
        long = np.sin(0.9 * x + 1.7 * z + 2 * layers_of_noise(0.3 * x, 0.3 * z, scene.table, 2))
        return 0.05 * long + 0.22 * layers_of_noise(1.1 * x, 2.3 * z, scene.table, 5)

    step = 0.05
    slope_x, slope_z = (height(x + step, z) - height(x, z)) / step, (height(x, z + step) - height(x, z)) / step
    normal = np.stack([-slope_x * calm, np.ones_like(x), -slope_z * calm], -1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    facing = np.sum(-ray * normal, 1)
    mirrored = ray + 2 * facing[:, None] * normal
    mirrored[:, 1] = np.abs(mirrored[:, 1]) + 0.01
    mirrored /= np.linalg.norm(mirrored, axis=-1, keepdims=True)
    fresnel = (0.03 + 0.97 * np.clip(1 - facing, 0, 1) ** 5)[:, None]
    body = np.array([0.035, 0.125, 0.145]) + 0.05 * np.clip(height(x, z) * 4 - 0.3, 0, 1)[:, None] * np.array(
        [0.3, 0.9, 0.8]
    )
    colour = body * (1 - fresnel) + fresnel * look(scene, p, mirrored, sea=False)
    depth = -scene.ground(x, z)
    foam = np.clip(1 - np.abs(depth - 0.10) / 0.22, 0, 1) * np.clip(
        2.6 * (layers_of_noise(2.5 * x, 2.5 * z, scene.table, 5) - 0.32), 0, 1
    )
    colour = colour + 0.75 * foam[:, None] * np.array([0.9, 0.82, 0.74])
    return haze(colour, along, ray, scene)


def render(width: int, height: int, seed: int) -> np.ndarray:
    """Pixels, [height, width, 3], as a camera would give them."""
    scene = Scene(seed)
    ahead = (TARGET - EYE) / np.linalg.norm(TARGET - EYE)
    right = np.cross(np.array([0.0, 1.0, 0.0]), ahead)
    right /= np.linalg.norm(right)
    up = np.cross(ahead, right)
    u = (2 * np.arange(width) + 1 - width) / height
    rows = []
    for line in range(height):  # a row at a time: little memory
        v = (height - 1 - 2 * line) / height
        ray = LENS * ahead + u[:, None] * right + v * up
        ray /= np.linalg.norm(ray, axis=-1, keepdims=True)
        rows.append(look(scene, np.tile(EYE, (width, 1)), ray, sea=True))
    colour = np.stack(rows) * 0.60
    colour = colour * (2.51 * colour + 0.03) / (colour * (2.43 * colour + 0.59) + 0.14)  # as film answers to light
    grey = colour.mean(2, keepdims=True)
    colour = grey + 1.22 * (colour - grey)  # a slide film's colours
    grain = np.random.default_rng(seed).normal(0, 0.006, (height, width, 1))
    return np.clip(np.clip(colour, 0, 1) ** (1 / 2.2) + grain, 0, 1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--width", type=int, default=SIZE[0])
    parser.add_argument("--quality", type=int, default=72)
    given = parser.parse_args()
    large = render(given.width * 4 // 3, given.width * SIZE[1] // SIZE[0] * 4 // 3, given.seed)
    small = Image.fromarray((255 * large).round().astype(np.uint8))
    small = small.resize((given.width, given.width * SIZE[1] // SIZE[0]), Image.Resampling.LANCZOS)
    small.save(given.output, quality=given.quality, optimize=True)
