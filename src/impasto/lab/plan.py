"""From what was asked to a list of jobs: options checked, inputs found and hashed, names given."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from impasto.api import load_starting_picture, resolve_options
from impasto.errors import OptionError, did_you_mean
from impasto.images.picture import Picture
from impasto.inputs.paintings import Painting, Region, load_palette
from impasto.inputs.record_inputs import PaintingFile, describe_painting, describe_region
from impasto.inputs.style_file import StyleFile
from impasto.lab.run_folder import InputFile, InputFiles, Job, Manifest, Role, RunFolder, check_unique
from impasto.options.fields import PALETTE, PaintOptions, palette_path
from impasto.options.spelling import UNIT_SUFFIXES
from impasto.runs.record import ENCODER_SUFFIX, is_picture_path

PathLike = str | os.PathLike[str]
Weighted = tuple[PathLike, float] | Painting
MAX_NAME = 80  # characters of a job's name; file systems end at 255 bytes


@dataclass(frozen=True)
class Plan:
    """A list of jobs, and what the person who asked for it should know."""

    manifest: Manifest
    notes: tuple[str, ...] = ()


@dataclass
class Planner:
    """Builds jobs from paths and options; hashes every file once. `spell` says how an option is called in errors."""

    spell: Callable[[str], str] = "option {}".format
    _files: InputFiles = field(default_factory=InputFiles)

    def painting_job(
        self,
        photo: PathLike,
        paintings: Sequence[Weighted],
        options: PaintOptions,
        *,
        recipe: str | None,
        labels: Mapping[str, str],
        regions: Sequence[Region] = (),
    ) -> Job:
        """Raises `InputError` for files that cannot be read, `OptionError` for an unknown starting point."""
        inputs = self.pair(photo, paintings)
        settings = [item for item in paintings if isinstance(item, Painting)]
        inputs += self._region_files(settings, regions)
        if options.encoder.endswith(ENCODER_SUFFIX):
            inputs.append(self._files.describe("encoder", options.encoder))
        if is_picture_path(options.starting_point):
            load_starting_picture(options)
            inputs.append(self._files.describe("starting point", options.starting_point))
        if path := palette_path(options):
            load_palette(options)
            inputs.append(self._files.describe("palette", path))
        return Job(
            name=job_name(labels),
            labels=dict(labels),
            inputs=tuple(inputs),
            recipe=Path(recipe).name if recipe else None,
            options=without_folders(options),
            paintings=tuple(map(self._described, paintings)) if settings else (),
            regions=tuple(map(describe_region, regions)),
        )

    def resolve(self, recipe: str | None, values: Mapping[str, Any]) -> PaintOptions:
        """As `resolve_options`."""
        return resolve_options(recipe, values, spell=self.spell)

    def pair(self, photo: PathLike, paintings: Sequence[Weighted]) -> list[InputFile]:
        """Photo and paintings, pictures or style files, as inputs."""
        if not paintings:
            raise OptionError("no painting given; name at least one")
        pairs = [(_path(item.picture), item.weight) if isinstance(item, Painting) else item for item in paintings]
        found = [self._files.describe("painting", path, weight) for path, weight in pairs]
        return [self._files.describe("photo", photo), *found]

    def _described(self, painting: Weighted) -> PaintingFile:
        if isinstance(painting, Painting):
            return describe_painting(painting)
        path, weight = painting
        return PaintingFile(name=Path(path).name, sha256=self._files.describe("painting", path).sha256, weight=weight)

    def _region_files(self, settings: Sequence[Painting], regions: Sequence[Region]) -> list[InputFile]:
        """Masks, and the paintings of regions, each once."""
        theirs = [painting for region in regions for painting in region.paintings]
        masks = [painting.mask for painting in (*settings, *theirs)] + [
            region.mask if isinstance(region.mask, Picture) else None for region in regions
        ]
        files = [self._files.describe("painting of a region", _path(painting.picture)) for painting in theirs]
        files += [self._files.describe("mask", _path(mask)) for mask in masks if mask is not None]
        return list(dict.fromkeys(files))

    def describe(self, role: Role, path: PathLike) -> InputFile:
        """As `InputFiles.describe`."""
        return self._files.describe(role, path)


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


def checked(manifest: Manifest) -> Manifest:
    """Refuse an empty list, and jobs that would write the same files."""
    if not manifest.jobs:
        raise OptionError(f"nothing to do: this {manifest.command} has no jobs")
    check_unique(manifest.jobs)
    return manifest


def reopen(folder: Path, judge: str | None = None) -> Manifest:
    """The manifest of a run folder, to be carried out again; raises `RecordError` where there is none."""
    manifest = RunFolder.open(folder).manifest
    return manifest.model_copy(update={"judge": judge or manifest.judge})


def job_name(labels: Mapping[str, str]) -> str:
    """``content_weight-10_style_weight-1``: a file name of what varies."""
    words = [f"{name}-{value}" if name not in _SPEAK_FOR_THEMSELVES else value for name, value in labels.items()]
    name = "_".join(re.sub(r"[^\w.+-]+", "-", word).strip("-.") or "job" for word in words)
    if len(name) <= MAX_NAME:
        return name
    return f"{name[: MAX_NAME - 9]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


_SPEAK_FOR_THEMSELVES = frozenset(["photo", "painting", "column"])


def file_labels(paths: Iterable[PathLike]) -> dict[Path, str]:
    """What to call each file: its stem, or as much of its path as tells it from the others."""
    files = list(dict.fromkeys(Path(path) for path in paths))
    labels: dict[Path, str] = {}
    for file in files:
        alike = [other for other in files if other.stem == file.stem]
        if len(alike) == 1:
            labels[file] = file.stem
        elif len({other.name for other in alike}) == len(alike):
            labels[file] = file.name
        else:
            labels[file] = file.as_posix()
    return labels


def option_called(name: str) -> str:
    """The option that ``--min-scale``, ``min-scale`` or ``min_scale_px`` means; `OptionError` for none."""
    bare = name.strip().removeprefix("--").replace("-", "_")
    for option in (bare, *(bare + suffix for suffix in UNIT_SUFFIXES)):
        if option in PaintOptions.model_fields:
            return option
    raise OptionError(f"unknown option {name!r}{did_you_mean(bare, [*PaintOptions.model_fields])}")
