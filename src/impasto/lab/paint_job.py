"""What a painting job does, wherever it runs: files in, events and a finished PNG out."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from impasto.errors import InputError, OptionError
from impasto.events import Event, Notice, PreviewReady, StepDone, event_fields
from impasto.images.picture import Picture
from impasto.inputs.paintings import Painting, load_style
from impasto.inputs.record_inputs import read_painting, read_region
from impasto.inputs.style_file import StyleFile
from impasto.lab.run_folder import InputFile, Job, Outcome
from impasto.runs.run import Run

KEPT_PICTURES = 4  # decoded inputs that a process keeps: neighbouring jobs share photo or painting


class PictureShelf:
    """The inputs decoded last, by SHA-256, so that a list of jobs decodes each once or little more."""

    def __init__(self, room: int = KEPT_PICTURES) -> None:
        self._room = room
        self._pictures: OrderedDict[tuple[str, str], Picture | StyleFile] = OrderedDict()

    def load(self, file: InputFile) -> Picture:
        """As `load_style`, for an input that has to be a picture; `OptionError` for a style file."""
        picture = self.load_style(file)
        if isinstance(picture, StyleFile):
            raise OptionError(
                f"the {file.role} {picture.name} is a style file, and a picture is wanted: give the picture"
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


def iter_painting(job: Job) -> Iterator[Event | Outcome]:
    """Paint, yielding the run's events and then the outcome; raises what `impasto.paint` does."""
    options = job.options
    starts = [SHELF.load(file) for file in job.inputs if file.role == "starting point"]
    palettes = [SHELF.load(file) for file in job.inputs if file.role == "palette"]
    for encoder in job.paths("encoder"):
        options = options.model_copy(update={"encoder": str(encoder)})
    (photo,) = (SHELF.load(file) for file in job.inputs if file.role == "photo")
    others = [file for file in job.inputs if file.role in ("painting", "painting of a region", "mask")]
    pictures = {file.sha256: SHELF.load_style(file) for file in others}
    plain = [Painting(pictures[file.sha256], file.weight) for file in job.inputs if file.role == "painting"]
    run = Run(
        content=photo,
        paintings=[read_painting(painting, pictures) for painting in job.paintings] or plain,
        regions=[read_region(region, pictures) for region in job.regions],
        options=options,
        recipe=job.recipe,
        starting_picture=starts[0] if starts else None,
        palette=palettes[0] if palettes else None,
    )
    lines: list[str] = []
    notices: list[str] = []
    last: StepDone | None = None
    steps = 0
    for event in run:
        if isinstance(event, PreviewReady):
            continue
        lines.append(json.dumps(event_fields(event)))
        if isinstance(event, StepDone):
            last, steps = event, steps + 1
        elif isinstance(event, Notice):
            notices.append(event.message)
        yield event
    assert run.pastiche is not None, "the engine ended without RunDone"
    height_px, width_px = run.pastiche.pixels.shape[:2]
    yield Outcome(
        picture=png_bytes(run.pastiche.save),
        width_px=width_px,
        height_px=height_px,
        seconds=run.pastiche.seconds,
        events=tuple(lines),
        steps=steps,
        content_weight=last.content_weight if last else None,
        losses=last.losses if last else {},
        notices=tuple(notices),
    )


def png_bytes(save: Callable[[Path], None]) -> bytes:
    """The bytes of the PNG that `save` writes to the path it is given."""
    with TemporaryDirectory(prefix="impasto-") as folder:
        path = Path(folder) / "pastiche.png"
        save(path)
        return path.read_bytes()
