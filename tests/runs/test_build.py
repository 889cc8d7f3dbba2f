"""Runs made ready: options resolved, inputs read; from pictures, from a record and for an enlargement."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import impasto
import impasto.api
from impasto.errors import InputError, OptionError, RecordError
from impasto.events import Controls, StepDone
from impasto.images.print_size import Print
from impasto.inputs.paintings import Region
from impasto.options.fields import PaintOptions, build_options
from impasto.runs.build import (
    build_enlargement,
    build_replay,
    build_resume,
    build_run,
    load_palette,
    load_starting_picture,
    resolve_options,
)
from impasto.storage.places import trusts_all

Quick = dict[str, Any]


def test_a_recipe_is_overridden_by_options(folder_with_pictures: Path, quick: Quick) -> None:
    Path("mine.toml").write_text("strength = 20\nseed = 4\n")
    record = impasto.paint("photo.png", "painting.png", recipe="mine.toml", seed=5, **quick).record
    assert record["recipe"] == "mine.toml"
    assert (record["options"]["strength"], record["options"]["seed"]) == (20, 5)


def test_an_error_in_a_recipe_names_it(folder_with_pictures: Path) -> None:
    Path("mine.toml").write_text("stpes = 20\n")
    with pytest.raises(OptionError, match=r"^recipe mine\.toml: unknown option 'stpes'; did you mean 'steps'"):
        impasto.paint("photo.png", "painting.png", recipe="mine.toml")


def paint_and_stop(stop_at: tuple[int, int], quick: Quick) -> impasto.Pastiche:
    """Stop from outside after a given step, as a person would."""
    controls = Controls()
    run = impasto.api.build_run("photo.png", "painting.png", controls=controls, options=quick)
    for event in run:
        if isinstance(event, StepDone) and (event.scale, event.step) == stop_at:
            controls.stop = True
    assert run.pastiche is not None
    return run.pastiche


@pytest.mark.parametrize("suffix", [".png", ".webp", ".jpg", ".tiff"])
def test_replay_gives_the_same_file(painted: impasto.Pastiche, tiny_encoder_file: Path, suffix: str) -> None:
    painted.save(f"first{suffix}")
    again = impasto.replay(f"first{suffix}", [tiny_encoder_file])
    assert np.array_equal(again.pixels, painted.pixels)
    again.save(f"second{suffix}")
    assert Path(f"first{suffix}").read_bytes() == Path(f"second{suffix}").read_bytes()


def test_replay_from_a_picture_as_starting_point(
    folder_with_pictures: Path, quick: Quick, tiny_encoder_file: Path
) -> None:
    first = impasto.paint("photo.png", "painting.png", starting_point="painting.png", **quick)
    first.save("out.png")
    assert np.array_equal(impasto.replay("out.png", [tiny_encoder_file]).pixels, first.pixels)
    fresh = impasto.replay("out.png", [tiny_encoder_file], starting_point="content")
    assert fresh.record["inputs"]["starting_picture"] is None
    expected = impasto.paint("photo.png", "painting.png", **quick)
    assert np.array_equal(fresh.pixels, expected.pixels)
    other = impasto.replay("out.png", [tiny_encoder_file], starting_point="photo.png")
    assert other.record["inputs"]["starting_picture"]["name"] == "photo.png"


@pytest.mark.parametrize("stop_at", [(0, 1), (0, 3), (1, 1)])
def test_replay_of_a_stopped_run_stops_there(
    folder_with_pictures: Path, quick: Quick, tiny_encoder_file: Path, stop_at: tuple[int, int]
) -> None:
    stopped = paint_and_stop(stop_at, quick)
    assert stopped.stopped
    assert stopped.record["stopped_after"] == {"scale": stop_at[0], "step": stop_at[1]}
    stopped.save("out.png")
    again = impasto.replay("out.png", [tiny_encoder_file])
    assert np.array_equal(again.pixels, stopped.pixels)
    assert again.record == stopped.record
    # another plan has no such step: painted to the end
    assert not impasto.replay("out.png", [tiny_encoder_file], size_px=40).stopped


def test_replay_with_overrides(painted: impasto.Pastiche, tiny_encoder_file: Path) -> None:
    larger = impasto.replay("out.png", [tiny_encoder_file], size_px=60, seed=9)
    assert larger.pixels.shape == (48, 60, 3)
    assert larger.record["options"] == painted.record["options"] | {"size_px": 60, "seed": 9}
    with pytest.raises(OptionError, match="strength"):
        impasto.replay("out.png", strength=-1)


def test_replay_says_which_input_is_missing(painted: impasto.Pastiche, tiny_encoder_file: Path) -> None:
    with pytest.raises(RecordError, match=r"the encoder 'tiny\.safetensors'"):
        impasto.replay("out.png")
    Path("painting.png").unlink()
    with pytest.raises(RecordError, match=r"the style image 1 'painting\.png'"):
        impasto.replay("out.png", [tiny_encoder_file])


def test_replay_of_a_picture_without_a_record(folder_with_pictures: Path) -> None:
    with pytest.raises(RecordError, match=r"photo\.png"):
        impasto.replay("photo.png")


# ------------------------------------------------------------------------------------------ new runs


def test_options_override_a_recipe_which_overrides_the_defaults(tmp_path: Path) -> None:
    recipe = tmp_path / "mine.toml"
    recipe.write_text("strength = 20\nseed = 4\n")
    resolved = resolve_options(str(recipe), {"seed": 5})
    assert (resolved.strength, resolved.seed, resolved.keep_detail) == (20, 5, PaintOptions().keep_detail)
    assert resolve_options(None, {}) == resolve_options("painterly", {})
    assert resolve_options(None, {"seed": 5}) == PaintOptions(seed=5)


def test_errors_name_options_as_the_caller_spells_them(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="unknown option 'sise_px'"):
        resolve_options(None, {"sise_px": 4})
    with pytest.raises(OptionError, match="--seed"):
        resolve_options(None, {"seed": "many"}, spell="--{}".format)


def test_resolved_options_are_taken_as_they_are(folder_with_pictures: Path) -> None:
    options = build_options({"seed": 7})
    assert build_run("photo.png", "painting.png", options=options, recipe="painterly").options is options


def test_all_that_a_run_reads_is_read_when_it_is_built(folder_with_pictures: Path) -> None:
    controls = Controls()
    mask = np.full((48, 60), 255, np.uint8)
    run = build_run(
        "photo.png",
        "painting.png",
        regions=[Region(mask, "photo.png")],
        recipe="painterly",
        controls=controls,
        options={"starting_point": "painting.png", "color": "palette:photo.png"},
    )
    assert run.controls is controls
    assert (run.recipe, run.dots_per_inch) == ("painterly", 72.0)
    assert run.inputs.starting_picture == impasto.load_picture("painting.png")
    assert run.inputs.palette == impasto.load_picture("photo.png")
    assert [len(region.paintings) for region in run.inputs.regions] == [1, 1]
    assert run.checkpoint_folder is run.resumed is run.pastiche is None


@pytest.mark.parametrize("options", [{"starting_point": "photo.png"}, {"color": "palette:photo.png"}, {}])
def test_every_file_of_a_run_keeps_to_the_limit(folder_with_pictures: Path, options: Quick) -> None:
    """The photo has 2880 pixels, the painting 4096."""
    photo, painting = impasto.load_picture("photo.png"), impasto.load_picture("painting.png")
    for inputs in (("photo.png", painting), (photo, "painting.png")) if not options else ((photo, painting),):
        with pytest.raises(InputError, match="2000 pixels"):
            build_run(*inputs, options=options, max_pixels=2000)


def test_an_array_as_starting_point_goes_by_its_name(folder_with_pictures: Path, photo_pixels: np.ndarray) -> None:
    run = build_run("photo.png", "painting.png", options={"starting_point": photo_pixels})
    assert run.options.starting_point == "array"
    assert run.inputs.starting_picture == impasto.picture_from_array(photo_pixels)


def test_a_sheet_decides_size_and_resolution(folder_with_pictures: Path) -> None:
    """60x48 px on 10 x 10 inches: 10 inches long."""
    run = build_run("photo.png", "painting.png", options={"size_px": 30}, sheet=Print(10, 10, 20))
    assert (run.options.size_px, run.dots_per_inch) == (200, 20)
    texture = build_run(None, "painting.png", recipe="texture", options={}, sheet=Print(10, 10, 20))
    assert texture.options.size_px is None


def test_starting_points_by_name_and_by_path(folder_with_pictures: Path) -> None:
    assert load_starting_picture(PaintOptions(starting_point="noise")) is None
    picture = load_starting_picture(PaintOptions(starting_point="photo.png"))
    assert picture == impasto.load_picture("photo.png")
    (folder_with_pictures / "photo.png").rename("without_an_ending")
    assert load_starting_picture(PaintOptions(starting_point="without_an_ending")) is not None
    with pytest.raises(OptionError, match="unknown starting point 'nois'; did you mean 'noise'"):
        load_starting_picture(PaintOptions(starting_point="nois"))
    with pytest.raises(InputError, match=r"nois\.png"):
        load_starting_picture(PaintOptions(starting_point="nois.png"))


def test_a_palette_is_the_picture_that_the_colour_names(folder_with_pictures: Path) -> None:
    assert load_palette(PaintOptions(color="photo")) is None
    assert load_palette(PaintOptions(color="palette:photo.png")) == impasto.load_picture("photo.png")


# ------------------------------------------------------------------------- replays and enlargements


@pytest.mark.parametrize(
    ("overrides", "stops", "steers"),
    [
        ({}, True, True),
        ({"seed": 3}, True, True),
        ({"strength": 30}, True, False),
        ({"color_strength": 30}, True, False),
        ({"size_px": 40}, False, False),
        ({"steps": (1,)}, False, False),
        ({"min_scale_px": 40}, False, False),
        ({"scale_factor": 1.5}, False, False),
    ],
)
def test_a_replay_stops_and_steers_as_then_while_the_plan_is_the_same(
    folder_with_pictures: Path, quick: Quick, tiny_encoder_file: Path, overrides: Quick, stops: bool, steers: bool
) -> None:
    controls = Controls()
    run = build_run("photo.png", "painting.png", controls=controls, options=quick)
    for event in run:
        if isinstance(event, StepDone) and event.step == 1:
            controls.strength = 70.0
        elif isinstance(event, StepDone):
            controls.stop = True
    assert run.pastiche is not None
    run.pastiche.save("out.png")
    again = build_replay("out.png", [tiny_encoder_file], overrides=overrides)
    assert (again.stop_after is not None, bool(again.steered)) == (stops, steers)
    assert again.replayed is not None
    assert again.resumed is again.checkpoint_folder is None


def test_a_replay_of_a_recipe_still_names_it(folder_with_pictures: Path, quick: Quick, tiny_encoder_file: Path) -> None:
    (folder_with_pictures / "mine.toml").write_text("seed = 1")
    impasto.paint("photo.png", "painting.png", recipe="mine.toml", **quick).save("out.png")
    run = build_replay("out.png", [tiny_encoder_file], overrides={})
    assert (run.recipe, run.options.seed) == ("mine.toml", 1)
    assert run.options.encoder == str(tiny_encoder_file)


def test_an_enlargement_goes_on_where_the_pastiche_ended(painted: impasto.Pastiche, tiny_encoder_file: Path) -> None:
    """Two scales of 32 and 48 px with 3 and 2 steps; the first scale above is a factor of root 2 larger."""
    run = build_enlargement("out.png", [tiny_encoder_file], size_px=96, overrides={})
    options = run.options
    assert (options.size_px, options.starting_point, options.variation, options.steps) == (96, "out.png", 0, (2,))
    assert options.min_scale_px == round(48 * options.scale_factor)
    assert options.content_weight == painted.record["content_weight"]
    assert options.threads is options.tile_px is None
    assert run.inputs.starting_picture is not None
    near = build_enlargement("out.png", [tiny_encoder_file], size_px=50, overrides={})
    assert near.options.min_scale_px == 50
    given = build_enlargement("out.png", [tiny_encoder_file], size_px=96, overrides={"steps": (9,), "seed": 8})
    assert (given.options.steps, given.options.seed) == ((9,), 8)


def test_steps_of_scales_that_were_not_painted_are_left_for_an_enlargement(
    folder_with_pictures: Path, quick: Quick, tiny_encoder_file: Path
) -> None:
    impasto.paint("photo.png", "painting.png", **(quick | {"steps": (3, 2, 5, 4)})).save("out.png")
    assert build_enlargement("out.png", [tiny_encoder_file], size_px=96, overrides={}).options.steps == (5, 4)


def test_an_enlargement_for_a_sheet(painted: impasto.Pastiche, tiny_encoder_file: Path) -> None:
    run = build_enlargement("out.png", [tiny_encoder_file], sheet=Print(10, 10, 10), overrides={})
    assert (run.options.size_px, run.dots_per_inch) == (100, 10)


@pytest.mark.parametrize(
    ("size", "message"),
    [
        ({}, "an enlargement needs its size"),
        ({"size_px": 96, "sheet": Print(1, 1, 100)}, "an enlargement needs its size"),
        ({"size_px": 48}, "out.png is 48 px long already; an enlargement is longer, got 48"),
        ({"sheet": Print(1, 1, 20)}, "got 20"),
    ],
)
def test_sizes_that_an_enlargement_cannot_have(painted: impasto.Pastiche, size: Quick, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        build_enlargement("out.png", overrides={}, **size)


def test_an_enlargement_goes_on_with_options_as_they_were_steered(
    folder_with_pictures: Path, quick: Quick, tiny_encoder_file: Path
) -> None:
    controls = Controls()
    run = build_run("photo.png", "painting.png", controls=controls, options=quick)
    for event in run:
        if isinstance(event, StepDone) and (event.scale, event.step) == (1, 1):
            controls.strength = 77.0
    assert run.pastiche is not None
    run.pastiche.save("out.png")
    larger = build_enlargement("out.png", [tiny_encoder_file], size_px=96, overrides={})
    assert larger.options.strength == 77
    assert larger.steered == []


def test_a_resumed_run_has_everything_that_it_began_with(folder_with_pictures: Path, quick: Quick) -> None:
    stop = Controls(stop=True)
    impasto.paint("photo.png", "painting.png", controls=stop, run_folder="run", **quick)
    controls = Controls()
    run, state, notes = build_resume("run", controls=controls, checkpoint_seconds=7.0, trusts=trusts_all)
    assert run.controls is controls
    assert (run.checkpoint_folder, run.checkpoint_seconds) == (Path("run"), 7.0)
    assert run.resumed is not None
    assert run.options == state.options
    assert (run.options.size_px, run.options.threads) == (48, 1)
    assert [file.name for file in run.inputs.files] == ["photo.png", "painting.png"]
    assert notes == []
    assert not controls.stop
