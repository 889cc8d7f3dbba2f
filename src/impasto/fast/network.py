"""The stylizer's network: transformed feature maps of a photo in, a pastiche out; convolutions only."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from impasto.fast.statistics import CHANNELS, Batch
from impasto.fast.transport import Affine, apply_affine

MAPS = ("rgb", "relu1_1", "relu2_1", "relu3_1", "relu4_1")  # of the photo, transformed
CORRELATED = ("rgb", "relu1_1", "relu2_1")  # layers whose whole covariance the code sees
CODE = 128
NOISE = 4
STRIDE_PX = 16  # of the coarsest map


def _conv(inputs: int, outputs: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, padding_mode="reflect")


class Block(nn.Module):
    """Residual block whose inner channels are scaled and shifted by the painting's code."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first, self.second = _conv(channels, channels), _conv(channels, channels)
        self.affine = nn.Linear(CODE, 2 * channels)
        nn.init.kaiming_normal_(self.first.weight, 0.2)
        nn.init.normal_(self.second.weight, std=0.3 * (2 / (9 * channels)) ** 0.5)
        nn.init.zeros_(self.affine.weight)
        nn.init.zeros_(self.affine.bias)

    def forward(self, current: Tensor, code: Float[Tensor, "batch code"]) -> Tensor:
        gain, shift = self.affine(code).chunk(2, 1)
        gain = 1 + gain.tanh()
        if len(code) == 1:  # one painting: into the convolution itself, which spares a large map
            weight, bias = self.first.weight * gain[0, :, None, None, None], self.first.bias * gain[0] + shift[0]
            inner = F.conv2d(F.pad(current, (1, 1, 1, 1), mode="reflect"), weight, bias)
        else:
            inner = torch.addcmul(shift[:, :, None, None], self.first(current), gain[:, :, None, None])
        padded = F.pad(F.leaky_relu(inner, 0.2, inplace=True), (1, 1, 1, 1), mode="reflect")
        del inner  # at full size every map less counts
        return F.conv2d(padded, self.second.weight, self.second.bias).add_(current)


class Network(nn.Module):
    """Coarse to fine: blocks at 1/16 of the size, then at each finer size the next transformed map joins.

    Buffers `mean.*`, `deviation.*`: of the layers' channels over many paintings; maps and statistics are brought
    to unit size by them.
    """

    def __init__(self) -> None:
        super().__init__()
        for name, channels in CHANNELS.items():
            key = name.replace("rgb", "relu0_1")
            self.register_buffer(f"mean_{key}", torch.zeros(channels))
            self.register_buffer(f"deviation_{key}", torch.ones(channels))
        seen = sum(c + (c * (c + 1) // 2 if n in CORRELATED else c) for n, c in CHANNELS.items())
        self.code = nn.Sequential(nn.Linear(seen, 192), nn.LeakyReLU(0.2), nn.Linear(192, CODE))
        self.enter4 = _conv(128, 128)
        self.down = _conv(128 + NOISE, 128, 2)
        self.blocks5 = nn.ModuleList([Block(128), Block(128)])
        self.blocks4 = nn.ModuleList([Block(128)])
        self.enter3 = nn.Conv2d(64 + NOISE, 64, 1)
        self.enter2 = nn.Conv2d(32, 32, 1)
        self.enter1 = nn.Conv2d(16 + 6, 16, 1)
        self.up3, self.up2, self.up1 = _conv(128, 64), _conv(64, 32), _conv(32, 16)
        self.blocks3 = nn.ModuleList([Block(64), Block(64)])
        self.blocks2 = nn.ModuleList([Block(32), Block(32)])
        self.blocks1 = nn.ModuleList([Block(16), Block(16)])
        self.leave = _conv(16, 3)
        nn.init.normal_(self.leave.weight, std=0.01)
        nn.init.zeros_(self.leave.bias)  # type: ignore[arg-type]

    def unit(self, name: str) -> tuple[Tensor, Tensor]:
        """Mean and deviation of a layer's channels over many paintings."""
        key = name.replace("rgb", "relu0_1")
        return getattr(self, f"mean_{key}"), getattr(self, f"deviation_{key}")

    def encode(self, statistics: Batch) -> Float[Tensor, "batch code"]:
        """Code of paintings, of their (means, covariances) by layer."""
        seen = []
        for name, (means, covariances) in statistics.items():
            centre, deviation = self.unit(name)
            covariances = covariances / torch.outer(deviation, deviation)
            own = covariances.diagonal(dim1=1, dim2=2).clamp_min(1e-4)
            seen += [(means - centre) / deviation, 0.5 * own.log()]
            if name in CORRELATED:
                rows, columns = torch.tril_indices(len(centre), len(centre), -1)
                seen.append(covariances[:, rows, columns] / (own[:, rows] * own[:, columns]).sqrt())
        # Of length one: gains and shifts then move slowly, whatever the painting.
        code: Tensor = self.code(torch.cat(seen, 1).clamp(-4, 4))
        unit: Tensor = F.layer_norm(code, (CODE,)) * CODE**-0.5
        return unit

    def usual_variance(self) -> dict[str, float]:
        """By layer, the total variance of its channels over many paintings."""
        return {name: float(self.unit(name)[1].square().sum()) for name in CHANNELS}

    def in_units(self, affines: Mapping[str, Affine]) -> dict[str, Affine]:
        """Affine maps that end in the unit size that the network reads."""
        found = {}
        for name, (matrix, offset) in affines.items():
            centre, deviation = self.unit(name)
            found[name] = matrix / deviation[:, None], (offset - centre) / deviation
        return found

    def coarse(
        self, fourth: Float[Tensor, "batch 128 rows columns"], affine: Affine, code: Tensor, noise: Tensor
    ) -> Float[Tensor, "batch 64 rows columns"]:
        """What is painted at 1/8 of the size, of relu4_1 and its affine map; rows and columns are even."""
        entered = F.leaky_relu(self.enter4(apply_affine(fourth, affine)), 0.2, inplace=True)
        current = F.leaky_relu(self.down(torch.cat([entered, noise], 1)), 0.2, inplace=True)
        for block in self.blocks5:
            current = block(current, code)
        current = _enlarged(current).add_(entered)
        for block in self.blocks4:
            current = block(current, code)
        result: Tensor = self.up3(current)
        return result

    def fine(
        self,
        coarse: Float[Tensor, "batch 64 _ _"],
        maps: dict[str, Tensor],
        affines: Mapping[str, Affine],
        code: Tensor,
        noise: Tensor,
    ) -> Float[Tensor, "batch 3 height width"]:
        """The pastiche less 0.5, not clamped: the recoloured photo and what is painted over it.

        maps: of the photo from `rgb` (less 0.5) to `relu3_1`, as they are; taken out as they are used, for a large
        picture needs the memory. affines: what transforms them, in units.
        noise: `smooth_noise` at 1/4 of the size.
        """
        identity = torch.eye(NOISE).to(noise)[None], noise.new_zeros(1, NOISE)
        current = _enter(_enlarged(coarse), self.enter3, (maps.pop("relu3_1"), affines["relu3_1"]), (noise, identity))
        for block in self.blocks3:
            current = block(current, code)
        current = _enter(_enlarged(self.up2(current)), self.enter2, (maps.pop("relu2_1"), affines["relu2_1"]))
        for block in self.blocks2:
            current = block(current, code)
        # The photo is seen twice, recoloured and as it is, but four times as strong: of unit size too.
        (matrix, offset), photo = affines["rgb"], maps.pop("rgb")
        twice = torch.cat([matrix, 4 * torch.eye(3).to(matrix).expand_as(matrix)], 1), F.pad(offset, (0, 3))
        current = _enter(
            _enlarged(self.up1(current)), self.enter1, (maps.pop("relu1_1"), affines["relu1_1"]), (photo, twice)
        )
        for block in self.blocks1:
            current = block(current, code)
        painted: Tensor = self.leave(F.leaky_relu(current, 0.2, inplace=True))
        centre, deviation = self.unit("rgb")
        return painted + apply_affine(photo, (matrix * deviation[:, None], offset * deviation + centre))


def _enter(current: Tensor, layer: nn.Conv2d, *parts: tuple[Tensor, Affine]) -> Tensor:
    """Add a 1x1 convolution of several maps, each through its affine map first: both in one multiplication."""
    weight = layer.weight.flatten(1)
    for maps, (matrix, offset) in parts:
        share, weight = weight[:, : matrix.shape[1]], weight[:, matrix.shape[1] :]
        current = current.add_(apply_affine(maps, (share @ matrix, offset @ share.mT)))
    assert layer.bias is not None, "made with one"
    return current.add_(layer.bias[:, None, None])


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
