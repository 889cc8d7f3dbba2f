"""Runs commands on hostile files in a child process with little memory, and sees what they open.

This file is the child too: it reads a command line a line, and answers each with a line of JSON. Painting itself is
cut short: a run that goes on is stopped at once, a list of jobs is carried out without those that paint.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import queue
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

MEMORY_BYTES = 2 * 2**30  # of address space, beside what the libraries take
PATIENCE_SECONDS = 20
IN_MODIFY, IN_OPEN, IN_CREATE, IN_DELETE, IN_MOVED = 0x2, 0x20, 0x100, 0x200, 0xC0


@dataclass(frozen=True)
class Told:
    """Exit code (None: it hung or died), standard error, and files elsewhere that Python opened."""

    code: int | None
    told: str
    opened: tuple[str, ...] = ()

    @property
    def fault(self) -> str:
        """What is wrong with how the command took the file; empty: nothing."""
        lines = self.told.splitlines()
        if self.code not in (0, 1, 2):
            return f"exit code {self.code}: {self.told[-1500:]}"
        if not all(line.startswith("impasto: ") and line.isprintable() for line in lines):
            return f"no clear lines: {self.told[:1500]!r}"
        if self.code and not lines:
            return "refused without a word"
        return f"opened {self.opened}" if self.opened else ""


class Openings:
    """What is opened, changed or made in a folder, by whatever library: Linux tells (inotify)."""

    def __init__(self, folder: Path) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._handle = self._libc.inotify_init1(os.O_NONBLOCK)
        mask = IN_MODIFY | IN_OPEN | IN_CREATE | IN_DELETE | IN_MOVED
        assert self._libc.inotify_add_watch(self._handle, os.fsencode(folder), mask) >= 0

    def since_last(self) -> list[str]:
        """Names of the files since the last call."""
        names = []
        while True:
            try:
                data = os.read(self._handle, 65_536)
            except BlockingIOError:
                return names
            while data:
                length = int.from_bytes(data[12:16], sys.byteorder)
                names.append(data[16 : 16 + length].rstrip(b"\0").decode(errors="replace"))
                data = data[16 + length :]

    def close(self) -> None:
        os.close(self._handle)


def _without_privileges() -> list[str]:
    """The words before a command that keep root from reading what its modes forbid, where there are any."""
    if os.geteuid() or not shutil.which("setpriv"):
        return []
    return ["setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner"]


class Child:
    """The process that runs the commands; another is started where one hung or died."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._start()

    def _start(self) -> None:
        environment = os.environ | {"TMPDIR": str(self._scratch), "COLUMNS": "200", "OMP_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            [*_without_privileges(), sys.executable, __file__],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True, env=environment, cwd=self._scratch,
        )  # fmt: skip
        self._answers: queue.Queue[str] = queue.Queue()
        self._listener = threading.Thread(target=self._listen, args=(self._process, self._answers))
        self._listener.start()
        assert self._answers.get(timeout=120), "the child does not start"

    @staticmethod
    def _listen(process: subprocess.Popen[str], answers: queue.Queue[str]) -> None:
        assert process.stdout
        for line in process.stdout:
            answers.put(line)
        answers.put("")

    def run(self, folder: Path, command: list[str]) -> Told:
        """Run a command in a folder."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps([str(folder), command]) + "\n")
        self._process.stdin.flush()
        try:
            line, told = self._answers.get(timeout=PATIENCE_SECONDS), "the process died"
        except queue.Empty:
            line, told = "", f"no answer in {PATIENCE_SECONDS} s"
        if line:
            found = json.loads(line)
            return Told(found["code"], found["told"], tuple(found["opened"]))
        code = self.end()
        self._start()
        return Told(None, f"{told}, code {code}")

    def end(self) -> int:
        self._process.kill()
        self._listener.join()
        with self._process:
            return self._process.wait()


# ------------------------------------------------------------------------------------ the child itself

_opened: list[str] = []
_allowed: list[str] = []
# What libraries read of themselves and of the machine.
_LIBRARIES = tuple(
    {os.path.realpath(folder) for folder in (sys.prefix, sys.base_prefix, Path(__file__).parents[2])}
    | {os.path.realpath(folder) for folder in sys.path if folder}
    | {"/usr", "/lib", "/etc", "/opt", "/sys", "/proc", "/dev/null", "/dev/urandom"}
)
_NEVER = ("/proc/self/mem",)


def _note_opening(event: str, arguments: tuple[Any, ...]) -> None:
    """The audit hook: files that Python opens elsewhere than in the case's folder and the libraries' own."""
    if event == "open" and isinstance(arguments[0], str | bytes | os.PathLike):
        name = os.fsdecode(arguments[0])
        path, mode, flags = os.path.realpath(name), str(arguments[1] or ""), arguments[2] or 0
        writes = set(mode) & set("wax+") or flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        fine = path.startswith(("/dev/null", "/proc/", *_allowed) if writes else (*_LIBRARIES, *_allowed))
        if not fine or name in _NEVER:
            _opened.append(f"{path} to {'write' if writes else 'read'}")


def _look_at(run: Any, *given: Any) -> int:
    """Stands for painting: a run that goes on is stopped at once, of another the plan is made."""
    from impasto.cli.output import carry_out
    from impasto.engine.prepare import prepare

    if run.resumed is None:
        prepare(run.inputs, run.options)
        return 0
    run.controls.stop = True
    return carry_out(run, *given)


def _paint_no_job(jobs: Any, work: Any, controls: Any) -> Iterator[Any]:
    """Stands for carrying out a list of jobs: pictures that exist are taken, nothing is painted."""
    from impasto.lab.workers import run_here

    return run_here([job for job in jobs if job.kind == "picture"], work, controls)


def _examine(folder: str, command: list[str]) -> dict[str, object]:
    from impasto.cli import main as cli

    _allowed[:] = [os.path.realpath(folder) + "/", os.path.realpath(tempfile.gettempdir())]  # which tries it out
    _opened.clear()
    os.chdir(folder)
    kept = os.dup(2)
    with tempfile.TemporaryFile() as stream, Path(os.devnull).open("w") as nowhere:
        os.dup2(stream.fileno(), 2)
        try:
            with contextlib.redirect_stdout(nowhere):
                code: int | None = cli.main(command)
        except BaseException:  # noqa: BLE001 (a bug: that is what is looked for)
            traceback.print_exc()
            code = -1
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)
        stream.seek(0)
        told = stream.read().decode(errors="replace")
    return {"code": code, "told": told, "opened": sorted(set(_opened))}


def _lines() -> Iterator[tuple[str, list[str]]]:
    for line in sys.stdin:
        folder, command = json.loads(line)
        yield folder, command


def main() -> None:
    import impasto
    from impasto.cli import paint, reconstruct
    from impasto.lab import runner

    samples = Path(__file__).parents[1] / "data" / "v0_1_0"
    impasto.draft(samples / "photo.png", samples / "painting.png", size_px=32)  # everything is loaded
    impasto.paint(
        samples / "photo.png", samples / "painting.png", medium="pixels", size_px=32, min_scale_px=32, steps=1
    )
    for module, name, instead in (
        (paint, "carry_out", _look_at),
        (reconstruct, "carry_out", _look_at),
        (runner, "run_here", _paint_no_job),
    ):
        patch.object(module, name, instead).start()  # raises where the command no longer has it
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (taken + MEMORY_BYTES,) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.addaudithook(_note_opening)
    print("ready", flush=True)
    for folder, command in _lines():
        print(json.dumps(_examine(folder, command)), flush=True)


if __name__ == "__main__":
    main()
