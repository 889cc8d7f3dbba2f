"""How a list of jobs is shown: all that run at once live on a terminal, a line a finished job elsewhere."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from impasto.cli.display import LiveMessages, Messages
from impasto.errors import printable
from impasto.events import RunStarted, ScaleStarted, StepDone
from impasto.runs.progress import Clock, format_duration

if TYPE_CHECKING:
    from rich.console import RenderableType

    from impasto.lab.jobs import LabManifest
    from impasto.lab.runner import JobRecorded, LabEvent

SPARE_LINES = 6  # of a terminal, left to what is not a job


class QuietJobs(Messages):
    """Prints failures only, on stderr."""

    def __init__(self, manifest: LabManifest) -> None:
        self._total = len(manifest.jobs)
        self._ended = self._skipped = self._failed = 0

    def show(self, event: LabEvent) -> None:
        """Show an event."""
        from impasto.lab.runner import JobRecorded

        if isinstance(event, JobRecorded):
            self._ended += 1
            self._skipped += event.skipped
            if event.result.status == "failed":
                self._failed += 1
                self._print(f"{event.job.name} failed: {event.result.error}")
            else:
                self._show_done(event)

    def note(self, text: str) -> None:
        return

    def _show_done(self, event: JobRecorded) -> None:
        """Show a job that is done."""


class PlainJobs(QuietJobs):
    """A line for every job that is done."""

    def note(self, text: str) -> None:
        self._print(f"note: {text}")

    def _show_done(self, event: JobRecorded) -> None:
        how, seconds = "done before" if event.skipped else "done", event.result.seconds
        if seconds is not None and not event.skipped:
            how += f" in {seconds:.1f} s"
        self._print(f"{self._ended}/{self._total} {event.job.name}: {how}")
        for notice in () if event.skipped else event.result.notices:
            self.note(f"{event.job.name}: {notice}")


class LiveJobs(LiveMessages, PlainJobs):
    """On a terminal: progress of the whole list, and a line for every job that runs."""

    def __init__(self, manifest: LabManifest) -> None:
        PlainJobs.__init__(self, manifest)
        self._clocks: dict[str, Clock] = {}
        self._places: dict[str, str] = {}
        self._started = time.monotonic()
        LiveMessages.__init__(self)

    def show(self, event: LabEvent) -> None:
        from impasto.lab.workers import JobProgress, JobStarted

        name = event.job.name
        if isinstance(event, JobStarted):
            self._clocks[name], self._places[name] = Clock(), "loading"
        elif not isinstance(event, JobProgress):
            self._clocks.pop(name, None)
        elif isinstance(event.event, RunStarted | StepDone):
            self._clocks[name].tick(event.event)
        elif isinstance(event.event, ScaleStarted):
            scale, scales = event.event, self._clocks[name].scales
            self._places[name] = f"scale {scale.scale + 1}/{scales}  {scale.width_px}x{scale.height_px}"
        super().show(event)

    def _render(self) -> RenderableType:
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        table = Table.grid(padding=(0, 1), expand=True)
        table.add_column(no_wrap=True, max_width=44)
        for ratio in (None, 1, None):
            table.add_column(no_wrap=True, ratio=ratio)
        failed = f", {self._failed} failed" if self._failed else ""
        running = list(self._clocks.items())  # it changes while this is drawn
        done = self._ended + sum(clock.share_done for _, clock in running)
        table.add_row(
            Text(f"{self._ended} of {self._total} jobs{failed}", style="bold"),
            f"{len(running)} running" if self._ended < self._total else "writing the report",
            ProgressBar(total=float(self._total), completed=done),
            self._time_left(done),
        )
        for name, clock in running[: max(1, self._console.height - SPARE_LINES)]:
            bar = ProgressBar(total=1.0, completed=clock.share_done)
            table.add_row(Text(f"  {printable(name)}"), self._places[name], bar, clock.format_time_left())
        return table

    def _time_left(self, done: float) -> str:
        painted = done - self._skipped
        if painted <= 0.02:
            return ""
        return f"{format_duration((time.monotonic() - self._started) * (self._total - done) / painted)} left"


def choose_jobs_display(manifest: LabManifest, quiet: bool) -> QuietJobs:
    """Live on a terminal, plain lines elsewhere, failures only if quiet."""
    if quiet:
        return QuietJobs(manifest)
    return LiveJobs(manifest) if sys.stderr.isatty() else PlainJobs(manifest)
