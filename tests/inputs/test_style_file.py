"""Style files: what they hold against the painting itself, and where they stand in for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import impasto
from impasto.cli import main as cli
from impasto.errors import InputError, OptionError
from impasto.inputs.style_file import SCALES, StyleFile, pack_style_file, packed, read_style_file, unpacked
from impasto.runs.save_style import SCALES_PX

LITE = {"size_px": 48, "min_scale_px": 32, "steps": (3, 2), "threads": 1}


@pytest.fixture(scope="module")
def waves() -> np.ndarray:
    """[200, 260, 3] uint8: waves of many widths, so that every scale shows something else."""
    rows, columns = np.mgrid[0:200, 0:260]
    wave = sum(np.sin((rows * np.cos(k) + columns * np.sin(k)) / (1.5 + k * k)) for k in range(1, 6)) / 5
    return np.rint(127 + 120 * np.stack([wave, wave**2, -wave], axis=-1)).clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def style(waves: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> StyleFile:
    folder = tmp_path_factory.mktemp("styles")
    return impasto.save_style(impasto.picture_from_array(waves), folder / "waves.style")


def numpy_moments(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(mean, covariance) of a map [channels, height, width], by NumPy in float64."""
    rows = features.reshape(len(features), -1).astype(np.float64)
    return rows.mean(1), np.cov(rows, bias=True)


def test_its_repr_is_short(style: StyleFile) -> None:
    assert repr(style) == "<StyleFile 'waves.style' of 'array', 260x200 px>"


def test_holds_the_moments_of_the_painting(style: StyleFile, waves: np.ndarray) -> None:
    from impasto.encoders import load_encoder
    from impasto.engine.canvas import painting_canvas
    from impasto.inputs.paintings import Painting

    assert style.scales_px == [edge for edge in SCALES_PX if edge <= 2 * 260]
    assert (style.width_px, style.height_px, style.painting) == (260, 200, "array")
    encoder = load_encoder("lite")
    canvas, _ = painting_canvas(Painting(waves), 181, 1.0)
    maps = {"rgb": canvas, **encoder(canvas, [layer for layer in style.layers if layer != "rgb"])}
    assert len(maps) == 6
    for layer, features in maps.items():
        mean, covariance = numpy_moments(features[0].numpy())
        stored_mean, second_moment = style.moments(layer, 181)
        np.testing.assert_allclose(stored_mean, mean, atol=1e-5 * np.abs(mean).max() + 1e-7)
        stored_covariance = second_moment - np.outer(stored_mean, stored_mean)
        np.testing.assert_allclose(stored_covariance, covariance, atol=1e-4 * np.abs(covariance).max())


def test_between_scales_it_is_nearer_to_the_painting_than_either(style: StyleFile, waves: np.ndarray) -> None:
    from impasto.encoders import load_encoder
    from impasto.engine.canvas import painting_canvas
    from impasto.engine.style_files import style_file_moments
    from impasto.inputs.paintings import Painting
    from impasto.losses.style import WassersteinLoss
    from impasto.stylizer.statistics import measure_style

    canvas, _ = painting_canvas(Painting(waves), 215, 1.0)
    true = measure_style(load_encoder("lite"), canvas).moments
    between, low, high = (style_file_moments(style, style.layers, edge) for edge in (215, 181, 256))
    for layer, limit in (("relu2_1", 0.01), ("relu3_1", 0.03), ("relu4_1", 0.06), ("relu5_1", 0.15)):
        distance = WassersteinLoss(true[layer])
        apart = float(distance(between[layer]))
        assert apart < limit
        assert apart < min(float(distance(low[layer])), float(distance(high[layer])))


def test_beyond_its_scales_it_gives_the_nearest(style: StyleFile) -> None:
    for far, near in ((1, 32), (4000, 512)):
        np.testing.assert_array_equal(style.moments("rgb", far)[0], style.moments("rgb", near)[0])
        assert style.total_variation(far) == style.total_variation(near)


def test_triangles() -> None:
    matrix = np.array([[1.0, 2, 4], [2, 3, 5], [4, 5, 6]])
    np.testing.assert_array_equal(packed(matrix), [1, 2, 3, 4, 5, 6])
    np.testing.assert_array_equal(unpacked(packed(matrix)), matrix)


def test_a_draft_of_it_is_that_of_the_painting(style: StyleFile, photo_pixels: np.ndarray, waves: np.ndarray) -> None:
    for options in ({"size_px": 64}, {"size_px": 75, "brush_scale": 2.0}):
        own, other = (impasto.draft(photo_pixels, by, **options).pixels for by in (waves, style))
        far = impasto.draft(photo_pixels, waves[:, ::-1, ::-1] // 2, **options).pixels
        assert np.abs(own - other).mean() < 0.03
        assert np.abs(own - other).mean() < 0.2 * np.abs(own - far).mean()


def test_a_pastiche_of_it_is_that_of_the_painting(
    style: StyleFile, photo_pixels: np.ndarray, waves: np.ndarray
) -> None:
    options = LITE | {"medium": "pixels", "size_px": 64, "min_scale_px": 64, "balance": "fixed", "steps": (4,)}
    own, other, far = (
        impasto.paint(photo_pixels, by, **options).pixels for by in (waves, style, waves[:, ::-1, ::-1] // 2)
    )
    assert np.abs(own - far).mean() > 1 / 255
    assert np.abs(own - other).mean() < 0.05 * np.abs(own - far).mean()


def test_paints_mixes_replays_and_resumes(style: StyleFile, folder_with_pictures: Path) -> None:
    (folder_with_pictures / "waves.style").write_bytes(style.path.read_bytes())
    flags = ["--size", "48", "--min-scale", "32", "--steps", "3,2", "--threads", "1", "--quiet"]
    assert cli.main(["paint", "photo.png", "waves.style:0.5", "painting.png:0.5", "-o", "a.png", *flags]) == 0
    names = [painting["name"] for painting in impasto.read_record("a.png")["inputs"]["paintings"]]
    assert names == ["waves.style", "painting.png"]
    assert cli.main(["replay", "a.png", "-o", "b.png", "--quiet"]) == 0
    assert Path("a.png").read_bytes() == Path("b.png").read_bytes()
    (folder_with_pictures / "waves.style").rename(folder_with_pictures / "other-name.style")  # found by its SHA-256
    assert cli.main(["replay", "a.png", "-o", "c.png", "--quiet"]) == 0
    np.testing.assert_array_equal(*(impasto.load_picture(name).samples for name in ("a.png", "c.png")))
    controls = impasto.Controls()
    controls.stop = True
    impasto.paint("photo.png", "other-name.style", controls=controls, run_folder="run", **LITE)
    resumed = impasto.resume("run")
    np.testing.assert_array_equal(resumed.pixels, impasto.paint("photo.png", "other-name.style", **LITE).pixels)


def test_starts_from_its_colours(style: StyleFile, photo_pixels: np.ndarray, waves: np.ndarray) -> None:
    options = LITE | {"starting_point": "style-statistics", "strength": 100, "steps": (1,), "size_px": 64}
    own, other = (impasto.paint(photo_pixels, by, **options).pixels for by in (waves, style))
    np.testing.assert_allclose(own.mean((0, 1)), other.mean((0, 1)), atol=0.02)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"style_loss": "mmd-gaussian"}, "whole feature maps"),
        ({"style_layers": "relu3_2"}, "does not hold the layer relu3_2"),
        ({"pooling": "average"}, "made with max pooling"),
        ({"padding_mode": "zeros"}, "reflected borders"),
        ({"color": "photo"}, "cannot be given other colours"),
    ],
)
def test_what_it_does_not_hold(
    style: StyleFile, photo_pixels: np.ndarray, options: dict[str, object], message: str
) -> None:
    with pytest.raises(OptionError, match=message):
        impasto.paint(photo_pixels, style, **(LITE | options))


def test_another_encoder_and_a_mask(style: StyleFile, photo_pixels: np.ndarray, quick: dict[str, object]) -> None:
    with pytest.raises(OptionError, match="made with the encoder lite and tells nothing to tiny"):
        impasto.paint(photo_pixels, style, **quick)
    with pytest.raises(OptionError, match="holds no picture to mask"):
        impasto.Painting(style, mask=photo_pixels)


def damaged(data: bytes, change: Callable[[bytearray], object]) -> bytes:
    changed = bytearray(data)
    change(changed)
    return bytes(changed)


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.clear(),
        lambda data: data.__delitem__(slice(1000, None)),
        lambda data: data.__setitem__(-100, data[-100] ^ 1),
        lambda data: data.__setitem__(slice(0, 8), b"\xff" * 8),
        lambda data: data.__setitem__(slice(0, None), b"no style file at all"),
        lambda data: data.__setitem__(slice(0, None), data.replace(b'"260"', b'"261"')),
        lambda data: data.__setitem__(slice(0, None), data.replace(b'"format_version":"1"', b'"format_version":"2"')),
    ],
)
def test_damage_is_one_line(style: StyleFile, tmp_path: Path, change: Callable[[bytearray], object]) -> None:
    data = style.path.read_bytes()
    bad = damaged(data, change)
    assert bad != data
    (tmp_path / "bad.style").write_bytes(bad)
    with pytest.raises(InputError, match=r"bad\.style"):
        read_style_file(tmp_path / "bad.style")


def test_numbers_that_are_none_are_refused(style: StyleFile, tmp_path: Path) -> None:
    about = {"painting": "x", "painting_sha256": "y", "width_px": "1", "height_px": "1", "encoder": "lite"}
    for key, value in (("rgb.mean", np.nan), (SCALES, 7.0)):
        arrays = {name: np.array(array) for name, array in style.arrays.items()}
        arrays[key][-1] = value
        (tmp_path / "bad.style").write_bytes(pack_style_file(about | {"encoder_sha256": "z"}, arrays))
        with pytest.raises(InputError, match="damaged"):
            read_style_file(tmp_path / "bad.style")
    no_axis = pack_style_file(about, {**style.arrays, "total_variation": np.float32(1)})
    (tmp_path / "bad.style").write_bytes(no_axis)
    with pytest.raises(InputError, match="damaged"):
        read_style_file(tmp_path / "bad.style")
    (tmp_path / "bad.style").write_bytes(pack_style_file(about, style.arrays))
    with pytest.raises(InputError, match="lacks a part of its description"):
        read_style_file(tmp_path / "bad.style")
