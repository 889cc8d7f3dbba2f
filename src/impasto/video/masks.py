"""Masks that move: clips of black and white, a frame of theirs for each frame of the film's clip."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from impasto.errors import InputError, OptionError
from impasto.inputs.paintings import ALPHA, Region
from impasto.inputs.run_inputs import describe_region
from impasto.video.clip import ENDINGS, open_clip
from impasto.video.flow import Pixels
from impasto.video.frame_pictures import frame_picture, hash_clip
from impasto.video.frames import Clip, ClipInfo, Frame

BLACK = 8  # of 255: what a codec leaves where a mask is black
STILLS = (".gif", ".webp")  # pictures as well as clips: as masks they are pictures


@dataclass(frozen=True)
class MovingRegion:
    """A region of a film whose mask moves.

    Attributes
    ----------
    clip: a video file or a folder of numbered frames, as many as the film's clip has: white where the region is. In
        frames where it is black the region is not there.
    region: its paintings and settings; its mask is None.
    """

    clip: Path
    region: Region

    def __post_init__(self) -> None:
        if self.region.mask is not None:
            raise OptionError("a region whose mask is a clip has no other mask: Region(None, ...)")


def is_clip(mask: str | os.PathLike[str]) -> bool:
    """Whether a mask is a clip, by its name: a folder, or a video file."""
    path = Path(mask)
    return path.is_dir() or (path.suffix.lower() in (*ENDINGS, ".avi") and path.suffix.lower() not in STILLS)


class FrameRegions:
    """The regions of every frame of a film, their masks read along with the frames.

    Parameters
    ----------
    regions: the background first. info: of the film's clip.

    Raises `InputError` for a mask that cannot be read, or has another number of frames than the clip.
    """

    def __init__(self, regions: Sequence[Region | MovingRegion], info: ClipInfo) -> None:
        self._regions, self._opened = regions, ExitStack()
        self._masks = {
            number: _MaskFrames(self._opened.enter_context(open_clip(region.clip)), region.clip)
            for number, region in enumerate(regions)
            if isinstance(region, MovingRegion)
        }
        for mask in self._masks.values():
            theirs = mask.clip.info.frames
            if None not in (theirs, info.frames) and theirs != info.frames:
                raise InputError(
                    f"the mask {str(mask.path)!r} has {theirs} frames, and the clip {info.frames}: give one "
                    "for each of the clip"
                )

    @property
    def move(self) -> bool:
        """Whether they differ from frame to frame."""
        return bool(self._masks)

    def at(self, index: int) -> tuple[Region, ...]:
        """The regions of a frame by its number in the clip; those whose mask is black there are left out."""
        found = []
        for number, region in enumerate(self._regions):
            if isinstance(region, Region):
                found.append(region)
                continue
            picture = self._masks[number].at(index)
            if picture.samples.max() > BLACK:
                found.append(replace(region.region, mask=picture))
        return tuple(found)

    def change(self, index: int, height_px: int, width_px: int) -> Pixels | None:
        """Where masks differ from those of the frame before, [height, width] in [0, 1]; None where none moves.

        To be asked before `at` of the same frame: masks are read forwards.
        """
        if not self._masks or index == 0:
            return None
        most = np.zeros((height_px, width_px), np.float32)
        for mask in self._masks.values():
            before, now = (mask.at(one).pixels(height_px, width_px).mean(-1) for one in (index - 1, index))
            most = np.maximum(most, np.abs(now - before))
        return most

    def close(self) -> None:
        self._opened.close()


class _MaskFrames:
    """The frames of a mask, best read forwards."""

    def __init__(self, clip: Clip, path: Path) -> None:
        self.clip, self.path = clip, path
        self._frames: Iterator[Frame] = iter(())
        self._last: tuple[int, Any] | None = None

    def at(self, index: int) -> Any:
        if self._last is None or self._last[0] > index:
            self._frames, self._last = self.clip.frames(), None
        if self._last is None or self._last[0] < index:
            frame = next((frame for frame in self._frames if frame.index >= index), None)
            if frame is None or frame.index != index:
                raise InputError(f"the mask {str(self.path)!r} has no frame {index}: give one for each of the clip")
            size = self.clip.info.height_px, self.clip.info.width_px
            self._last = index, frame_picture(replace(frame, alpha=None), size, 8)
        return self._last[1]


def describe_regions(regions: Sequence[Region | MovingRegion]) -> list[dict[str, Any]]:
    """Regions with masks as a record holds them; of a mask that moves its SHA-256."""
    described = []
    for region in regions:
        if isinstance(region, Region):
            described.append(describe_region(region).model_dump(mode="json"))
        else:
            own = describe_region(replace(region.region, mask=ALPHA)).model_dump(mode="json")
            described.append(own | {"mask": {"clip": hash_clip(region.clip)}})
    return described
