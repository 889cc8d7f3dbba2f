"""How a list of jobs is shown: all that run at once live on a terminal, a line a finished job elsewhere."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from impasto.events import RunStarted, ScaleStarted, StepDone
from impasto.runs.progress import Clock

if TYPE_CHECKING:
    from rich.console import RenderableType

    from impasto.lab.jobs import LabManifest
    from impasto.lab.runner import JobRecorded, LabEvent
    from impasto.lab.workers import JobProgress

SPARE_LINES = 6  # of a terminal, left to what is not a job


class QuietJobs:
    """Tells failures only."""

    def __init__(self, manifest: LabManifest) -> None:
        self.total = len(manifest.jobs)
        self.ended = self.skipped = self.failed = 0

    def __enter__(self) -> QuietJobs:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def show(self, event: LabEvent) -> None:
        """Take notice of an event."""
        from impasto.lab.runner import JobRecorded

        if isinstance(event, JobRecorded):
            self.ended += 1
            self.skipped += event.skipped
            if event.result.status == "failed":
                self.failed += 1
                self.say(f"{event.job.name} failed: {event.result.error}")
            else:
                self.kept(event)

    def kept(self, event: JobRecorded) -> None:
        """A job is done."""

    def note(self, text: str) -> None:
        """Tell something that is not an error."""

    def say(self, text: str) -> None:
        """Tell an error."""
        print(f"impasto: {text}", file=sys.stderr, flush=True)


class PlainJobs(QuietJobs):
    """A line on stderr for every job that is done."""

    def kept(self, event: JobRecorded) -> None:
        how = "done before" if event.skipped else "done"
        if event.result.seconds is not None and not event.skipped:
            how += f" in {event.result.seconds:.1f} s"
        self.say(f"{self.ended}/{self.total} {event.job.name}: {how}")
        for notice in () if event.skipped else event.result.notices:
            self.note(f"{event.job.name}: {notice}")

    def note(self, text: str) -> None:
        self.say(f"note: {text}")


class LiveJobs(PlainJobs):
    """On a terminal: how far the whole is, and a line for every job that runs."""

    def __init__(self, manifest: LabManifest) -> None:
        super().__init__(manifest)
        from rich.console import Console
        from rich.live import Live

        self._clocks: dict[str, Clock] = {}
        self._places: dict[str, str] = {}
        self._started = time.monotonic()
        self._console = Console(stderr=True, highlight=False)
        self._live = Live(
            get_renderable=self._render,
            console=self._console,
            refresh_per_second=5,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def __enter__(self) -> LiveJobs:
        self._live.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, event: LabEvent) -> None:
        from impasto.lab.workers import JobProgress, JobStarted

        name = event.job.name
        if isinstance(event, JobStarted):
            self._clocks[name], self._places[name] = Clock(), "loading"
        elif isinstance(event, JobProgress):
            self._follow(name, event)
        else:
            self._clocks.pop(name, None)
        super().show(event)

    def say(self, text: str) -> None:
        self._console.print(f"impasto: {text}", markup=False, soft_wrap=True)

    def _follow(self, name: str, progress: JobProgress) -> None:
        event, clock = progress.event, self._clocks[name]
        if isinstance(event, RunStarted | StepDone):
            clock.tick(event)
        if isinstance(event, ScaleStarted):
            self._places[name] = f"scale {event.scale + 1}/{clock.scales}  {event.width_px}x{event.height_px}"

    def _render(self) -> RenderableType:
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        table = Table.grid(padding=(0, 1), expand=True)
        table.add_column(no_wrap=True, max_width=44)
        table.add_column(no_wrap=True)
        table.add_column(ratio=1)
        table.add_column(no_wrap=True)
        failed = f", {self.failed} failed" if self.failed else ""
        running = list(self._clocks.items())  # it changes while this is drawn
        done = self.ended + sum(clock.share_done for _, clock in running)
        table.add_row(
            Text(f"{self.ended} of {self.total} jobs{failed}", style="bold"),
            f"{len(running)} running" if self.ended < self.total else "writing the report",
            ProgressBar(total=float(self.total), completed=done),
            self._time_left(done),
        )
        room = max(1, self._console.height - SPARE_LINES)
        for name, clock in running[:room]:
            bar = ProgressBar(total=1.0, completed=clock.share_done)
            table.add_row(Text(f"  {name}"), self._places[name], bar, clock.format_time_left())
        return table

    def _time_left(self, done: float) -> str:
        fresh = done - self.skipped
        if fresh <= 0.02:
            return ""
        seconds = round((time.monotonic() - self._started) * (self.total - done) / fresh)
        return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02} left"


def choose_jobs_display(manifest: LabManifest, quiet: bool) -> QuietJobs:
    """Live on a terminal, plain lines elsewhere, failures only if quiet."""
    if quiet:
        return QuietJobs(manifest)
    return LiveJobs(manifest) if sys.stderr.isatty() else PlainJobs(manifest)
