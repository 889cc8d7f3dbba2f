"""What options come to with the encoder and the pictures of a run."""

from __future__ import annotations

from impasto.encoders import Encoder
from impasto.engine.balance import READABILITY_LAYERS
from impasto.images.io import Picture
from impasto.options import PaintOptions

DEFAULT_LONG_EDGE_PX = 1024


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


def texture_brush_scale(options: PaintOptions, painting: Picture) -> float:
    """Size of the strokes against a texture: they are as large in it as in the painting, whatever its shape."""
    own = min(DEFAULT_LONG_EDGE_PX, max(painting.height_px, painting.width_px))
    return options.brush_scale * (own / max(options.shape_px) if options.shape_px else 1.0)
