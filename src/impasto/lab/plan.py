"""From a request to jobs: options checked, inputs hashed, names given."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from impasto.errors import InputError, OptionError, RecordError, did_you_mean
from impasto.images.picture import Picture
from impasto.inputs.bundled import bundled_by_hash, find_painting
from impasto.inputs.paintings import Painting, Region
from impasto.inputs.recorded import RecordedPainting
from impasto.inputs.run_inputs import describe_painting, describe_region
from impasto.inputs.style_file import StyleFile
from impasto.lab.jobs import HUB_ADDRESS, InputFile, LabJob, LabManifest, Role
from impasto.lab.run_folder import RunFolder
from impasto.options.fields import PALETTE, PaintOptions, palette_path
from impasto.options.spelling import UNIT_SUFFIXES, format_value
from impasto.runs.build import load_palette, load_starting_picture, resolve_options
from impasto.runs.record import ENCODER_SUFFIX, is_picture_path
from impasto.storage.hashing import SENT_BYTES, hash_file
from impasto.storage.places import Trusts, elsewhere, trusts_none

PathLike = str | os.PathLike[str]
Weighted = tuple[PathLike, float] | Painting
MAX_NAME = 80  # characters of a job's name; file systems end at 255 bytes
_BARE_LABELS = frozenset(["photo", "painting", "column"])  # whose values need no name before them in a job's name


@dataclass
class Planner:
    """Builds jobs from paths and options; hashes every file once.

    Parameters
    ----------
    recipe, values, regions: for every job; a job may set another recipe and further values.
    judge: encoder that the metrics are measured with.
    spell: how an option is called in errors.

    Attributes
    ----------
    notes: lines for the person who plans, such as an option that was set for them.
    """

    recipe: str | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    regions: Sequence[Region] = ()
    judge: str = "lite"
    spell: Callable[[str], str] = "option {}".format
    notes: list[str] = field(default_factory=list)
    _hashes: dict[Path, str] = field(default_factory=dict)

    def painting_job(
        self,
        photo: PathLike,
        paintings: Sequence[Weighted],
        options: PaintOptions,
        *,
        recipe: str | None,
        labels: Mapping[str, str],
    ) -> LabJob:
        """Raises `InputError` for files that cannot be read, `OptionError` for an unknown starting point."""
        inputs = self.pair(photo, paintings)
        with_settings = [item for item in paintings if isinstance(item, Painting)]
        inputs += self._region_files(with_settings)
        if options.encoder.endswith(ENCODER_SUFFIX):
            inputs.append(self.describe(Role.ENCODER, options.encoder))
        if is_picture_path(options.starting_point):
            load_starting_picture(options)
            inputs.append(self.describe(Role.STARTING_POINT, options.starting_point))
        if path := palette_path(options):
            load_palette(options)
            inputs.append(self.describe(Role.PALETTE, path))
        return LabJob(
            name=job_name(labels),
            labels=dict(labels),
            inputs=tuple(inputs),
            recipe=Path(recipe).name if recipe else None,
            options=without_folders(options),
            paintings=tuple(map(self._describe_painting, paintings)) if with_settings else (),
            regions=tuple(map(describe_region, self.regions)),
        )

    def resolve(self, recipe: str | None = None, values: Mapping[str, Any] | None = None) -> PaintOptions:
        """The options of a job that sets a recipe and values of its own. Raises as `resolve_options`."""
        return resolve_options(recipe or self.recipe, {**self.values, **(values or {})}, spell=self.spell)

    def pair(self, photo: PathLike, paintings: Sequence[Weighted]) -> list[InputFile]:
        """Photo and paintings, pictures or style files, as inputs."""
        if not paintings:
            raise OptionError("no painting given; name at least one")
        pairs = [(_path(item.picture), item.weight) if isinstance(item, Painting) else item for item in paintings]
        inputs = [self.describe(Role.PAINTING, path, weight) for path, weight in pairs]
        return [self.describe(Role.PHOTO, photo), *inputs]

    def describe(self, role: Role, path: PathLike, weight: float = 1.0) -> InputFile:
        """A file as an input of jobs. Raises `InputError` for one that is not there or cannot be read."""
        absolute = Path(find_painting(path) if role in (Role.PAINTING, Role.PALETTE) else path).absolute()
        if absolute not in self._hashes:
            try:
                self._hashes[absolute] = hash_file(absolute, SENT_BYTES)
            except OSError as error:
                raise InputError(f"the {role} {str(path)!r} cannot be read: {error.strerror}") from error
        return InputFile(role=role, path=absolute, sha256=self._hashes[absolute], weight=weight)

    def _describe_painting(self, painting: Weighted) -> RecordedPainting:
        if isinstance(painting, Painting):
            return describe_painting(painting)
        path, weight = painting
        file = self.describe(Role.PAINTING, path)
        return RecordedPainting(name=file.path.name, sha256=file.sha256, weight=weight)

    def _region_files(self, paintings: Sequence[Painting]) -> list[InputFile]:
        """Masks, and the paintings of regions, each once."""
        of_regions = [painting for region in self.regions for painting in region.paintings]
        masks = [painting.mask for painting in (*paintings, *of_regions)] + [
            region.mask if isinstance(region.mask, Picture) else None for region in self.regions
        ]
        files = [self.describe(Role.REGION_PAINTING, _path(painting.picture)) for painting in of_regions]
        files += [self.describe(Role.MASK, _path(mask)) for mask in masks if mask is not None]
        return list(dict.fromkeys(files))


def _path(picture: Picture | StyleFile) -> Path:
    if picture.path is None:
        raise OptionError("a list of jobs reads its paintings and masks from files: give paths, not arrays")
    return picture.path


def without_folders(options: PaintOptions) -> PaintOptions:
    """Options as the manifest holds them: files by name only, since the inputs know their paths."""
    names = {name: Path(getattr(options, name)).name for name in ("encoder", "starting_point")}
    if path := palette_path(options):
        names["color"] = PALETTE + Path(path).name
    return options.model_copy(update=names)


def option_label(options: PaintOptions, name: str) -> str:
    """The value of an option as labels show it."""
    return format_value(getattr(without_folders(options), name))


def reopen(folder: Path, judge: str | None = None, trusts: Trusts = trusts_none) -> LabManifest:
    """The manifest of a run folder, to carry it out again.

    Raises `RecordError` where there is none, and where it names files that do not lie beside the folder, or a model
    of TensorFlow's, which is a program: both have to be trusted.
    """
    manifest = RunFolder.open(folder).manifest
    manifest = manifest.model_copy(update={"judge": judge or manifest.judge})
    bundled = set(bundled_by_hash().values())
    named = [file.path for job in manifest.jobs for file in job.inputs if file.path not in bundled]
    if judge is None and manifest.judge.endswith(ENCODER_SUFFIX):
        named.append(Path(manifest.judge))
    parent = folder.absolute().parent
    models = {job.model: Path(job.model or "a model in a folder") for job in manifest.jobs if job.kind == "tfhub"}
    if models:
        from impasto.lab.magenta import PACKAGE  # loads torch

        models = {model: path for model, path in models.items() if model not in (PACKAGE, HUB_ADDRESS)}
    outside = [*elsewhere(named, parent), *models.values()]
    if outside and not trusts(outside):
        more = f" and {len(outside) - 1} more" if len(outside) > 1 else ""
        raise RecordError(
            f"the run folder names {str(outside[0])!r}{more}, outside {str(parent)!r}: if the list is your own, add "
            "--trust (in Python trust=True)"
        )
    return manifest


def job_name(labels: Mapping[str, str]) -> str:
    """``content_weight-10_style_weight-1``: a file name made of what varies."""
    words = [value if name in _BARE_LABELS else f"{name}-{value}" for name, value in labels.items()]
    name = "_".join(re.sub(r"[^\w.+-]+", "-", word).strip("-.") or "job" for word in words) or "job"
    if len(name) <= MAX_NAME:
        return name
    return f"{name[: MAX_NAME - 9]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def file_labels(paths: Iterable[PathLike]) -> dict[Path, str]:
    """A short name for each file: its stem, or as much of its path as tells it from the others."""
    files = list(dict.fromkeys(Path(path) for path in paths))
    labels: dict[Path, str] = {}
    for file in files:
        namesakes = [other for other in files if other.stem == file.stem]
        if len(namesakes) == 1:
            labels[file] = file.stem
        elif len({other.name for other in namesakes}) == len(namesakes):
            labels[file] = file.name
        else:
            labels[file] = file.as_posix()
    return labels


def option_named(name: str) -> str:
    """The option that ``--min-scale``, ``min-scale`` or ``min_scale_px`` means; `OptionError` for none."""
    bare = name.strip().removeprefix("--").replace("-", "_")
    for option in (bare, *(bare + suffix for suffix in UNIT_SUFFIXES)):
        if option in PaintOptions.model_fields:
            return option
    raise OptionError(f"unknown option {name!r}{did_you_mean(bare, [*PaintOptions.model_fields])}")
