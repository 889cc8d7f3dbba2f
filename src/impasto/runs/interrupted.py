"""The run folder of a run that was interrupted: what its checkpoints say beside the state of the engine.

Every checkpoint holds the whole description of its run, so that any one of them suffices.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from pydantic import Field, ValidationError, model_validator

from impasto.errors import CheckpointError, InputError, OutputError
from impasto.images.picture import Picture, picture_from_array
from impasto.images.reading import DEFAULT_MAX_PIXELS, load_picture
from impasto.inputs.bundled import bundled_by_hash
from impasto.inputs.paintings import load_style
from impasto.inputs.recorded import RecordedFile, RecordedInputs, RecordPart
from impasto.inputs.run_inputs import RunInputs
from impasto.inputs.style_file import StyleFile
from impasto.options.fields import PaintOptions
from impasto.runs.record import (
    ENCODER_SUFFIX,
    Machine,
    Steer,
    StopPoint,
    check_described,
    current_machine,
    hash_given,
    machine_differences,
)
from impasto.storage.atomic import open_whole
from impasto.storage.files import fitting_name, why_not_a_file
from impasto.storage.places import Trusts, elsewhere, is_plain_name, trusts_none
from impasto.storage.tensorfile import map_array
from impasto.version import __version__

FOLDER_SUFFIX = ".run"
BYTES_PER_PIXEL = 8  # at most, of samples in memory: four channels of 16 bit
ARRAY, ENCODED = ".npy", ".picture"  # copies of inputs that were in memory: samples, or the bytes of a file
OUR_FILES = (
    "checkpoint-*.safetensors", "checkpoint-*.partial", "input-*.npy", "input-*.picture", "input-*.partial",
    "frame-*.npy", "frame-*.partial", "frame-saved.sha256",  # of a time-lapse
)  # fmt: skip


class InputSource(RecordPart):
    """Where an input is read again: its file, or for what was in memory the copy in the run folder."""

    name: str
    sha256: str
    path: str


class Command(RecordPart):
    """What the command line was to do with the pastiche."""

    output: str
    bit_depth: int = Field(ge=8, le=16, multiple_of=8)
    record: bool
    events: str | None = None
    events_bytes: int = Field(default=0, ge=0, lt=2**63)
    events_sha256: str = ""
    """Of so many bytes: a file that begins otherwise is not this run's."""
    timelapse: str | None = None
    timelapse_size_px: int = Field(default=0, ge=0, le=65_536)
    timelapse_seconds: float = Field(default=0.0, ge=0, le=3600)


class RunState(RecordPart):
    """Everything about a run but the engine's own state."""

    impasto: str = __version__
    recipe: str | None
    options: PaintOptions
    encoder_sha256: str
    stop_after: StopPoint | None = None
    steered: tuple[Steer, ...] = ()
    """Changes of options so far, or those that a replay is to make."""
    inputs: RecordedInputs
    stylizer: RecordedFile | None = None
    """The weights that drafted the starting picture, if it is a draft."""
    sources: tuple[InputSource, ...]
    machine: Machine
    dots_per_inch: float = Field(default=72.0, ge=1, le=9600)
    command: Command | None = None

    @model_validator(mode="after")
    def _has_all_sources(self) -> Self:
        if {file.sha256 for _, file in self.inputs.iter_files()} - {source.sha256 for source in self.sources}:
            raise ValueError("an input without its source")
        if any(not Path(source.path).is_absolute() and not is_plain_name(source.path) for source in self.sources):
            raise ValueError("a source that leads out of the run folder")
        check_described(self.options, self.inputs)
        return self


def run_folder_of(output: Path) -> Path:
    """The run folder that belongs to a picture: beside it, ``pastiche.png.run``; of a long name a part and its hash."""
    return output.with_name(fitting_name(output, FOLDER_SUFFIX))


def check_no_link(folder: Path) -> None:
    """Refuse a run folder beside a picture that leads elsewhere, where a run would write and remove: `OutputError`."""
    if folder.is_symlink():
        raise OutputError(f"the run folder {str(folder)!r} is a link that leads elsewhere: remove it")


def find_run_folder(path: Path) -> Path:
    """The run folder that a user names, directly or by the name of its picture. Raises `CheckpointError`."""
    try:
        if path.is_dir():
            return path
        if run_folder_of(path).is_dir():
            return run_folder_of(path)
    except OSError as error:
        raise CheckpointError(f"cannot read the run folder {str(path)!r}: {error.strerror}") from error
    raise CheckpointError(f"there is no interrupted run {str(path)!r}: give the folder, such as pastiche.png.run")


def holds_run(folder: Path) -> bool:
    """Whether there is a checkpoint in a folder."""
    return folder.is_dir() and any(folder.glob("checkpoint-*.safetensors"))


def describe_source(picture: Picture | StyleFile, folder: Path) -> InputSource:
    """Describe where an input can be read again; what was in memory is written into the run folder."""
    path = picture.path
    if isinstance(picture, Picture) and path is None:
        path = folder / f"input-{picture.sha256[:16]}{ARRAY if picture.data is None else ENCODED}"
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            with open_whole(path, part=path.with_suffix(".partial").name) as file:
                if picture.data is None:
                    np.save(file, picture.samples, allow_pickle=False)
                else:
                    file.write(picture.data)
        path = Path(path.name)  # the folder may be moved
    return InputSource(name=picture.name, sha256=picture.sha256, path=str(path))


def place_files(state: RunState, folder: Path, given: Sequence[Path], trusts: Trusts) -> RunState:
    """The state with every file of the run as it may be read: given, beside the run folder, or trusted.

    Raises `CheckpointError` for files elsewhere that are not trusted, `RecordError` for one given that is no input.
    """
    wanted = [file for _, file in state.inputs.iter_files()]
    own_encoder = state.options.encoder.endswith(ENCODER_SUFFIX)
    if own_encoder:
        wanted.append(RecordedFile(name=Path(state.options.encoder).name, sha256=state.encoder_sha256))
    known = {**bundled_by_hash(), **hash_given(wanted, given)}
    paths = {source.sha256: known.get(source.sha256, folder / source.path) for source in state.sources}
    named = [path for sha256, path in paths.items() if sha256 not in known]
    if own_encoder and state.encoder_sha256 not in known:
        named.append(Path(state.options.encoder))
    check_trusted(named, folder, trusts)
    sources = [source.model_copy(update={"path": str(paths[source.sha256].absolute())})
               if source.sha256 in known else source for source in state.sources]  # fmt: skip
    encoder = str(known[state.encoder_sha256].absolute()) if own_encoder and state.encoder_sha256 in known else None
    options = state.options.model_copy(update={"encoder": encoder}) if encoder else state.options
    return state.model_copy(update={"sources": tuple(sources), "options": options})


def check_trusted(named: Sequence[Path], folder: Path, trusts: Trusts) -> None:
    """Refuse paths that a run folder names and that do not lie beside it, unless trusted: `CheckpointError`."""
    parent = folder.absolute().parent
    outside = elsewhere(named, parent)
    if outside and not trusts(outside):
        more = f" and {len(outside) - 1} more" if len(outside) > 1 else ""
        raise CheckpointError(
            f"the run names {str(outside[0])!r}{more}, outside {str(parent)!r}: if you began it yourself, add --trust "
            "(in Python trust=True); else give its inputs after the run folder, --events and --timelapse"
        )


def read_inputs(state: RunState, folder: Path, max_pixels: int = DEFAULT_MAX_PIXELS) -> RunInputs:
    """Read the inputs of a run again. Raises `CheckpointError` for a file that has changed since."""
    sources = {source.sha256: source for source in state.sources}
    roles: dict[str, str] = {}
    for role, file in state.inputs.iter_files():
        roles.setdefault(file.sha256, role)
    files = {sha256: _load_source(sources[sha256], folder, role, max_pixels) for sha256, role in roles.items()}
    return RunInputs.read(state.inputs, files)


def _load_source(source: InputSource, folder: Path, role: str, max_pixels: int) -> Picture | StyleFile:
    """Read an input again. Raises `CheckpointError` when it is not the one the run began with."""
    path = folder / source.path  # an absolute path stays what it is
    try:
        if Path(source.path).is_absolute():
            picture = load_style(path, max_pixels)
        elif why := why_not_a_file(path):
            raise InputError(f"{path.name}: {why}")
        elif path.suffix == ENCODED:
            picture = load_picture(path, max_pixels=max_pixels)
        else:
            samples = map_array(path)
            if samples.nbytes > BYTES_PER_PIXEL * max_pixels:
                raise InputError(f"{path.name}: it holds more than {max_pixels} pixels")
            picture = picture_from_array(samples, name=source.name)
    except (InputError, OSError, ValueError) as error:
        raise CheckpointError(f"the {role} of the interrupted run cannot be read again: {error}") from error
    if picture.sha256 != source.sha256:
        raise CheckpointError(
            f"the {role} {source.path!r} is not what it was when the run began (SHA-256 {picture.sha256[:12]}, "
            f"then {source.sha256[:12]}): put that one back, or paint anew"
        )
    return picture


def read_run(
    folder: Path, given: Sequence[Path] = (), trusts: Trusts = trusts_none
) -> tuple[RunState, Path, list[str]]:
    """Find the newest usable checkpoint of a run folder.

    Returns the run's description with its files as `place_files` finds them, the checkpoint, and notes worth telling.
    Raises `CheckpointError` where none can be used, with the reason for the newest.
    """
    nothing = f"there is no checkpoint in {str(folder)!r}: paint anew"
    if not holds_run(folder):
        raise CheckpointError(nothing)  # at once: what follows loads torch
    from impasto.encoders.weights import find_encoder
    from impasto.engine.checkpoint import list_checkpoints, read_checkpoint

    trouble: list[str] = []
    for path in reversed(list_checkpoints(folder)):
        check_trusted([path], folder, trusts)  # it may be a link
        try:
            state = _parse(read_checkpoint(path)[1], path.name)  # its pictures are read again when they are wanted
        except CheckpointError as error:
            trouble.append(str(error))
            continue
        state = place_files(state, folder, given, trusts)
        encoder = find_encoder(state.options.encoder)
        if encoder.sha256 != state.encoder_sha256:
            raise CheckpointError(
                f"the checkpoint {path.name} was painted with another encoder {state.options.encoder!r} "
                f"(SHA-256 {state.encoder_sha256[:12]}, now {encoder.sha256[:12]}): put that one back, or paint anew"
            )
        notes = [f"{reason}; going on from the one before" for reason in trouble[:1]]
        lines = machine_differences(state.machine, current_machine(state.options))
        if state.impasto != __version__:
            lines.insert(0, f"impasto: {state.impasto} then, {__version__} now")
        return state, path, notes + [f"not the same bytes: {line}" for line in lines]
    raise CheckpointError(next(iter(trouble), nothing))


def remove_run(folder: Path) -> None:
    """Remove what a run left in its folder, and the folder unless there is something else in it.

    Raises `OutputError` where that cannot be.
    """
    if not folder.is_dir():
        return
    try:
        for pattern in OUR_FILES:
            for path in folder.glob(pattern):
                path.unlink(missing_ok=True)
        if not any(folder.iterdir()):
            folder.rmdir()
    except OSError as error:
        raise OutputError(f"cannot clear the run folder {str(folder)!r}: {error.strerror}; remove it") from error


def _parse(about: Mapping[str, Any], name: str) -> RunState:
    try:
        return RunState.model_validate(about)
    except ValidationError as error:
        maker = about.get("impasto", "?")
        raise CheckpointError(
            f"the checkpoint {name} is damaged: its description is not usable"
            if maker == __version__
            else f"the checkpoint {name} was written by impasto {maker}, whose description of a run {__version__} does "
            "not read: finish it with that version, or paint anew"
        ) from error
