"""Published weights: fetched on first use, verified, converted once and stored; or imported from a file."""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout
from safetensors import SafetensorError

from impasto.encoders.conversion import read_published
from impasto.encoders.sources import SOURCES, Source, find_source
from impasto.encoders.store import FOLDER_VARIABLE, Stored, find_stored, list_stored, stored_path, weights_folder
from impasto.encoders.weights import hash_file, load_encoder, read_about, save_encoder_file
from impasto.errors import ImpastoError, OutputError, WeightsError
from impasto.events import Event, FetchProgressed, Notice

if TYPE_CHECKING:
    from torch import Tensor

TIMEOUT_SECONDS = 30.0  # without a byte


def iter_fetch(name: str, *, half: bool = False) -> Iterator[Event]:
    """Bring the weights of a source of `SOURCES` here, yielding what happens; nothing is fetched twice.

    A published file that lies in the folder of weights already is used and kept. A download that was broken goes
    on where it ended. With `half`, convolutions are stored in half precision.

    Raises `OptionError` for an unknown name, `WeightsError` where the file cannot be fetched, is not the
    published one, or cannot be stored.
    """
    source = find_source(name)
    folder = weights_folder(create=True)
    with _storage_errors(folder, source):
        lock, waits = _lock(folder / f"{name}.lock")
        if waits:
            yield Notice(f"another impasto is fetching {name}: waiting for it")
            lock.acquire()
        try:
            stored = find_stored(name)
            if stored and hash_file(stored.path) != stored.sha256:
                yield Notice(f"{stored.path} is damaged: getting {name} again")
                stored = None
            by_hand, part = folder / source.file_name, folder / f"{source.file_name}.part"
            if stored and half and read_about(stored.path).get("precision") != "half":
                yield Notice(f"{name}: stored again in half precision")
                _store_half(stored, source)
            elif stored:
                yield Notice(f"{name} is here already: {stored.path}")
            elif by_hand.exists():
                yield Notice(f"{name}: importing {by_hand}")
                import_published(by_hand, half=half)
            else:
                yield from _iter_download(source, part)
                yield Notice(f"{name}: verified; converting")
                _store(part, source, half=half)
                part.unlink()
        finally:
            lock.release()


def import_published(path: Path, *, half: bool = False) -> tuple[Source, Stored]:
    """Verify and store a published file, told by its size and hash; the file itself is left as it is.

    Raises `WeightsError` for any other file, and where it cannot be stored.
    """
    for source in SOURCES.values():
        differences = _differences(path, source)
        if not differences:
            with _storage_errors(weights_folder(create=True), source):
                return source, _store(path, source, half=half)
        if path.name == source.file_name:
            raise WeightsError(f"{path} is not the published file of that name: {differences}")
    raise WeightsError(
        f"{path} is none of the published files ({', '.join(s.file_name for s in SOURCES.values())}); "
        "with --output an encoder file is made of any VGG-16 or VGG-19"
    )


def convert(path: Path, output: Path, *, half: bool = False) -> None:
    """Make an encoder file of any VGG-16 or VGG-19 in a published layout, whoever trained it.

    Raises `WeightsError` for another file, `OutputError` where `output` cannot be written.
    """
    architecture, layout, tensors = read_published(path)
    about = {
        "source": path.name,
        "source_sha256": hash_file(path),
        "input": f"{layout.name}'s normalisation, folded in",
    }
    try:
        save_encoder_file(
            output, output.stem, architecture, _rounded(tensors, half), mean=layout.mean, about=about | _precision(half)
        )
    except (OSError, SafetensorError) as error:
        raise OutputError(f"cannot write {output}: {error}") from error


def _differences(path: Path, source: Source) -> str:
    """How a file differs from the published one, by size and hash; empty: it does not."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            if size != source.size_bytes:
                page = ", and it is a web page" if file.read(64).lstrip().startswith(b"<") else ""
                return f"it has {size:,} bytes, expected {source.size_bytes:,}{page}"
            algorithm = partial(hashlib.new, source.algorithm, usedforsecurity=False)
            digest = hashlib.file_digest(file, algorithm).hexdigest()
    except OSError as error:
        raise WeightsError(f"cannot read {path}: {error.strerror}") from error
    return "" if digest == source.digest else f"its {source.algorithm.upper()} is {digest}, expected {source.digest}"


# ------------------------------------------------------------------------------------------ the network


def _iter_download(source: Source, part: Path) -> Iterator[Event]:
    """Leave the verified file at `part`."""
    yield Notice(f"fetching {source.url} ({format_size(source.size_bytes)})")
    resumed = _size(part) > 0
    yield from _iter_parts(source, part)
    differences = _differences(part, source)
    if differences and resumed:
        yield Notice(f"what an earlier download left does not fit ({differences}): fetching all of it again")
        part.unlink()
        yield from _iter_parts(source, part)
        differences = _differences(part, source)
    if differences:
        part.unlink()
        raise WeightsError(f"{source.url} did not give the published file: {differences}. {_by_hand(source)}")


def _iter_parts(source: Source, part: Path) -> Iterator[Event]:
    """Connect again as long as each connection brings something."""
    import httpx

    while (have := _size(part)) < source.size_bytes:
        reason = "the connection ends early"
        try:
            yield from _iter_receive(source, part, have)
        except httpx.HTTPError as error:
            reason = str(error) or type(error).__name__
        if _size(part) <= have:
            raise _unreachable(source, reason)


def _iter_receive(source: Source, part: Path, have: int) -> Iterator[Event]:
    """One connection: append to `part` from `have` on, or start over where the server knows no ranges."""
    import httpx

    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with httpx.stream("GET", source.url, headers=headers, follow_redirects=True, timeout=TIMEOUT_SECONDS) as response:
        if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
            part.unlink()
        if response.status_code not in (httpx.codes.OK, httpx.codes.PARTIAL_CONTENT):
            raise _unreachable(source, f"the server answers {response.status_code} {response.reason_phrase}")
        have = have if response.status_code == httpx.codes.PARTIAL_CONTENT else 0
        announced = int(response.headers.get("Content-Length", source.size_bytes - have))
        kind = response.headers.get("Content-Type", "")
        if kind.startswith("text/html"):
            raise _unreachable(source, "the server sends a web page, for a login or an error")
        if have + announced != source.size_bytes:
            raise _unreachable(source, f"the server sends {have + announced:,} bytes, not {source.size_bytes:,}")
        with part.open("ab" if have else "wb") as file:
            for chunk in response.iter_raw():
                if not have and chunk.lstrip().startswith(b"<"):
                    raise _unreachable(source, "the server sends a web page, for a login or an error")
                before, have = have, have + len(chunk)
                file.write(chunk)
                if have > source.size_bytes:
                    break
                if 100 * before // source.size_bytes != 100 * have // source.size_bytes:
                    yield FetchProgressed(source.file_name, have, source.size_bytes)


@contextmanager
def _storage_errors(folder: Path, source: Source) -> Iterator[None]:
    """Put what a disk says into one line."""
    try:
        yield
    except ImpastoError:
        raise
    except (OSError, SafetensorError) as error:
        full = getattr(error, "errno", None) == errno.ENOSPC or "os error 28" in str(error)
        reason = f"no room left, {format_size(source.size_bytes)} wanted" if full else str(error)
        raise WeightsError(
            f"cannot store {source.name} in {folder}: {reason}; {FOLDER_VARIABLE} names another folder"
        ) from error


def _lock(path: Path) -> tuple[FileLock, bool]:
    """The lock of a name, and whether another process holds it."""
    lock = FileLock(path, thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return lock, True
    return lock, False


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _unreachable(source: Source, reason: str) -> WeightsError:
    return WeightsError(f"{source.name} cannot be fetched from {source.url}: {reason}. {_by_hand(source)}")


def _by_hand(source: Source) -> str:
    return (
        f"Get {source.file_name} ({format_size(source.size_bytes)}) another way and give it to "
        f"'impasto weights import FILE', or put it into {weights_folder()} ({FOLDER_VARIABLE} names another folder)"
    )


def format_size(size_bytes: int) -> str:
    """``80.1 MB``."""
    return f"{size_bytes / 1e6:.1f} MB"


# ---------------------------------------------------------------------------------------------- storage


def _store(path: Path, source: Source, *, half: bool) -> Stored:
    """Convert a published file, which has been verified."""
    architecture, layout, tensors = read_published(path)
    if (architecture, layout) != (source.architecture, source.layout):
        raise WeightsError(f"{path} does not hold what {source.name} is")
    about = {
        "licence": source.licence,
        "credits": layout.credit,
        "input": f"{layout.name}'s normalisation, folded in",
        "source": source.file_name,
        "source_sha256": hash_file(path),
    }
    return _put_away(source, tensors, about, half=half)


def _store_half(stored: Stored, source: Source) -> None:
    encoder = load_encoder(source.name)
    tensors = {
        f"{layer.convolution}.{part}": tensor
        for layer in source.architecture.layers
        for part, tensor in zip(("weight", "bias"), encoder.kernels[layer.name], strict=True)
    }
    keys = ("licence", "credits", "input", "source", "source_sha256")
    kept = {key: value for key, value in read_about(stored.path).items() if key in keys}
    _put_away(source, tensors, kept, half=True)


def _put_away(source: Source, tensors: dict[str, Tensor], about: dict[str, str], *, half: bool) -> Stored:
    """Write, hash, name by the hash; only then let older files of that name go."""
    new = weights_folder() / f"{source.name}.new"
    save_encoder_file(
        new,
        source.name,
        source.architecture,
        _rounded(tensors, half),
        mean=source.layout.mean,
        about=about | _precision(half),
    )
    sha256 = hash_file(new)
    stored = Stored(stored_path(source.name, sha256), sha256)
    new.replace(stored.path)
    for other in list_stored(source.name):
        if other != stored:
            other.path.unlink()
    return stored


def _rounded(tensors: dict[str, Tensor], half: bool) -> dict[str, Tensor]:
    """Kernels in half precision; biases are few."""
    return {key: value.half() if half and key.endswith(".weight") else value for key, value in tensors.items()}


def _precision(half: bool) -> dict[str, str]:
    return {"precision": "half" if half else "single"}
