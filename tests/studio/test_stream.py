"""What happens to the jobs, as it is streamed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from studio_stores import DraftingStore

pytest.importorskip("fastapi", reason="the studio needs the extra 'studio'")

from studio_site import serving


def read(lines: Iterator[str]) -> tuple[str, object]:
    """The next event."""
    kind = next(line for line in lines if line.startswith("event: ")).removeprefix("event: ")
    return kind, json.loads(next(lines).removeprefix("data: "))


def test_jobs_are_told_from_the_order_to_the_end(drafting: DraftingStore, tmp_path: Path) -> None:
    with serving(drafting.store, tmp_path) as client, client.stream("GET", "/api/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        lines = stream.iter_lines()
        assert read(lines) == ("jobs", [])
        job = drafting.store.submit(drafting.request())
        kind, told = read(lines)
        assert (kind, told["id"], told["request"]["photo"]) == ("job", job, drafting.photo.name)  # type: ignore[index]
        drafting.painting.set()
        while told["state"] != "done":  # type: ignore[index]
            kind, told = read(lines)
        assert told["picture"]  # type: ignore[index]
        drafting.store.queue.remove(job)
        assert read(lines) == ("gone", job)
        drafting.store.queue.begin_closing()
        assert list(lines) == [""], "the stream ends with the studio"
