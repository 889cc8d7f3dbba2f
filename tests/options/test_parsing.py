"""Spellings of values."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from impasto.options.parsing import Bytes, LayerWeights, Shape, Steps, Weight


@pytest.mark.parametrize(
    ("kind", "spelling", "value"),
    [
        (Bytes, "2GB", 2 * 10**9), (Bytes, "2 gib", 2 * 2**30), (Bytes, "1.5M", 1_500_000), (Bytes, 5, 5),
        (Steps, "120, 80,50", (120, 80, 50)), (Steps, 9, (9,)), (Steps, [3, 4], (3, 4)),
        (Shape, "2048x1024", (2048, 1024)), (Shape, "2048 × 1024", (2048, 1024)), (Shape, "20,10", (20, 10)),
        (LayerWeights, "relu1_1:16, relu2_1", {"relu1_1": 16, "relu2_1": 1}), (LayerWeights, "none", {}),
        (LayerWeights, {"relu1_1": 0.5}, {"relu1_1": 0.5}), (Weight, "0", 0),
    ],
)  # fmt: skip
def test_spellings(kind: object, spelling: object, value: object) -> None:
    assert TypeAdapter(kind).validate_python(spelling) == value


@pytest.mark.parametrize(
    ("kind", "spelling"),
    [
        (Bytes, "2 XB"), (Bytes, "GB"), (Steps, ""), (Steps, "5,0"), (Steps, ()), (Shape, "2048"), (Shape, "0x5"),
        (LayerWeights, "relu1_1:0"), (LayerWeights, "relu1_1:inf"), (Weight, -1), (Weight, 1e10), (Weight, "nan"),
    ],
)  # fmt: skip
def test_what_is_no_value(kind: object, spelling: object) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(kind).validate_python(spelling)
