"""The run record: what a picture carries so that it can be painted again.

It holds every option, the encoder, the inputs by name and SHA-256, and the facts of the machine that change
the last bits. It holds no folders and no dates: a picture sent on tells nothing of its painter's disk.
"""

from __future__ import annotations

import platform
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, ValidationError, model_validator

from impasto.errors import RecordError, first_fault, shorten
from impasto.inputs.bundled import bundled_by_hash
from impasto.inputs.recorded import RecordedEncoder, RecordedFile, RecordedInputs, RecordPart
from impasto.inputs.run_inputs import RunInputs
from impasto.inputs.style_file import SUFFIX as STYLE_SUFFIX
from impasto.options.fields import DRAFT, PALETTE, STARTING_POINTS, PaintOptions, Steerable, palette_path
from impasto.options.parsing import Weight
from impasto.storage.hashing import SENT_BYTES, hash_file
from impasto.version import __version__

if TYPE_CHECKING:
    from impasto.events import RunStarted

FORMAT_VERSION = 1
ENCODER_SUFFIX = ".safetensors"
PICTURE_SUFFIXES = frozenset([".avif", ".gif", ".heic", ".heif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"])
PAINTING_SUFFIXES = PICTURE_SUFFIXES | {STYLE_SUFFIX}  # a style file may take a painting's place


class StopPoint(RecordPart):
    """The last step of a run that was stopped early, as `StepDone` counts; step 0: before the first."""

    scale: int = Field(ge=0, lt=2**31)
    step: int = Field(ge=0, lt=2**31)


class Steer(StopPoint):
    """Options that were changed during a run, after this step."""

    options: dict[Steerable, Annotated[float, Field(ge=0, le=100)]]


class Machine(RecordPart):
    """Facts of a machine that change the last bits of a pastiche, beside options and inputs."""

    torch: str
    threads: int = Field(ge=1, le=4096)
    instruction_set: str
    architecture: str
    system: str
    device: str
    bfloat16: str = ""
    """What in the processor multiplies bfloat16, ``none`` if nothing does; empty where a run had no use for it."""


class RunRecord(RecordPart):
    """See the module's description; `bit_depth` is that of the file it was saved to."""

    format_version: int = FORMAT_VERSION
    impasto: str = __version__
    recipe: str | None
    options: PaintOptions
    encoder: RecordedEncoder
    inputs: RecordedInputs
    stopped_after: StopPoint | None = None
    content_weight: Weight | None = None
    """At the last step; an enlargement begins with it."""
    steered: tuple[Steer, ...] = ()
    stylizer: RecordedFile | None = None
    """The weights that painted the first pastiche, where the starting point was a draft."""
    machine: Machine
    bit_depth: Literal[8, 16] = 8

    @model_validator(mode="after")
    def _names_no_other_file(self) -> Self:
        check_described(self.options, self.inputs)
        return self


def check_described(options: PaintOptions, inputs: RecordedInputs) -> None:
    """Raise `ValueError` where options name a file without its SHA-256: it would be read from that path."""
    if options.starting_point not in STARTING_POINTS and inputs.starting_picture is None:
        raise ValueError(f"a starting point {shorten(options.starting_point)} that is not among the inputs")
    if palette_path(options) and inputs.palette is None:
        raise ValueError(f"a palette {shorten(options.color)} that is not among the inputs")


def build_record(
    inputs: RunInputs,
    options: PaintOptions,
    started: RunStarted,
    *,
    recipe: str | None,
    stylizer: RecordedFile | None,
    stopped_after: StopPoint | None,
    content_weight: float | None,
    steered: Sequence[Steer],
) -> RunRecord:
    """Describe a finished run, with its options as they were resolved on this machine."""
    machine = current_machine(options)
    resolved = resolved_options(options, started, machine)
    names = {"encoder": Path(resolved.encoder).name}
    if inputs.starting_picture is not None:
        names["starting_point"] = inputs.starting_picture.name
    if inputs.palette is not None:
        names["color"] = PALETTE + inputs.palette.name
    return RunRecord(
        recipe=Path(recipe).name if recipe else None,
        options=resolved.model_copy(update=names),
        encoder=_describe_encoder(options.encoder),
        inputs=inputs.describe(),
        stopped_after=stopped_after,
        content_weight=content_weight,
        steered=tuple(steered),
        stylizer=stylizer,
        machine=machine,
    )


def _describe_encoder(name: str) -> RecordedEncoder:
    from impasto.encoders.weights import find_encoder

    found = find_encoder(name).describe()
    if found.source is None or found.source_sha256 is None:
        return RecordedEncoder(name=found.name, sha256=found.sha256)
    source = RecordedFile(name=found.source, sha256=found.source_sha256)
    return RecordedEncoder(name=found.name, sha256=found.sha256, source=source, bits=found.bits)


def resolved_options(options: PaintOptions, started: RunStarted, machine: Machine) -> PaintOptions:
    """The options with encoder, size, tiles, precision and threads as this machine chose them."""
    from impasto.encoders.store import resolve_name

    return options.model_copy(
        update={
            "encoder": resolve_name(options.encoder),
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
        raise RecordError(
            f"the run record of {name} cannot be used: {first_fault(error)} "
            f"(it was made by impasto {_maker(values)}, this is {__version__})"
        ) from error


def is_draft(values: Mapping[str, object]) -> bool:
    """Whether a record is that of a draft, which `drafting` reads, and not of a run."""
    return values.get("kind") == DRAFT  # a run's has none


def _maker(values: Mapping[str, object]) -> str:
    """Version of the program that made a record, as far as a damaged one tells."""
    return shorten(values.get("impasto", "?")).strip("'")


def wanted_files(record: RunRecord, overridden: Collection[str] = ()) -> dict[str, RecordedFile]:
    """The files that painting the record again needs, by role in words; less those whose option is overridden."""
    inputs = without_overridden(record.inputs, overridden)
    files = dict(inputs.iter_files())
    if record.options.encoder.endswith(ENCODER_SUFFIX) and "encoder" not in overridden:
        files["encoder"] = RecordedFile(name=record.options.encoder, sha256=record.encoder.sha256)
    return files


def without_overridden(inputs: RecordedInputs, overridden: Collection[str]) -> RecordedInputs:
    """The inputs without starting picture and palette where other options take their place."""
    pictures = {"starting_point": "starting_picture", "color": "palette"}
    return inputs.model_copy(update={pictures[option]: None for option in pictures.keys() & set(overridden)})


def find_files(wanted: Mapping[str, RecordedFile], folders: Sequence[Path], given: Sequence[Path]) -> dict[str, Path]:
    """Find files by SHA-256: given, in `folders` (not in folders within), or bundled; returns SHA-256: path.

    `wanted` is by role. Raises `RecordError` for a file that was not found, named with its role, and for a given one
    that is not among the wanted.
    """
    hashes = {file.sha256 for file in wanted.values()}
    paths = hash_given(wanted.values(), given)
    for path in _candidates(wanted.values(), folders):
        if paths.keys() >= hashes:
            break
        with suppress(OSError):  # a file that cannot be read is none of them
            if (sha256 := hash_file(path, SENT_BYTES)) in hashes:
                paths.setdefault(sha256, path)
    for sha256 in hashes & bundled_by_hash().keys():
        paths.setdefault(sha256, bundled_by_hash()[sha256])
    for role, file in wanted.items():
        if file.sha256 not in paths:
            searched = ", ".join(dict.fromkeys(str(folder) for folder in folders))
            raise RecordError(
                f"the {role} {file.name!r} (SHA-256 {file.sha256[:12]}) was not found in {searched}; "
                "give its path after the picture's"
            )
    return paths


def hash_given(wanted: Collection[RecordedFile], given: Sequence[Path]) -> dict[str, Path]:
    """The files that a person gives, by SHA-256; raises `RecordError` for one that is not among the wanted."""
    paths: dict[str, Path] = {}
    for path in given:
        try:
            sha256 = hash_file(path, SENT_BYTES)
        except OSError as error:
            raise RecordError(f"cannot read {str(path)!r}: {error.strerror}") from error
        if sha256 not in {file.sha256 for file in wanted}:
            names = ", ".join(dict.fromkeys(file.name for file in wanted))
            raise RecordError(f"{str(path)!r} is none of the inputs of this picture ({names})")
        paths.setdefault(sha256, path)
    return paths


def current_machine(options: PaintOptions) -> Machine:
    """Facts of this machine and of the device that `options` name; loads torch."""
    import torch

    from impasto.engine.devices import bfloat16_unit, find_device, find_precision

    device = find_device(options.device)
    narrow = device.type == "cpu" and find_precision(options.precision, device) == torch.bfloat16
    return Machine(
        torch=torch.__version__,
        threads=torch.get_num_threads(),
        instruction_set=torch.backends.cpu.get_cpu_capability(),
        architecture=platform.machine(),
        system=platform.system(),
        device=device.type,
        bfloat16=(bfloat16_unit() or "none") if narrow else "",
    )


def replay_differences(record: RunRecord, options: PaintOptions) -> list[str]:
    """Why painting the record again here, with `options`, will not give the same bytes: a line a reason."""
    from impasto.encoders.weights import find_encoder

    encoder = find_encoder(options.encoder).sha256
    return [
        *_differences({"impasto": (record.impasto, __version__)}),
        *machine_differences(record.machine, current_machine(options)),
        *_differences({"encoder": (record.encoder.sha256[:12], encoder[:12])}),
    ]


def machine_differences(then: Machine, now: Machine) -> list[str]:
    """Differences between two machines that change the bytes of a picture: a line a reason."""
    return _differences(
        {
            "torch": (then.torch, now.torch),
            "instruction set": (then.instruction_set, now.instruction_set),
            "architecture": (then.architecture, now.architecture),
            "system": (then.system, now.system),
            "device": (then.device, now.device),
            "bfloat16": (then.bfloat16, now.bfloat16 if then.bfloat16 else ""),
        }
    )


def _differences(pairs: Mapping[str, tuple[str, str]]) -> list[str]:
    return [f"{what}: {old} then, {new} now" for what, (old, new) in pairs.items() if old != new]


def is_picture_path(starting_point: str) -> bool:
    """Whether a starting point is the path of a picture rather than one of the named ones."""
    return starting_point not in STARTING_POINTS


def _files_in(folder: Path) -> list[Path]:
    """The files in a folder, none where it cannot be read."""
    try:
        return sorted(path for path in folder.iterdir() if path.is_file())
    except OSError:
        return []


def _candidates(wanted: Collection[RecordedFile], folders: Sequence[Path]) -> Iterator[Path]:
    """Files worth hashing: those with the name of a wanted one, then every other of a kind that is wanted."""
    names = {file.name for file in wanted}
    suffixes = PICTURE_SUFFIXES | {Path(name).suffix.lower() for name in names} & {ENCODER_SUFFIX, STYLE_SUFFIX}
    listings = [_files_in(folder) for folder in dict.fromkeys(folders)]
    for listing in listings:
        yield from (path for path in listing if path.name in names)
    for listing in listings:
        yield from (path for path in listing if path.name not in names and path.suffix.lower() in suffixes)
