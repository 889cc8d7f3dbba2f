"""A training run in a folder: log, checkpoint, sample sheets, and the stylizer as far as it has come."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.encoders import Encoder, load_encoder
from impasto.encoders.conversion import UNREADABLE, why_torch_is_unsafe
from impasto.errors import CheckpointError, OutputError
from impasto.images.picture import picture_from_array
from impasto.images.sheet import Cell, Heading, Sheet, draw_sheet
from impasto.images.writing import save_picture
from impasto.storage.atomic import write_whole
from impasto.stylizer.network import Network
from impasto.stylizer.statistics import MIDDLE, batch_statistics
from impasto.stylizer.stylizer import Stylizer
from impasto.stylizer.training.data import TrainingSet
from impasto.stylizer.training.objective import ENCODED, BatchStyleLoss, style_distance, unreadability
from impasto.stylizer.training.trainer import Trainer, TrainingOptions
from impasto.stylizer.weights import save_stylizer_file

CHECKPOINT, LOG, STYLIZER = "checkpoint.pt", "log.jsonl", "stylizer.safetensors"
SAMPLE_PX = 256  # long edge of a sample


@dataclass(frozen=True)
class TrainingProgress:
    """Where a training run stands.

    Attributes
    ----------
    losses: running means over the training crops.
    validation: style distance and unreadability of the averaged network on pictures held out.
    """

    step: int
    steps: int
    seconds: float
    content_weight: float
    losses: Mapping[str, float]
    validation: Mapping[str, float]


def iter_training(
    pictures: TrainingSet,
    folder: Path,
    options: TrainingOptions,
    *,
    name: str = "stylizer",
    about: Mapping[str, str] | None = None,
    start: Mapping[str, Tensor] | None = None,
    resume: bool = False,
    every: int = 250,
) -> Iterator[TrainingProgress]:
    """Train in `folder`, reporting and saving every so many steps; close the iterator to stop.

    Parameters
    ----------
    pictures: some are held out for validation where there are enough of them.
    start: weights to begin from; default: random ones.
    resume: go on from the checkpoint in `folder`.

    Raises
    ------
    OutputError: where `folder` holds a run that is not to be resumed or links that lead elsewhere, or where it cannot
        be written; what was saved before stays.
    CheckpointError: where there is no usable checkpoint.
    """
    pictures, sample = pictures.hold_out()
    checkpoint = folder / CHECKPOINT
    if checkpoint.exists() and not resume:
        raise OutputError(f"{str(folder)!r} holds a training run: go on with --resume, or choose another folder")
    trainer = Trainer(pictures, options, start)
    if resume:
        _restore(trainer, checkpoint)
    _make_folder(folder)
    encoder = load_encoder("lite")
    started = time.monotonic() - trainer.seconds
    while trainer.step < options.steps:
        trainer.train_step()
        if trainer.step % every and trainer.step < options.steps:
            continue
        trainer.seconds = time.monotonic() - started
        validation = _validate(trainer, encoder, sample, folder / f"sample-{trainer.step:06d}.jpg")
        progress = TrainingProgress(
            trainer.step, options.steps, trainer.seconds, trainer.content_weight, dict(trainer.losses), validation
        )
        facts = {"steps": str(trainer.step), "options": json.dumps(asdict(options)), **(about or {})}
        try:
            save_stylizer_file(folder / STYLIZER, name, trainer.average, encoder, facts)
            state = io.BytesIO()
            torch.save(trainer.state(), state)
            write_whole(checkpoint, state.getvalue(), part=checkpoint.with_suffix(".partial").name)
            with (folder / LOG).open("a", encoding="utf-8") as log:
                log.write(json.dumps(asdict(progress)) + "\n")
        except OSError as error:
            raise OutputError(
                f"cannot write the training run in {str(folder)!r}: {error.strerror}; with room again, "
                + ("go on with --resume" if checkpoint.exists() else "train anew")
            ) from error
        yield progress


def _make_folder(folder: Path) -> None:
    """Make the folder of a training run; `OutputError` where that cannot be, or a file in it is a link."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        strange = [path.name for path in folder.iterdir() if path.is_symlink() or not (path.is_file() or path.is_dir())]
    except OSError as error:
        raise OutputError(f"cannot make the folder {str(folder)!r}: {error.strerror}") from error
    if strange:
        raise OutputError(f"in the folder {str(folder)!r} {strange[0]!r} is a link or no file: remove it")


def _restore(trainer: Trainer, path: Path) -> None:
    """Bring a training run to where its checkpoint stands; `CheckpointError` where that is none."""
    if not path.is_file():
        raise CheckpointError(f"{str(path.parent)!r} holds no {path.name} to go on from: leave out --resume")
    if why := why_torch_is_unsafe():
        raise CheckpointError(f"cannot read {path}: {why}")
    try:
        trainer.restore(torch.load(path, weights_only=True))
    except UNREADABLE as error:
        raise CheckpointError(f"{path} is damaged or no checkpoint of a training run: begin anew elsewhere") from error


@torch.no_grad()
def _validate(trainer: Trainer, encoder: Encoder, sample: TrainingSet, path: Path) -> dict[str, float]:
    """Paint every photo held out like one painting held out; returns mean losses.

    `path`: where a sheet of photo, painting and draft is drawn.
    """
    network = Network()
    network.load_state_dict(trainer.average)
    stylizer = Stylizer("training", "", encoder, network)
    rows, styles, distances = [], [], []
    for index in range(max(len(sample.photos), len(sample.paintings))):
        photo = _fitted(sample.photos[index % len(sample.photos)])
        painting = _fitted(sample.paintings[index % len(sample.paintings)])
        style = stylizer.measure_style(painting)
        draft = stylizer.paint(photo, style)
        maps = {"rgb": draft - MIDDLE, **encoder(draft, ENCODED)}
        style_loss = BatchStyleLoss(encoder, style.batch(), network.usual_variance())
        styles.append(float(style_distance(style_loss.distances(batch_statistics(maps)))))
        distances.append(float(unreadability(maps, encoder(photo, ENCODED))))
        rows.append([Cell(picture_from_array(picture)) for picture in (photo, painting, draft.clamp(0, 1))])
    drawn = draw_sheet(Sheet(rows, f"Step {trainer.step}", columns=[*map(Heading, ("photo", "painting", "draft"))]))
    save_picture(path, np.asarray(drawn, np.float32) / 255, overwrite=True)
    return {"style": sum(styles) / len(styles), "unreadability": sum(distances) / len(distances)}


def _fitted(image: Tensor) -> Tensor:
    """[1, 3, height, width] in [0, 1], whole strides, a long edge of at most `SAMPLE_PX`."""
    factor = min(1.0, SAMPLE_PX / max(image.shape[1:]))
    size = [max(32, round(side * factor / 16) * 16) for side in image.shape[1:]]
    return F.interpolate(image[None].float() / 255, size, mode="bicubic", antialias=True).clamp(0, 1)
