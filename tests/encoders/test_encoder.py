"""The encoder against the same network in plain NumPy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch.utils._python_dispatch import TorchDispatchMode

from impasto.encoders import LITE, PADDING_MODES, POOLINGS, Architecture, Encoder, load_encoder
from impasto.errors import OptionError, WeightsError

NUMPY_MODES = {"reflect": "reflect", "replicate": "edge", "zeros": "constant", "circular": "wrap"}
ALL = [layer.name for layer in LITE.layers]


def reference(
    picture: NDArray[np.float64],
    weights: dict[str, NDArray[np.float64]],
    mean: float,
    padding_mode: str,
    pooling: str = "max",
) -> dict[str, NDArray[np.float64]]:
    """[3, height, width] to every layer: explicit padding, windows, sums; odd rows fall off when pooling."""
    maps: dict[str, NDArray[np.float64]] = {}
    current = picture - mean
    for block, depth in enumerate(LITE.depths, start=1):
        if block > 1:
            height, width = (side // 2 for side in current.shape[1:])
            if 0 in (height, width):
                break
            pairs = current[:, : 2 * height, : 2 * width].reshape(-1, height, 2, width, 2)
            current = pairs.max((2, 4)) if pooling == "max" else pairs.mean((2, 4))
        for index in range(1, depth + 1):
            mode = NUMPY_MODES[padding_mode]
            if mode == "reflect" and 1 in current.shape[1:]:
                mode = "edge"
            padded = np.pad(current, ((0, 0), (1, 1), (1, 1)), mode=mode)  # type: ignore[call-overload]
            windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (1, 2))
            kernel, bias = (weights[f"conv{block}_{index}.{part}"] for part in ("weight", "bias"))
            current = np.einsum("cyxkl,ockl->oyx", windows, kernel) + bias[:, None, None]
            maps[f"conv{block}_{index}"] = current
            current = np.maximum(current, 0)
            maps[f"relu{block}_{index}"] = current
    return maps


class CountConvolutions(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += "convolution" in str(func)
        return func(*args, **(kwargs or {}))


def random_picture(height: int, width: int, seed: int = 0) -> NDArray[np.float64]:
    return np.random.default_rng(seed).random((3, height, width))


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("padding_mode", PADDING_MODES)
@pytest.mark.parametrize("size", [(37, 50), (16, 16), (1, 1), (2, 1), (5, 1)])
def test_feature_maps_equal_numpy(
    tiny_encoder_file: Path, padding_mode: str, pooling: str, size: tuple[int, int]
) -> None:
    picture = random_picture(*size)
    weights = {k: v.double().numpy() for k, v in load_file(tiny_encoder_file).items()}
    expected = reference(picture, weights, 0.5, padding_mode, pooling)
    encoder = load_encoder(str(tiny_encoder_file), padding_mode=padding_mode, pooling=pooling, dtype=torch.float64)
    found = encoder(torch.from_numpy(picture)[None], list(expected))
    assert list(found) == list(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(found[name][0].numpy(), values, rtol=1e-10, atol=1e-12, err_msg=name)
    assert all(values.max() > 0 for values in expected.values())


def test_padding_modes_differ_only_near_the_border(tiny_encoder_file: Path) -> None:
    picture = torch.from_numpy(random_picture(12, 12))[None]
    maps = [
        load_encoder(str(tiny_encoder_file), padding_mode=mode, dtype=torch.float64)(picture, ["relu1_1"])
        for mode in PADDING_MODES
    ]
    for one, other in ((0, 1), (0, 2), (1, 2)):
        differs = (maps[one]["relu1_1"] - maps[other]["relu1_1"]).abs().amax(1)[0] > 1e-9
        assert differs.any()
        assert not differs[1:-1, 1:-1].any()


def test_a_batch_is_its_pictures(tiny_encoder_file: Path) -> None:
    encoder = load_encoder(str(tiny_encoder_file), dtype=torch.float64)
    pictures = [torch.from_numpy(random_picture(16, 24, seed))[None] for seed in range(3)]
    together = encoder(torch.cat(pictures), ["relu3_1"])["relu3_1"]
    alone = torch.cat([encoder(picture, ["relu3_1"])["relu3_1"] for picture in pictures])
    torch.testing.assert_close(together, alone)


@pytest.mark.parametrize(("layers", "convolutions"), [(["relu1_1"], 1), (["conv2_1", "relu1_1"], 3), (ALL, 12)])
def test_computes_no_deeper_than_asked(tiny_encoder_file: Path, layers: list[str], convolutions: int) -> None:
    encoder = load_encoder(str(tiny_encoder_file))
    with CountConvolutions() as counter:
        found = encoder(torch.rand(1, 3, 16, 16), layers)
    assert counter.count == convolutions
    assert set(found) == set(layers)


def test_later_layers_leave_kept_maps_alone(tiny_encoder_file: Path) -> None:
    # rectifying in place must not reach a map that was handed out
    encoder = load_encoder(str(tiny_encoder_file))
    picture = torch.rand(1, 3, 32, 32)
    both = [*ALL, *(name.replace("relu", "conv") for name in ALL)]
    together = encoder(picture, both)
    for name in both:
        torch.testing.assert_close(together[name], encoder(picture, [name])[name], rtol=0, atol=0)


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("padding_mode", PADDING_MODES)
def test_half_precision_is_near(padding_mode: str, pooling: str) -> None:
    """bfloat16 rounds to 8 bits, which is 0.2 % on average and adds up slowly from layer to layer."""
    exact, rounded = (
        load_encoder("lite", padding_mode=padding_mode, pooling=pooling, precision=precision)
        for precision in (None, torch.bfloat16)
    )
    picture = torch.from_numpy(random_picture(64, 80)).float()[None]
    leaves = [picture.clone().requires_grad_() for _ in range(2)]
    maps = [encoder(leaf, ALL) for encoder, leaf in zip((exact, rounded), leaves, strict=True)]
    gradients = [torch.autograd.grad(sum(m.square().sum() for m in ms.values()), p)[0]  # type: ignore[arg-type]
                 for ms, p in zip(maps, leaves, strict=True)]  # fmt: skip
    for name in ALL:
        assert maps[1][name].dtype == torch.float32
        assert 1e-4 < distance(maps[1][name], maps[0][name]) < 0.02, name
    assert gradients[1].dtype == torch.float32
    assert 1e-4 < distance(gradients[1], gradients[0]) < 0.02
    assert (rounded.name, rounded.sha256) == (exact.name, exact.sha256)


def test_half_precision_rounds_after_the_mean_is_subtracted(tiny_encoder_file: Path) -> None:
    """A contrast of 1e-3 around the mean would be lost among numbers near 0.5, whose neighbours are 4e-3 apart."""
    exact, rounded = (load_encoder(str(tiny_encoder_file), precision=p) for p in (None, torch.bfloat16))
    for encoder in (exact, rounded):
        encoder.kernels["relu1_1"][1].zero_()
    faint = 0.5 + 1e-3 * torch.from_numpy(random_picture(16, 16)).float()[None]
    found, expected = (encoder(faint, ["conv1_1"])["conv1_1"] for encoder in (rounded, exact))
    assert distance(found, expected) < 0.01


def distance(found: torch.Tensor, expected: torch.Tensor) -> float:
    return float((found - expected).detach().norm() / expected.detach().norm())


def test_leaves_the_picture_alone(tiny_encoder_file: Path) -> None:
    picture = torch.rand(1, 3, 16, 16)
    before = picture.clone()
    load_encoder(str(tiny_encoder_file))(picture, ["relu2_1"])
    assert torch.equal(picture, before)


def test_unknown_layer_is_named_with_the_nearest(tiny_encoder_file: Path) -> None:
    encoder = load_encoder(str(tiny_encoder_file))
    with pytest.raises(OptionError, match=r"no layer 'relu5_2'; did you mean 'relu\d_[12]'\?"):
        encoder(torch.rand(1, 3, 16, 16), ["relu5_2"])


def test_unknown_padding_mode(tiny_encoder_file: Path) -> None:
    with pytest.raises(OptionError, match="padding mode 'reflection'; did you mean 'reflect'"):
        load_encoder(str(tiny_encoder_file), padding_mode="reflection")


def test_unknown_pooling(tiny_encoder_file: Path) -> None:
    with pytest.raises(OptionError, match="pooling 'mean'; did you mean 'max'"):
        load_encoder(str(tiny_encoder_file), pooling="mean")


def one_convolution() -> dict[str, torch.Tensor]:
    return {"conv1_1.weight": torch.zeros(2, 3, 3, 3), "conv1_1.bias": torch.zeros(2)}


@pytest.mark.parametrize(
    ("key", "tensor", "message"),
    [
        ("conv1_1.weight", None, "lack 'conv1_1.weight'"),
        ("conv1_1.bias", None, "lack 'conv1_1.bias'"),
        (
            "conv1_1.weight",
            torch.zeros(2, 3, 5, 5),
            r"conv1_1 has shape \(2, 3, 5, 5\), expected \(2, 3, 3, 3\)",
        ),
        ("conv1_1.bias", torch.zeros(3), r"bias of conv1_1 has shape \(3,\), expected \(2,\)"),
    ],
)
def test_weights_that_do_not_fit(key: str, tensor: torch.Tensor | None, message: str) -> None:
    weights = one_convolution()
    Encoder("fits", "", Architecture((2,), (1,)), weights)
    if tensor is None:
        del weights[key]
    else:
        weights[key] = tensor
    with pytest.raises(WeightsError, match=message):
        Encoder("does not", "", Architecture((2,), (1,)), weights)
