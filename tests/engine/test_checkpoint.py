"""Checkpoints: bit for bit there and back, whole or not at all, and no damage goes unseen."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import random
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pytest
import torch
from engine_runs import paint_events
from safetensors import safe_open

from impasto.engine import checkpoint as module
from impasto.engine.checkpoint import (
    KEPT,
    MOST_TIME,
    Checkpoint,
    Checkpoints,
    list_checkpoints,
    read_checkpoint,
    write_checkpoint,
)
from impasto.errors import CheckpointError
from impasto.events import CheckpointSaved, Event, Notice, RunDone, StepDone
from impasto.images.picture import picture_from_array
from impasto.inputs.paintings import Painting
from impasto.options.fields import PaintOptions

ABOUT = {"impasto": "0.1.0", "name": "schön \ud800"}
VALUES = {"step": 7, "weight": 0.1 + 0.2, "totals": [1e-310, 3.0, 2**0.5], "nothing": None, "gave up": float("inf")}


def example() -> Checkpoint:
    noise = torch.Generator().manual_seed(0)
    picture = torch.randn(1, 3, 5, 7, generator=noise)
    picture[0, 0, 0, :3] = torch.tensor([float("nan"), float("-inf"), -0.0])
    tensors = {
        "zeta": picture,  # the order is that of the names nowhere
        "alpha": torch.randn(2, 3, generator=noise, dtype=torch.float64),
        "strided": torch.randn(1, 3, 4, 6, generator=noise).to(memory_format=torch.channels_last),
        "one": torch.tensor(2.5),
    }
    return Checkpoint(VALUES, tensors)


def write_example(folder: Path) -> Path:
    path = folder / "checkpoint-000001.safetensors"
    write_checkpoint(path, example(), ABOUT)
    return path


def bits(tensor: torch.Tensor) -> bytes:
    return tensor.contiguous().numpy().tobytes()


def with_digest(body: bytes) -> bytes:
    """A file that is whole by its SHA-256, whatever it says."""
    return body + hashlib.sha256(body).digest()


def with_header(path: Path, change: Callable[[dict[str, Any]], None]) -> bytes:
    """The file's bytes with another header, whole by its SHA-256."""
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    change(header)
    encoded = json.dumps(header).encode()
    return with_digest(len(encoded).to_bytes(8, "little") + encoded + data[8 + length : -32])


# ------------------------------------------------------------------------------------ there and back


def test_a_round_trip_keeps_every_bit(tmp_path: Path) -> None:
    found, about = read_checkpoint(write_example(tmp_path))
    assert about == ABOUT
    assert found.values == VALUES
    expected = example().tensors
    assert list(found.tensors) == list(expected)
    for name, tensor in found.tensors.items():
        assert (tensor.dtype, tensor.shape) == (expected[name].dtype, expected[name].shape)
        assert tensor.is_contiguous()
        assert bits(tensor) == bits(expected[name])


def test_the_safetensors_library_reads_the_same(tmp_path: Path) -> None:
    path = write_example(tmp_path)
    with safe_open(path, "pt") as file:
        assert json.loads(file.metadata()["values"]) == VALUES
        assert json.loads(file.metadata()["about"]) == ABOUT
        assert set(file.keys()) == {*example().tensors, "sha256"}
        for name, tensor in example().tensors.items():
            assert bits(file.get_tensor(name)) == bits(tensor)
        assert bytes(file.get_tensor("sha256").tolist()) == hashlib.sha256(path.read_bytes()[:-32]).digest()


# ------------------------------------------------------------------------------------------- damage


def damages(sound: bytes) -> Iterator[tuple[str, bytes]]:
    """What may become of a file, by name: seeded, spread over the whole of it."""
    for share in (0.0, 0.001, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99, 0.999):
        yield f"cut to {share}", sound[: int(share * len(sound))]
    for length in (1, 7, 8, 9, 31, 32, 33, 40, 41):
        yield f"cut to {length} bytes", sound[:length]
        yield f"{length} bytes short", sound[:-length]
    for position in range(64):  # the length and the beginning of the header
        yield f"a bit of byte {position}", flipped(sound, position, position % 8)
    dice = random.Random(0)
    for _ in range(300):
        position = dice.randrange(len(sound))
        yield f"a bit of byte {position}", flipped(sound, position, dice.randrange(8))
    yield "more at the end", sound + b"\0"
    yield "zeros in the middle", sound[:900] + bytes(100) + sound[1000:]
    yield "a hole at the end", sound[:-100] + bytes(100)
    yield "HTML", b"<!DOCTYPE html><html><body>502 Bad Gateway</body></html>" * 9
    yield "all zeros", bytes(len(sound))
    yield "all ones", b"\xff" * len(sound)


def flipped(data: bytes, position: int, bit: int) -> bytes:
    return data[:position] + bytes([data[position] ^ 1 << bit]) + data[position + 1 :]


def test_no_damage_goes_unseen(tmp_path: Path) -> None:
    path = write_example(tmp_path)
    sound = path.read_bytes()
    for name, data in damages(sound):
        assert data != sound
        path.write_bytes(data)
        with pytest.raises(CheckpointError) as caught:
            read_checkpoint(path)
        message = str(caught.value)
        assert "checkpoint-000001.safetensors" in message, name
        assert "damaged" in message or "format" in message, (name, message)
        assert message.isprintable(), name


def test_an_edited_header_is_refused(tmp_path: Path) -> None:
    path = write_example(tmp_path)
    data = path.read_bytes()
    path.write_bytes(data.replace(b'\\"step\\": 7', b'\\"step\\": 8'))
    assert path.read_bytes() != data
    with pytest.raises(CheckpointError, match="SHA-256 does not match"):
        read_checkpoint(path)


@pytest.mark.parametrize("version", ["2", "0", "", "one\nline", None, 1])
def test_another_format_is_named(tmp_path: Path, version: object) -> None:
    path = write_example(tmp_path)
    path.write_bytes(with_header(path, lambda header: header["__metadata__"].update(format_version=version)))
    with pytest.raises(CheckpointError, match=r"has format .* this version reads 1"):
        read_checkpoint(path)


HEADERS: dict[str, Callable[[dict[str, Any]], None]] = {
    "no metadata": lambda h: h.pop("__metadata__"),
    "metadata is a list": lambda h: h.update(__metadata__=[]),
    "values are not JSON": lambda h: h["__metadata__"].update(values="{"),
    "about is a number": lambda h: h["__metadata__"].update(about="7"),
    "a tensor is a number": lambda h: h.update(alpha=7),
    "no offsets": lambda h: h["alpha"].pop("data_offsets"),
    "offsets of text": lambda h: h["alpha"].update(data_offsets=["a", "b"]),
    "one offset": lambda h: h["alpha"].update(data_offsets=[0]),
    "another type": lambda h: h["alpha"].update(dtype="F16"),
    "a shape too small": lambda h: h["alpha"].update(shape=[2, 2]),
    "a negative shape": lambda h: h["alpha"].update(shape=[-2, -3]),
    "a shape of fractions": lambda h: h["alpha"].update(shape=[2.0, 3.0]),
    "a shape of text": lambda h: h["alpha"].update(shape=["2"]),
    "no shape at all": lambda h: h["alpha"].update(shape=None),
    "a shape past counting": lambda h: h["alpha"].update(shape=[2**70]),
    "no data": lambda h: h["alpha"].update(shape=[0], data_offsets=[5, 5]),
}


@pytest.mark.parametrize("change", HEADERS.values(), ids=HEADERS)
def test_a_senseless_header_is_damage_too(tmp_path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    path = write_example(tmp_path)
    path.write_bytes(with_header(path, change))
    with pytest.raises(CheckpointError, match="is damaged"):
        read_checkpoint(path)


@pytest.mark.parametrize("offsets", [[0, 48], [0, 4 * 10**10], [0, 2**60]])
def test_a_huge_shape_takes_no_memory(tmp_path: Path, offsets: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_example(tmp_path)
    shape = [10**10] if offsets[1] == 48 else [offsets[1] // 8]
    path.write_bytes(with_header(path, lambda header: header["alpha"].update(shape=shape, data_offsets=offsets)))
    real, asked = torch.empty, []
    monkeypatch.setattr(torch, "empty", lambda shape, **more: asked.append(shape) or real(shape, **more))
    tracemalloc.start()
    try:
        with pytest.raises(CheckpointError, match="its pictures cannot be read"):
            read_checkpoint(path)
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()
    assert all(torch.Size(shape).numel() < 1000 for shape in asked)


def test_a_header_longer_than_the_file_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint-000001.safetensors"
    path.write_bytes((2**62).to_bytes(8, "little") + b"{" * 100)
    with pytest.raises(CheckpointError, match="header would have"):
        read_checkpoint(path)


def test_what_is_no_file(tmp_path: Path) -> None:
    folder, pipe, link = tmp_path / "folder", tmp_path / "pipe", tmp_path / "link"
    folder.mkdir()
    os.mkfifo(pipe)
    link.symlink_to(tmp_path / "nowhere")
    for path, words in (
        (folder, "it is a folder"),
        (pipe, "not a regular file"),
        (link, "there is no such file"),
        (tmp_path / "gone", "there is no such file"),
    ):
        with pytest.raises(CheckpointError, match=words):
            read_checkpoint(path)


def test_a_file_with_holes_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint-000001.safetensors"
    path.touch()
    os.truncate(path, 2**43)
    with pytest.raises(CheckpointError, match=r"it has 8796\.1 GB, more than this machine's memory"):
        read_checkpoint(path)


# --------------------------------------------------------------------------------------- two are kept


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def step(number: int) -> Checkpoint:
    return Checkpoint({"step": number}, {"picture": torch.full((1, 3, 2, 2), float(number))})


def test_the_last_two_are_kept(tmp_path: Path) -> None:
    folder = tmp_path / "made" / "when wanted"
    checkpoints = Checkpoints(folder, 0.0, dict)
    assert not folder.exists()
    for number in range(1, 6):
        path = checkpoints.save(step(number))
        assert read_checkpoint(path)[0].values == {"step": number}
        assert len(names(folder)) == min(number, KEPT)
    assert names(folder) == ["checkpoint-000004.safetensors", "checkpoint-000005.safetensors"]
    again = Checkpoints(folder, 0.0, dict)  # as a resumed run has them
    assert again.save(step(6)).name == "checkpoint-000006.safetensors"
    assert names(folder) == ["checkpoint-000005.safetensors", "checkpoint-000006.safetensors"]


def test_the_order_is_that_of_the_numbers(tmp_path: Path) -> None:
    for name in ("999999", "1000000", "000002", "x", ""):
        (tmp_path / f"checkpoint-{name}.safetensors").touch()
    (tmp_path / "checkpoint-000003.safetensors.partial").touch()
    assert [path.name[11:-12] for path in list_checkpoints(tmp_path)] == ["000002", "999999", "1000000"]


def test_a_partial_file_left_by_a_crash_is_replaced(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, 0.0, dict)
    checkpoints.save(step(1))
    (tmp_path / "checkpoint-000002.safetensors.partial").write_bytes(b"half of it")
    checkpoints.save(step(2))
    assert names(tmp_path) == ["checkpoint-000001.safetensors", "checkpoint-000002.safetensors"]


class Full:
    """A file on a disk that is full after so many bytes."""

    def __init__(self, file: BinaryIO, room: int) -> None:
        self._file, self._room = file, room

    def __enter__(self) -> Full:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def write(self, data: bytes | memoryview) -> int:
        self._room -= len(data)
        if self._room < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return self._file.write(data)


def fill_the_disk(monkeypatch: pytest.MonkeyPatch, room: int) -> None:
    real = Path.open

    def opened(self: Path, mode: str = "r", *args: Any, **more: Any) -> Any:
        file = real(self, mode, *args, **more)
        return Full(file, room) if self.name.endswith(".partial") else file  # type: ignore[arg-type]

    monkeypatch.setattr(Path, "open", opened)


@pytest.mark.parametrize("room", [0, 100, 500, 900])
def test_a_full_disk_leaves_the_earlier_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int) -> None:
    checkpoints = Checkpoints(tmp_path, 0.0, lambda: ABOUT)
    for number in (1, 2):
        checkpoints.save(step(number))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    fill_the_disk(monkeypatch, room)
    with pytest.raises(OSError, match="No space left"):
        checkpoints.save(example())
    monkeypatch.undo()
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    checkpoints.save(step(3))
    assert names(tmp_path) == ["checkpoint-000002.safetensors", "checkpoint-000003.safetensors"]


def test_an_interrupt_while_writing_leaves_no_partial_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(handle: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        Checkpoints(tmp_path, 0.0, dict).save(step(1))
    assert names(tmp_path) == []


# ------------------------------------------------------------------------------------------ when due


class Time:
    """A clock that goes when told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(module.time, "monotonic", lambda: self.now)

    def description(self, seconds: float) -> Callable[[], dict[str, Any]]:
        """A description that takes so long to give."""

        def describe() -> dict[str, Any]:
            self.now += seconds
            return {}

        return describe


def test_due_after_the_interval(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Time(monkeypatch)
    checkpoints = Checkpoints(tmp_path, 60.0, clock.description(0.5))
    for _ in range(3):
        assert not checkpoints.due
        clock.now += 59.9
        assert not checkpoints.due
        clock.now += 0.2
        assert checkpoints.due
        checkpoints.save(step(1))


@pytest.mark.parametrize("took", [4.0, 40.0])
def test_writing_takes_no_more_than_its_share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, took: float) -> None:
    clock = Time(monkeypatch)
    checkpoints = Checkpoints(tmp_path, 60.0, clock.description(took))
    checkpoints.save(step(0))  # before the first nobody knows how long it takes
    started, writing = clock.now, 0.0
    while clock.now < started + 20_000:
        clock.now += 1.0
        if checkpoints.due:
            checkpoints.save(step(1))
            writing += took
    assert writing / (clock.now - started) <= MOST_TIME
    assert writing / (clock.now - started) > 0.9 * MOST_TIME, "it could have been saved more often"


def test_a_failure_is_not_repeated_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Time(monkeypatch)
    checkpoints = Checkpoints(tmp_path, 1.0, clock.description(10.0))
    fill_the_disk(monkeypatch, 0)
    with pytest.raises(OSError, match="No space left"):
        checkpoints.save(step(1))
    clock.now += 190
    assert not checkpoints.due
    clock.now += 11
    assert checkpoints.due


# ---------------------------------------------------------------------------- a full disk, while painting


def paint(folder: Path | None, options: PaintOptions, on_step: Callable[[StepDone], None]) -> list[Event]:
    noise = torch.Generator().manual_seed(0)
    photo, painting = (picture_from_array(torch.rand(3, 40, 48, generator=noise)) for _ in range(2))
    checkpoints = Checkpoints(folder, 0.0, dict) if folder else None
    events = []
    for event in paint_events(photo, [Painting(painting)], options, checkpoints=checkpoints):
        if isinstance(event, StepDone):
            on_step(event)
            if checkpoints:
                checkpoints._took = 0.0  # however long the last one took: one after every step
        events.append(event)
    return events


def test_a_run_goes_on_when_the_disk_is_full(tmp_path: Path, quick: dict[str, Any]) -> None:
    options, full = PaintOptions(**quick), pytest.MonkeyPatch()

    def fill(event: StepDone) -> None:
        if (event.scale, event.step) == (0, 3):
            fill_the_disk(full, 500)
        elif (event.scale, event.step) == (1, 2):
            full.undo()

    events = paint(tmp_path, options, fill)
    plain = paint(None, options, lambda event: None)
    assert isinstance(events[-1], RunDone)
    assert isinstance(plain[-1], RunDone)
    assert (events[-1].pixels == plain[-1].pixels).all()
    saved = [(event.scale, event.step) for event in events if isinstance(event, CheckpointSaved)]
    assert saved == [(0, 1), (0, 2), (1, 2)]
    told = [event.message for event in events if isinstance(event, Notice) and "checkpoint" in event.message]
    assert told == ["the checkpoint could not be written (No space left on device); painting goes on without it"] * 2
    assert names(tmp_path) == ["checkpoint-000002.safetensors", "checkpoint-000003.safetensors"]
