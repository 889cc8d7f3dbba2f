"""The stylizer as one ONNX graph: photo, painting and strength in, pastiche out, sizes free.

The graph holds the encoder, the network and what lies between them, whole: no tiles. Departure: matrix roots come
from a Newton-Schulz iteration in float64, since ONNX has no eigendecomposition.
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
from impasto.storage.atomic import check_place, write_file
from impasto.storage.installed import install_command
from impasto.stylizer.network import NOISE_STRIDES, STRIDE_PX
from impasto.stylizer.statistics import CHANNELS, MIDDLE, batch_statistics
from impasto.stylizer.stylizer import FULL_AT, NOISE_SIDE, Stylizer
from impasto.stylizer.transport import Matrices, recolouring

OPSET = 20
# A ridge of 1% bounds the condition: 128 channels need 17 steps to a root, and 30 to that of a product of three.
ROOT_STEPS, PRODUCT_STEPS = 20, 34

SMALL = 1024  # numbers in a constant that stays as it is
LARGEST = 2**24  # numbers in a constant that is compared with others
ROUNDING = 1e-6  # of the largest number: what counts as exact

WeightsType = Literal["exact", "int8"]


class StylizerGraph(nn.Module):
    """What `Stylizer.measure_style` and `Stylizer.paint` do, in operations that ONNX has.

    Inputs: photo [1, 3, height, width] and painting [1, 3, height, width] in [0, 1], 16 px a side or more;
    strength, a scalar from 0 to 100. Output: the pastiche, of the photo's size.
    """

    def __init__(self, stylizer: Stylizer) -> None:
        super().__init__()
        encoder = stylizer.encoder
        self.network = stylizer.network
        self.layers = encoder.architecture.up_to([name for name in CHANNELS if name != "rgb"])
        self.register_buffer("encoder_mean", encoder.mean)
        for layer in self.layers:
            for part, tensor in zip(("weight", "bias"), encoder.kernels[layer.name], strict=True):
                self.register_buffer(f"{layer.name}_{part}", tensor.contiguous())
        self.register_buffer("noise", stylizer.noise.contiguous())

    def forward(self, photo: Tensor, painting: Tensor, strength: Tensor) -> Tensor:
        height, width = photo.shape[2:]
        canvas = photo.index_select(2, _mirrored(height)).index_select(3, _mirrored(width))
        amount = (strength / 100).clamp(0, 1)
        maps = self._features(canvas)
        of_photo, of_painting = batch_statistics(maps), batch_statistics(self._features(painting))
        affines = self.network.in_units(recolouring(of_photo, of_painting, amount.double(), newton_power))
        code = torch.lerp(self.network.encode(of_photo), self.network.encode(of_painting), amount)
        noise = {stride: self._noise(stride, canvas) for stride in NOISE_STRIDES}
        coarse = self.network.coarse(maps, affines, code, noise[8])
        painted = self.network.fine(coarse, maps, affines, code, noise) + MIDDLE
        painted = painted[..., :height, :width].clamp(0, 1)
        return torch.lerp(photo, painted, (strength / FULL_AT).clamp(0, 1))

    def _features(self, picture: Tensor) -> dict[str, Tensor]:
        """Pixels less `MIDDLE` and the encoder's feature maps, as `Encoder` computes them."""
        maps = {"rgb": picture - MIDDLE}
        current, block = picture - self.get_buffer("encoder_mean"), 1
        for layer in self.layers:
            if layer.block != block:
                current, block = F.max_pool2d(current, 2), layer.block
            weight, bias = (getattr(self, f"{layer.name}_{part}") for part in ("weight", "bias"))
            current = F.conv2d(F.pad(current, (1, 1, 1, 1), mode="reflect"), weight, bias).relu()
            if layer.name in CHANNELS:
                maps[layer.name] = current
        return maps

    def _noise(self, stride: int, canvas: Tensor) -> Tensor:
        rows, columns = (torch.arange(side // stride) % NOISE_SIDE for side in canvas.shape[2:])
        return self.get_buffer("noise").index_select(2, rows).index_select(3, columns)


def _mirrored(length: int) -> Tensor:
    """Positions on a canvas of whole strides, as of `mirror_indices`, which the exporter does not take."""
    canvas = STRIDE_PX * torch.sym_max(2, (length + STRIDE_PX - 1) // STRIDE_PX)  # type: ignore[no-untyped-call]
    period = torch.full((1,), 2 * (length - 1))
    wave = torch.arange(canvas).remainder(period)
    return torch.minimum(wave, period - wave)


def newton_power(matrix: Matrices, exponent: float) -> Matrices:
    """Square root of symmetric positive definite matrices, or its inverse (exponents 0.5, -0.5).

    Coupled Newton-Schulz iteration: Higham, "Functions of Matrices" (2008), eq. 6.35, started at the matrix over its
    Frobenius norm. A small eigenvalue's root grows by half a step, then converges quadratically.
    """
    norm = matrix.square().sum((-2, -1), keepdim=True).sqrt()
    eye = torch.eye(matrix.shape[-1], dtype=matrix.dtype)

    def step(roots: tuple[Tensor, Tensor], number: Tensor) -> tuple[tuple[Tensor, Tensor], Tensor]:
        root, inverse = roots
        factor = 1.5 * torch.eye(root.shape[-1], dtype=root.dtype) - 0.5 * (inverse @ root)
        return (root @ factor, factor @ inverse), number.clone()

    roots = matrix / norm, eye.expand_as(matrix).clone()
    numbers = torch.zeros(ROOT_STEPS if exponent > 0 else PRODUCT_STEPS)
    if torch.compiler.is_exporting():  # one node of the graph: unrolled the export took minutes
        from torch._higher_order_ops.scan import scan

        roots, _ = scan(step, roots, numbers)
    else:
        for number in numbers:
            roots, _ = step(roots, number)
    root, inverse = roots
    return root * norm.sqrt() if exponent > 0 else inverse / norm.sqrt()


def check_export(path: str | Path, *, overwrite: bool = False) -> None:
    """Raise as `export_onnx` does for what can be seen before the export, which takes a minute or two."""
    if Path(path).suffix.lower() != ".onnx":
        raise OptionError(f"an exported stylizer ends in .onnx, got {str(path)!r}")
    try:
        import onnx  # noqa: F401 (as onnxscript: torch.onnx writes with them)
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise OptionError(f"{error.name} is not installed; to export: {install_command('onnx')}") from error
    check_place(path, overwrite=overwrite)


def export_onnx(
    stylizer: Stylizer, path: str | Path, *, weights: WeightsType = "exact", overwrite: bool = False
) -> int:
    """Write the stylizer as an ONNX file; returns its size in bytes.

    It takes a minute and a half of one core: PyTorch traces the network, sizes unknown, and then a second time to
    write it in fewer operations.

    Parameters
    ----------
    weights: ``exact``, or ``int8``: the encoder's too are stored in bytes, with a scale for every output channel,
        which is smaller and less exact. All is computed in float32 and, between the two, roots in float64.

    Raises
    ------
    OptionError: where the packages of the extra ``onnx`` are missing, or the name does not end in .onnx.
    OutputError: where the file cannot be written.
    """
    check_export(path, overwrite=overwrite)
    side = torch.export.Dim.DYNAMIC
    with warnings.catch_warnings(), _quiet("torch.onnx"):
        warnings.simplefilter("ignore")  # torch's, about itself
        program = torch.onnx.export(
            StylizerGraph(stylizer).eval(),
            (torch.rand(1, 3, 80, 112), torch.rand(1, 3, 96, 64), torch.tensor(100.0)),
            input_names=["photo", "painting", "strength"],
            output_names=["pastiche"],
            dynamic_shapes={"photo": {2: side, 3: side}, "painting": {2: side, 3: side}, "strength": {}},
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    assert program is not None, "torch.onnx.export returns a program with dynamo"
    program.model.metadata_props.update(stylizer=stylizer.name, stylizer_sha256=stylizer.sha256)
    data = pack_model(program.model, weights)
    write_file(path, data, overwrite=overwrite)
    return len(data)


def pack_model(model: Any, weights: WeightsType) -> bytes:
    """The bytes of an `onnx_ir.Model` without repeated constants and names, its large constants in fewer bits."""
    import onnx
    import onnx_ir
    from onnx_ir.passes import common

    common.DeduplicateInitializersPass(size_limit=LARGEST)(model)
    common.ClearMetadataAndDocStringPass()(model)  # where in our source each node comes from: a megabyte
    _shrink(model.graph, weights)
    for node in onnx_ir.traversal.RecursiveGraphIterator(model.graph):
        node.name = None
        for value in node.outputs:
            if not value.is_graph_output():
                value.type = value.shape = None
    proto = onnx_ir.to_proto(model)
    onnx.checker.check_model(proto)
    return bytes(proto.SerializeToString())


def _shrink(graph: Any, weights: WeightsType) -> None:
    """Store the large constants in fewer bits, each with the nodes that bring it back."""
    import onnx_ir
    from onnx_ir.tape import Tape

    tape = Tape()
    for name, constant in list(graph.initializers.items()):
        smaller = _smaller(constant.const_value.numpy(), weights)
        if smaller is None:
            continue
        numbers, scales = smaller
        whole = tape.op(
            "Cast", [tape.initializer(onnx_ir.tensor(numbers, name=f"{name}_stored"))], {"to": constant.dtype}
        )
        if scales is not None:
            # Not DequantizeLinear: onnxruntime would fuse it with what follows and round the maps too.
            whole = tape.op("Mul", [whole, tape.initializer(onnx_ir.tensor(scales, name=f"{name}_scale"))])
        constant.replace_all_uses_with(whole)
        del graph.initializers[name]
    for constant in tape.initializers:
        graph.initializers.add(constant)
    graph.insert_before(graph[0], tape.nodes)


def _smaller(values: NDArray[Any], weights: WeightsType) -> tuple[NDArray[Any], NDArray[np.float32] | None] | None:
    """Numbers in fewer bits and, if need be, scales, whose products are `values`; None where they stay.

    Exactly, where that can be: the network's in bytes, the encoder's in float16.
    """
    if values.size < SMALL or values.dtype not in (np.float32, np.float64):
        return None
    if values.dtype == np.float64:
        whole = values.astype(np.int8)
        return (whole, None) if np.array_equal(whole, values) else None  # identities
    for axis in range(min(2, values.ndim)):
        others = tuple(other for other in range(values.ndim) if other != axis)
        scale = (np.maximum(np.abs(values).max(others, keepdims=True), 1e-12) / 127).astype(np.float32)
        whole = np.rint(values / scale).astype(np.int8)
        if weights == "int8" or np.abs(scale * whole - values).max() <= ROUNDING * np.abs(values).max():
            return whole, scale
    half = values.astype(np.float16)
    return (half, None) if np.array_equal(half.astype(np.float32), values) else None


@contextmanager
def _quiet(name: str) -> Iterator[None]:
    """Silence a library's logger, whose warnings are about the library itself."""
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)
