"""Values of options in the spellings that flags and recipes have, beside those of Python."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

MAX_STEPS = 100_000  # of a scale
MAX_WEIGHT = 1e9  # squares of gradients stay within float32


def _parse_layer_weights(value: object) -> object:
    """Accept "relu1_1:16,relu2_1:8" (a bare name weighs 1) and "none" beside a mapping."""
    if not isinstance(value, str):
        return value
    weights: dict[str, str] = {}
    for item in value.split(",") if value.strip() not in ("", "none") else ():
        name, _, weight = item.partition(":")
        weights[name.strip()] = weight.strip() or "1"
    return weights


def _parse_steps(value: object) -> object:
    """Accept "120,80,50" beside a sequence and a single number."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(","))
    return (value,) if isinstance(value, int) else value


def parse_bytes(value: object) -> object:
    """Accept "2GB" (10^9), "2GiB" (2^30), "500MB" and so on beside a number of bytes."""
    pattern = r"\s*(\d{1,15}(?:\.\d{1,15})?)\s*([KMGT]?)(I?)B?\s*"
    match = re.fullmatch(pattern, value, re.IGNORECASE) if isinstance(value, str) else None
    if match is None:
        return value
    number, prefix, binary = match.groups()
    return int(float(number) * (1024 if binary else 1000) ** ["", *"KMGT"].index(prefix.upper()))


Bytes = Annotated[int, BeforeValidator(parse_bytes)]
LayerWeights = Annotated[
    dict[str, Annotated[float, Field(gt=0, le=MAX_WEIGHT, allow_inf_nan=False)]],
    BeforeValidator(_parse_layer_weights),
]
Steps = Annotated[
    tuple[Annotated[int, Field(ge=1, le=MAX_STEPS)], ...],
    BeforeValidator(_parse_steps),
    Field(min_length=1, max_length=100),
]


def _parse_shape(value: object) -> object:
    """Accept "2048x1024" and "2048,1024" beside a pair of numbers."""
    if isinstance(value, str):
        sides = tuple(part.strip() for part in re.split("[x×,]", value.lower()))
        if len(sides) != 2:
            raise PydanticCustomError("shape", "it is a width and a height, as 2048x1024")
        return sides
    return value


Side = Annotated[int, Field(ge=1, le=65_536)]
Shape = Annotated[tuple[Side, Side], BeforeValidator(_parse_shape)]
Weight = Annotated[float, Field(ge=0, le=MAX_WEIGHT, allow_inf_nan=False)]
