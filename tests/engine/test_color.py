"""Whose colours a pastiche has: what is seen, what is shown, what is refused; edges that are kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from engine_runs import paint_events
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

import impasto
from impasto.cli import main as cli
from impasto.engine.color import ColorTransfer
from impasto.engine.regions import RegionLayout
from impasto.errors import InputError, OptionError
from impasto.events import Controls, Event, PreviewReady, RunDone, ScaleStarted, StepDone
from impasto.images.oklab import srgb_to_oklab
from impasto.images.picture import Picture, picture_from_array
from impasto.images.recolor import colour_statistics
from impasto.inputs.paintings import Painting, Region
from impasto.inputs.run_inputs import RunInputs
from impasto.options.fields import PaintOptions, build_options

Quick = dict[str, Any]
METHODS = ("luminance", "mean-covariance", "histogram")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def photo(photo_pixels: NDArray[np.uint8]) -> Picture:
    return picture_from_array(photo_pixels, name="photo.png")


@pytest.fixture(scope="module")
def waves(painting_pixels: NDArray[np.uint8]) -> Picture:
    return picture_from_array(painting_pixels, name="waves.png")


@pytest.fixture(scope="module")
def palette() -> Picture:
    """Greens, lighter and darker."""
    random = np.random.default_rng(0)
    return picture_from_array((random.uniform(0.4, 1, (20, 20, 1)) * (70, 200, 90)).astype(np.uint8), name="greens.png")


def coloring_of(
    options: PaintOptions, photo: Picture, palette: Picture | None, regions: tuple[Region, ...] = ()
) -> ColorTransfer:
    inputs = RunInputs.load(photo, photo, regions, palette=palette)
    return ColorTransfer(inputs, options, RegionLayout(inputs, options))


def events(photo: Picture, waves: Picture, quick: Quick, **changes: Any) -> list[Event]:
    more = {name: changes.pop(name) for name in ("palette", "controls", "starting_picture") if name in changes}
    return list(paint_events(photo, [Painting(waves)], PaintOptions(**(quick | changes)), **more))


def pixels(happened: list[Event]) -> NDArray[np.float32]:
    assert isinstance(happened[-1], RunDone)
    return happened[-1].pixels


def chroma(picture: NDArray[np.float32]) -> NDArray[np.complex128]:
    lab = srgb_to_oklab(picture.astype(np.float64))
    return np.asarray(lab[..., 1] + 1j * lab[..., 2])


def assert_same_hue(found: NDArray[np.float32], photo: NDArray[np.float32]) -> None:
    """The photo's chroma, or less of it where sRGB has no more."""
    ours, theirs = chroma(found), chroma(photo)
    assert np.abs((ours * theirs.conj()).imag).max() < 1e-4
    assert (np.abs(ours) < np.abs(theirs) + 1e-3).all()
    assert np.abs(ours).mean() > 0.5 * np.abs(theirs).mean()


# ------------------------------------------------------------------------------------------- what is shown


@pytest.mark.parametrize("method", METHODS)
def test_strength_0_is_the_painting_s_colours_to_the_byte(
    photo: Picture, waves: Picture, quick: Quick, method: str
) -> None:
    plain = pixels(events(photo, waves, quick))
    none = pixels(events(photo, waves, quick, color="photo", color_method=method, color_strength=0))
    assert none.tobytes() == plain.tobytes()
    whole = pixels(events(photo, waves, quick, color="photo", color_method=method))
    assert np.abs(whole - plain).mean() > 0.002


def test_luminance_gives_the_photo_s_chroma_in_every_preview(photo: Picture, waves: Picture, quick: Quick) -> None:
    controls = Controls(preview=True)
    shown = []
    for event in paint_events(photo, [Painting(waves)], PaintOptions(**quick, color="photo"), controls=controls):
        if isinstance(event, StepDone | ScaleStarted):
            controls.preview = True
        if isinstance(event, PreviewReady | RunDone):
            shown.append(event.pixels)
    assert len(shown) > 4
    for picture in shown:
        assert_same_hue(picture, photo.pixels(*picture.shape[:2]))
    assert not np.allclose(srgb_to_oklab(shown[-1])[..., 0], srgb_to_oklab(photo.pixels(38, 48))[..., 0], atol=0.02)


def test_stopped_early_it_has_the_photo_s_chroma_too(photo: Picture, waves: Picture, quick: Quick) -> None:
    happened = events(photo, waves, quick, color="photo", controls=Controls(stop=True))
    assert sum(isinstance(event, StepDone) for event in happened) == 1
    assert_same_hue(pixels(happened), photo.pixels(38, 48))


def test_what_is_shown_follows_the_strength_at_once(photo: Picture, waves: Picture) -> None:
    coloring = coloring_of(PaintOptions(color="photo"), photo, None)
    painted = waves.pixels(48, 60)
    whole = coloring.for_display(painted)
    assert_same_hue(whole, photo.pixels())
    coloring.strength = 0
    assert coloring.for_display(painted) is painted
    coloring.strength = 50
    half = chroma(coloring.for_display(painted))
    assert np.abs(half - (np.sqrt(0.5) * chroma(painted) + 0.5 * chroma(photo.pixels()))).mean() < 0.02


def test_a_region_has_colours_of_its_own(photo: Picture, waves: Picture) -> None:
    mask = np.zeros((48, 60), np.float32)
    mask[:20] = 1
    painted = waves.pixels(48, 60)
    whole = coloring_of(PaintOptions(color="photo"), photo, None).for_display(painted)
    for color, own, kept, there in (
        ("photo", "painting", painted[:20], slice(0, 20)),
        ("painting", "photo", painted[20:], slice(20, 48)),
    ):
        region = Region(mask, Painting(waves), color=own)
        coloring = coloring_of(PaintOptions(color=color), photo, None, (region,))
        shown = coloring.for_display(painted)
        np.testing.assert_array_equal(shown[there], kept)
        other = np.delete(np.arange(48), np.arange(48)[there])
        np.testing.assert_array_equal(shown[other], whole[other])
        seen = coloring.photo_for_objective()
        assert seen is not None
        np.testing.assert_array_equal(seen.pixels()[there], photo.pixels()[there])
        assert np.ptp(seen.pixels()[other], axis=-1).max() < 2e-3


def test_a_painted_region_with_colours_of_its_own(photo: Picture, waves: Picture, quick: Quick) -> None:
    """The region's hues are the photo's, those beside it are not."""
    mask = np.zeros((48, 60), np.float32)
    mask[:, :30] = 1
    region = Region(mask, Painting(waves), color="photo")
    happened = list(paint_events(photo, [Painting(waves)], PaintOptions(**quick), regions=[region]))
    shown, theirs = pixels(happened), photo.pixels(38, 48)
    assert_same_hue(shown[:, :20], theirs[:, :20])
    with pytest.raises(AssertionError):
        assert_same_hue(shown[:, 28:], theirs[:, 28:])


# -------------------------------------------------------------------------------------------- what is seen


def test_with_luminance_photo_and_painting_are_seen_gray_and_as_light_as_each_other(
    photo: Picture, waves: Picture
) -> None:
    coloring = coloring_of(PaintOptions(color="photo"), photo, None)
    (seen,) = coloring.paintings_for_objective(Region(None, Painting(waves, 2.0)))
    assert seen.weight == 2.0
    gray, ours = coloring.photo_for_objective(), srgb_to_oklab(photo.pixels())
    assert gray is not None
    for picture in (gray, seen.picture):
        assert np.ptp(picture.pixels(), axis=-1).max() < 2e-3
    np.testing.assert_allclose(srgb_to_oklab(gray.pixels())[..., 0], ours[..., 0], atol=2e-3)
    theirs = srgb_to_oklab(seen.picture.pixels())[..., 0]
    assert (theirs.mean(), theirs.std()) == pytest.approx((ours[..., 0].mean(), ours[..., 0].std()), abs=0.02)


def test_what_is_withdrawn_from_a_painting_s_chroma_is_withdrawn_once(photo: Picture, waves: Picture) -> None:
    """Seen at half the strength and shown, half of it is left, and half the photo's is there."""
    coloring = coloring_of(coloring_options(50), photo, None)
    (seen,) = coloring.paintings_for_objective(Region(None, waves))
    muted, own = chroma(seen.picture.pixels()), chroma(waves.pixels())
    np.testing.assert_allclose(np.abs(muted).mean(), np.sqrt(0.5) * np.abs(own).mean(), rtol=0.03)
    gray = photo.pixels(64, 64).mean(2, keepdims=True).repeat(3, 2)
    left = chroma(coloring_of(coloring_options(50), picture_from_array(gray), None).for_display(seen.picture.pixels()))
    np.testing.assert_allclose(np.abs(left).mean(), 0.5 * np.abs(own).mean(), rtol=0.03)


def coloring_options(strength: float) -> PaintOptions:
    return PaintOptions(color="photo", color_strength=strength)


@pytest.mark.parametrize("method", METHODS[1:])
def test_the_painting_is_seen_in_the_colours_of_the_palette(
    photo: Picture, waves: Picture, palette: Picture, method: str
) -> None:
    options = PaintOptions(color="palette:greens.png", color_method=method)
    (seen,) = coloring_of(options, photo, palette).paintings_for_objective(Region(None, waves))
    found, wanted = (colour_statistics(srgb_to_oklab(p.pixels()))[0] for p in (seen.picture, palette))
    np.testing.assert_allclose(found, wanted, atol=0.01)
    assert coloring_of(options, photo, palette).photo_for_objective() is photo


def test_what_is_transparent_does_not_count(waves: Picture, photo_pixels: NDArray[np.uint8]) -> None:
    opaque = np.full((*photo_pixels.shape[:2], 1), 255, np.uint8)
    half = np.concatenate([photo_pixels, opaque], axis=2)
    half[:, 30:] = (0, 0, 0, 0)
    options = PaintOptions(color="photo", color_method="mean-covariance")
    seen = [
        coloring_of(options, picture_from_array(found), None).paintings_for_objective(Region(None, waves))
        for found in (half, photo_pixels[:, :30])
    ]
    np.testing.assert_allclose(*(painting.picture.pixels() for (painting,) in seen), atol=1e-4)


def test_a_picture_seen_otherwise_has_another_name_to_be_kept_under(
    photo: Picture, waves: Picture, palette: Picture
) -> None:
    """What was studied of a painting is kept for the next run by its SHA-256."""
    chosen = [(METHODS[0], 100, photo), (METHODS[1], 100, photo), (METHODS[1], 50, photo), (METHODS[1], 100, palette)]
    names = {waves.sha256}
    for method, strength, target in chosen:
        options = PaintOptions(color="photo", color_method=method, color_strength=strength)
        (seen,) = coloring_of(options, target, None).paintings_for_objective(Region(None, waves))
        names.add(seen.picture.sha256)
    assert len(names) == 5


def test_a_run_after_another_is_not_given_its_colours(photo: Picture, waves: Picture, quick: Quick) -> None:
    first = pixels(events(photo, waves, quick, color="photo", color_method="histogram"))
    events(photo, waves, quick)
    again = pixels(events(photo, waves, quick, color="photo", color_method="histogram"))
    assert again.tobytes() == first.tobytes()


# ---------------------------------------------------------------------------------- records, files, refusals


def test_a_palette_is_an_input(
    folder_with_pictures: Path, quick: Quick, tiny_encoder_file: Path, palette: Picture
) -> None:
    (folder_with_pictures / "colours").mkdir()
    Image.fromarray(np.asarray(palette.samples)).save("colours/greens.png")
    pastiche = impasto.paint("photo.png", "painting.png", **quick, color="palette:colours/greens.png")
    assert pastiche.record["options"]["color"] == "palette:greens.png"
    assert pastiche.record["inputs"]["palette"]["name"] == "greens.png"
    pastiche.save("out.png")
    again = impasto.replay("out.png", [tiny_encoder_file, "colours/greens.png"])
    assert again.pixels.tobytes() == pastiche.pixels.tobytes()
    with pytest.raises(impasto.ImpastoError, match=r"palette 'greens.png'"):
        impasto.replay("out.png", [tiny_encoder_file])
    other = impasto.replay("out.png", [tiny_encoder_file], color="photo")
    assert "palette" not in other.record["inputs"]
    larger = impasto.enlarge("out.png", 64, [tiny_encoder_file, "colours/greens.png"], threads=1)
    assert larger.pixels.shape[1] == 64


def test_the_photo_s_colours_are_replayed_and_enlarged(
    folder_with_pictures: Path, quick: Quick, tiny_encoder_file: Path
) -> None:
    pastiche = impasto.paint("photo.png", "painting.png", **quick, color="photo", color_strength=60, keep_detail=50)
    pastiche.save("out.png")
    assert impasto.replay("out.png", [tiny_encoder_file]).pixels.tobytes() == pastiche.pixels.tobytes()
    larger = impasto.enlarge("out.png", 64, [tiny_encoder_file], threads=1, color_strength=100)
    assert_same_hue(larger.pixels, impasto.load_picture("photo.png").pixels(*larger.pixels.shape[:2]))


def test_a_palette_is_resumed(folder_with_pictures: Path, quick: Quick, palette: Picture) -> None:
    Image.fromarray(np.asarray(palette.samples)).save("greens.png")
    options = quick | {"color": "palette:greens.png"}
    whole = impasto.paint("photo.png", "painting.png", **options)
    stopped = impasto.paint("photo.png", "painting.png", **options, run_folder="run", controls=Controls(stop=True))
    assert stopped.stopped
    assert impasto.resume("run", trust=True).pixels.tobytes() == whole.pixels.tobytes()


def test_a_sweep_over_colours(folder_with_pictures: Path, quick_flags: list[str], palette: Picture) -> None:
    Image.fromarray(np.asarray(palette.samples)).save("greens.png")
    vary = ["--vary", "color=painting,photo,palette:greens.png", "--vary", "keep-detail=0,80"]
    assert cli.main(["sweep", "photo.png", "painting.png", *vary, "-o", "grid", *quick_flags, "-q"]) == 0
    assert len(list(Path("grid/pastiches").glob("*.png"))) == 6
    assert "loss_detail" in Path("grid/results.csv").read_text().splitlines()[0]
    assert cli.main(["again", "grid", "-q", "--trust"]) == 0


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"color": "photo", "color_method": "luminance", "texture": True}, "no photo to take colours from"),
        ({"color": "palette:x.png", "color_method": "luminance"}, "a palette has no places"),
        ({"color": "palette:x.png", "palette": None}, "was not given"),
        ({"color": "photo", "paintings": []}, "no painting whose colours"),
        ({"keep_detail": 1, "texture": True}, "edges of a photo"),
        ({"keep_detail": 1, "loss_units": "gatys", "balance": "fixed"}, "loss units 'gatys'"),
    ],
)
def test_what_cannot_be_had_is_refused(
    photo: Picture, waves: Picture, palette: Picture, changes: Quick, said: str
) -> None:
    given = {"palette": palette, "paintings": [Painting(waves)], "texture": False} | changes
    content, paintings, colours = photo, given.pop("paintings"), given.pop("palette")
    values: Quick = {"threads": 1, "size_px": 32}
    if given.pop("texture"):
        content, values = None, values | {"content_layers": {}, "balance": "fixed", "starting_point": "noise"}
    if not paintings:
        values |= {"style_layers": {}}
    with pytest.raises(OptionError, match=said):
        list(paint_events(content, paintings, PaintOptions(**(values | given)), palette=colours))


def test_colours_are_spelled_rightly_or_refused_in_one_line(folder_with_pictures: Path) -> None:
    for color in ("photos", "palette:", "palette"):
        with pytest.raises(OptionError, match="painting, photo or palette:file") as error:
            build_options({"color": color})
        assert "\n" not in str(error.value)
    with pytest.raises(InputError, match=r"nothing\.png"):
        impasto.paint("photo.png", "painting.png", color="palette:nothing.png")


def test_a_texture_takes_a_palette(waves: Picture, palette: Picture, quick: Quick) -> None:
    values = quick | {"content_layers": {}, "balance": "fixed", "starting_point": "noise", "steps": 30}
    options = PaintOptions(**values, color="palette:greens.png")
    found = pixels(list(paint_events(None, [Painting(waves)], options, palette=palette)))
    assert found[..., 1].mean() > 1.2 * found[..., 0].mean()


# ------------------------------------------------------------------------------------------------- detail


def edge_error(picture: NDArray[np.float32], photo: NDArray[np.float32]) -> float:
    """Squared error of the Laplacians of four by four pixels' mean gray, against the photo's own."""
    edges = [
        ndimage.laplace(p[:48, :60].astype(np.float64).mean(2).reshape(12, 4, 15, 4).mean((1, 3)))[1:-1, 1:-1]
        for p in (picture, photo)
    ]
    return float(((edges[0] - edges[1]) ** 2).sum() / (edges[1] ** 2).sum())


def test_detail_is_kept_and_told(photo_pixels: NDArray[np.uint8], waves: Picture) -> None:
    letters = photo_pixels.copy()
    letters[6:42:6, 6:54] = 20  # bars, two pixels thick
    letters[7:42:6, 6:54] = 20
    photo = picture_from_array(letters)
    values: Quick = {"size_px": 60, "min_scale_px": 60, "steps": 40, "threads": 1, "stop_tolerance": 0.0}
    errors = []
    for keep in (0, 100):
        happened = events(photo, waves, values, keep_detail=keep)
        told = [event.losses for event in happened if isinstance(event, StepDone)]
        assert all(("detail" in losses) == (keep > 0) for losses in told)
        for losses in told:
            assert losses["total"] == pytest.approx(sum(v for k, v in losses.items() if k != "total"))
        found = pixels(happened)
        errors.append(edge_error(found, photo.pixels(*found.shape[:2])))
    assert errors[1] < 0.9 * errors[0], errors
