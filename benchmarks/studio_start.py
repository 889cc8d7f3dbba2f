"""Seconds from `impasto studio` to a page that can be used, and the memory of its server."""

from __future__ import annotations

import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

import httpx
import psutil

from common import Report, new_parser, parse, run

BAR_SECONDS = 1.5
WAIT_SECONDS = 0.01


def start_once() -> tuple[float, float]:
    """Seconds until the page and what it asks for at first are there, and megabytes that the server then has."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = str(probe.getsockname()[1])
    with tempfile.TemporaryDirectory() as folder:
        command = ["-m", "impasto", "studio", "--no-browser", "--folder", f"{folder}/studio", "--port", port]
        began = time.perf_counter()
        process = subprocess.Popen([sys.executable, *command], stdout=subprocess.DEVNULL)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            while not is_there(client):
                time.sleep(WAIT_SECONDS)
            seconds = time.perf_counter() - began
        megabytes = psutil.Process(process.pid).memory_info().rss / 1e6
        process.send_signal(signal.SIGTERM)
        process.wait()
    return seconds, megabytes


def is_there(client: httpx.Client) -> bool:
    try:
        return all(client.get(path).status_code == 200 for path in ("/", "/page/main.js", "/api/start"))
    except httpx.ConnectError:
        return False


def main() -> None:
    args = parse(new_parser(__doc__, rounds=7))
    report = Report("studio_start", args)
    start_once()  # compiles and caches
    seconds, megabytes = map(statistics.median, zip(*[start_once() for _ in range(args.rounds)], strict=True))
    rows = [("seconds until the page can be used", seconds), ("memory of the server, MB", megabytes)]
    report.table(f"Medians of {args.rounds}", ("what", "value"), rows)
    report.bar("until the page can be used", seconds, BAR_SECONDS)
    report.save()


if __name__ == "__main__":
    run(main)
