"""Steps per second and peak memory on a GPU, against a plain float32 loop of PyTorch in the same run.

Ours: the engine's objective, with the tiles its plan chooses and bfloat16 convolutions, and its Adam. The plain
loop: the same layers, Gram matrices and content loss of the whole picture in float32, PyTorch's own Adam (fused).
Both under cuDNN's benchmark mode; whether TF32 is on is in the report.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from common import Report, interleave, median_ratio, new_parser, parse, plain_objective, run
from impasto.encoders import Encoder, load_encoder
from impasto.engine.devices import find_device, find_precision
from impasto.engine.optimizers import Adam
from impasto.engine.plan import build_plan
from impasto.engine.regions import RegionLayout
from impasto.images.picture import picture_from_array
from impasto.inputs.run_inputs import RunInputs
from impasto.losses.tiles import Core
from impasto.options.fields import PaintOptions, build_options
from references import encoder_folder, write_vgg_sized

GAIN_BAR, GAIN_PX = 3.0, 1024
GIB = 2**30


def noise(side: int, device: torch.device, seed: int) -> Tensor:
    return torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(seed)).to(device)


def build_ours(encoder: Encoder, side: int, options: PaintOptions) -> Callable[[], object]:
    photo, painting = noise(side, encoder.device, 0), noise(256, encoder.device, 1)
    gray = picture_from_array(np.zeros((256, 256, 3), np.uint8))
    layout = RegionLayout(RunInputs.load(gray, gray), options)
    tile_px = build_plan(side, side, layout, options, encoder).tile_px
    objective = plain_objective(encoder, photo, painting, Core(0, 0, side, side), options, tile_px)
    optimizer = Adam(photo, options)
    return lambda: optimizer.step(objective(optimizer.picture))


def build_plain(encoder: Encoder, side: int, options: PaintOptions) -> Callable[[], object]:
    """What a textbook would write: everything in float32, whole, and PyTorch's optimiser."""
    photo, painting = noise(side, encoder.device, 0), noise(256, encoder.device, 1)
    layers = [*options.style_layers, *options.content_layers]
    with torch.no_grad():
        grams = {name: gram(maps) for name, maps in encoder(painting, list(options.style_layers)).items()}
        contents = encoder(photo, list(options.content_layers))
    pastiche = photo.clone().requires_grad_()
    optimizer = torch.optim.Adam(
        [pastiche], lr=options.learning_rate, betas=(0.9, 0.99), fused=encoder.device.type == "cuda"
    )

    def step() -> None:
        optimizer.zero_grad()
        maps = encoder(pastiche, layers)
        style = torch.stack([F.mse_loss(gram(maps[name]), target) for name, target in grams.items()]).sum()
        content = torch.stack([F.mse_loss(maps[name], target) for name, target in contents.items()]).sum()
        rough = pastiche.diff(dim=2).square().mean() + pastiche.diff(dim=3).square().mean()
        (options.style_weight * style + options.content_weight * content + options.tv_weight * rough).backward()
        optimizer.step()
        with torch.no_grad():
            pastiche.clamp_(0, 1)

    return step


def gram(maps: Tensor) -> Tensor:
    flat = maps.flatten(2)[0]
    return flat @ flat.T / flat.shape[1]


def build_measured(
    build: Callable[..., Callable[[], object]], encoder: Encoder, side: int, options: PaintOptions, steps: int
) -> tuple[Callable[[], object], float | None]:
    """So many steps as one call, waited for; and the most memory it held on the GPU beyond what was there before."""
    device, on_gpu = encoder.device, encoder.device.type == "cuda"
    if on_gpu:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device) if on_gpu else 0
    step = build(encoder, side, options)

    def call() -> None:
        for _ in range(steps):
            step()
        if on_gpu:
            torch.cuda.synchronize(device)

    call()  # warms up, and lets cuDNN choose
    return call, (torch.cuda.max_memory_allocated(device) - before) / GIB if on_gpu else None


def measure(
    args: argparse.Namespace, name: str, file: str, side: int, device: torch.device
) -> tuple[float | None, list[object]]:
    """One row: ours and the plain loop taking turns; the gain is unknown where the plain loop runs out of memory."""
    options = build_options({"optimizer": "adam", "style_loss": "gram", "device": str(device)})
    ours = load_encoder(file, device=device, precision=find_precision(args.precision, device))
    plain = load_encoder(file, device=device)
    calls, peaks = {}, {}
    calls["ours"], peaks["ours"] = build_measured(build_ours, ours, side, options, args.timed_steps)
    try:
        calls["plain"], peaks["plain"] = build_measured(build_plain, plain, side, options, args.timed_steps)
    except torch.cuda.OutOfMemoryError:
        torch.cuda.empty_cache()
    seconds = interleave(calls, args.rounds)
    rates = {who: args.timed_steps / statistics.median(times) for who, times in seconds.items()}
    gain = median_ratio(seconds["plain"], seconds["ours"]) if "plain" in seconds else None
    cells = [rates["ours"], rates.get("plain", "out of memory"), gain, peaks["ours"], peaks.get("plain")]
    return gain, [name, side, *("" if cell is None else cell for cell in cells)]


def main() -> None:
    parser = new_parser(__doc__, rounds=5)
    parser.add_argument("--device", help="default: the GPU; without one nothing is measured")
    parser.add_argument("--precision", default="auto", help="of our convolutions [default: auto, as the engine]")
    parser.add_argument("--sizes", default="512,1024,2048,4096", help="sides of square pictures, px")
    parser.add_argument("--timed-steps", type=int, default=10, help="steps a round")
    args = parse(parser, quick={"sizes": "64,96", "timed_steps": 1})
    if args.device is None and not torch.cuda.is_available():
        line = f"no GPU is here (PyTorch {torch.__version__} finds none): nothing was measured"
        print(line)
        (args.out / "gpu.md").write_text(f"## gpu\n\n{line}\n", encoding="utf-8")
        return
    device = find_device(args.device or "cuda")
    torch.backends.cudnn.benchmark = True
    report = Report("gpu", args)
    tf32 = f"TF32: convolutions {torch.backends.cudnn.allow_tf32}, products {torch.backends.cuda.matmul.allow_tf32}"
    where = torch.cuda.get_device_name(device) if device.type == "cuda" else "the processor, not a GPU"
    report.note(f"{where}; ours in {find_precision(args.precision, device)}, plain in float32; {tf32}")
    rows = []
    with encoder_folder() as folder:
        for name, file in {"lite": "lite", "VGG-19-sized": write_vgg_sized(folder)}.items():
            for side in map(int, args.sizes.split(",")):
                gain, row = measure(args, name, file, side, device)
                rows.append(row)
                if side == GAIN_PX and gain is not None:
                    report.bar(f"{name}, {side} px, times the plain loop", gain, GAIN_BAR, at_least=True)
    columns = ("encoder", "px", "steps/s", "plain, steps/s", "times as fast", "peak, GiB", "plain, GiB")
    report.table(f"a step, medians of {args.rounds} rounds of {args.timed_steps}", columns, rows)
    report.save()


if __name__ == "__main__":
    run(main)
