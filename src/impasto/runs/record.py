"""The run record: what a picture carries so that it can be painted again.

It holds every option, the encoder, the inputs by name and SHA-256, and the facts of the machine that change
the last bits. It holds no folders and no dates: a picture sent on tells nothing of its painter's disk.
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import (
    Field,
    ValidationError,
)

from impasto.errors import RecordError, shorten
from impasto.images.picture import Picture
from impasto.inputs.paintings import Painting, Region
from impasto.inputs.record_inputs import File, Inputs, Part, describe_inputs, input_files
from impasto.inputs.style_file import SUFFIX as STYLE_SUFFIX
from impasto.options.fields import DRAFT, PALETTE, STARTING_POINTS, PaintOptions
from impasto.version import __version__

if TYPE_CHECKING:
    from impasto.events import RunStarted

FORMAT_VERSION = 1
ENCODER_SUFFIX = ".safetensors"
PICTURE_SUFFIXES = frozenset([".avif", ".gif", ".heic", ".heif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"])
PAINTING_SUFFIXES = PICTURE_SUFFIXES | {STYLE_SUFFIX}  # a style file may take a painting's place


class StopPoint(Part):
    """The last step of a run that was stopped early, as `StepDone` counts; step 0: before the first."""

    scale: int = Field(ge=0)
    step: int = Field(ge=0)


class Steer(StopPoint):
    """Options that were changed during a run, after this step."""

    options: dict[str, float]


class Machine(Part):
    """What changes the last bits of a pastiche, beside options and inputs."""

    torch: str
    threads: int
    instruction_set: str
    architecture: str
    system: str
    device: str


class RunRecord(Part):
    """See the module's description; `bit_depth` is that of the file it was saved to."""

    format_version: int = FORMAT_VERSION
    impasto: str = __version__
    recipe: str | None
    options: PaintOptions
    encoder: File
    inputs: Inputs
    stopped_after: StopPoint | None = None
    content_weight: float | None = None
    """That of the last step: where an enlargement begins."""
    steered: tuple[Steer, ...] = ()
    stylizer: File | None = None
    """That painted the first pastiche, where the starting point was a draft."""
    machine: Machine
    bit_depth: Literal[8, 16] = 8


def build_record(
    content: Picture | None,
    paintings: Sequence[Painting],
    options: PaintOptions,
    started: RunStarted,
    *,
    recipe: str | None = None,
    starting_picture: Picture | None = None,
    palette: Picture | None = None,
    stopped_after: StopPoint | None = None,
    content_weight: float | None = None,
    steered: Sequence[Steer] = (),
    regions: Sequence[Region] = (),
    stylizer: File | None = None,
) -> RunRecord:
    """Describe a finished run, with the options that it came to."""
    from impasto.encoders import load_encoder

    machine = current_machine(options)
    encoder = load_encoder(options.encoder)
    names = {"encoder": Path(options.encoder).name}
    if starting_picture is not None:
        names["starting_point"] = starting_picture.name
    if palette is not None:
        names["color"] = PALETTE + palette.name
    return RunRecord(
        recipe=Path(recipe).name if recipe else None,
        options=settled_options(options, started, machine).model_copy(update=names),
        encoder=File(name=encoder.name, sha256=encoder.sha256),
        inputs=describe_inputs(content, paintings, regions, starting_picture, palette),
        stopped_after=stopped_after,
        content_weight=content_weight,
        steered=tuple(steered),
        stylizer=stylizer,
        machine=machine,
    )


def settled_options(options: PaintOptions, started: RunStarted, machine: Machine) -> PaintOptions:
    """The options, with what was left to the machine (size, tiles, precision, threads) as it came to be."""
    return options.model_copy(
        update={
            "size_px": max(started.scales_px[-1]),
            "tile_px": started.tile_px,
            "precision": started.precision,
            "threads": machine.threads,
            "max_memory_bytes": None,
        }
    )


def parse_record(values: Mapping[str, object], name: str) -> RunRecord:
    """Check the record that the picture `name` carries.

    Raises `RecordError` for another format version, and for a record with missing or unusable parts.
    """
    if is_draft(values):
        raise RecordError(
            f"{name} is a draft, painted in one pass, and has no run to go on with: impasto draft paints it at any size"
        )
    version = values.get("format_version")
    if version != FORMAT_VERSION:
        raise RecordError(
            f"{name} has a run record of format {shorten(version)}, made by impasto {_maker(values)}; "
            f"this is impasto {__version__}, which reads format {FORMAT_VERSION}"
        )
    try:
        return RunRecord.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        part = ".".join(map(str, first["loc"]))
        raise RecordError(
            f"the run record of {name} cannot be used: {part}: {first['msg'].lower()} "
            f"(it was made by impasto {_maker(values)}, this is {__version__})"
        ) from error


def is_draft(values: Mapping[str, object]) -> bool:
    """Whether a record is that of a draft, which `drafting` reads, and not of a run."""
    return values.get("kind") == DRAFT  # a run's has none


def _maker(values: Mapping[str, object]) -> str:
    """Version of the program that made a record, as far as a damaged one tells."""
    return shorten(values.get("impasto", "?")).strip("'")


def wanted_files(record: RunRecord, overridden: Iterable[str] = ()) -> dict[str, File]:
    """Files that painting the record again needs, by role; less those whose option is overridden."""
    files = input_files(record.inputs)
    for option, role in (("starting_point", "starting point"), ("color", "palette")):
        if option in overridden:
            files.pop(role, None)
    if record.options.encoder.endswith(ENCODER_SUFFIX) and "encoder" not in overridden:
        files["encoder"] = File(name=record.options.encoder, sha256=record.encoder.sha256)
    return files


def find_inputs(wanted: Mapping[str, File], folders: Sequence[Path], given: Sequence[Path] = ()) -> dict[str, Path]:
    """Find files by SHA-256 among those given and in `folders` (not in folders within); returns role: path.

    Raises `RecordError` for a file that was not found, named with its role, and for a given one that is not
    among the wanted.
    """
    roles_of: dict[str, list[str]] = {}
    for role, file in wanted.items():
        roles_of.setdefault(file.sha256, []).append(role)
    found: dict[str, Path] = {}

    def try_file(path: Path) -> bool:
        roles = roles_of.get(hash_file(path), [])
        for role in roles:
            found.setdefault(role, path)
        return bool(roles)

    for path in given:
        if not path.is_file():
            raise RecordError(f"there is no file {str(path)!r}")
        if not try_file(path):
            names = ", ".join(dict.fromkeys(file.name for file in wanted.values()))
            raise RecordError(f"{str(path)!r} is none of the inputs of this picture ({names})")
    for path in _candidates(wanted, folders):
        if len(found) == len(wanted):
            break
        try_file(path)
    for role, file in wanted.items():
        if role not in found:
            where = ", ".join(dict.fromkeys(str(folder) for folder in folders))
            raise RecordError(
                f"the {role} {file.name!r} (SHA-256 {file.sha256[:12]}) was not found in {where}; "
                "give its path after the picture's"
            )
    return {role: found[role] for role in wanted}


def current_machine(options: PaintOptions) -> Machine:
    """Facts of this machine and of the device that `options` name; loads torch."""
    import torch

    from impasto.engine.devices import find_device

    return Machine(
        torch=torch.__version__,
        threads=torch.get_num_threads(),
        instruction_set=torch.backends.cpu.get_cpu_capability(),
        architecture=platform.machine(),
        system=platform.system(),
        device=find_device(options.device).type,
    )


def replay_differences(record: RunRecord, options: PaintOptions) -> list[str]:
    """Why painting the record again here, with `options`, will not give the same bytes: a line a reason."""
    from impasto.encoders import load_encoder

    encoder = load_encoder(options.encoder).sha256
    return [
        *_differences({"impasto": (record.impasto, __version__)}),
        *machine_differences(record.machine, current_machine(options)),
        *_differences({"encoder": (record.encoder.sha256[:12], encoder[:12])}),
    ]


def machine_differences(then: Machine, now: Machine) -> list[str]:
    """What of two machines lets the bytes of a picture differ: a line a reason."""
    return _differences(
        {
            "torch": (then.torch, now.torch),
            "instruction set": (then.instruction_set, now.instruction_set),
            "architecture": (then.architecture, now.architecture),
            "system": (then.system, now.system),
            "device": (then.device, now.device),
        }
    )


def _differences(pairs: Mapping[str, tuple[str, str]]) -> list[str]:
    return [f"{what}: {old} then, {new} now" for what, (old, new) in pairs.items() if old != new]


def is_picture_path(starting_point: str) -> bool:
    """Whether a starting point is the path of a picture rather than one of the named ones."""
    return starting_point not in STARTING_POINTS


def _candidates(wanted: Mapping[str, File], folders: Sequence[Path]) -> Iterator[Path]:
    """Files worth hashing: those with a wanted name, then every other picture, encoder and style file."""
    names = {file.name for file in wanted.values()}
    listings = [sorted(path for path in folder.iterdir() if path.is_file()) for folder in dict.fromkeys(folders)]
    for listing in listings:
        yield from (path for path in listing if path.name in names)
    suffixes = PICTURE_SUFFIXES | ({ENCODER_SUFFIX} if {"encoder", "stylizer"} & wanted.keys() else set())
    if any(name.lower().endswith(STYLE_SUFFIX) for name in names):
        suffixes |= {STYLE_SUFFIX}
    for listing in listings:
        yield from (path for path in listing if path.name not in names and path.suffix.lower() in suffixes)


def hash_file(path: Path) -> str:
    """SHA-256 of a file's bytes; empty for one that cannot be read, which then matches nothing."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""
