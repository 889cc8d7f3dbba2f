"""A run made ready to be painted: inputs and options checked against the encoder, scales, tiles and memory planned."""

from __future__ import annotations

from dataclasses import dataclass

from impasto.encoders import Encoder, load_encoder
from impasto.engine.color import ColorTransfer, check_colors
from impasto.engine.devices import find_device, find_precision
from impasto.engine.memory import bound_compiled_code
from impasto.engine.plan import Plan, build_plan
from impasto.engine.pyramid import CANVAS_MULTIPLE_PX
from impasto.engine.regions import RegionLayout
from impasto.engine.style_files import check_style_files
from impasto.engine.validate import adapt_layers, check_inputs, pastiche_size, texture_brush_scale
from impasto.events import RunStarted
from impasto.inputs.run_inputs import RunInputs
from impasto.options.fields import PaintOptions

PIXEL_RANGE = 255.0  # the papers' pixels; published VGG weights expect them, a distilled geometry is of [0, 1]


@dataclass(frozen=True)
class Prepared:
    """A run that is checked and planned: everything that stays the same while it is painted.

    Attributes
    ----------
    options: with layers that the encoder has.
    size: (height, width) of the pastiche that was asked for.
    """

    inputs: RunInputs
    options: PaintOptions
    layout: RegionLayout
    colors: ColorTransfer
    encoder: Encoder
    size: tuple[int, int]
    plan: Plan
    notices: tuple[str, ...]

    @property
    def started(self) -> RunStarted:
        """The plan as an event."""
        plan = self.plan
        return RunStarted(
            tuple((scale.height_px, scale.width_px) for scale in plan.scales),
            tuple(scale.steps for scale in plan.scales),
            plan.tiles,
            plan.tile_px,
            plan.peak_bytes,
            plan.seconds,
            str(self.encoder.precision).removeprefix("torch."),
        )


def prepare(inputs: RunInputs, options: PaintOptions) -> Prepared:
    """Check inputs and options, load the encoder, and plan scales, tiles and memory; raises as `iter_paint` does."""
    bound_compiled_code()
    tunes = options.medium == "stylizer"
    device = find_device("cpu" if tunes else options.device)
    encoder = load_encoder(
        options.encoder,
        padding_mode=options.padding_mode,
        pooling=options.pooling,
        precision=find_precision(options.precision, device),
        device=device,
    )
    check_inputs(inputs, options)
    layout = RegionLayout(inputs, options)
    check_colors(inputs, options, layout)
    colors = ColorTransfer(inputs, options, layout, objective_in_color=tunes)
    options, notices = adapt_layers(encoder, options)
    check_style_files([painting for painting, _ in layout.paintings], encoder, options)
    size = pastiche_size(inputs.photo, options, inputs.background.paintings)
    if inputs.photo is None:
        brush_scale = texture_brush_scale(options, inputs.paintings[0].picture)
        options = options.model_copy(update={"brush_scale": brush_scale})
    if options.loss_units != "scale-free":
        encoder = encoder.with_changes(geometry_scale=PIXEL_RANGE)
    plan = build_plan(*size, layout, options, encoder)
    height_px, width_px = plan.scales[-1].height_px, plan.scales[-1].width_px
    if (height_px, width_px) != size:
        notices.append(
            f"a picture that wraps around has sides of whole {CANVAS_MULTIPLE_PX} px: "
            f"{width_px}x{height_px} px in place of {size[1]}x{size[0]} px"
        )
    if encoder.geometry and options.pooling != "max":
        notices.append(
            f"{encoder.name} was distilled with max pooling: with {options.pooling} pooling it sees less well"
        )
    if inputs.photo and not layout.painted:
        why = "strength 0 is the photo itself" if options.strength == 0 else "all of it stays the photograph"
        notices.append(f"{why}: nothing is painted")
    return Prepared(inputs, options, layout, colors, encoder, size, plan, (*inputs.notices, *notices))
