"""Films on many machines: pieces of their shots are jobs on a Ray cluster."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from impasto.engine.devices import set_threads
from impasto.errors import OutputError
from impasto.events import Controls, Notice
from impasto.lab.jobs import InputFile, Role
from impasto.lab.run_folder import LabResult, Outcome
from impasto.lab.workers import JobEnded, JobProgress, run_on_ray
from impasto.runs.draft import DraftOptions
from impasto.storage.hashing import hash_file
from impasto.video.folder import FilmFolder
from impasto.video.masks import MovingRegion
from impasto.video.pieces import DoPieces, FilmInputs, FramePainted, Piece, PieceResult, ShotTuned, do_piece


@dataclass(frozen=True)
class FilmJob:
    """A piece of a film.

    Attributes
    ----------
    inputs: what is known of its shot; the clip and the masks that move, unless they are folders, which every machine
        has to see under the same name; a stylizer of one's own. names: what `FilmInputs` calls them.
    """

    piece: Piece
    inputs: tuple[InputFile, ...]
    names: tuple[Path, ...]
    threads: int = 1
    device: str = "cpu"

    @property
    def name(self) -> str:
        """Which frames."""
        return self.piece.name

    @property
    def identity(self) -> str:
        """SHA-256 of all that decides its outcome beside what is the same for all pieces of the film."""
        return hashlib.sha256(repr((self.piece, [file.sha256 for file in self.inputs])).encode()).hexdigest()

    def with_inputs(self, inputs: tuple[InputFile, ...]) -> FilmJob:
        """The same job with its files in other places."""
        return replace(self, inputs=inputs)


def on_ray(address: str) -> DoPieces:
    """What does the pieces of a film on the Ray cluster of an address, as `run_on_ray` takes it."""
    return partial(_do_pieces, address)


def _do_pieces(
    address: str, inputs: FilmInputs, pieces: Sequence[Piece], folder: FilmFolder, controls: Controls
) -> Iterator[PieceResult | Notice]:
    if not pieces or controls.stop:
        return
    threads = (None if isinstance(inputs.options, DraftOptions) else inputs.options.threads) or 1
    inputs = _with_places(inputs, Path.resolve)
    names = [path for path in _paths(inputs) if path.is_file()]
    shared = [_input(path) for path in names]
    jobs = []
    for piece in pieces:
        shot = folder.shot_path(piece.shot)
        jobs.append(FilmJob(piece, (_input(shot), *shared), (shot, *names), threads))
    for event in run_on_ray(jobs, partial(do_job, inputs), address, controls):
        if isinstance(event, JobProgress) and isinstance(event.event, FramePainted | ShotTuned | Notice):
            yield event.event
        elif isinstance(event, JobEnded) and event.outcome.result.status == "failed":
            raise OutputError(f"{event.job.name} could not be painted: {event.outcome.result.error}")


def do_job(inputs: FilmInputs, job: FilmJob) -> Iterator[PieceResult | Notice | Outcome]:
    """Do a piece where its files are."""
    set_threads(job.threads)
    places = dict(zip(job.names, (file.path for file in job.inputs), strict=True))
    folder = FilmFolder(job.inputs[0].path.parent, inputs.bit_depth)
    for item in do_piece(_with_places(inputs, lambda path: places.get(path, path)), job.piece, folder):
        if isinstance(item, FramePainted | ShotTuned | Notice):
            yield item
    yield Outcome(LabResult(identity=job.identity, status="done"))


def _paths(inputs: FilmInputs) -> list[Path]:
    """The files and folders that are read."""
    masks = [region.clip for region in inputs.regions if isinstance(region, MovingRegion)]
    own = inputs.options.stylizer if isinstance(inputs.options, DraftOptions) else None
    return [inputs.clip, *masks, *([Path(own)] if own else [])]


def _with_places(inputs: FilmInputs, place: Callable[[Path], Path]) -> FilmInputs:
    """The same with `_paths` in other places."""
    regions = tuple(
        replace(region, clip=place(region.clip)) if isinstance(region, MovingRegion) else region
        for region in inputs.regions
    )
    options = inputs.options
    if isinstance(options, DraftOptions) and options.stylizer is not None:
        options = options.model_copy(update={"stylizer": str(place(Path(options.stylizer)))})
    return replace(inputs, clip=place(inputs.clip), regions=regions, options=options)


def _input(path: Path) -> InputFile:
    return InputFile(role=Role.FILM, path=path, sha256=hash_file(path))
