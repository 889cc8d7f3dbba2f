"""The command line of training: ``impasto train stylizer``."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from impasto.cli.help import build_group
from impasto.cli.streams import tell
from impasto.cli.syntax import SWITCH, Quiet, check_positive, output_flag
from impasto.errors import InputError, OptionError
from impasto.runs.record import PICTURE_SUFFIXES

TRAIN = build_group("train", "impasto train stylizer --photos photos --paintings paintings -o mine")
SPECIALIST_STEPS = 2000


@Parameter(name="*")
@dataclass
class Training:
    """The flags of a training run."""

    steps: Annotated[
        int | None, Parameter(help="training steps [default: 15000; a specialist: 2000]", show_default=False)
    ] = None
    batch: Annotated[int, Parameter(help="crops a step")] = 4
    crop: Annotated[int, Parameter(metavar="PX", help="side of a crop, a multiple of 16")] = 160
    seed: Annotated[int, Parameter(help="random state; the same gives the same weights")] = 0
    start: Annotated[
        str | None,
        Parameter(
            metavar="FILE",
            help="stylizer to begin from, or none [default: a specialist from the bundled one]",
            show_default=False,
        ),
    ] = None
    resume: Annotated[bool, SWITCH, Parameter(help="go on with the run in the folder")] = False
    every: Annotated[int, Parameter(help="steps between reports, samples and checkpoints")] = 250
    threads: Annotated[int | None, Parameter(help="processor threads [default: one per core]")] = None

    def check(self) -> None:
        """Refuse numbers that cannot be used."""
        if self.crop % 16 or self.crop < 64:
            raise OptionError(f"--crop is a multiple of 16 px, 64 or more, got {self.crop}")
        check_positive(steps=self.steps, batch=self.batch, every=self.every, threads=self.threads)


DEFAULTS = Training()


@TRAIN.command(usage="Usage: impasto train stylizer --photos FOLDER (--paintings FOLDER | --painting FILE) -o FOLDER")
def stylizer(
    *,
    photos: Annotated[Path, Parameter(metavar="FOLDER", help="photographs to train on")],
    paintings: Annotated[
        list[Path] | None, Parameter(metavar="FOLDER", help="paintings to learn from: folders", consume_multiple=True)
    ] = None,
    painting: Annotated[
        Path | None, Parameter(metavar="FILE", help="one painting: a specialist, sharper than the generalist")
    ] = None,
    output: Annotated[Path, output_flag("run folder: log, samples, the stylizer", metavar="FOLDER")],
    training: Training = DEFAULTS,
    quiet: Quiet = False,
) -> int:
    """Train a stylizer; stop it with Ctrl-C at any time, go on with --resume."""
    if (paintings is None) == (painting is None):
        raise OptionError("give --paintings FOLDER, or --painting FILE for a specialist: one of them")
    training.check()
    import torch

    from impasto.stylizer.stylizer import load_stylizer
    from impasto.stylizer.training.data import load_training_set
    from impasto.stylizer.training.run import STYLIZER, iter_training
    from impasto.stylizer.training.trainer import TrainingOptions

    if training.threads:
        torch.set_num_threads(training.threads)
    photo_files = _pictures([photos])
    painting_files = [painting] if painting else _pictures(paintings or [])
    steps = training.steps or (SPECIALIST_STEPS if painting else TrainingOptions.steps)
    options = TrainingOptions(steps=steps, batch=training.batch, crop_px=training.crop, seed=training.seed)
    if painting:
        options = replace(options, blend_share=0.0)
    begin = training.start or ("bundled" if painting else "none")
    weights = None if begin == "none" else load_stylizer(None if begin == "bundled" else begin).network.state_dict()
    if not quiet:
        tell(f"loading {len(photo_files)} photos and {len(painting_files)} paintings")
    about = {"command": "impasto " + shlex.join(sys.argv[1:])}
    name = painting.stem if painting else "stylizer"
    pictures = load_training_set(photo_files, painting_files)
    resume, every = training.resume, training.every
    for report in iter_training(
        pictures, output, options, name=name, about=about, start=weights, resume=resume, every=every
    ):
        if not quiet:
            style, unreadable = report.validation["style"], report.validation["unreadability"]
            tell(
                f"step {report.step} of {report.steps}, {report.seconds:.0f} s: style {style:.3f}, "
                f"distance from the photo {unreadable:.3f}"
            )
    if not quiet:
        tell(f"{output / STYLIZER}: use it with impasto draft --stylizer")
    return 0


def _pictures(folders: list[Path]) -> list[Path]:
    """Picture files in folders and below, sorted."""
    pictures: list[Path] = []
    for folder in folders:
        if not folder.is_dir():
            raise InputError(f"there is no folder {str(folder)!r}")
        pictures += sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICTURE_SUFFIXES)
    if not pictures:
        raise InputError(f"no pictures in {', '.join(repr(str(folder)) for folder in folders)}")
    return pictures
