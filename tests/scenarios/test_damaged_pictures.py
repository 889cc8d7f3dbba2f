"""Five thousand damaged picture files through the command line: a picture or one clear line, and nothing left."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from damage import sound_files, write_damaged
from damage_watch import Finding, watch
from PIL import Image

COUNT = 5_000
SAMPLE = range(0, COUNT, 41)
linux = pytest.mark.skipif(sys.platform != "linux", reason="memory is measured by /proc")


def examine(folder: Path, indices: Sequence[int]) -> Counter[str]:
    """Send files of the series through the child; fails with all faults, returns how often what happened."""
    painting, files, place = folder / "painting.png", folder / "files", folder / "place"
    Image.new("RGB", (40, 40), (9, 200, 30)).save(painting)
    files.mkdir()
    place.mkdir()
    faults, seen = [], Counter[str]()
    written = [write_damaged(index, files) for index in indices]
    for index, (path, what), found in zip(
        indices, written, watch([p for p, _ in written], painting, place), strict=True
    ):
        faults += [f"{path.name} ({what}), {f.command}: {f.fault}" for f in found.values() if f.fault]
        seen["painted" if found["paint"].code == 0 else "refused"] += 1
        if index % 2 == 0 and "info" in found:
            seen["sound header"] += "run record" in found["info"].told or found["info"].code == 0
    assert not faults, "\n".join(faults)
    return seen


@linux
def test_a_sample_of_damaged_files(tmp_path: Path) -> None:
    seen = examine(tmp_path, SAMPLE)
    assert seen["painted"] > 0.2 * len(SAMPLE)
    assert seen["refused"] > 0.3 * len(SAMPLE)
    assert seen["sound header"] > 0.9 * len(SAMPLE) / 2


@linux
@pytest.mark.slow
@pytest.mark.parametrize("start", range(0, COUNT, 500))
def test_all_damaged_files(tmp_path: Path, start: int) -> None:
    examine(tmp_path, range(start, start + 500))


def test_the_series_is_always_the_same_and_of_every_format(tmp_path: Path) -> None:
    formats = Counter[str]()
    for index in range(0, 300, 2):
        path, what = write_damaged(index, tmp_path)
        content = path.read_bytes()
        assert (path, what) == write_damaged(index, tmp_path)
        assert path.read_bytes() == content
        formats[what.split()[0]] += 1
    assert formats.keys() == {name.split()[0] for name in sound_files()}
    assert min(formats.values()) >= 10


def finding(code: int | None = 0, told: str = "", seconds: float = 0.1, megabytes: int = 100, *left: str) -> Finding:
    return Finding("paint", code, told, seconds, megabytes * 2**20, left)


@pytest.mark.parametrize(
    ("found", "fault"),
    [
        (finding(), ""),
        (finding(1, "impasto: cannot read it\n"), ""),
        (finding(None, "the process died"), "died"),
        (finding(-1, "Traceback"), "Traceback"),
        (finding(0, "a warning\n"), "a warning"),
        (finding(1, "impasto: one\ntwo\n"), "not one clear line"),
        (finding(1, "impasto: \x1b[2J\n"), "not one clear line"),
        (finding(1, "impasto: " + 1000 * "a" + "\n"), "1010 letters"),
        (finding(0, "", 5.1), "5.1 s"),
        (finding(0, "", 0.1, 1025), "1025 MiB"),
        (finding(0, "", 0.1, 100, "vips-1.v"), "vips-1.v"),
    ],
)
def test_faults_are_seen(found: Finding, fault: str) -> None:
    assert fault in found.fault
    assert bool(fault) == bool(found.fault)


def test_the_watch_survives_a_child_that_dies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "child.py"
    script.write_text(
        "import json, os, sys\n"
        "for line in sys.stdin:\n"
        "    if 'crash' in line: os.abort()\n"
        "    print(json.dumps({'info': {'code': 0, 'told': '', 'seconds': 0, 'peak_bytes': 0}}), flush=True)\n"
    )
    monkeypatch.setattr("damage_watch.__file__", str(script))
    place = tmp_path / "place"
    place.mkdir()
    found = list(watch([Path("a"), Path("crash"), Path("b")], script, place))
    assert [bool(next(iter(answer.values())).fault) for answer in found] == [False, True, False]
