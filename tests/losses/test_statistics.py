"""Style statistics against float64 loops."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from impasto.losses.statistics import CHUNK, Moments, Sample, blend, blend_samples, moments, take_sample

SIZES = [(1, 1), (3, 5), (CHUNK // 64, 64), (CHUNK // 64, 65), (150, 100)]  # below, at and above a chunk


def feature_map(channels: int, height: int, width: int, seed: int = 0) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    return torch.randn(1, channels, height, width, generator=random, dtype=torch.float64) + 0.5


def slow_sums(
    features: torch.Tensor, weights: torch.Tensor | None = None
) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """Position by position, as the definition says."""
    values = features[0].double().numpy()
    channels, height, width = values.shape
    count, total, outer = 0.0, np.zeros(channels), np.zeros((channels, channels))
    for row in range(height):
        for column in range(width):
            weight = 1.0 if weights is None else float(weights[row, column])
            f = values[:, row, column]
            count += weight
            total += weight * f
            outer += weight * np.outer(f, f)
    return count, total, outer


def assert_sums(found: Moments, expected: tuple[float, object, object], rtol: float = 1e-12) -> None:
    np.testing.assert_allclose(found.count.numpy(), expected[0], rtol=rtol)
    np.testing.assert_allclose(found.total.numpy(), expected[1], rtol=rtol, atol=1e-8 * rtol / 1e-12)
    np.testing.assert_allclose(found.outer.numpy(), expected[2], rtol=rtol, atol=1e-8 * rtol / 1e-12)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_sums_equal_loops(size: tuple[int, int], layout: torch.memory_format) -> None:
    features = feature_map(3, *size).contiguous(memory_format=layout)
    assert_sums(moments(features), slow_sums(features))


@pytest.mark.parametrize("size", SIZES)
def test_weighted_sums_equal_loops(size: tuple[int, int]) -> None:
    features = feature_map(3, *size)
    weights = torch.rand(size, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    assert_sums(moments(features, weights), slow_sums(features, weights))


def test_mask_of_ones_and_zeros_is_a_selection() -> None:
    features = feature_map(4, 8, 9)
    mask = torch.zeros(8, 9)
    mask[2:5, 3:7] = 1
    selected = moments(features[..., 2:5, 3:7])
    assert_sums(moments(features, mask), (12.0, selected.total, selected.outer))


def test_mean_second_moment_and_covariance_are_numpys() -> None:
    features = feature_map(5, 30, 20)
    columns = features[0].flatten(1).numpy()
    found = moments(features)
    np.testing.assert_allclose(found.mean.numpy(), columns.mean(1))
    np.testing.assert_allclose(found.second_moment.numpy(), columns @ columns.T / 600)
    np.testing.assert_allclose(found.covariance.numpy(), np.cov(columns, bias=True), atol=1e-13)


def test_tiles_add_up_to_the_whole() -> None:
    features = feature_map(4, 70, 90).float()
    tiles = [moments(features[..., top : top + 33, left : left + 41]) for top in (0, 33, 66) for left in (0, 41, 82)]
    merged = tiles[0]
    for tile in tiles[1:]:
        merged = merged + tile
    whole = moments(features)
    assert_sums(merged, (float(whole.count), whole.total, whole.outer), rtol=1e-6)


def test_tiles_of_one_mask_add_up() -> None:
    features, mask = feature_map(3, 20, 30), torch.rand(20, 30)
    halves = moments(features[..., :11], mask[:, :11]) + moments(features[..., 11:], mask[:, 11:])
    whole = moments(features, mask)
    assert_sums(halves, (float(whole.count), whole.total, whole.outer), rtol=1e-9)


def test_blend_is_of_normalised_moments_whatever_the_sizes() -> None:
    small, large = feature_map(3, 4, 5, seed=1), 3 * feature_map(3, 60, 70, seed=2) + 1
    mixed = blend([(moments(small), 3.0), (moments(large), 1.0)])
    (n1, t1, o1), (n2, t2, o2) = slow_sums(small), slow_sums(large)
    np.testing.assert_allclose(mixed.mean.numpy(), 0.75 * t1 / n1 + 0.25 * t2 / n2)
    np.testing.assert_allclose(mixed.second_moment.numpy(), 0.75 * o1 / n1 + 0.25 * o2 / n2)
    by_area = (t1 + t2) / (n1 + n2)
    assert not np.allclose(mixed.mean.numpy(), by_area, rtol=0.1)


def test_blend_of_one_is_itself_and_only_ratios_count() -> None:
    first, second = moments(feature_map(3, 6, 7, seed=1)), moments(feature_map(3, 9, 2, seed=2))
    np.testing.assert_allclose(blend([(first, 5.0)]).covariance.numpy(), first.covariance.numpy())
    one, ten = (blend([(first, 1.0 * k), (second, 2.0 * k)]) for k in (1, 10))
    np.testing.assert_allclose(one.second_moment.numpy(), ten.second_moment.numpy())


def test_transformed_moments_are_the_moments_of_transformed_features() -> None:
    features = feature_map(4, 12, 13)
    matrix = torch.randn(6, 4, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    turned = torch.einsum("oc,bcyx->boyx", matrix, features)
    assert_sums(moments(features).transformed(matrix), slow_sums(turned))


def test_normalised_keeps_mean_and_covariance() -> None:
    plain = moments(feature_map(3, 5, 6))
    scaled = plain.normalised(0.25)
    assert float(scaled.count) == pytest.approx(0.25)
    np.testing.assert_allclose(scaled.mean.numpy(), plain.mean.numpy())
    np.testing.assert_allclose(scaled.covariance.numpy(), plain.covariance.numpy(), atol=1e-14)


def test_float32_with_a_large_mean_does_not_cancel() -> None:
    random = torch.Generator().manual_seed(0)
    features = (10 + 0.01 * torch.randn(1, 6, 96, 80, generator=random, dtype=torch.float64)).float()
    exact = np.cov(features[0].flatten(1).double().numpy(), bias=True)
    variance = np.diag(exact)
    assert variance == pytest.approx(1e-4, rel=0.1)

    flat = features[0].flatten(1)
    naive = flat @ flat.T / flat.shape[1] - torch.outer(flat.mean(1), flat.mean(1))
    naive_error = np.abs(naive.numpy() - exact).max() / 1e-4
    assert naive_error > 0.01, "the case is too easy to tell anything"

    found = moments(features).covariance.numpy()
    assert np.abs(found - exact).max() / 1e-4 < 0.01
    assert np.linalg.eigvalsh(found).min() > 0


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("weighted", [False, True])
def test_gradient_equals_finite_differences(layout: torch.memory_format, weighted: bool) -> None:
    features = feature_map(3, 4, 5).contiguous(memory_format=layout).requires_grad_()
    weights = torch.rand(4, 5, dtype=torch.float64) if weighted else None

    def sums(f: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        found = moments(f, weights)
        return found.total, found.outer

    assert torch.autograd.gradcheck(sums, features)


def test_gradient_across_chunks_equals_plain_autograd() -> None:
    features = feature_map(3, 90, 50).float()
    direction = torch.randn(3, 3, generator=torch.Generator().manual_seed(4), dtype=torch.float64)

    def gradient(second_moment: torch.Tensor, leaf: torch.Tensor) -> torch.Tensor:
        return torch.autograd.grad((second_moment * direction).sum(), leaf)[0].double()

    fast_leaf = features.clone().requires_grad_()
    slow_leaf = features.double().requires_grad_()
    flat = slow_leaf[0].flatten(1)
    slow = gradient(flat @ flat.T / flat.shape[1], slow_leaf)
    torch.testing.assert_close(gradient(moments(fast_leaf).second_moment, fast_leaf), slow, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("inside", [None, (slice(3, 80), slice(0, 41))])
def test_a_narrow_map_is_widened_before_anything_is_computed(
    weighted: bool, inside: tuple[slice, slice] | None
) -> None:
    """Sums and gradient are those of the same values in float64; the gradient is rounded once, at its end."""
    features = (feature_map(3, 90, 50) + 4).bfloat16().contiguous(memory_format=torch.channels_last)
    weights = torch.rand(90, 50, generator=torch.Generator().manual_seed(1)) if weighted else None
    slopes = (feature_map(1, 1, 3)[0, 0, 0], feature_map(3, 1, 3, seed=1)[0, :, 0])

    def gradient(leaf: torch.Tensor) -> tuple[Moments, torch.Tensor]:
        found = moments(leaf.requires_grad_(), weights, inside)
        return found, torch.autograd.grad((found.total, found.outer), leaf, slopes)[0]

    (found, narrow), (wanted, wide) = gradient(features), gradient(features.double())
    for part in ("count", "total", "outer"):
        torch.testing.assert_close(getattr(found, part), getattr(wanted, part), rtol=1e-6, atol=1e-3)
        assert getattr(found, part).dtype == torch.float64
    assert narrow.dtype == torch.bfloat16
    torch.testing.assert_close(narrow.double(), wide, rtol=2**-8, atol=1e-4)


def test_detached_moments_carry_no_graph() -> None:
    found = moments(feature_map(2, 3, 3).requires_grad_())
    assert found.outer.requires_grad
    alone = found.detached(torch.device("cpu"))
    assert not any(x.requires_grad for x in (alone.total, alone.outer))


def test_samples_blend_by_weight() -> None:
    one, other = Sample(torch.zeros(40, 2)), Sample(torch.ones(40, 2))
    blended = blend_samples([(one, 3.0), (other, 1.0)]).features
    assert len(blended) == 40
    assert float(blended.mean()) == pytest.approx(0.25)


def test_a_sample_is_of_distinct_positions_and_always_the_same() -> None:
    features = torch.arange(2 * 30, dtype=torch.float64).reshape(1, 2, 5, 6)
    sample = take_sample(features, 20).features
    assert sample.shape == (20, 2)
    assert len(set(sample[:, 0].tolist())) == 20
    assert torch.equal(sample[:, 1], sample[:, 0] + 30)  # the channels of one position stay together
    assert torch.equal(sample, take_sample(features, 20).features)
    assert not torch.equal(sample, take_sample(features, 20, seed=1).features)
    assert len(take_sample(features, 100).features) == 30
