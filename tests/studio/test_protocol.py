"""Messages between studio and workers."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest

from impasto import studio
from impasto.studio.job import JobManifest
from impasto.studio.protocol import Ended, Message, StudioProgress
from impasto.studio.request import Request


@pytest.mark.parametrize("loss", [0.1 + 0.2, math.inf, -math.inf, math.nan])
def test_messages_come_back_as_they_went(loss: float) -> None:
    progress = StudioProgress(steps_done=3, steps=5, size=(4, 3), seconds_left=loss)
    said = Message(progress=progress, losses={"total": loss}, ended=Ended(state="failed", error='"\n\u2028'))
    line = said.model_dump_json(exclude_defaults=True)
    assert "\n" not in line
    assert repr(Message.model_validate_json(line)) == repr(said)
    kept = JobManifest(
        id="1", state="done", title="", created=1, queued=1, request=Request(photo=None), losses=((1, {"total": loss}),)
    )
    assert repr(JobManifest.model_validate_json(kept.model_dump_json())) == repr(kept)


SHARED = {"protocol", "request", "draft_request", "samples"}


def studio_imports(path: Path) -> set[str]:
    """The modules of the studio that a module imports."""
    return set(re.findall(r"from impasto\.studio\.([\w.]+) import", path.read_text(encoding="utf-8")))


def test_server_and_workers_share_the_protocol_and_nothing_else() -> None:
    folder = Path(studio.__file__).parent
    for path in folder.glob("*.py"):
        assert not any(name.startswith("worker") for name in studio_imports(path)), path.name
    for path in (folder / "worker").glob("*.py"):
        assert {name for name in studio_imports(path) if not name.startswith("worker.")} <= SHARED, path.name
