"""A run folder: a list of jobs, and on disk what came of each.

::

    manifest.json        the jobs (`lab.jobs`)
    pastiches/NAME.png   with its run record
    events/NAME.jsonl    what happened, an event a line
    results/NAME.json    how the job ended; it is finished when this names its identity and the picture's SHA-256

Every file appears whole or not at all, so a run can be ended at any time and started again.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from impasto.errors import OutputError, RecordError, first_fault, shorten
from impasto.lab.jobs import FORMAT_VERSION, LabJob, LabManifest, LabRecord
from impasto.runs.record import ENCODER_SUFFIX
from impasto.storage.atomic import unwritable, write_whole
from impasto.storage.files import read_own
from impasto.storage.hashing import SENT_BYTES, hash_file
from impasto.version import __version__

MANIFEST = "manifest.json"
FOLDERS = ("pastiches", "events", "results")
MAX_MANIFEST_BYTES = 100_000_000  # of lists of 20,000 jobs and more
MAX_RESULT_BYTES = 1_000_000


class LabResult(LabRecord):
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
    losses: dict[str, float] = Field(default_factory=dict)
    notices: tuple[str, ...] = ()
    error: str | None = None
    traceback: str | None = None
    judge: str | None = None
    metrics: dict[str, float | None] = Field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """An ended job on its way to the folder: its result and, if it is done, the bytes of a PNG and lines of events."""

    result: LabResult
    picture: bytes = field(default=b"", repr=False)
    events: tuple[str, ...] = field(default=(), repr=False)


def done(job: LabJob, picture: bytes, events: Sequence[str] = (), **facts: Any) -> Outcome:
    """The outcome of a job that has a picture; `facts` are fields of `LabResult`."""
    sha256 = hashlib.sha256(picture).hexdigest()
    result = LabResult(identity=job.identity, status="done", sha256=sha256, **facts)
    return Outcome(result, picture, tuple(events))


def failed(identity: str, error: str, trace: str | None = None) -> Outcome:
    """The outcome of a job that could not be done: one line, and the traceback where it was a bug."""
    return Outcome(LabResult(identity=identity, status="failed", error=error, traceback=trace))


def _is_begun(file: Path) -> bool:
    """Whether a file or folder is what a run leaves whose disk was full before its manifest was written."""
    begun = file.name in FOLDERS and file.is_dir() and not file.is_symlink()
    return file.name.startswith(".impasto-") or (begun and not any(file.iterdir()))


def _why_not_own(path: Path) -> str:
    """Why a run folder that somebody sent is not used; empty: it can be. Through a link it would read elsewhere."""
    links = [name for name in (MANIFEST, *FOLDERS) if (path / name).is_symlink()]
    return f"{str(path / links[0])!r} is a link that leads elsewhere: remove it" if links else ""


@dataclass(frozen=True)
class RunFolder:
    """See the module's description; `create` and `open` make one."""

    path: Path
    manifest: LabManifest

    @classmethod
    def create(cls, path: Path, manifest: LabManifest) -> RunFolder:
        """Make the folder, or take an older run folder over: its finished jobs that are still listed count.

        Raises `OutputError` for a folder that holds something else, or cannot be written.
        """
        if path.exists() and not path.is_dir():
            raise OutputError(f"cannot make the run folder {str(path)!r}: it is a file; give another name")
        strange = path.is_dir() and not all(map(_is_begun, path.iterdir()))
        if strange and not (path / MANIFEST).is_file():
            raise OutputError(f"{str(path)!r} is not empty and no run folder of impasto; give another name")
        if why := _why_not_own(path):
            raise OutputError(f"cannot make the run folder: {why}")
        relative = _with_paths(manifest, lambda file: _relative(file.absolute(), path))
        for name in (str(file.path) for job in relative.jobs for file in job.inputs):
            if not _is_text(name):
                raise OutputError(f"a list of jobs cannot hold the name {name!r}, which is no text in UTF-8: rename it")
        folder = cls(path, manifest)
        try:
            for name in FOLDERS:
                (path / name).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"cannot make the run folder {str(path)!r}: {error.strerror}") from error
        folder.write(MANIFEST, relative.model_dump_json(indent=1).encode())
        return folder

    @classmethod
    def open(cls, path: Path) -> RunFolder:
        """Read a run folder back. Raises `RecordError` where there is none, of another format, or with links in it."""
        if why := _why_not_own(path):
            raise RecordError(f"the run folder is not read: {why}")
        try:
            values = json.loads(read_own(path / MANIFEST, MAX_MANIFEST_BYTES))
            version = values["format_version"]
        except (OSError, ValueError, TypeError, KeyError, RecursionError, MemoryError) as error:
            raise RecordError(f"{str(path)!r} is no run folder: {MANIFEST} is missing or damaged") from error
        if version != FORMAT_VERSION:
            raise RecordError(
                f"{str(path)!r} is a run folder of format {shorten(version)}; this is impasto {__version__}, "
                f"which reads format {FORMAT_VERSION}"
            )
        try:
            manifest = LabManifest.model_validate(values)
        except ValidationError as error:
            raise RecordError(f"the manifest of {str(path)!r} cannot be used: {first_fault(error)}") from error
        return cls(path, _with_paths(manifest, lambda file: Path(os.path.normpath(path.absolute() / file))))

    def picture_path(self, job: LabJob) -> Path:
        return self.path / "pastiches" / f"{job.name}.png"

    def events_path(self, job: LabJob) -> Path:
        return self.path / "events" / f"{job.name}.jsonl"

    def result(self, job: LabJob) -> LabResult | None:
        """What came of a job as it is listed now; None where it has not run, its picture is not whole, or by a link."""
        path = self.path / "results" / f"{job.name}.json"
        if any(file.is_symlink() for file in (self.picture_path(job), self.events_path(job))):
            return None
        try:
            result = LabResult.model_validate_json(read_own(path, MAX_RESULT_BYTES))
            whole = result.status != "done" or result.sha256 == hash_file(self.picture_path(job), SENT_BYTES)
        except (OSError, ValueError):  # pydantic's error is a ValueError: a damaged result is none
            return None
        return result if whole and result.identity == job.identity else None

    def store(self, job: LabJob, outcome: Outcome) -> LabResult:
        """Write what came of a job; the result, which makes it count, is written last."""
        if outcome.result.status == "done":
            self.write(f"pastiches/{job.name}.png", outcome.picture)
        if outcome.events:
            self.write(f"events/{job.name}.jsonl", "".join(f"{line}\n" for line in outcome.events).encode())
        self.store_result(job, outcome.result)
        return outcome.result

    def store_result(self, job: LabJob, result: LabResult) -> None:
        self.write(f"results/{job.name}.json", result.model_dump_json(indent=1).encode())

    def write(self, name: str, data: bytes) -> None:
        """Write a file of the folder, whole or not at all; a link of its name is replaced. Raises `OutputError`."""
        path = self.path / name
        try:
            write_whole(path, data)
        except OSError as error:
            raise unwritable(path, f"{error.strerror or error}; look for free space") from error


def _with_paths(manifest: LabManifest, place: Callable[[Path], Path]) -> LabManifest:
    """The manifest with `place` of every path in it: the inputs', and the judge's where that is an encoder file."""
    jobs = tuple(
        job.model_copy(
            update={"inputs": tuple(file.model_copy(update={"path": place(file.path)}) for file in job.inputs)}
        )
        for job in manifest.jobs
    )
    judge = str(place(Path(manifest.judge))) if manifest.judge.endswith(ENCODER_SUFFIX) else manifest.judge
    return manifest.model_copy(update={"jobs": jobs, "judge": judge})


def _is_text(name: str) -> bool:
    """Whether a file's name is text, and not bytes of some other encoding."""
    try:
        return bool(name.encode())
    except UnicodeEncodeError:
        return False


def _relative(file: Path, folder: Path) -> Path:
    """A path as the manifest holds it, so that folder and inputs may be moved together."""
    try:
        return Path(os.path.relpath(file, folder.absolute()))
    except ValueError:  # another drive
        return file
