"""The engine: paints a pastiche coarse to fine and tells what happens. Read this first.

For every scale of the pyramid: photo and paintings at that size, their targets, an objective; then steps of the
optimiser until the scale ends; then the pastiche is enlarged and handed on. Everything that happens is an event.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor

from impasto.encoders import Encoder, load_encoder
from impasto.encoders.fetch import iter_fetch
from impasto.encoders.store import needs_fetch
from impasto.engine.canvas import Resample, picture_pixels, picture_tensor, starting_canvas
from impasto.engine.checkpoint import Checkpoint, Checkpoints, read_checkpoint
from impasto.engine.color import Coloring, check_coloring
from impasto.engine.devices import find_device, find_precision, thread_count
from impasto.engine.memory import give_back, set_thrift
from impasto.engine.objective import build_objective
from impasto.engine.optimizers import LBFGS, Adam
from impasto.engine.plan import Plan, build_plan, painting_sizes
from impasto.engine.pyramid import CANVAS_MULTIPLE_PX, MAX_ENLARGEMENT, Scale
from impasto.engine.readability import READING_LONG_EDGE_PX, Balance, Readability
from impasto.engine.regions import Areas
from impasto.engine.stopping import AdaptiveStop, Course
from impasto.engine.style_files import check_style_files
from impasto.engine.validate import check_inputs, existing_layers, pastiche_size, texture_brush_scale, with_layers_of
from impasto.errors import OptionError
from impasto.events import (
    CheckpointSaved,
    Controls,
    Event,
    Notice,
    PreviewReady,
    Resumed,
    RunDone,
    RunStarted,
    ScaleStarted,
    Steered,
    StepDone,
)
from impasto.images.picture import Picture
from impasto.images.tensors import fit_long_edge, resize
from impasto.inputs.paintings import Painting, Region
from impasto.losses.objective import (
    Objective,
)
from impasto.options.fields import STEERABLE, PaintOptions, build_options

PIXEL_RANGE = 255.0  # the papers' pixels; published VGG weights see them so, a distilled geometry is of [0, 1]
BALANCE_EVERY = 8  # steps from one measurement of readability to the next, fewer where a scale has few
BALANCE_LONG_EDGE_PX = 1024  # up to here the content weight moves; larger scales have too few steps to follow it
BALANCE_SHARE = 0.7  # of a scale's steps, during which the content weight may move
STEERED_SHARE = 0.5  # of a scale's steps, that it takes at least after its strength was changed


def iter_paint(
    content: Picture | None,
    paintings: Sequence[Painting],
    options: PaintOptions,
    *,
    controls: Controls | None = None,
    starting_picture: Picture | None = None,
    palette: Picture | None = None,
    checkpoints: Checkpoints | None = None,
    resumed: Path | None = None,
    regions: Sequence[Region] = (),
) -> Iterator[Event]:
    """Paint, yielding an event for everything that happens; the last one is `RunDone`.

    Parameters
    ----------
    content: the photo; None for a texture, with no `content_layers`.
    paintings: their style statistics are blended by weight; none with no `style_layers`, or where `regions` have some.
    options: validated options; the number of threads is set for the whole process.
    controls: read at every step boundary.
    starting_picture: first pastiche, where `options.starting_point` is a file.
    palette: whose colours to take, where `options.color` names a file.
    checkpoints: where the state is saved from time to time, and when the run is stopped.
    resumed: the checkpoint to go on from, of a run of the same inputs and options.
    regions: parts of the photo with paintings of their own; `paintings` have what they leave, without any it stays
        the photograph.

    Raises `OptionError` for options that do not fit together, unknown layers, and a picture too large for the
    memory there is; `InputError` for masks that do not fit the photo; `CheckpointError` for a damaged checkpoint.
    """
    torch.set_num_threads(thread_count(options))
    if needs_fetch(options.encoder):
        yield from iter_fetch(options.encoder)
    device = find_device(options.device)
    encoder = load_encoder(
        options.encoder,
        padding_mode=options.padding_mode,
        pooling=options.pooling,
        precision=find_precision(options.precision, device),
        device=device,
    )
    check_inputs(options, content, paintings, starting_picture, regions)
    areas = Areas(content, paintings, regions, options)
    check_coloring(options, content, areas, palette)
    coloring = Coloring(options, content, palette, areas)
    options, notices = with_layers_of(encoder, options)
    check_style_files([painting for area in areas.painted for painting in area.paintings], encoder, options)
    size = pastiche_size(content, options, paintings)
    if content is None:
        options = options.model_copy(update={"brush_scale": texture_brush_scale(options, paintings[0].picture)})
    if options.loss_units != "scale-free":
        encoder = encoder.with_changes(geometry_scale=PIXEL_RANGE)
    plan = build_plan(*size, painting_sizes(areas), options, encoder, areas=len(areas.painted), keeps=areas.keeps)
    set_thrift(plan.thrifty)
    yield RunStarted(
        tuple((scale.height_px, scale.width_px) for scale in plan.scales),
        tuple(scale.steps for scale in plan.scales),
        plan.tiles,
        plan.tile_px,
        plan.peak_bytes,
        plan.seconds,
        str(encoder.precision).removeprefix("torch."),
    )
    yield from map(Notice, notices)
    if (planned := (plan.scales[-1].height_px, plan.scales[-1].width_px)) != size:
        yield Notice(
            f"a picture that wraps around has sides of whole {CANVAS_MULTIPLE_PX} px: "
            f"{planned[1]}x{planned[0]} px in place of {size[1]}x{size[0]} px"
        )
    if encoder.geometry and options.pooling != "max":
        yield Notice(f"{encoder.name} was distilled with max pooling: with {options.pooling} pooling it sees less well")
    if content and not areas.painted:
        why = "strength 0 is the photo itself" if options.strength == 0 else "all of it stays the photograph"
        yield Notice(f"{why}: nothing is painted")
        yield RunDone(content.pixels(*size), False, 0.0, 0.0)
        return
    run = _Run(content, areas, options, controls or Controls(), starting_picture, coloring, checkpoints, encoder, plan)
    if resumed is not None:
        run.restore(read_checkpoint(resumed)[0])  # not before the plan has counted the memory
        yield Resumed(run.scale, run.step, run.content_weight, run.seconds)
    yield from run.iter_events()


class _Run:
    """One run between its plan and its last event: what every step reads and leaves behind."""

    def __init__(
        self,
        content: Picture | None,
        areas: Areas,
        options: PaintOptions,
        controls: Controls,
        starting_picture: Picture | None,
        coloring: Coloring,
        checkpoints: Checkpoints | None,
        encoder: Encoder,
        plan: Plan,
    ) -> None:
        self._content, self._areas, self._options = content, areas, options
        self._coloring = coloring
        self._controls, self._checkpoints = controls, checkpoints
        self._starting_picture, self._encoder, self._plan = starting_picture, encoder, plan
        self._optimizer: Adam | LBFGS | None = None
        self._balance = Balance(options, areas.strengths)
        self._stop = AdaptiveStop(options.stop_tolerance)
        self.scale, self.step, self._scale_done = 0, 0, False
        self._course = Course(0, plan.scales[0].steps)
        self._stopped = False
        self._pixel_steps = 0.0
        self._started, self._seconds_before = time.monotonic(), 0.0

    @property
    def seconds(self) -> float:
        """Since the run began, without pauses between a checkpoint and its resumption."""
        return self._seconds_before + time.monotonic() - self._started

    @property
    def content_weight(self) -> float:
        """That of the next step."""
        return self._balance.weight

    def iter_events(self) -> Iterator[Event]:
        """Paint every scale that is left, then finish."""
        self._stopped = self._controls.stop and self.step > 0  # a run that goes on only to stop
        for index in range(self.scale, len(self._plan.scales)):
            if index > self.scale:
                self.scale, self.step, self._scale_done = index, 0, False
                self._stop = AdaptiveStop(self._options.stop_tolerance)
                self._course = Course(0, self._plan.scales[index].steps)
            if not (self._scale_done or self._stopped):
                yield from self._iter_scale(index)
            assert self._optimizer is not None  # set by the first step, or restored
            self._optimizer.leave_scale()
            if self._stopped:
                break
        yield self._finish()

    def _iter_scale(self, index: int) -> Iterator[Event]:
        """Everything about one scale."""
        scale, controls = self._plan.scales[index], self._controls
        readability, objective, notices = self._prepare(index)
        yield from notices
        optimizer = self._optimizer
        assert optimizer is not None  # set by _prepare
        yield ScaleStarted(index, scale.height_px, scale.width_px, scale.steps)
        if controls.preview:
            yield self._preview(objective.seen(optimizer.averaged))
        while not self._scale_done:
            losses = optimizer.step(objective)
            self.step += 1
            self._pixel_steps += scale.canvas_pixels
            distance = None
            course = self._course
            taken = self.step - course.begun
            balancing = readability is not None and taken <= BALANCE_SHARE * course.steps
            if readability is not None and balancing and taken % min(BALANCE_EVERY, -(-course.steps // 4)) == 0:
                distances = readability.distances(scale.crop(objective.seen(optimizer.picture)))
                distance = distances[0]
                self._pixel_steps += readability.cost
                self._balance.update(distances, first=index == 0)
                objective.content_weight = self._balance.weights
                optimizer.objective_changed()
            yield StepDone(index, self.step, losses, self.content_weight, distance, self.seconds)
            if controls.preview:
                yield self._preview(objective.seen(optimizer.averaged))
            if optimizer.notice:
                yield Notice(optimizer.notice)
                self._optimizer = optimizer = Adam(optimizer.picture, self._options)
            gained_little = not balancing and self._stop.reached(losses["total"])
            self._scale_done = gained_little or taken == course.steps
            if (steered := self._steer(scale)) is not None:
                yield steered
            if isinstance(steered, Steered):
                readability, objective, _ = self._prepare(index)
                optimizer.objective_changed()
            self._stopped = controls.stop
            if self._checkpoints and (self._checkpoints.due or self._stopped):
                yield self._save(self._checkpoints)
            if self._stopped:
                break

    def _steer(self, scale: Scale) -> Steered | Notice | None:
        """Take over what the controls have changed since the last step."""
        asked = {name: value for name in STEERABLE if (value := getattr(self._controls, name)) is not None}
        changed = {name: value for name, value in asked.items() if value != getattr(self._options, name)}
        if not changed:
            return None
        for name, value in changed.items():
            if why := self._why_not_steered(name, value):
                setattr(self._controls, name, None)  # what else was changed is taken over after the next step
                return Notice(why)
        self._options = self._options.model_copy(update=changed)
        if "strength" in changed:
            self._balance.steer(self._options)
        self._coloring.strength = self._options.color_strength
        self._course = Course(self.step, max(self._course.end - self.step, math.ceil(STEERED_SHARE * scale.steps)))
        self._stop = AdaptiveStop(self._options.stop_tolerance)
        self._scale_done = False
        return Steered(self.scale, self.step, changed, self._course.steps)

    def _why_not_steered(self, name: str, value: float) -> str:
        if self._options.balance == "fixed" and name == "strength":
            return "with balance 'fixed' the content weight is given: strength changes nothing"
        if not self._coloring.changes and name == "color_strength":
            return "with color 'painting' the colours are the painting's: color strength changes nothing"
        try:
            build_options({name: value})
        except OptionError as error:
            return str(error)
        return ""

    def _prepare(self, index: int) -> tuple[Readability | None, Objective, list[Notice]]:
        """What one scale is painted by, and its first pastiche unless the run was resumed in it."""
        scale, options, coloring = self._plan.scales[index], self._options, self._coloring
        content, areas = coloring.photo_seen(), self._areas.with_paintings(coloring.paintings_seen)
        photo = self._photo(scale, content)
        layers, missing = existing_layers(self._encoder, options, scale)
        notices = [Notice(missing)] if missing else []
        readability = None
        if (
            content
            and self._balance.moves
            and (index == 0 or self._course.begun or scale.long_edge_px <= BALANCE_LONG_EDGE_PX)
        ):
            size = fit_long_edge(scale.height_px, scale.width_px, min(READING_LONG_EDGE_PX, scale.long_edge_px))
            readability = Readability(self._encoder, self._tensor(content, *size), self._read_parts(*size))
            if not readability.usable:
                readability = None
                # A long thin photo may be too small only at the coarsest scales.
                if index == len(self._plan.scales) - 1 or scale.long_edge_px >= READING_LONG_EDGE_PX:
                    self._balance.moves = False
                    notices.append(
                        Notice(
                            "the photo is too flat or too small to measure its readability: "
                            f"the content weight stays at {self._balance.weight:g}"
                        )
                    )
        give_back()
        objective = build_objective(
            self._encoder, photo, areas, scale, options, layers, self._balance.weights, self._plan.tile_px
        )
        if self._optimizer is None:
            first = coloring.start_seen(self._starting_picture)
            start = starting_canvas(options, scale, photo, [painting for painting, _ in areas.paintings], first)
            self._optimizer = LBFGS(start) if options.optimizer == "lbfgs" else Adam(start, options)
        elif self.step == 0:
            del photo
            self._optimizer.rescale(Resample(self._plan.scales[index - 1], scale))
        give_back()
        if index == len(self._plan.scales) - 1:
            notices += self._blurred(scale)
        return readability, objective, notices

    def _read_parts(self, height_px: int, width_px: int) -> list[Tensor]:
        """Where readability is measured, for every content weight; none: everywhere."""
        masks = self._areas.masks(height_px, width_px, self._encoder.device)
        return masks.parts or ([] if masks.kept is None else [1 - masks.kept])

    def _blurred(self, scale: Scale) -> list[Notice]:
        """Say which paintings are smaller than the strokes they are to lend."""
        notices = []
        for painting, brush_scale in self._areas.paintings:
            picture = painting.picture
            wanted = scale.long_edge_px * self._options.brush_scale * brush_scale
            own = max(picture.height_px, picture.width_px)
            if wanted > 1.1 * own:
                text = (
                    f"{picture.name} is {picture.width_px}x{picture.height_px} px and is enlarged "
                    f"{min(MAX_ENLARGEMENT, wanted / own):.1f} times: strokes will look softer at full size"
                )
                notices.append(Notice(text))
        return notices

    def _finish(self) -> RunDone:
        """Crop the last canvas; what the scale needed is given back first."""
        assert self._optimizer is not None  # there is always a scale
        picture, self._optimizer = self._optimizer.picture, None
        scale, last = self._plan.scales[self.scale], self._plan.scales[-1]
        finished = resize(scale.crop(picture), last.height_px, last.width_px).clamp_(0, 1)
        photo, kept = (
            self._coloring.photo_seen(),
            self._areas.masks(last.height_px, last.width_px, finished.device).kept,
        )
        if kept is not None and photo is not None:
            finished = torch.lerp(finished, self._tensor(photo, last.height_px, last.width_px), kept)
        pixels = self._coloring.shown(picture_pixels(finished))
        if kept is not None and self._content is not None:
            untouched = kept.cpu().numpy() == 1
            pixels[untouched] = self._content.pixels(last.height_px, last.width_px)[untouched]
        stopped = self._stopped and not (self._scale_done and scale is last)
        return RunDone(pixels, stopped, self.seconds, self._pixel_steps)

    def _preview(self, canvas: Tensor) -> PreviewReady:
        self._controls.preview = False
        painted = picture_pixels(self._plan.scales[self.scale].crop(canvas))
        return PreviewReady(self.scale, self.step, self._coloring.shown(painted))

    def _save(self, checkpoints: Checkpoints) -> CheckpointSaved | Notice:
        assert self._optimizer is not None  # set before the first step
        state = self._optimizer.state()
        values = {
            "scale": self.scale,
            "step": self.step,
            "scale_done": self._scale_done,
            "seconds": self.seconds,
            "pixel_steps": self._pixel_steps,
            "balance": self._balance.state(),
            "totals": self._stop.totals,
            "course": [self._course.begun, self._course.steps],
            "steered": {name: getattr(self._options, name) for name in STEERABLE},
            "optimizer": {"name": type(self._optimizer).__name__, **state.values},
        }
        try:
            path = checkpoints.save(Checkpoint(values, state.tensors))
        except OSError as error:
            return Notice(f"the checkpoint could not be written ({error.strerror}); painting goes on without it")
        return CheckpointSaved(self.scale, self.step, str(path))

    def restore(self, state: Checkpoint) -> None:
        """Go on as when `state` was saved."""
        values = state.values
        self.scale, self.step, self._scale_done = values["scale"], values["step"], values["scale_done"]
        self._seconds_before, self._pixel_steps = values["seconds"], values["pixel_steps"]
        self._options = self._options.model_copy(update=values["steered"])
        self._balance = Balance(self._options, self._areas.strengths)
        self._balance.restore(values["balance"])
        self._coloring.strength = self._options.color_strength
        self._course = Course(*values["course"])
        self._stop.totals = list(values["totals"])
        optimizer, device = Checkpoint(values["optimizer"], state.tensors), self._encoder.device
        if values["optimizer"]["name"] == "Adam":
            self._optimizer = Adam.restore(optimizer, self._options, device)
        else:
            self._optimizer = LBFGS.restore(optimizer, device)

    def _photo(self, scale: Scale, content: Picture | None) -> Tensor:
        """The photo on its canvas; without one a gray canvas, which nothing is compared with."""
        if content is None:
            canvas = (1, 3, scale.canvas_height_px, scale.canvas_width_px)
            return torch.full(canvas, 0.5, device=self._encoder.device)
        return scale.extend(self._tensor(content, scale.height_px, scale.width_px))

    def _tensor(self, picture: Picture, height_px: int, width_px: int) -> Tensor:
        return picture_tensor(picture, height_px, width_px).to(self._encoder.device)
