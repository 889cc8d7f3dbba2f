"""Forked processes: libvips has threads, and a child that was forked does not get them."""

from __future__ import annotations

import os

from impasto.errors import InputError

_used = _lost = False


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


def _after_fork() -> None:
    global _lost
    _lost = _lost or _used


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
