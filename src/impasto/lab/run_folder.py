"""A run folder: a list of jobs, and on disk what came of each.

::

    manifest.json        the jobs: inputs by SHA-256, options, what varies
    pastiches/NAME.png   with its run record
    events/NAME.jsonl    what happened, an event a line
    results/NAME.json    how it went; a job is finished when this names its identity and the picture's SHA-256

Every file appears whole or not at all, so that a run can be ended at any time and started again.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, ValidationError, model_serializer

from impasto.errors import InputError, OptionError, OutputError, RecordError
from impasto.images.writing import write_whole
from impasto.inputs.record_inputs import PaintingFile, RegionFiles, without_defaults
from impasto.options.fields import PaintOptions
from impasto.runs.record import ENCODER_SUFFIX, hash_file
from impasto.version import __version__

FORMAT_VERSION = 1
MANIFEST = "manifest.json"
Role = Literal[
    "photo", "painting", "mask", "painting of a region", "starting point", "palette", "encoder", "picture", "model"
]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class InputFile(_Part):
    """A file that a job reads; `weight` is a painting's share. In the manifest the path is relative to it."""

    role: Role
    path: Path
    sha256: str
    weight: float = 1.0


class Job(_Part):
    """One picture to be made.

    Attributes
    ----------
    name: of its files.
    kind: ``paint``; ``picture``: one that exists; ``tfhub``: made by Google's one-pass model.
    labels: value of everything that varies in the run, as shown to people.
    inputs: files, paintings in order; an encoder or starting point that is a file is one of them.
    recipe: name of the recipe, for information: `options` hold what it came to.
    model: of ``tfhub``: its address; None where it is a folder, whose files are inputs then.
    paintings: where one has settings of its own beside its weight: all of them, as records hold them.
    regions: as records hold them; their files are inputs.
    """

    name: str
    kind: Literal["paint", "picture", "tfhub"] = "paint"
    labels: dict[str, str]
    inputs: tuple[InputFile, ...]
    recipe: str | None = None
    options: PaintOptions
    model: str | None = None
    paintings: tuple[PaintingFile, ...] = ()
    regions: tuple[RegionFiles, ...] = ()

    @model_serializer(mode="wrap")
    def _sparse(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return without_defaults(self, serialise(self), ["paintings", "regions"])

    def paths(self, role: Role) -> list[Path]:
        """Paths of the inputs that play a role, in order."""
        return [file.path for file in self.inputs if file.role == role]

    @property
    def identity(self) -> str:
        """SHA-256 of all that decides the picture: inputs, options, and the program's version."""
        decisive: dict[str, Any] = {
            "impasto": __version__,
            "kind": self.kind,
            "inputs": [(file.role, file.sha256, file.weight) for file in self.inputs],
            "recipe": self.recipe,
            "options": self.options.model_dump(mode="json"),
            "model": self.model,
        }
        for name, parts in (("paintings", self.paintings), ("regions", self.regions)):
            if parts:
                decisive[name] = [part.model_dump(mode="json") for part in parts]
        return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()


class Axis(_Part):
    """Something that varies, and its values as shown to people, in order."""

    name: str
    values: tuple[str, ...]


class Manifest(_Part):
    """A list of jobs and how they are laid out: the first axis as rows, the second as columns, then pages."""

    format_version: int = FORMAT_VERSION
    impasto: str = __version__
    command: Literal["sweep", "batch", "compare"]
    axes: tuple[Axis, ...]
    judge: str = "lite"
    jobs: tuple[Job, ...]


class Result(_Part):
    """What came of a job.

    Attributes
    ----------
    identity: the job's, when it was run.
    sha256: of the picture; None where there is none.
    losses: the objective's weighted parts at the last step, with ``total``; empty where nothing was painted.
    metrics: of the finished 8-bit picture, by `judge`; None where one cannot be measured.
    """

    identity: str
    status: Literal["done", "failed"]
    sha256: str | None = None
    width_px: int | None = None
    height_px: int | None = None
    seconds: float | None = None
    steps: int | None = None
    content_weight: float | None = None
    losses: dict[str, float] = {}
    notices: tuple[str, ...] = ()
    error: str | None = None
    traceback: str | None = None
    judge: str | None = None
    metrics: dict[str, float | None] = {}


@dataclass(frozen=True)
class Outcome:
    """A finished job on its way to the folder: PNG bytes, event lines, and the facts of `Result`."""

    picture: bytes = field(repr=False)
    width_px: int
    height_px: int
    seconds: float | None
    events: tuple[str, ...] = field(default=(), repr=False)
    steps: int | None = None
    content_weight: float | None = None
    losses: Mapping[str, float] = field(default_factory=dict)
    notices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Failure:
    """A job that could not be done: one line, and the traceback where it was a bug."""

    error: str
    traceback: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class RunFolder:
    """See the module's description; `create` and `open` make one."""

    path: Path
    manifest: Manifest

    @classmethod
    def create(cls, path: Path, manifest: Manifest) -> RunFolder:
        """Make the folder, or take an older run folder over: its finished jobs that are still listed count.

        Raises `OutputError` for a folder that holds something else, or cannot be written.
        """
        if path.exists() and not path.is_dir():
            raise OutputError(f"cannot make the run folder {str(path)!r}: it is a file; give another name")
        if path.is_dir() and any(path.iterdir()) and not (path / MANIFEST).is_file():
            raise OutputError(f"{str(path)!r} is not empty and no run folder of impasto; give another name")
        folder = cls(path, manifest)
        try:
            for name in ("pastiches", "events", "results"):
                (path / name).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"cannot make the run folder {str(path)!r}: {error.strerror}") from error
        jobs = tuple(_relocated(job, lambda file: _relative(file, path)) for job in manifest.jobs)
        judge = manifest.judge
        if judge.endswith(ENCODER_SUFFIX):
            judge = str(_relative(Path(judge).absolute(), path))
        text = manifest.model_copy(update={"jobs": jobs, "judge": judge}).model_dump_json(indent=1)
        folder.write(MANIFEST, text.encode())
        return folder

    @classmethod
    def open(cls, path: Path) -> RunFolder:
        """Read a run folder back. Raises `RecordError` where there is none, or of another format."""
        try:
            values = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
            version = values["format_version"]
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise RecordError(f"{str(path)!r} is no run folder: {MANIFEST} is missing or damaged") from error
        if version != FORMAT_VERSION:
            raise RecordError(
                f"{str(path)!r} is a run folder of format {version!r}; this is impasto {__version__}, "
                f"which reads format {FORMAT_VERSION}"
            )
        try:
            manifest = Manifest.model_validate(values)
        except ValidationError as error:
            first = error.errors()[0]
            part = ".".join(map(str, first["loc"]))
            raise RecordError(
                f"the manifest of {str(path)!r} cannot be used: {part}: {first['msg'].lower()}"
            ) from error
        jobs = tuple(
            _relocated(job, lambda file: Path(os.path.normpath(path.absolute() / file))) for job in manifest.jobs
        )
        judge = manifest.judge
        if judge.endswith(ENCODER_SUFFIX):
            judge = os.path.normpath(path.absolute() / judge)
        return cls(path, manifest.model_copy(update={"jobs": jobs, "judge": judge}))

    def picture_path(self, job: Job) -> Path:
        return self.path / "pastiches" / f"{job.name}.png"

    def events_path(self, job: Job) -> Path:
        return self.path / "events" / f"{job.name}.jsonl"

    def result(self, job: Job) -> Result | None:
        """What came of a job as it is listed now; None where it has not run, or its picture is not whole."""
        try:
            text = (self.path / "results" / f"{job.name}.json").read_text(encoding="utf-8")
            result = Result.model_validate_json(text)
        except (OSError, ValueError):  # pydantic's error is a ValueError: a damaged result is none
            return None
        if result.identity != job.identity:
            return None
        if result.status == "done" and result.sha256 != hash_file(self.picture_path(job)):
            return None
        return result

    def store(self, job: Job, ended: Outcome | Failure) -> Result:
        """Keep what came of a job; the result, which makes it count, is written last."""
        if isinstance(ended, Failure):
            result = Result(identity=job.identity, status="failed", error=ended.error, traceback=ended.traceback)
        else:
            result = Result(
                identity=job.identity,
                status="done",
                sha256=hashlib.sha256(ended.picture).hexdigest(),
                width_px=ended.width_px,
                height_px=ended.height_px,
                seconds=ended.seconds,
                steps=ended.steps,
                content_weight=ended.content_weight,
                losses=dict(ended.losses),
                notices=ended.notices,
            )
            self.write(f"pastiches/{job.name}.png", ended.picture)
            if ended.events:
                self.write(f"events/{job.name}.jsonl", "".join(f"{line}\n" for line in ended.events).encode())
        self.store_result(job, result)
        return result

    def store_result(self, job: Job, result: Result) -> None:
        self.write(f"results/{job.name}.json", result.model_dump_json(indent=1).encode())

    def write(self, name: str, data: bytes) -> None:
        """Write a file of the folder, whole or not at all; raises `OutputError`."""
        try:
            write_whole(self.path / name, data, overwrite=True)
        except OSError as error:
            raise OutputError(f"cannot write {str(self.path / name)!r}: {error.strerror}") from error


@dataclass
class InputFiles:
    """Describes files as inputs of jobs, hashing each once."""

    _hashes: dict[Path, str] = field(default_factory=dict)

    def describe(self, role: Role, path: str | os.PathLike[str], weight: float = 1.0) -> InputFile:
        """Raises `InputError` for a file that is not there or cannot be read."""
        absolute = Path(path).absolute()
        if absolute not in self._hashes:
            if absolute.is_dir():
                raise InputError(f"the {role} {str(path)!r} is a folder; give a file")
            if not (sha256 := hash_file(absolute)):
                raise InputError(f"the {role} {str(path)!r} cannot be read: check the name and its permissions")
            self._hashes[absolute] = sha256
        return InputFile(role=role, path=absolute, sha256=self._hashes[absolute], weight=weight)


def check_inputs(jobs: Sequence[Job]) -> None:
    """Refuse inputs that are gone or changed since they were listed: `RecordError`."""
    hashes: dict[Path, str] = {}
    for file in (file for job in jobs for file in job.inputs):
        found = hashes.setdefault(file.path, hashes.get(file.path) or hash_file(file.path))
        if found != file.sha256:
            what = "is not the file it was" if found else "is not there or cannot be read"
            raise RecordError(f"the {file.role} {str(file.path)!r} {what}; put it back, or start the run anew")


def check_unique(jobs: Sequence[Job]) -> None:
    """Refuse jobs that would write the same files: `OptionError`."""
    seen: dict[str, Job] = {}
    for job in jobs:
        if seen.setdefault(job.name.casefold(), job) is not job:
            raise OptionError(f"{', '.join(job.labels.values())} is asked for twice; give each value once")


def _relocated(job: Job, place: Callable[[Path], Path]) -> Job:
    inputs = tuple(file.model_copy(update={"path": place(file.path)}) for file in job.inputs)
    return job.model_copy(update={"inputs": inputs})


def _relative(file: Path, folder: Path) -> Path:
    """As the manifest holds it: folder and inputs may be moved together."""
    try:
        return Path(os.path.relpath(file, folder.absolute()))
    except ValueError:  # another drive
        return file
