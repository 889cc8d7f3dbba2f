"""Sends files through the command line's own loading, in a child process that is watched.

`watch` starts the child (this file as a script), which reads paths from standard input and answers each with a
line of JSON. It measures itself; the parent ends it when it hangs and starts another when it crashed.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import resource
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

ADDRESS_SPACE_BYTES = 8 * 2**30  # libraries, thread stacks and memory that is never touched count, too
PATIENCE_SECONDS = 60  # of the wall clock, before a child that does not answer is ended; others may be busy here
MAX_SECONDS = 5  # of the processor
MAX_RESIDENT_BYTES = 2**30


@dataclass(frozen=True)
class Finding:
    """What one command made of one file: exit code (None: it hung or crashed), standard error, processor time
    and the peak of resident memory; files left behind."""

    command: str
    code: int | None
    told: str
    seconds: float
    peak_bytes: int
    left: tuple[str, ...] = ()

    @property
    def fault(self) -> str:
        """What is wrong with how the command took the file; empty: nothing."""
        if self.code not in (0, 1):
            return f"exit code {self.code}: {self.told[-2000:]}"
        lines = self.told.splitlines()
        clear = self.code == 1 and len(lines) == 1 and lines[0].startswith("impasto: ") and lines[0].isprintable()
        if not clear and (self.code or lines):
            return f"not one clear line: {self.told[:2000]!r}"
        if len(self.told) > 700:
            return f"a line of {len(self.told)} letters"
        if self.seconds > MAX_SECONDS:
            return f"took {self.seconds:.1f} s"
        if self.peak_bytes > MAX_RESIDENT_BYTES:
            return f"took {self.peak_bytes / 2**20:.0f} MiB"
        return f"left {self.left}" if self.left else ""


def watch(paths: Sequence[Path], painting: Path, folder: Path) -> Iterator[dict[str, Finding]]:
    """Yield for each path what `paint` and `info` made of it; `folder`, empty, is where they may write."""
    child = _Child(painting, folder)
    try:
        for path in paths:
            answer = child.ask(path)
            left = tuple(sorted(entry.name for entry in folder.iterdir()))
            yield {command: Finding(command, left=left, **found) for command, found in answer.items()}
    finally:
        child.end()


class _Child:
    def __init__(self, painting: Path, folder: Path) -> None:
        self._painting, self._folder = painting, folder
        self._start()

    def _start(self) -> None:
        command = [sys.executable, "-W", "error", __file__, str(self._painting)]
        environment = os.environ | {"TMPDIR": str(self._folder)}
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env=environment, cwd=self._folder,
        )  # fmt: skip
        self._answers: queue.Queue[str] = queue.Queue()
        self._listener = threading.Thread(target=self._listen, args=(self._process, self._answers))
        self._listener.start()

    @staticmethod
    def _listen(process: subprocess.Popen[str], answers: queue.Queue[str]) -> None:
        assert process.stdout
        for line in process.stdout:
            answers.put(line)
        answers.put("")

    def ask(self, path: Path) -> dict[str, dict[str, object]]:
        assert self._process.stdin
        self._process.stdin.write(f"{path}\n")
        self._process.stdin.flush()
        try:
            line = self._answers.get(timeout=PATIENCE_SECONDS)
        except queue.Empty:
            line, told = "", f"no answer in {PATIENCE_SECONDS} s"
        else:
            told = "the process died"
        if line:
            return json.loads(line)
        told += f", code {self.end()}"
        self._start()
        return {"paint": {"code": None, "told": told, "seconds": 0.0, "peak_bytes": 0}}

    def end(self) -> int:
        """End the child, if it has not ended itself; returns its exit code."""
        self._process.kill()
        self._listener.join()
        with self._process:  # closes its pipes
            return self._process.wait()


# ------------------------------------------------------------------------------------ the child itself


def _look_at(run: object, *_: object) -> int:
    """Stands for the engine: takes the pixels at the size of the coarsest scale, as it does first."""
    import numpy as np

    picture = run.inputs.photo  # type: ignore[attr-defined]
    factor = 128 / max(picture.height_px, picture.width_px)
    size = tuple(max(1, round(side * factor)) for side in (picture.height_px, picture.width_px))
    pixels, alpha = picture.pixels(*size), picture.alpha(*size)
    assert pixels.shape == (*size, 3)
    assert np.isfinite(pixels).all()
    assert 0 <= pixels.min() <= pixels.max() <= 1
    assert alpha is None or (alpha.shape == size and 0 <= alpha.min() <= alpha.max() <= 1)
    return 0


def _examine(command: list[str]) -> dict[str, object]:
    """Run one command, with what C libraries write to standard error too."""
    from impasto.cli import main as cli

    Path("/proc/self/clear_refs").write_text("5")  # the peak of resident memory starts anew
    kept = os.dup(2)
    with tempfile.TemporaryFile() as stream, Path(os.devnull).open("w") as nowhere:
        os.dup2(stream.fileno(), 2)
        started = time.process_time()
        try:
            with contextlib.redirect_stdout(nowhere):
                code = cli.main(command)
        except BaseException:  # noqa: BLE001 (a bug: that is what is looked for)
            traceback.print_exc()
            code = -1
        seconds = time.process_time() - started
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)
        stream.seek(0)
        told = stream.read().decode(errors="replace")
    peak = Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]
    return {"code": code, "told": told, "seconds": seconds, "peak_bytes": int(peak) * 1024}


def main(painting: str) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE_BYTES, ADDRESS_SPACE_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    from impasto.cli import paint

    patch.object(paint, "carry_out", _look_at).start()  # raises where the command no longer has it
    for line in sys.stdin:
        path = line.rstrip("\n")
        paint = _examine(["paint", path, painting, "-o", "out.png"])
        print(json.dumps({"paint": paint, "info": _examine(["info", path])}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
