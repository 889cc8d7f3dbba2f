"""The plan of a run, made before it begins: sizes, tiles, memory and time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from impasto.encoders import Encoder, load_encoder
from impasto.encoders.architectures import Layer
from impasto.engine.color import color_method
from impasto.engine.devices import bfloat16_unit
from impasto.engine.memory import HEAP_BLOCK_BYTES, free_bytes, give_back, held_bytes, machine_bytes
from impasto.engine.optimizers import pictures_held
from impasto.engine.pyramid import Scale, build_pyramid, painting_size
from impasto.engine.regions import RegionLayout
from impasto.errors import OptionError
from impasto.images.resize import fit_long_edge
from impasto.losses.mmd import WHOLE_MAP_LOSSES
from impasto.losses.tiles import tile_sides
from impasto.options.fields import PaintOptions
from impasto.storage.files import format_bytes

TILES_PX = (2048, 1536, 1024, 768, 512, 384, 320, 256)
SMALLEST_FAST_TILE_PX = 768
LARGE_MEMORY_BYTES = 12 * 2**30  # machines with less begin at the third
PICTURE_BYTES = 12  # of three float32 channels, a pixel
HEAP_WASTE, SYSTEM_WASTE = 1.7, 1.1  # measured with `lite`, 2048 px, tiles of 256 to 1024
WARM_BYTES = 60e6  # of code and caches that the first steps load
NARROW_TILES_BYTES = 80e6  # of code that a processor's bfloat16 convolutions are compiled to (`bound_compiled_code`)
PROBE_PX = 192
EVALUATION = 1.7  # time of an evaluation, against the encoder's forward and backward pass alone
STEP_OVERHEAD_PX = 10_000  # a step costs its pixels and as much as these
SECOND_PASS = 4 / 3  # work on several tiles, against one: the sums take another pass forward
SHOWN = 3  # pictures at most while the photo's chroma is put back into one
PREPARED = 3  # pictures at most while a scale's photo is read and its targets are computed
# Of a stylizer: measured with the bundled one. What an evaluation costs where it is tuned, against one of pixels; and
# for each pixel a step of its network and a pass, against an evaluation by `lite`, whose convolutions are alike.
TUNED_EVALUATION, NETWORK_STEP, PASS = 1.35, 3.7, 4.2
TUNED_BYTES, NETWORK_BYTES = 2_500.0, 25e6  # what a step keeps for each pixel; the weights with Adam's moments
PASS_BYTES, LARGEST_PASS_PIXELS, PASS_PICTURES = 400.0, 1_500_000, 5
SLACK = 0.9  # of the free memory, for what other programs may want meanwhile


@dataclass(frozen=True)
class Plan:
    """The scales of a run and how they are painted.

    Attributes
    ----------
    scales: coarsest first.
    tile_px: largest core of a tile. tiles: their number at each scale.
    thrifty: whether speed is given for memory (`memory.prefer_low_memory`).
    peak_bytes: most memory that the process will hold (on a GPU: that will be held there), an estimate.
    seconds: how long it takes if every scale uses all its steps, an estimate.
    """

    scales: tuple[Scale, ...]
    tile_px: int
    tiles: tuple[int, ...]
    thrifty: bool
    peak_bytes: int
    seconds: float


def build_plan(height_px: int, width_px: int, layout: RegionLayout, options: PaintOptions, encoder: Encoder) -> Plan:
    """Choose tiles that fit the memory there is, or `options.max_memory_bytes`, for a pastiche of this size.

    Raises `OptionError` for a picture that does not fit with any tiles, with the largest that does.
    """
    give_back()
    held = held_bytes(encoder.device)
    limit = float(options.max_memory_bytes or held + SLACK * free_bytes(encoder.device))
    # By the machine's size first: what else is running decides only where it must.
    choices = list(TILES_PX if machine_bytes() >= LARGE_MEMORY_BYTES else TILES_PX[2:])
    if options.tile_px:
        choices = [options.tile_px]
    demand = _Demand(layout, options, encoder, held)
    # Smaller tiles cost more than thrift, but only below these.
    ways = [(px, False) for px in choices if px >= SMALLEST_FAST_TILE_PX] + [(px, True) for px in choices]
    estimates = [_Estimate(demand, (height_px, width_px), tile_px, thrifty) for tile_px, thrifty in ways]
    fitting = next((estimate for estimate in estimates if estimate.peak_bytes <= limit), None)
    if fitting is None:
        smallest, needed = choices[-1], estimates[-1].peak_bytes
        low, high = 0, max(height_px, width_px)
        while high - low > 1:  # `low` fits, `high` does not
            long_edge_px = (low + high) // 2
            size = fit_long_edge(height_px, width_px, long_edge_px)
            fits = _Estimate(demand, size, smallest, True).peak_bytes <= limit
            low, high = (long_edge_px, high) if fits else (low, long_edge_px)
        largest = f"the largest that fits is --size {low}" if low else "no size fits"
        raise OptionError(
            f"{width_px}x{height_px} px need {format_bytes(needed)} of memory even in tiles of {smallest} px, "
            f"more than the {format_bytes(limit)} there are; {largest}"
        )
    if fitting.tiles[-1] > 1 and (why := _untiled(options)):
        raise OptionError(
            f"{width_px}x{height_px} px need {fitting.tiles[-1]} tiles, which {why} cannot be painted in; "
            f"the largest that needs one is --size {_largest_whole(height_px, width_px, demand, fitting)}"
        )
    seconds = fitting.pixels * _seconds_a_pixel(encoder, options)
    if fitting.network_pixels:
        seconds += fitting.network_pixels * _seconds_a_pixel(_alike(encoder), PaintOptions())
    return Plan(fitting.scales, fitting.tile_px, fitting.tiles, fitting.thrifty, round(fitting.peak_bytes), seconds)


def _untiled(options: PaintOptions) -> str:
    """The option that needs the whole picture at once, in words; empty: none does."""
    if options.content_loss == "structure":
        return "the content loss 'structure'"
    if options.style_loss in WHOLE_MAP_LOSSES:
        return f"the style loss {options.style_loss!r}"
    return "a picture that wraps around" if options.padding_mode == "circular" else ""


def _largest_whole(height_px: int, width_px: int, demand: _Demand, fitting: _Estimate) -> int:
    """The longest edge, at most, at which the tiles chosen hold a picture of this shape whole."""
    long_edge_px = max(height_px, width_px)
    while True:
        size = fit_long_edge(height_px, width_px, long_edge_px)
        if _Estimate(demand, size, fitting.tile_px, fitting.thrifty).tiles[-1] == 1:
            return long_edge_px
        long_edge_px -= max(1, long_edge_px // 100)


@dataclass(frozen=True)
class _Demand:
    """What is painted, whatever its size: regions, options, encoder; and the memory that the process holds already."""

    layout: RegionLayout
    options: PaintOptions
    encoder: Encoder
    held_bytes: int


class _Estimate:
    """What painting at a size (height, width) takes, in tiles of `tile_px`."""

    def __init__(self, demand: _Demand, size_px: tuple[int, int], tile_px: int, thrifty: bool) -> None:
        self.tile_px, self.thrifty = tile_px, thrifty
        options, encoder = demand.options, demand.encoder
        self.scales = tuple(build_pyramid(*size_px, options))
        self._options, self._layout = options, demand.layout
        self._compared = [encoder.architecture.layer(n) for n in {*options.content_layers, *options.style_layers}]
        self._value_bytes = encoder.precision.itemsize
        self._on_processor = encoder.device.type == "cpu"
        self._computed = encoder.architecture.up_to([layer.name for layer in self._compared])
        sides = [self._tile_sides(scale) for scale in self.scales]
        self.tiles = tuple(len(down) * len(across) for down, across in sides)
        self.peak_bytes = max(
            demand.held_bytes
            + WARM_BYTES
            + (self._scale_bytes(scale, before, down, across) if scale.steps else _pass_bytes(scale.canvas_pixels))
            for before, scale, (down, across) in zip([None, *self.scales], self.scales, sides, strict=False)
        )
        tunes = options.medium == "stylizer"
        self.pixels = (TUNED_EVALUATION if tunes else 1.0) * sum(
            scale.steps * (sum(down) * sum(across) * (1 if tiles == 1 else SECOND_PASS) + STEP_OVERHEAD_PX)
            for scale, tiles, (down, across) in zip(self.scales, self.tiles, sides, strict=True)
        )
        self.network_pixels = 0.0
        if tunes:
            tuned = NETWORK_STEP * sum(scale.steps * (scale.canvas_pixels + STEP_OVERHEAD_PX) for scale in self.scales)
            self.network_pixels = len(demand.layout.painted) * (tuned + PASS * self.scales[-1].canvas_pixels)

    def _tile_sides(self, scale: Scale) -> tuple[list[int], list[int]]:
        core, smallest = scale.core, min(scale.canvas_height_px, scale.canvas_width_px)
        if not scale.steps:
            return [scale.canvas_height_px], [scale.canvas_width_px]
        layers = [layer for layer in self._compared if layer.stride_px <= smallest] or self._computed[:1]
        return (
            tile_sides(core.top_px, core.height_px, scale.canvas_height_px, layers, self.tile_px),
            tile_sides(core.left_px, core.width_px, scale.canvas_width_px, layers, self.tile_px),
        )

    def _scale_bytes(self, scale: Scale, before: Scale | None, down: list[int], across: list[int]) -> float:
        """Pictures and content targets while the scale is painted, or while it is prepared, and one tile."""
        canvas = PICTURE_BYTES * scale.canvas_pixels
        kept = (3 if self._options.optimizer == "adam" else 1) * PICTURE_BYTES * before.canvas_pixels if before else 0
        painting_pixels = [0]
        for painting, brush_scale in self._layout.paintings:
            own_px = painting.picture.height_px, painting.picture.width_px
            height, width = painting_size(*own_px, scale.long_edge_px, self._options.brush_scale * brush_scale)
            painting_pixels.append(height * width)
        coloured = color_method(self._options)
        prepared = PREPARED + bool(coloured)  # what is recoloured is a picture too
        paintings = PICTURE_BYTES * prepared * max(painting_pixels)
        pictures = max(
            (pictures_held(self._options, scale.canvas_pixels) + SHOWN * (coloured == "luminance")) * canvas
            + bool(self._options.keep_detail) * canvas,  # edges and their weights
            kept + prepared * canvas,
            kept + paintings,
        )
        targets = sum(
            4 * layer.channels * scale.height_px * scale.width_px / layer.stride_px**2
            for layer in self._compared
            if layer.name in self._options.content_layers
        )
        whole = len(down) * len(across) == 1
        largest_px = max(down) * max(across)
        tile = workspace_bytes(self._computed, largest_px, self._value_bytes, whole=whole, thrifty=self.thrifty)
        if self._value_bytes < 4 and not whole and self._on_processor and bfloat16_unit():
            tile += NARROW_TILES_BYTES
        network = TUNED_BYTES * scale.canvas_pixels * len(self._layout.painted)
        tuned = network + NETWORK_BYTES if self._options.medium == "stylizer" else 0.0
        return pictures + targets + tile + self._masks_bytes(scale, largest_px) + tuned

    def _masks_bytes(self, scale: Scale, tile_px: int) -> float:
        """Guidance masks at every layer, the photo where it is kept, and in a tile the gradient of another region."""
        if not self._layout.divided:
            return 0.0
        guides = sum(4 / layer.stride_px**2 for layer in self._compared)
        kept = PICTURE_BYTES + 4 if self._layout.keeps_photo else 0
        beside = max(4 * layer.channels / layer.stride_px**2 for layer in self._compared)
        return (len(self._layout.painted) * (4 + guides) + kept) * scale.canvas_pixels + beside * tile_px


def _pass_bytes(pixels: int) -> float:
    """Memory of one pass of a stylizer, which paints large pictures in tiles."""
    return PASS_BYTES * min(pixels, LARGEST_PASS_PIXELS) + PASS_PICTURES * PICTURE_BYTES * pixels


def workspace_bytes(layers: Sequence[Layer], pixels: int, value_bytes: int, *, whole: bool, thrifty: bool) -> float:
    """Memory of one evaluation, forward and backward, of a tile of so many pixels.

    Every rectified map is kept until its derivative is taken; beside those about seven float32 maps of the widest
    layer are in use at once. Freed blocks that the allocator keeps do not always fit the next tile's maps, which may be
    of another size: that is the waste.
    """

    def waste(block_bytes: float) -> float:
        if whole:
            return 1.0
        return SYSTEM_WASTE if thrifty or block_bytes > HEAP_BLOCK_BYTES else HEAP_WASTE

    total, widest = 0.0, 0.0
    for layer in layers:
        map_bytes = 1.0 * value_bytes * layer.channels * pixels / layer.stride_px**2
        total += map_bytes * waste(map_bytes)
        widest = max(widest, 4 / value_bytes * map_bytes)
    return total + 7 * widest * waste(widest)


def _alike(encoder: Encoder) -> Encoder:
    """`lite`, in the precision of an encoder."""
    return encoder if encoder.name == "lite" else load_encoder("lite", precision=encoder.precision)


def _seconds_a_pixel(encoder: Encoder, options: PaintOptions) -> float:
    """Seconds that a small evaluation takes here and now, for each pixel: the encoder's part is measured."""
    side = PROBE_PX
    noise = torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(0)).to(encoder.device)
    layers = [*options.content_layers, *options.style_layers]
    times = []
    for _ in range(5):
        started = time.perf_counter()
        maps = encoder(noise.requires_grad_(), layers).values()
        gradient = torch.autograd.grad(torch.stack([features.sum() for features in maps]).sum(), noise)[0]
        gradient[0, 0, 0, 0].item()  # waits for a GPU
        times.append(time.perf_counter() - started)
    return EVALUATION * min(times) / (side**2 + STEP_OVERHEAD_PX)
