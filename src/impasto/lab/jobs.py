"""A list of jobs as ``manifest.json`` holds it: inputs by SHA-256, options, and what varies."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, model_serializer

from impasto.errors import OptionError, RecordError
from impasto.inputs.recorded import RecordedPainting, RecordedRegion, omit_new_defaults
from impasto.options.fields import PaintOptions
from impasto.storage.hashing import hash_file
from impasto.version import __version__

FORMAT_VERSION = 1


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


class LabRecord(BaseModel):
    """A frozen part of a run folder's JSON files."""

    model_config = ConfigDict(frozen=True)


class InputFile(LabRecord):
    """A file that a job reads; `weight` is a painting's share. In the manifest the path is relative to it."""

    role: Role
    path: Path
    sha256: str
    weight: float = 1.0


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

    name: str
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

    def files(self, *roles: Role) -> list[InputFile]:
        """The inputs that play one of the roles, in order."""
        return [file for file in self.inputs if file.role in roles]

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
    jobs: tuple[LabJob, ...]


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
            sha256 = hashes[file.path] = hashes.get(file.path) or hash_file(file.path)
            fault = "is not the file it was"
        except OSError as error:
            sha256, fault = "", f"cannot be read ({error.strerror})"
        if sha256 != file.sha256:
            raise RecordError(f"the {file.role} {str(file.path)!r} {fault}; put it back, or start the run anew")
