"""The command line of films: ``impasto video``."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from impasto.cli.display import LiveMessages, Messages, QuietDisplay
from impasto.cli.draft import DraftFlags
from impasto.cli.output import check_events
from impasto.cli.pictures import (
    check_apart,
    default_place,
    free_name,
    make_folder,
    paintings_part,
    pop_size,
    read_painting,
)
from impasto.cli.streams import tell
from impasto.cli.syntax import (
    PAINTINGS_HELP,
    SWITCH,
    MaxPixels,
    Overwrite,
    Quiet,
    Ray,
    Recipe,
    Regions,
    note_stop,
    output_flag,
    pixel_limit,
    split_region,
    stop_on_signal,
)
from impasto.errors import OptionError
from impasto.events import Event, FilmDone, FilmStarted, FrameDone, FramesRead, Notice, ShotStarted
from impasto.inputs.paintings import Region
from impasto.inputs.run_inputs import RunInputs
from impasto.options.spelling import flag_name
from impasto.runs.event_log import EventLog
from impasto.runs.interrupted import run_folder_of
from impasto.runs.progress import format_duration
from impasto.storage.claims import claim
from impasto.storage.files import format_bytes
from impasto.storage.places import same_file
from impasto.video.build import build_film, build_film_options, check_clip

if TYPE_CHECKING:
    from rich.console import RenderableType

    from impasto.video.masks import MovingRegion
    from impasto.video.paint import Film

PREVIEW_SECONDS = 2.0
Keys = Annotated[
    list[str] | None,
    Parameter(
        name="--key",
        metavar="FRAME=FILE",
        help="a frame painted by hand, by its number from 0: its shot is spread from it; repeat for more",
    ),
]
FILM_HELP = (
    "clip to write: .mp4, .mov, .mkv, .webm, .gif, .webp, or a folder/ [default: a new name beside the clip]; "
    "a name without ending is a folder of numbered PNG frames"
)


@Parameter(name="*")
@dataclass(frozen=True)
class FilmOutput:
    """Where a film goes, and which piece of the clip it shows."""

    output: Annotated[str | None, output_flag(FILM_HELP)] = None
    from_seconds: Annotated[float | None, Parameter(name="--from", metavar="SECONDS", help="where it begins")] = None
    to_seconds: Annotated[float | None, Parameter(name="--to", metavar="SECONDS", help="where it ends")] = None
    preview: Annotated[
        bool,
        SWITCH,
        Parameter(help="only the first two seconds, and every 12th frame on a sheet: NAME-preview.mp4 and .png"),
    ] = False
    codec: Annotated[str | None, Parameter(metavar="NAME", help="encoder [default: what fits the ending]")] = None
    codec_quality: Annotated[
        int | None, Parameter(metavar="0-100", help="of the pictures in the file [default: 80]")
    ] = None
    events: Annotated[Path | None, Parameter(help="write the events to this file, as JSON lines")] = None
    overwrite: Overwrite = False
    no_record: Annotated[bool, SWITCH, Parameter(help="leave out how it was painted")] = False
    max_pixels: MaxPixels = None
    quiet: Quiet = False

    def place(self, clip: str, *words: str) -> Path:
        """The file or folder to write."""
        source = Path(clip)
        suffix = (
            source.suffix.lower() if source.suffix.lower() in (".gif", ".webp", ".webm", ".mov", ".mkv") else ".mp4"
        )
        if self.output is not None and not self.output.endswith(("/", os.sep)):
            return Path(self.output)
        folder = make_folder(self.output) if self.output is not None else None
        path = default_place(clip, *words, suffix=suffix, folder=folder, overwrite=self.overwrite)
        # A film that was begun under this name goes on.
        begun = path.with_name(_first_name(path, source, words))
        return begun if run_folder_of(begun).is_dir() else path


def video(
    clip: Annotated[str, Parameter(help="a video file, a folder of numbered frames, a GIF or WebP animation")],
    /,
    *paintings: Annotated[str, Parameter(name="PAINTING", help=PAINTINGS_HELP)],
    to: FilmOutput | None = None,
    quality: Annotated[
        str,
        Parameter(metavar="draft|paint", help="one pass a frame, or the network is first tuned for each shot"),
    ] = "draft",
    recipe: Recipe = None,
    region: Regions = None,
    key: Keys = None,
    ray: Ray = None,
    flags: DraftFlags | None = None,
) -> int:
    """Repaint a clip so that it holds still, with its sound."""
    to, flags = to or FilmOutput(), flags or DraftFlags()
    given, limit = flags.given(), pixel_limit(to.max_pixels)
    if flags.print_size is not None or pop_size(given) is not None:
        raise OptionError("the size of a film is its long edge in pixels: --size 960")
    check_clip(clip)
    if recipe is not None:
        if quality != "paint":
            raise OptionError("--recipe is for --quality paint: a draft has none")
        given["recipe"] = recipe
    keys = parse_keys(key or ())
    if not paintings and not region and not keys:
        raise OptionError("PAINTING is missing, a file or a bundled one by name: impasto paintings lists them")
    place = to.place(clip, paintings_part(paintings) or ("regions" if region else "keys"))
    film = build_film(
        clip,
        [read_painting(text, limit) for text in paintings] or None,
        place,
        regions=[_parse_region(text, limit) for text in region or ()],
        keys=keys,
        piece=(to.from_seconds, to.to_seconds),
        options=build_film_options(quality, given, spell=flag_name),
        overwrite=to.overwrite,
        max_pixels=limit,
        codec=to.codec,
        quality=to.codec_quality,
        record=not to.no_record,
    )
    if ray is not None:
        from impasto.lab.film_jobs import on_ray

        film.elsewhere = on_ray(ray)
    return _preview(film, to, _files(film)) if to.preview else _carry_out(film, to, _files(film))


def _parse_region(text: str, limit: int) -> Region | MovingRegion:
    """As for a picture, or with a mask that is a clip."""
    from impasto.video.masks import MovingRegion, is_clip

    mask, build = split_region(text, limit)
    return MovingRegion(Path(mask), build(None)) if is_clip(mask) else build(mask)


def _files(film: Film) -> list[Path | None]:
    """All that a film reads."""
    paths = [film.clip, *(key.picture.path for key in film.keys)]
    if film.palette is not None:
        paths.append(film.palette.path)
    for region in film.regions:
        if not isinstance(region, Region):
            paths.append(region.clip)
            region = region.region
        paths += [file.path for file in RunInputs(None, (region,)).files]
    return paths


def _carry_out(film: Film, to: FilmOutput, inputs: Sequence[Path | None]) -> int:
    """Paint a film, show and log its events; returns the exit code. A log that cannot be written costs no film."""
    events = _events_file(film, to)
    check_apart({"--output": film.output, "--events": events}, inputs)
    if inside := next((path for path in inputs if path and same_file(path.parent, film.output)), None):
        raise OptionError(
            f"--output {str(film.output)!r} holds {inside.name}, which the film is painted from: give another"
        )
    onward = "; the same command goes on"
    with claim(film.output), stop_on_signal(film.controls, lambda: onward) as received:
        with _choose_display(to.quiet) as display, EventLog(events, overwrite=to.overwrite) as log:
            if events != to.events:
                display.note(f"{to.events} is there from before: {events} is written")
            for event in note_stop(film, received, display, "stopping after this frame; once more to quit at once"):
                if fault := log.write(event):
                    display.warn(f"{fault}; painting goes on without it")
                display.show(event)
        if isinstance(event, FilmDone) and not to.quiet:
            _report(event)
    return 128 + received[0] if received else 0


def _events_file(film: Film, to: FilmOutput) -> Path | None:
    """The file of the events; of a film that goes on a new one, where that of its beginning is there."""
    if to.events is not None and not to.overwrite and run_folder_of(film.output).is_dir():
        return free_name(to.events)
    check_events(to.events, overwrite=to.overwrite)
    return to.events


def _report(done: FilmDone) -> None:
    shots = "1 shot" if done.shots == 1 else f"{done.shots} shots"
    early = ", stopped early: the same command goes on" if done.stopped else ""
    tell(f"{done.path}: {done.frames} frames in {shots}, painted in {format_duration(done.seconds)}{early}")


def _preview(film: Film, to: FilmOutput, inputs: Sequence[Path | None]) -> int:
    """Paint the beginning, and a sheet of frames from all of it."""
    from impasto.video.preview import write_sheet

    start = film.from_seconds or 0.0
    end = min(start + PREVIEW_SECONDS, film.to_seconds or float("inf"))
    stem = film.output.with_name(f"{film.output.stem}-preview")
    suffix = film.output.suffix or ".mp4"
    code = _carry_out(replace(film, output=stem.with_suffix(suffix), from_seconds=start, to_seconds=end), to, inputs)
    if code == 0 and not film.keys:  # frames of a keyed shot are made one after another
        sheet = stem.with_suffix(".png")
        frames = write_sheet(film, sheet)
        if not to.quiet:
            tell(f"{sheet}: {frames} frames")
    return code


def parse_keys(texts: Sequence[str]) -> dict[int, str]:
    """Read ``12=painted.png``, once or several times. Raises `OptionError`."""
    keys: dict[int, str] = {}
    for text in texts:
        number, _, file = text.partition("=")
        if not number.isdecimal() or not number.isascii() or not file:
            raise OptionError(f"--key takes FRAME=FILE, such as 0=painted.png, got {text!r}")
        if int(number) in keys:
            raise OptionError(f"--key: frame {int(number)} is given twice; give each once")
        keys[int(number)] = file
    return keys


class FilmDisplay(Messages):
    """A line for every stage and shot, for log files and pipes."""

    def show(self, event: Event) -> None:
        """Show an event."""
        if isinstance(event, FilmStarted):
            self._print(describe_film(event))
        elif isinstance(event, ShotStarted):
            self._print(f"shot {event.shot + 1}, from frame {event.frame + 1} of {event.frames}")
        elif isinstance(event, Notice):
            self.note(event.message)


class LiveFilmDisplay(LiveMessages, FilmDisplay):
    """A line on stderr, redrawn: shot, frame, and time left."""

    def __init__(self) -> None:
        self._last: Event | None = None
        super().__init__()

    def show(self, event: Event) -> None:
        if isinstance(event, FramesRead | FrameDone):
            self._last = event
        elif not isinstance(event, ShotStarted):
            super().show(event)

    def _render(self) -> RenderableType:
        from rich.progress_bar import ProgressBar
        from rich.table import Table

        row = Table.grid(padding=(0, 1), expand=True)
        for ratio in (None, 1, None):
            row.add_column(no_wrap=True, ratio=ratio)
        event = self._last
        if isinstance(event, FrameDone):
            text, total, done = (
                f"shot {event.shot + 1}  frame {event.frame + 1}/{event.frames}",
                event.frames,
                event.frame,
            )
            row.add_row(
                text, ProgressBar(total=total, completed=done + 1), f"{format_duration(event.seconds_left)} left"
            )
        elif isinstance(event, FramesRead):
            bar = ProgressBar(total=event.total, completed=event.frames) if event.total else ""
            row.add_row("looking for cuts", bar, f"{event.frames} frames")
        else:
            row.add_row("loading", "", "")
        return row


def describe_film(event: FilmStarted) -> str:
    """One line about the size, time and room that a film takes."""
    shots = "1 shot" if event.shots == 1 else f"{event.shots} shots"
    before = f", {event.painted} of them painted before" if event.painted else ""
    return (
        f"{event.frames} frames of {event.width_px}x{event.height_px} px in {shots}{before}: about "
        f"{format_duration(event.estimated_seconds)}, and {format_bytes(event.needed_bytes)} on the disk meanwhile"
    )


def _choose_display(quiet: bool) -> QuietDisplay | FilmDisplay:
    if quiet:
        return QuietDisplay()
    return LiveFilmDisplay() if sys.stderr.isatty() else FilmDisplay()


def _first_name(path: Path, clip: Path, words: tuple[str, ...]) -> str:
    return default_place(clip, *words, suffix=path.suffix, folder=path.parent, overwrite=True).name
