"""Thousands of hostile files a format: one line or a picture, nothing hangs, and nothing else is opened.

The files are whole and their checksums right; what they say is not. `HOSTILE_FILES` is how many of each format;
the quick test takes fewer. Cases that went wrong are kept beside the others, in folders ``fault-1`` and so on.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hostile import VICTIMS, WRITERS, make_desk, make_victims
from hostile_watch import Child, Openings
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

HOSTILE_FILES, SOME = 2000, 40

pytestmark = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="what is opened is seen on Linux")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    make_victims(folder)
    return folder


@pytest.fixture(scope="module")
def child(place: Path) -> Iterator[Child]:
    (place / "scratch").mkdir()
    started = Child(place / "scratch")
    yield started
    started.end()


def not_kept(folder: str, names: list[str]) -> list[str]:
    """Pipes, and files with holes: neither can be copied."""
    paths = [Path(folder, name) for name in names]
    return [path.name for path in paths if path.is_fifo() or (path.is_file() and path.stat().st_size > 10**8)]


def send(kind: str, count: int, place: Path, child: Child) -> dict[int | None, int]:
    """Send hostile files of a kind; returns how many had which exit code, or fails with all that went wrong."""
    codes: dict[int | None, int] = {}
    faults = list[str]()
    case, victims = place / "case", place / VICTIMS
    before, beside = {path.name: path.read_bytes() for path in victims.iterdir()}, {case, *place.iterdir()}

    @settings(
        max_examples=count, database=None, derandomize=True, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(st.data())
    def one(data: st.DataObject) -> None:
        shutil.rmtree(case, ignore_errors=True)
        make_desk(case)
        command = WRITERS[kind](case, data.draw)
        openings = Openings(victims)
        told = child.run(case, command)
        opened = [name for name in openings.since_last() if name]
        openings.close()
        codes[told.code] = codes.get(told.code, 0) + 1
        left = [*(place / "scratch").iterdir(), *(set(place.iterdir()) - beside)]
        wrong = told.fault or (opened and f"opened {opened}: {told.told}") or (left and f"left {left}")
        if wrong:
            faults.append(f"{command}: {wrong}")
            beside.add(kept := place / f"fault-{len(faults)}")
            shutil.copytree(case, kept, symlinks=True, dirs_exist_ok=True, ignore=not_kept)
            for path in left:
                path.unlink() if path.is_file() else shutil.rmtree(path)
        assert {path.name: path.read_bytes() for path in victims.iterdir()} == before, command

    one()
    assert not faults, f"{len(faults)} of {sum(codes.values())}:\n" + "\n".join(faults)
    return codes


@pytest.mark.parametrize("kind", WRITERS)
def test_some_hostile_files(kind: str, place: Path, child: Child) -> None:
    codes = send(kind, SOME, place, child)
    assert sum(codes.values()) >= SOME * 0.9 and codes.get(1, 0) + codes.get(2, 0) > 0, codes


@pytest.mark.slow
@pytest.mark.parametrize("kind", WRITERS)
def test_many_hostile_files(kind: str, place: Path, child: Child) -> None:
    print(kind, send(kind, HOSTILE_FILES, place, child))
