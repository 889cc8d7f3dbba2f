"""Checks of options against the encoder and the inputs of a run, and what follows from both together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from impasto.encoders import Encoder
from impasto.engine.pyramid import Scale
from impasto.engine.readability import READABILITY_LAYERS
from impasto.errors import OptionError
from impasto.images.picture import Picture
from impasto.images.resize import fit_long_edge
from impasto.inputs.paintings import Painting
from impasto.inputs.run_inputs import RunInputs
from impasto.inputs.style_file import StyleFile
from impasto.losses.mmd import WHOLE_MAP_LOSSES
from impasto.options.fields import DEFAULT_LONG_EDGE_PX, DRAFT, STARTING_POINTS, PaintOptions


class LayerWeights(NamedTuple):
    """Weights of the content and style layers by layer name."""

    content: Mapping[str, float]
    style: Mapping[str, float]


def adapt_layers(encoder: Encoder, options: PaintOptions) -> tuple[PaintOptions, list[str]]:
    """The options with layers that this encoder has: the nearest shallower for one that it lacks, and notices.

    Raises `OptionError` for a layer that not even VGG-19 has.
    """
    notices = []
    for name in READABILITY_LAYERS if options.balance == "readability" else ():
        encoder.architecture.layer(name)
    adapted: dict[str, dict[str, float]] = {"content_layers": {}, "style_layers": {}}
    for option, layers in adapted.items():
        for name, weight in getattr(options, option).items():
            stand_in = encoder.architecture.stand_in(name).name
            layers[stand_in] = layers.get(stand_in, 0.0) + weight
            if stand_in != name:
                notices.append(f"{encoder.name} has no layer {name}: {stand_in} stands in for it")
    return options.model_copy(update=adapted), list(dict.fromkeys(notices))


def texture_brush_scale(options: PaintOptions, painting: Picture | StyleFile) -> float:
    """Brush scale of a texture: strokes are as large in it as in the painting, whatever its shape."""
    painting_px = min(DEFAULT_LONG_EDGE_PX, max(painting.height_px, painting.width_px))
    return options.brush_scale * (painting_px / max(options.shape_px) if options.shape_px else 1.0)


def pastiche_size(photo: Picture | None, options: PaintOptions, paintings: Sequence[Painting] = ()) -> tuple[int, int]:
    """(height, width) of the pastiche in pixels; without a photo, of a texture with the first painting's shape."""
    if photo is None and options.shape_px:
        width, height = options.shape_px
        return fit_long_edge(height, width, options.size_px or max(height, width))
    like = photo or paintings[0].picture
    longest = max(like.height_px, like.width_px)
    return fit_long_edge(like.height_px, like.width_px, options.size_px or min(DEFAULT_LONG_EDGE_PX, longest))


def check_inputs(inputs: RunInputs, options: PaintOptions) -> None:
    """Refuse what cannot be painted, before anything is; raises `OptionError`."""
    start, photo, paintings = options.starting_point, inputs.photo, inputs.paintings
    content, style = options.content_layers, options.style_layers
    no_start = inputs.starting_picture is None
    readability, papers_units = options.balance == "readability", options.loss_units != "scale-free"
    masks = len(inputs.regions) > 1 or any(painting.mask is not None for painting in paintings)
    region_strength = any(region.strength is not None for region in inputs.regions)
    refusals = (
        (
            options.style_loss in WHOLE_MAP_LOSSES and masks,
            f"the style loss {options.style_loss!r} takes no masks: take another, or no regions",
        ),
        (
            not readability and region_strength,
            "with balance 'fixed' the content weight is given: a region has no strength of its own",
        ),
        (not content and not style, "no content layers and no style layers: name at least one of them"),
        (not paintings and style, "no painting given: name at least one, or no style layers"),
        (photo is None and content, "no photo given: name one, or no content layers (as the recipe 'texture' does)"),
        (
            photo is None and no_start and start == "content",
            "there is no photo to start from: take another starting point, such as 'noise'",
        ),
        (no_start and start == DRAFT, "the starting point 'draft' is painted above the engine: pass it as a picture"),
        (
            not paintings and no_start and start == "style-statistics",
            "there is no painting to start from: take another starting point, such as 'noise'",
        ),
        (
            readability and not content,
            "without content layers there is nothing to balance: take balance 'fixed' with them",
        ),
        (
            readability and papers_units,
            f"the weights of loss units {options.loss_units!r} are taken as given: take balance 'fixed' with them",
        ),
        (
            options.keep_detail and photo is None,
            "keep detail is about the edges of a photo, and there is none: leave it at 0",
        ),
        (
            options.keep_detail and papers_units,
            f"keep detail is relative to the photo, and loss units {options.loss_units!r} are not: leave it at 0",
        ),
        (
            papers_units and style and options.style_loss == "wasserstein",
            f"no paper gives the style loss 'wasserstein' in loss units {options.loss_units!r}: "
            "take 'gram', or 'scale-free'",
        ),
        (
            no_start and start not in STARTING_POINTS,
            f"starting point {start!r} is neither a picture file nor one of {', '.join(STARTING_POINTS)}",
        ),
        *_medium_refusals(inputs, options),
    )
    for refused, message in refusals:
        if refused:
            raise OptionError(message)


def _medium_refusals(inputs: RunInputs, options: PaintOptions) -> tuple[tuple[bool, str], ...]:
    """What the medium ``stylizer`` cannot do, and the terms that have no paper's units."""
    tunes, structure = options.medium == "stylizer", options.content_loss == "structure"
    papers_units, start = options.loss_units != "scale-free", options.starting_point
    return (
        (
            tunes and (inputs.photo is None or not inputs.paintings),
            "the medium 'stylizer' needs a photo and a painting: take 'pixels' (the recipe pixels has it)",
        ),
        (
            tunes and start != "content",
            f"the medium 'stylizer' starts with its own draft, not with {start!r}: take 'pixels' (as the recipe pixels "
            "does), or no starting point",
        ),
        (
            tunes and options.padding_mode == "circular",
            "the medium 'stylizer' makes no picture that wraps around: take 'pixels' (the recipe pixels has it)",
        ),
        (
            (tunes or structure) and papers_units,
            f"no paper gives the weights of loss units {options.loss_units!r} for the medium 'stylizer' or the content "
            "loss 'structure': take 'pixels' and 'features' with them",
        ),
        (
            options.surface_weight > 0 and papers_units,
            f"surface weight is relative to the painting, and loss units {options.loss_units!r} are not: leave it at 0",
        ),
    )


def existing_layers(encoder: Encoder, options: PaintOptions, scale: Scale) -> tuple[LayerWeights, str]:
    """Content and style layers that have a position on this canvas, and a notice if some have none.

    Only without a margin: with one every canvas is large enough.
    """
    smallest = min(scale.canvas_height_px, scale.canvas_width_px)
    table = encoder.architecture
    deepest = [layer.name for layer in table.layers if layer.stride_px <= smallest][-1]
    names = {*options.content_layers, *options.style_layers}
    missing = sorted(name for name in names if table.layer(name).stride_px > smallest)

    def present(layers: Mapping[str, float]) -> Mapping[str, float]:
        return {k: v for k, v in layers.items() if k not in missing} or dict.fromkeys(layers and [deepest], 1.0)

    notice = f"the picture is only {smallest} px wide or high: {', '.join(missing)} left out" if missing else ""
    return LayerWeights(present(options.content_layers), present(options.style_layers)), notice
