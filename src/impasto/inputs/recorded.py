"""What records, checkpoints and lists of jobs say of the pictures that a run reads: names and SHA-256, no folders."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from impasto.inputs.paintings import BRUSH_SCALES


class RecordPart(BaseModel):
    """Anything that a record holds: frozen, and checked when it is read."""

    model_config = ConfigDict(frozen=True)


class RecordedFile(RecordPart):
    """A file by its name, without folders, and the SHA-256 of its bytes."""

    name: str
    sha256: str = Field(min_length=1)


class RecordedEncoder(RecordedFile):
    """The encoder's file; of published weights also the file that they came in, and its bits of a weight."""

    source: RecordedFile | None = None
    bits: int | None = None

    @model_serializer(mode="wrap")
    def _sparse(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return omit_new_defaults(self, serialise(self), ["source", "bits"])


class RecordedPainting(RecordedFile):
    """A style image, its weight in the blend, its brush scale, and the mask of the part that was learned from."""

    weight: float = Field(gt=0, allow_inf_nan=False)
    brush_scale: float = Field(default=1.0, ge=BRUSH_SCALES[0], le=BRUSH_SCALES[1])
    mask: RecordedFile | None = None

    @model_serializer(mode="wrap")
    def _sparse(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return omit_new_defaults(self, serialise(self), ["brush_scale", "mask"])


class RecordedRegion(RecordPart):
    """A region: its mask (None: the content image's alpha), its paintings (none: the photograph) and settings."""

    mask: RecordedFile | None
    paintings: tuple[RecordedPainting, ...]
    strength: float | None = Field(default=None, ge=0, le=100)
    brush_scale: float = Field(default=1.0, ge=BRUSH_SCALES[0], le=BRUSH_SCALES[1])
    color: str | None = None


class RecordedInputs(RecordPart):
    """Every picture that a run read; a texture has no content image, a reconstruction of content no paintings.

    `paintings` are the background's; `regions` are all others.
    """

    content: RecordedFile | None
    paintings: tuple[RecordedPainting, ...]
    starting_picture: RecordedFile | None = None
    palette: RecordedFile | None = None
    regions: tuple[RecordedRegion, ...] = ()

    @model_serializer(mode="wrap")
    def _sparse(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return omit_new_defaults(self, serialise(self), ["regions", "palette"])

    @model_validator(mode="after")
    def _has_a_picture(self) -> Self:
        if self.content is None and (self.regions or not self.paintings):
            raise ValueError("neither a content image nor a painting")
        return self

    def iter_files(self) -> Iterator[tuple[str, RecordedFile]]:
        """Every file with its role in words, for messages."""
        if self.content is not None:
            yield "content image", self.content
        yield from _iter_painting_files(self.paintings, "style image")
        for number, region in enumerate(self.regions, start=1):
            if region.mask is not None:
                yield f"mask of region {number}", region.mask
            yield from _iter_painting_files(region.paintings, f"style image of region {number}")
        if self.starting_picture is not None:
            yield "starting point", self.starting_picture
        if self.palette is not None:
            yield "palette", self.palette


def omit_new_defaults(part: BaseModel, values: dict[str, Any], newer: Iterable[str]) -> dict[str, Any]:
    """Omit `newer` fields that hold their default, so that old hashes stay valid and older programs can read on."""
    silent = {name for name in newer if getattr(part, name) == type(part).model_fields[name].default}
    return {name: value for name, value in values.items() if name not in silent}


def _iter_painting_files(paintings: tuple[RecordedPainting, ...], role: str) -> Iterator[tuple[str, RecordedFile]]:
    for number, painting in enumerate(paintings, start=1):
        numbered = role if len(paintings) == 1 else f"{role} {number}"
        yield numbered, painting
        if painting.mask is not None:
            yield f"mask of {numbered}", painting.mask
