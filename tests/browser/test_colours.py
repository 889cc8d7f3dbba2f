"""Chromium is asked again what it draws for files whose colours mean something."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pytest
from picture_cases import CHROMIUM, FILES, squares

DRAW = """async (address) => {
    const image = new Image();
    image.src = address;
    await image.decode();
    const canvas = Object.assign(document.createElement("canvas"), {width: image.width, height: image.height});
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0);
    return [image.height, image.width, [...context.getImageData(0, 0, image.width, image.height).data]];
}"""
KINDS = {"jpg": "jpeg"}


@pytest.fixture(scope="module")
def empty_page(chromium: Any) -> Any:
    page = chromium.new_page()
    yield page
    page.close()


@pytest.mark.parametrize("name", FILES)
def test_chromium_draws_what_is_noted(empty_page: Any, name: str) -> None:
    kind = name.rpartition(".")[2]
    data = base64.b64encode(FILES[name]()).decode()
    height, width, values = empty_page.evaluate(DRAW, f"data:image/{KINDS.get(kind, kind)};base64,{data}")
    drawn = squares(np.array(values, np.uint8).reshape(height, width, 4))[:, :3].astype(int)
    assert np.abs(drawn - CHROMIUM[name]).max() <= 2
