"""What options come to with the encoder and the pictures of a run, and what cannot be painted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from impasto.encoders import Encoder
from impasto.engine.pyramid import Scale
from impasto.engine.readability import READABILITY_LAYERS
from impasto.errors import OptionError
from impasto.images.picture import Picture
from impasto.images.tensors import fit_long_edge
from impasto.inputs.paintings import Painting, Region, check_regions
from impasto.inputs.style_file import StyleFile
from impasto.losses.objective import WHOLE_MAP_LOSSES
from impasto.options.fields import DEFAULT_LONG_EDGE_PX, DRAFT, STARTING_POINTS, PaintOptions


def with_layers_of(encoder: Encoder, options: PaintOptions) -> tuple[PaintOptions, list[str]]:
    """The options with layers that this encoder has, and what to tell: for one it lacks the nearest shallower.

    Raises `OptionError` for a layer that not even VGG-19 has.
    """
    told = []
    for name in READABILITY_LAYERS if options.balance == "readability" else ():
        encoder.architecture.layer(name)
    chosen: dict[str, dict[str, float]] = {"content_layers": {}, "style_layers": {}}
    for option, layers in chosen.items():
        for name, weight in getattr(options, option).items():
            here = encoder.architecture.stand_in(name).name
            layers[here] = layers.get(here, 0.0) + weight
            if here != name:
                told.append(f"{encoder.name} has no layer {name}: {here} stands in for it")
    return options.model_copy(update=chosen), list(dict.fromkeys(told))


def texture_brush_scale(options: PaintOptions, painting: Picture | StyleFile) -> float:
    """Size of the strokes against a texture: they are as large in it as in the painting, whatever its shape."""
    own = min(DEFAULT_LONG_EDGE_PX, max(painting.height_px, painting.width_px))
    return options.brush_scale * (own / max(options.shape_px) if options.shape_px else 1.0)


def pastiche_size(
    content: Picture | None, options: PaintOptions, paintings: Sequence[Painting] = ()
) -> tuple[int, int]:
    """(height, width) of the pastiche in pixels; without a photo that of a texture, after the first painting."""
    like: Picture | StyleFile = content or paintings[0].picture
    own = max(like.height_px, like.width_px)
    if content is None and options.shape_px:
        width, height = options.shape_px
        return fit_long_edge(height, width, options.size_px or max(height, width))
    return fit_long_edge(like.height_px, like.width_px, options.size_px or min(DEFAULT_LONG_EDGE_PX, own))


def check_inputs(
    options: PaintOptions,
    content: Picture | None,
    paintings: Sequence[Painting],
    starting_picture: Picture | None,
    regions: Sequence[Region] = (),
) -> None:
    """Refuse what cannot be painted, before anything is."""
    check_regions(content, regions)
    paintings = [*paintings, *(painting for region in regions for painting in region.paintings)]
    if options.style_loss in WHOLE_MAP_LOSSES and (regions or any(p.mask is not None for p in paintings)):
        raise OptionError(f"the style loss {options.style_loss!r} takes no masks: take another, or no regions")
    if options.balance == "fixed" and any(region.strength is not None for region in regions):
        raise OptionError("with balance 'fixed' the content weight is given: a region has no strength of its own")
    if not options.content_layers and not options.style_layers:
        raise OptionError("neither content layers nor style layers are named: there is nothing to paint after")
    if not paintings and options.style_layers:
        raise OptionError("no painting given: name at least one, or no style layers")
    if content is None and options.content_layers:
        raise OptionError("no photo given: name one, or no content layers (as the recipe 'texture' does)")
    if content is None and starting_picture is None and options.starting_point == "content":
        raise OptionError("there is no photo to start from: take another starting point, such as 'noise'")
    if starting_picture is None and options.starting_point == DRAFT:
        raise OptionError("the starting point 'draft' is painted above the engine: hand it down as a picture")
    if not paintings and starting_picture is None and options.starting_point == "style-statistics":
        raise OptionError("there is no painting to start from: take another starting point, such as 'noise'")
    if options.balance == "readability" and not options.content_layers:
        raise OptionError("without content layers nothing is balanced: take balance 'fixed' with them")
    if options.balance == "readability" and options.loss_units != "scale-free":
        raise OptionError(
            f"the weights of loss units {options.loss_units!r} are taken as given: take balance 'fixed' with them"
        )
    if options.keep_detail and content is None:
        raise OptionError("keep detail is about the edges of a photo, and there is none: leave it at 0")
    if options.keep_detail and options.loss_units != "scale-free":
        raise OptionError(
            f"keep detail is relative to the photo, and loss units {options.loss_units!r} are not: leave it at 0"
        )
    if starting_picture is None and options.starting_point not in STARTING_POINTS:
        raise OptionError(
            f"starting point {options.starting_point!r} is neither a picture file nor one of "
            f"{', '.join(STARTING_POINTS)}"
        )


def existing_layers(
    encoder: Encoder, options: PaintOptions, scale: Scale
) -> tuple[tuple[Mapping[str, float], Mapping[str, float]], str]:
    """Content and style layers that have a position on this canvas, and a notice if some have none.

    Only without a margin: with one every canvas is large enough.
    """
    smallest = min(scale.canvas_height_px, scale.canvas_width_px)
    table = encoder.architecture
    deepest = [la.name for la in table.layers if la.stride_px <= smallest][-1]
    asked = {*options.content_layers, *options.style_layers}
    missing = sorted(name for name in asked if table.layer(name).stride_px > smallest)

    def left(layers: Mapping[str, float]) -> Mapping[str, float]:
        return {k: v for k, v in layers.items() if k not in missing} or dict.fromkeys(layers and [deepest], 1.0)

    content, style = left(options.content_layers), left(options.style_layers)
    notice = f"the picture is only {smallest} px wide or high: {', '.join(missing)} left out" if missing else ""
    return (content, style), notice
