"""Adam against PyTorch's; L-BFGS on problems whose answer is known, and on ones without."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
import torch

from impasto.engine.checkpoint import read_checkpoint, write_checkpoint
from impasto.engine.optimizers import LBFGS, Adam
from impasto.errors import OptionError
from impasto.losses.objective import Evaluation
from impasto.options.fields import PaintOptions

Objective = Callable[[torch.Tensor], Evaluation]


def evaluation(total: torch.Tensor | float, gradient: torch.Tensor) -> Evaluation:
    return Evaluation({"total": float(total)}, gradient)


def quadratic(height: int = 3, width: int = 4, condition: float = 100.0, scale: float = 1.0) -> Any:
    """(objective, minimum) of a random convex bowl whose minimum lies inside [0, 1]."""
    random = torch.Generator().manual_seed(0)
    size = 3 * height * width
    basis = torch.linalg.qr(torch.randn(size, size, generator=random, dtype=torch.float64)).Q
    matrix = (
        basis * torch.logspace(0, -torch.log10(torch.tensor(condition)).item(), size, dtype=torch.float64)
    ) @ basis.T
    minimum = 0.3 + 0.4 * torch.rand(size, generator=random, dtype=torch.float64)

    def objective(picture: torch.Tensor) -> Evaluation:
        away = picture.double().flatten() - minimum
        gradient = (scale * (matrix @ away)).view_as(picture).to(picture.dtype)
        return evaluation(scale * 0.5 * away @ matrix @ away, gradient)

    return objective, minimum.view(1, 3, height, width)


def rosenbrock(picture: torch.Tensor) -> Evaluation:
    """The banana valley over pairs of pixels; its minimum, 0, is where every pixel is a half."""
    leaf = picture.double().detach().requires_grad_()
    z = 2 * leaf.flatten()
    total = (100 * (z[1::2] - z[::2] ** 2) ** 2 + (1 - z[::2]) ** 2).sum()
    (gradient,) = torch.autograd.grad(total, leaf)
    return evaluation(total.detach(), gradient.to(picture.dtype))


def options(**changes: Any) -> PaintOptions:
    return PaintOptions(**({"learning_rate": 0.01, "average": 0.9} | changes))


def gray(height: int = 3, width: int = 4, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.full((1, 3, height, width), 0.5, dtype=dtype)


# --------------------------------------------------------------------------------------------- Adam


def test_adam_equals_pytorchs_on_the_gradient_times_pixels() -> None:
    objective, _ = quadratic()
    start = gray()
    ours = Adam(start, options(learning_rate=0.01))
    leaf = start.clone().requires_grad_()
    theirs = torch.optim.Adam([leaf], lr=0.01, betas=(0.9, 0.99), eps=1e-8)
    for _ in range(40):
        leaf.grad = objective(leaf.detach()).gradient * (3 * 4)
        theirs.step()
        ours.step(objective(ours.picture))
        torch.testing.assert_close(ours.picture, leaf.detach(), rtol=0, atol=1e-7)
    assert float((ours.picture - start).abs().max()) > 0.05, "nothing moved"
    assert 0 < float(ours.picture.min()) < float(ours.picture.max()) < 1, "clamping hid the comparison"


def test_adam_returns_the_losses_it_started_from() -> None:
    objective, _ = quadratic()
    adam = Adam(gray(), options())
    expected = objective(gray()).losses
    assert adam.step(objective(adam.picture)) == expected
    assert adam.step(objective(adam.picture))["total"] != expected["total"]


def test_adam_does_not_touch_its_starting_point() -> None:
    start = gray()
    Adam(start, options()).step(quadratic()[0](start))
    assert torch.equal(start, gray())


def test_adam_paints_a_tiled_picture_as_its_tile() -> None:
    """Gradients of a mean fall as one over the pixels; the path of a picture must not depend on it."""

    def mean_square(picture: torch.Tensor) -> Evaluation:
        # so faint that an epsilon which counted differently with size would show
        away = 1e-7 * (picture - 0.9)
        return evaluation(away.square().mean(), 2e-7 * away / picture.numel())

    random = torch.Generator().manual_seed(1)
    tile = torch.rand(1, 3, 4, 5, generator=random, dtype=torch.float64)
    one, four = Adam(tile, options()), Adam(tile.repeat(1, 1, 2, 2), options())
    for _ in range(10):
        one.step(mean_square(one.picture))
        four.step(mean_square(four.picture))
    assert float((one.picture - tile).abs().max()) > 1e-8
    torch.testing.assert_close(four.picture, one.picture.repeat(1, 1, 2, 2), rtol=1e-9, atol=1e-12)


def test_adam_stays_in_range() -> None:
    objective = lambda picture: evaluation(0.0, torch.where(picture > 0.4, -1.0, 1.0).to(picture))  # noqa: E731
    adam = Adam(torch.rand(1, 3, 8, 8), options(learning_rate=0.5))
    for _ in range(10):
        adam.step(objective(adam.picture))
        assert float(adam.picture.min()) >= 0
        assert float(adam.picture.max()) <= 1
        assert float(adam.averaged.min()) >= -1e-6
        assert float(adam.averaged.max()) <= 1 + 1e-6


@pytest.mark.parametrize("decay", [0.5, 0.9])
def test_adam_averages_the_pictures_it_passed(decay: float) -> None:
    objective, _ = quadratic()
    adam = Adam(gray(), options(average=decay))
    passed = []
    for _ in range(12):
        adam.step(objective(adam.picture))
        passed.append(adam.picture.clone())
        weights = torch.tensor([decay**age for age in range(len(passed))][::-1], dtype=torch.float64)
        expected = torch.einsum("n,n...->...", weights / weights.sum(), torch.stack(passed))
        torch.testing.assert_close(adam.averaged, expected, rtol=0, atol=1e-9)


def test_adam_without_averaging_returns_the_picture() -> None:
    adam = Adam(gray(), options(average=0.0))
    assert torch.equal(adam.averaged, gray())
    for _ in range(3):
        adam.step(quadratic()[0](adam.picture))
    torch.testing.assert_close(adam.averaged, adam.picture)


def test_adam_rescaled_to_the_same_size_goes_on_as_before() -> None:
    objective, _ = quadratic()
    plain, rescaled = (Adam(gray(), options(average=0.0)) for _ in range(2))
    for step in range(20):
        plain.step(objective(plain.picture))
        rescaled.step(objective(rescaled.picture))
        if step == 10:
            rescaled.rescale(lambda canvas, mode: canvas.clone())
    torch.testing.assert_close(rescaled.picture, plain.picture)


def test_adam_hands_its_average_on() -> None:
    adam = Adam(gray(), options(average=0.9))
    for _ in range(5):
        adam.step(quadratic()[0](adam.picture))
    average = adam.averaged.clone()
    double = lambda canvas, mode: canvas.repeat_interleave(2, 2).repeat_interleave(2, 3)  # noqa: E731
    adam.rescale(double)
    assert adam.picture.shape == (1, 3, 6, 8)
    torch.testing.assert_close(adam.picture, double(average, ""))
    torch.testing.assert_close(adam.averaged, adam.picture)


def test_adam_descends() -> None:
    objective, minimum = quadratic(condition=10)
    adam = Adam(gray(), options(average=0.9, learning_rate=0.02))
    first = objective(gray()).losses["total"]
    for _ in range(200):
        adam.step(objective(adam.picture))
    assert objective(adam.averaged).losses["total"] < 0.01 * first
    assert float((adam.averaged - minimum).abs().mean()) < 0.05


# -------------------------------------------------------------------------------------------- L-BFGS


def run(objective: Objective, start: torch.Tensor, steps: int) -> LBFGS:
    lbfgs = LBFGS(start)
    for _ in range(steps):
        lbfgs.step(objective(lbfgs.picture))
        assert float(lbfgs.picture.min()) >= 0
        assert float(lbfgs.picture.max()) <= 1
        if lbfgs.notice:
            break
    return lbfgs


@pytest.mark.parametrize("condition", [10.0, 1000.0])
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_lbfgs_finds_the_bottom_of_a_bowl(condition: float, scale: float) -> None:
    objective, minimum = quadratic(condition=condition, scale=scale)
    first = objective(gray()).losses["total"]
    found = run(objective, gray(), 120).averaged
    assert objective(found).losses["total"] < 1e-5 * first
    assert float((found - minimum).abs().max()) < 0.02


def test_lbfgs_follows_a_curved_valley() -> None:
    start = torch.tensor([0.1, 0.7], dtype=torch.float64).repeat(18).view(1, 3, 3, 4)
    first = rosenbrock(start).losses["total"]
    found = run(rosenbrock, start, 300).averaged
    assert rosenbrock(found).losses["total"] < 1e-4 * first


def test_lbfgs_beats_steepest_descent() -> None:
    # what the memory is for: a long narrow bowl
    objective, _ = quadratic(condition=1000.0)
    picture = gray()
    for _ in range(60):
        picture = picture - objective(picture).gradient  # the best fixed step: one over the largest curvature
    steepest = objective(picture).losses["total"]
    assert objective(run(objective, gray(), 60).averaged).losses["total"] < 0.1 * steepest


def test_lbfgs_stops_at_the_border_of_the_range() -> None:
    """The minimum lies outside [0, 1] in every pixel: the nearest picture is black and white."""
    goal = torch.where(torch.arange(36).view(1, 3, 3, 4) % 2 == 0, -0.5, 1.5).double()

    def objective(picture: torch.Tensor) -> Evaluation:
        return evaluation(0.5 * (picture - goal).square().sum(), picture - goal)

    found = run(objective, gray(), 40).averaged
    torch.testing.assert_close(found, goal.clamp(0, 1))


@pytest.mark.parametrize("worse", [float("inf"), float("nan"), 1.0])
def test_lbfgs_takes_back_a_step_that_made_it_worse(worse: float) -> None:
    """One evaluation fails; what it was evaluated on is never handed out, and the descent goes on."""
    objective, _ = quadratic()
    first = objective(gray()).losses["total"]
    calls, rejected = 0, gray()

    def failing(picture: torch.Tensor) -> Evaluation:
        nonlocal calls, rejected
        calls += 1
        if calls != 6:
            return objective(picture)
        rejected = picture.clone()
        return evaluation(worse + 10 * first, torch.full_like(picture, worse))

    lbfgs = LBFGS(gray())
    for _ in range(6):
        before = lbfgs.averaged.clone()
        lbfgs.step(failing(lbfgs.picture))
    assert torch.equal(lbfgs.averaged, before)
    assert not torch.equal(lbfgs.averaged, rejected)
    assert lbfgs.picture.isfinite().all()
    for _ in range(100):
        lbfgs.step(failing(lbfgs.picture))
        if lbfgs.notice:
            break
    assert objective(lbfgs.averaged).losses["total"] < 1e-3 * first


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 1.0])
def test_lbfgs_gives_up_on_an_objective_that_only_gets_worse(bad: float) -> None:
    calls = 0

    def adversary(picture: torch.Tensor) -> Evaluation:
        nonlocal calls
        calls += 1
        return evaluation(0.0 if calls == 1 else bad * calls, torch.ones_like(picture))

    start = gray()
    lbfgs = run(adversary, start, 100)
    assert "L-BFGS" in lbfgs.notice
    assert calls < 20
    assert torch.equal(lbfgs.picture, start)
    assert torch.equal(lbfgs.averaged, start)


def test_lbfgs_directions_are_those_of_the_dense_formula() -> None:
    """Nocedal and Wright, eq. 6.17 and 7.20: the inverse Hessian written out as a matrix."""
    objective, _ = quadratic(condition=5.0)
    seen: list[tuple[torch.Tensor, torch.Tensor, float]] = []

    def recording(picture: torch.Tensor) -> Evaluation:
        found = objective(picture)
        seen.append((picture.flatten().clone(), found.gradient.flatten().clone(), found.losses["total"]))
        return found

    lbfgs, compared = LBFGS(gray()), 0
    for _ in range(LBFGS.HISTORY - 1):
        lbfgs.step(recording(lbfgs.picture))
        pairs = [(x2 - x1, g2 - g1) for (x1, g1, _), (x2, g2, _) in pairwise(seen)]
        assert all(t2 < t1 for (_, _, t1), (_, _, t2) in pairwise(seen)), "a step was taken back: choose another"
        if not pairs:
            continue
        identity = torch.eye(36, dtype=torch.float64)
        moved, changed = pairs[-1]
        inverse = identity * (moved @ changed) / (changed @ changed)
        for moved, changed in pairs:
            rho = 1 / (moved @ changed)
            left = identity - rho * torch.outer(moved, changed)
            inverse = left @ inverse @ left.T + rho * torch.outer(moved, moved)
        direction = -inverse @ seen[-1][1]
        if float(direction.abs().max()) > LBFGS.CAP:
            continue
        compared += 1
        torch.testing.assert_close(lbfgs.picture.flatten() - seen[-1][0], direction, rtol=1e-6, atol=1e-9)
    assert compared >= 4


def test_lbfgs_moves_no_pixel_further_than_the_cap() -> None:
    """A bowl that is round: the second step would go straight to its bottom, which is far."""
    lbfgs, longest = LBFGS(0.2 * gray()), 0.0
    for _ in range(30):
        p = lbfgs.picture
        lbfgs.step(evaluation(0.5 * (p - 0.9).square().sum(), p - 0.9))
        moved = float((lbfgs.picture - lbfgs.averaged).abs().max())
        assert moved <= LBFGS.CAP + 1e-9
        longest = max(longest, moved)
    assert longest > 0.9 * LBFGS.CAP
    torch.testing.assert_close(lbfgs.averaged, torch.full_like(gray(), 0.9), rtol=0, atol=1e-3)


def test_lbfgs_forgets_when_the_objective_changes() -> None:
    """Compared with the old one, which was lower everywhere, every step would look like a failure."""
    objective, _ = quadratic()
    raised, minimum = quadratic(condition=30)
    lbfgs = run(objective, gray(), 10)
    lbfgs.objective_changed()

    def much_higher(picture: torch.Tensor) -> Evaluation:
        found = raised(picture)
        return evaluation(found.losses["total"] + 100, found.gradient)

    for _ in range(60):
        lbfgs.step(much_higher(lbfgs.picture))
        if lbfgs.notice:
            break
    assert float((lbfgs.averaged - minimum).abs().max()) < 0.05


def test_lbfgs_rescaled_starts_from_its_best_picture() -> None:
    objective, _ = quadratic()
    lbfgs = run(objective, gray(), 10)
    best = lbfgs.averaged.clone()
    double = lambda canvas, mode: canvas.repeat_interleave(2, 2).repeat_interleave(2, 3)  # noqa: E731
    lbfgs.rescale(double)
    assert torch.equal(lbfgs.picture, double(best, ""))
    assert torch.equal(lbfgs.averaged, lbfgs.picture)


# ------------------------------------------------------------------------------------- values not finite

BAD = [float("nan"), float("inf"), -float("inf")]


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("start", [LBFGS, lambda picture: Adam(picture, options())], ids=["lbfgs", "adam"])
def test_a_value_that_is_not_finite_is_refused(start: Callable[[torch.Tensor], LBFGS | Adam], bad: float) -> None:
    with pytest.raises(OptionError, match="the objective is not finite"):
        start(gray()).step(evaluation(bad, torch.ones_like(gray())))


@pytest.mark.parametrize("bad", [*BAD, 1e38])
@pytest.mark.parametrize("start", [LBFGS, lambda picture: Adam(picture, options())], ids=["lbfgs", "adam"])
def test_gradients_past_the_range_of_float32_make_no_nan(
    start: Callable[[torch.Tensor], LBFGS | Adam], bad: float
) -> None:
    optimizer, total = start(gray(dtype=torch.float32)), iter(range(100, 0, -1))

    def objective(picture: torch.Tensor) -> Evaluation:
        gradient = torch.ones_like(picture)
        gradient[..., 0] = bad
        gradient[..., 1] = 1e30 * picture[..., 1]
        return evaluation(next(total), gradient)

    for _ in range(6):
        optimizer.step(objective(optimizer.picture))
        for picture in (optimizer.picture, optimizer.averaged):
            assert picture.isfinite().all()
            assert 0 <= picture.min() <= picture.max() <= 1


# --------------------------------------------------------------------------------- state and restore


def bowl(picture: torch.Tensor) -> Evaluation:
    """A convex function with a minimum inside, of float32 pictures of any size."""
    away = picture - torch.linspace(0.2, 0.8, picture.numel()).view_as(picture)
    weights = torch.linspace(0.01, 1.0, picture.numel()).view_as(picture)
    return evaluation(0.5 * (weights * away.square()).mean(), weights * away / away.numel())


def misled(picture: torch.Tensor) -> Evaluation:
    """Its gradient points uphill: every step is taken back."""
    found = bowl(picture)
    return evaluation(found.losses["total"], -found.gradient)


def enlarged(canvas: torch.Tensor, mode: str) -> torch.Tensor:
    return torch.nn.functional.interpolate(canvas, scale_factor=2, mode=mode, align_corners=False)


MOMENTS: dict[str, Callable[[Any], None]] = {
    "at the start": lambda optimizer: None,
    "after one step": lambda optimizer: advance(optimizer, bowl, 1),
    "after twenty": lambda optimizer: advance(optimizer, bowl, 20),
    "when the objective changed": lambda optimizer: (advance(optimizer, bowl, 5), optimizer.objective_changed()),
    "misled once": lambda optimizer: (advance(optimizer, bowl, 5), advance(optimizer, misled, 2)),
    "misled from the start": lambda optimizer: advance(optimizer, misled, 4),
    "at a new scale": lambda optimizer: (advance(optimizer, bowl, 6), optimizer.rescale(enlarged)),
    "in a new scale": lambda optimizer: (
        advance(optimizer, bowl, 6),
        optimizer.rescale(enlarged),
        advance(optimizer, bowl, 3),
    ),
}


def advance(optimizer: Any, objective: Objective, steps: int) -> list[float]:
    return [optimizer.step(objective(optimizer.picture))["total"] for _ in range(steps)]


def restored(optimizer: Any, path: Any) -> Any:
    """The optimiser as a checkpoint brings it back."""
    write_checkpoint(path, optimizer.state(), {})
    state, _ = read_checkpoint(path)
    if isinstance(optimizer, Adam):
        return Adam.restore(state, options(), torch.device("cpu"))
    return LBFGS.restore(state, torch.device("cpu"))


@pytest.mark.parametrize("build", [lambda picture: Adam(picture, options()), LBFGS], ids=["adam", "lbfgs"])
@pytest.mark.parametrize("moment", MOMENTS.values(), ids=MOMENTS)
def test_a_restored_optimiser_goes_on_bit_for_bit(build: Any, moment: Any, tmp_path: Any) -> None:
    start = torch.rand(1, 3, 5, 7, generator=torch.Generator().manual_seed(0))
    optimizer = build(start)
    moment(optimizer)
    again = restored(optimizer, tmp_path / "state")
    twice = restored(again, tmp_path / "state")
    assert again.averaged.equal(optimizer.averaged)
    losses: list[float] = []
    for onward in (
        lambda one: advance(one, bowl, 4),
        lambda one: one.objective_changed(),
        lambda one: advance(one, misled, 3),
        lambda one: one.rescale(enlarged),
        lambda one: advance(one, bowl, 14),
        lambda one: one.leave_scale(),
    ):
        found = onward(again)
        assert found == onward(optimizer) == onward(twice)
        losses += found or []
        for other in (again, twice):
            assert other.picture.equal(optimizer.picture)
            assert other.averaged.equal(optimizer.averaged)
    assert losses[-1] < losses[0], "nothing moved"


def test_what_is_restored_had_something_to_restore() -> None:
    for name, pairs, failures in (("after twenty", LBFGS.HISTORY - 1, 0), ("misled from the start", 0, 3)):
        optimizer = LBFGS(gray(5, 7, torch.float32))
        MOMENTS[name](optimizer)
        assert len(optimizer.state().values["curvatures"]) == pairs
        assert optimizer.state().values["failures"] == failures


@pytest.mark.parametrize("scale", [1e-12, 1e-20, 1e-30, 1e-36, 1e-44, 0.0])
def test_objectives_too_small_for_their_squares_divide_by_nothing(scale: float) -> None:
    objective, _ = quadratic(scale=scale)
    lbfgs = LBFGS(gray(dtype=torch.float32))
    for _ in range(12):
        lbfgs.step(objective(lbfgs.picture))
    assert lbfgs.picture.isfinite().all() and 0 <= lbfgs.picture.min() <= lbfgs.picture.max() <= 1
    assert objective(lbfgs.averaged).losses["total"] <= objective(gray()).losses["total"]
