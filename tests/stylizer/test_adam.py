"""Adam on weights: the same steps as PyTorch's, without what PyTorch's brings along."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import torch

from impasto.stylizer.adam import BETAS, EPSILON, WeightAdam

PAINT = """
import sys, impasto
impasto.paint(*sys.argv[1:], size_px=48, min_scale_px=48, steps=(2,), threads=1)
print("torch._dynamo" in sys.modules)
"""


def test_its_steps_are_those_of_pytorch() -> None:
    random = torch.Generator().manual_seed(0)
    ours = [torch.randn(4, 3, generator=random), torch.randn(5, generator=random), torch.ones(2)]
    theirs = [torch.nn.Parameter(weight.clone()) for weight in ours]
    adam = WeightAdam(zip("abc", ours, (1.0, 0.3, 1.0), strict=True))
    reference = torch.optim.Adam([{"params": theirs[::2]}, {"params": theirs[1:2]}], betas=BETAS, eps=EPSILON)
    for rate in (1e-2, 3e-2, 2e-2, 1e-3):
        for weight, parameter in list(zip(ours, theirs, strict=True))[:2]:  # the last one has no gradient
            weight.grad = torch.randn(weight.shape, generator=random)
            parameter.grad = weight.grad.clone()
        for group, factor in zip(reference.param_groups, (1.0, 0.3), strict=True):
            group["lr"] = factor * rate
        adam.step(rate)
        reference.step()
        assert all(weight.grad is None for weight in ours)
        for weight, parameter in zip(ours, theirs, strict=True):
            torch.testing.assert_close(weight, parameter.detach(), rtol=1e-5, atol=1e-7)
    assert torch.equal(ours[2], torch.ones(2))


def test_a_run_does_not_load_pytorchs_compiler(folder_with_pictures: Path) -> None:
    files = [str(folder_with_pictures / name) for name in ("photo.png", "painting.png")]
    done = subprocess.run([sys.executable, "-c", PAINT, *files], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
