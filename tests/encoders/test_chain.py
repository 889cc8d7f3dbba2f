"""The written-out derivative of the encoder's layers against autograd through padding, convolution and rectifier."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.encoders.chain import Link, Pool, chain_maps

WIDTHS = (3, 4, 5, 6, 7)
POOLED = {2, 3}  # links that pool first
KEPT = {(0, False), (1, True), (2, True), (2, False), (3, False)}  # link, and whether before the rectifier


def build_links(dtype: torch.dtype, depth: int = 4) -> list[Link]:
    generator = torch.Generator().manual_seed(0)
    return [
        Link(
            torch.randn(wide, narrow, 3, 3, generator=generator)
            .to(dtype)
            .contiguous(memory_format=torch.channels_last),
            torch.randn(wide, generator=generator).to(dtype),
            index in POOLED,
            (index, False) in KEPT,
            (index, True) in KEPT,
        )
        for index, (narrow, wide) in enumerate(pairwise(WIDTHS[: depth + 1]))
    ]


def plain_maps(picture: Tensor, links: list[Link], mode: str = "reflect") -> list[Tensor]:
    maps, current = [], picture
    for link in links:
        if link.pools:
            current = F.max_pool2d(current, 2)
        current = F.conv2d(F.pad(current, (1, 1, 1, 1), mode=mode), link.kernel, link.bias)
        maps += [current] if link.keeps_convolution else []
        current = current.relu()
        maps += [current] if link.keeps else []
    return maps


def random_picture(*size: int, dtype: torch.dtype = torch.float64) -> Tensor:
    picture = torch.randn(size, generator=torch.Generator().manual_seed(1), dtype=torch.float64).to(dtype)
    return picture.contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("size", [(1, 3, 8, 8), (1, 3, 13, 18), (2, 3, 11, 9)])
@pytest.mark.parametrize("mode", ["reflect", "constant"])
def test_maps_and_derivative_equal_autograds(size: tuple[int, ...], mode: str) -> None:
    links, picture = build_links(torch.float64), random_picture(*size).requires_grad_()
    found = chain_maps(picture, links, F.max_pool2d, mirrors=mode == "reflect")
    wanted = plain_maps(picture, links, mode)
    assert len(found) == len(wanted) == len(KEPT)
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)
    slopes = [random_picture(*features.shape) for features in wanted]
    (by_chain,) = torch.autograd.grad(found, picture, slopes)
    (by_autograd,) = torch.autograd.grad(wanted, picture, slopes)
    torch.testing.assert_close(by_chain, by_autograd, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
@pytest.mark.parametrize("pool", [F.max_pool2d, F.avg_pool2d])
@pytest.mark.parametrize("mirrors", [True, False])
def test_derivative_equals_finite_differences(mirrors: bool, pool: Pool, depth: int) -> None:
    links, picture = build_links(torch.float64, depth), random_picture(1, 3, 9, 8).requires_grad_()
    maps = chain_maps(picture, links, pool, mirrors=mirrors)
    slopes = [random_picture(*features.shape) for features in maps]
    (found,) = torch.autograd.grad(maps, picture, slopes)

    def value(at: Tensor) -> Tensor:
        maps = chain_maps(at, links, pool, mirrors=mirrors)
        return torch.stack([(slope * features).sum() for slope, features in zip(slopes, maps, strict=True)]).sum()

    with torch.no_grad():
        steps = 1e-6 * torch.eye(picture.numel(), dtype=torch.float64).view(-1, *picture.shape)
        wanted = torch.stack([value(picture + step) - value(picture - step) for step in steps]) / 2e-6
    torch.testing.assert_close(found.flatten(), wanted, rtol=1e-6, atol=1e-6)


def test_a_map_is_let_go_as_soon_as_it_is_used() -> None:
    """Autograd would hold all of them to the end."""
    links, picture = build_links(torch.float64), random_picture(1, 3, 12, 12).requires_grad_()
    maps = chain_maps(picture, links, F.max_pool2d)
    held = maps[-1].grad_fn.rectified  # type: ignore[union-attr]
    assert len(held) == len(links)
    slopes = [torch.ones_like(features) for features in maps]
    torch.autograd.grad(maps, picture, slopes, retain_graph=True)
    assert not held
    with pytest.raises(RuntimeError, match="once"):
        torch.autograd.grad(maps, picture, slopes)


@pytest.mark.parametrize("asked", range(len(KEPT)))
def test_a_map_that_nobody_asks_for_has_no_say(asked: int) -> None:
    links, picture = build_links(torch.float64), random_picture(1, 3, 12, 12).requires_grad_()
    (by_chain,) = torch.autograd.grad(chain_maps(picture, links, F.max_pool2d)[asked].square().sum(), picture)
    (by_autograd,) = torch.autograd.grad(plain_maps(picture, links)[asked].square().sum(), picture)
    torch.testing.assert_close(by_chain, by_autograd, rtol=1e-12, atol=1e-12)


def test_maps_handed_out_and_gradients_handed_in_are_left_alone() -> None:
    """Both are in use elsewhere: written into, they would be wrong there."""
    links, picture = build_links(torch.float64), random_picture(1, 3, 12, 12).requires_grad_()
    maps = chain_maps(picture, links, F.max_pool2d)
    before, slopes = [features.detach().clone() for features in maps], [torch.ones_like(features) for features in maps]
    torch.autograd.grad(maps, picture, slopes)
    assert all(torch.equal(one, other) for one, other in zip(maps, before, strict=True))
    assert all(bool((slope == 1).all()) for slope in slopes)


def test_narrow_maps_are_near() -> None:
    wide, narrow = (chain_maps(random_picture(1, 3, 32, 32, dtype=dtype), build_links(dtype), F.max_pool2d)
                    for dtype in (torch.float64, torch.bfloat16))  # fmt: skip
    for one, other in zip(wide, narrow, strict=True):
        assert other.dtype == torch.bfloat16
        assert (other.double() - one).norm() < 0.02 * one.norm()


def test_nothing_is_kept_but_rectified_maps_and_pooling() -> None:
    """Autograd would keep a padded copy of every map beside them."""
    links, picture = build_links(torch.float32), random_picture(1, 3, 64, 64, dtype=torch.float32).requires_grad_()
    stored: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        stored[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        maps = chain_maps(picture, links, F.max_pool2d)
    assert len(maps) == len(KEPT)
    whole = sum(width * 64 * 64 // stride**2 for width, stride in zip(WIDTHS[1:], (1, 1, 2, 4), strict=True))
    pooled = 5 * 32 * 32 + 6 * 16 * 16
    assert sum(stored.values()) < 1.2 * (4 * whole + (4 + 8) * pooled)  # and of every maximum its place
