"""The Python face."""

from __future__ import annotations

import ast
import asyncio
import inspect
import signal
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import impasto
from impasto.errors import InputError, OptionError
from impasto.events import Controls, RunDone, RunStarted, ScaleStarted, StepDone

Quick = dict[str, Any]

# ---------------------------------------------------------------------------------- import impasto


def loaded_by(code: str) -> set[str]:
    """Heavy packages that `code` loads, in an interpreter of its own."""
    watch = ["torch", "numpy", "pyvips", "pydantic", "cyclopts", "rich", "safetensors", "jaxtyping"]
    script = f"import sys\n{code}\nprint(*[name for name in {watch} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split("\n")[-2].split())


def test_import_loads_nothing_heavy() -> None:
    assert loaded_by("import impasto; impasto.__version__; dir(impasto)") == set()


def test_names_that_need_no_torch_load_none() -> None:
    names = ["PaintOptions", "ImpastoError", "Controls", "StepDone", "paint", "load_picture", "Pastiche"]
    assert "torch" not in loaded_by(f"import impasto\nfor name in {names}: getattr(impasto, name)")


PUBLIC_NAMES = """
    CheckpointError CheckpointSaved Controls Event FetchProgressed FilmDone FilmStarted FrameDone FramesRead
    ImpastoError InputError LabRun Notice OptionError OutputError PaintOptions Painting Pastiche Picture
    PreviewReady RecordError Region Resumed RunDone RunStarted ScaleStarted ShotStarted Steered StepDone
    WeightsError __version__ again apaint batch bundled_paintings compare draft drafts enlarge film iter_paint
    load_picture load_recipe paint picture_from_array read_record recipe_names replay resume save_picture
    save_style show sweep
"""


def test_the_public_names_are_these() -> None:
    assert sorted(impasto.__all__) == PUBLIC_NAMES.split()
    assert set(impasto.__all__) <= set(dir(impasto))
    with pytest.raises(AttributeError, match="no attribute 'pant'"):
        impasto.pant  # noqa: B018


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("paint", "photo painting regions recipe controls on_event run_folder checkpoint_seconds options"),
        ("apaint", "photo painting regions recipe controls on_event options"),
        ("show", "photo painting regions recipe controls options"),
        ("iter_paint", "photo painting regions recipe controls options"),
        ("draft", "photo painting regions sheet max_pixels options"),
        ("replay", "path inputs on_event overrides"),
        ("resume", "run_folder inputs trust controls on_event"),
        ("enlarge", "path size_px inputs on_event overrides"),
        ("sweep", "photo painting vary folder regions recipe judge ray controls options"),
        ("batch", "photos paintings folder regions recipe judge trust ray controls options"),
        ("compare", "photo painting columns folder judge ray controls options"),
        ("again", "folder into judge trust ray controls"),
        ("drafts", "photos paintings folder regions overwrite options"),
        ("save_style", "painting path max_pixels overwrite"),
    ],
)
def test_the_parameters_of_public_functions_are_these(name: str, parameters: str) -> None:
    assert list(inspect.signature(getattr(impasto, name)).parameters) == parameters.split()


def test_type_checkers_know_the_same_names_from_the_same_modules() -> None:
    tree = ast.parse(Path(impasto.__file__).read_text(encoding="utf-8"))
    statements = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    known = {alias.asname: f"{node.module}.{alias.name}" for node in statements for alias in node.names if alias.asname}
    for name in impasto.__all__:
        module, _, attribute = known.pop(name).rpartition(".")
        assert getattr(impasto, name) is getattr(import_module(module), attribute)
    assert not [name for name in known if not name.startswith("_")]


# ------------------------------------------------------------------------------------------- paint


def test_paint_from_paths(folder_with_pictures: Path, quick: Quick) -> None:
    pastiche = impasto.paint("photo.png", folder_with_pictures / "painting.png", **quick)
    assert pastiche.pixels.shape == (38, 48, 3)
    assert pastiche.pixels.dtype == np.float32
    assert 0 <= pastiche.pixels.min() < pastiche.pixels.max() <= 1
    assert pastiche.alpha is None
    assert not pastiche.stopped
    assert pastiche.seconds > 0
    assert pastiche.record["options"]["size_px"] == 48


def test_arrays_tensors_and_pictures_paint_alike(
    folder_with_pictures: Path, quick: Quick, photo_pixels: np.ndarray, painting_pixels: np.ndarray
) -> None:
    expected = impasto.paint("photo.png", "painting.png", **quick).pixels
    tensors = [torch.from_numpy(p).permute(2, 0, 1) for p in (photo_pixels, painting_pixels)]
    for content, style in (
        (photo_pixels, painting_pixels),
        (tensors[0], tensors[1][None]),
        (impasto.load_picture("photo.png"), [impasto.load_picture("painting.png")]),
    ):
        assert np.array_equal(impasto.paint(content, style, **quick).pixels, expected)


def test_a_list_of_paintings_blends(folder_with_pictures: Path, quick: Quick, photo_pixels: np.ndarray) -> None:
    def paint(style: Any) -> np.ndarray:
        return impasto.paint("photo.png", style, **quick).pixels

    alone = paint("painting.png")
    assert np.array_equal(paint([("painting.png", 5.0)]), alone), "the weight of one painting alone has no say"
    blended = paint([("painting.png", 1.0), (photo_pixels, 3.0)])
    assert not np.array_equal(blended, alone)
    assert np.array_equal(paint([("painting.png", 2), (photo_pixels, 6)]), blended), "weights are shares"


def test_iter_paint_tells_what_happens(folder_with_pictures: Path, quick: Quick) -> None:
    events = list(impasto.iter_paint("photo.png", "painting.png", **quick))
    assert isinstance(events[0], RunStarted)
    assert events[0].steps == (3, 2)
    assert [(e.height_px, e.width_px) for e in events if isinstance(e, ScaleStarted)] == [*events[0].scales_px]
    assert [(e.scale, e.step) for e in events if isinstance(e, StepDone)] == [
        (0, 1), (0, 2), (0, 3), (1, 1), (1, 2),
    ]  # fmt: skip
    done = events[-1]
    assert isinstance(done, RunDone)
    pastiche = impasto.paint("photo.png", "painting.png", **quick)
    assert done.pastiche == pastiche
    assert done.pastiche.pixels is done.pixels


def test_iter_paint_checks_before_the_first_event(folder_with_pictures: Path) -> None:
    with pytest.raises(OptionError, match="size_px"):
        impasto.iter_paint("photo.png", "painting.png", size_px=0)
    with pytest.raises(InputError, match=r"nothing\.png"):
        impasto.iter_paint("photo.png", "nothing.png")


def test_on_event_sees_them_too_and_notices_are_logged(
    folder_with_pictures: Path, quick: Quick, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[impasto.Event] = []
    flat = np.full((40, 60, 3), 90, np.uint8)
    pastiche = impasto.paint(flat, "painting.png", on_event=seen.append, **quick)
    assert [type(event) for event in seen] == [
        type(event) for event in impasto.iter_paint(flat, "painting.png", **quick)
    ]
    assert pastiche.notices
    assert caplog.messages == list(pastiche.notices)
    pastiche.save("out.png")
    Image.fromarray(flat).save("flat.png")
    events: list[impasto.Event] = []
    with pytest.raises(ZeroDivisionError):
        impasto.paint("photo.png", "painting.png", on_event=lambda event: 1 // 0, **quick)
    impasto.paint("photo.png", "painting.png", **quick).save("plain.png")
    impasto.replay("plain.png", [quick["encoder"]], on_event=events.append)
    assert isinstance(events[-1], RunDone)


def test_threads_are_given_back(folder_with_pictures: Path, quick: Quick) -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        impasto.paint("photo.png", "painting.png", **quick)  # with one
        assert torch.get_num_threads() == 3
        events = impasto.iter_paint("photo.png", "painting.png", **quick)
        next(events)
        assert torch.get_num_threads() == 1
        events.close()  # type: ignore[attr-defined]
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_a_draft_that_is_replayed_gives_the_threads_back(folder_with_pictures: Path) -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        impasto.draft("photo.png", "painting.png", size_px=32).save("draft.png")
        torch.set_num_threads(3)
        impasto.replay("draft.png")  # with one, as then
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_ctrl_c_leaves_a_checkpoint_in_the_run_folder(folder_with_pictures: Path, quick: Quick) -> None:
    def interrupt(event: impasto.Event) -> None:
        if isinstance(event, StepDone) and (event.scale, event.step) == (0, 2):
            signal.raise_signal(signal.SIGINT)

    signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell takes from what it runs in the background
    with pytest.raises(KeyboardInterrupt):
        impasto.paint("photo.png", "painting.png", on_event=interrupt, run_folder="run", **quick)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    resumed = impasto.resume("run", trust=True)
    assert np.array_equal(resumed.pixels, impasto.paint("photo.png", "painting.png", **quick).pixels)
    with pytest.raises(KeyboardInterrupt):  # without a folder there is nothing to wait for
        impasto.paint("photo.png", "painting.png", on_event=interrupt, **quick)


def test_apaint_leaves_the_loop_free_and_stops_when_it_is_cancelled(folder_with_pictures: Path, quick: Quick) -> None:
    async def both() -> tuple[impasto.Pastiche, int]:
        painting = asyncio.create_task(impasto.apaint("photo.png", "painting.png", **quick))
        turns = 0
        while not painting.done():
            await asyncio.sleep(0.001)
            turns += 1
        return painting.result(), turns

    pastiche, turns = asyncio.run(both())
    assert turns > 2
    assert np.array_equal(pastiche.pixels, impasto.paint("photo.png", "painting.png", **quick).pixels)

    async def cancel() -> Controls:
        controls, begun = Controls(), asyncio.Event()
        loop = asyncio.get_running_loop()
        painting = asyncio.create_task(
            impasto.apaint("photo.png", "painting.png", controls=controls,
                           on_event=lambda event: loop.call_soon_threadsafe(begun.set),
                           **quick | {"steps": 1000, "stop_tolerance": 0})
        )  # fmt: skip
        await begun.wait()
        painting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await painting
        return controls

    assert asyncio.run(cancel()).stop


def test_stopping_returns_the_picture_as_it_stands(folder_with_pictures: Path, quick: Quick) -> None:
    pastiche = impasto.paint("photo.png", "painting.png", controls=Controls(stop=True), **quick)
    assert pastiche.stopped
    assert pastiche.pixels.shape == (38, 48, 3)
    assert pastiche.record["stopped_after"] == {"scale": 0, "step": 1}


def test_a_picture_as_starting_point(folder_with_pictures: Path, quick: Quick, painting_pixels: np.ndarray) -> None:
    by_path = impasto.paint("photo.png", "painting.png", starting_point="painting.png", **quick)
    by_array = impasto.paint("photo.png", "painting.png", starting_point=painting_pixels, **quick)
    assert np.array_equal(by_path.pixels, by_array.pixels)
    assert not np.array_equal(by_path.pixels, impasto.paint("photo.png", "painting.png", **quick).pixels)
    assert by_path.record["options"]["starting_point"] == "painting.png"
    assert by_path.record["inputs"]["starting_picture"]["name"] == "painting.png"


def test_alpha_of_the_photo_is_kept(folder_with_pictures: Path, quick: Quick, photo_pixels: np.ndarray) -> None:
    alpha = np.zeros((*photo_pixels.shape[:2], 1), np.uint8)
    alpha[:, 30:] = 255
    pastiche = impasto.paint(np.concatenate([photo_pixels, alpha], axis=2), "painting.png", **quick)
    assert pastiche.alpha is not None
    assert pastiche.alpha.shape == (38, 48)
    pastiche.save("cut.png")
    kept = impasto.load_picture("cut.png").alpha()
    assert kept is not None
    assert (kept[:, :20] < 0.05).all()
    assert (kept[:, 28:] > 0.95).all()


# ------------------------------------------------------------------------------------------- wrong


@pytest.mark.parametrize(
    ("content", "style", "error", "words"),
    [
        ("photo.png", [], OptionError, "at least one painting"),
        ("photo.png", ("painting.png", -0.7), OptionError, "-0.7"),
        (17, "painting.png", OptionError, "17"),
        (None, "painting.png", OptionError, "no photo given"),
        ("photo.png", None, OptionError, "no painting given"),
        (np.zeros((3, 5)), np.zeros((2, 2, 7)), InputError, r"\[2, 2, 7\]"),
        ("missing.png", "painting.png", InputError, r"missing\.png"),
    ],
)
def test_what_is_no_picture(
    folder_with_pictures: Path, content: Any, style: Any, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        impasto.paint(content, style)


def test_unknown_names_offer_the_nearest(folder_with_pictures: Path, quick: Quick) -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({"sise_px": 3}, "did you mean 'size_px'"),
        ({"recipe": "painterl"}, "did you mean 'painterly'"),
        ({"starting_point": "nois"}, "did you mean 'noise'"),
        ({"style_layers": "rellu4_1"}, "did you mean 'relu4_1'"),
        ({"encoder": "light"}, "did you mean 'lite'"),
    ]
    for options, words in cases:
        with pytest.raises(OptionError, match=words):
            impasto.paint("photo.png", "painting.png", **(quick | options))
