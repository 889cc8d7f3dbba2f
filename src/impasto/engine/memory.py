"""Memory: how much there is, how much is in use, and how freed memory returns to the system."""

from __future__ import annotations

import ctypes
import os
import sys
from functools import cache
from pathlib import Path

import psutil
import torch

HEAP_BLOCK_BYTES = 2**25  # the most that glibc serves from its heap
THRIFTY_BLOCK_BYTES = 2**20
KEPT_BYTES = 2**29  # free memory at the heap's end that glibc keeps for the next step
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of mallopt(3)
_CGROUP = Path("/sys/fs/cgroup")  # a container's share of the machine, where there is one


def held_bytes(device: torch.device) -> int:
    """Memory that this process uses already, on a GPU the memory used there."""
    if device.type == "cuda":
        return torch.cuda.memory_reserved(device)
    return int(psutil.Process().memory_info().rss)


def free_bytes(device: torch.device) -> int:
    """Memory that is still free: of the machine or of the container's share of it, or on the GPU."""
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
    """Return freed memory to the system: the freed blocks of one scale do not fit the next."""
    if (glibc := _glibc()) is not None:
        glibc.malloc_trim(0)


def prefer_low_memory(prefer: bool) -> None:
    """Set how glibc allocates larger blocks.

    With `prefer` from the system and back to it, every time. Else from its own heap, which is about twice as fast
    for the maps of a tile, but freed blocks do not always fit the next map and `HEAP_WASTE` comes of it; and the
    heap stays as large as it was until `give_back`: what is returned is cleared by the system before it comes again.
    """
    if (glibc := _glibc()) is not None:
        glibc.mallopt(_M_MMAP_THRESHOLD, THRIFTY_BLOCK_BYTES if prefer else HEAP_BLOCK_BYTES)
        glibc.mallopt(_M_TRIM_THRESHOLD, THRIFTY_BLOCK_BYTES if prefer else KEPT_BYTES)


def bound_compiled_code() -> None:
    """Let oneDNN keep as much compiled code as the tiles of one scale need, if it has compiled nothing yet.

    It compiles every convolution for every shape of tile, and keeps the last 1024: 130 MB in bfloat16 with tiles of
    nine shapes at four scales. `ONEDNN_PRIMITIVE_CACHE_CAPACITY`, if set, is heeded.
    """
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "256")


def use_large_pages() -> None:
    """Make this process take its memory in pages of 2 MB, where Linux offers them and nothing is allocated yet.

    A draft then takes a fifth to a third less time. Not for processes that run the engine: its blocks are rounded up
    to whole pages, and it would use more memory than it has planned. `THP_MEM_ALLOC_ENABLE`, if set, is heeded.
    """
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")  # PyTorch reads it when it first allocates


@cache
def _glibc() -> ctypes.CDLL | None:
    if not sys.platform.startswith("linux"):
        return None
    try:
        library = ctypes.CDLL("libc.so.6")
        return library if hasattr(library, "malloc_trim") else None
    except OSError:  # another C library
        return None
