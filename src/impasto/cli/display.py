"""How a run is shown: live on a terminal, one line a scale elsewhere."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Self

from impasto.cli.streams import say
from impasto.errors import printable
from impasto.events import Event, FetchProgressed, Notice, Resumed, RunStarted, ScaleStarted, Steered, StepDone
from impasto.options.spelling import format_value
from impasto.runs.progress import Clock, format_duration
from impasto.storage.files import format_bytes

if TYPE_CHECKING:
    from rich.console import RenderableType


class Messages:
    """Messages on stderr, a line each."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        return

    def note(self, text: str) -> None:
        """Show something that is not an error."""
        self._print(f"note: {text}")

    def warn(self, text: str) -> None:
        """Show something that went wrong beside the picture, however quiet the run is."""
        self._print(text)

    def _print(self, text: str) -> None:
        say(text)


class LiveMessages(Messages):
    """Messages above a few lines of a terminal that are redrawn."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.live import Live

        self._console = Console(stderr=True, highlight=False)
        self._live = Live(
            get_renderable=self._render,
            console=self._console,
            refresh_per_second=5,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._live.stop()

    def _print(self, text: str) -> None:
        self._console.print(f"impasto: {printable(text)}", markup=False, soft_wrap=True)

    def _render(self) -> RenderableType:
        raise NotImplementedError


class QuietDisplay(Messages):
    """Shows nothing."""

    def show(self, event: Event) -> None:
        """Show an event."""

    def note(self, text: str) -> None:
        return


class PlainDisplay(Messages):
    """One line on stderr for every scale, for log files and pipes."""

    _scales = 0

    def show(self, event: Event) -> None:
        if isinstance(event, RunStarted):
            self._scales = len(event.scales_px)
            self._print(describe_plan(event))
        elif isinstance(event, Resumed):
            self._print(describe_resumption(event))
        elif isinstance(event, ScaleStarted):
            size = f"{event.width_px}x{event.height_px} px"
            self._print(f"scale {event.scale + 1}/{self._scales}, {size}, {event.steps} steps")
        elif isinstance(event, Steered):
            self._print(f"after step {event.step}: " + describe_steering(event))
        elif isinstance(event, Notice):
            self.note(event.message)


class LiveDisplay(LiveMessages, PlainDisplay):
    """Two lines on stderr, redrawn: scale, step, speed and time left; losses."""

    def __init__(self) -> None:
        self._clock = Clock()
        self._scale: ScaleStarted | None = None
        self._step: StepDone | None = None
        self._fetch: FetchProgressed | None = None
        super().__init__()

    def show(self, event: Event) -> None:
        self._clock.tick(event)
        if isinstance(event, ScaleStarted):
            self._scale, self._step = event, None
        elif isinstance(event, StepDone):
            self._step = event
        elif isinstance(event, FetchProgressed):
            self._fetch = event if event.done_bytes < event.total_bytes else None
        elif not isinstance(event, Steered):
            super().show(event)

    def _render(self) -> RenderableType:
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        scale, step, clock, fetch = self._scale, self._step, self._clock, self._fetch
        top = Table.grid(padding=(0, 1), expand=True)
        if fetch is not None:
            for ratio in (None, 1, None):
                top.add_column(no_wrap=True, ratio=ratio)
            bar = ProgressBar(total=fetch.total_bytes, completed=fetch.done_bytes)
            top.add_row(fetch.file_name, bar, f"{format_bytes(fetch.done_bytes)} of {format_bytes(fetch.total_bytes)}")
            return top
        if scale is None:
            return Text("loading", style="dim")
        for ratio in (None, None, 1, None):
            top.add_column(no_wrap=True, ratio=ratio)
        top.add_row(
            f"scale {scale.scale + 1}/{clock.scales}  {scale.width_px}x{scale.height_px}",
            f"step {step.step if step else 0}/{scale.steps}",
            ProgressBar(total=1.0, completed=clock.share_done),
            f"{clock.steps_per_second:.1f} steps/s  {clock.format_time_left()}",
        )
        losses = step.losses if step else {}
        parts = "  ".join(f"{name} {value:.3g}" for name, value in losses.items() if name != "total")
        return Group(top, Text(f"losses: {parts}" if parts else "", style="dim", no_wrap=True))


def describe_steering(event: Steered) -> str:
    """The options that a run goes on with, such as ``strength 70``."""
    return ", ".join(f"{name.replace('_', ' ')} {format_value(value)}" for name, value in event.options.items())


def describe_plan(event: RunStarted) -> str:
    """One line about the size, tiles, memory and time of a run."""
    height_px, width_px = event.scales_px[-1]
    whole = f"{width_px}x{height_px} px in {len(event.scales_px)} scales"
    tiles = f", the largest in {event.tiles[-1]} tiles" if event.tiles[-1] > 1 else ""
    memory = format_bytes(event.peak_bytes)
    return f"{whole}{tiles}: about {format_duration(event.estimated_seconds)} and {memory} of memory"


def describe_resumption(event: Resumed) -> str:
    """One line about where a run goes on."""
    return f"going on after step {event.step} of scale {event.scale + 1}, {format_duration(event.seconds)} into the run"


def choose_display(quiet: bool) -> QuietDisplay | PlainDisplay:
    """A live display on a terminal, plain lines elsewhere, nothing if quiet."""
    if quiet:
        return QuietDisplay()
    return LiveDisplay() if sys.stderr.isatty() else PlainDisplay()
