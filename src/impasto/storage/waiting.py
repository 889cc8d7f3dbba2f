"""How threads that compute wait for each other: decided before PyTorch is loaded, which reads it then."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median

SET_BY_USERS = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")
SPINS = 10_000  # turns of a loop, about a tenth of a millisecond, before a thread that waits falls asleep
LOOKS, LOOK_SECONDS = 5, 0.004  # at what else is running
_STATISTICS = Path("/proc/stat")


def waiting_policy(environment: Mapping[str, str]) -> dict[str, str]:
    """Variables for OpenMP, empty where one of them is set already.

    Threads wait some thousand times in a step. Asleep they wake late: on idle cores a run takes half as long again.
    Those that spin keep those that they wait for from the processor, where other programs are at work: they sleep then.
    """
    if any(environment.get(name) for name in SET_BY_USERS):
        return {}
    others = others_running()
    if others is None or others > (os.cpu_count() or 1) / 8:
        return {"OMP_WAIT_POLICY": "passive"}
    return {"GOMP_SPINCOUNT": str(SPINS)}


def others_running() -> float | None:
    """How many other threads of this machine are at work just now; None where the system does not say: Linux does."""
    counts = []
    for look in range(LOOKS):
        if look:
            time.sleep(LOOK_SECONDS)
        try:
            lines = _STATISTICS.read_text().splitlines()
        except OSError:
            return None
        counts += [int(line.split()[1]) - 1 for line in lines if line.startswith("procs_running ")]
    return median(counts) if counts else None
