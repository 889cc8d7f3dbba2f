"""The ONNX graph: the same picture as the stylizer's, and matrix roots as eigenvalues give them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from stylizers import random_stylizer

from impasto.errors import OptionError
from impasto.storage.installed import install_command
from impasto.stylizer import onnx as export
from impasto.stylizer.stylizer import Stylizer, load_stylizer


@pytest.fixture(scope="module")
def stylizer() -> Stylizer:
    return random_stylizer(2)


@pytest.mark.parametrize("size", [3, 40])
@pytest.mark.parametrize("smallest", [1.0, 1e-2, 3e-5])
def test_roots_are_those_of_the_eigenvalues(size: int, smallest: float) -> None:
    generator = torch.Generator().manual_seed(size)
    vectors, _ = torch.linalg.qr(torch.randn(size, size, generator=generator, dtype=torch.float64))
    values = torch.logspace(0, np.log10(smallest), size, dtype=torch.float64) * 7
    matrix = ((vectors * values) @ vectors.T)[None]
    if smallest > 1e-4:  # a ridge lets the condition of the first root be no worse
        root = export.newton_power(matrix, 0.5)
        torch.testing.assert_close(root[0], (vectors * values.sqrt()) @ vectors.T, atol=1e-7, rtol=0)
    inverse = export.newton_power(matrix, -0.5)
    torch.testing.assert_close(inverse[0], (vectors * values.rsqrt()) @ vectors.T, atol=1e-6 / smallest, rtol=0)


@pytest.mark.parametrize(
    ("height", "width", "strength"), [(70, 101, 100.0), (64, 48, 60.0), (16, 90, 10.0), (40, 40, 0.0)]
)
def test_the_graph_paints_what_the_stylizer_paints(
    stylizer: Stylizer, height: int, width: int, strength: float
) -> None:
    generator = torch.Generator().manual_seed(3)
    photo, painting = (torch.rand(1, 3, *size, generator=generator) for size in ((height, width), (90, 66)))
    with torch.no_grad():
        exported = export.StylizerGraph(stylizer).eval()(photo, painting, torch.tensor(float(strength)))
        painted = stylizer.paint(photo, stylizer.measure_style(painting), strength=strength)
    torch.testing.assert_close(exported, painted, atol=2e-5, rtol=0)


def test_without_its_packages(stylizer: Stylizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(OptionError, match=re.escape(f"onnx is not installed; to export: {install_command('onnx')}")):
        export.export_onnx(stylizer, tmp_path / "a.onnx")


@pytest.mark.parametrize(("weights", "error"), [("exact", 1e-5), ("int8", 0.05)])
def test_a_packed_model_computes_the_same(weights: export.WeightsType, error: float) -> None:
    ir, onnx = pytest.importorskip("onnx_ir"), pytest.importorskip("onnx")
    from onnx.reference import ReferenceEvaluator

    generator = torch.Generator().manual_seed(0)
    halves = torch.randn(40, 40, generator=generator).half().float().T  # not contiguous, as torch.onnx hands them over
    whole = torch.randint(-127, 128, (40, 40), generator=generator).float()
    whole[:, 0] = 127
    constants = {"halves": halves, "again": halves.clone(), "whole": whole * 0.01, "few": torch.ones(40) / 3}
    tape = ir.tape.Tape()
    values = [tape.initializer(ir.tensor(tensor, name=name)) for name, tensor in constants.items()]
    current = photo = ir.val("photo", dtype=ir.DataType.FLOAT, shape=(1, 40))
    for value in values:
        current = tape.op(
            "Add" if value.name == "few" else "MatMul", [current, value], metadata_props={"line": "x" * 99}
        )
    current.name, current.dtype, current.shape = "pastiche", ir.DataType.FLOAT, ir.Shape((1, 40))
    graph = ir.Graph(
        [photo], [current], nodes=tape.nodes, initializers=tape.initializers, opset_imports={"": 20}, name="g"
    )
    model = ir.Model(graph, ir_version=10)
    feed = {"photo": np.linspace(0, 1, 40, dtype=np.float32)[None]}
    (before,) = ReferenceEvaluator(ir.to_proto(model)).run(None, feed)

    packed = onnx.load_from_string(export.pack_model(model, weights))
    (after,) = ReferenceEvaluator(packed).run(None, feed)
    assert np.abs(after - before).max() < error * np.abs(before).max()
    stored = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in packed.graph.initializer}
    assert stored["few"].dtype == np.float32
    assert stored["whole_stored"].dtype == np.int8
    assert stored["halves_stored"].dtype == (np.float16 if weights == "exact" else np.int8)
    assert not any(name.startswith("again") for name in stored)
    assert not any(node.name or node.metadata_props for node in packed.graph.node)


@pytest.mark.slow
@pytest.mark.parametrize(("weights", "limit", "largest"), [("exact", 1e-3, 5e6), ("int8", 0.1, 4e6)])
def test_onnxruntime_paints_the_same(tmp_path: Path, weights: str, limit: float, largest: float) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    path = tmp_path / "stylizer.onnx"
    # In a process of its own: the exporter cannot trace functions whose shapes are checked, as tests do.
    command = [sys.executable, "-m", "impasto", "export", "stylizer", "-o", str(path), "--weights", weights]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stderr == "impasto: PyTorch traces the network: a minute or two\n"
    assert path.stat().st_size < largest
    session = onnxruntime.InferenceSession(path)
    stylizer = load_stylizer()
    generator = torch.Generator().manual_seed(4)
    for sizes, strength in ((((70, 101), (90, 66)), 100.0), (((128, 33), (48, 200)), 40.0)):
        smooth = (torch.rand(1, 3, 6, 8, generator=generator) for _ in sizes)
        photo, painting = (torch.nn.functional.interpolate(s, size) for s, size in zip(smooth, sizes, strict=True))
        inputs = {"photo": photo.numpy(), "painting": painting.numpy(), "strength": np.array(strength, np.float32)}
        (exported,) = session.run(["pastiche"], inputs)
        painted = stylizer.paint(photo, stylizer.measure_style(painting), strength=strength).numpy()
        assert exported.shape == painted.shape
        assert np.abs(exported - painted).max() < limit
    run_the_example(path, tmp_path)


def run_the_example(model: Path, folder: Path) -> None:
    """What docs/draft.md shows for use without impasto."""
    generator = np.random.default_rng(0)
    for name, size in (("photo.png", (40, 64, 3)), ("painting.png", (48, 56, 3))):
        Image.fromarray(generator.integers(0, 256, size, np.uint8)).save(folder / name)
    example = Path(__file__).parents[2] / "examples" / "stylizer_onnx.py"
    names = [str(folder / name) for name in ("photo.png", "painting.png", "pastiche.png")]
    subprocess.run([sys.executable, "-I", str(example), str(model), *names], check=True)
    with Image.open(folder / "pastiche.png") as pastiche:
        assert pastiche.size == (512, 320)
