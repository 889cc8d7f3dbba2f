"""Every picture and style file that a run reads, as records and checkpoints hold them, and back again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from impasto.errors import RecordError
from impasto.images.picture import Picture
from impasto.inputs.paintings import ALPHA, BRUSH_SCALES, Painting, Region
from impasto.inputs.style_file import StyleFile


class Part(BaseModel):
    """Something that a record holds."""

    model_config = ConfigDict(frozen=True)


class File(Part):
    """A file by its name, without folders, and the SHA-256 of its bytes."""

    name: str
    sha256: str = Field(min_length=1)


class PaintingFile(File):
    """A style image, its weight in the blend, its own brush scale, and the mask of what it was learned from."""

    weight: float = Field(gt=0, allow_inf_nan=False)
    brush_scale: float = Field(default=1.0, ge=BRUSH_SCALES[0], le=BRUSH_SCALES[1])
    mask: File | None = None

    @model_serializer(mode="wrap")
    def _sparse(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return without_defaults(self, serialise(self), ["brush_scale", "mask"])


class RegionFiles(Part):
    """A region: its mask (None: the content image's alpha), its paintings (none: the photograph) and settings."""

    mask: File | None
    paintings: tuple[PaintingFile, ...]
    strength: float | None = Field(default=None, ge=0, le=100)
    brush_scale: float = Field(default=1.0, ge=BRUSH_SCALES[0], le=BRUSH_SCALES[1])
    color: str | None = None


class Inputs(Part):
    """Every picture that a run read; a texture has no content image, a reconstruction of content no paintings."""

    content: File | None
    paintings: tuple[PaintingFile, ...]
    starting_picture: File | None = None
    palette: File | None = None
    regions: tuple[RegionFiles, ...] = ()

    @model_serializer(mode="wrap")
    def _sparse(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return without_defaults(self, serialise(self), ["regions", "palette"])

    @model_validator(mode="after")
    def _has_a_picture(self) -> Self:
        if self.content is None and (self.regions or not self.paintings):
            raise ValueError("neither a content image nor a painting")
        return self


def without_defaults(part: BaseModel, values: dict[str, Any], later: Iterable[str]) -> dict[str, Any]:
    """Leave out what came to the format `later` and says nothing: older programs and hashes know nothing of it."""
    silent = {name for name in later if getattr(part, name) == type(part).model_fields[name].default}
    return {name: value for name, value in values.items() if name not in silent}


def describe_inputs(
    content: Picture | None,
    paintings: Sequence[Painting],
    regions: Sequence[Region],
    starting_picture: Picture | None,
    palette: Picture | None = None,
) -> Inputs:
    """Every picture of a run, as records hold it."""
    return Inputs(
        content=describe_picture(content) if content else None,
        paintings=tuple(map(describe_painting, paintings)),
        regions=tuple(map(describe_region, regions)),
        starting_picture=describe_picture(starting_picture) if starting_picture else None,
        palette=describe_picture(palette) if palette else None,
    )


def describe_painting(painting: Painting) -> PaintingFile:
    """A painting as records hold it."""
    return PaintingFile(
        name=painting.picture.name,
        sha256=painting.picture.sha256,
        weight=painting.weight,
        brush_scale=painting.brush_scale,
        mask=describe_picture(painting.mask) if painting.mask else None,
    )


def describe_region(region: Region) -> RegionFiles:
    """A region as records hold it."""
    return RegionFiles(
        mask=describe_picture(region.mask) if isinstance(region.mask, Picture) else None,
        paintings=tuple(map(describe_painting, region.paintings)),
        strength=region.strength,
        brush_scale=region.brush_scale,
        color=region.color,
    )


def describe_picture(picture: Picture) -> File:
    """A picture as records hold it."""
    return File(name=picture.name, sha256=picture.sha256)


def read_picture(file: File, pictures: Mapping[str, Picture | StyleFile]) -> Picture:
    """The picture that a record holds; `pictures` by SHA-256. Raises `RecordError` for a style file."""
    found = pictures[file.sha256]
    if isinstance(found, StyleFile):
        raise RecordError(f"the record wants a picture where it names the style file {found.name}")
    return found


def read_painting(file: PaintingFile, pictures: Mapping[str, Picture | StyleFile]) -> Painting:
    """The painting that a record holds; `pictures` by SHA-256."""
    mask = read_picture(file.mask, pictures) if file.mask else None
    return Painting(pictures[file.sha256], file.weight, file.brush_scale, mask)


def read_region(region: RegionFiles, pictures: Mapping[str, Picture | StyleFile]) -> Region:
    """The region that a record holds; `pictures` by SHA-256."""
    paintings = [read_painting(file, pictures) for file in region.paintings]
    mask = read_picture(region.mask, pictures) if region.mask else ALPHA
    return Region(mask, paintings or None, region.strength, region.brush_scale, region.color)


def input_files(inputs: Inputs) -> dict[str, File]:
    """Every picture that a run read, by role."""
    files: dict[str, File] = {"content image": inputs.content} if inputs.content else {}
    files |= _painting_files(inputs.paintings, "style image")
    for number, region in enumerate(inputs.regions, start=1):
        if region.mask:
            files[f"mask of region {number}"] = region.mask
        files |= _painting_files(region.paintings, f"style image of region {number}")
    if inputs.starting_picture is not None:
        files["starting point"] = inputs.starting_picture
    if inputs.palette is not None:
        files["palette"] = inputs.palette
    return files


def _painting_files(paintings: Sequence[PaintingFile], role: str) -> dict[str, File]:
    files: dict[str, File] = {}
    for number, painting in enumerate(paintings, start=1):
        name = role if len(paintings) == 1 else f"{role} {number}"
        files[name] = painting
        if painting.mask:
            files[f"mask of {name}"] = painting.mask
    return files
