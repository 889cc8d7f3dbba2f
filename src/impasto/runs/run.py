"""One run and what comes of it, whoever asked for it: the command line, Python, a job of a list."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from impasto.errors import OptionError, RecordError
from impasto.events import Controls, Event, Notice, Resumed, RunDone, RunStarted, Steered, StepDone
from impasto.images.metadata import PhotoMetadata
from impasto.inputs.recorded import RecordedFile
from impasto.inputs.run_inputs import RunInputs
from impasto.options.fields import CHECKPOINT_SECONDS, DRAFT, PaintOptions
from impasto.runs.interrupted import Command, RunState, describe_source, remove_run
from impasto.runs.pastiche import Pastiche
from impasto.runs.record import (
    ENCODER_SUFFIX,
    RunRecord,
    Steer,
    StopPoint,
    build_record,
    current_machine,
    resolved_options,
)

if TYPE_CHECKING:
    from impasto.engine.optimizers import Tuner

LOGGER = logging.getLogger("impasto")


@dataclass
class Run:
    """One run: iterate it for its events, then take its `pastiche`; or `paint` it at once.

    The inputs are loaded and the options valid. Whether the encoder can do what they ask is checked at the first
    event.

    Attributes
    ----------
    recipe: name or path of the recipe that the options came from, for the record.
    stop_after: the step after which the run stops; of a replay, where it was stopped then.
    steered: the changes of options so far. Those that it begins with are made again at their steps.
    replayed: the record that this run paints again.
    stylizer: the weights that drafted the starting picture, where the starting point is a draft.
    checkpoint_folder: where checkpoints are written every `checkpoint_seconds` (0: never); None: nowhere.
    resumed: the checkpoint that the run goes on from.
    dots_per_inch: for printing.
    notices: what is worth saying before it begins; the first events.
    command: describes what the command line is doing, for a checkpoint.
    pastiche: set when the run is done.
    complete: whether everything was painted that was to be, so that there is nothing to resume.
    """

    inputs: RunInputs
    options: PaintOptions
    recipe: str | None = None
    controls: Controls = field(default_factory=Controls)
    stop_after: StopPoint | None = None
    steered: list[Steer] = field(default_factory=list)
    replayed: RunRecord | None = None
    stylizer: RecordedFile | None = None
    checkpoint_folder: Path | None = None
    checkpoint_seconds: float = CHECKPOINT_SECONDS
    resumed: Path | None = None
    dots_per_inch: float = 72.0
    notices: Sequence[str] = ()
    command: Callable[[], Command] | None = None
    pastiche: Pastiche | None = field(default=None, init=False)
    complete: bool = field(default=False, init=False)
    _started: RunStarted = field(default=RunStarted((), (), (), 0, 0, 0.0), init=False)
    _last: StopPoint = field(default=StopPoint(scale=0, step=0), init=False)
    _content_weight: float | None = field(default=None, init=False)
    _said: list[str] = field(default_factory=list, init=False)

    def __iter__(self) -> Iterator[Event]:
        from impasto.engine.devices import keep_threads  # loads torch

        with keep_threads():
            for event in self._begin():
                yield self._follow(event)

    def paint(self, on_event: Callable[[Event], object] | None = None) -> Pastiche:
        """Run to the end; checkpoints of a run that is complete are removed. Notices are logged."""
        from impasto.engine.devices import keep_threads

        with keep_threads():
            for event in self._begin():
                followed = self._follow(event)
                if isinstance(event, Notice):
                    LOGGER.warning(event.message)
                if on_event is not None:
                    on_event(followed)
        if self.checkpoint_folder is not None and self.complete:
            remove_run(self.checkpoint_folder)
        assert self.pastiche is not None, "the engine ended without RunDone"
        return self.pastiche

    def _begin(self) -> Iterator[Event]:
        """The events of the engine, which paints as they are read."""
        from impasto.engine.checkpoint import Checkpoints
        from impasto.engine.paint import iter_paint

        if self.options.starting_point == DRAFT and self.inputs.starting_picture is None:
            self._start_from_draft()
        checkpoints = None
        if self.checkpoint_folder is not None and self.checkpoint_seconds:
            folder = self.checkpoint_folder
            checkpoints = Checkpoints(folder, self.checkpoint_seconds, lambda: self._describe(folder))
        self._script = _Script(self.controls, self.stop_after, self.steered)
        self._script.follow(self._last)
        tuner = self._load_tuner() if self.options.medium == "stylizer" else None
        painting = iter_paint(
            self.inputs,
            self.options,
            controls=self.controls,
            checkpoints=checkpoints,
            resumed=self.resumed,
            tuner=tuner,
        )
        return chain(map(Notice, self.notices), painting)

    def _follow(self, event: Event) -> Event:
        """Take note of an event, and set the controls as the script has them after it; the last gets the pastiche."""
        if isinstance(event, RunStarted):
            self._started = event
        elif isinstance(event, StepDone | Resumed):
            self._last = StopPoint(scale=event.scale, step=event.step)
            self._content_weight = event.content_weight
            self._script.follow(self._last)
        elif isinstance(event, Steered):
            self.steered = [s for s in self.steered if (s.scale, s.step) != (event.scale, event.step)]
            self.steered.append(Steer(scale=event.scale, step=event.step, options=event.options))
        elif isinstance(event, Notice):
            self._said.append(event.message)
        elif isinstance(event, RunDone):
            self.pastiche = self._finish(event)
            self.complete = not event.stopped or self._last == self.stop_after
            return replace(event, pastiche=self.pastiche)
        return event

    def _start_from_draft(self) -> None:
        """Paint the first pastiche in one pass; in a replay, by the same weights as then."""
        import torch

        from impasto.engine.devices import thread_count
        from impasto.engine.validate import pastiche_size
        from impasto.stylizer.regions import draft_start

        if self.inputs.photo is None or not self.inputs.paintings:
            raise OptionError("the starting point 'draft' needs a photo and a painting: take another")
        torch.set_num_threads(thread_count(self.options))
        long_edge_px = max(pastiche_size(self.inputs.photo, self.options))
        picture, name, sha256 = draft_start(self.inputs, self.options, long_edge_px)
        self._note_stylizer(RecordedFile(name=name, sha256=sha256))
        self.inputs = replace(self.inputs, starting_picture=picture)

    def _load_tuner(self) -> Tuner:
        """The stylizer that paints the pastiche; in a replay or a resumed run the same weights as then."""
        import torch

        from impasto.engine.devices import find_precision
        from impasto.stylizer.stylizer import load_stylizer
        from impasto.stylizer.tuning import TunedStylizer

        stylizer = load_stylizer()
        self._note_stylizer(RecordedFile(name=stylizer.name, sha256=stylizer.sha256))
        precision = find_precision(self.options.precision, torch.device("cpu"))
        return TunedStylizer(stylizer, self.inputs, bf16=precision is torch.bfloat16)

    def _note_stylizer(self, file: RecordedFile) -> None:
        """Note the weights for the record; they must be those of a run that is painted again, or goes on."""
        then = self.stylizer or (self.replayed.stylizer if self.replayed else None)
        if then is not None and then.sha256 != file.sha256:
            raise RecordError(
                f"the picture was painted by another stylizer (SHA-256 {then.sha256[:12]}, here {file.sha256[:12]}): "
                "paint it anew"
            )
        self.stylizer = file

    @cached_property
    def _encoder_sha256(self) -> str:
        from impasto.encoders.weights import find_encoder

        return find_encoder(self.options.encoder).sha256

    def _describe(self, folder: Path) -> dict[str, Any]:
        """What a checkpoint says about this run, with the options as this machine resolved them."""
        machine = current_machine(self.options)
        options = resolved_options(self.options, self._started, machine)
        if self.options.encoder.endswith(ENCODER_SUFFIX):
            options = options.model_copy(update={"encoder": str(Path(options.encoder).absolute())})
        state = RunState(
            recipe=self.recipe,
            options=options,
            encoder_sha256=self._encoder_sha256,
            stop_after=self.stop_after,
            steered=tuple(self.steered),
            inputs=self.inputs.describe(),
            stylizer=self.stylizer,
            sources=tuple(describe_source(file, folder) for file in self.inputs.files),
            machine=machine,
            dots_per_inch=self.dots_per_inch,
            command=self.command() if self.command else None,
        )
        return state.model_dump(mode="json")

    def _finish(self, done: RunDone) -> Pastiche:
        photo, inputs = self.inputs.photo, self.inputs
        if self.stylizer is not None:  # a replay drafts the starting picture again
            inputs = replace(inputs, starting_picture=None)
        record = build_record(
            inputs,
            self.options,
            self._started,
            recipe=self.recipe,
            stylizer=self.stylizer,
            stopped_after=self._last if done.stopped else None,
            content_weight=self._content_weight,
            steered=self.steered,
        )
        return Pastiche(
            pixels=done.pixels,
            alpha=photo.alpha(*done.pixels.shape[:2]) if photo else None,
            record=record.model_dump(mode="json"),
            metadata=photo.metadata if photo else PhotoMetadata(),
            stopped=done.stopped,
            seconds=done.seconds,
            dots_per_inch=self.dots_per_inch,
            notices=tuple(self._said),
        )


class _Script:
    """What a run is to do at its steps: stop where it was stopped, and steer as it was steered."""

    def __init__(self, controls: Controls, stop_after: StopPoint | None, steered: list[Steer]) -> None:
        self._controls, self._stop_after = controls, stop_after
        self._changes = {(steer.scale, steer.step): steer.options for steer in steered}

    def follow(self, last: StopPoint) -> None:
        """Set the controls as the script has them after this step."""
        self._controls.stop = self._controls.stop or self._stop_after == last
        for name, value in self._changes.get((last.scale, last.step), {}).items():
            setattr(self._controls, name, value)
