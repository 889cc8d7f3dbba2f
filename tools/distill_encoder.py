"""Train the bundled encoder `lite` from scratch to reproduce VGG-19's feature space.

    python tools/distill_encoder.py --teacher vgg19-compact.safetensors --data photos/ art/ --out runs/lite

Every layer of the student is read by a linear 1x1 head that predicts the teacher's feature map there; the loss
is the squared error in units of that map's standard deviation, at random positions. The heads are dropped at
the end: what they learned of the teacher's metric stays as one small matrix per layer (`geometry`).
Convolutions are batch-normalised while training; the normalisation is folded into them at export.

The run folder holds `log.jsonl` (what the model card quotes), `checkpoint.pt` (start again with --resume;
a larger --steps than the first time is allowed until the learning rate decays) and `encoder.safetensors`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shlex
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from augment import augment, load_images
from impasto.encoders import LITE, Encoder
from impasto.encoders.weights import pack_encoder, read_encoder_file
from teacher import STYLE_LAYERS, geometry_of, load_teacher

MEAN = (0.45, 0.45, 0.45)
SCALE = 4.0  # pictures minus MEAN, times this, have about unit variance
HINT_WEIGHT = 0.3
FAINT = 0.05  # share of the usual variance below which a crop's own no longer counts
SCALE_BATCHES = 40  # over which the targets' mean and variance are measured
ABOUT = {
    "licence": "Apache-2.0",
    "credits": "Distilled from VGG-19 (Simonyan and Zisserman, CC BY 4.0) through the compact VGG-19 of "
    "Collaborative Distillation (MIT, Copyright (c) 2020 Huan Wang)",
    "input": "RGB in [0, 1], sRGB-encoded; `mean` is subtracted, the scale is folded into conv1_1",
}


class Student(nn.Module):
    """`LITE` with batch normalisation between convolution and rectifier."""

    def __init__(self) -> None:
        super().__init__()
        self.convolutions = nn.ModuleDict()
        self.norms = nn.ModuleDict()
        for layer in LITE.layers:
            conv = nn.Conv2d(layer.in_channels, layer.channels, 3, padding=1, padding_mode="reflect", bias=False)
            nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
            self.convolutions[layer.name] = conv
            self.norms[layer.name] = nn.BatchNorm2d(layer.channels, momentum=0.02)

    def forward(self, pictures: Tensor) -> dict[str, Tensor]:
        features, block = {}, 1
        current = ((pictures - MEAN[0]) * SCALE).contiguous(memory_format=torch.channels_last)
        for layer in LITE.layers:
            if layer.block != block:
                current, block = F.max_pool2d(current, 2), layer.block
            current = F.relu(self.norms[layer.name](self.convolutions[layer.name](current)))
            features[layer.name] = current
        return features

    def folded(self) -> dict[str, Tensor]:
        """Plain convolutions that compute the same in evaluation mode."""
        weights = {}
        for layer in LITE.layers:
            norm, conv = self.norms[layer.name], self.convolutions[layer.name]
            gain = norm.weight / (norm.running_var + norm.eps).sqrt()
            weights[f"{layer.convolution}.weight"] = (conv.weight * gain.view(-1, 1, 1, 1)).detach()
            weights[f"{layer.convolution}.bias"] = (norm.bias - norm.running_mean * gain).detach()
        weights["conv1_1.weight"] = weights["conv1_1.weight"] * SCALE
        return weights


@dataclass
class Targets:
    """What the student's layers should predict, standardised: (R f - mean) / deviation, per layer."""

    teacher: Encoder
    rotations: dict[str, Tensor]
    layers: tuple[str, ...]

    def features(self, pictures: Tensor) -> dict[str, Tensor]:
        with torch.no_grad():
            return self.teacher(pictures, self.layers)

    def at(self, features: Tensor, layer: str, positions: Tensor) -> Tensor:
        """[batch, positions, channels] of R f at flat positions."""
        picked = features.flatten(2)[:, :, positions].transpose(1, 2).float()
        return picked @ self.rotations[layer].T if layer in self.rotations else picked


def pick_positions(features: dict[str, Tensor], count: int, generator: torch.Generator) -> dict[str, Tensor]:
    """`count` random flat positions for every map (all of them where the map has fewer)."""
    positions = {}
    for name, feature in features.items():
        size = feature.shape[-2] * feature.shape[-1]
        positions[name] = torch.randperm(size, generator=generator)[:count]
    return positions


def explain(
    student: dict[str, Tensor],
    teacher: dict[str, Tensor],
    heads: nn.ModuleDict,
    targets: Targets,
    scales: dict[str, tuple[Tensor, Tensor]],
    positions: dict[str, Tensor],
) -> dict[str, Tensor]:
    """Per layer, the mean squared error of the head in units of the target's variance, crop by crop.

    A painting's losses are relative to its own variance: a dark picture must be explained as well as a bright one.
    """
    losses = {}
    for name, where in positions.items():
        mean, variance = scales[name]
        picked = student[name].flatten(2)[:, :, where].transpose(1, 2)
        predicted = heads[name](picked).float()
        wanted = (targets.at(teacher[name], name, where) - mean) / variance.sqrt()
        error = (predicted - wanted).square().sum(-1).mean(1)
        spread = (wanted - wanted.mean(1, keepdim=True)).square().sum(-1).mean(1)
        losses[name] = (error / (FAINT + (1 - FAINT) * spread)).mean()
    return losses


def measure_scales(
    targets: Targets, images: list[Tensor], args: argparse.Namespace
) -> dict[str, tuple[Tensor, Tensor]]:
    """Mean [channels] and total variance of the targets over augmented crops."""
    generator = torch.Generator().manual_seed(args.seed)
    rows: dict[str, list[Tensor]] = {name: [] for name in targets.layers}
    for _ in range(SCALE_BATCHES):
        features = targets.features(augment(images, args.batch, args.crop, generator))
        for name, where in pick_positions(features, args.positions, generator).items():
            rows[name].append(targets.at(features[name], name, where).flatten(0, 1))
    stacked = {name: torch.cat(parts) for name, parts in rows.items()}
    return {name: (x.mean(0), x.var(0).sum()) for name, x in stacked.items()}


@torch.no_grad()
def validate(
    student: Student, heads: nn.ModuleDict, targets: Targets, scales, images: list[Tensor]
) -> dict[str, float]:
    """Share of variance unexplained per layer on whole, unaltered validation images (variance over these)."""
    student.eval()
    error = dict.fromkeys(targets.layers, 0.0)
    first: dict[str, Tensor] = {}
    second = dict.fromkeys(targets.layers, 0.0)
    count = dict.fromkeys(targets.layers, 0)
    for image in images:
        picture = image[None].float() / 255
        picture = picture[..., : picture.shape[-2] // 16 * 16, : picture.shape[-1] // 16 * 16]
        ours, theirs = student(picture), targets.features(picture)
        for name in targets.layers:
            mean, variance = scales[name]
            everywhere = torch.arange(theirs[name].shape[-2] * theirs[name].shape[-1])
            wanted = (targets.at(theirs[name], name, everywhere)[0] - mean) / variance.sqrt()
            predicted = heads[name](ours[name].flatten(2)[0].T)
            error[name] += (predicted - wanted).double().square().sum().item()
            first[name] = first.get(name, 0) + wanted.double().sum(0)
            second[name] += wanted.double().square().sum().item()
            count[name] += len(wanted)
    student.train()
    spread = {n: second[n] - (first[n].square().sum() / count[n]).item() for n in targets.layers}
    return {name: error[name] / spread[name] for name in targets.layers}


def learning_rate(step: int, args: argparse.Namespace) -> float:
    """Warm up, hold, then decay linearly to zero over the last part."""
    decay_start = int(args.steps * (1 - args.decay))
    if step >= decay_start:
        return args.learning_rate * max(0.0, (args.steps - step) / max(1, args.steps - decay_start))
    return args.learning_rate * min(1.0, (step + 1) / 300)


def split(paths: list[Path], validation: int, seed: int) -> tuple[list[Path], list[Path]]:
    """Training and validation files; which is which depends on names and seed alone."""
    ranked = sorted(paths, key=lambda p: hashlib.sha256(f"{seed}:{p.parent.name}/{p.name}".encode()).digest())
    return ranked[validation:], ranked[:validation]


def export(path: Path, student: Student, heads: nn.ModuleDict, results: dict[str, float], steps: int, args) -> None:
    """Fold, halve the precision, and write the encoder file with its description."""
    tensors = {k: v.half() if k.endswith("weight") else v for k, v in student.folded().items()}
    for name, head in heads.items():
        tensors[f"geometry.{name}"] = geometry_of(head.weight.detach()).half()
    about = ABOUT | {
        "source": f"tools/distill_encoder.py, teacher SHA-256 {args.teacher_sha256}",
        "command": "python " + shlex.join(Path(word).name if "/" in word else word for word in sys.argv),
        "steps": str(steps),
        "validation": json.dumps({k: round(v, 4) for k, v in results.items()}),
    }
    path.write_bytes(pack_encoder("lite", LITE, tensors, mean=MEAN, about=about))
    read_encoder_file(path, "check")


def train(args: argparse.Namespace) -> None:  # noqa: C901 (a script from top to bottom)
    teacher, rotations = load_teacher(args.teacher)
    args.teacher_sha256 = teacher.sha256
    names = {layer.name for layer in teacher.architecture.layers}
    targets = Targets(teacher, rotations, tuple(la.name for la in LITE.layers if la.name in names))
    paths = sorted(p for folder in args.data for p in folder.rglob("*") if p.suffix in (".jpg", ".png"))
    kept, held_out = split(paths, args.validation, args.seed)
    for folder in args.extra:  # always trained on, never validated on
        kept += sorted(p for p in folder.rglob("*") if p.suffix in (".jpg", ".png"))
    if not kept or not held_out:
        raise SystemExit(f"{len(kept)} images to train on, {len(held_out)} held out (--validation): both are needed")
    print(f"loading {len(kept)} training and {len(held_out)} validation images", flush=True)
    images, validation_images = load_images(kept), load_images(held_out)
    torch.manual_seed(args.seed)
    student = Student().to(memory_format=torch.channels_last)
    heads = nn.ModuleDict()
    for layer in LITE.layers:
        if layer.name in targets.layers:
            width = (
                rotations[layer.name].shape[0]
                if layer.name in rotations
                else teacher.architecture.layer(layer.name).channels
            )
            heads[layer.name] = nn.Linear(layer.channels, width)
    scales = measure_scales(targets, images, args)
    optimizer = torch.optim.Adam([*student.parameters(), *heads.parameters()], betas=(0.9, 0.98))
    args.out.mkdir(parents=True, exist_ok=True)
    checkpoint, step, spent, running = args.out / "checkpoint.pt", 0, 0.0, {}
    if args.resume:
        state = torch.load(checkpoint, weights_only=True)
        student.load_state_dict(state["student"])
        heads.load_state_dict(state["heads"])
        optimizer.load_state_dict(state["optimizer"])
        step, spent, scales = state["step"], state["seconds"], state["scales"]
        running = state.get("running", {})
    elif checkpoint.exists():
        raise SystemExit(f"{checkpoint} exists: continue it with --resume or choose another --out")
    started = time.monotonic() - spent
    while step < args.steps:
        # One generator a step: a resumed run sees exactly the batches an uninterrupted one would.
        generator = torch.Generator().manual_seed(args.seed * 1_000_003 + step)
        if step >= args.steps * (1 - args.decay):
            for norm in student.norms.values():
                norm.eval()
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, args)
        pictures = augment(images, args.batch, args.crop, generator)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=args.bf16):
            theirs = targets.features(pictures)
            ours = student(pictures)
            positions = pick_positions(theirs, args.positions, generator)
            losses = explain(ours, theirs, heads, targets, scales, positions)
        loss = sum(value * (1.0 if name in STYLE_LAYERS else HINT_WEIGHT) for name, value in losses.items())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(student.parameters(), 5.0)
        optimizer.step()
        step += 1
        for name, value in losses.items():
            running[name] = running.get(name, value.item()) * 0.99 + value.item() * 0.01
        if step % args.every == 0 or step == args.steps:
            results = validate(student, heads, targets, scales, validation_images)
            seconds = time.monotonic() - started
            record = {
                "step": step,
                "seconds": round(seconds),
                "learning_rate": round(optimizer.param_groups[0]["lr"], 6),
                "training": {k: round(v, 4) for k, v in running.items()},
                "validation": {k: round(v, 4) for k, v in results.items()},
            }
            with (args.out / "log.jsonl").open("a") as log:
                log.write(json.dumps(record) + "\n")
            summary = " ".join(f"{results[n]:.3f}" for n in STYLE_LAYERS)
            print(f"step {step}/{args.steps}  {seconds:.0f} s  unexplained {summary}", flush=True)
            state = {
                "student": student.state_dict(),
                "heads": heads.state_dict(),
                "optimizer": optimizer.state_dict(),
                "step": step,
                "seconds": seconds,
                "scales": scales,
                "running": running,
            }
            partial = checkpoint.with_suffix(".partial")
            torch.save(state, partial)
            partial.replace(checkpoint)
    results = validate(student, heads, targets, scales, validation_images)
    export(args.out / "encoder.safetensors", student, heads, results, step, args)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--teacher",
        type=Path,
        required=True,
        help="compact VGG-19 (.safetensors) or torchvision's VGG-19 (.pth)",
    )
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="folders of .jpg and .png images")
    parser.add_argument(
        "--extra",
        type=Path,
        nargs="*",
        default=[],
        help="folders of which nothing is held out: pastiches, say",
    )
    parser.add_argument("--out", type=Path, required=True, help="run folder")
    parser.add_argument("--steps", type=int, default=40_000)
    parser.add_argument("--batch", type=int, default=6)
    parser.add_argument("--crop", type=int, default=160, help="side of a training crop, px")
    parser.add_argument("--positions", type=int, default=400, help="random positions a layer and crop")
    parser.add_argument("--learning-rate", type=float, default=3e-3)
    parser.add_argument("--decay", type=float, default=0.35, help="last share of the steps, over which the rate decays")
    parser.add_argument("--validation", type=int, default=200, help="images kept out of training")
    parser.add_argument("--every", type=int, default=1000, help="steps between validations and checkpoints")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--bf16", action="store_true", help="bfloat16 convolutions (processors with AVX-512 BF16)")
    parser.add_argument("--resume", action="store_true", help="continue the run in --out")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    train(args)


if __name__ == "__main__":
    main()
