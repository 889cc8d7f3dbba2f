"""`impasto.show` in a cell of a notebook, carried out by a real kernel."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from notebooks import carry_out
from PIL import Image

import impasto
from impasto.errors import OptionError


@pytest.mark.filterwarnings("default")  # of Jupyter's own parts
def test_the_picture_and_its_progress_are_in_the_cell(folder_with_pictures: Path, quick: dict[str, Any]) -> None:
    options = quick | {"steps": (12, 8)}
    painting = "import impasto, impasto.runs.notebook as notebook\nnotebook.UPDATE_SECONDS = 0\n"
    cells = [f"{painting}pastiche = impasto.show('photo.png', 'painting.png', **{options!r})", "pastiche"]
    notebook, shown = carry_out(cells, folder_with_pictures)
    first, last = (cell.outputs for cell in notebook.cells)
    assert len(first) == len(last) == 1, "one output that changes, and nothing on stderr"
    assert first[0].data["text/html"] == last[0].data["text/html"], "the live picture ends as the pastiche"
    progress = [
        float(value) for page in shown for value in re.findall(r'<progress max="1" value="([\d.]+)"', page["text/html"])
    ]
    assert progress == sorted(progress)
    assert progress[0] == 0
    assert progress[-1] > 0.9
    pictures = [re.findall(r"base64,([^\"]*)", page["text/html"]) for page in shown]
    assert len({picture[0] for picture in pictures if picture}) > 10, "it is seen while it changes"
    seen = np.asarray(Image.open(io.BytesIO(base64.b64decode(pictures[-1][0]))))
    expected = impasto.paint("photo.png", "painting.png", **options)
    assert np.array_equal(seen, np.asarray(expected.pil()))


def test_there_has_to_be_a_notebook(folder_with_pictures: Path, quick: dict[str, Any]) -> None:
    with pytest.raises(OptionError, match=r"a cell of a notebook.*use paint"):
        impasto.show("photo.png", "painting.png", **quick)
