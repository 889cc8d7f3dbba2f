"""A list of jobs as ``manifest.json`` holds it: inputs by SHA-256, options, and what varies."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from impasto.errors import OptionError, RecordError
from impasto.inputs.recorded import (
    RecordedFile,
    RecordedInputs,
    RecordedPainting,
    RecordedRegion,
    omit_new_defaults,
)
from impasto.options.fields import PaintOptions
from impasto.storage.hashing import SENT_BYTES, hash_file
from impasto.storage.places import is_plain_name
from impasto.version import __version__

FORMAT_VERSION = 1
HUB_ADDRESS = "https://tfhub.dev/google/magenta/arbitrary-image-stylization-v1-256/2"  # of Google's one-pass model


class Role(StrEnum):
    """What an input file is for; the values stand in manifests and in messages."""

    PHOTO = "photo"
    PAINTING = "painting"
    MASK = "mask"
    REGION_PAINTING = "painting of a region"
    STARTING_POINT = "starting point"
    PALETTE = "palette"
    ENCODER = "encoder"
    PICTURE = "picture"
    MODEL = "model"
    FILM = "part of a film"


class LabRecord(BaseModel):
    """A frozen part of a run folder's JSON files."""

    model_config = ConfigDict(frozen=True)


class InputFile(LabRecord):
    """A file that a job reads; `weight` is a painting's share. In the manifest the path is relative to it."""

    role: Role
    path: Path
    sha256: str
    weight: float = Field(default=1.0, gt=0, allow_inf_nan=False)


def _check_name(name: str) -> str:
    """The stem of files in the run folder, which cannot lead out of it."""
    if not is_plain_name(name) or name.startswith("."):
        raise ValueError("it is no name of a file")
    return name


class LabJob(LabRecord):
    """One picture to make.

    Attributes
    ----------
    name: the stem of its files.
    kind: ``paint``; ``picture``: a picture that exists; ``tfhub``: painted by Google's one-pass model.
    labels: the value of everything that varies in the run, as people read it.
    inputs: files, paintings in order; an encoder or starting point that is a file is among them.
    recipe: name of the recipe, for information only: `options` hold all that it sets.
    model: for ``tfhub`` the model's address, or the package that holds it; None where it is a folder, whose files
        are inputs then.
    paintings: all paintings as records hold them, where one has more settings than its weight.
    regions: as records hold them; their files are inputs.
    """

    name: Annotated[str, AfterValidator(_check_name)]
    kind: Literal["paint", "picture", "tfhub"] = "paint"
    labels: dict[str, str]
    inputs: tuple[InputFile, ...]
    recipe: str | None = None
    options: PaintOptions
    model: str | None = None
    paintings: tuple[RecordedPainting, ...] = ()
    regions: tuple[RecordedRegion, ...] = ()

    @model_serializer(mode="wrap")
    def _sparse(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return omit_new_defaults(self, serialise(self), ["paintings", "regions"])

    @model_validator(mode="after")
    def _has_its_inputs(self) -> LabJob:
        """Refuse a job that lacks a file of its own, or describes one that is not among its inputs."""
        roles = {file.role for file in self.inputs}
        needed = {"paint": [Role.PHOTO], "picture": [Role.PICTURE], "tfhub": [Role.PHOTO, Role.PAINTING]}[self.kind]
        hashes = {file.sha256 for file in self.inputs}
        described = RecordedInputs(
            content=RecordedFile(name="photo", sha256="photo"), paintings=self.paintings, regions=self.regions
        )
        if not roles >= set(needed) or {file.sha256 for _, file in described.iter_files()} - hashes - {"photo"}:
            raise ValueError("an input is missing")
        return self

    def files(self, *roles: Role) -> list[InputFile]:
        """The inputs that play one of the roles, in order."""
        return [file for file in self.inputs if file.role in roles]

    @property
    def threads(self) -> int:
        """Cores that it takes."""
        return self.options.threads or 1

    @property
    def device(self) -> str:
        """What it is painted on."""
        return self.options.device

    def with_inputs(self, inputs: tuple[InputFile, ...]) -> LabJob:
        """The same job with its files in other places."""
        return self.model_copy(update={"inputs": inputs})

    @property
    def identity(self) -> str:
        """SHA-256 of all that decides the picture: inputs, options, and the version of impasto."""
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


class Axis(LabRecord):
    """Something that varies, and its values in order, as people read them."""

    name: str
    values: tuple[str, ...]


class LabManifest(LabRecord):
    """A list of jobs and its layout: the first axis as rows, the second as columns, further ones as pages."""

    format_version: int = FORMAT_VERSION
    impasto: str = __version__
    command: Literal["sweep", "batch", "compare"]
    axes: tuple[Axis, ...]
    judge: str = "lite"
    jobs: tuple[LabJob, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _is_laid_out(self) -> LabManifest:
        """Refuse jobs of one name, and those that have no place on the axes."""
        if len({job.name.casefold() for job in self.jobs}) < len(self.jobs):
            raise ValueError("two jobs of one name")
        if any(job.labels.get(axis.name) not in axis.values for job in self.jobs for axis in self.axes):
            raise ValueError("a job that has no place on the axes")
        return self


def build_manifest(
    command: Literal["sweep", "batch", "compare"], axes: Sequence[str], judge: str, jobs: Sequence[LabJob]
) -> LabManifest:
    """Make a list of jobs that vary along `axes`.

    Raises `OptionError` for an empty list, and for jobs that would write the same files.
    """
    if not jobs:
        raise OptionError(f"nothing to do: this {command} has no jobs")
    first_of: dict[str, LabJob] = {}
    for job in jobs:
        if first_of.setdefault(job.name.casefold(), job) is not job:
            raise OptionError(f"{', '.join(job.labels.values())} is listed twice; give each value once")
    values = {name: tuple(dict.fromkeys(job.labels[name] for job in jobs)) for name in axes}
    parts = tuple(Axis(name=name, values=labels) for name, labels in values.items())
    return LabManifest(command=command, axes=parts, judge=judge, jobs=tuple(jobs))


def check_inputs(jobs: Sequence[LabJob]) -> None:
    """Refuse inputs that are gone or have changed since they were listed: `RecordError`."""
    hashes: dict[Path, str] = {}
    for file in (file for job in jobs for file in job.inputs):
        try:
            sha256 = hashes[file.path] = hashes.get(file.path) or hash_file(file.path, SENT_BYTES)
            fault = "is not the file it was"
        except OSError as error:
            sha256, fault = "", f"cannot be read ({error.strerror})"
        if sha256 != file.sha256:
            raise RecordError(f"the {file.role} {str(file.path)!r} {fault}; put it back, or start the run anew")
