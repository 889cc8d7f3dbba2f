"""Mirroring and resampling, against NumPy and by property."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from impasto.images.tensors import extend_mirrored, mirror_indices, pixels_to_tensor, resize, tensor_to_pixels


@given(st.integers(1, 40), st.integers(0, 150), st.integers(0, 150))
def test_mirror_indices_are_numpys_reflection(length: int, before: int, after: int) -> None:
    expected = np.pad(np.arange(length), (before, after), mode="reflect" if length > 1 else "edge")
    assert mirror_indices(length, before, after).tolist() == expected.tolist()


@pytest.mark.parametrize(("height", "width"), [(5, 7), (1, 7), (5, 1), (1, 1), (2, 3)])
def test_extension_is_numpys(height: int, width: int) -> None:
    pixels = np.random.default_rng(0).random((1, 3, height, width))
    extended = extend_mirrored(torch.from_numpy(pixels), 3, 11, height + 3 + 6, width + 11 + 2)
    step = np.pad(pixels, ((0, 0), (0, 0), (3, 6), (0, 0)), mode="reflect" if height > 1 else "edge")
    expected = np.pad(step, ((0, 0), (0, 0), (0, 0), (11, 2)), mode="reflect" if width > 1 else "edge")
    np.testing.assert_array_equal(extended.numpy(), expected)


def test_extension_holds_the_picture_where_it_was_put() -> None:
    picture = torch.rand(1, 3, 6, 4)
    assert torch.equal(extend_mirrored(picture, 5, 2, 20, 21)[..., 5:11, 2:6], picture)


def test_resize_to_its_own_size_is_the_picture() -> None:
    picture = torch.rand(1, 3, 6, 4)
    assert torch.equal(resize(picture, 6, 4), picture)


@pytest.mark.parametrize("mode", ["bicubic", "bilinear"])
@pytest.mark.parametrize("size", [(3, 2), (12, 9), (1, 1), (6, 17), (3, 20), (40, 1)])
def test_resize_keeps_a_constant(mode: str, size: tuple[int, int]) -> None:
    resized = resize(torch.full((1, 3, 6, 8), 0.3), *size, mode=mode)
    assert resized.shape == (1, 3, *size)
    torch.testing.assert_close(resized, torch.full((1, 3, *size), 0.3))


@pytest.mark.parametrize("mode", ["bicubic", "bilinear"])
@pytest.mark.parametrize("factor", [0.25, 0.5, 2.0, 3.0])
def test_resize_does_not_move_the_picture(mode: str, factor: float) -> None:
    """A blob's centre of mass stays at the same share of the side: pixel centres, not corners, agree."""
    rows, columns = torch.meshgrid(torch.arange(64.0), torch.arange(48.0), indexing="ij")
    blob = torch.exp(-((rows - 36) ** 2 + (columns - 20) ** 2) / 50).expand(1, 3, 64, 48)
    resized = resize(blob, round(64 * factor), round(48 * factor), mode=mode)

    def centre(p: torch.Tensor) -> tuple[float, float]:
        mass = p[0, 0] / p[0, 0].sum()
        height, width = mass.shape
        down, right = ((torch.arange(n) + 0.5) / n for n in (height, width))
        return float(mass.sum(1) @ down), float(mass.sum(0) @ right)

    assert centre(resized) == pytest.approx(centre(blob), abs=1e-3)


def test_resize_smooths_before_it_shrinks() -> None:
    # Stripes finer than the new pixels become (almost) their mean; picking every third would give 0 and 1.
    stripes = (torch.arange(63) % 2).float().expand(1, 3, 63, 63)
    for mode in ("bilinear", "bicubic"):
        shrunk = resize(stripes, 21, 21, mode=mode)
        assert float((shrunk[..., 2:-2, 2:-2] - 0.5).abs().max()) < 0.15


def test_pixels_and_tensors_there_and_back() -> None:
    pixels = np.arange(24, dtype=np.float32).reshape(2, 4, 3)
    tensor = pixels_to_tensor(pixels)
    assert tensor.shape == (1, 3, 2, 4)
    assert tensor[0, 1, 0, 2] == pixels[0, 2, 1]
    back = tensor_to_pixels(tensor.clone())
    np.testing.assert_array_equal(back, pixels)
    assert back.flags.c_contiguous
