"""The shape of a VGG-style encoder, and what follows from it: names, strides, receptive fields.

Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition"
(arXiv 1409.1556): blocks of 3x3 convolutions with rectifiers, 2x2 max pooling of stride 2 between
blocks. Layer names are the papers': ``relu4_2`` is the rectified output of the second convolution
of the fourth block.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from impasto.errors import OptionError, did_you_mean


@dataclass(frozen=True)
class Layer:
    """One rectified convolution.

    Attributes
    ----------
    name: as in the papers, ``relu3_1``; ``conv3_1`` where it was looked up before the rectifier.
    block: number of the block, from 1.
    in_channels, channels: of the 3x3 convolution.
    stride_px: distance in the picture between neighbouring positions of the feature map.
    receptive_field_px: side of the square of picture that one position reads.
    """

    name: str
    block: int
    in_channels: int
    channels: int
    stride_px: int
    receptive_field_px: int

    @property
    def reach_px(self) -> int:
        """Pixels that a position reads beyond its own square of `stride_px`, on each side."""
        return (self.receptive_field_px - self.stride_px) // 2

    @property
    def convolution(self) -> str:
        """Name of the convolution before the rectifier, ``conv3_1``: the key of its weights."""
        return self.name.replace("relu", "conv")


@dataclass(frozen=True)
class Architecture:
    """Widths (channels) and depths (convolutions) of the blocks."""

    widths: tuple[int, ...]
    depths: tuple[int, ...]

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        """All layers in the order of computation."""
        table: list[Layer] = []
        channels, stride, field = 3, 1, 1
        for block, (width, depth) in enumerate(zip(self.widths, self.depths, strict=True), start=1):
            if block > 1:
                field += stride  # 2x2 pooling reads one more position
                stride *= 2
            for index in range(1, depth + 1):
                field += 2 * stride
                table.append(Layer(f"relu{block}_{index}", block, channels, width, stride, field))
                channels = width
        return tuple(table)

    def layer(self, name: str) -> Layer:
        """Look a layer up by name; ``conv4_2`` is ``relu4_2`` before the rectifier, with the same geometry.

        An unknown name is an `OptionError` that offers the nearest.
        """
        for layer in self.layers:
            if name == layer.name:
                return layer
            if name == layer.convolution:
                return replace(layer, name=name)
        known = (la.convolution if name.startswith("conv") else la.name for la in self.layers)
        raise OptionError(f"this encoder has no layer {name!r}{did_you_mean(name, known)}")

    def stand_in(self, name: str) -> Layer:
        """Layer `name`, or where only VGG-19 has it the deepest one here that is no deeper; else an `OptionError`."""
        try:
            return self.layer(name)
        except OptionError:
            known = {layer.name for layer in VGG19.layers} | {layer.convolution for layer in VGG19.layers}
            if name not in known:
                raise
        depth = _place(name)
        shallower = [layer for layer in self.layers if _place(layer.name) <= depth]
        return self.layer(shallower[-1].convolution if name.startswith("conv") else shallower[-1].name)

    def up_to(self, names: Sequence[str]) -> tuple[Layer, ...]:
        """Layers from the first to the deepest of `names`."""
        convolutions = {self.layer(name).convolution for name in names}
        deepest = max(index for index, layer in enumerate(self.layers) if layer.convolution in convolutions)
        return self.layers[: deepest + 1]


def _place(name: str) -> tuple[int, int]:
    """Block and index of ``relu4_2``."""
    block, index = name.removeprefix("relu").removeprefix("conv").split("_")
    return int(block), int(index)


LITE = Architecture(widths=(16, 32, 64, 128, 128), depths=(2, 2, 3, 4, 1))
VGG16 = Architecture(widths=(64, 128, 256, 512, 512), depths=(2, 2, 3, 3, 3))
VGG19 = Architecture(widths=(64, 128, 256, 512, 512), depths=(2, 2, 4, 4, 4))
