"""A frozen encoder: pictures in, named feature maps out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from impasto.encoders.architectures import Architecture, Layer
from impasto.encoders.chain import Link, chain_maps
from impasto.encoders.convolution import convolve_mirrored
from impasto.errors import OptionError, WeightsError, did_you_mean

PADDING_MODES = ("reflect", "replicate", "zeros", "circular")
POOLINGS = ("max", "average")


class Encoder:
    """VGG-style network with fixed weights.

    Parameters
    ----------
    name: what options and records call it.
    sha256: of the weights file; a run record holds it.
    architecture: names and shapes of the layers.
    weights: ``conv1_1.weight`` [channels, in_channels, 3, 3] and ``conv1_1.bias`` [channels] for every
        convolution. Scale and channel order of the input are folded into the first one.
    mean: RGB value that is subtracted from a picture in [0, 1]; zero padding then pads with it.
    geometry: for some layers a matrix Q [channels, channels]; distances between Q f are distances in the
        feature space that the encoder was distilled from. Layers without one are used as they are.
    padding_mode: how each convolution continues a feature map at its border; ``circular``: with the other side.
    pooling: ``max``, or ``average`` as Gatys, Ecker and Bethge prefer (arXiv 1508.06576, section Methods).
    dtype: of pictures and of the feature maps that are handed out.
    precision: in which convolutions and pooling are computed; default: `dtype`.

    Attributes
    ----------
    kernels: (weight, bias) of every layer by name. mean, geometry: as given, as tensors.
    """

    def __init__(  # noqa: PLR0913 (what a file holds, and how it is to be computed: all of it fixed at once)
        self,
        name: str,
        sha256: str,
        architecture: Architecture,
        weights: Mapping[str, Tensor],
        *,
        mean: Sequence[float] = (0.0, 0.0, 0.0),
        geometry: Mapping[str, Tensor] | None = None,
        padding_mode: str = "reflect",
        pooling: str = "max",
        dtype: torch.dtype = torch.float32,
        precision: torch.dtype | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        if padding_mode not in PADDING_MODES:
            raise OptionError(f"padding mode {padding_mode!r}{did_you_mean(padding_mode, PADDING_MODES)}")
        if pooling not in POOLINGS:
            raise OptionError(f"pooling {pooling!r}{did_you_mean(pooling, POOLINGS)}")
        self.name, self.sha256, self.architecture = name, sha256, architecture
        self.padding_mode, self.dtype, self.device = padding_mode, dtype, torch.device(device)
        self.precision = precision or dtype
        self._pool: Callable[[Tensor, int], Tensor] = F.avg_pool2d if pooling == "average" else F.max_pool2d
        self.mean = torch.tensor(mean, dtype=dtype, device=device).view(1, 3, 1, 1)
        self.kernels: dict[str, tuple[Tensor, Tensor]] = {}
        for layer in architecture.layers:
            kernel, bias = (_take(weights, f"{layer.convolution}.{part}") for part in ("weight", "bias"))
            expected = (layer.channels, layer.in_channels, 3, 3)
            if tuple(kernel.shape) != expected:
                raise WeightsError(f"{layer.convolution} has shape {tuple(kernel.shape)}, expected {expected}")
            if tuple(bias.shape) != expected[:1]:
                raise WeightsError(
                    f"the bias of {layer.convolution} has shape {tuple(bias.shape)}, expected {expected[:1]}"
                )
            self.kernels[layer.name] = (
                kernel.to(device, self.precision).contiguous(memory_format=torch.channels_last),
                bias.to(device, self.precision),
            )
        channels = {layer.name: layer.channels for layer in architecture.layers}
        for layer_name, matrix in (geometry or {}).items():
            if tuple(matrix.shape) != (channels.get(layer_name),) * 2:
                raise WeightsError(f"the geometry of {layer_name} has shape {tuple(matrix.shape)}, which fits no layer")
        self.geometry = {k: v.to(device, torch.float64) for k, v in (geometry or {}).items()}

    def __call__(
        self, pictures: Float[Tensor, "batch 3 height width"], layers: Sequence[str]
    ) -> dict[str, Float[Tensor, "batch _ _ _"]]:
        """Feature maps of `pictures` (RGB in [0, 1]) at the named layers, ``conv4_2`` before the rectifier.

        Computes no deeper than the deepest layer asked for. Raises `OptionError` for an unknown layer.
        """
        return {name: features.to(self.dtype) for name, features in self.narrow_maps(pictures, layers).items()}

    def narrow_maps(
        self, pictures: Float[Tensor, "batch 3 height width"], layers: Sequence[str]
    ) -> dict[str, Float[Tensor, "batch _ _ _"]]:
        """The same maps as they were computed, in `precision`."""
        # Rounded after the subtraction: around zero a narrow float is finest.
        start = (pictures - self.mean).to(self.precision).contiguous(memory_format=torch.channels_last)
        computed = self.architecture.up_to(layers)
        smallest = min(pictures.shape[-2:]) // computed[-1].stride_px
        if start.requires_grad and (self.padding_mode == "zeros" or (self.padding_mode == "reflect" and smallest > 1)):
            return self._chained(start, computed, layers)
        features: dict[str, Tensor] = {}
        current, block = start, 1
        for layer in computed:
            if layer.block != block:
                current, block = self._pool(current, 2), layer.block
            current = self._convolve(current, layer)
            if layer.convolution in layers:
                features[layer.convolution] = current
                current = current.relu()
            else:
                current = current.relu_()
            if layer.name in layers:
                features[layer.name] = current
        return features

    def _chained(self, start: Tensor, computed: Sequence[Layer], layers: Sequence[str]) -> dict[str, Tensor]:
        """The maps with a derivative that is written out."""
        links, names, block = [], [], 1
        for layer in computed:
            links.append(
                Link(*self.kernels[layer.name], layer.block != block, layer.name in layers, layer.convolution in layers)
            )
            names += [name for name in (layer.convolution, layer.name) if name in layers]
            block = layer.block
        return dict(
            zip(names, chain_maps(start, links, self._pool, mirrors=self.padding_mode == "reflect"), strict=True)
        )

    def with_changes(self, *, padding_mode: str | None = None, geometry_scale: float = 1.0) -> Encoder:
        """The same weights with another padding mode, or with all of `geometry` multiplied."""
        other = copy(self)
        other.padding_mode = padding_mode or self.padding_mode
        other.geometry = {name: geometry_scale * matrix for name, matrix in self.geometry.items()}
        return other

    def on(self, device: torch.device) -> Encoder:
        """The same encoder on another device."""
        other = copy(self)
        other.device, other.mean = device, self.mean.to(device)
        other.kernels = {name: (kernel.to(device), bias.to(device)) for name, (kernel, bias) in self.kernels.items()}
        other.geometry = {name: matrix.to(device) for name, matrix in self.geometry.items()}
        return other

    def in_geometry(
        self, layer: str, features: Float[Tensor, "batch channels _ _"]
    ) -> Float[Tensor, "batch channels _ _"]:
        """Q f at every position of a feature map: distances between these are distances in the space distilled from."""
        if layer not in self.geometry:
            return features
        # A product of matrices: what PyTorch makes of a 1x1 convolution is several times slower for small maps.
        return F.linear(features.permute(0, 2, 3, 1), self.geometry[layer].to(features)).permute(0, 3, 1, 2)

    def _convolve(self, current: Tensor, layer: Layer) -> Tensor:
        kernel, bias = self.kernels[layer.name]
        if self.padding_mode == "zeros":
            return F.conv2d(current, kernel, bias, padding=1)
        mode = self.padding_mode
        if mode == "reflect":
            if min(current.shape[-2:]) > 1:
                return convolve_mirrored(current, kernel, bias)
            mode = "replicate"  # reflection needs two positions; a map that has only one is continued by repeating it
        return F.conv2d(F.pad(current, (1, 1, 1, 1), mode=mode), kernel, bias)


def _take(weights: Mapping[str, Tensor], key: str) -> Tensor:
    if key not in weights:
        raise WeightsError(f"the weights lack {key!r}")
    return weights[key]
