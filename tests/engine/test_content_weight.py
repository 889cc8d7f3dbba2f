"""The content weight controller: which way the weight moves, by how much, and where it settles."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from impasto.engine.content_weight import (
    DETAIL_RELIEF,
    ContentWeightController,
    holding_weights,
    style_share,
    target_readability,
)
from impasto.engine.paint import BALANCE_EVERY
from impasto.options.fields import PaintOptions


def balance(**changes: Any) -> ContentWeightController:
    return ContentWeightController(PaintOptions(**({"strength": 50.0, "content_weight": 1.0} | changes)))


def test_weight_moves_against_the_error() -> None:
    target = target_readability(50.0)
    unreadable, readable, right = balance(), balance(), balance()
    unreadable.update([target + 0.2], coarsest=False)
    readable.update([target - 0.2], coarsest=False)
    right.update([target], coarsest=False)
    assert unreadable.weight > 1.0 > readable.weight
    assert right.weight == pytest.approx(1.0)
    # in proportion: up and down again by the same error is back where it was
    unreadable.update([target - 0.2], coarsest=False)
    assert unreadable.weight == pytest.approx(1.0)


def test_weight_is_clamped_and_comes_back() -> None:
    low, high = ContentWeightController.BOUNDS
    for distance, bound in ((2.0, high), (-2.0, low)):
        moved = balance()
        for _ in range(100):
            moved.update([distance], coarsest=False)
            assert low <= moved.weight <= high
        assert moved.weight == bound
        moved.update([target_readability(50.0) - np.sign(distance)], coarsest=False)
        assert low < moved.weight < high


def test_first_measurements_at_the_coarsest_scale_do_not_count() -> None:
    settling = balance()
    for _ in range(ContentWeightController.SETTLING):
        settling.update([1.0], coarsest=True)
        assert settling.weight == 1.0
    settling.update([1.0], coarsest=True)
    assert settling.weight > 1.0


class Plant:
    """A picture that follows the content weight: its distance falls by `slope` for a factor of e.

    Measured over the gallery the slope is 0.1 to 0.18. `lag`: steps after which 63 % of a change has happened;
    8 steps lie between two measurements.
    """

    def __init__(self, slope: float, lag: float) -> None:
        self._slope, self._followed = slope, 1 - math.exp(-BALANCE_EVERY / lag) if lag else 1.0
        self.distance = 0.0  # the photo

    def react(self, weight: float) -> float:
        self.distance += self._followed * (0.15 - self._slope * math.log(weight) - self.distance)
        return self.distance


@pytest.mark.parametrize("strength", [20.0, 50.0, 80.0])
@pytest.mark.parametrize(("slope", "lag"), [(0.1, 0), (0.13, 0), (0.2, 0), (0.13, 10), (0.1, 10), (0.2, 10)])
def test_control_settles_where_the_strength_asks(slope: float, lag: float, strength: float) -> None:
    """A run of the default steps at 1024 px measures about 14 times: by then the loop is where it should be."""
    loop, plant, target = (
        balance(strength=strength, content_weight=0.05),
        Plant(slope, lag),
        target_readability(strength),
    )
    errors = []
    for _ in range(40):
        errors.append(plant.react(loop.weight) - target)
        loop.update([plant.distance], coarsest=False)
    assert max(map(abs, errors[12:])) < 0.03
    assert max(map(abs, errors[25:])) < 0.005


def test_distance_asked_for_rises_with_strength_from_zero() -> None:
    distances = [target_readability(10.0 * tenth) for tenth in range(11)]
    assert distances[0] == 0
    assert all(below < above for below, above in pairwise(distances))
    assert distances[-1] <= 1


@pytest.mark.parametrize(
    ("changes", "moves", "weight"),
    [
        ({"strength": 50}, True, 1.0),
        ({"strength": 100}, False, 0.0),
        ({"strength": 50, "balance": "fixed"}, False, 1.0),
        ({"strength": 100, "balance": "fixed"}, False, 1.0),
    ],
)
def test_when_the_weight_moves(changes: dict[str, Any], moves: bool, weight: float) -> None:
    found = balance(**changes)
    assert found.moves is moves
    assert found.weight == weight


def test_share_of_the_painting_in_the_targets() -> None:
    shares = [style_share(PaintOptions(strength=strength)) for strength in (0, 5, 15, 25, 50, 75, 100)]
    assert shares[0] == 0
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert style_share(PaintOptions(strength=50)) == 1
    assert style_share(PaintOptions(strength=0, balance="fixed")) == 1


@pytest.mark.parametrize(
    ("strength", "share"),
    [(0.0, 0), (6.0, 0.2), (15.0, 0.5), (20.0, 2 / 3), (29.0, 29 / 30), (30.0, 1), (31.0, 1), (60.0, 1)],
)
def test_share_rises_evenly_up_to_strength_30(strength: float, share: float) -> None:
    assert style_share(PaintOptions(strength=strength)) == pytest.approx(share)
    assert style_share(PaintOptions(strength=80), strength) == pytest.approx(share), "a region's strength goes first"
    assert style_share(PaintOptions(strength=80, balance="fixed"), strength) == 1


def test_strength_50_asks_for_a_distance_of_three_tenths() -> None:
    assert target_readability(50.0, "stylizer") == pytest.approx(0.4)
    assert [target_readability(strength) for strength in (0.0, 25.0, 50.0, 100.0)] == pytest.approx([0, 0.15, 0.3, 0.6])


def test_what_holds_the_photo_is_let_go_towards_strength_100() -> None:
    def weights(strength: float, **changes: Any) -> list[float]:
        options = {"medium": "stylizer", "layout_weight": 2.0, "contour_weight": 1.0, "keep_detail": 100.0}
        return list(holding_weights(PaintOptions(strength=strength, **(options | changes))).values())

    assert weights(0) == pytest.approx([0.3, 16, 32])
    assert weights(50) == pytest.approx([0.3, 1, 2])
    assert weights(75) == pytest.approx([0.3 / 16, 1 / 16, 2 / 16])
    assert weights(100) == [0, 0, 0]
    assert weights(75, balance="fixed") == weights(75, medium="pixels") == weights(50)


def test_weight_of_the_detail_loss_rises_with_the_square() -> None:
    weights = [holding_weights(PaintOptions(keep_detail=keep))["detail"] for keep in (0, 10, 50, 100)]
    assert weights == pytest.approx([0, 0.003, 0.075, 0.3])


def test_an_error_of_a_tenth_is_a_factor_of_e_to_the_gain_times_a_tenth() -> None:
    controller = balance()
    controller.update([0.4], coarsest=False)
    assert controller.weight == pytest.approx(math.exp(6 * 0.1))
    controller.update([0.35], coarsest=False)
    assert controller.weight == pytest.approx(math.exp(6 * 0.15))


def test_kept_detail_asks_for_a_shorter_distance() -> None:
    """Edges make a photo readable: without this the content weight would fall to make up for them."""
    controller = balance(keep_detail=100)
    controller.update([(1 - DETAIL_RELIEF) * 0.3], coarsest=False)
    assert controller.weight == pytest.approx(1)
    half = balance(keep_detail=50)
    half.update([(1 - DETAIL_RELIEF / 2) * 0.3 + 0.1], coarsest=False)
    assert half.weight == pytest.approx(math.exp(0.6))
    half.steer(PaintOptions(strength=100 / 3))
    half.update([(1 - DETAIL_RELIEF / 2) * 0.2], coarsest=False)
    assert half.weight == pytest.approx(math.exp(0.6)), "the relief stays when the strength is steered"


def parts(*strengths: float | None, **changes: Any) -> ContentWeightController:
    return ContentWeightController(PaintOptions(**({"strength": 50.0, "content_weight": 1.0} | changes)), strengths)


def test_each_part_has_a_weight_and_a_target_of_its_own() -> None:
    controller = parts(None, 25.0, 100.0, 0.0)
    assert controller.weights == [1, 1, 0, 1]
    controller.update([0.3, 0.3, 0.3, 0.3], coarsest=False)
    assert controller.weights == pytest.approx([1, math.exp(6 * 0.15), 0, 1])
    with pytest.raises(ValueError, match="zip"):
        controller.update([0.3], coarsest=False)


@pytest.mark.parametrize(("strengths", "moves"), [((100.0, 0.0), False), ((100.0, 99.0), True), ((1.0,), True)])
def test_it_moves_while_any_part_is_between_the_ends(strengths: tuple[float, ...], moves: bool) -> None:
    assert parts(*strengths).moves is moves
    assert not parts(*strengths, balance="fixed").moves


def test_steering_moves_the_target_of_the_whole_picture_alone() -> None:
    controller = parts(None, 50.0)
    controller.steer(PaintOptions(strength=75))
    assert controller.weights == [1, 1], "from the present weights"
    controller.update([0.45, 0.45], coarsest=False)
    assert controller.weights == pytest.approx([1, math.exp(6 * 0.15)])


def test_steering_to_the_full_strength_and_back() -> None:
    controller = balance()
    controller.steer(PaintOptions(strength=100))
    assert (controller.weight, controller.moves) == (0, False)
    controller.update([5.0], coarsest=False)
    assert controller.weight == 0
    controller.steer(PaintOptions(strength=50))
    assert controller.moves
    assert controller.weight == ContentWeightController.BOUNDS[0], "from nothing it could not rise by a factor"


def test_steering_to_strength_0_still_moves() -> None:
    """A run that began as a painting goes to the photo by way of the content weight."""
    controller = balance()
    controller.steer(PaintOptions(strength=0))
    controller.update([0.1], coarsest=False)
    assert controller.weight == pytest.approx(math.exp(0.6))


def test_settling_counts_every_measurement_but_ends_with_the_coarsest_scale() -> None:
    controller = balance()
    controller.update([0.4], coarsest=True)
    assert controller.weight == 1
    finer = balance()
    finer.update([0.4], coarsest=False)
    assert finer.weight > 1
    finer.restore(finer.state() | {"weights": [1.0]})
    finer.update([0.4], coarsest=True)
    assert finer.weight > 1, "the first measurement was made already"


def test_a_restored_controller_goes_on_the_same() -> None:
    whole, first, second = balance(), balance(), balance()
    for distance in (0.5, 0.4):
        whole.update([distance], coarsest=True)
        first.update([distance], coarsest=True)
    state = first.state()
    second.restore(state)
    first.update([0.9], coarsest=True)
    whole.update([0.35], coarsest=True)
    second.update([0.35], coarsest=True)
    assert second.state() == whole.state()
    stopped = balance()
    stopped.moves = False
    second.restore(stopped.state())
    assert not second.moves
