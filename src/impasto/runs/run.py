"""One run and what comes of it, whoever asked for it: the command line, Python, a job of a sweep."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from impasto.errors import OptionError, RecordError
from impasto.events import Controls, Event, Resumed, RunDone, RunStarted, Steered, StepDone
from impasto.images.metadata import PhotoMetadata
from impasto.images.picture import Picture
from impasto.images.writing import save_picture
from impasto.inputs.paintings import Painting, Region
from impasto.inputs.record_inputs import File, describe_inputs
from impasto.inputs.style_file import StyleFile
from impasto.options.fields import CHECKPOINT_SECONDS, DRAFT, PaintOptions
from impasto.runs.interrupted import Command, RunState, describe_source
from impasto.runs.record import (
    ENCODER_SUFFIX,
    RunRecord,
    Steer,
    StopPoint,
    build_record,
    current_machine,
    settled_options,
)


@dataclass(frozen=True)
class Pastiche:
    """A painted picture and how it came to be.

    Attributes
    ----------
    pixels: [height, width, 3], sRGB in [0, 1].
    alpha: [height, width] in [0, 1], the content image's opacity at this size; None if it has none.
    record: the run record; `replay` paints from it.
    metadata: date taken and copyright of the content image.
    stopped: whether the run was stopped early.
    seconds: duration of the run.
    dots_per_inch: for printing, written into the file.
    """

    pixels: NDArray[np.float32] = field(repr=False)
    alpha: NDArray[np.float32] | None = field(repr=False)
    record: dict[str, Any] = field(repr=False)
    metadata: PhotoMetadata = field(repr=False)
    stopped: bool
    seconds: float
    dots_per_inch: float = 72.0

    def save(
        self,
        path: str | os.PathLike[str],
        *,
        bit_depth: int = 8,
        record: bool = True,
        overwrite: bool = False,
    ) -> None:
        """Write the picture, whole or not at all; the extension names the format.

        `bit_depth` is 8, or 16 for PNG and TIFF; without `record` the file cannot be replayed. Raises
        `OptionError` for an unknown extension or bit depth, `OutputError` where it cannot be written, and
        where a file exists and `overwrite` is false.
        """
        save_picture(
            path,
            self.pixels,
            alpha=self.alpha,
            bit_depth=bit_depth,
            record=self.record | {"bit_depth": bit_depth} if record else None,
            metadata=self.metadata,
            dots_per_inch=self.dots_per_inch,
            overwrite=overwrite,
        )


@dataclass
class Run:
    """One run: iterate it for its events, then take its `pastiche`.

    The inputs are loaded and the options valid; what only the engine can know (an encoder's layers) is found
    out at the first event.
    """

    content: Picture | None
    paintings: Sequence[Painting]
    options: PaintOptions
    regions: Sequence[Region] = ()
    recipe: str | None = None
    starting_picture: Picture | None = None
    palette: Picture | None = None
    """Whose colours to take, where `options.color` names a file."""
    controls: Controls = field(default_factory=Controls)
    stop_after: StopPoint | None = None
    steered: list[Steer] = field(default_factory=list)
    """What was changed so far; what it begins with is done again at its step."""
    stylizer: File | None = None
    """That painted `starting_picture`, where the starting point is a draft; the run sets both."""
    replayed: RunRecord | None = None
    """The record that this run paints again."""
    checkpoint_folder: Path | None = None
    """Where checkpoints go; None: none are written."""
    checkpoint_seconds: float = CHECKPOINT_SECONDS
    """Seconds from one to the next; 0: none are written."""
    resumed: Path | None = None
    """The checkpoint that the run goes on from."""
    dots_per_inch: float = 72.0
    command: Callable[[], Command] | None = None
    """Tells what the command line is doing, for a checkpoint."""
    pastiche: Pastiche | None = field(default=None, init=False)
    """Set when the run is done."""
    complete: bool = field(default=False, init=False)
    """Whether all was painted that was to be, so that there is nothing to resume."""
    _content_weight: float | None = field(default=None, init=False)

    def __iter__(self) -> Iterator[Event]:
        from impasto.engine.checkpoint import Checkpoints
        from impasto.engine.paint import iter_paint

        if self.options.starting_point == DRAFT and self.starting_picture is None:
            self._start_from_draft()
        started, last = RunStarted((), (), (), 0, 0, 0.0), StopPoint(scale=0, step=0)
        self.controls.stop = self.controls.stop or self.stop_after == last
        planned = {(steer.scale, steer.step): steer.options for steer in self.steered}
        checkpoints = None
        if self.checkpoint_folder is not None and self.checkpoint_seconds:
            folder = self.checkpoint_folder
            checkpoints = Checkpoints(folder, self.checkpoint_seconds, lambda: self._describe(started, folder))
        events = iter_paint(
            self.content,
            self.paintings,
            self.options,
            controls=self.controls,
            starting_picture=self.starting_picture,
            palette=self.palette,
            checkpoints=checkpoints,
            resumed=self.resumed,
            regions=self.regions,
        )
        for event in events:
            if isinstance(event, RunStarted):
                started = event
            elif isinstance(event, StepDone | Resumed):
                last = StopPoint(scale=event.scale, step=event.step)
                self._content_weight = event.content_weight
                self.controls.stop = self.controls.stop or self.stop_after == last
                for name, value in planned.get((event.scale, event.step), {}).items():
                    setattr(self.controls, name, value)
            elif isinstance(event, Steered):
                self.steered = [s for s in self.steered if (s.scale, s.step) != (event.scale, event.step)]
                self.steered.append(Steer(scale=event.scale, step=event.step, options=event.options))
            elif isinstance(event, RunDone):
                self.pastiche = self._finish(event, started, last)
                self.complete = not event.stopped or last == self.stop_after
            yield event

    def paint(self) -> Pastiche:
        """Run to the end."""
        for _ in self:
            pass
        assert self.pastiche is not None, "the engine ended without RunDone"
        return self.pastiche

    def _start_from_draft(self) -> None:
        """Paint the first pastiche in one pass; of a replay, by the weights that painted it then."""
        import torch

        from impasto.engine.devices import thread_count
        from impasto.engine.validate import pastiche_size
        from impasto.stylizer.regions import draft_start

        if self.content is None or not (self.paintings or self.regions):
            raise OptionError("the starting point 'draft' wants a photo and a painting: take another")
        torch.set_num_threads(thread_count(self.options))
        edge = max(pastiche_size(self.content, self.options, self.paintings))
        self.starting_picture, name, sha256 = draft_start(
            self.content, self.paintings, self.options, edge, self.regions, self.palette
        )
        self.stylizer = File(name=name, sha256=sha256)
        then = self.replayed.stylizer if self.replayed else None
        if then is not None and then.sha256 != sha256:
            raise RecordError(
                f"the picture began with a draft by another stylizer (SHA-256 {then.sha256[:12]}, here {sha256[:12]}): "
                "paint it anew, or give another starting point"
            )

    @cached_property
    def _encoder_sha256(self) -> str:
        from impasto.encoders import load_encoder

        return load_encoder(self.options.encoder).sha256

    def _files(self) -> list[Picture | StyleFile]:
        """Every picture and style file that is read, once."""
        paintings = [*self.paintings, *(painting for region in self.regions for painting in region.paintings)]
        masks = [*(painting.mask for painting in paintings), *(region.mask for region in self.regions)]
        beside = [*masks, self.starting_picture, self.palette]
        found = [self.content, *(painting.picture for painting in paintings), *beside]
        return list({picture.sha256: picture for picture in found if isinstance(picture, Picture | StyleFile)}.values())

    def _describe(self, started: RunStarted, folder: Path) -> dict[str, Any]:
        """What a checkpoint says about this run; what was left to the machine as it came to be."""
        machine = current_machine(self.options)
        options = settled_options(self.options, started, machine)
        if self.options.encoder.endswith(ENCODER_SUFFIX):
            options = options.model_copy(update={"encoder": str(Path(options.encoder).absolute())})
        state = RunState(
            recipe=self.recipe,
            options=options,
            encoder_sha256=self._encoder_sha256,
            stop_after=self.stop_after,
            steered=tuple(self.steered),
            inputs=describe_inputs(self.content, self.paintings, self.regions, self.starting_picture, self.palette),
            stylizer=self.stylizer,
            sources=tuple(describe_source(picture, folder) for picture in self._files()),
            machine=machine,
            dots_per_inch=self.dots_per_inch,
            command=self.command() if self.command else None,
        )
        return state.model_dump(mode="json")

    def _finish(self, done: RunDone, started: RunStarted, last: StopPoint) -> Pastiche:
        record = build_record(
            self.content,
            self.paintings,
            self.options,
            started,
            recipe=self.recipe,
            starting_picture=None if self.stylizer else self.starting_picture,  # a replay drafts it again
            stylizer=self.stylizer,
            palette=self.palette,
            stopped_after=last if done.stopped else None,
            content_weight=self._content_weight,
            steered=self.steered,
            regions=self.regions,
        )
        height_px, width_px = done.pixels.shape[:2]
        return Pastiche(
            pixels=done.pixels,
            alpha=self.content.alpha(height_px, width_px) if self.content else None,
            record=record.model_dump(mode="json"),
            metadata=self.content.metadata if self.content else PhotoMetadata(),
            stopped=done.stopped,
            seconds=done.seconds,
            dots_per_inch=self.dots_per_inch,
        )
