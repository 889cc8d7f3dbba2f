"""How a run is shown and logged: live on a terminal, one line a scale elsewhere, JSON lines in a file."""

from __future__ import annotations

import json
import sys
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

from impasto.errors import OutputError
from impasto.events import (
    Event,
    FetchProgressed,
    Notice,
    Resumed,
    RunStarted,
    ScaleStarted,
    Steered,
    StepDone,
    event_fields,
)
from impasto.flags import format_value

if TYPE_CHECKING:
    from rich.console import RenderableType

# A step costs its pixels and a fixed part, as measured on two cores: enough to tell the time left.
FIXED_COST_PX = 10_000
TILED_COST = 1.8  # of a step in tiles against one that is not
WINDOW_STEPS = 24


class QuietDisplay:
    """Shows nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return

    def show(self, event: Event) -> None:
        """Take notice of an event."""

    def note(self, text: str) -> None:
        """Tell something that is not an error."""


class PlainDisplay(QuietDisplay):
    """One line on stderr for every scale: what a log file or a pipe wants."""

    def __init__(self) -> None:
        self._scales = 0

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

    def note(self, text: str) -> None:
        self._print(f"note: {text}")

    def _print(self, text: str) -> None:
        print(f"impasto: {text}", file=sys.stderr, flush=True)


class LiveDisplay(QuietDisplay):
    """Two lines on stderr, redrawn: scale, step, speed and time left; losses."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.live import Live

        self._clock = Clock()
        self._scale: ScaleStarted | None = None
        self._step: StepDone | None = None
        self._fetch: FetchProgressed | None = None
        self._live = Live(
            get_renderable=self._render,
            console=Console(stderr=True, highlight=False),
            refresh_per_second=5,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.__exit__(kind, error, trace)

    def show(self, event: Event) -> None:
        self._clock.tick(event)
        if isinstance(event, RunStarted):
            self._print(describe_plan(event))
        elif isinstance(event, Resumed):
            self._print(describe_resumption(event))
        elif isinstance(event, ScaleStarted):
            self._scale, self._step = event, None
        elif isinstance(event, StepDone):
            self._step = event
        elif isinstance(event, FetchProgressed):
            self._fetch = event if event.done_bytes < event.total_bytes else None
        elif isinstance(event, Notice):
            self.note(event.message)

    def note(self, text: str) -> None:
        self._print(f"note: {text}")

    def _print(self, text: str) -> None:
        self._live.console.print(f"impasto: {text}", markup=False, soft_wrap=True)

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
            top.add_row(fetch.file_name, bar, f"{fetch.done_bytes / 1e6:.1f} of {fetch.total_bytes / 1e6:.1f} MB")
            return top
        if scale is None:
            return Text("loading", style="dim")
        for _ in range(2):
            top.add_column(no_wrap=True)
        top.add_column(ratio=1)
        top.add_column(no_wrap=True)
        top.add_row(
            f"scale {scale.scale + 1}/{clock.scales}  {scale.width_px}x{scale.height_px}",
            f"step {step.step if step else 0}/{scale.steps}",
            ProgressBar(total=1.0, completed=clock.share_done),
            f"{clock.steps_per_second:.1f} steps/s  {clock.format_time_left()}",
        )
        losses = step.losses if step else {}
        parts = "  ".join(f"{name} {value:.3g}" for name, value in losses.items() if name != "total")
        return Group(top, Text(f"losses: {parts}" if parts else "", style="dim", no_wrap=True))


class Clock:
    """Speed and time left, from the events of a run."""

    def __init__(self) -> None:
        self._costs: list[float] = []
        self._steps: tuple[int, ...] = ()
        self._total = self._done = 0.0
        self._recent: deque[tuple[float, float]] = deque(maxlen=WINDOW_STEPS)

    def tick(self, event: Event) -> None:
        """Take an event in."""
        if isinstance(event, RunStarted):
            self._costs = [
                height * width * (TILED_COST if tiles > 1 else 1) + FIXED_COST_PX
                for (height, width), tiles in zip(event.scales_px, event.tiles, strict=True)
            ]
            self._steps = event.steps
            self._total = self._cost_before(len(self._costs))
        elif isinstance(event, StepDone):
            self._done = self._cost_before(event.scale) + self._costs[event.scale] * event.step
            if self._recent and event.step == 1:
                self._recent.clear()  # the time between two scales is no step's
            self._recent.append((event.seconds, self._done))
        elif isinstance(event, Steered):
            self._steps = (*self._steps[: event.scale], event.step + event.steps, *self._steps[event.scale + 1 :])
            self._total = self._cost_before(len(self._costs))

    def _cost_before(self, scale: int) -> float:
        return sum(cost * steps for cost, steps in zip(self._costs[:scale], self._steps[:scale], strict=True))

    @property
    def scales(self) -> int:
        """Number of scales planned."""
        return len(self._costs)

    @property
    def share_done(self) -> float:
        """Between 0 and 1."""
        return self._done / self._total if self._total else 0.0

    @property
    def steps_per_second(self) -> float:
        """Over the last steps of this scale; 0 until there are two."""
        seconds = self._recent[-1][0] - self._recent[0][0] if self._recent else 0.0
        return (len(self._recent) - 1) / seconds if seconds > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """None until it can be told."""
        if self.steps_per_second == 0:
            return None
        (first, done_first), (last, done_last) = self._recent[0], self._recent[-1]
        return (self._total - self._done) * (last - first) / (done_last - done_first)

    def format_time_left(self) -> str:
        """``0:42 left``, empty until it can be told."""
        return "" if self.seconds_left is None else f"{format_duration(self.seconds_left)} left"


def describe_steering(event: Steered) -> str:
    """``strength 70``: what the run goes on with."""
    return ", ".join(f"{name.replace('_', ' ')} {format_value(value)}" for name, value in event.options.items())


def describe_plan(event: RunStarted) -> str:
    """One line: size, tiles, memory and time."""
    height_px, width_px = event.scales_px[-1]
    whole = f"{width_px}x{height_px} px in {len(event.scales_px)} scales"
    tiles = f", the largest in {event.tiles[-1]} tiles" if event.tiles[-1] > 1 else ""
    memory = f"{event.peak_bytes / 1e9:.1f} GB" if event.peak_bytes >= 1e9 else f"{event.peak_bytes / 1e6:.0f} MB"
    return f"{whole}{tiles}: about {memory} of memory, {format_duration(event.estimated_seconds)} at most"


def describe_resumption(event: Resumed) -> str:
    """One line: where the run goes on."""
    return f"going on after step {event.step} of scale {event.scale + 1}, {format_duration(event.seconds)} into the run"


def format_duration(seconds: float) -> str:
    """``0:42``, ``1:02:05``."""
    minutes, whole = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{whole:02}" if hours else f"{minutes}:{whole:02}"


class EventLog:
    """The event stream as JSON lines, written as it happens; arrays are left out.

    The file is opened at the first event, so that a run that never starts leaves none. A run that goes on
    keeps the first `start_bytes` of it: what it had written when the checkpoint was saved.
    """

    def __init__(self, path: Path | None, start_bytes: int = 0) -> None:
        self._path, self._start = path, start_bytes
        self._stream: TextIO | None = None

    @property
    def written_bytes(self) -> int:
        """Length of the file so far."""
        return self._stream.tell() if self._stream is not None else 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._stream is not None:
            self._stream.close()

    def write(self, event: Event) -> None:
        """Append an event; raises `OutputError`."""
        if self._path is None:
            return
        try:
            if self._stream is None:
                goes_on = self._start > 0 and self._path.is_file() and self._path.stat().st_size >= self._start
                self._stream = self._path.open("r+" if goes_on else "w", encoding="utf-8", newline="\n")
                self._stream.seek(self._start if goes_on else 0)
                self._stream.truncate()
            self._stream.write(json.dumps(event_fields(event)) + "\n")
            self._stream.flush()
        except OSError as error:
            raise OutputError(f"cannot write the events file {str(self._path)!r}: {error.strerror}") from error


def choose_display(quiet: bool) -> QuietDisplay:
    """Live on a terminal, plain lines elsewhere, nothing if quiet."""
    if quiet:
        return QuietDisplay()
    return LiveDisplay() if sys.stderr.isatty() else PlainDisplay()
