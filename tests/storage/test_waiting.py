"""How threads wait: asleep beside other programs, else spinning for a moment; what users set is heeded."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from impasto.storage import waiting
from impasto.storage.waiting import SET_BY_USERS, SPINS, others_running, waiting_policy


@pytest.mark.parametrize(
    ("others", "cores", "policy"),
    [
        (0, 2, {"GOMP_SPINCOUNT": str(SPINS)}),
        (1, 2, {"OMP_WAIT_POLICY": "passive"}),
        (2, 64, {"GOMP_SPINCOUNT": str(SPINS)}),
        (9, 64, {"OMP_WAIT_POLICY": "passive"}),
        (None, 2, {"OMP_WAIT_POLICY": "passive"}),
    ],
)
def test_threads_spin_only_on_a_machine_that_is_theirs(
    monkeypatch: pytest.MonkeyPatch, others: float | None, cores: int, policy: dict[str, str]
) -> None:
    monkeypatch.setattr(waiting, "others_running", lambda: others)
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    assert waiting_policy({}) == policy
    for name in SET_BY_USERS:
        assert waiting_policy({name: "1"}) == {}
        assert waiting_policy({name: ""}) == policy


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says what is running")
def test_what_is_running_is_counted() -> None:
    before = others_running()
    assert before is not None
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(8)]
    try:
        assert any((others_running() or 0) >= before + 2 for _ in range(50))  # others may come and go
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def test_a_system_that_says_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.setattr(waiting, "_STATISTICS", waiting.Path(f"{tmp_path}/none"))
    assert others_running() is None
