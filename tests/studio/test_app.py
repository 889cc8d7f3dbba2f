"""A studio that is started and closed; addresses to listen on."""

from __future__ import annotations

import threading
from pathlib import Path

import httpx
import pytest
from painters import FakePainter

from impasto.errors import OptionError, OutputError
from impasto.inputs.bundled import bundled_by_hash
from impasto.studio import app
from impasto.studio.app import Studio, listen
from impasto.studio.store import Store

pytest.importorskip("fastapi", reason="the studio needs the extra 'studio'")


def test_a_studio_answers_until_it_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def open_store(folder: Path, **limits: object) -> Store:
        return Store(folder, start_worker=lambda kind: FakePainter(), **limits)  # type: ignore[arg-type]

    monkeypatch.setattr(app, "Store", open_store)
    studio = Studio(tmp_path / "store", options={"strength": 30}, max_pixels=10**6)
    assert httpx.get(studio.url).status_code == 200
    start = httpx.get(studio.url + "api/start").json()
    assert (start["given"], start["limits"]["max_pixels"]) == ({"strength": 30}, 10**6)
    with pytest.raises(OutputError, match="another studio uses"):
        Studio(tmp_path / "store")
    studio.close()
    with pytest.raises(httpx.ConnectError):
        httpx.get(studio.url)


def test_who_waits_for_a_draft_is_answered_when_the_studio_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    painter = FakePainter(gate=threading.Event())
    monkeypatch.setattr(app, "Store", lambda folder, **limits: Store(folder, start_worker=lambda kind: painter))
    studio = Studio(tmp_path / "store")
    sample = next(iter(bundled_by_hash().values())).name
    request = {"photo": sample, "paintings": [{"path": sample}]}
    answers: list[httpx.Response] = []

    def ask() -> None:
        answers.append(httpx.post(studio.url + "api/drafts", json={"request": request}, timeout=30))

    waiting = threading.Thread(target=ask)
    waiting.start()
    while not painter.orders:
        threading.Event().wait(0.01)
    studio.close()
    waiting.join()
    assert (answers[0].status_code, answers[0].json()) == (503, {"error": "the studio is being closed"})
    assert capfd.readouterr().err == ""


def test_the_first_free_port_is_taken() -> None:
    with listen("127.0.0.1", None) as first, listen("127.0.0.1", None) as second:
        ports = [one.getsockname()[1] for one in (first, second)]
        assert app.FIRST_PORT <= ports[0] < ports[1]
        with pytest.raises(OptionError, match=f"port {ports[0]}: Address already in use; give another --port"):
            listen("127.0.0.1", ports[0])
