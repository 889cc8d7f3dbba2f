"""The stylizer's network: transformed feature maps of a photo in, a pastiche out; convolutions only."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from impasto.encoders.convolution import convolve_mirrored
from impasto.stylizer.statistics import CHANNELS, MIDDLE, Batch
from impasto.stylizer.transport import Affine, apply_affine

CORRELATED = ("rgb", "relu1_1", "relu2_1")  # layers whose whole covariance goes into the code
CODE = 128  # numbers that stand for a painting
KERNELS = 8  # of which a painting mixes its own
NOISE = 4  # channels
NOISE_STRIDES = (8, 4, 2)
STRIDE_PX = 16  # of the coarsest map


def _conv(inputs: int, outputs: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, padding_mode="reflect")


class MixedConvolution(nn.Module):
    """3x3 convolution whose kernel is mixed of several by the painting's code.

    So strokes are as sharp as with a network for that painting alone. Conditionally parameterised convolution (Yang
    et al., arXiv 1904.04971). Departure: the mixture has weights between -1 and 1, and is added to one kernel that all
    paintings have in common.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs, 3, 3))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.bank = nn.Parameter(torch.randn(KERNELS, outputs * inputs * 9) * (0.25 / (9 * inputs)) ** 0.5)
        self.shares = nn.Linear(CODE, KERNELS)
        nn.init.kaiming_normal_(self.weight, 0.2)
        nn.init.zeros_(self.shares.weight)
        nn.init.zeros_(self.shares.bias)

    def kernels(self, code: Float[Tensor, "batch code"]) -> Float[Tensor, "batch outputs inputs 3 3"]:
        """The kernels of every painting of the batch."""
        mixed: Tensor = self.shares(code).tanh() @ self.bank
        return self.weight + mixed.view(-1, *self.weight.shape)


class ResidualBlock(nn.Module):
    """Residual block whose inner channels are scaled and shifted by the painting's code.

    `mixed`: its kernels are the painting's too, which costs no time where maps are large.
    """

    def __init__(self, channels: int, *, mixed: bool = False) -> None:
        super().__init__()
        convolution = MixedConvolution if mixed else _conv
        self.first, self.second = convolution(channels, channels), convolution(channels, channels)
        self.affine = nn.Linear(CODE, 2 * channels)
        nn.init.kaiming_normal_(self.first.weight, 0.2)
        nn.init.normal_(self.second.weight, std=0.3 * (2 / (9 * channels)) ** 0.5)
        nn.init.zeros_(self.affine.weight)
        nn.init.zeros_(self.affine.bias)

    def forward(self, current: Tensor, code: Float[Tensor, "batch code"]) -> Tensor:
        gain, shift = self.affine(code).chunk(2, 1)
        gain = 1 + gain.tanh()
        # The gain goes into the convolution itself, which spares a map.
        inner = convolve(current, self.first, code, gain, shift)
        inner = F.leaky_relu(inner, 0.2, inplace=True)
        return convolve(inner, self.second, code).add_(current)


def convolve(
    current: Tensor,
    layer: MixedConvolution | nn.Conv2d,
    code: Tensor,
    gain: Float[Tensor, "batch channels"] | None = None,
    shift: Float[Tensor, "batch channels"] | None = None,
) -> Tensor:
    """Convolve every picture of a batch with its own painting's kernels; the outcome times `gain`, plus `shift`."""
    assert layer.bias is not None, "made with one"
    if isinstance(layer, nn.Conv2d) and len(code) > 1:  # a kernel for all: one convolution
        convolved = _plain(current, layer)
        if gain is None or shift is None:
            return convolved
        return torch.addcmul(shift[..., None, None], convolved, gain[..., None, None])
    kernels = layer.kernels(code) if isinstance(layer, MixedConvolution) else layer.weight[None]
    biases = layer.bias.expand(len(code), -1)
    if gain is not None and shift is not None:
        kernels, biases = kernels * gain[..., None, None, None], biases * gain + shift
    pictures = [convolve_mirrored(*part) for part in zip(torch.split(current, 1), kernels, biases, strict=True)]
    return pictures[0] if len(pictures) == 1 else torch.cat(pictures)


class Network(nn.Module):
    """Coarse to fine: blocks at 1/16 of the size, then at each finer size the next transformed map joins.

    The buffers `mean_*` and `deviation_*` are of the layers' channels over many paintings: they bring maps and
    statistics to unit size.
    """

    def __init__(self) -> None:
        super().__init__()
        for name, channels in CHANNELS.items():
            key = name.replace("rgb", "relu0_1")
            self.register_buffer(f"mean_{key}", torch.zeros(channels))
            self.register_buffer(f"deviation_{key}", torch.ones(channels))
        numbers = sum(c + (c * (c + 1) // 2 if n in CORRELATED else c) for n, c in CHANNELS.items())
        self.code = nn.Sequential(nn.Linear(numbers, 192), nn.LeakyReLU(0.2), nn.Linear(192, CODE))
        self.enter5 = nn.Conv2d(128, 128, 1)
        self.enter4 = _conv(128, 128)
        self.down = _conv(128 + NOISE, 128, 2)
        self.blocks5 = nn.ModuleList([ResidualBlock(128), ResidualBlock(128), ResidualBlock(128)])
        self.blocks4 = nn.ModuleList([ResidualBlock(128)])
        self.enter3 = nn.Conv2d(64 + NOISE, 64, 1)
        self.enter2 = nn.Conv2d(32 + NOISE, 32, 1)
        self.enter1 = nn.Conv2d(16 + 6, 16, 1)
        self.up3, self.up2, self.up1 = _conv(128, 64), _conv(64, 32), _conv(32, 16)
        self.blocks3 = nn.ModuleList([ResidualBlock(64), ResidualBlock(64)])
        self.blocks2 = nn.ModuleList([ResidualBlock(32, mixed=True), ResidualBlock(32, mixed=True)])
        self.blocks1 = nn.ModuleList([ResidualBlock(16, mixed=True), ResidualBlock(16, mixed=True)])
        self.leave = MixedConvolution(16, 3)
        nn.init.normal_(self.leave.weight, std=0.01)

    def unit(self, name: str) -> tuple[Tensor, Tensor]:
        """Mean and deviation of a layer's channels over many paintings."""
        key = name.replace("rgb", "relu0_1")
        return getattr(self, f"mean_{key}"), getattr(self, f"deviation_{key}")

    def encode(self, statistics: Batch) -> Float[Tensor, "batch code"]:
        """The codes of paintings, made of their (means, covariances) by layer."""
        numbers = []
        for name, (means, covariances) in statistics.items():
            means, covariances = means.float(), covariances.float()
            centre, deviation = self.unit(name)
            variances = (covariances.diagonal(dim1=1, dim2=2) / deviation.square()).clamp_min(1e-4)
            numbers += [(means - centre) / deviation, 0.5 * variances.log()]
            if name in CORRELATED:
                rows, columns = torch.tril_indices(len(centre), len(centre), -1)
                deviations = deviation * variances.sqrt()
                numbers.append(covariances[:, rows, columns] / (deviations[:, rows] * deviations[:, columns]))
        # Of length one: gains and shifts then move slowly, whatever the painting.
        code: Tensor = self.code(torch.cat(numbers, 1).clamp(-4, 4))
        unit: Tensor = F.layer_norm(code, (CODE,)) * CODE**-0.5
        return unit

    def usual_variance(self) -> dict[str, float]:
        """Total variance of each layer's channels over many paintings."""
        return {name: float(self.unit(name)[1].square().sum()) for name in CHANNELS}

    def in_units(self, affines: Mapping[str, Affine]) -> dict[str, Affine]:
        """Affine maps to the unit size that the network reads."""
        scaled = {}
        for name, (matrix, offset) in affines.items():
            centre, deviation = self.unit(name)
            scaled[name] = matrix / deviation[:, None], (offset - centre) / deviation
        return scaled

    def forward(
        self, maps: Mapping[str, Tensor], affines: Mapping[str, Affine], code: Tensor, noise: Mapping[int, Tensor]
    ) -> Float[Tensor, "batch 3 height width"]:
        """Paint whole pictures, differentiable by the weights; float32, not clamped.

        `maps`: of the photos, all of `CHANNELS`, ``rgb`` less `MIDDLE`; `noise` by stride.
        """
        painted = self.fine(self.coarse(maps, affines, code, noise[8]), dict(maps), affines, code, noise)
        return painted.float() + MIDDLE

    def coarse(
        self, maps: Mapping[str, Tensor], affines: Mapping[str, Affine], code: Tensor, noise: Tensor
    ) -> Float[Tensor, "batch 64 rows columns"]:
        """Paint at 1/8 of the size, from relu4_1 (rows and columns even) and relu5_1; `noise` is at 1/8 too."""
        entered = _plain(apply_affine(maps["relu4_1"], affines["relu4_1"]), self.enter4)
        entered = F.leaky_relu(entered, 0.2, inplace=True)
        current = _enter(self.down(torch.cat([entered, noise], 1)), self.enter5, (maps["relu5_1"], affines["relu5_1"]))
        current = F.leaky_relu(current, 0.2, inplace=True)
        for block in self.blocks5:
            current = block(current, code)
        current = _enlarged(current).add_(entered)
        for block in self.blocks4:
            current = block(current, code)
        return _plain(current, self.up3)

    def fine(
        self,
        coarse: Float[Tensor, "batch 64 _ _"],
        maps: dict[str, Tensor],
        affines: Mapping[str, Affine],
        code: Tensor,
        noise: Mapping[int, Tensor],
    ) -> Float[Tensor, "batch 3 height width"]:
        """Paint at full size: the pastiche less 0.5, not clamped, as the recoloured photo and what is painted over it.

        Parameters
        ----------
        maps: of the photo from `rgb` (less 0.5) to `relu3_1`, as they are. They are taken out as they are used: a
            large picture needs the memory.
        affines: transform the maps to unit size.
        noise: `smooth_noise` at 1/4 and 1/2 of the size, by stride.
        """
        same = torch.eye(NOISE).to(coarse)[None], coarse.new_zeros(1, NOISE)
        entering = (maps.pop("relu3_1"), affines["relu3_1"]), (noise[4], same)
        current = _enter(coarse, self.enter3, *entering, enlarge=True)
        for block in self.blocks3:
            current = block(current, code)
        entering = (maps.pop("relu2_1"), affines["relu2_1"]), (noise[2], same)
        current = _enter(_plain(current, self.up2), self.enter2, *entering, enlarge=True)
        for block in self.blocks2:
            current = block(current, code)
        # The photo enters twice: recoloured, and as it is but four times as strong, which is of unit size too.
        (matrix, offset), photo = affines["rgb"], maps.pop("rgb")
        twice = torch.cat([matrix, 4 * torch.eye(3).to(matrix).expand_as(matrix)], 1), F.pad(offset, (0, 3))
        entering = (maps.pop("relu1_1"), affines["relu1_1"]), (photo, twice)
        current = _enter(_plain(current, self.up1), self.enter1, *entering, enlarge=True)
        del entering
        for block in self.blocks1:
            current = block(current, code)
        painted = convolve(F.leaky_relu(current, 0.2, inplace=True), self.leave, code)
        centre, deviation = self.unit("rgb")
        return painted + apply_affine(photo, (matrix * deviation[:, None], offset * deviation + centre))


def _plain(current: Tensor, layer: nn.Conv2d) -> Tensor:
    assert layer.bias is not None, "made with one"
    return convolve_mirrored(current, layer.weight, layer.bias)


def _enter(current: Tensor, layer: nn.Conv2d, *parts: tuple[Tensor, Affine], enlarge: bool = False) -> Tensor:
    """Add a 1x1 convolution of several maps, each through its affine map, to `current`, which is enlarged first or not.

    A map and its two matrices are one multiplication; constants are added while `current` is small.
    """
    weight, bias = layer.weight.flatten(1), layer.bias
    assert bias is not None, "made with one"
    matrices = []
    for _, (matrix, offset) in parts:
        columns, weight = weight[:, : matrix.shape[1]], weight[:, matrix.shape[1] :]
        matrices.append(columns @ matrix)
        bias = bias + offset @ columns.mT
    current = current + bias[..., None, None]
    if enlarge:
        current = _enlarged(current)
    batch, channels, height, width = current.shape
    rows = current.permute(0, 2, 3, 1).flatten(1, 2)
    for (maps, _), matrix in zip(parts, matrices, strict=True):
        positions = maps.permute(0, 2, 3, 1).flatten(1, 2).to(rows.dtype)
        rows = rows.baddbmm_(positions.expand(len(rows), -1, -1), matrix.mT.to(rows.dtype).expand(len(rows), -1, -1))
    return rows.view(batch, height, width, channels).permute(0, 3, 1, 2)


def smooth_noise(noise: Float[Tensor, "batch channels rows columns"]) -> Float[Tensor, "batch channels rows columns"]:
    """White noise as the network reads it: averaged over neighbours, its sides meeting, of unit variance.

    White, it would show the grid of its positions when it is enlarged.
    """
    taps = noise.new_tensor([1.0, 4.0, 6.0, 4.0, 1.0])
    kernel = torch.outer(taps, taps) / taps.square().sum()
    channels = noise.shape[1]
    padded = F.pad(noise, (2, 2, 2, 2), mode="circular")
    return F.conv2d(padded, kernel.expand(channels, 1, 5, 5), groups=channels)


def _enlarged(maps: Tensor) -> Tensor:
    return F.interpolate(maps, scale_factor=2, mode="bilinear")
