"""The stylizer as one ONNX graph: photo, painting and strength in, pastiche out, sizes free.

The graph is the encoder, the network and what is between them, whole: no tiles. Departure: matrix roots are found
by a Newton-Schulz iteration in float64, since ONNX has no eigendecomposition.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from impasto.errors import OptionError
from impasto.images.writing import check_place, write_file
from impasto.stylizer.network import MAPS, NOISE_STRIDES, STRIDE_PX
from impasto.stylizer.statistics import CHANNELS, MIDDLE, Batch
from impasto.stylizer.stylizer import FULL_AT, NOISE_SIDE, Stylizer
from impasto.stylizer.transport import RIDGE, Affine, mean_variance, ridged

OPSET = 20
# A ridge of 1% bounds the condition: 128 channels need 17 steps to a root, and 30 to that of a product of three.
ROOT_STEPS, PRODUCT_STEPS = 20, 34

SMALL = 1024  # numbers in a constant that stays as it is
ROUNDING = 1e-6  # of the largest number: what counts as exact

WeightsType = Literal["exact", "int8"]


class Graph(nn.Module):
    """What `Stylizer.study` and `Stylizer.paint` do, in operations that ONNX has.

    Inputs: photo [1, 3, height, width] and painting [1, 3, height, width] in [0, 1], 16 px a side or more;
    strength, a scalar from 0 to 100. Output: the pastiche, of the photo's size.
    """

    def __init__(self, stylizer: Stylizer) -> None:
        super().__init__()
        encoder = stylizer.encoder
        self.network = stylizer._network
        self.layers = encoder.architecture.up_to([name for name in CHANNELS if name != "rgb"])
        self.register_buffer("encoder_mean", encoder.mean)
        for layer in self.layers:
            for part, tensor in zip(("weight", "bias"), encoder.kernels[layer.name], strict=True):
                self.register_buffer(f"{layer.name}_{part}", tensor.contiguous())
        self.register_buffer("noise", stylizer.noise.contiguous())

    def forward(self, photo: Tensor, painting: Tensor, strength: Tensor) -> Tensor:
        height, width = photo.shape[2:]
        canvas = photo.index_select(2, _mirrored(height)).index_select(3, _mirrored(width))
        share = (strength / 100).clamp(0, 1)
        maps = self._features(canvas)
        own, wanted = _statistics(maps), _statistics(self._features(painting))
        affines = self.network.in_units({name: _recolouring(own[name], wanted[name], share) for name in MAPS})
        code = torch.lerp(self.network.encode(_single(own)), self.network.encode(_single(wanted)), share)
        noise = {stride: self._noise(stride, canvas) for stride in NOISE_STRIDES}
        coarse = self.network.coarse(maps, affines, code, noise[8])
        painted = self.network.fine(coarse, maps, affines, code, noise) + MIDDLE
        painted = painted[..., :height, :width].clamp(0, 1)
        return torch.lerp(photo, painted, (strength / FULL_AT).clamp(0, 1))

    def _features(self, picture: Tensor) -> dict[str, Tensor]:
        """Pixels less `MIDDLE` and the encoder's feature maps, as `Encoder` computes them."""
        found = {"rgb": picture - MIDDLE}
        current, block = picture - self.get_buffer("encoder_mean"), 1
        for layer in self.layers:
            if layer.block != block:
                current, block = F.max_pool2d(current, 2), layer.block
            weight, bias = (getattr(self, f"{layer.name}_{part}") for part in ("weight", "bias"))
            current = F.conv2d(F.pad(current, (1, 1, 1, 1), mode="reflect"), weight, bias).relu()
            if layer.name in CHANNELS:
                found[layer.name] = current
        return found

    def _noise(self, stride: int, canvas: Tensor) -> Tensor:
        rows, columns = (torch.arange(side // stride) % NOISE_SIDE for side in canvas.shape[2:])
        return self.get_buffer("noise").index_select(2, rows).index_select(3, columns)


def _mirrored(length: int) -> Tensor:
    """As `mirror_indices`, which the exporter does not take: positions on a canvas of whole strides."""
    canvas = STRIDE_PX * torch.sym_max(2, (length + STRIDE_PX - 1) // STRIDE_PX)  # type: ignore[no-untyped-call]
    period = torch.full((1,), 2 * (length - 1))
    wave = torch.arange(canvas).remainder(period)
    return torch.minimum(wave, period - wave)


def _statistics(maps: dict[str, Tensor]) -> Batch:
    """Means and covariances by layer, float64; the products themselves, of centred maps, are float32."""
    found = {}
    for name, features in maps.items():
        rows = features.flatten(2)
        mean = rows.mean(2)
        centred = rows - mean[:, :, None]
        found[name] = mean.double(), (centred @ centred.mT / rows.shape[2]).double()
    return found


def _single(batch: Batch) -> Batch:
    return {name: (mean.float(), covariance.float()) for name, (mean, covariance) in batch.items()}


def _recolouring(own: tuple[Tensor, Tensor], wanted: tuple[Tensor, Tensor], share: Tensor) -> Affine:
    """As `transport.recolouring` for one layer, the share a tensor."""
    (mean, covariance), (aim, target) = own, wanted
    share = share.double()
    ridge = RIDGE / 2 * (mean_variance(covariance) + mean_variance(target))
    covariance, target = ridged(covariance, ridge), ridged(target, ridge)
    root, _ = newton_roots(target, ROOT_STEPS)
    _, inverse = newton_roots(root @ covariance @ root, PRODUCT_STEPS)
    eye = torch.eye(covariance.shape[-1], dtype=torch.float64)
    matrix = share * (root @ inverse @ root) + (1 - share) * eye
    offset = torch.lerp(mean, aim, share) - (matrix @ mean[:, :, None])[:, :, 0]
    return matrix.float(), offset.float()


def newton_roots(matrix: Tensor, steps: int) -> tuple[Tensor, Tensor]:
    """Square root of symmetric positive definite matrices [batch, n, n], and its inverse.

    Coupled Newton-Schulz iteration: Higham, "Functions of Matrices" (2008), eq. 6.35, started at the matrix over its
    Frobenius norm. A small eigenvalue's root grows by half a step, then converges quadratically.
    """
    norm = matrix.square().sum((-2, -1), keepdim=True).sqrt()
    eye = torch.eye(matrix.shape[-1], dtype=matrix.dtype)

    def step(roots: tuple[Tensor, Tensor], number: Tensor) -> tuple[tuple[Tensor, Tensor], Tensor]:
        root, inverse = roots
        factor = 1.5 * torch.eye(root.shape[-1], dtype=root.dtype) - 0.5 * (inverse @ root)
        return (root @ factor, factor @ inverse), number.clone()

    roots, numbers = (matrix / norm, eye.expand_as(matrix).clone()), torch.zeros(steps)
    if torch.compiler.is_exporting():  # one node of the graph: unrolled the export took minutes
        from torch._higher_order_ops.scan import scan

        roots, _ = scan(step, roots, numbers)
    else:
        for number in numbers:
            roots, _ = step(roots, number)
    root, inverse = roots
    return root * norm.sqrt(), inverse / norm.sqrt()


def export_onnx(
    stylizer: Stylizer, path: str | Path, *, weights: WeightsType = "exact", overwrite: bool = False
) -> int:
    """Write the stylizer as an ONNX file; returns its size in bytes.

    Parameters
    ----------
    weights: ``exact``, or ``int8``: the encoder's too are stored in bytes, with a scale for every output channel,
        which is smaller and less exact. All is computed in float32 and, between the two, roots in float64.

    Raises
    ------
    OptionError: where the packages of the extra ``onnx`` are missing.
    OutputError: where the file cannot be written.
    """
    try:
        import onnx
        import onnxscript  # noqa: F401 (what torch.onnx writes with)
    except ImportError as error:
        raise OptionError(f"{error.name} is not installed; to export: pip install 'impasto[onnx]'") from error
    check_place(path, overwrite=overwrite)
    side = torch.export.Dim.DYNAMIC
    with warnings.catch_warnings(), _quiet("torch.onnx"):
        warnings.simplefilter("ignore")  # torch's, about itself
        program = torch.onnx.export(
            Graph(stylizer).eval(),
            (torch.rand(1, 3, 80, 112), torch.rand(1, 3, 96, 64), torch.tensor(100.0)),
            input_names=["photo", "painting", "strength"],
            output_names=["pastiche"],
            dynamic_shapes={"photo": {2: side, 3: side}, "painting": {2: side, 3: side}, "strength": {}},
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    assert program is not None, "torch.onnx.export returns a program with dynamo"
    model = program.model_proto
    _share_constants(model.graph)
    _shrink(model.graph, weights)
    del model.graph.value_info[:]
    for part in (*model.graph.node, *model.graph.initializer, *(n for f in model.functions for n in f.node)):
        del part.metadata_props[:]  # where in our source it comes from: a megabyte
    for node in model.graph.node:
        node.ClearField("name")
    for key, value in {"stylizer": stylizer.name, "stylizer_sha256": stylizer.sha256}.items():
        model.metadata_props.add(key=key, value=value)
    onnx.checker.check_model(model)
    data = model.SerializeToString()
    write_file(path, data, overwrite=overwrite)
    return len(data)


def _share_constants(graph: Any) -> None:
    """Keep one of constants that are equal; those that the body of a loop reads stay."""
    readers: dict[str, list[tuple[Any, int]]] = {}
    for node in graph.node:
        for index, name in enumerate(node.input):
            readers.setdefault(name, []).append((node, index))
    kept: dict[bytes, str] = {}
    for constant in list(graph.initializer):
        name, constant.name = constant.name, ""
        content = constant.SerializeToString()
        constant.name = name
        if kept.setdefault(content, name) != name and name in readers:
            for node, index in readers[name]:
                node.input[index] = kept[content]
            graph.initializer.remove(constant)


def _shrink(graph: Any, weights: WeightsType) -> None:
    """Store the large constants in fewer bits, each with the nodes that bring it back."""
    from onnx import numpy_helper

    nodes = []
    for constant in list(graph.initializer):
        found = _smaller(numpy_helper.to_array(constant), constant.name, weights)
        if found is not None:
            graph.initializer.remove(constant)
            graph.initializer.extend(numpy_helper.from_array(values, name) for name, values in found[0].items())
            nodes += found[1]
    for node in reversed(nodes):
        graph.node.insert(0, node)


def _smaller(values: NDArray[Any], name: str, weights: WeightsType) -> tuple[dict[str, NDArray[Any]], list[Any]] | None:
    """Constants, and nodes that make `values` of them; None where it stays.

    Exactly, where that can be: the network's in bytes, the encoder's in float16.
    """
    from onnx import TensorProto, helper

    stored, whole_name, scales = f"{name}_stored", f"{name}_whole", f"{name}_scale"
    if values.size < SMALL:
        return None
    if values.dtype == np.float64 and np.array_equal(values.astype(np.int8), values):  # identities
        return {stored: values.astype(np.int8)}, [helper.make_node("Cast", [stored], [name], to=TensorProto.DOUBLE)]
    if values.dtype != np.float32:
        return None
    for axis in range(min(2, values.ndim)):
        whole, scale = _in_bytes(values, axis)
        if weights == "int8" or np.abs(scale * whole - values).max() <= ROUNDING * np.abs(values).max():
            # Not DequantizeLinear: onnxruntime would fuse it with what follows and round the maps too.
            return {stored: whole, scales: scale}, [
                helper.make_node("Cast", [stored], [whole_name], to=TensorProto.FLOAT),
                helper.make_node("Mul", [whole_name, scales], [name]),
            ]
    half = values.astype(np.float16)
    if not np.array_equal(half.astype(np.float32), values):
        return None
    return {stored: half}, [helper.make_node("Cast", [stored], [name], to=TensorProto.FLOAT)]


def _in_bytes(values: NDArray[np.float32], axis: int) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """(whole numbers, scales along `axis`) whose products are `values`, or near them."""
    others = tuple(other for other in range(values.ndim) if other != axis)
    scale = (np.maximum(np.abs(values).max(others, keepdims=True), 1e-12) / 127).astype(np.float32)
    return np.rint(values / scale).astype(np.int8), scale


@contextmanager
def _quiet(name: str) -> Iterator[None]:
    """Keep a library's logger from telling what concerns only itself."""
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)
