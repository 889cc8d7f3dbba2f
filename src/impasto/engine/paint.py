"""The engine: paints a pastiche coarse to fine and reports what happens. Read this first.

For every scale of the pyramid: photo and paintings at that size, their targets, an objective; then steps of the
optimiser until the scale ends; then the pastiche is enlarged and handed on. Everything that happens is an event.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from impasto.encoders.fetch import iter_provide
from impasto.engine.canvas import picture_tensor, resample, starting_canvas
from impasto.engine.checkpoint import Checkpoint, Checkpoints, read_checkpoint, refusing_foreign_state
from impasto.engine.content_weight import ContentWeightController, holding_weights
from impasto.engine.devices import thread_count
from impasto.engine.memory import give_back, prefer_low_memory
from impasto.engine.objective import Canvases, build_objective
from impasto.engine.optimizers import LBFGS, Adam, PictureOptimizer, Tuner
from impasto.engine.prepare import Prepared, prepare
from impasto.engine.pyramid import MAX_ENLARGEMENT, Scale
from impasto.engine.readability import READING_LONG_EDGE_PX, Readability
from impasto.engine.stopping import EarlyStopping, StepBudget
from impasto.engine.validate import existing_layers
from impasto.errors import OptionError
from impasto.events import (
    CheckpointSaved,
    Controls,
    Event,
    Notice,
    PreviewReady,
    Resumed,
    RunDone,
    ScaleStarted,
    Steered,
    StepDone,
)
from impasto.images.picture import Picture
from impasto.images.resize import fit_long_edge
from impasto.images.tensors import resize, tensor_to_pixels
from impasto.inputs.run_inputs import RunInputs
from impasto.losses.objective import Objective
from impasto.options.fields import STEERABLE, PaintOptions, build_options

BALANCE_EVERY = 8  # steps from one measurement of readability to the next, fewer where a scale has few
TUNED_BALANCE_EVERY = 2  # where a network is tuned, which follows more slowly
BALANCE_LONG_EDGE_PX = 1024  # up to here the content weight moves; larger scales have too few steps to follow it
BALANCE_SHARE = 0.7  # of a scale's steps, during which the content weight may move
STEERED_SHARE = 0.5  # of a scale's steps, that it takes at least after its strength was changed


def iter_paint(
    inputs: RunInputs,
    options: PaintOptions,
    *,
    controls: Controls | None = None,
    checkpoints: Checkpoints | None = None,
    resumed: Path | None = None,
    tuner: Tuner | None = None,
) -> Iterator[Event]:
    """Paint, yielding an event for everything that happens; the last one is `RunDone`.

    Parameters
    ----------
    options: validated options; the number of threads is set for the whole process.
    controls: read at every step boundary.
    checkpoints: where the state is saved from time to time, and when the run is stopped.
    resumed: the checkpoint to go on from, of a run of the same inputs and options.
    tuner: paints the pastiche where the medium is ``stylizer``.

    Raises `OptionError` for options that do not fit together, unknown layers, and a picture too large for the
    memory there is; `CheckpointError` for a damaged checkpoint.
    """
    torch.set_num_threads(thread_count(options))
    yield from iter_provide(options.encoder)
    prepared = prepare(inputs, options)
    prefer_low_memory(prepared.plan.thrifty)
    yield prepared.started
    yield from map(Notice, prepared.notices)
    if inputs.photo and not prepared.layout.painted:
        yield RunDone(inputs.photo.pixels(*prepared.size), False, 0.0, 0.0)
        return
    painter = Painter(prepared, controls or Controls(), checkpoints, tuner)
    if resumed is not None:
        with refusing_foreign_state(resumed):
            yield painter.restore(read_checkpoint(resumed)[0])  # not before the plan has counted the memory
    yield from painter.iter_events()


@dataclass
class ScaleState:
    """Where a run is within a scale.

    Attributes
    ----------
    index: of the scale. step: the last step taken there. done: whether the scale is finished.
    """

    index: int
    budget: StepBudget
    stopping: EarlyStopping
    step: int = 0
    done: bool = False

    @property
    def taken(self) -> int:
        """Steps of the present budget that were taken."""
        return self.step - self.budget.begun


class Painter:
    """One run from its plan to its last event: what every step reads and leaves behind."""

    _objective: Objective  # of the present scale, and what measures readability there
    _readability: Readability | None

    def __init__(
        self,
        prepared: Prepared,
        controls: Controls,
        checkpoints: Checkpoints | None = None,
        tuner: Tuner | None = None,
    ) -> None:
        self._inputs, self._options = prepared.inputs, prepared.options
        self._layout, self._colors = prepared.layout, prepared.colors
        self._encoder, self._plan = prepared.encoder, prepared.plan
        self._controls, self._checkpoints = controls, checkpoints
        self._tuner = tuner
        self._optimizer: PictureOptimizer | None = tuner
        self._controller = ContentWeightController(prepared.options, prepared.layout.strengths)
        self._state = self._begin(0)
        self._stopped = False
        self._pixel_steps = 0.0
        self._started, self._seconds_before = time.monotonic(), 0.0

    @property
    def seconds(self) -> float:
        """Seconds since the run began, without pauses between a checkpoint and its resumption."""
        return self._seconds_before + time.monotonic() - self._started

    @property
    def _scale(self) -> Scale:
        return self._plan.scales[self._state.index]

    @property
    def _is_last_scale(self) -> bool:
        return self._state.index == len(self._plan.scales) - 1

    def _begin(self, index: int) -> ScaleState:
        steps = self._plan.scales[index].steps
        return ScaleState(index, StepBudget(0, steps), EarlyStopping(self._options.stop_tolerance))

    def iter_events(self) -> Iterator[Event]:
        """Paint every scale that is left, then finish."""
        self._stopped = self._controls.stop and self._state.step > 0  # a run that goes on only to stop
        for index in range(self._state.index, len(self._plan.scales)):
            if index > self._state.index:
                self._state = self._begin(index)
            if not self._scale.steps:  # painted in one pass, by `_finish`
                self._state.done = True
                yield ScaleStarted(index, self._scale.height_px, self._scale.width_px, 0)
            if not (self._state.done or self._stopped):
                yield from self._iter_scale()
            assert self._optimizer is not None, "set by the first step, or restored"
            self._optimizer.leave_scale()
            if self._stopped:
                break
        yield self._finish()

    def _iter_scale(self) -> Iterator[Event]:
        """Paint what is left of the present scale."""
        state, scale, controls = self._state, self._scale, self._controls
        yield from self._prepare_scale()
        yield ScaleStarted(state.index, scale.height_px, scale.width_px, scale.steps)
        optimizer = self._optimizer
        assert optimizer is not None, "set by _prepare_scale"
        if controls.preview:
            yield self._preview(optimizer)
        while not state.done:
            losses = optimizer.step(self._objective(optimizer.picture))
            state.step += 1
            self._pixel_steps += scale.canvas_pixels
            balancing = self._readability is not None and state.taken <= BALANCE_SHARE * state.budget.steps
            distance = self._balance(optimizer) if balancing else None
            yield StepDone(state.index, state.step, losses, self._controller.weight, distance, self.seconds)
            if controls.preview:
                yield self._preview(optimizer)
            if optimizer.notice:
                yield Notice(optimizer.notice)
                self._optimizer = optimizer = Adam(optimizer.picture, self._options)
            gains_little = not balancing and state.stopping.reached(losses["total"])
            state.done = gains_little or state.taken == state.budget.steps
            if (steered := self._steer()) is not None:
                yield steered
            if isinstance(steered, Steered):
                self._prepare_scale()
                optimizer.objective_changed()
            self._stopped = controls.stop
            if self._checkpoints and (self._checkpoints.due or self._stopped):
                yield self._save(self._checkpoints)
            if self._stopped:
                break
        del self._objective, self._readability  # their memory serves the next scale, or the finished picture

    def _balance(self, optimizer: PictureOptimizer) -> float | None:
        """Measure readability where it is due, and move the content weights; returns the distance."""
        state, readability = self._state, self._readability
        every = BALANCE_EVERY if self._tuner is None else TUNED_BALANCE_EVERY
        if readability is None or state.taken % min(every, -(-state.budget.steps // 4)):
            return None
        distances = readability.distances(self._scale.crop(self._objective.composite(optimizer.picture)))
        self._pixel_steps += readability.cost
        self._controller.update(distances, coarsest=state.index == 0)
        self._objective.set_weight("content", self._controller.weights)
        optimizer.objective_changed()
        return distances[0]

    def _steer(self) -> Steered | Notice | None:
        """Adopt what the controls have changed since the last step."""
        values = {name: getattr(self._controls, name) for name in STEERABLE}
        changed = {name: value for name, value in values.items() if value not in (None, getattr(self._options, name))}
        if not changed:
            return None
        for name, value in changed.items():
            if refusal := self._refuse_steering(name, value):
                setattr(self._controls, name, None)  # other changes are adopted after the next step
                return Notice(refusal)
        self._options = self._options.model_copy(update=changed)
        if "strength" in changed:
            self._controller.steer(self._options)
            for term, weight in holding_weights(self._options).items():
                self._objective.set_weight(term, weight)
        self._colors.strength = self._options.color_strength
        state = self._state
        steps_left = max(state.budget.end - state.step, math.ceil(STEERED_SHARE * self._scale.steps))
        state.budget = StepBudget(state.step, steps_left)
        state.stopping = EarlyStopping(self._options.stop_tolerance)
        state.done = False
        return Steered(state.index, state.step, changed, steps_left)

    def _refuse_steering(self, name: str, value: float) -> str:
        if self._options.balance == "fixed" and name == "strength":
            return "with balance 'fixed' the content weight is given: strength changes nothing"
        if not self._colors.changes and name == "color_strength":
            return "with color 'painting' the colours are the painting's: color strength changes nothing"
        try:
            build_options({name: value})
        except OptionError as error:
            return str(error)
        return ""

    def _prepare_scale(self) -> list[Notice]:
        """Build the objective of the present scale, and its first pastiche unless the run was resumed in it."""
        scale, options, state = self._scale, self._options, self._state
        photo_picture = self._colors.photo_for_objective()
        layout = self._layout.with_paintings(self._colors.paintings_for_objective)
        photo = self._photo_canvas(photo_picture)
        layers, missing = existing_layers(self._encoder, options, scale)
        notices = [missing] if missing else []
        notices += self._prepare_readability(photo_picture)
        give_back()
        canvases = Canvases(photo)
        if self._tuner is not None:
            self._tuner.look_at(options, self._layout, scale)
            canvases = Canvases(photo, self._tuner.draft, self._tuner.links)
        self._objective = build_objective(
            self._encoder, canvases, layout, scale, options, layers, self._controller.weights, self._plan.tile_px
        )
        if self._optimizer is None:
            first = self._colors.start_for_objective(self._inputs.starting_picture)
            start = starting_canvas(options, scale, photo, [painting for painting, _ in layout.paintings], first)
            self._optimizer = LBFGS(start) if options.optimizer == "lbfgs" else Adam(start, options)
        elif state.step == 0 and isinstance(self._optimizer, Adam | LBFGS):
            del photo, canvases
            before = self._plan.scales[state.index - 1]
            self._optimizer.rescale(lambda canvas, mode: resample(canvas, before, scale, mode))
        give_back()
        if self._is_last_scale:
            notices += self._enlarged_paintings()
        return list(map(Notice, notices))

    def _prepare_readability(self, photo: Picture | None) -> list[str]:
        """Make ready to measure readability, at scales where the content weight moves; returns notices."""
        scale, state, self._readability = self._scale, self._state, None
        moves = state.index == 0 or state.budget.begun or scale.long_edge_px <= BALANCE_LONG_EDGE_PX
        if photo is None or not self._controller.moves or not moves:
            return []
        reading_px = READING_LONG_EDGE_PX if self._tuner is None else scale.long_edge_px  # which is small already
        size = fit_long_edge(scale.height_px, scale.width_px, min(reading_px, scale.long_edge_px))
        masks = self._layout.masks(*size, self._encoder.device)
        parts = masks.strengths or ([] if masks.photo is None else [1 - masks.photo])
        readability = Readability(self._encoder, self._tensor(photo, *size), parts)
        if readability.usable:
            self._readability = readability
        elif self._is_last_scale or scale.long_edge_px >= READING_LONG_EDGE_PX:
            # Not before: a long thin photo may be too small only at the coarsest scales.
            self._controller.moves = False
            return [
                "the photo is too flat or too small to measure its readability: "
                f"the content weight stays at {self._controller.weight:g}"
            ]
        return []

    def _enlarged_paintings(self) -> list[str]:
        """Notices for paintings that are smaller than the strokes that they are to lend."""
        notices = []
        for painting, brush_scale in self._layout.paintings:
            picture = painting.picture
            needed_px = self._scale.long_edge_px * self._options.brush_scale * brush_scale
            painting_px = max(picture.height_px, picture.width_px)
            if needed_px > 1.1 * painting_px:
                notices.append(
                    f"{picture.name} is {picture.width_px}x{picture.height_px} px and is enlarged "
                    f"{min(MAX_ENLARGEMENT, needed_px / painting_px):.1f} times: strokes will look softer at full size"
                )
        return notices

    def _finish(self) -> RunDone:
        """Crop the last canvas, or paint the last picture; the scale's memory is given back first."""
        assert self._optimizer is not None, "there is always a scale"
        stopped = self._stopped and not (self._state.done and self._is_last_scale)
        last = self._plan.scales[-1]
        size = last.height_px, last.width_px
        if self._tuner is not None:
            pixels = self._tuner.finish(self._options, max(size))
            return RunDone(pixels, stopped, self.seconds, self._pixel_steps)
        picture, self._optimizer = self._optimizer.picture, None
        finished = resize(self._scale.crop(picture), *size).clamp_(0, 1)
        photo, photo_mask = self._colors.photo_for_objective(), self._layout.masks(*size, finished.device).photo
        if photo_mask is not None and photo is not None:
            finished = torch.lerp(finished, self._tensor(photo, *size), photo_mask)
        pixels = self._colors.for_display(tensor_to_pixels(finished))
        if photo_mask is not None and self._inputs.photo is not None:
            untouched = photo_mask.cpu().numpy() == 1
            pixels[untouched] = self._inputs.photo.pixels(*size)[untouched]
        return RunDone(pixels, stopped, self.seconds, self._pixel_steps)

    def _preview(self, optimizer: PictureOptimizer) -> PreviewReady:
        self._controls.preview = False
        painted = tensor_to_pixels(self._scale.crop(self._objective.composite(optimizer.averaged)))
        return PreviewReady(self._state.index, self._state.step, self._colors.for_display(painted))

    def _save(self, checkpoints: Checkpoints) -> CheckpointSaved | Notice:
        assert self._optimizer is not None, "set before the first step"
        state, optimizer_state = self._state, self._optimizer.state()
        values = {
            "scale": state.index,
            "step": state.step,
            "scale_done": state.done,
            "seconds": self.seconds,
            "pixel_steps": self._pixel_steps,
            "balance": self._controller.state(),
            "totals": state.stopping.totals,
            "course": [state.budget.begun, state.budget.steps],
            "steered": {name: getattr(self._options, name) for name in STEERABLE},
            "optimizer": {"name": type(self._optimizer).__name__, **optimizer_state.values},
        }
        try:
            path = checkpoints.save(Checkpoint(values, optimizer_state.tensors))
        except OSError as error:
            return Notice(f"the checkpoint could not be written ({error.strerror}); painting goes on without it")
        return CheckpointSaved(state.index, state.step, str(path))

    def restore(self, checkpoint: Checkpoint) -> Resumed:
        """Go on as when the checkpoint was saved."""
        values = checkpoint.checked_values(self._plan.scales, pictures=self._tuner is None)
        self._seconds_before, self._pixel_steps = values.seconds, values.pixel_steps
        self._options = self._options.model_copy(update=values.steered)
        self._controller = ContentWeightController(self._options, self._layout.strengths)
        self._controller.restore(values.balance.model_dump())
        self._colors.strength = self._options.color_strength
        self._state = ScaleState(
            values.scale,
            StepBudget(*values.course),
            EarlyStopping(self._options.stop_tolerance, list(values.totals)),
            values.step,
            values.scale_done,
        )
        optimizer, device = Checkpoint(values.optimizer, checkpoint.tensors), self._encoder.device
        if self._tuner is not None:
            self._tuner.restore(optimizer)
        elif values.optimizer["name"] == "Adam":
            self._optimizer = Adam.restore(optimizer, self._options, device)
        else:
            self._optimizer = LBFGS.restore(optimizer, device)
        return Resumed(self._state.index, self._state.step, self._controller.weight, self.seconds)

    def _photo_canvas(self, photo: Picture | None) -> Tensor:
        """The photo on its canvas; without one a gray canvas, which nothing is compared with."""
        scale = self._scale
        if photo is None:
            canvas = (1, 3, scale.canvas_height_px, scale.canvas_width_px)
            return torch.full(canvas, 0.5, device=self._encoder.device)
        return scale.extend(self._tensor(photo, scale.height_px, scale.width_px))

    def _tensor(self, picture: Picture, height_px: int, width_px: int) -> Tensor:
        return picture_tensor(picture, height_px, width_px).to(self._encoder.device)
