"""Everything that a run paints from, as one value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from impasto.errors import InputError, OptionError, RecordError
from impasto.images.picture import Picture
from impasto.images.reading import DEFAULT_MAX_PIXELS
from impasto.inputs.paintings import (
    ALPHA,
    Painting,
    PaintingLike,
    PictureLike,
    Region,
    as_paintings,
    check_mask,
    load_input,
)
from impasto.inputs.recorded import RecordedFile, RecordedInputs, RecordedPainting, RecordedRegion
from impasto.inputs.style_file import StyleFile


@dataclass(frozen=True)
class RunInputs:
    """The pictures of a run, read and checked.

    Attributes
    ----------
    photo: the content image; None for a texture.
    regions: the background first (its `mask` is None), then the parts of the photo with paintings of their own.
    starting_picture: the first pastiche, where the starting point is a picture.
    palette: whose colours to take, where the option `color` names a file.

    Raises `OptionError` for regions without a photo, `InputError` for masks that do not fit it.
    """

    photo: Picture | None
    regions: tuple[Region, ...]
    starting_picture: Picture | None = None
    palette: Picture | None = None

    def __post_init__(self) -> None:
        parts = self.regions[1:]
        if self.photo is None:
            if parts:
                raise OptionError("regions are parts of a photo, and no photo is given: leave them out, or give one")
            return
        for region in parts:
            if isinstance(region.mask, Picture):
                check_mask(region.mask, self.photo, "photo")
            elif self.photo.alpha(1, 1) is None:
                raise InputError(f"{self.photo.name} has no alpha channel to take as a mask; give a mask picture")
            elif not (self.photo.samples[..., 3] > 0).any():
                raise InputError(f"{self.photo.name} is transparent everywhere: as a mask its alpha channel is black")

    @classmethod
    def load(
        cls,
        photo: PictureLike | None,
        painting: PaintingLike | None,
        regions: Sequence[Region] = (),
        *,
        starting_picture: Picture | None = None,
        palette: Picture | None = None,
        max_pixels: int = DEFAULT_MAX_PIXELS,
    ) -> RunInputs:
        """Read what `impasto.paint` is given; raises as `Painting`, `Region` and this class do."""
        return cls(
            None if photo is None else load_input(photo, max_pixels),
            (Region(None, as_paintings(painting, max_pixels)), *regions),
            starting_picture,
            palette,
        )

    @property
    def background(self) -> Region:
        """What no mask covers; the whole picture where there are no other regions."""
        return self.regions[0]

    @property
    def paintings(self) -> list[Painting]:
        """The paintings of all regions."""
        return [painting for region in self.regions for painting in region.paintings]

    @property
    def files(self) -> list[Picture | StyleFile]:
        """Every picture and style file, once."""
        masks = [*(painting.mask for painting in self.paintings), *(region.mask for region in self.regions)]
        pictures = [self.photo, *(painting.picture for painting in self.paintings), *masks]
        pictures += [self.starting_picture, self.palette]
        return list({file.sha256: file for file in pictures if isinstance(file, Picture | StyleFile)}.values())

    @property
    def notices(self) -> list[str]:
        """What is to be said of the pictures, as they were read."""
        return [f"{file.name}: {notice}" for file in self.files if isinstance(file, Picture) for notice in file.notices]

    def describe(self) -> RecordedInputs:
        """The same as a record holds it: by name and SHA-256."""
        return RecordedInputs(
            content=_describe_file(self.photo),
            paintings=tuple(map(describe_painting, self.background.paintings)),
            starting_picture=_describe_file(self.starting_picture),
            palette=_describe_file(self.palette),
            regions=tuple(map(describe_region, self.regions[1:])),
        )

    @classmethod
    def read(cls, recorded: RecordedInputs, files: Mapping[str, Picture | StyleFile]) -> RunInputs:
        """The inputs that a record describes; `files` by SHA-256.

        Raises `RecordError` where a style file stands in a picture's place, and as this class does.
        """
        return cls(
            photo=_read_picture(recorded.content, files),
            regions=(
                Region(None, _read_paintings(recorded.paintings, files)),
                *(read_region(region, files) for region in recorded.regions),
            ),
            starting_picture=_read_picture(recorded.starting_picture, files),
            palette=_read_picture(recorded.palette, files),
        )


def describe_painting(painting: Painting) -> RecordedPainting:
    """A painting as a record holds it."""
    return RecordedPainting(
        name=painting.picture.name,
        sha256=painting.picture.sha256,
        weight=painting.weight,
        brush_scale=painting.brush_scale,
        mask=_describe_file(painting.mask),
    )


def describe_region(region: Region) -> RecordedRegion:
    """A region with a mask as a record holds it."""
    return RecordedRegion(
        mask=None if region.mask == ALPHA else _describe_file(region.mask),
        paintings=tuple(map(describe_painting, region.paintings)),
        strength=region.strength,
        brush_scale=region.brush_scale,
        color=region.color,
    )


def read_region(region: RecordedRegion, files: Mapping[str, Picture | StyleFile]) -> Region:
    """The region that a record describes; `files` by SHA-256."""
    mask = _read_picture(region.mask, files) or ALPHA
    return Region(mask, _read_paintings(region.paintings, files), region.strength, region.brush_scale, region.color)


def _describe_file(picture: Picture | None) -> RecordedFile | None:
    return None if picture is None else RecordedFile(name=picture.name, sha256=picture.sha256)


def _read_picture(file: RecordedFile | None, files: Mapping[str, Picture | StyleFile]) -> Picture | None:
    if file is None:
        return None
    picture = files[file.sha256]
    if isinstance(picture, StyleFile):
        raise RecordError(f"the record names the style file {picture.name} where a picture belongs")
    return replace(picture, name=file.name)  # the record's: two inputs may be copies of one file


def _read_paintings(
    paintings: Sequence[RecordedPainting], files: Mapping[str, Picture | StyleFile]
) -> tuple[Painting, ...]:
    return tuple(
        Painting(
            replace(files[painting.sha256], name=painting.name),
            painting.weight,
            painting.brush_scale,
            _read_picture(painting.mask, files),
        )
        for painting in paintings
    )
