"""Devices, precisions and threads, as options name them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from impasto.encoders import Encoder, load_encoder
from impasto.engine import devices
from impasto.engine.devices import (
    bfloat16_unit,
    find_device,
    find_precision,
    keep_threads,
    replicas,
    thread_count,
)
from impasto.errors import OptionError
from impasto.options.fields import PaintOptions


@pytest.mark.parametrize("name", ["cuda", "cuda:7", "mps"])
def test_a_device_that_is_not_there(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(OptionError, match=f"'{name}' cannot be used: .*--device cpu"):
        find_device(name)


def test_the_automatic_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert find_device("auto") == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert find_device("auto").type == find_device("cuda:1").type == "cuda"


@pytest.mark.parametrize(
    ("can", "unit"),
    [
        ({"amx_bf16": True, "avx512_bf16": True}, "AMX"),
        ({"amx_bf16": False, "avx512_bf16": True, "avx512_f": True}, "AVX512-BF16"),
        ({"amx_bf16": False, "avx512_bf16": False, "avx512_f": True, "avx2": True}, ""),
        ({"neon": True, "bf16": True}, ""),
    ],
)
def test_the_automatic_precision(can: dict[str, bool], unit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: can, raising=False)
    assert bfloat16_unit() == unit
    monkeypatch.setattr(devices, "bfloat16_unit", bfloat16_unit)
    found = {name: find_precision("auto", torch.device(name)) for name in ("cpu", "cuda", "cuda:1", "mps")}
    on_cpu = torch.bfloat16 if unit else torch.float32
    assert found == {"cpu": on_cpu, "cuda": torch.bfloat16, "cuda:1": torch.bfloat16, "mps": torch.float32}
    assert find_precision("float32", torch.device("cpu")) == torch.float32
    assert find_precision("float32", torch.device("cuda")) == torch.float32
    assert find_precision("bfloat16", torch.device("cpu")) == torch.bfloat16


def test_a_pytorch_that_does_not_know_its_processor_computes_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert bfloat16_unit() == ""
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": True}, raising=False)
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    assert bfloat16_unit() == "", "PyTorch's own loops are no faster in bfloat16"


def gpus(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)


def test_a_gpu_past_the_last_is_refused_with_their_number(monkeypatch: pytest.MonkeyPatch) -> None:
    gpus(monkeypatch, 2)
    assert find_device("cuda:1") == torch.device("cuda:1")
    with pytest.raises(OptionError, match="'cuda:2' cannot be used: it finds 2 such GPUs"):
        find_device("cuda:2")
    gpus(monkeypatch, 0)
    with pytest.raises(OptionError, match="'cuda' cannot be used: it finds no such GPU"):
        find_device("cuda")


def test_the_processor_always_can() -> None:
    assert find_device("cpu") == torch.device("cpu")


class EncoderElsewhere(Encoder):
    """An encoder that says that it is on a device, which this machine need not have."""

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def on(self, device: torch.device) -> Encoder:
        return EncoderElsewhere(device)


@pytest.mark.parametrize(
    ("encoder_device", "option", "expected"),
    [
        ("cpu", "auto", []),
        ("cuda", "cuda", ["cuda:1", "cuda:2"]),
        ("cuda:1", "auto", ["cuda:0", "cuda:2"]),
        ("cuda:1", "cuda:1", []),
    ],
)
def test_the_encoder_goes_to_every_other_gpu_unless_one_was_named(
    monkeypatch: pytest.MonkeyPatch, encoder_device: str, option: str, expected: list[str]
) -> None:
    gpus(monkeypatch, 3)
    encoder = EncoderElsewhere(torch.device(encoder_device))
    devices = [replica.device for replica in replicas(encoder, PaintOptions(device=option))]
    assert devices == [torch.device(name) for name in expected]


def test_a_run_on_the_processor_has_no_replicas(tiny_encoder_file: object) -> None:
    encoder: Encoder = load_encoder(str(tiny_encoder_file))
    assert replicas(encoder, PaintOptions()) == []


def test_threads_are_as_asked_or_one_a_core_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    assert thread_count(PaintOptions(threads=3)) == 3
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {2, 5, 7}, raising=False)
    monkeypatch.setattr(devices, "_CPU_LIMIT", Path("/nowhere/cpu.max"))
    for variable, count in (("2", 2), ("4,2", 4), ("0", 3), ("many", 3), ("", 3)):
        monkeypatch.setenv("OMP_NUM_THREADS", variable)
        assert thread_count(PaintOptions()) == count
        assert thread_count(PaintOptions(threads=5)) == 5
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert thread_count(PaintOptions()) == 6
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert thread_count(PaintOptions()) == 1


@pytest.mark.parametrize(
    ("limit", "count"), [("max 100000", 4), ("250000 100000", 2), ("100000 100000", 1), ("50000 100000", 1)]
)
def test_threads_keep_to_what_a_container_may_use(
    limit: str, count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 1, 2, 3}, raising=False)
    monkeypatch.setattr(devices, "_CPU_LIMIT", tmp_path / "cpu.max")
    assert thread_count(PaintOptions()) == 4, "no container"
    (tmp_path / "cpu.max").write_text(limit + "\n")
    assert thread_count(PaintOptions()) == count
    assert thread_count(PaintOptions(threads=3)) == 3


def test_threads_are_given_back_where_something_fails() -> None:
    before = torch.get_num_threads()
    with pytest.raises(ZeroDivisionError), keep_threads():
        torch.set_num_threads(before + 1)
        1 // 0  # noqa: B018
    assert torch.get_num_threads() == before
