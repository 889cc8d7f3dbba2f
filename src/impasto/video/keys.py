"""Frames painted by hand, and the shots that they are spread over.

Between two keys of a shot each frame is mixed of both, by how near they are in time, and place by place by how well the
photo there agrees with theirs.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from impasto.errors import InputError, OptionError
from impasto.images.picture import Picture
from impasto.images.reading import DEFAULT_MAX_PIXELS
from impasto.inputs.paintings import PictureLike, load_input
from impasto.video.flow import Pixels, load_cv2, reduce_frame, working_size
from impasto.video.folder import FilmFolder
from impasto.video.patches import Match, Spreader, spread
from impasto.video.steady import with_strength_of

DIFFERS = 0.04  # difference of the photos at which a key counts e times less than one that agrees
SIDES = ("after", "before")  # matches with the key before a frame, and with the one after it


@dataclass(frozen=True)
class Key:
    """A frame painted by hand.

    Attributes
    ----------
    frame: its number in the clip, from 0.
    picture: what was painted, of the frame's proportions.
    """

    frame: int
    picture: Picture = field(repr=False)


def load_keys(keys: Mapping[int, PictureLike], max_pixels: int = DEFAULT_MAX_PIXELS) -> tuple[Key, ...]:
    """Keys in their order; raises `OptionError` for a number that is none, `InputError` for an unreadable picture."""
    for frame in keys:
        if isinstance(frame, bool) or not isinstance(frame, int) or frame < 0:
            raise OptionError(f"a key is the number of a frame, from 0, and its picture; got {frame!r}")
    return tuple(Key(frame, load_input(keys[frame], max_pixels)) for frame in sorted(keys))


def check_keys(keys: Sequence[Key], frames: int | None, size: tuple[int, int]) -> None:
    """Refuse keys of other proportions than frames of this size, (height, width), and beyond the last of `frames`."""
    height, width = size
    for key in keys:
        if frames is not None and key.frame >= frames:
            raise OptionError(f"there is no frame {key.frame} for a key: the clip has frames 0 to {frames - 1}")
        wide, high = key.picture.width_px * height, key.picture.height_px * width
        if abs(wide - high) > max(height, width, 0.01 * high):
            raise InputError(
                f"the key {key.picture.name} is {key.picture.width_px}x{key.picture.height_px} px, and the film "
                f"{width}x{height} px: paint over the frame itself, at any size, but not cropped"
            )


def match_bytes(height_px: int, width_px: int) -> int:
    """What the matches of a frame of this size take on the disk, at most: one with each of two keys."""
    height, width = working_size(height_px, width_px)
    return 2 * 5 * height * width  # two places of 16 bit and an error of 8


class KeyedShot:
    """A shot whose frames are spread from keys.

    Parameters
    ----------
    start, stop: its frames, counted in the film; `keys`: by the frame at which each is, in order.
    """

    def __init__(self, folder: FilmFolder, size: tuple[int, int], start: int, stop: int, keys: Mapping[int, Picture]):
        self._folder, self._size, self._start, self._stop = folder, size, start, stop
        self._keys = dict(keys)
        self._painted: dict[int, Pixels] = {}

    @property
    def missing(self) -> bool:
        """Whether some match is not in the folder yet."""
        return not all(
            self._folder.match_path(frame, side).is_file()
            for frame in range(self._start, self._stop)
            for side in self._sides(frame)
        )

    def match(self, photos: Iterable[Pixels]) -> Iterator[int]:
        """Find where all frames lie in the keys, from the photos of the shot, and keep it; yields frames in passing."""
        spreader: Spreader | None = None
        frame = self._start
        with _Waiting(self._folder.path) as waiting:
            for frame, photo in enumerate(photos, self._start):
                small = reduce_frame(photo)
                waiting.push(small)
                if frame in self._keys:
                    self._match_back(frame, waiting)
                    spreader = Spreader(small)
                    waiting.clear()
                elif spreader is not None:
                    self._folder.save_match(frame, "after", spreader.follow(small).arrays())
                yield frame

    def _match_back(self, key: int, waiting: _Waiting) -> None:
        """Follow a key back to the one before it, or to the beginning of the shot."""
        photos = waiting.backwards()
        spreader = Spreader(next(photos))
        for frame, photo in zip(range(key - 1, self._start - 1, -1), photos, strict=False):
            self._folder.save_match(frame, "before", spreader.follow(photo).arrays())

    def paint(self, frame: int) -> Pixels:
        """A frame [height, width, 3] in [0, 1]. Raises `CheckpointError` where a match is damaged."""
        if frame in self._keys:
            return self._key(frame)
        early, late = self._neighbours(frame)
        if early is None or late is None:
            (key,) = (key for key in (early, late) if key is not None)
            return self._spread(key, self._match(frame, key))
        matches = self._match(frame, early), self._match(frame, late)
        ours, theirs = (self._spread(key, match) for key, match in zip((early, late), matches, strict=True))
        cv2 = load_cv2()
        share = _share(*matches, (frame - early) / (late - early))
        share = cv2.resize(share, self._size[::-1], interpolation=cv2.INTER_LINEAR)[..., None]
        return with_strength_of(ours + share * (theirs - ours), np.where(share < 0.5, ours, theirs))

    def _match(self, frame: int, key: int) -> Match:
        side = SIDES[key > frame]
        try:
            return Match.from_arrays(self._folder.load_match(frame, side))
        except (KeyError, ValueError) as error:
            raise self._folder.damaged(self._folder.match_path(frame, side).name, str(error)) from error

    def _spread(self, key: int, match: Match) -> Pixels:
        return spread(self._key(key), match, *self._size)

    def _neighbours(self, frame: int) -> tuple[int | None, int | None]:
        """The keys before and after a frame."""
        return (
            max((key for key in self._keys if key < frame), default=None),
            min((key for key in self._keys if key > frame), default=None),
        )

    def _sides(self, frame: int) -> list[str]:
        if frame in self._keys:
            return []
        return [side for side, key in zip(SIDES, self._neighbours(frame), strict=True) if key is not None]

    def _key(self, frame: int) -> Pixels:
        if frame not in self._painted:
            if len(self._painted) > 1:
                del self._painted[min(self._painted)]
            self._painted[frame] = self._keys[frame].pixels(*self._size)
        return self._painted[frame]


class _Waiting:
    """Frames that wait on the disk for a key after them, however many; read backwards."""

    def __init__(self, folder: Path) -> None:
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 (closed in __exit__)
        self._shape: tuple[int, ...] = ()
        self._count = 0

    def __enter__(self) -> _Waiting:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def push(self, photo: Pixels) -> None:
        self._shape = photo.shape
        self._file.seek(self._count * photo.size)
        self._file.write(np.rint(photo * 255).astype(np.uint8).tobytes())
        self._count += 1

    def clear(self) -> None:
        self._count = 0

    def backwards(self) -> Iterator[Pixels]:
        size = int(np.prod(self._shape))
        for place in range(self._count - 1, -1, -1):
            self._file.seek(place * size)
            yield np.frombuffer(self._file.read(size), np.uint8).reshape(self._shape).astype(np.float32) / np.float32(
                255
            )


def _share(early: Match, late: Match, time: float) -> Pixels:
    """Share of the later key, [height, width] in (0, 1), at this part of the time between both."""
    odds = 2 * np.log(time / (1 - time)) + (np.square(early.error) - np.square(late.error)) / DIFFERS**2
    share: Pixels = load_cv2().GaussianBlur((1 / (1 + np.exp(-np.clip(odds, -30, 30)))).astype(np.float32), (0, 0), 2.0)
    return share
