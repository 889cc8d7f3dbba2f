"""The examples run."""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from notebooks import carry_out
from PIL import Image

import impasto

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def quick_paint(monkeypatch: pytest.MonkeyPatch, quick: dict[str, Any]) -> dict[str, Any]:
    """`impasto.paint` and `apaint` with the options of a quick run."""
    paint, apaint = impasto.paint, impasto.apaint
    small = {"recipe": "pixels", **quick}
    monkeypatch.setattr(impasto, "paint", lambda *inputs, **options: paint(*inputs, **options | small))
    monkeypatch.setattr(impasto, "apaint", lambda *inputs, **options: apaint(*inputs, **options | small))
    return small


def test_the_web_service(folder_with_pictures: Path, quick_paint: dict[str, Any]) -> None:
    pytest.importorskip("fastapi")
    pytest.importorskip("python_multipart")
    from fastapi.testclient import TestClient

    client = TestClient(runpy.run_path(str(EXAMPLES / "web_service.py"))["service"])
    data = Path("photo.png").read_bytes()
    answer = client.post("/paint", files={"photo": data}, data={"painting": "flow"})
    assert answer.status_code == 200, answer.text
    Path("answer.png").write_bytes(answer.content)
    expected = impasto.paint("photo.png", "flow")
    expected.save("expected.png")
    assert np.array_equal(impasto.load_picture("answer.png").samples, impasto.load_picture("expected.png").samples)
    for files, form, words in (
        ({"photo": b"no picture"}, {}, "not a picture"),
        ({"photo": data}, {"painting": "/etc/passwd"}, "painting is one of dots, flow"),
        ({"photo": data}, {"size_px": 5000}, "1024"),
    ):
        refused = client.post("/paint", files=files, data=form)
        assert refused.status_code == 422
        assert words in refused.text
    assert len((EXAMPLES / "web_service.py").read_text().splitlines()) <= 60


def test_the_batch(
    folder_with_pictures: Path,
    quick_paint: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("photos").mkdir()
    Path("photo.png").rename("photos/a.png")
    Path("photos/broken.jpg").write_text("no picture")
    monkeypatch.setattr(sys, "argv", ["batch.py", "photos", "painting.png", "pastiches"])
    runpy.run_path(str(EXAMPLES / "batch.py"), run_name="__main__")
    said = capsys.readouterr()
    assert "broken.jpg" in said.err
    assert said.out.startswith("pastiches/a.png: ")
    before = Path("pastiches/a.png").stat().st_mtime_ns
    runpy.run_path(str(EXAMPLES / "batch.py"), run_name="__main__")
    assert Path("pastiches/a.png").stat().st_mtime_ns == before


@pytest.mark.filterwarnings("default")  # of Jupyter's own parts
def test_the_notebook(folder_with_pictures: Path) -> None:
    Image.open("photo.png").convert("RGB").save("photo.jpg")
    cells = json.loads((EXAMPLES / "notebook.ipynb").read_text(encoding="utf-8"))["cells"]
    assert not any(cell.get("outputs") for cell in cells), "its pictures are painted, not kept"
    sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    small = [source.replace('"flow", 512', '"flow", 128') for source in sources]
    assert small != sources
    notebook, _ = carry_out(small, folder_with_pictures)
    names, draft, picture, strengths, losses, replayed = (cell.outputs for cell in notebook.cells)
    assert "flow" in names[0].text
    assert all("<figure" in output[0].data["text/html"] for output in (draft, picture))
    assert all("image/png" in output[-1].data for output in (strengths, losses))
    assert replayed[0].data["text/plain"] == "True"
