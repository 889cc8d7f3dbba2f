"""What the frames of a film are painted from, and how: one after another, or in pieces on many machines.

A piece of a shot begins some frames early, and what is painted of those is thrown away: each frame is mixed with the
one before, and by the first frame that is kept a piece is nearly what it would be in one go.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence, Set
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TypeAlias

import torch

from impasto.errors import InputError, OptionError
from impasto.events import Controls, Event, FrameDone, Notice, ShotStarted
from impasto.images.picture import Picture
from impasto.inputs.paintings import Region
from impasto.options.fields import PaintOptions
from impasto.runs.draft import DraftOptions
from impasto.video.clip import open_clip
from impasto.video.flow import Pixels, load_cv2
from impasto.video.folder import FilmFolder, FilmPlan, FrameTime, encode_frame
from impasto.video.frame_pictures import frame_picture, key_frames
from impasto.video.frames import Clip, Frame
from impasto.video.masks import FrameRegions, MovingRegion
from impasto.video.painters import Arrays, DraftFrames, FramePainter, kept_photo
from impasto.video.steady import Steadier
from impasto.video.tuned import TunedFrames, is_tuned

PIECE_FRAMES = 240  # a longer shot is painted apart in pieces of so many frames
OVERLAP_FRAMES = 48  # that a piece begins early: 0.95 ** 48 = 9 % of what came before is then left in a still place


@dataclass(frozen=True)
class FilmInputs:
    """All that decides the frames of a film, but frames painted by hand.

    Attributes
    ----------
    clip: what is read. from_seconds, to_seconds: the piece of it; None: its beginning, its end.
    regions: the background first; masks are pictures that hold for every frame, or move.
    size: (height, width) of the frames as they are painted. bit_depth: 8 or 16.
    """

    clip: Path
    from_seconds: float | None
    to_seconds: float | None
    regions: tuple[Region | MovingRegion, ...]
    options: DraftOptions | PaintOptions
    palette: Picture | None
    size: tuple[int, int]
    bit_depth: int

    def painter(self) -> FramePainter:
        """What paints the frames."""
        if isinstance(self.options, DraftOptions):
            return DraftFrames(self.palette, self.options)
        regions = tuple(region for region in self.regions if isinstance(region, Region))
        if len(regions) < len(self.regions):
            raise OptionError("a mask that moves is for the quality draft: in paint quality give a picture as mask")
        return TunedFrames(regions, self.palette, self.options)

    def frames(self, clip: Clip, start: FrameTime | None) -> Iterator[Frame]:
        """The frames of the film from one of them on; None: from the first."""
        if start is None:
            yield from clip.frames(self.from_seconds, self.to_seconds)
            return
        for frame in clip.frames(float(start.time - start.duration / 2), self.to_seconds):
            if frame.index >= start.index:
                yield frame

    def picture(self, frame: Frame) -> Picture:
        """A frame at the size at which it is painted."""
        return frame_picture(frame, self.size, self.bit_depth)

    def pair(self, clip: Clip, start: FrameTime | None, *, last: bool) -> tuple[Picture, Picture]:
        """A frame and the next; itself twice, where it is the last of its shot."""
        first, *second = (self.picture(frame) for frame in islice(self.frames(clip, start), 1 if last else 2))
        return first, (second or [first])[0]


class ShotFrames:
    """Paints the frames of a shot in their order, each mixed with the last by `steadier`."""

    def __init__(self, inputs: FilmInputs, painter: FramePainter, regions: FrameRegions, steadier: Steadier) -> None:
        self._inputs, self._painter, self._regions, self.steadier = inputs, painter, regions, steadier
        self._here: tuple[Region, ...] | None = None
        self._kept: Pixels | None = None

    def paint(self, frame: Frame, picture: Picture) -> Pixels:
        """The next frame, [height, width, 3] in [0, 1]; `picture`: of `FilmInputs.picture`."""
        photo, size = picture.pixels(), self._inputs.size
        stale = self._regions.change(frame.index, *size)
        if self._here is None or self._regions.move:
            self._here = self._regions.at(frame.index)
            self._kept = kept_photo(picture, self._here, self._inputs.options)
        pixels = self.steadier.mix(photo, self._painter.paint(picture, self._here), stale)
        return pixels if self._kept is None else pixels + self._kept * (photo - pixels)


@dataclass(frozen=True)
class Piece:
    """A piece of work that can be done apart: frames of a shot, or the tuning for it.

    Attributes
    ----------
    start, stop: frames to be painted, counted in the film; none for tuning.
    first: the frame, `start` or before it, at which painting begins.
    places: where reading begins: at `first`, or at each pair to be tuned on; None: at the film's first frame.
    lonely: whether the shot has one frame only.
    """

    shot: int
    start: int = 0
    stop: int = 0
    first: int = 0
    places: tuple[FrameTime | None, ...] = ()
    lonely: bool = False

    @property
    def name(self) -> str:
        """What it is called in messages."""
        frames = f"frames {self.start} to {self.stop - 1}"
        return frames if self.stop > self.start else f"the tuning for shot {self.shot + 1}"


@dataclass(frozen=True)
class FramePainted:
    """A frame of a shot, as the bytes of its file."""

    shot: int
    frame: int
    data: bytes = field(repr=False)


@dataclass(frozen=True)
class ShotTuned:
    """What a painter was tuned to for a shot."""

    shot: int
    arrays: Arrays = field(repr=False)


PieceResult: TypeAlias = FramePainted | ShotTuned
# Does pieces of work, wherever, in any order, and yields what comes; raises `OutputError` where one cannot be done.
DoPieces: TypeAlias = Callable[[FilmInputs, Sequence[Piece], FilmFolder, Controls], Iterator[PieceResult | Notice]]


def do_piece(inputs: FilmInputs, piece: Piece, folder: FilmFolder) -> Iterator[PieceResult | Event]:
    """Do one piece of work; of the folder what is known of its shot is read."""
    load_cv2().setNumThreads(torch.get_num_threads())
    painter, arrays = inputs.painter(), folder.load_shot(piece.shot)
    with open_clip(inputs.clip) as clip, closing(FrameRegions(inputs.regions, clip.info)) as regions:
        if piece.start == piece.stop:
            pairs = [inputs.pair(clip, place, last=piece.lonely) for place in piece.places]
            yield ShotTuned(piece.shot, (yield from painter.tune(pairs, arrays)))
            return
        painter.begin_shot(arrays)
        shot, number = ShotFrames(inputs, painter, regions, Steadier()), piece.first
        for frame in islice(inputs.frames(clip, piece.places[0]), piece.stop - piece.first):
            picture = inputs.picture(frame)
            pixels = shot.paint(frame, picture)
            if number >= piece.start:
                yield FramePainted(piece.shot, number, encode_frame(pixels, picture.alpha(), inputs.bit_depth))
            number += 1
        if number < piece.stop:
            raise InputError(
                f"the clip {inputs.clip.name!r} has {number} frames, and had more when it was looked through"
            )


def paint_apart(
    do_pieces: DoPieces, inputs: FilmInputs, pairs: int, plan: FilmPlan, folder: FilmFolder, controls: Controls
) -> Generator[Event, None, int]:
    """Paint what is not in the folder yet, in pieces; returns how many frames are there then, up to the first gap.

    `pairs`: of frames that the painter is tuned on for every shot. In `FrameDone` frames count as they are finished.
    """
    untuned = [shot for shot in range(len(plan.shots)) if pairs and not is_tuned(folder.load_shot(shot))]
    for result in do_pieces(inputs, _tunings(plan, untuned, pairs, folder), folder, controls):
        if isinstance(result, ShotTuned):
            folder.save_shot(result.shot, folder.load_shot(result.shot) | dict(result.arrays))
        elif isinstance(result, Notice):
            yield result
    here = frames_here(plan, folder)
    began, before, begun = time.monotonic(), len(here), set[int]()
    for result in do_pieces(inputs, _paintings(plan, here, folder), folder, controls):
        if isinstance(result, Notice):
            yield result
        elif isinstance(result, FramePainted) and result.frame not in here:
            if result.shot not in begun:
                begun.add(result.shot)
                yield ShotStarted(result.shot, plan.shots[result.shot], plan.frames)
            folder.save_frame(result.frame, result.data)
            here.add(result.frame)
            seconds = time.monotonic() - began
            left = seconds / (len(here) - before) * (plan.frames - len(here))
            yield FrameDone(result.shot, len(here) - 1, plan.frames, seconds, left)
    return next((frame for frame in range(plan.frames) if frame not in here), plan.frames)


def frames_here(plan: FilmPlan, folder: FilmFolder) -> set[int]:
    """The frames that are finished, in whatever order."""
    return {frame for frame in range(plan.frames) if folder.frame_path(frame).is_file()}


def _tunings(plan: FilmPlan, shots: Sequence[int], pairs: int, folder: FilmFolder) -> list[Piece]:
    places = {shot: key_frames(*plan.frames_of(shot), pairs) for shot in shots}
    times = _times(folder, {place for each in places.values() for place in each})
    return [
        Piece(shot, places=tuple(map(times.get, places[shot])), lonely=len(range(*plan.frames_of(shot))) == 1)
        for shot in shots
    ]


def _paintings(plan: FilmPlan, here: Set[int], folder: FilmFolder) -> list[Piece]:
    """Pieces of all shots that have a frame which is not here."""
    spans = []
    for shot in range(len(plan.shots)):
        start, stop = plan.frames_of(shot)
        for begin in range(start, stop, PIECE_FRAMES):
            end = min(begin + PIECE_FRAMES, stop)
            if not set(range(begin, end)) <= here:
                spans.append((shot, begin, end, max(start, begin - OVERLAP_FRAMES)))
    times = _times(folder, {first for *_, first in spans})
    return [Piece(*span, places=(times.get(span[-1]),)) for span in spans]


def _times(folder: FilmFolder, frames: Set[int]) -> dict[int, FrameTime]:
    """When these frames are shown, but the film's first, which is where the film begins."""
    return {frame: shown for frame, shown in enumerate(folder.times()) if frame in frames and frame > 0}
