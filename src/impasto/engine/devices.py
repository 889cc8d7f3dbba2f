"""Where a run computes: device, precision, threads."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from impasto.encoders import Encoder
from impasto.errors import OptionError
from impasto.options.fields import PaintOptions
from impasto.storage.forking import lost_torch_threads

_CPU_LIMIT = Path("/sys/fs/cgroup/cpu.max")  # microseconds of processor time, and in which time


def thread_count(options: PaintOptions) -> int:
    """Threads a run uses: as asked, else as OMP_NUM_THREADS says, else one per core that this process may use.

    What a container may use is rounded down: a thread that is held back holds up the others.
    """
    if lost_torch_threads():
        return 1
    if options.threads:
        return options.threads
    wanted = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()  # a list has one number for every level
    if wanted.isascii() and wanted.isdigit() and int(wanted):
        return int(wanted)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, _container_cores()))


def _container_cores() -> int:
    """Whole cores of processor time that a container may use; a huge number where there is no limit."""
    try:
        quota, period = _CPU_LIMIT.read_text().split()
    except OSError:  # no container, or another system
        return sys.maxsize
    return sys.maxsize if quota == "max" else int(quota) // int(period)


@contextmanager
def keep_threads() -> Iterator[None]:
    """Give the process its number of threads back at the end; meanwhile a forked child computes on one."""
    before = torch.get_num_threads()
    if lost_torch_threads():
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def set_threads(count: int) -> None:
    """Compute with so many threads, which decide the last bits, where there are that many cores."""
    if count <= (os.cpu_count() or 1) and not lost_torch_threads():
        torch.set_num_threads(count)


def find_device(name: str) -> torch.device:
    """The device that an option names; ``auto`` is CUDA's GPU if there is one.

    Raises `OptionError` for one that this machine, or this build of PyTorch, does not have.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    device = torch.device(name)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        gpus = (
            f"it finds {torch.cuda.device_count()} such GPUs" if torch.cuda.is_available() else "it finds no such GPU"
        )
        raise OptionError(
            f"device {name!r} cannot be used: {gpus} (PyTorch {torch.__version__}); --device cpu always can"
        )
    if device.type == "mps":
        raise OptionError(
            "device 'mps' cannot be used: Apple's GPUs have no float64, which style statistics need; "
            "--device cpu always can"
        )
    return device


def find_precision(name: str, device: torch.device) -> torch.dtype:
    """The precision that an option names; ``auto`` is the fastest that the device does well."""
    if name == "auto":
        name = "bfloat16" if device.type == "cuda" or (device.type == "cpu" and bfloat16_unit()) else "float32"
    return torch.bfloat16 if name == "bfloat16" else torch.float32


def bfloat16_unit() -> str:
    """What multiplies bfloat16 in this processor: ``AMX``, ``AVX512-BF16``, or nothing.

    Convolutions are several times as fast with it, and slower than in float32 without. PyTorch's own list of what the
    processor can do is asked; an older version, which has none, computes in float32.
    """
    has_kernels = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    if not has_kernels or not hasattr(torch.cpu, "get_capabilities"):
        return ""
    can = torch.cpu.get_capabilities()
    return "AMX" if can.get("amx_bf16") else "AVX512-BF16" if can.get("avx512_bf16") else ""


def replicas(encoder: Encoder, options: PaintOptions) -> list[Encoder]:
    """The encoder on every other GPU, unless one GPU was asked for by its number."""
    if encoder.device.type != "cuda" or ":" in options.device:
        return []
    devices = [torch.device("cuda", index) for index in range(torch.cuda.device_count())]
    return [encoder.on(device) for device in devices if device.index != (encoder.device.index or 0)]
