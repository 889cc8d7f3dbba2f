"""A film: a clip repainted frame by frame, so that it holds still.

First the clip is looked through: where it is cut, and what the frames of each shot have in common. Then every frame is
painted, mixed with the last one, and written to the run folder. At the end the frames become a clip with the sound
and the times of the first. A film that was ended, whatever ended it, goes on from there when it is begun again.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from impasto.engine.devices import keep_threads
from impasto.errors import CheckpointError, OptionError, OutputError
from impasto.events import Controls, Event, FilmDone, FilmStarted, FrameDone, FramesRead, Notice, ShotStarted
from impasto.images.picture import Picture
from impasto.images.tensors import pixels_to_tensor, tensor_to_pixels
from impasto.inputs.paintings import Region
from impasto.inputs.run_inputs import describe_painting
from impasto.options.fields import PaintOptions
from impasto.runs.draft import DraftOptions
from impasto.runs.interrupted import check_no_link, run_folder_of
from impasto.runs.run import LOGGER
from impasto.storage.hashing import hash_file
from impasto.version import __version__
from impasto.video.clip import open_clip, write_clip
from impasto.video.flow import load_cv2
from impasto.video.folder import TIMES, FilmFolder, FilmPlan, FrameTime, encode_frame
from impasto.video.frame_pictures import frame_bits, frame_size, hash_clip, key_frames
from impasto.video.frames import Clip, ClipInfo, ClipWriter, Frame
from impasto.video.keys import Key, KeyedShot, check_keys, match_bytes
from impasto.video.masks import FrameRegions, MovingRegion, describe_regions
from impasto.video.painters import FramePainter, ShotSamples, shared_to_arrays
from impasto.video.pieces import (
    OVERLAP_FRAMES,
    PIECE_FRAMES,
    DoPieces,
    FilmInputs,
    ShotFrames,
    frames_here,
    paint_apart,
)
from impasto.video.shots import mark_cuts
from impasto.video.steady import Steadier
from impasto.video.tuned import is_tuned

STATE_SECONDS = 20.0  # from one saved state to the next: what a kill costs at most
TOLD_FRAMES = 10  # while a clip is looked through
DRAFT_OVER_ENCODING = 3.5  # seconds of a painted and mixed frame over those of reading its statistics
SPARE_BYTES = 200_000_000  # of the disk, for the film itself


@dataclass
class Film:
    """A film to be painted.

    Attributes
    ----------
    clip, output: what is read, and the clip to be written.
    regions: the background first, as in `RunInputs`; masks are pictures that hold for every frame, or move.
    options: of a draft, or of a run whose medium is the stylizer, which is then tuned for each shot.
    from_seconds, to_seconds: the piece of the clip; None: its beginning, its end.
    keys: frames painted by hand; their shots are spread from them.
    folder: of what is finished; by default beside the output.
    elsewhere: does the work in pieces, on many machines; None: one frame after another, here.
    overwrite: whether the output may be there. Of another film of the same name the run folder is then removed.
    """

    clip: Path
    output: Path
    regions: tuple[Region | MovingRegion, ...]
    options: DraftOptions | PaintOptions
    palette: Picture | None = None
    from_seconds: float | None = None
    to_seconds: float | None = None
    overwrite: bool = False
    codec: str | None = None
    quality: int | None = None
    record: bool = True
    folder: Path | None = None
    keys: tuple[Key, ...] = ()
    controls: Controls = field(default_factory=Controls)
    elsewhere: DoPieces | None = None

    def paint(self, on_event: Callable[[Event], object] | None = None) -> FilmDone:
        """Paint to the end; `on_event` is called with every event. Notices are logged."""
        with keep_threads():
            for event in self:
                if isinstance(event, Notice):
                    LOGGER.warning(event.message)
                if on_event is not None:
                    on_event(event)
        assert isinstance(event, FilmDone), "the last event"
        return event

    def __iter__(self) -> Iterator[Event]:
        """Paint, yielding what happens; the last event is `FilmDone`.

        Raises `InputError` for a clip that cannot be read, `OutputError` for what cannot be written, `OptionError` for
        options that cannot be used, and `CheckpointError` where the run folder holds another film.
        """
        load_cv2().setNumThreads(torch.get_num_threads())
        with open_clip(self.clip) as clip:
            clip.info.check_piece(self.from_seconds, self.to_seconds)
            yield from map(Notice, clip.notices)
            regions = FrameRegions(self.regions, clip.info)
            with closing(regions):
                yield from _FilmRun(self, clip, regions).events()


class _FilmRun:
    """What is known of a film while it is painted."""

    def __init__(self, film: Film, clip: Clip, regions: FrameRegions) -> None:
        self._film, self._clip, self._regions, self._controls = film, clip, regions, film.controls
        self._inputs = film_inputs(film, clip.info)
        self._size = self._inputs.size
        if film.folder is None:
            check_no_link(run_folder_of(film.output))
        self._folder = FilmFolder(film.folder or run_folder_of(film.output), self._inputs.bit_depth)
        self._started = time.monotonic()
        self._told = False  # that its state cannot be saved
        self._keys: dict[int, Picture] = {}  # by frame of the film

    def events(self) -> Iterator[Event]:
        film = self._film
        check_keys(film.keys, self._clip.info.frames, self._size)
        if film.keys and film.elsewhere is not None:
            raise OptionError("frames painted by hand are spread on one machine: leave out --key or --ray")
        identity = self._identity()
        plan = self._plan_to_go_on_with(identity)
        begun = plan is not None and film.output.exists()  # perhaps this film, as far as it was when it was stopped
        replaces = film.overwrite or (begun and self._folder.is_part(hash_clip(film.output)))
        self._begin_clip(overwrite=replaces).discard()  # refused before anything is painted
        painter = self._inputs.painter()
        self._folder.make()
        if plan is None:
            plan = yield from self._look_through(identity, painter)
        if plan is None:
            yield FilmDone(str(film.output), 0, 0, True, time.monotonic() - self._started)
            return
        yield from self._place_keys(plan)
        first, steadier = self._where_to_go_on(plan)
        before = frames_here(plan, self._folder) if film.elsewhere else range(first)
        left = plan.frames - len(before)
        keyed = [plan.frames_of(shot) for shot in range(len(plan.shots)) if self._keys_of(plan, shot)]
        spread = sum(stop - start for start, stop in keyed)
        needed = left * self._folder.frame_bytes(*self._size) + spread * match_bytes(*self._size) + SPARE_BYTES
        self._check_room(needed)
        yield FilmStarted(plan.frames, len(plan.shots), *self._size, len(before), left * plan.frame_seconds, needed)
        if film.elsewhere is None:
            painted = yield from self._paint(plan, painter, first, steadier)
        else:
            apart = self._inputs, painter.pairs, plan, self._folder, self._controls
            painted = yield from paint_apart(film.elsewhere, *apart)
        stopped = painted < plan.frames
        if painted:
            yield from map(Notice, self._write(painted, whole=not stopped, overwrite=replaces))
        if stopped and painted:
            self._folder.save_part(hash_clip(film.output))
        elif not stopped:
            self._folder.remove()
        yield FilmDone(str(film.output), painted, len(plan.shots), stopped, time.monotonic() - self._started)

    # --- before it is painted ---------------------------------------------------------------------------------

    def _identity(self) -> str:
        """SHA-256 of all that decides the frames."""
        decisive = self._describe() | {
            "impasto": __version__,
            "clip": hash_clip(self._film.clip),
            "piece": [self._film.from_seconds, self._film.to_seconds],
            "threads": torch.get_num_threads() if self._film.elsewhere is None else None,  # each machine has its own
        }
        if self._film.elsewhere is not None:
            decisive["pieces"] = PIECE_FRAMES, OVERLAP_FRAMES
        if isinstance(self._film.options, DraftOptions) and self._film.options.stylizer is not None:
            decisive["stylizer"] = hash_file(self._film.options.stylizer)
        return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()

    def _describe(self) -> dict[str, Any]:
        """Options and paintings, by name and SHA-256."""
        (background, *masked) = self._film.regions
        assert isinstance(background, Region), "the background has no mask"
        options = self._film.options.model_copy(update={"size_px": max(self._size)})
        return {
            "options": options.model_dump(mode="json"),
            "paintings": [describe_painting(painting).model_dump(mode="json") for painting in background.paintings],
            "palette": None if self._film.palette is None else self._film.palette.sha256,
            "regions": describe_regions(masked),
        } | ({"keys": {key.frame: key.picture.sha256 for key in self._film.keys}} if self._film.keys else {})

    def _record(self) -> dict[str, Any]:
        """What the film says of itself."""
        about = {"kind": "film", "impasto": __version__, "clip": self._film.clip.name}
        return about | self._describe() | {"piece": [self._film.from_seconds, self._film.to_seconds]}

    def _plan_to_go_on_with(self, identity: str) -> FilmPlan | None:
        """The plan of this very film, where it was begun before."""
        plan = self._folder.plan()
        if plan is None or plan.identity == identity:
            return plan
        if not self._film.overwrite:
            raise CheckpointError(
                f"{str(self._folder.path)!r} holds a film that was begun with another clip or other options: "
                "remove it, give another name, or --overwrite (in Python overwrite=True)"
            )
        self._folder.remove()
        return None

    def _check_room(self, needed_bytes: int) -> None:
        free = shutil.disk_usage(self._folder.path).free
        if needed_bytes > free:
            raise OutputError(
                f"the frames need about {needed_bytes / 1e9:.1f} GB in {str(self._folder.path)!r}, and the disk has "
                f"{free / 1e9:.1f} GB: make room, paint smaller (--size), or a piece (--from, --to)"
            )

    def _look_through(self, identity: str, painter: FramePainter) -> Generator[Event, None, FilmPlan | None]:
        """Find the shots, and what their frames have in common; returns the plan, None where it is stopped."""
        film, folder = self._film, self._folder
        starts: list[int] = []
        seconds: list[float] = []
        samples, count = ShotSamples(painter.stylizer), 0
        pass_size = painter.pass_size(*self._size)
        frames = self._clip.frames(film.from_seconds, film.to_seconds)
        with folder.writing_times() as write:
            for frame, begins in mark_cuts(frames, lambda frame: tensor_to_pixels(frame.pixels)):
                if begins:
                    if starts:
                        folder.save_shot(len(starts) - 1, shared_to_arrays(samples.shared()))
                    samples = ShotSamples(painter.stylizer)
                    starts.append(count)
                began = time.perf_counter()
                if samples.see(self._inputs.picture(frame).pixels(*pass_size)):
                    seconds.append(time.perf_counter() - began)
                write(FrameTime(frame.index, frame.time, frame.duration))
                count += 1
                if self._controls.stop:
                    return None
                if count % TOLD_FRAMES == 0:
                    yield FramesRead(count, len(starts), self._clip.info.frames)
        folder.save_shot(len(starts) - 1, shared_to_arrays(samples.shared()))
        plan = FilmPlan(
            identity=identity,
            frames=count,
            shots=tuple(starts),
            height_px=self._size[0],
            width_px=self._size[1],
            frame_seconds=DRAFT_OVER_ENCODING * float(np.median(seconds)),
        )
        folder.save_plan(plan)
        return plan

    def _place_keys(self, plan: FilmPlan) -> Iterator[Event]:
        """Find the keys among the frames of the film; refuse a shot that nothing is there to paint."""
        wanted = {key.frame: key for key in self._film.keys}
        if wanted:
            for number, shown in enumerate(self._folder.times()):
                if shown.index in wanted:
                    self._keys[number] = wanted.pop(shown.index).picture
        yield from (Notice(f"frame {frame} is not in the film: its key is not used") for frame in wanted)
        painted = any(isinstance(region, MovingRegion) or region.paintings for region in self._film.regions)
        bare = [shot for shot in range(len(plan.shots)) if not (painted or self._keys_of(plan, shot))]
        if bare:
            start, stop = plan.frames_of(bare[0])
            raise OptionError(
                f"shot {bare[0] + 1}, frames {start} to {stop - 1}, has no key: give one in it, or a painting for the "
                "shots without"
            )

    def _keys_of(self, plan: FilmPlan, shot: int) -> dict[int, Picture]:
        start, stop = plan.frames_of(shot)
        return {frame: picture for frame, picture in self._keys.items() if start <= frame < stop}

    def _where_to_go_on(self, plan: FilmPlan) -> tuple[int, Steadier]:
        """The next frame to paint, and what mixes it."""
        steadier, state = Steadier(), self._folder.load_state()
        if state is None or state[0] >= plan.frames:
            return 0, steadier
        if not all(self._folder.frame_path(frame).is_file() for frame in range(state[0] + 1)):
            return 0, steadier
        if Steadier.fits(state[1], *self._size):
            steadier.restore(state[1])
        elif not self._keys_of(plan, plan.shot_of(state[0])):  # where frames do not depend on those before them
            return 0, steadier
        return state[0] + 1, steadier

    # --- painting, and the clip -------------------------------------------------------------------------------

    def _paint(
        self, plan: FilmPlan, painter: FramePainter, first: int, steadier: Steadier
    ) -> Generator[Event, None, int]:
        """Paint the frames from `first` on; returns how many the film has then."""
        began = saved = time.monotonic()
        number, shot, keyed = first, -1, None
        for frame in self._frames_from(first) if first < plan.frames else ():
            if shot != plan.shot_of(number):
                shot = plan.shot_of(number)
                keyed = yield from self._begin_shot(plan, painter, shot)
                steadier = steadier if number > plan.shots[shot] else Steadier()
                mixed = ShotFrames(self._inputs, painter, self._regions, steadier)
                yield ShotStarted(shot, number, plan.frames)
            picture = self._inputs.picture(frame)
            pixels = mixed.paint(frame, picture) if keyed is None else keyed.paint(number)
            self._folder.save_frame(number, encode_frame(pixels, picture.alpha(), self._inputs.bit_depth))
            number += 1
            now = time.monotonic()
            stops = self._controls.stop and number < plan.frames
            if stops or now - saved > STATE_SECONDS:
                yield from self._save_state(number - 1, steadier)
                saved = time.monotonic()
            shown = pixels if self._controls.preview else None
            self._controls.preview = False
            left = (now - began) / (number - first) * (plan.frames - number)
            yield FrameDone(shot, number - 1, plan.frames, now - began, left, shown)
            if stops:
                return number
        if number < plan.frames:
            raise CheckpointError(
                f"{str(self._folder.path)!r} speaks of {plan.frames} frames, and the clip has {number}: remove the "
                "folder and paint the film again"
            )
        return number

    def _save_state(self, frame: int, steadier: Steadier) -> Iterator[Event]:
        """Keep what the next frames depend on; where that cannot be, it is said once, and painting goes on."""
        try:
            self._folder.save_state(frame, steadier.state())
        except OutputError as error:
            if not self._told:
                self._told = True
                yield Notice(f"{error}; painting goes on")

    def _begin_shot(self, plan: FilmPlan, painter: FramePainter, shot: int) -> Generator[Event, None, KeyedShot | None]:
        """Make the painter ready for a shot, or the shot that is spread from keys; what takes long is kept."""
        start, stop = plan.frames_of(shot)
        if keys := self._keys_of(plan, shot):
            keyed = KeyedShot(self._folder, self._size, start, stop, keys)
            if keyed.missing:
                pictures = map(self._inputs.picture, islice(self._frames_from(start), stop - start))
                for frame in keyed.match(picture.pixels() for picture in pictures):
                    if frame % TOLD_FRAMES == 0:
                        yield FramesRead(frame, shot + 1, plan.frames)
            return keyed
        arrays = self._folder.load_shot(shot)
        if painter.pairs and not is_tuned(arrays):
            places = key_frames(start, stop, painter.pairs)
            pairs = [self._inputs.pair(self._clip, self._time_of(at), last=stop - start == 1) for at in places]
            arrays = arrays | dict((yield from painter.tune(pairs, arrays)))
            self._folder.save_shot(shot, arrays)
        try:
            painter.begin_shot(arrays)
        except (KeyError, ValueError) as error:
            raise CheckpointError(
                f"shot {shot + 1} in {str(self._folder.path)!r} is damaged ({error}): remove the folder and paint the "
                "film again"
            ) from error
        return None

    def _frames_from(self, first: int) -> Iterator[Frame]:
        """The frames of the film from one of them on."""
        return self._inputs.frames(self._clip, self._time_of(first))

    def _time_of(self, frame: int) -> FrameTime | None:
        """When a frame is shown; None: it is the first."""
        if frame == 0:
            return None
        for shown in self._folder.times(frame):
            return shown
        raise self._folder.damaged(TIMES, f"there is no frame {frame}")

    def _write(self, frames: int, *, whole: bool, overwrite: bool) -> Sequence[str]:
        """Make a clip of the first frames, which are all there are or not; returns what is worth saying."""
        with self._begin_clip(overwrite=overwrite) as writer:
            for number, shown in enumerate(islice(self._folder.times(), frames)):
                pixels, alpha = self._folder.load_frame(number, *self._size)
                opacity = None if alpha is None else pixels_to_tensor(alpha[..., None])
                writer.write(Frame(shown.index, shown.time, shown.duration, pixels_to_tensor(pixels), opacity))
            if not whole:
                writer.finish()
        return writer.notices

    def _begin_clip(self, *, overwrite: bool) -> ClipWriter:
        film = self._film
        return write_clip(
            film.output,
            self._clip.info,
            codec=film.codec,
            quality=film.quality,
            piece=(film.from_seconds, film.to_seconds),
            record=self._record() if film.record else None,
            overwrite=overwrite,
        )


def film_inputs(film: Film, info: ClipInfo) -> FilmInputs:
    """What the frames of a film of this clip are painted from."""
    size, bits = frame_size(film.options.size_px, info), frame_bits(info)
    piece = film.from_seconds, film.to_seconds
    return FilmInputs(film.clip, *piece, film.regions, film.options, film.palette, size, bits)
