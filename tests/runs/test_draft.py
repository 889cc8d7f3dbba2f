"""Drafts from Python: options, records, replays, and runs that start from one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import impasto
from impasto.errors import InputError, OptionError, RecordError, WeightsError


@pytest.fixture
def drafted(folder_with_pictures: Path) -> Path:
    impasto.draft("photo.png", "painting.png").save("draft.png")
    return folder_with_pictures / "draft.png"


def test_a_draft_is_a_pastiche(folder_with_pictures: Path) -> None:
    draft = impasto.draft("photo.png", "painting.png", size_px=80, strength=70)
    assert draft.pixels.shape == (64, 80, 3)
    assert draft.pixels.dtype == np.float32
    assert not draft.stopped
    assert draft.record["kind"] == "draft"
    assert draft.record["options"] == {
        "size_px": 80, "strength": 70.0, "brush_scale": 1.0, "color": "painting", "color_method": None,
        "color_strength": 100.0, "stylizer": None,
    }  # fmt: skip
    assert [p["name"] for p in draft.record["inputs"]["paintings"]] == ["painting.png"]


def test_takes_arrays_and_several_paintings(photo_pixels: np.ndarray, painting_pixels: np.ndarray) -> None:
    other = painting_pixels[::-1, :, ::-1].copy()
    one, two, both = (
        impasto.draft(photo_pixels, style).pixels
        for style in (painting_pixels, other, [(painting_pixels, 1.0), (other, 1.0)])
    )
    assert not np.allclose(both, one, atol=0.01)
    assert not np.allclose(both, two, atol=0.01)
    same = impasto.draft(photo_pixels, [(painting_pixels, 2.0), (painting_pixels, 0.5)]).pixels
    np.testing.assert_allclose(same, one, atol=1e-4)


def test_strength_0_is_the_photo(photo_pixels: np.ndarray, painting_pixels: np.ndarray) -> None:
    draft = impasto.draft(photo_pixels, painting_pixels, strength=0)
    np.testing.assert_allclose(draft.pixels, photo_pixels / 255, atol=1e-6)


def test_transparency_is_kept(photo_pixels: np.ndarray, painting_pixels: np.ndarray) -> None:
    alpha = np.full((*photo_pixels.shape[:2], 1), 128, np.uint8)
    draft = impasto.draft(np.concatenate([photo_pixels, alpha], 2), painting_pixels)
    assert draft.alpha is not None
    np.testing.assert_allclose(draft.alpha, 128 / 255, atol=1e-6)


def test_brush_scale_changes_the_strokes(photo_pixels: np.ndarray, painting_pixels: np.ndarray) -> None:
    drafts = [impasto.draft(photo_pixels, painting_pixels, brush_scale=scale).pixels for scale in (0.5, 2.0)]
    assert not np.allclose(*drafts, atol=0.01)


def test_replay_gives_the_same_pixels(drafted: Path) -> None:
    again = impasto.replay(drafted)
    np.testing.assert_array_equal((again.pixels * 255).round(), np.asarray(Image.open(drafted), np.float32))


def test_replay_finds_another_stylizer_out(drafted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from impasto.stylizer import stylizer

    real = stylizer.load_stylizer

    def other(path: str | Path | None = None) -> stylizer.Stylizer:
        found = real(path)
        found.sha256 = "0" * 64
        return found

    monkeypatch.setattr(stylizer, "load_stylizer", other)
    with pytest.raises(RecordError, match="another stylizer"):
        impasto.replay(drafted)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"strength": 101}, "strength: input should be less than or equal to 100, got 101"),
        ({"strenght": 50}, "unknown option 'strenght'; did you mean 'strength'"),
        ({"size_px": 0}, "size_px"),
        ({"size_px": 12}, "16 px a side"),
        ({"brush_scale": "wide"}, "brush_scale"),
    ],
)
def test_options_that_cannot_be_used(folder_with_pictures: Path, options: dict[str, object], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        impasto.draft("photo.png", "painting.png", **options)


def test_inputs_that_cannot_be_used(folder_with_pictures: Path) -> None:
    with pytest.raises(InputError, match=r"missing.png"):
        impasto.draft("missing.png", "painting.png")
    with pytest.raises(OptionError, match="at least one painting"):
        impasto.draft("photo.png", [])
    with pytest.raises(WeightsError, match="is damaged or not an impasto"):
        impasto.draft("photo.png", "painting.png", stylizer="photo.png")


RUN = {"size_px": 48, "min_scale_px": 32, "steps": (2, 2), "threads": 1}


def test_a_run_starts_from_a_draft_and_replays(folder_with_pictures: Path) -> None:
    first = impasto.paint("photo.png", "painting.png", starting_point="draft", **RUN)
    first.save("first.png")
    record = impasto.read_record("first.png")
    assert record["options"]["starting_point"] == "draft"
    assert record["stylizer"]["sha256"] == impasto.draft("photo.png", "painting.png").record["stylizer"]["sha256"]
    assert record["inputs"]["starting_picture"] is None
    np.testing.assert_array_equal(impasto.replay("first.png").pixels, first.pixels)
    start = impasto.draft("photo.png", "painting.png", size_px=32)
    handed = impasto.paint("photo.png", "painting.png", starting_point=start.pixels, **RUN)
    np.testing.assert_array_equal(handed.pixels, first.pixels)
    assert not np.allclose(impasto.paint("photo.png", "painting.png", **RUN).pixels, first.pixels, atol=0.01)


def test_a_run_from_a_draft_resumes(folder_with_pictures: Path) -> None:
    whole = impasto.paint("photo.png", "painting.png", starting_point="draft", **RUN)
    controls = impasto.Controls()
    controls.stop = True
    impasto.paint("photo.png", "painting.png", starting_point="draft", controls=controls, run_folder="run", **RUN)
    resumed = impasto.resume("run")
    np.testing.assert_array_equal(resumed.pixels, whole.pixels)
    assert resumed.record["stylizer"] == whole.record["stylizer"]
    assert resumed.record["inputs"] == whole.record["inputs"]


def test_a_start_by_another_stylizer_is_not_replayed(
    folder_with_pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from impasto.stylizer import regions as module

    impasto.paint("photo.png", "painting.png", starting_point="draft", **RUN).save("first.png")
    real = module.load_stylizer()
    real.sha256 = "0" * 64
    monkeypatch.setattr(module, "load_stylizer", lambda: real)
    with pytest.raises(RecordError, match="was painted by another stylizer"):
        impasto.replay("first.png")


def test_what_does_not_start_from_a_draft(folder_with_pictures: Path) -> None:
    with pytest.raises(OptionError, match="needs a photo and a painting"):
        impasto.paint(None, "painting.png", recipe="texture", starting_point="draft", **RUN)
