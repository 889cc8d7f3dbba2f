"""Forked processes: libvips and PyTorch have threads, and a child that was forked does not get them.

Loaded with `impasto` itself, so that no fork is missed.
"""

from __future__ import annotations

import os
import sys

from impasto.errors import InputError

_used = _lost = _torch_lost = False


def use_libvips() -> None:
    """Note that this process uses libvips.

    Raises `InputError` in a child that was forked from one that did: it would wait for ever.
    """
    global _used
    if _lost:
        raise InputError(
            "this process was forked from one that had read or written pictures, and libvips does not work in it: "
            "start it by 'spawn' or 'forkserver' (multiprocessing.get_context), or fork before the first picture"
        )
    _used = True


def lost_torch_threads() -> bool:
    """Whether this process was forked from one that had loaded PyTorch: on more than one thread it may wait for ever.

    OpenMP's threads stay behind in the parent, and the child is not told.
    """
    return _torch_lost


def _after_fork() -> None:
    global _lost, _torch_lost
    _lost = _lost or _used
    _torch_lost = _torch_lost or "torch" in sys.modules


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
