"""The protocol of a term: one written for the purpose joins the objective, whole and in tiles."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from impasto.encoders import load_encoder
from impasto.errors import OptionError
from impasto.losses.maps import TiledEncoder, TileMaps
from impasto.losses.objective import Objective
from impasto.losses.terms import PixelTerm, Sums, Term, layer_shares
from impasto.losses.tiles import Core
from impasto.losses.total_variation import TotalVariationTerm


class Energy:
    """Square of the mean activation of a layer: no sum over positions, but a function of one."""

    name, adds = "energy", True

    def __init__(self, weight: float) -> None:
        self.weight = weight

    def add(self, maps: TileMaps) -> Sums:
        owned = maps.owned("relu2_1")
        return {("sum",): owned.sum(), ("count",): torch.tensor(float(owned.numel()))}

    def close(self, sums: Sums) -> tuple[float, Sums]:
        total, count = sums["sum",], float(sums["count",])
        return self.weight * float(total / count) ** 2, {("sum",): self.weight * 2 * total / count**2}


def make(
    encoder_file: Path, tile_px: int, *terms: Term | PixelTerm, photo_mask: torch.Tensor | None = None
) -> Objective:
    encoder = load_encoder(str(encoder_file), dtype=torch.float64)
    reader = TiledEncoder([encoder], (48, 64), Core(0, 0, 48, 64), ["relu2_1"], tile_px)
    return Objective(reader, terms, picture(1), photo_mask)


def picture(seed: int) -> torch.Tensor:
    return torch.rand(1, 3, 48, 64, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("tile_px", [16, 1 << 30])
def test_a_new_term_needs_two_calls(tiny_encoder_file: Path, tile_px: int) -> None:
    evaluation = make(tiny_encoder_file, tile_px, Energy(3.0))(picture(0))
    leaf = picture(0).requires_grad_()
    encoder = load_encoder(str(tiny_encoder_file), dtype=torch.float64)
    expected = 3 * encoder(leaf, ["relu2_1"])["relu2_1"].mean().square()
    (gradient,) = torch.autograd.grad(expected, leaf)
    assert evaluation.losses == pytest.approx({"energy": float(expected.detach()), "total": float(expected.detach())})
    torch.testing.assert_close(evaluation.gradient, gradient)


def test_terms_of_one_name_are_added_and_reweighted_together(tiny_encoder_file: Path) -> None:
    objective = make(tiny_encoder_file, 16, Energy(1.0), TotalVariationTerm(0.5), Energy(2.0))
    before = objective(picture(0)).losses
    assert list(before) == ["energy", "total_variation", "total"]
    objective.set_weight("energy", 6.0)
    after = objective(picture(0)).losses
    assert after["energy"] == pytest.approx(4 * before["energy"])
    assert after["total_variation"] == before["total_variation"]
    assert after["total"] == pytest.approx(after["energy"] + after["total_variation"])


def test_a_term_that_does_not_add_refuses_tiles_by_name(tiny_encoder_file: Path) -> None:
    term = Energy(1.0)
    term.adds = False
    assert make(tiny_encoder_file, 1 << 30, term).tiles == 1
    with pytest.raises(OptionError, match="this energy loss does not add over positions: it takes no tiles"):
        make(tiny_encoder_file, 16, term)


def test_where_the_photo_stays_nothing_is_optimised(tiny_encoder_file: Path) -> None:
    mask = torch.zeros(48, 64, dtype=torch.float64)
    mask[:, :20], mask[:, 20:30] = 1.0, 0.25
    objective = make(tiny_encoder_file, 16, Energy(1.0), TotalVariationTerm(0.5), photo_mask=mask)
    mixed = (1 - mask) * picture(0) + mask * picture(1)
    torch.testing.assert_close(objective.composite(picture(0)), mixed)
    plain = make(tiny_encoder_file, 16, Energy(1.0), TotalVariationTerm(0.5))(mixed)
    evaluation = objective(picture(0))
    assert evaluation.losses == pytest.approx(plain.losses)
    torch.testing.assert_close(evaluation.gradient, plain.gradient * (1 - mask))


def test_layer_shares_are_a_mean_but_in_the_units_of_gatys() -> None:
    assert layer_shares({"a": 3.0, "b": 1.0}, "scale-free") == {"a": 0.75, "b": 0.25}
    assert layer_shares({"a": 3.0, "b": 1.0}, "tutorial") == {"a": 0.75, "b": 0.25}
    assert layer_shares({"a": 3.0, "b": 1.0}, "gatys") == {"a": 3.0, "b": 1.0}
