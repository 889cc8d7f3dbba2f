"""How the command line carries out a run: where the pastiche goes, and what is shown and logged meanwhile."""

from __future__ import annotations

import os
import secrets
import sys
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self

from cyclopts import Parameter

from impasto.cli.encoders import provide_encoder
from impasto.cli.pictures import (
    check_apart,
    check_standard_output,
    default_place,
    make_folder,
    write_standard_output,
)
from impasto.cli.streams import STANDARD, say, tell
from impasto.cli.syntax import (
    SWITCH,
    CheckpointEvery,
    MaxPixels,
    Overwrite,
    Quiet,
    note_stop,
    output_flag,
    pixel_limit,
    stop_on_signal,
)
from impasto.errors import OptionError, OutputError, printable
from impasto.options.fields import CHECKPOINT_SECONDS

if TYPE_CHECKING:
    from impasto.runs.event_log import EventLog
    from impasto.runs.interrupted import Command
    from impasto.runs.pastiche import Pastiche
    from impasto.runs.run import Run
    from impasto.runs.timelapse import TimeLapse


OUTPUT_HELP = (
    "file to write: .png, .jpg, .webp, .avif, .tif; or a folder/; or - for standard output "
    "[default: a new name beside the photo]"
)


@Parameter(name="*")
@dataclass(frozen=True)
class PictureOutput:
    """Where a picture goes: the flags that painting and drafting share."""

    output: Annotated[str | None, output_flag(OUTPUT_HELP)] = None
    file_format: Annotated[
        str | None,
        Parameter(name="--format", metavar="png|jpg|...", help="where -o names none [default: png; many drafts: jpg]"),
    ] = None
    overwrite: Overwrite = False
    bit_depth: Annotated[
        Literal["8", "16"] | None,
        Parameter(metavar="8|16", help="16 for .png and .tif [default: 8; replay: as it was]", show_choices=False),
    ] = None
    no_record: Annotated[
        bool, SWITCH, Parameter(help="leave out the run record; without it the picture cannot be replayed")
    ] = False
    max_pixels: MaxPixels = None
    quiet: Quiet = False
    replaces: Annotated[bool, Parameter(parse=False)] = False
    """Whether the picture that is there is this run's own, unfinished: it alone is replaced then."""

    @property
    def limit(self) -> int:
        """Number of pixels that an input may have."""
        return pixel_limit(self.max_pixels)

    @property
    def path(self) -> Path:
        """The file to write, once `place` has been called."""
        assert self.output is not None, "place has not been called"
        return Path(self.output)

    @property
    def to_standard_output(self) -> bool:
        """Whether the picture's file goes to standard output."""
        return self.output == STANDARD

    @property
    def ending(self) -> str:
        """The extension of a file that `--output` does not name."""
        from impasto.images.writing import format_ending

        return format_ending(self.file_format or "png")

    def place(self, beside: str | Path, *words: str) -> Self:
        """The same with a file to write: where `--output` names none it is called after `beside` and `words`.

        Raises `OptionError` where `--format` contradicts the name, `OutputError` for a folder that cannot be made.
        """
        if self.to_standard_output:
            check_standard_output()
            return self
        folder = None
        if self.output is not None:
            if not (self.output.endswith(("/", os.sep)) or os.path.isdir(self.output)):  # noqa: PTH112 (a long name)
                self._check_ending()
                return self
            folder = make_folder(self.output)
        place = default_place(beside, *words, suffix=self.ending, folder=folder, overwrite=self.overwrite)
        return replace(self, output=str(place))

    def _check_ending(self) -> None:
        if self.file_format is not None and self.path.suffix.lower()[:3] != self.ending[:3]:  # .jpg is .jpeg
            raise OptionError(f"--format {self.file_format} and the name {self.output!r} disagree: leave one out")

    def check_place(self, bit_depth: int) -> None:
        """Refuse what cannot be written, before anything is painted for it."""
        from impasto.images.writing import check_format, check_output

        if self.to_standard_output:
            check_format(f"standard output{self.ending}", bit_depth)
        else:
            check_output(self.path, bit_depth=bit_depth, overwrite=self.overwrite or self.replaces)

    def save(self, pastiche: Pastiche, bit_depth: int) -> None:
        """Write a pastiche; where that cannot be, `OutputError` says where it is kept instead."""
        try:
            if self.to_standard_output:
                write_standard_output(pastiche.to_bytes(self.ending, bit_depth=bit_depth, record=not self.no_record))
            else:
                overwrite = self.overwrite or self.replaces
                pastiche.save(self.path, bit_depth=bit_depth, record=not self.no_record, overwrite=overwrite)
        except OutputError as error:
            try:
                kept = Path(tempfile.gettempdir()) / f"impasto-{secrets.token_hex(4)}.png"
                pastiche.save(kept, bit_depth=bit_depth)
            except (OutputError, FileNotFoundError):  # no room there either, or no such folder
                raise error from None
            raise OutputError(f"{error}; the picture is kept as {str(kept)!r}") from error

    @contextmanager
    def claimed(self, inputs: Iterable[Path | None], hashes: Collection[str] = ()) -> Iterator[None]:
        """Keep the output's name for this process, once nothing that the picture is painted from is written over.

        Raises `OutputError` where another run paints to it, or it is there by now; `OptionError` for an input.
        """
        from impasto.storage.claims import claim

        self.check_apart(inputs, hashes)
        if self.to_standard_output:
            yield
            return
        with claim(self.path):
            self.check_place(int(self.bit_depth or 8))
            yield

    def check_apart(self, inputs: Iterable[Path | None] = (), hashes: Collection[str] = ()) -> None:
        """Refuse files to write that are one and the same, or an input (by path, or SHA-256): `OptionError`."""
        check_apart(self.written(), inputs, hashes)

    def written(self) -> dict[str, Path | None]:
        """The files that are written, by their flags."""
        return {"--output": None if self.to_standard_output else self.path}

    def report(self, pastiche: Pastiche, verb: str) -> None:
        """Print what was written."""
        if not self.quiet:
            width_px, height_px = pastiche.size
            stopped = ", stopped early" if pastiche.stopped else ""
            name, stream = ("standard output", sys.stderr) if self.to_standard_output else (self.output, sys.stdout)
            tell(f"{name}: {width_px}x{height_px} px, {verb} in {pastiche.seconds:.1f} s{stopped}", stream)


@Parameter(name="*")
@dataclass(frozen=True)
class Output(PictureOutput):
    """Where the pastiche goes and what is shown meanwhile: the flags that paint and replay share."""

    events: Annotated[Path | None, Parameter(help="write the events of the run to this file, as JSON lines")] = None
    checkpoint_every: CheckpointEvery = CHECKPOINT_SECONDS
    timelapse: Annotated[
        Path | None, Parameter(help="also write how it was painted: .gif, .webp, or .mp4 (extra 'video')")
    ] = None
    timelapse_size: Annotated[int, Parameter(help="long edge of its frames in pixels")] = 480
    timelapse_seconds: Annotated[float, Parameter(help="its length, without the last frame, which stays")] = 4.0

    @property
    def run_folder(self) -> Path:
        """The folder of the checkpoints."""
        from impasto.runs.interrupted import run_folder_of

        return run_folder_of(self.path)

    def check(self, recorded_depth: int = 8) -> int:
        """Refuse what cannot be written, before anything is painted for it; returns the bit depth to write."""
        from impasto.runs.interrupted import check_no_link, holds_run

        bit_depth = int(self.bit_depth or recorded_depth)
        self.check_place(bit_depth)
        check_interval(self.checkpoint_every)
        self.check_apart()
        self.time_lapse()
        if not self.to_standard_output:
            check_no_link(self.run_folder)
        if not self.to_standard_output and holds_run(self.run_folder) and not self.overwrite:
            raise OutputError(
                f"{str(self.run_folder)!r} holds an interrupted run: go on with impasto resume {self.run_folder}, "
                "or paint anew with --overwrite"
            )
        check_events(self.events, overwrite=self.overwrite)
        return bit_depth

    def written(self) -> dict[str, Path | None]:
        """The files that are written, by their flags."""
        return {**super().written(), "--events": self.events, "--timelapse": self.timelapse}

    def time_lapse(self, folder: Path | None = None) -> TimeLapse | None:
        """The time-lapse to make of the run in `folder`, if any. Raises `OptionError` where it cannot be made."""
        if self.timelapse is None:
            return None
        from impasto.runs.timelapse import TimeLapse, is_time_lapse_of

        own = folder is not None and is_time_lapse_of(self.timelapse, folder)
        return TimeLapse(
            self.timelapse,
            size_px=self.timelapse_size,
            seconds=self.timelapse_seconds,
            folder=folder,
            overwrite=self.overwrite or own,
        )

    def vouch(self, run: Run, folder: Path | None) -> str:
        """The flag that resuming this run needs, where it reads or writes files that are not beside its folder."""
        from impasto.inputs.bundled import bundled_by_hash
        from impasto.runs.record import ENCODER_SUFFIX
        from impasto.storage.places import elsewhere

        if folder is None:
            return ""
        files = [file.path for file in run.inputs.files if file.path is not None]
        files += [path for path in (self.events, self.timelapse) if path is not None]
        if run.options.encoder.endswith(ENCODER_SUFFIX):
            files.append(Path(run.options.encoder))
        bundled = set(bundled_by_hash().values())
        outside = elsewhere((file for file in files if file not in bundled), folder.absolute().parent)
        return " --trust" if outside else ""

    def describe(self, bit_depth: int, log: EventLog) -> Command:
        """The flags as a checkpoint holds them, so that `impasto resume` writes the same files."""
        from impasto.runs.interrupted import Command

        return Command(
            output=str(self.path.absolute()),
            bit_depth=bit_depth,
            record=not self.no_record,
            events=str(self.events.absolute()) if self.events else None,
            events_bytes=log.written_bytes,
            events_sha256=log.sha256,
            timelapse=str(self.timelapse.absolute()) if self.timelapse else None,
            timelapse_size_px=self.timelapse_size,
            timelapse_seconds=self.timelapse_seconds,
        )


ANYWHERE = Output()
"""No flag of the output given."""


def check_events(events: Path | None, *, overwrite: bool) -> None:
    """Refuse an events file that cannot be made, or is there."""
    if events is None:
        return
    try:
        unfit = events.is_dir() or not events.absolute().parent.is_dir()
        there = events.is_file()
    except OSError as error:
        raise OutputError(f"cannot write the events file {str(events)!r}: {error.strerror}") from error
    if unfit:
        raise OutputError(f"cannot write the events file {str(events)!r}: no such folder, or a folder itself")
    if there and not overwrite:
        raise OutputError(f"the events file {str(events)!r} exists; give another name or --overwrite")


def check_interval(seconds: float) -> None:
    """Refuse a time between checkpoints that is negative or no number."""
    if not 0 <= seconds < float("inf"):
        raise OptionError(f"--checkpoint-every is a number of seconds, 0 or more, got {seconds}")


def carry_out(
    run: Run, to: Output, bit_depth: int, notes: Sequence[str] = (), earlier_log: tuple[int, str] = (0, "")
) -> int:
    """Paint a run, show and log its events, write the pastiche. Returns the exit code.

    What is written beside the pastiche may fail: that is said once, and changes neither picture nor exit code.
    `earlier_log`: bytes and SHA-256 of the events file of a run that is resumed.
    """
    with to.claimed(file.path for file in replace(run.inputs, starting_picture=None).files):
        return _carry_out(run, to, bit_depth, notes, earlier_log)


def _carry_out(run: Run, to: Output, bit_depth: int, notes: Sequence[str], earlier_log: tuple[int, str]) -> int:
    from impasto.cli.display import choose_display
    from impasto.events import RunStarted
    from impasto.runs.event_log import EventLog
    from impasto.runs.interrupted import holds_run, remove_run

    provide_encoder(run.options.encoder, to.quiet)
    if run.resumed is None and not to.to_standard_output:
        run.checkpoint_folder, run.checkpoint_seconds = to.run_folder, to.checkpoint_every
    folder = run.checkpoint_folder
    onward = f"to go on: impasto resume {folder}{to.vouch(run, folder)}"
    time_lapse = to.time_lapse(folder)
    with stop_on_signal(run.controls, lambda: f"; {onward}" if folder and holds_run(folder) else "") as received:
        with (
            choose_display(to.quiet) as display,
            EventLog(to.events, *earlier_log, overwrite=to.overwrite) as log,
        ):
            run.command = lambda: to.describe(bit_depth, log)
            for text in notes:
                display.note(text)
            for event in note_stop(run, received, display, "stopping after this step; once more to quit at once"):
                if folder and run.resumed is None and isinstance(event, RunStarted):
                    remove_run(folder)  # not before the run is known to be possible
                if fault := log.write(event):
                    display.warn(f"{fault}; painting goes on without it")
                display.show(event)
                if time_lapse:
                    time_lapse.watch(event, run.controls)
        pastiche = run.pastiche
        assert pastiche is not None, "the engine ended without RunDone"
        to.save(pastiche, bit_depth)
        if time_lapse:
            with warned():
                time_lapse.save()
    if folder and run.complete:
        with warned():
            remove_run(folder)
    to.report(pastiche, "painted")
    if folder and not (to.quiet or run.complete) and holds_run(folder):
        tell(onward)
    return 128 + received[0] if received else 0


@contextmanager
def warned() -> Iterator[None]:
    """Say what goes wrong beside a picture, on stderr, and go on."""
    try:
        yield
    except OutputError as error:
        say(str(error))


def print_table(lines: Mapping[str, str], width: int = 18) -> None:
    """Print headings and texts in two columns; `width` is that of the headings."""
    for heading, text in lines.items():
        print(printable(f"{heading:{width}} {text}"))
