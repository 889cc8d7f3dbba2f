"""Options that cannot act beside others: one table, of which notices are made. What it leaves out always acts."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from impasto.options.fields import PaintOptions
from impasto.options.spelling import format_value

Condition = Callable[[PaintOptions], bool]

_TUNES: tuple[Condition, str] = (
    lambda options: options.medium == "stylizer",
    "is about pixels, and the medium is the stylizer (the recipe pixels has the other)",
)
_NOT_ADAM: tuple[Condition, str] = (
    lambda options: options.optimizer != "adam",
    "is Adam's, and the optimizer is lbfgs",
)
_PAINTINGS_COLORS: tuple[Condition, str] = (
    lambda options: options.color == "painting",
    "needs another color than the painting's (photo, or palette:FILE)",
)

INERT: dict[str, tuple[tuple[Condition, str], ...]] = {
    "seed": (
        (
            lambda options: options.starting_point not in ("noise", "style-statistics"),
            "is that of a random starting point (noise, style-statistics); variation makes another try",
        ),
    ),
    "optimizer": (_TUNES,),
    "learning_rate": (_TUNES, _NOT_ADAM),
    "beta1": (_TUNES, _NOT_ADAM),
    "beta2": (_TUNES, _NOT_ADAM),
    "epsilon": (_TUNES, _NOT_ADAM),
    "average": (_TUNES, _NOT_ADAM),
    "margin": (
        _TUNES,
        (lambda options: options.padding_mode == "circular", "has no place around a picture that wraps"),
    ),
    "scale_factor": (_TUNES,),
    "device": (
        (
            lambda options: options.medium == "stylizer" and options.device not in ("auto", "cpu"),
            "is where pixels are painted, and the stylizer is tuned on the processor",
        ),
    ),
    "layout_weight": (
        (lambda options: options.medium == "pixels", "is about the stylizer's draft, and the medium is pixels"),
    ),
    "color_strength": (_PAINTINGS_COLORS,),
    "color_method": (_PAINTINGS_COLORS,),
    "strength": (
        (lambda options: options.balance == "fixed", "moves the content weight, which balance fixed holds as given"),
    ),
    "content_weight": (
        (
            lambda options: options.balance == "readability" and 0 < options.strength < 100,
            "is only where strength begins; balance fixed holds it",
        ),
    ),
}
"""By option: conditions on all options under which it changes nothing, and why."""


def inert_notices(
    options: PaintOptions, base: PaintOptions, *, photo: bool = True, regions: bool = False
) -> Iterator[str]:
    """Say which options were set and cannot act.

    `base`: what they were laid over, a recipe or the defaults; `photo`, `regions`: whether there are any.
    """
    for name in PaintOptions.model_fields:
        value = getattr(options, name)
        if value == getattr(base, name):
            continue
        reasons = [why for condition, why in INERT.get(name, ()) if condition(options)]
        if name == "shape_px" and photo:
            reasons.append("is that of a texture, and a photo has its own; size is its long edge")
        if name == "mask_mode" and not regions:
            reasons.append("is about masks, and there are none")
        if reasons:
            yield f"{name.replace('_', ' ')} {format_value(value)} changes nothing here: it {reasons[0]}"
