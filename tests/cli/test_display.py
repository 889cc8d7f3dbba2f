"""How a run is shown."""

from __future__ import annotations

import pytest
from run_events import RUN

from impasto.cli.display import LiveDisplay, PlainDisplay, choose_display


def test_the_live_display(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from rich.console import Console

    monkeypatch.setenv("COLUMNS", "100")
    with LiveDisplay() as display:
        for event in RUN[:1]:
            display.show(event)
        display._live.refresh()
        for event in RUN[1:]:
            display.show(event)
        console = Console(width=100)
        with console.capture() as captured:
            console.print(display._render())
    shown = captured.get()
    for words in ("scale 2/2", "64x48", "step 2/3", "0.5 steps/s", "0:02 left", "content 0.125  style 0.5"):
        assert words in shown
    assert "impasto: note: something is worth knowing [sic]" in capsys.readouterr().err


def test_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with PlainDisplay() as display:
        for event in RUN:
            display.show(event)
    assert capsys.readouterr().err.splitlines() == [
        "impasto: 64x48 px in 2 scales: about 0:04 and 300 MB of memory",
        "impasto: scale 1/2, 32x24 px, 2 steps",
        "impasto: note: something is worth knowing [sic]",
        "impasto: scale 2/2, 64x48 px, 3 steps",
    ]


def test_the_display_fits_the_place(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(choose_display(quiet=False), PlainDisplay)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert isinstance(choose_display(quiet=False), LiveDisplay)
    assert not isinstance(choose_display(quiet=True), LiveDisplay | PlainDisplay)
