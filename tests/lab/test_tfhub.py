"""The column tfhub: real TensorFlow on a SavedModel with the signature of Google's, written here."""

from __future__ import annotations

import csv
import functools
import http.server
import io
import re
import sys
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import impasto
from impasto.errors import InputError, OptionError
from impasto.images.reading import load_picture
from impasto.lab.tfhub import STYLE_PX, fetch_model, stylize
from impasto.options.fields import PaintOptions
from impasto.storage.installed import install_command

pytestmark = pytest.mark.filterwarnings("default")  # TensorFlow's own

OPTIONS = PaintOptions(size_px=50)


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SavedModel that takes photo and painting and gives their halves' sum, a multiple of 4 px a side.

    Of the painting it takes the mean colour, and it refuses one that is not 256 x 256 px.
    """
    tf = pytest.importorskip("tensorflow", reason="TensorFlow is not installed (the extra tfhub-test)")
    pictures = tf.TensorSpec([None, None, None, 3], tf.float32)

    class Model(tf.Module):  # type: ignore[misc, name-defined]
        @tf.function(input_signature=[pictures, pictures])  # type: ignore[untyped-decorator]
        def __call__(self, placeholder: Any, placeholder_1: Any) -> list[Any]:
            tf.debugging.assert_equal(tf.shape(placeholder_1), [1, STYLE_PX, STYLE_PX, 3])
            sides = tf.shape(placeholder)[1:3]
            spare = -sides % 4
            padded = tf.pad(placeholder, [[0, 0], [0, spare[0]], [0, spare[1]], [0, 0]], "REFLECT")
            return [0.5 * padded + 0.5 * tf.reduce_mean(placeholder_1, [1, 2], keepdims=True)]

    folder = tmp_path_factory.mktemp("models") / "stylization"
    module = Model()
    tf.saved_model.save(module, str(folder), signatures={"serving_default": _named(tf, module)})
    return folder


def _named(tf: Any, module: Any) -> Any:
    """The signature as the hub's model has it: ``placeholder``, ``placeholder_1`` to ``output_0``."""
    specs = [tf.TensorSpec([None, None, None, 3], tf.float32, name=name) for name in ("placeholder", "placeholder_1")]
    return tf.function(lambda placeholder, placeholder_1: {"output_0": module(placeholder, placeholder_1)[0]},
                       input_signature=specs)  # fmt: skip


@pytest.fixture
def archive(model: Path) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as tar:
        for path in sorted(model.rglob("*")):
            tar.add(path, path.relative_to(model).as_posix(), recursive=False)
    return file.getvalue()


class _Hub(http.server.BaseHTTPRequestHandler):
    def __init__(self, *arguments: Any, body: bytes, asked: list[str]) -> None:
        self.body, self.asked = body, asked
        super().__init__(*arguments)

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    """A hub on this machine: give it what it sends, get its address and the paths it was asked for."""
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path / "cache"))
    servers = []

    def start(body: bytes) -> tuple[str, list[str]]:
        asked: list[str] = []
        handler = functools.partial(_Hub, body=body, asked=asked)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}/google/model/2", asked

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_a_pair_is_painted_in_one_pass(model: Path, folder_with_pictures: Path) -> None:
    photo, painting = load_picture("photo.png"), load_picture("painting.png")
    pixels, seconds = stylize(photo, painting, OPTIONS, model)
    color = painting.pixels(STYLE_PX, STYLE_PX).mean((0, 1))
    assert pixels.shape == (40, 50, 3)
    assert np.allclose(pixels, 0.5 * photo.pixels(40, 50) + 0.5 * color, atol=1e-5)
    assert seconds >= 0


def test_a_folder_makes_a_column(model: Path, folder_with_pictures: Path, quick: dict[str, Any]) -> None:
    run = impasto.compare("photo.png", "painting.png", [f"tfhub:{model}=Google", "painterly"], folder="run", **quick)
    assert run.failed == []
    with Image.open("run/pastiches/Google.png") as picture:
        assert picture.size == (48, 38)
    before = Path("run/pastiches/Google.png").read_bytes()
    assert impasto.again("run", "second", trust=True).failed == []
    assert Path("second/pastiches/Google.png").read_bytes() == before


def test_the_hub_is_asked_once(serve: Any, archive: bytes, model: Path, folder_with_pictures: Path) -> None:
    address, asked = serve(archive)
    photo, painting = load_picture("photo.png"), load_picture("painting.png")
    fetched, _ = stylize(photo, painting, OPTIONS, address)
    again, _ = stylize(photo, painting, OPTIONS, address)
    local, _ = stylize(photo, painting, OPTIONS, model)
    assert asked == ["/google/model/2?tf-hub-format=compressed"]
    assert np.array_equal(fetched, local)
    assert np.array_equal(fetched, again)


def test_a_fetched_model_lies_unpacked_in_the_cache(serve: Any, tmp_path: Path) -> None:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as tar:
        for name in ("saved_model.pb", "variables/variables.index"):
            entry = tarfile.TarInfo(name)
            entry.size = len(name)
            tar.addfile(entry, io.BytesIO(name.encode()))
    address, asked = serve(file.getvalue())
    folder = fetch_model(address)
    assert fetch_model(address) == folder
    assert asked == ["/google/model/2?tf-hub-format=compressed"]
    assert (folder / "variables/variables.index").read_text() == "variables/variables.index"
    assert list((tmp_path / "cache").iterdir()) == [folder]


@pytest.mark.parametrize("damage", ["a web page", "cut short", "another archive", "climbs out"])
def test_a_hub_that_sends_something_else(serve: Any, damage: str, tmp_path: Path) -> None:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as tar:
        entry = tarfile.TarInfo("../outside.txt" if damage == "climbs out" else "readme.txt")
        entry.size = 50_000
        tar.addfile(entry, io.BytesIO(np.random.default_rng(0).bytes(50_000)))
    body = {"a web page": b"<html>sign in</html>", "cut short": file.getvalue()[:20_000]}.get(damage, file.getvalue())
    address, _ = serve(body)
    with pytest.raises(InputError, match="tfhub:FOLDER"):
        fetch_model(address)
    assert not list((tmp_path / "cache").iterdir())
    assert not (tmp_path / "outside.txt").exists()


def test_without_hub_or_model_the_other_columns_are_made(
    folder_with_pictures: Path, quick: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("tensorflow", reason="TensorFlow is not installed (the extra tfhub-test)")
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(folder_with_pictures / "cache"))
    nowhere = "tfhub:http://127.0.0.1:9/model=Google"
    run = impasto.compare("photo.png", "painting.png", [nowhere, "painterly"], folder="run", **quick)
    assert run.failed == ["Google"]
    with Path("run/results.csv").open(newline="") as file:
        google, painterly = csv.DictReader(file)
    assert "cannot fetch http://127.0.0.1:9/model" in google["error"]
    assert "\n" not in google["error"]
    assert painterly["status"] == "done"


def test_without_tensorflow_one_line(
    folder_with_pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    photo = load_picture("photo.png")
    with pytest.raises(OptionError, match="TensorFlow is not installed.*" + re.escape(install_command("tfhub"))):
        stylize(photo, photo, OPTIONS, tmp_path)


def test_a_folder_that_is_no_model(folder_with_pictures: Path, model: Path, tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").write_bytes(b"no graph")
    photo = load_picture("photo.png")
    with pytest.raises(InputError, match="no SavedModel"):
        stylize(photo, photo, OPTIONS, tmp_path)
