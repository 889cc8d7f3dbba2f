"""Going on with an interrupted run: what its folder may decide, and what the person is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from impasto.cli.output import Output, check_events
from impasto.cli.pictures import free_name
from impasto.errors import ImpastoError, OptionError
from impasto.images.reading import read_record
from impasto.runs.event_log import SUFFIXES, is_log_of
from impasto.runs.interrupted import RunState, check_trusted
from impasto.runs.record import parse_record
from impasto.runs.run import Run
from impasto.runs.timelapse import is_time_lapse_of
from impasto.storage.places import Trusts


def output_of(run: Run, state: RunState, given: Output, trusts: Trusts) -> tuple[Output, list[str]]:
    """Where a resumed run writes, and notes about it.

    The picture goes beside the run folder, under the name that was planned. Its unfinished forerunner is replaced, and
    so are events file and time-lapse where they are those of this very run; other files stay, and the new ones get
    other names. Raises `OptionError` for a run from Python without a name, `CheckpointError` for files elsewhere.
    """
    folder, command = run.checkpoint_folder, state.command
    assert folder is not None, "a resumed run has one"
    if command is None:
        if given.output is None:
            raise OptionError("the run was begun from Python: say with -o where the picture goes")
        return given, []
    target = folder.absolute().parent / Path(command.output).name
    to = replace(given, output=given.output or str(_shown(folder, target)), no_record=not command.record)
    to = replace(to, replaces=given.output is None and _is_unfinished(target, state))
    to = replace(to, timelapse_size=command.timelapse_size_px or to.timelapse_size)
    to = replace(to, timelapse_seconds=command.timelapse_seconds or to.timelapse_seconds)
    notes: list[str] = []
    if given.events is None and command.events:
        events = _named(command.events, SUFFIXES, folder, trusts)
        if not (given.overwrite or is_log_of(events, command.events_bytes, command.events_sha256)):
            events = _free(events, notes, "the events file of this run")
        to = replace(to, events=events)
    else:
        check_events(given.events, overwrite=given.overwrite)
    if given.timelapse is None and command.timelapse:
        lapse = _named(command.timelapse, (".gif", ".webp", ".mp4"), folder, trusts)
        if not (given.overwrite or is_time_lapse_of(lapse, folder)):
            lapse = _free(lapse, notes, "the time-lapse of this run")
        to = replace(to, timelapse=lapse)
    return to, notes


def _shown(folder: Path, target: Path) -> Path:
    """The picture's path as the person would write it: as they named the folder."""
    return folder.parent / target.name


def _named(text: str, suffixes: Sequence[str], folder: Path, trusts: Trusts) -> Path:
    """A file to write that a run folder names, trusted or beside it; of another kind it has to be trusted."""
    path = Path(text)
    check_trusted([path], folder, trusts)
    if path.suffix.lower() not in suffixes and not trusts([path]):
        raise OptionError(
            f"the run would write {str(path)!r}, whose name does not end as such a file's does: if you began it "
            "yourself, add --trust; else name another file"
        )
    return path


def _free(path: Path, notes: list[str], what: str) -> Path:
    """The path where nothing is there, else a free one beside it, which is noted."""
    free = free_name(path)
    if free != path:
        notes.append(f"{path.name} is not {what} as it was left: {free.name} is written instead")
    return free


def _is_unfinished(output: Path, state: RunState) -> bool:
    """Whether a file is the pastiche of this run, stopped early, which its resumed run may replace."""
    try:
        record = parse_record(read_record(output), output.name)
    except ImpastoError:
        return False
    return record.stopped_after is not None and record.inputs == state.inputs and record.recipe == state.recipe
