"""Regions and paintings with settings, from the outside: painted, recorded, replayed, resumed, refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import impasto
from impasto import api
from impasto.cli import main as cli
from impasto.cli.syntax import parse_painting, parse_region
from impasto.encoders import load_encoder
from impasto.engine.objective import Canvases, build_objective
from impasto.engine.pyramid import build_pyramid
from impasto.engine.regions import RegionLayout
from impasto.engine.validate import LayerWeights
from impasto.errors import CheckpointError, InputError, OptionError
from impasto.events import Controls, StepDone
from impasto.inputs.run_inputs import RunInputs
from impasto.lab.plan import Planner
from impasto.lab.run_folder import RunFolder
from impasto.options.fields import build_options

Quick = dict[str, object]


@pytest.fixture
def desk(folder_with_pictures: Path) -> Path:
    """photo.png and painting.png, two more paintings, and masks of a third of the photo each."""
    rng = np.random.default_rng(0)
    for name in ("dots", "lines"):
        pixels = rng.integers(0, 255, (40, 40, 3), np.uint8)
        Image.fromarray(np.repeat(pixels, 2, axis=0) if name == "lines" else pixels).save(f"{name}.png")
    for number, name in enumerate(("left", "middle", "right")):
        mask = np.zeros((48, 60), np.uint8)
        mask[:, 20 * number : 20 * number + 20] = 255
        Image.fromarray(mask).save(f"{name}.png")
    return folder_with_pictures


def regions() -> list[impasto.Region]:
    return [
        impasto.Region("left.png", "dots.png", strength=70),
        impasto.Region("middle.png", [impasto.Painting("lines.png", 2.0, 0.5), "dots.png"], brush_scale=2.0),
        impasto.Region("right.png"),
    ]


# ------------------------------------------------------------------------------- every region counts


@pytest.mark.parametrize("number", [0, 1, 2])
@pytest.mark.parametrize("mask_mode", ["inside", "simple"])
def test_every_region_receives_the_gradient_of_its_own_painting(
    desk: Path, quick: Quick, number: int, mask_mode: str
) -> None:
    """Another painting in one region changes the gradient there, and little elsewhere."""
    options = build_options(quick | {"size_px": 60, "mask_mode": mask_mode, "content_layers": "none", "tv_weight": 0,
                                     "balance": "fixed", "style_layers": "relu1_1,relu2_1"})  # fmt: skip
    encoder = load_encoder(options.encoder)
    scale = build_pyramid(48, 60, options)[-1]
    photo = impasto.load_picture("photo.png")
    canvas = scale.extend(torch.from_numpy(photo.pixels()).permute(2, 0, 1)[None])

    def gradient(paintings: list[str]) -> torch.Tensor:
        here = [impasto.Region(f"{n}.png", p) for n, p in zip(("left", "middle", "right"), paintings, strict=True)]
        layout = RegionLayout(RunInputs.load(photo, None, here), options)
        layers = LayerWeights(options.content_layers, options.style_layers)
        return scale.crop(
            build_objective(encoder, Canvases(canvas), layout, scale, options, layers, [0.0])(canvas).gradient
        )

    paintings = ["painting.png"] * 3
    before = gradient(paintings)
    paintings[number] = "dots.png"
    change = (gradient(paintings) - before).abs().sum((0, 1, 2))
    thirds = [float(before.abs().sum((0, 1, 2))[20 * n : 20 * n + 20].sum()) for n in range(3)]
    assert min(thirds) > 0.1 * max(thirds)
    inside = float(change[20 * number : 20 * number + 20].sum())
    assert inside > 0.05 * thirds[number]
    assert inside > 2 * float(change.sum() - inside)


def test_each_region_comes_to_look_like_its_painting(desk: Path, quick: Quick) -> None:
    for name, colour in (("red", (220, 30, 30)), ("green", (30, 200, 40)), ("blue", (20, 40, 220))):
        speckled = np.clip(np.array(colour) + np.random.default_rng(1).normal(0, 12, (48, 48, 3)), 0, 255)
        Image.fromarray(speckled.astype(np.uint8)).save(f"{name}.png")
    parts = zip(("left", "middle", "right"), ("red", "green", "blue"), strict=True)
    own = [impasto.Region(f"{mask}.png", f"{painting}.png") for mask, painting in parts]
    freely = {"encoder": "lite", "steps": (30, 15), "strength": 100, "starting_point": "gray"}
    freely |= {"size_px": 96, "min_scale_px": 64}
    pixels = impasto.paint("photo.png", None, regions=own, **quick | freely).pixels
    colours = np.stack([pixels[:, 32 * n + 8 : 32 * n + 24].mean((0, 1)) for n in range(3)])
    assert list(colours.argmax(axis=0)) == [0, 1, 2]  # the reddest region, the greenest, the bluest


# ----------------------------------------------------------------------------- photograph, strength


def test_a_region_without_painting_is_the_photograph_to_the_bit(desk: Path, quick: Quick) -> None:
    soft = np.tile(np.clip((np.arange(60) - 20) / 20, 0, 1), (48, 1))
    quick = quick | {"size_px": 60}
    pastiche = impasto.paint("photo.png", "painting.png", regions=[impasto.Region(soft)], **quick)
    pastiche.save("out.png")
    photo, painted = (np.asarray(Image.open(name)).astype(int) for name in ("photo.png", "out.png"))
    assert (painted[:, 40:] == photo[:, 40:]).all()
    assert abs(painted[:, :20] - photo[:, :20]).mean() > 1
    assert 0 < abs(painted[:, 30:40] - photo[:, 30:40]).mean() < abs(painted[:, :20] - photo[:, :20]).mean()


def test_without_a_style_the_rest_is_the_photograph(desk: Path, quick: Quick) -> None:
    own = [impasto.Region("left.png", "dots.png")]
    pixels = impasto.paint("photo.png", None, regions=own, **quick | {"size_px": 60}).pixels
    photo = impasto.load_picture("photo.png").pixels()
    assert (pixels[:, 20:] == photo[:, 20:]).all()
    assert abs(pixels[:, :20] - photo[:, :20]).mean() > 0.005


def test_previews_keep_the_photograph_too(desk: Path, quick: Quick) -> None:
    run = impasto.iter_paint(
        "photo.png", "painting.png", regions=[impasto.Region("right.png")], controls=Controls(preview=True),
        starting_point="noise", **quick | {"min_scale_px": 60, "size_px": 60},
    )  # fmt: skip
    preview = next(event for event in run if isinstance(event, impasto.PreviewReady))
    assert preview.pixels[:, 40:] == pytest.approx(impasto.load_picture("photo.png").pixels()[:, 40:], abs=1e-6)


def test_strength_of_a_region(desk: Path, quick: Quick) -> None:
    def distances(strength: float) -> list[float]:
        own = [impasto.Region("left.png", "painting.png", strength=strength)]
        steps = {"size_px": 60, "min_scale_px": 60, "steps": (25,), "stop_tolerance": 0, "encoder": "lite"}
        pixels = impasto.paint("photo.png", "painting.png", regions=own, **quick | steps).pixels
        change = abs(pixels - impasto.load_picture("photo.png").pixels())
        return [float(change[:, :18].mean()), float(change[:, 42:].mean())]

    gentle, strong = distances(10), distances(90)
    assert strong[0] > 1.5 * gentle[0]
    assert strong[1] == pytest.approx(gentle[1], rel=0.5)


# ------------------------------------------------------------------------------------- tiles, memory


def test_in_tiles_it_is_the_same_objective(desk: Path, quick: Quick) -> None:
    options = build_options(quick | {"size_px": 200, "min_scale_px": 200})
    encoder = load_encoder(options.encoder)
    (scale,) = build_pyramid(160, 200, options)
    photo = impasto.load_picture("photo.png")
    canvas = scale.extend(torch.from_numpy(photo.pixels(160, 200)).permute(2, 0, 1)[None])
    layout = RegionLayout(RunInputs.load(photo, "painting.png", regions()), options)
    layers = LayerWeights(options.content_layers, options.style_layers)
    whole, tiled = (
        build_objective(encoder, Canvases(canvas), layout, scale, options, layers, [0.1, 0.4], tile_px)
        for tile_px in (1 << 30, 64)
    )
    assert tiled.tiles > whole.tiles == 1
    pastiche = (canvas + 0.1 * torch.rand(canvas.shape, generator=torch.Generator().manual_seed(0))).clamp(0, 1)
    one, several = whole(pastiche), tiled(pastiche)
    assert several.losses == pytest.approx(one.losses, rel=1e-5)
    difference = (several.gradient - one.gradient).norm() / one.gradient.norm()
    assert float(difference) < 1e-4


def test_painted_in_tiles(desk: Path, quick: Quick) -> None:
    one, several = (
        impasto.paint("photo.png", "painting.png", regions=regions(),
                      **quick | {"size_px": 120, "min_scale_px": 120, "steps": (2,), "tile_px": tile_px}).pixels
        for tile_px in (1024, 64)
    )  # fmt: skip
    assert several == pytest.approx(one, abs=0.02)


# ------------------------------------------------------------- records, replay, resume, enlarge, jobs


def test_replay_is_the_same_to_the_byte(desk: Path, quick: Quick) -> None:
    shutil.copy(quick["encoder"], "own.safetensors")
    quick = quick | {"encoder": "own.safetensors"}
    painting = impasto.Painting("painting.png", brush_scale=2.0)
    impasto.paint("photo.png", painting, regions=regions(), **quick).save("out.png")
    record = impasto.read_record("out.png")
    assert record["inputs"]["paintings"][0]["brush_scale"] == 2.0
    assert [region["strength"] for region in record["inputs"]["regions"]] == [70, None, None]
    impasto.replay("out.png").save("again.png")
    assert Path("again.png").read_bytes() == Path("out.png").read_bytes()


def test_a_mask_that_is_gone_is_named(desk: Path, quick: Quick) -> None:
    impasto.paint("photo.png", "painting.png", regions=regions(), **quick).save("out.png")
    Path("middle.png").unlink()
    with pytest.raises(impasto.RecordError, match=r"the mask of region 2 'middle\.png' .* was not found"):
        impasto.replay("out.png")


def test_without_regions_a_record_is_as_it_was(desk: Path, quick: Quick) -> None:
    inputs = impasto.paint("photo.png", "painting.png", **quick).record["inputs"]
    assert set(inputs) == {"content", "paintings", "starting_picture"}
    assert set(inputs["paintings"][0]) == {"name", "sha256", "weight"}


@pytest.mark.parametrize("arrays", [False, True])
def test_resumed_it_is_the_same_to_the_bit(desk: Path, quick: Quick, arrays: bool) -> None:
    own = regions()
    if arrays:
        own[0] = impasto.Region(np.asarray(Image.open("left.png")), np.asarray(Image.open("dots.png")), strength=70)
    whole = impasto.paint("photo.png", "painting.png", regions=own, **quick)
    run = api.build_run("photo.png", "painting.png", regions=own, options=quick)
    run.checkpoint_folder = Path("run")
    for event in run:
        if isinstance(event, StepDone) and (event.scale, event.step) == (0, 2):
            run.controls.stop = True
    resumed = impasto.resume("run", trust=True)
    assert (resumed.pixels == whole.pixels).all()
    assert resumed.record == whole.record


def test_a_mask_that_changed_is_refused_on_resuming(desk: Path, quick: Quick) -> None:
    run = api.build_run("photo.png", "painting.png", regions=regions(), options=quick)
    run.checkpoint_folder = Path("run")
    for event in run:
        run.controls.stop = isinstance(event, StepDone)
    shutil.copy("right.png", "left.png")
    with pytest.raises(CheckpointError, match=r"mask of region 1 .*left\.png.* is not what it was"):
        impasto.resume("run", trust=True)


def test_enlarged_with_its_regions(desk: Path, quick: Quick) -> None:
    shutil.copy(quick["encoder"], "own.safetensors")
    quick = quick | {"size_px": 60, "encoder": "own.safetensors"}
    impasto.paint("photo.png", "painting.png", regions=regions(), **quick).save("small.png")
    large = impasto.enlarge("small.png", 120)
    photo = impasto.load_picture("photo.png").pixels(96, 120)
    assert large.pixels[:, 84:] == pytest.approx(photo[:, 84:], abs=1e-6)
    assert len(large.record["inputs"]["regions"]) == 3


def test_sweep_and_batch_with_regions(desk: Path, quick: Quick, quick_flags: list[str]) -> None:
    assert cli.main(["sweep", "photo.png", "painting.png:1:2", "--vary", "strength=60", "--region",
                     "left.png=dots.png", "-o", "sweep", "-q", *quick_flags]) == 0  # fmt: skip
    single = impasto.paint(
        "photo.png", impasto.Painting("painting.png", brush_scale=2.0), strength=60,
        regions=[impasto.Region("left.png", "dots.png")], **quick,
    )  # fmt: skip
    painted = impasto.load_picture(next(Path("sweep/pastiches").glob("*60.png")))
    assert painted.pixels() == pytest.approx(single.pixels, abs=1 / 500)
    batch = impasto.batch("photo.png", "painting.png", folder="batch", regions=[impasto.Region("right.png")], **quick)
    assert not batch.failed
    record = impasto.read_record(next(Path("batch/pastiches").glob("*.png")))
    assert record["inputs"]["regions"][0]["mask"]["name"] == "right.png"
    read = RunFolder.open(Path("batch")).manifest.jobs
    assert [job.identity for job in read] == [job.identity for job in batch.manifest.jobs]
    array = impasto.Region(np.ones((48, 60)), "dots.png")
    with pytest.raises(OptionError, match="give paths, not arrays"):
        impasto.batch("photo.png", "painting.png", folder="other", regions=[array], **quick)


def test_regions_tell_jobs_apart(desk: Path, quick: Quick) -> None:
    options = build_options(quick)

    def identity(*own: impasto.Region, paintings: Any = (("painting.png", 1.0),)) -> str:
        return Planner(regions=own).painting_job("photo.png", paintings, options, recipe=None, labels={}).identity

    plain = identity()
    others = {
        identity(impasto.Region("left.png")),
        identity(impasto.Region("right.png")),
        identity(impasto.Region("left.png", strength=20)),
        identity(impasto.Region("left.png", "dots.png")),
        identity(paintings=[impasto.Painting("painting.png", brush_scale=2)]),
    }
    assert len(others | {plain}) == 6


# -------------------------------------------------------------------------------------- command line


def test_a_region_on_the_command_line(desk: Path, quick_flags: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["paint", "photo.png", "--region", "left.png=dots.png:0.3+lines.png,strength=70", "--region",
                     "right.png=photo", "-o", "out.png", "-q", *quick_flags]) == 0  # fmt: skip
    cli.main(["info", "out.png"])
    shown = capsys.readouterr().out
    assert "left.png" in shown
    assert "dots.png, weight 0.3" in shown
    assert "strength 70" in shown
    assert "the photo" in shown
    cli.main(["info", "out.png", "--json"])
    assert len(json.loads(capsys.readouterr().out)["inputs"]["regions"]) == 2


def test_what_a_region_is_written_as(desk: Path) -> None:
    region = parse_region("left.png=dots.png:0.3+lines.png:2:0.5,strength=70,brush-scale=2,color=photo")
    assert isinstance(region.mask, impasto.Picture)
    assert region.mask.name == "left.png"
    assert [(p.picture.name, p.weight, p.brush_scale) for p in region.paintings] == [
        ("dots.png", 0.3, 1.0),
        ("lines.png", 2.0, 0.5),
    ]
    assert (region.strength, region.brush_scale, region.color) == (70, 2, "photo")
    assert parse_region("alpha=dots.png").mask == "alpha"
    assert parse_region("left.png=photo").paintings == ()
    assert parse_region("left.png=dots.png").paintings


def test_file_names_with_signs_in_them(desk: Path) -> None:
    Path("left.png").rename("a=b,c.png")
    Path("dots.png").rename("one+two=3:4.png")
    region = parse_region("a=b,c.png=one+two=3:4.png+lines.png:0.5,strength=30")
    assert isinstance(region.mask, impasto.Picture)
    assert region.mask.name == "a=b,c.png"
    assert [(p.picture.name, p.weight) for p in region.paintings] == [("one+two=3:4.png", 1.0), ("lines.png", 0.5)]
    assert region.strength == 30


def test_a_painting_with_settings(desk: Path) -> None:
    assert parse_painting("dots.png:0.7") == ("dots.png", 0.7)
    masked = np.zeros((40, 40), np.uint8)
    masked[:20] = 255
    Image.fromarray(masked).save("top.png")
    painting = parse_painting("dots.png@top.png:0.7:2")
    assert isinstance(painting, impasto.Painting)
    assert (painting.weight, painting.brush_scale) == (0.7, 2)
    assert painting.mask is not None
    assert painting.mask.name == "top.png"
    bare = parse_painting("dots.png::0.5")
    assert isinstance(bare, impasto.Painting)
    assert (bare.weight, bare.brush_scale) == (1, 0.5)
    Path("dots.png").rename("me@home.png")
    assert parse_painting("me@home.png:2") == ("me@home.png", 2.0)


def test_a_mask_of_a_painting_changes_what_is_learned(desk: Path, quick: Quick) -> None:
    halves = np.zeros((40, 40, 3), np.uint8)
    halves[:20], halves[20:] = (230, 40, 40), (30, 40, 220)
    top = np.zeros((40, 40), np.uint8)
    top[:20] = 255
    freely = {"encoder": "lite", "steps": (15, 5), "strength": 100, "starting_point": "gray"}
    warm, cold = (
        impasto.paint("photo.png", impasto.Painting(halves, mask=mask), **quick | freely).pixels.mean((0, 1))
        for mask in (top, 255 - top)
    )
    assert warm[0] > cold[0] + 0.1
    assert warm[2] < cold[2] - 0.1


def test_a_painting_has_a_brush_scale_of_its_own(desk: Path, quick: Quick) -> None:
    by_option = impasto.paint("photo.png", "painting.png", brush_scale=0.5, **quick)
    by_painting = impasto.paint("photo.png", impasto.Painting("painting.png", brush_scale=0.5), **quick)
    own = [impasto.Region(np.ones((48, 60)), "painting.png", brush_scale=0.5)]
    by_region = impasto.paint("photo.png", "dots.png", regions=own, **quick)
    assert (by_painting.pixels == by_option.pixels).all()
    assert by_region.pixels == pytest.approx(by_option.pixels, abs=1e-5)


# -------------------------------------------------------------------------------------- refused, in a line

Refusal = tuple[Callable[[], Any], type[Exception], str]
BLACK = np.zeros((48, 60))
REFUSALS: dict[str, Refusal] = {
    "black": (lambda: impasto.Region(BLACK), InputError, "the mask array is black everywhere"),
    "aspect": (
        lambda: impasto.paint("photo.png", "dots.png", regions=[impasto.Region(np.ones((48, 48)))]),
        InputError,
        "the mask array is 48x48 px, the photo photo.png 60x48 px: give a mask of the same proportions",
    ),
    "missing": (lambda: impasto.Region("nowhere.png"), InputError, "cannot read 'nowhere.png'"),
    "no alpha": (
        lambda: impasto.paint("photo.png", "dots.png", regions=[impasto.Region("alpha", "lines.png")]),
        InputError,
        "photo.png has no alpha channel",
    ),
    "mask of a painting": (lambda: impasto.Painting("dots.png", mask="left.png"), InputError, "same proportions"),
    "strength": (lambda: impasto.Region("left.png", strength=101), OptionError, "a region is 0 to 100, got 101"),
    "color": (
        lambda: impasto.Region("left.png", color="palette:dots.png"),
        OptionError,
        "the color of a region is painting or photo, got 'palette:dots.png'",
    ),
    "brush scale": (lambda: impasto.Painting("dots.png", brush_scale=9), OptionError, "is 0.25 to 4, got 9"),
    "no style": (lambda: impasto.Region("left.png", []), OptionError, "no style image given"),
    "no photo": (
        lambda: impasto.paint(None, "dots.png", regions=[impasto.Region("left.png")], recipe="texture"),
        OptionError,
        "regions are parts of a photo",
    ),
    "nothing painted": (
        lambda: impasto.paint("photo.png", None, regions=[impasto.Region("left.png")]),
        OptionError,
        "no painting given",
    ),
    "fixed": (
        lambda: impasto.paint("photo.png", None, regions=[impasto.Region("left.png", "dots.png", 20)], balance="fixed"),
        OptionError,
        "a region has no strength of its own",
    ),
    "kernel": (
        lambda: impasto.paint("photo.png", "dots.png", regions=[impasto.Region("left.png")], style_loss="mmd-gaussian"),
        OptionError,
        "'mmd-gaussian' takes no masks",
    ),
    "no equals sign": (lambda: parse_region("left.png"), OptionError, "--region takes MASK=PAINTING"),
    "no painting": (lambda: parse_region("left.png="), OptionError, "MASK=photo for the photo"),
    "setting": (lambda: parse_region("left.png=dots.png,stength=3"), OptionError, "did you mean 'strength'"),
    "number": (lambda: parse_region("left.png=dots.png,strength=much"), OptionError, "is a number, got 'much'"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSALS)
def test_what_cannot_be_is_refused_in_a_line(desk: Path, name: str) -> None:
    ask, kind, message = REFUSALS[name]
    with pytest.raises(kind) as error:
        ask()
    assert message in str(error.value)


def test_on_the_command_line_a_refusal_is_a_line(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["paint", "photo.png", "painting.png", "-o", "out.png", "--region", "no.png=dots.png"]) == 1
    assert capsys.readouterr().err.startswith("impasto: cannot read 'no.png'")
    assert cli.main(["paint", "photo.png", "-o", "out.png"]) == 2
    assert "PAINTING is missing" in capsys.readouterr().err
    assert not Path("out.png").exists()


@pytest.mark.parametrize("size", [(96, 120), (24, 30), (16, 20), (479, 600)])
def test_a_mask_of_another_size_fits(desk: Path, quick: Quick, size: tuple[int, int]) -> None:
    mask = np.zeros(size, np.uint8)
    mask[:, size[1] // 2 :] = 255
    own = [impasto.Region(mask)]
    pixels = impasto.paint("photo.png", "painting.png", regions=own, **quick | {"size_px": 60}).pixels
    photo = impasto.load_picture("photo.png").pixels()
    assert pixels[:, 36:] == pytest.approx(photo[:, 36:], abs=1e-6)
