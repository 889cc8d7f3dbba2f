"""A studio as people start it, in a process of its own; pictures of its page."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

PICTURES = Path(__file__).parents[2] / "test-out" / "studio"
# Small, so that a painting takes seconds; --steps are many where a test wants to be there while it is painted.
SMALL = ("--size", "64", "--min-scale", "32", "--steps", "4", "--threads", "1")
LIMITS = ("--max-upload", "2MB", "--max-pixels", "1000000")
Page = Any


class Server:
    """``impasto studio`` in a process of its own."""

    def __init__(self, folder: Path, *flags: str) -> None:
        self.folder, self._flags = folder, flags
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/"
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "impasto", "studio", "--no-browser", "--folder", str(self.folder)]
        command += ["--port", str(self.port), *self._flags]
        self._log = (self.folder.parent / f"{self.folder.name}.log").open("ab")
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self._log, text=True)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert self.url in line, f"the studio did not start: {line!r}, {Path(self._log.name).read_text()}"

    def stop(self) -> int:
        self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(30)
        finally:
            self._process.kill()
            self._process.wait()
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._log.close()


def show(page: Page, name: str) -> None:
    """Keep a picture of the page, to be looked at."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / f"{name}.png")
