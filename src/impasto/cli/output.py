"""How the command line carries a run out: where the pastiche goes, what is shown, logged and kept meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from impasto.cli.syntax import GENERAL, SWITCH, stop_on_signal
from impasto.errors import OptionError, OutputError
from impasto.options.fields import CHECKPOINT_SECONDS

if TYPE_CHECKING:
    from impasto.runs.run import Run
    from impasto.runs.timelapse import TimeLapse


@Parameter(name="*", group=GENERAL)
@dataclass
class Output:
    """Where the pastiche goes and what is told meanwhile; the flags that paint and replay share."""

    output: Annotated[
        Path,
        Parameter(name=["--output", "-o"], help="file to write: .png, .jpg, .webp, .avif or .tif"),
    ]
    overwrite: Annotated[bool, SWITCH, Parameter(help="replace files that exist")] = False
    bit_depth: Annotated[
        Literal["8", "16"] | None,
        Parameter(metavar="8|16", help="16 for .png and .tif [default: 8; replay: as it was]", show_choices=False),
    ] = None
    no_record: Annotated[bool, SWITCH, Parameter(help="leave the run record out; the picture cannot be replayed")] = (
        False
    )
    max_pixels: Annotated[
        int | None, Parameter(help="refuse inputs with more pixels than this [default: 250 million]")
    ] = None
    events: Annotated[Path | None, Parameter(help="write what happens to this file, as JSON lines")] = None
    checkpoint_every: Annotated[
        float,
        Parameter(
            metavar="SECONDS",
            help="save the state so often, beside the picture, for impasto resume; 0: never [default: 60]",
            show_default=False,
        ),
    ] = CHECKPOINT_SECONDS
    timelapse: Annotated[
        Path | None, Parameter(help="show how it was painted: a .gif, .webp, or .mp4 (extra 'video')")
    ] = None
    timelapse_size: Annotated[
        int, Parameter(help="long edge of its frames in pixels [default: 480]", show_default=False)
    ] = 480
    timelapse_seconds: Annotated[
        float, Parameter(help="how long it runs, until the last frame is held [default: 4]", show_default=False)
    ] = 4.0
    quiet: Annotated[bool, SWITCH, Parameter(name=["--quiet", "-q"], help="tell errors only")] = False

    @property
    def run_folder(self) -> Path:
        """Where the checkpoints go."""
        from impasto.runs.interrupted import run_folder_of

        return run_folder_of(self.output)

    def check(self, bit_depth: int) -> None:
        """Refuse what cannot be written, before anything is painted for it."""
        from impasto.images.writing import check_output
        from impasto.runs.interrupted import holds_run

        check_output(self.output, bit_depth=bit_depth, overwrite=self.overwrite)
        check_interval(self.checkpoint_every)
        self.time_lapse()
        if holds_run(self.run_folder) and not self.overwrite:
            raise OutputError(
                f"{str(self.run_folder)!r} holds an interrupted run: go on with impasto resume {self.run_folder}, "
                "or paint anew with --overwrite"
            )
        if self.events is None:
            return
        if self.events.is_dir() or not self.events.absolute().parent.is_dir():
            raise OutputError(f"cannot write the events file {str(self.events)!r}: no such folder, or a folder itself")
        if self.events.is_file() and not self.overwrite:
            raise OutputError(f"the events file {str(self.events)!r} exists; give another name or --overwrite")
        if self.events.absolute() == self.output.absolute():
            raise OptionError(f"--events and --output are the same file {str(self.output)!r}")

    def time_lapse(self, folder: Path | None = None) -> TimeLapse | None:
        """What makes the time-lapse of the run in `folder`, if one is wanted; raises for one that cannot be made."""
        if self.timelapse is None:
            return None
        from impasto.runs.timelapse import TimeLapse

        if self.timelapse.absolute() == self.output.absolute():
            raise OptionError(f"--timelapse and --output are the same file {str(self.output)!r}")
        return TimeLapse(
            self.timelapse,
            size_px=self.timelapse_size,
            seconds=self.timelapse_seconds,
            folder=folder,
            overwrite=self.overwrite,
        )

    @property
    def limit(self) -> int:
        """Pixels that an input may have."""
        from impasto.images.reading import DEFAULT_MAX_PIXELS

        if self.max_pixels is not None and self.max_pixels < 1:
            raise OptionError(f"--max-pixels is at least 1, got {self.max_pixels}")
        return self.max_pixels or DEFAULT_MAX_PIXELS


def check_interval(seconds: float) -> None:
    """Refuse an interval between checkpoints that is none."""
    if not 0 <= seconds < float("inf"):
        raise OptionError(f"--checkpoint-every is a number of seconds, 0 or more, got {seconds}")


def carry_out(run: Run, to: Output, bit_depth: int, notes: Sequence[str] = (), events_from: int = 0) -> int:
    """Paint, show, log, write; returns the exit code."""
    from impasto.cli.display import choose_display
    from impasto.events import RunStarted
    from impasto.runs.event_log import EventLog
    from impasto.runs.interrupted import Command, holds_run, remove_run

    anew = run.resumed is None
    if anew:
        run.checkpoint_folder, run.checkpoint_seconds = to.run_folder, to.checkpoint_every
    folder = run.checkpoint_folder
    assert folder is not None
    onward = f"to go on: impasto resume {folder}"
    lapse = to.time_lapse(folder)
    with stop_on_signal(run.controls, lambda: f"; {onward}" if holds_run(folder) else "") as received:
        with choose_display(to.quiet) as display, EventLog(to.events, events_from) as log:
            run.command = lambda: Command(
                output=str(to.output.absolute()),
                bit_depth=bit_depth,
                record=not to.no_record,
                events=str(to.events.absolute()) if to.events else None,
                events_bytes=log.written_bytes,
                timelapse=str(to.timelapse.absolute()) if to.timelapse else None,
                timelapse_size_px=to.timelapse_size,
                timelapse_seconds=to.timelapse_seconds,
            )
            for text in notes:
                display.note(text)
            told = False
            for event in run:
                if anew and isinstance(event, RunStarted):
                    remove_run(folder)  # not before it is known that this run can be painted
                log.write(event)
                display.show(event)
                if lapse:
                    lapse.watch(event, run.controls)
                if received and not told:
                    display.note("stopping after this step; once more to quit at once")
                    told = True
        pastiche = run.pastiche
        assert pastiche is not None, "the engine ended without RunDone"
        pastiche.save(to.output, bit_depth=bit_depth, record=not to.no_record, overwrite=to.overwrite)
        if lapse:
            lapse.save()
    if run.complete:
        remove_run(folder)
    if not to.quiet:
        height_px, width_px = pastiche.pixels.shape[:2]
        stopped = ", stopped early" if pastiche.stopped else ""
        print(f"{to.output}: {width_px}x{height_px} px, painted in {pastiche.seconds:.1f} s{stopped}")
        if not run.complete and holds_run(folder):
            print(onward)
    return 128 + received[0] if received else 0
