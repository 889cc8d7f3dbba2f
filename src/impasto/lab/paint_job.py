"""Doing a job, wherever it runs: files in, events and a finished PNG out."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from impasto.errors import InputError, OptionError
from impasto.events import Event, Notice, PreviewReady, StepDone, event_fields
from impasto.images.picture import Picture
from impasto.images.writing import encode_picture
from impasto.inputs.paintings import load_style
from impasto.inputs.recorded import RecordedFile, RecordedInputs, RecordedPainting
from impasto.inputs.run_inputs import RunInputs
from impasto.inputs.style_file import StyleFile
from impasto.lab.jobs import InputFile, LabJob, Role
from impasto.lab.run_folder import Outcome, done
from impasto.runs.run import Run

SHELF_ROOM = 4  # decoded inputs that a process keeps: neighbouring jobs share photo or painting


class PictureShelf:
    """The inputs decoded last, by SHA-256, so that a list of jobs decodes each once or little more."""

    def __init__(self, room: int = SHELF_ROOM) -> None:
        self._room = room
        self._pictures: OrderedDict[tuple[str, str], Picture | StyleFile] = OrderedDict()

    def load(self, file: InputFile) -> Picture:
        """As `load_style`, for an input that has to be a picture; `OptionError` for a style file."""
        picture = self.load_style(file)
        if isinstance(picture, StyleFile):
            raise OptionError(
                f"the {file.role} {picture.name} is a style file where a picture is needed: give the picture"
            )
        return picture

    def load_style(self, file: InputFile) -> Picture | StyleFile:
        """Raises `InputError` as `load_picture` does, and for a file that is no longer the one listed."""
        key = (file.sha256, file.path.name)
        picture = self._pictures.pop(key, None) or load_style(file.path)
        if picture.sha256 != file.sha256:
            raise InputError(f"{str(file.path)!r} has changed since the run began; start it again")
        self._pictures[key] = picture
        if len(self._pictures) > self._room:
            self._pictures.popitem(last=False)
        return picture


SHELF = PictureShelf()


def iter_job(job: LabJob) -> Iterator[Event | Outcome]:
    """Do a job of any kind: paint, take a picture that exists, or run Google's model."""
    if job.kind == "paint":
        yield from iter_painting(job)
    elif job.kind == "picture":
        picture = SHELF.load(job.files(Role.PICTURE)[0])
        png = encode_picture(picture.pixels(), "picture.png", alpha=picture.alpha())
        yield done(job, png, width_px=picture.width_px, height_px=picture.height_px)
    else:
        photo, *paintings = (SHELF.load(file) for file in job.files(Role.PHOTO, Role.PAINTING))
        if len(paintings) > 1:
            raise OptionError("tfhub paints after one painting only; give one")
        pixels, seconds, maker = _run_hub_model(job, photo, paintings[0])
        png = encode_picture(pixels, "pastiche.png")
        size = {"width_px": pixels.shape[1], "height_px": pixels.shape[0]}
        yield done(job, png, **size, seconds=seconds, notices=[f"painted by TF-Hub's model, {maker}"])


def _run_hub_model(job: LabJob, photo: Picture, painting: Picture) -> tuple[NDArray[np.float32], float, str]:
    """Pixels, seconds, and in words which form of the model painted."""
    from impasto.lab import magenta, tfhub

    if job.model == magenta.PACKAGE:
        maker = f"as ONNX from {magenta.PACKAGE}, at {magenta.INSIDE_PX} px inside"
        return *magenta.stylize(photo, painting, job.options), maker
    if job.model is None:
        folder = job.files(Role.MODEL)[0].path.parent
        return *tfhub.stylize(photo, painting, job.options, folder), f"the SavedModel {folder.name}"
    return *tfhub.stylize(photo, painting, job.options, job.model), f"fetched from {job.model}"


def iter_painting(job: LabJob) -> Iterator[Event | Outcome]:
    """Paint, yielding the run's events and then the outcome; raises what `impasto.paint` does."""
    run = _build_run(job)
    lines: list[str] = []
    notices: list[str] = []
    steps: list[StepDone] = []
    for event in run:
        if isinstance(event, PreviewReady):
            continue
        lines.append(json.dumps(event_fields(event)))
        if isinstance(event, StepDone):
            steps.append(event)
        elif isinstance(event, Notice):
            notices.append(event.message)
        yield event
    assert run.pastiche is not None, "the engine ended without RunDone"
    height_px, width_px = run.pastiche.pixels.shape[:2]
    yield done(
        job,
        run.pastiche.to_bytes("png"),
        lines,
        width_px=width_px,
        height_px=height_px,
        seconds=run.pastiche.seconds,
        steps=len(steps),
        content_weight=steps[-1].content_weight if steps else None,
        losses=steps[-1].losses if steps else {},
        notices=notices,
    )


def _build_run(job: LabJob) -> Run:
    """The run that a painting job asks for, its files read."""
    photo = job.files(Role.PHOTO)[0]
    plain = {file.role: SHELF.load(file) for file in job.files(Role.PHOTO, Role.STARTING_POINT, Role.PALETTE)}
    styles = job.files(Role.PAINTING, Role.REGION_PAINTING, Role.MASK)
    paintings = tuple(
        RecordedPainting(name=file.path.name, sha256=file.sha256, weight=file.weight)
        for file in job.files(Role.PAINTING)
    )
    recorded = RecordedInputs(
        content=RecordedFile(name=photo.path.name, sha256=photo.sha256),
        paintings=job.paintings or paintings,
        regions=job.regions,
    )
    files = {photo.sha256: plain[Role.PHOTO]} | {file.sha256: SHELF.load_style(file) for file in styles}
    inputs = replace(
        RunInputs.read(recorded, files),
        photo=plain[Role.PHOTO],  # by its role: a painting may have the same bytes and another name
        starting_picture=plain.get(Role.STARTING_POINT),
        palette=plain.get(Role.PALETTE),
    )
    encoders = [{"encoder": str(file.path)} for file in job.files(Role.ENCODER)]
    options = job.options.model_copy(update=encoders[0]) if encoders else job.options
    return Run(inputs, options, recipe=job.recipe)
