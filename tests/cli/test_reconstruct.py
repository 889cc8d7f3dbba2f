"""``impasto reconstruct``, ``impasto texture`` and ``--timelapse`` on the command line; the strip of figure 1."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence

import impasto
from impasto.cli import main as cli
from impasto.cli.display import QuietDisplay
from impasto.cli.reconstruct import strip_layers
from impasto.events import StepDone
from impasto.options.spelling import flag_name, format_value

QUICK = ["--steps", "4", "--threads", "1", "--quiet"]


def frames_of(path: str) -> int:
    with Image.open(path) as image:
        return sum(1 for _ in ImageSequence.Iterator(image))


def test_layers_of_figure_1() -> None:
    content, style = strip_layers("content"), strip_layers("style")
    assert list(content) == list(style) == ["relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"]
    assert content["relu3_1"] == {"relu3_1": 1.0}
    assert style["relu3_1"] == {"relu1_1": 1.0, "relu2_1": 1.0, "relu3_1": 1.0}


def test_reconstruct_content_ends_as_a_picture_and_a_time_lapse(folder_with_pictures: Path) -> None:
    code = cli.main(
        ["reconstruct", "content", "photo.png", "--layer", "relu2_1", "-o", "r.png", "--size", "48", *QUICK]
    )
    assert code == 0
    record = impasto.read_record("r.png")
    assert record["options"]["content_layers"] == {"relu2_1": 1.0}  # type: ignore[index]
    assert record["inputs"]["paintings"] == []  # type: ignore[index]
    assert frames_of("r.gif") > 1
    assert not Path("r.png.run").exists()


@pytest.mark.parametrize(
    "words",
    [
        ["reconstruct", "content", "photo.png", "--size", "48", "--no-timelapse"],
        ["reconstruct", "style", "painting.png", "--layers", "relu1_1,relu2_1:2", "--size", "48", "--no-timelapse"],
        ["texture", "painting.png", "photo.png:0.3", "--size", "64x32", "--seamless"],
    ],
)
def test_what_is_painted_from_one_picture_replays(folder_with_pictures: Path, words: list[str]) -> None:
    assert cli.main([*words, "-o", "one.png", *QUICK]) == 0
    assert cli.main(["info", "one.png"]) == 0
    assert cli.main(["replay", "one.png", "-o", "two.png", "--quiet"]) == 0
    one, two = (np.asarray(Image.open(name)) for name in ("one.png", "two.png"))
    assert np.array_equal(one, two)


def test_in_python_too(folder_with_pictures: Path) -> None:
    texture = impasto.paint(None, "painting.png", recipe="texture", shape_px="48x32", steps=3, threads=1)
    assert texture.pixels.shape == (32, 48, 3)
    again = impasto.paint("photo.png", None, recipe="reconstruct-content", size_px=48, steps=3, threads=1)
    again.save("again.png")
    assert np.array_equal(impasto.replay("again.png").pixels, again.pixels)


@pytest.mark.parametrize("kind", ["content", "style"])
def test_all_layers_make_a_strip_and_its_pictures(folder_with_pictures: Path, kind: str) -> None:
    image = {"content": "photo.png", "style": "painting.png"}[kind]
    words = ["reconstruct", kind, image, "--all-layers", "-o", "strip.png", "--size", "32", "--no-timelapse"]
    assert cli.main([*words, *QUICK]) == 0
    names = [f"strip-{name}.png" for name in strip_layers(kind)]
    assert all(Path(name).is_file() for name in names)
    layers = impasto.read_record(names[2])["options"][f"{kind}_layers"]  # type: ignore[index]
    assert layers == strip_layers(kind)["relu3_1"]
    with Image.open("strip.png") as strip:
        assert strip.width > 6 * 250
        assert np.asarray(strip)[-100, ::280].std() > 10
    # nothing is painted over what is there
    assert cli.main([*words, *QUICK]) == 1


def test_all_layers_come_out_of_noise_side_by_side(folder_with_pictures: Path) -> None:
    words = ["reconstruct", "content", "photo.png", "--all-layers", "-o", "strip.png", "--size", "32", "--quiet"]
    assert cli.main([*words, "--steps", "8", "--threads", "1", "--timelapse", "all.webp"]) == 0
    assert frames_of("all.webp") == max(frames_of(f"all-{name}.webp") for name in strip_layers("content"))
    assert frames_of("all.webp") > 2
    with Image.open("all.webp") as lapse, Image.open("strip.png") as strip:
        size = lapse.size
        first = np.asarray(lapse.convert("RGB"), float)
        lapse.seek(lapse.n_frames - 1)
        last = np.asarray(lapse.convert("RGB"), float)
        still = np.asarray(strip.resize(size), float)
    # The original stands still at the left, the panels move; in the end all is as on the strip.
    sixth = size[0] // 6
    assert np.abs(first - last)[:, :sixth].mean() < 2 < np.abs(first - last)[:, sixth:].mean()
    assert np.abs(still - last)[80:, 2 * sixth :].mean() < np.abs(still - first)[80:, 2 * sixth :].mean()


def test_a_texture_says_what_it_was_rounded_to(folder_with_pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [
        "texture",
        "painting.png",
        "-o",
        "t.png",
        "--size",
        "60x30",
        "--seamless",
        "--steps",
        "2",
        "--threads",
        "1",
    ]
    assert cli.main(words) == 0
    told = capsys.readouterr()
    assert "64x32 px in place of 60x30 px" in told.err
    assert "t.png: 64x32 px" in told.out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["reconstruct", "content", "photo.png", "--layer", "relu1_1", "--content-layers", "relu2_1"], "named twice"),
        (["reconstruct", "content", "photo.png", "--layer", "relu1_1", "--all-layers"], "exclude each other"),
        (["reconstruct", "style", "photo.png", "--timelapse", "a.gif", "--no-timelapse"], "exclude each other"),
        (["texture", "painting.png", "--seamless", "--padding-mode", "zeros"], "--seamless is --padding-mode circular"),
        (["texture", "painting.png", "--size", "12xx"], "--shape"),
        (["texture", "painting.png", "--timelapse", "x.avi"], "a time-lapse is .gif, .webp or .mp4"),
        (["paint", "photo.png", "painting.png", "--timelapse", "out.png"], "are the same file"),
    ],
)
def test_wrong_usage(
    folder_with_pictures: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    assert cli.main([*words, "-o", "out.png", *QUICK]) == 2
    told = capsys.readouterr().err
    assert message in told
    assert told.count("\n") == 1
    assert not Path("out.png").exists()


def test_any_painting_command_makes_a_time_lapse(folder_with_pictures: Path) -> None:
    quick = {"size_px": 48, "min_scale_px": 32, "steps": (3, 2), "threads": 1}
    quick_flags = [part for name, value in quick.items() for part in (flag_name(name), format_value(value))]
    lapse = ["--timelapse-size", "32", "--timelapse-seconds", "1", "--quiet"]
    words = ["paint", "photo.png", "painting.png", "-o", "p.png", *quick_flags]
    assert cli.main([*words, "--timelapse", "p.webp", *lapse]) == 0
    assert frames_of("p.webp") > 1
    with Image.open("p.webp") as image:
        assert max(image.size) == 32
    plain = impasto.paint("photo.png", "painting.png", **quick)
    assert np.array_equal(np.asarray(Image.open("p.png")), np.rint(plain.pixels * 255).astype(np.uint8))
    assert cli.main(["replay", "p.png", "-o", "q.png", "--timelapse", "q.gif", *lapse]) == 0
    assert frames_of("q.gif") == frames_of("p.webp")


def test_a_resumed_run_ends_with_the_time_lapse_of_the_whole(
    folder_with_pictures: Path, quick_flags: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["paint", "photo.png", "painting.png", "-o", "p.png", "--timelapse", "p.gif", "--quiet", *quick_flags]
    assert cli.main(words) == 0
    whole = Path("p.gif").read_bytes()
    for name in ("p.png", "p.gif"):
        Path(name).unlink()

    class StopsAtFour(QuietDisplay):
        steps = 0

        def show(self, event: object) -> None:
            if isinstance(event, StepDone):
                self.steps += 1
                if self.steps == 4:
                    os.kill(os.getpid(), signal.SIGINT)

    with monkeypatch.context() as patched:
        patched.setattr("impasto.cli.display.choose_display", lambda quiet: StopsAtFour())
        assert cli.main(words) == 130
    assert list(Path("p.png.run").glob("frame-*.npy"))
    described = json.dumps(impasto.read_record("p.png"))
    assert "stopped_after" in described
    assert cli.main(["resume", "p.png.run", "--quiet", "--overwrite", "--trust"]) == 0
    assert not Path("p.png.run").exists()
    assert Path("p.gif").read_bytes() == whole
