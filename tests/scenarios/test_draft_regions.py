"""Drafts with regions, masked paintings and other colours: joined, recorded, replayed, refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import impasto
from impasto.cli import main as cli
from impasto.errors import InputError, OptionError, RecordError
from impasto.images.oklab import srgb_to_oklab
from impasto.images.picture import quantise
from impasto.stylizer.regions import measure_painting
from impasto.stylizer.stylizer import load_stylizer

HEIGHT, WIDTH = 48, 60
RUN = {"size_px": 48, "min_scale_px": 32, "steps": (2, 2), "threads": 1}


@pytest.fixture
def desk(folder_with_pictures: Path) -> Path:
    """photo.png and painting.png, a second painting, and a mask of the left half and one of the right."""
    pixels = np.random.default_rng(0).integers(0, 255, (40, 40, 3), np.uint8)
    Image.fromarray(np.repeat(pixels, 2, axis=0)).save("lines.png")
    left = np.zeros((HEIGHT, WIDTH), np.uint8)
    left[:, : WIDTH // 2] = 255
    Image.fromarray(left).save("left.png")
    Image.fromarray(255 - left).save("right.png")
    return folder_with_pictures


def drafted(*regions: impasto.Region, style: Any = "painting.png", **options: Any) -> np.ndarray:
    return impasto.draft("photo.png", style, regions=regions, **options).pixels


def photo() -> np.ndarray:
    return np.asarray(Image.open("photo.png"), np.float32) / 255


def whole() -> np.ndarray:
    return np.full((HEIGHT, WIDTH), 255, np.uint8)


# --------------------------------------------------------------------------------------------- regions


def test_a_region_of_everything_is_the_plain_draft(desk: Path) -> None:
    one = impasto.Region(whole(), "lines.png")
    np.testing.assert_array_equal(drafted(one), drafted(style="lines.png"))
    np.testing.assert_array_equal(drafted(one, style=None), drafted(style="lines.png"))
    settings = {"strength": 60.0, "brush_scale": 2.0}
    own = impasto.Region(whole(), "lines.png", color="photo", **settings)
    np.testing.assert_array_equal(drafted(own), drafted(style="lines.png", color="photo", **settings))
    painting = impasto.Painting("lines.png", brush_scale=2.0)
    np.testing.assert_array_equal(drafted(style=painting), drafted(style="lines.png", brush_scale=2.0))


def test_halves_of_one_manner_are_the_plain_draft(desk: Path) -> None:
    plain = drafted()
    halves = [impasto.Region(f"{side}.png", "painting.png") for side in ("left", "right")]
    np.testing.assert_allclose(drafted(*halves, style=None), plain, atol=1e-5)
    np.testing.assert_allclose(drafted(halves[0]), plain, atol=1e-5)


def test_two_manners_meet_in_a_soft_border(desk: Path) -> None:
    ours, theirs = drafted(), drafted(style="lines.png")
    both = drafted(impasto.Region("left.png", "lines.png"))
    middle = WIDTH // 2  # at this size the border is one pixel wide on each side
    np.testing.assert_allclose(both[:, : middle - 1], theirs[:, : middle - 1], atol=1e-5)
    np.testing.assert_allclose(both[:, middle + 1 :], ours[:, middle + 1 :], atol=1e-5)
    np.testing.assert_allclose(both[:, middle - 1], (2 * theirs + ours)[:, middle - 1] / 3, atol=1e-5)
    np.testing.assert_allclose(both[:, middle], (theirs + 2 * ours)[:, middle] / 3, atol=1e-5)


def test_the_photograph_is_kept_exactly(desk: Path) -> None:
    for kept in (drafted(impasto.Region("left.png")), drafted(impasto.Region("right.png", "painting.png"), style=None)):
        np.testing.assert_array_equal(kept[:, : WIDTH // 2], photo()[:, : WIDTH // 2])
        np.testing.assert_allclose(kept[:, WIDTH // 2 + 2 :], drafted()[:, WIDTH // 2 + 2 :], atol=1e-5)
    still = drafted(impasto.Region("right.png", "lines.png", strength=100), strength=0)
    np.testing.assert_array_equal(still[:, : WIDTH // 2], photo()[:, : WIDTH // 2])
    np.testing.assert_allclose(still[:, WIDTH // 2 + 2 :], drafted(style="lines.png")[:, WIDTH // 2 + 2 :], atol=1e-5)
    np.testing.assert_array_equal(drafted(impasto.Region("left.png", "lines.png"), strength=0), photo())


def test_opacity_as_a_mask(desk: Path) -> None:
    alpha = np.asarray(Image.open("left.png"))
    Image.fromarray(np.dstack([np.asarray(Image.open("photo.png")), alpha])).save("cut.png")
    region = impasto.Region("alpha", "lines.png")
    draft = impasto.draft("cut.png", "painting.png", regions=[region])
    assert draft.alpha is not None
    np.testing.assert_array_equal(draft.alpha, alpha / 255)
    assert draft.record["inputs"]["regions"][0]["mask"] is None


# --------------------------------------------------------------------------------- parts of a painting


def test_a_masked_painting_is_its_part(desk: Path) -> None:
    """Two colours side by side: a mask of one of them leaves that one."""
    rng = np.random.default_rng(2)
    sides = [
        np.clip(np.array(colour) + rng.normal(0, 10, (64, 32, 3)), 0, 255) for colour in ((220, 30, 30), (20, 40, 220))
    ]
    Image.fromarray(np.concatenate(sides, axis=1).astype(np.uint8)).save("both.png")
    red = np.zeros((64, 64), np.uint8)
    red[:, :32] = 255
    colours = drafted(style=impasto.Painting("both.png", mask=red)).mean((0, 1))
    blue = drafted(style=impasto.Painting("both.png", mask=255 - red)).mean((0, 1))
    assert colours[0] > 0.6 > 0.4 > colours[2]
    assert blue[2] > 0.6 > 0.4 > blue[0]
    unmasked, all_of_it = (
        measure_painting(load_stylizer(), impasto.Painting("both.png", mask=mask), 64)
        for mask in (None, np.full((64, 64), 255, np.uint8))
    )
    for (mean, covariance), (own, theirs) in zip(unmasked.batch().values(), all_of_it.batch().values(), strict=True):
        np.testing.assert_allclose(own, mean, atol=1e-5)
        np.testing.assert_allclose(theirs, covariance, atol=1e-4)


# ---------------------------------------------------------------------------------------------- colour


def test_luminance_has_the_photos_chroma(desk: Path) -> None:
    pale = (0.5 + 0.3 * (photo() - 0.5)).astype(np.float32)  # whose chroma fits into sRGB at any lightness painted
    draft, plain = (impasto.draft(pale, "painting.png", color=color).pixels for color in ("photo", "painting"))
    ours, theirs = srgb_to_oklab(draft), srgb_to_oklab(impasto.picture_from_array(pale).pixels())
    within = (draft > 0.001).all(2) & (draft < 0.999).all(2)
    assert within.mean() > 0.9
    np.testing.assert_allclose(ours[within][:, 1:], theirs[within][:, 1:], atol=2e-3)
    assert np.abs(ours[..., 0] - theirs[..., 0]).mean() > 0.01
    assert np.abs(srgb_to_oklab(plain)[..., 1:] - theirs[..., 1:]).mean() > 0.02
    half = impasto.draft(pale, "painting.png", color="photo", color_strength=50).pixels
    distances = [np.abs(srgb_to_oklab(x)[..., 1:] - theirs[..., 1:]).mean() for x in (draft, half, plain)]
    assert distances == sorted(distances)
    none = impasto.draft(pale, "painting.png", color="photo", color_strength=0).pixels
    np.testing.assert_array_equal(none, plain)


@pytest.mark.parametrize("method", ["mean-covariance", "histogram"])
def test_colours_of_the_photo_and_of_a_palette(desk: Path, method: str) -> None:
    Image.new("RGB", (40, 40), (30, 160, 60)).save("green.png")
    plain = drafted()
    for color, target in (("photo", photo()), ("palette:green.png", np.full((1, 1, 3), (30, 160, 60)) / 255)):
        means = [srgb_to_oklab(x).mean((0, 1))[1:] for x in (drafted(color=color, color_method=method), plain, target)]
        assert np.abs(means[0] - means[2]).max() < 0.8 * np.abs(means[1] - means[2]).max()


def test_a_region_has_colours_of_its_own(desk: Path) -> None:
    own = drafted(impasto.Region("left.png", "painting.png", color="photo"))
    middle = WIDTH // 2
    np.testing.assert_allclose(own[:, : middle - 1], drafted(color="photo")[:, : middle - 1], atol=1e-5)
    np.testing.assert_allclose(own[:, middle + 1 :], drafted()[:, middle + 1 :], atol=1e-5)


# ------------------------------------------------------------------------------------- record and replay


@pytest.fixture
def kept(desk: Path) -> Path:
    """A draft of everything, and its mask of an array as a file."""
    square = np.zeros((64, 64), np.uint8)
    square[8:40, 8:40] = 255
    Image.fromarray(square).save("square.png")
    mask = np.asarray(Image.open("right.png")) // 2
    Image.fromarray(mask).save("half.png")
    regions = ["left.png=lines.png:2+painting.png,strength=70,brush-scale=2,color=painting", "half.png=photo"]
    flags = [part for region in regions for part in ("--region", region)]
    Image.open("lines.png").transpose(Image.Transpose.ROTATE_90).save("palette.png")
    flags += ["--color", "palette:palette.png", "--color-method", "histogram", "--color-strength", "80", "--quiet"]
    assert cli.main(["draft", "photo.png", "painting.png@square.png:2:0.5", "-o", "draft.png", *flags]) == 0
    return desk / "draft.png"


def test_a_record_holds_all_and_replays_to_the_byte(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = impasto.read_record(kept)
    (part,), (first, second) = record["inputs"]["paintings"], record["inputs"]["regions"]
    assert (part["mask"]["name"], part["weight"], part["brush_scale"]) == ("square.png", 2, 0.5)
    assert (first["mask"]["name"], first["strength"], first["brush_scale"], first["color"]) == (
        "left.png",
        70,
        2,
        "painting",
    )
    assert [p["name"] for p in first["paintings"]] == ["lines.png", "painting.png"]
    assert second["paintings"] == []
    assert record["inputs"]["palette"]["name"] == "palette.png"
    assert record["options"]["color"] == "palette:palette.png"
    for source, name in (("draft.png", "again.png"), ("again.png", "thrice.png")):
        assert cli.main(["replay", source, "-o", name]) == 0
        assert Path(name).read_bytes() == kept.read_bytes()
    again = impasto.replay(kept)
    assert again.record == record
    np.testing.assert_array_equal((again.pixels * 255).round(), np.asarray(Image.open(kept), np.float32))
    for name in ("square.png", "half.png", "palette.png"):
        moved = Path("elsewhere") / name
        moved.parent.mkdir(exist_ok=True)
        Path(name).rename(moved)
        with pytest.raises(RecordError, match=name):
            impasto.replay(kept)
        np.testing.assert_array_equal(impasto.replay(kept, [moved]).pixels, again.pixels)
        moved.rename(name)


def test_info_shows_it(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["info", "draft.png"]) == 0
    lines = {line[:18].strip(): line[18:].strip() for line in capsys.readouterr().out.splitlines()}
    assert lines["style image 1"].startswith("painting.png, brush scale 0.5  (SHA-256")
    assert "of it square.png" in lines["style image 1"]
    assert lines["region 1"].startswith("left.png  (SHA-256")
    assert "lines.png, weight 2 " in lines["region 1"]
    assert lines["region 1"].endswith("strength 70, brush scale 2, color painting")
    assert lines["region 2"].endswith(": the photo")
    assert lines["palette"].startswith("palette.png")
    assert (lines["--color-method"], lines["--color-strength"]) == ("histogram", "80")


def test_what_is_overridden_in_a_replay(kept: Path) -> None:
    assert cli.main(["replay", "draft.png", "-o", "large.png", "--size", "80", "--color", "painting", "-q"]) == 0
    with Image.open("large.png") as image:
        assert image.size == (80, 64)
    assert "palette" not in impasto.read_record("large.png")["inputs"]
    Path("palette.png").unlink()
    assert impasto.replay(kept, color="palette:left.png").record["options"]["color"] == "palette:left.png"
    with pytest.raises(OptionError, match="unknown option 'steps'"):
        impasto.replay(kept, steps=3)


# ---------------------------------------------------------------------------------------------- folders


def test_folders_take_regions_and_colours(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (desk / "photos").mkdir()
    Image.open("photo.png").save("photos/a.png")
    Image.open("photo.png").transpose(Image.Transpose.FLIP_LEFT_RIGHT).point(lambda x: 255 - x).save("photos/b.png")
    Image.open("photo.png").resize((40, 40)).save("photos/c.png")
    region = "left.png=lines.png,strength=60"
    flags = ["--paintings", "painting.png", "lines.png", "-o", "out", "--format", "png", "--color", "photo"]
    assert cli.main(["draft", "photos", *flags, "--region", region, "--quiet"]) == 1
    err = capsys.readouterr().err
    assert "the mask left.png is 60x48 px, the photo c.png 40x40 px" in err
    assert len(err.splitlines()) == 1
    for name in ("a", "b"):
        for painting in ("painting", "lines"):
            alone = impasto.draft(
                f"photos/{name}.png",
                f"{painting}.png",
                regions=[impasto.Region("left.png", "lines.png", 60)],
                color="photo",
            )
            np.testing.assert_array_equal(
                np.asarray(Image.open(f"out/{name}_{painting}.png")), quantise(alone.pixels, 8)
            )
    paths, failed = impasto.drafts(["photo.png"], ["painting.png"], "more", regions=[impasto.Region("left.png")])
    assert (len(paths), failed) == (1, {})


# --------------------------------------------------------------------------------------- starting point


def test_a_run_starts_from_a_draft_of_its_regions(desk: Path) -> None:
    regions = [impasto.Region("left.png", "lines.png")]
    part = impasto.Painting("painting.png", mask=np.pad(np.full((32, 64), 255, np.uint8), ((0, 32), (0, 0))))
    first = impasto.paint("photo.png", part, regions=regions, starting_point="draft", **RUN)
    start = impasto.draft("photo.png", part, regions=regions, size_px=32)
    handed = impasto.paint("photo.png", part, regions=regions, starting_point=start.pixels, **RUN)
    np.testing.assert_array_equal(handed.pixels, first.pixels)
    controls = impasto.Controls(stop=True)
    own = {"regions": regions, "starting_point": "draft", "controls": controls}
    stopped = impasto.paint("photo.png", "painting.png", **own, **RUN)
    stopped.save("stopped.png")
    np.testing.assert_array_equal(impasto.replay("stopped.png").pixels, stopped.pixels)


def test_a_draft_start_takes_the_runs_colours(desk: Path) -> None:
    colours = {"color": "palette:lines.png", "color_strength": 70.0}
    first = impasto.paint("photo.png", "painting.png", starting_point="draft", **colours, **RUN)
    start = impasto.draft("photo.png", "painting.png", size_px=32, **colours)
    handed = impasto.paint("photo.png", "painting.png", starting_point=start.pixels, **colours, **RUN)
    np.testing.assert_array_equal(handed.pixels, first.pixels)


# ---------------------------------------------------------------------------------------------- refused


REFUSALS: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "aspect": ({"regions": [np.ones((48, 48))]}, InputError, "48x48 px, the photo photo.png 60x48 px"),
    "no alpha": ({"regions": ["alpha"]}, InputError, "photo.png has no alpha channel"),
    "color": ({"color": "blue"}, OptionError, "color: it is painting, photo or palette:file, got 'blue'"),
    "method": ({"color_method": "hue"}, OptionError, "color_method: input should be 'luminance'"),
    "strength": ({"color_strength": -1}, OptionError, "color_strength: input should be greater"),
    "palette": ({"color": "palette:nowhere.png"}, InputError, "cannot read 'nowhere.png'"),
    "places": ({"color": "palette:lines.png", "color_method": "luminance"}, OptionError, "a palette has no places"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSALS)
def test_what_cannot_be_is_refused_in_a_line(desk: Path, name: str) -> None:
    options, kind, message = REFUSALS[name]
    options = options | {"regions": [impasto.Region(mask, "lines.png") for mask in options.get("regions", ())]}
    with pytest.raises(kind) as error:
        impasto.draft("photo.png", "painting.png", **options)
    assert message in str(error.value)


def test_style_files_have_the_colours_they_have(desk: Path) -> None:
    impasto.save_style("painting.png", "saved.style")
    with pytest.raises(OptionError, match=r"saved.style cannot be given other colours"):
        drafted(style="saved.style", color="photo")
    region = impasto.Region("left.png", "saved.style", color="photo")
    with pytest.raises(OptionError, match=r"saved.style cannot be given other colours"):
        drafted(region)
    drafted(impasto.Region("left.png", "saved.style", color="painting"), color="photo")
    with pytest.raises(OptionError, match="at least one painting"):
        drafted(impasto.Region("left.png"), style=None)


@pytest.mark.parametrize(
    ("flags", "code", "message"),
    [
        (["--region", "left.png"], 2, "--region takes MASK=PAINTING"),
        (["--region", "no.png=lines.png"], 1, "cannot read 'no.png'"),
        (["--color", "blue"], 2, "--color: it is painting"),
        (["--color-strength", "much"], 2, "--color-strength: input should be a valid number"),
        (["--brush-scale", "9"], 2, "--brush-scale: input should be less"),
    ],
)
def test_on_the_command_line_a_refusal_is_a_line(
    desk: Path, flags: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for pictures in (
        ["photo.png", "painting.png", "-o", "out.png"],
        ["photo.png", "--paintings", "painting.png", "-o", "out"],
    ):
        assert cli.main(["draft", *pictures, *flags]) == code
        err = capsys.readouterr().err
        assert message in err
        assert len(err.splitlines()) == 1
    assert not any(Path(name).exists() for name in ("out.png", "out"))


def test_help_names_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["draft", "--help-all"]) == 0
    shown = capsys.readouterr().out
    for flag in ("--region", "--brush-scale", "--color ", "--color-method", "--color-strength"):
        assert flag in shown


def test_without_a_painting_the_regions_are_all(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["draft", "photo.png", "-o", "out.png", "--region", "left.png=lines.png"]) == 0
    np.testing.assert_array_equal(
        np.asarray(Image.open("out.png"))[:, 32:], np.asarray(Image.open("photo.png"))[:, 32:]
    )
    assert json.dumps(impasto.read_record("out.png")["inputs"]["paintings"]) == "[]"
