"""Memory: what there is, what is in use, and that freed memory returns to the system."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
import torch

from impasto.engine import memory

CPU = torch.device("cpu")


def test_memory_of_a_container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_CGROUP", tmp_path)
    free = memory.free_bytes(CPU)
    assert free > 0
    (tmp_path / "memory.max").write_text("3000000\n")
    (tmp_path / "memory.current").write_text("1000000\n")
    assert memory.free_bytes(CPU) == 2_000_000
    (tmp_path / "memory.max").write_text("max\n")
    assert memory.free_bytes(CPU) > 2_000_000


def test_memory_is_given_back() -> None:
    """Many blocks of a size that stays in the heap, all freed but the last."""
    blocks = [np.ones(2**17) for _ in range(300)]
    memory.prefer_low_memory(False)
    held = memory.held_bytes(CPU)
    del blocks[:-1]
    memory.give_back()
    assert memory.held_bytes(CPU) < held - 100e6


def test_a_container_that_is_over_its_limit_has_nothing_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_CGROUP", tmp_path)
    (tmp_path / "memory.max").write_text("3000000\n")
    (tmp_path / "memory.current").write_text("3500000\n")
    assert memory.free_bytes(CPU) == 0
    (tmp_path / "memory.current").unlink()
    assert memory.free_bytes(CPU) > 3_500_000, "a limit without its use says nothing"


def test_the_machine_and_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(total=8e9, available=5e9))
    monkeypatch.setattr(memory, "_CGROUP", Path("/nowhere"))
    assert memory.machine_bytes() == 8_000_000_000
    assert memory.free_bytes(CPU) == 5_000_000_000
    assert memory.held_bytes(CPU) == pytest.approx(psutil.Process().memory_info().rss, rel=0.05)


def test_memory_of_a_gpu_is_asked_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 11)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (22, 33))
    assert (memory.held_bytes(torch.device("cuda")), memory.free_bytes(torch.device("cuda"))) == (11, 22)


def test_compiled_code_is_bounded_unless_the_user_has_bounded_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ONEDNN_PRIMITIVE_CACHE_CAPACITY", raising=False)
    memory.bound_compiled_code()
    assert os.environ["ONEDNN_PRIMITIVE_CACHE_CAPACITY"] == "256"
    monkeypatch.setenv("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "7")
    memory.bound_compiled_code()
    assert os.environ["ONEDNN_PRIMITIVE_CACHE_CAPACITY"] == "7"


class RecordedAllocator:
    """Takes the calls to glibc down instead of making them."""

    def __init__(self) -> None:
        self.calls: list[tuple[int, ...]] = []

    def mallopt(self, parameter: int, value: int) -> None:
        self.calls.append((parameter, value))

    def malloc_trim(self, keep_bytes: int) -> None:
        self.calls.append((keep_bytes,))


def test_the_block_size_from_which_the_system_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """M_MMAP_THRESHOLD is -3 in malloc.h: 1 MiB where memory is short, else 32 MiB, the most that glibc takes.

    M_TRIM_THRESHOLD is -1: in between, as much as a step frees stays in the heap for the next one.
    """
    allocator = RecordedAllocator()
    monkeypatch.setattr(memory, "_glibc", lambda: allocator)
    memory.prefer_low_memory(True)
    memory.prefer_low_memory(False)
    memory.give_back()
    assert allocator.calls == [(-3, 2**20), (-1, 2**20), (-3, 2**25), (-1, 2**29), (0,)]
    monkeypatch.setattr(memory, "_glibc", lambda: None)
    memory.prefer_low_memory(True)
    memory.give_back()
