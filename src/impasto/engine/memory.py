"""How much memory there is, how much is in use, and giving back what is not."""

from __future__ import annotations

import ctypes
import sys
from functools import cache
from pathlib import Path

import psutil
import torch

_CGROUP = Path("/sys/fs/cgroup")  # a container's share of the machine, where there is one


def held_bytes(device: torch.device) -> int:
    """Memory that is in use already: by this process, or on the GPU by it."""
    if device.type == "cuda":
        return torch.cuda.memory_reserved(device)
    return int(psutil.Process().memory_info().rss)


def free_bytes(device: torch.device) -> int:
    """Memory that may still be had: of the machine or of the container's share of it, or on the GPU."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    free = int(psutil.virtual_memory().available)
    limit, used = _CGROUP / "memory.max", _CGROUP / "memory.current"
    if limit.is_file() and used.is_file() and limit.read_text().strip() != "max":
        free = min(free, int(limit.read_text()) - int(used.read_text()))
    return max(0, free)


def machine_bytes() -> int:
    """Memory of the machine, used or not."""
    return int(psutil.virtual_memory().total)


def give_back() -> None:
    """Return freed memory to the system: glibc keeps blocks under 32 MiB, and those of two scales do not fit."""
    trim = _malloc_trim()
    if trim is not None:
        trim(0)


@cache
def _malloc_trim() -> ctypes._NamedFuncPointer | None:
    if not sys.platform.startswith("linux"):
        return None
    try:
        return ctypes.CDLL("libc.so.6").malloc_trim
    except (OSError, AttributeError):  # another C library
        return None


def format_bytes(count: float) -> str:
    """``1.5 GB``, ``320 MB``."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
