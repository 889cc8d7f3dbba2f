"""Paint random pairs of the training images, and keep pastiches half-way and finished, to train an encoder on.

    python tools/paint_for_training.py --data photos/ art/ --out pastiches/ --count 300

An optimiser drives a pastiche to wherever its encoder is wrong. Shown these pictures with the teacher's answer
(`distill_encoder.py --extra pastiches/`), the encoder learns to be right there.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

from impasto.engine.paint import iter_paint
from impasto.errors import ImpastoError
from impasto.events import Controls, PreviewReady, RunDone, StepDone
from impasto.images.writing import save_picture
from impasto.inputs.run_inputs import RunInputs
from impasto.options.fields import build_options


def paint_one(
    photo: Path, painting: Path, out: Path, number: int, choose: random.Random, args: argparse.Namespace
) -> None:
    """Paint one pair at random options; keep one early pastiche and the finished one."""
    options = build_options(
        {
            "encoder": args.encoder,
            "size_px": choose.choice((192, 224, 256)),
            "strength": choose.uniform(25, 95),
            "tv_weight": choose.choice((0.0, 0.002, 0.02)),
            "starting_point": choose.choice(("content", "content", "noise")),
            "seed": number,
            "steps": (choose.choice((40, 80)), 30, 30),
            "threads": args.threads,
        }
    )
    controls, early = Controls(), (choose.randrange(3), choose.randrange(5, 25))
    for event in iter_paint(RunInputs.load(photo, painting), options, controls=controls):
        if isinstance(event, StepDone):
            controls.preview = (event.scale, event.step) == early
        elif isinstance(event, PreviewReady):
            save_picture(out / f"{number:05d}_early.png", event.pixels)
        elif isinstance(event, RunDone):
            save_picture(out / f"{number:05d}.png", event.pixels)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="folders of .jpg and .png images")
    parser.add_argument("--out", type=Path, required=True, help="folder for the pastiches")
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--encoder", default="lite", help="lite, or the encoder.safetensors of a run in training")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first pair: also its random seed")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    paths = sorted(p for folder in args.data for p in folder.rglob("*") if p.suffix in (".jpg", ".png"))
    for number in range(args.first, args.first + args.count):
        choose = random.Random(number)
        photo, painting = choose.sample(paths, 2)
        try:
            paint_one(photo, painting, args.out, number, choose, args)
        except ImpastoError as error:
            print(f"{photo.name} + {painting.name}: {error}", flush=True)
        print(number, flush=True)


if __name__ == "__main__":
    main()
