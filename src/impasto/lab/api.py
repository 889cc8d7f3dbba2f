"""Many pictures at once, from Python: sweep, batch, compare, again, drafts."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Unpack

from impasto.events import Controls
from impasto.inputs.paintings import Painting, Region
from impasto.lab.batch import plan_batch, plan_pairs
from impasto.lab.compare import plan_comparison
from impasto.lab.drafts import DraftFailed, DraftFolder, DraftWritten
from impasto.lab.jobs import LabManifest
from impasto.lab.plan import PathLike, Planner, Weighted, reopen
from impasto.lab.runner import LabRun, iter_jobs, read_run
from impasto.lab.sweep import plan_sweep
from impasto.options.keywords import DraftKeywords, PaintKeywords
from impasto.runs.draft import build_draft_options
from impasto.storage.places import trusts_all, trusts_none

Paintings = PathLike | Painting | Sequence[PathLike | Weighted]


def sweep(  # noqa: PLR0913 (public: the keywords of `impasto.paint`, and those of a list)
    photo: PathLike,
    painting: Paintings,
    vary: Mapping[str, Sequence[Any]],
    *,
    folder: PathLike,
    regions: Sequence[Region] = (),
    recipe: str | None = None,
    judge: str = "lite",
    ray: str | None = None,
    controls: Controls | None = None,
    **options: Unpack[PaintKeywords],
) -> LabRun:
    """Paint every combination of the varied values into a run folder.

    Parameters
    ----------
    photo, painting: paths; several paintings, or pairs (path, weight), or `Painting`, blend. A style file stands in
        for a painting.
    regions: as `impasto.paint` takes them, read from files; the same for every job.
    vary: option (or ``photo``, ``painting``, ``recipe``) to its values: the first varies over the rows of the
        contact sheet, the second over its columns, further ones over pages.
    folder: the run folder. Jobs finished there before are not painted again.
    recipe, options: as `impasto.paint` takes them.
    judge: encoder that the metrics are measured with.
    ray: ``auto`` or the address of a Ray cluster; default: one job after another, here.
    controls: `stop` ends the run early.

    Returns
    -------
    The run; a failed job is recorded in its `failed`, and the others go on.

    Raises
    ------
    OptionError, InputError, OutputError, RecordError, WeightsError: for what cannot be used, before anything is
        painted.
    """
    planner = Planner(recipe, options, regions, judge)
    return _carry_out(plan_sweep(photo, _pairs(painting), vary, planner), folder, ray, controls)


def batch(  # noqa: PLR0913 (public, as `sweep`)
    photos: PathLike | Sequence[PathLike],
    paintings: PathLike | Sequence[PathLike] = (),
    *,
    folder: PathLike,
    regions: Sequence[Region] = (),
    recipe: str | None = None,
    judge: str = "lite",
    trust: bool = False,
    ray: str | None = None,
    controls: Controls | None = None,
    **options: Unpack[PaintKeywords],
) -> LabRun:
    """Paint each photo with each painting into a run folder.

    `photos` and `paintings` are files, folders or globs, and paintings may be style files; without `paintings`,
    `photos` is a CSV file with the columns ``photo``, ``painting`` and any options; with `trust` it may name files
    that do not lie beside it or below. The rest, and what is raised, as `sweep`.
    """
    planner = Planner(recipe, options, regions, judge)
    photo_places, painting_places = _places(photos), _places(paintings)
    if len(photo_places) == 1 and not painting_places and str(photo_places[0]).lower().endswith(".csv"):
        manifest = plan_pairs(photo_places[0], planner, trusts_all if trust else trusts_none)
    else:
        manifest = plan_batch(photo_places, painting_places, planner)
    return _carry_out(manifest, folder, ray, controls)


def compare(
    photo: PathLike,
    painting: Paintings,
    columns: Sequence[str],
    *,
    folder: PathLike,
    judge: str = "lite",
    ray: str | None = None,
    controls: Controls | None = None,
    **options: Unpack[PaintKeywords],
) -> LabRun:
    """Paint one pair by several recipes, beside other programs' pictures, into a run folder.

    `columns` are recipes, ``tfhub``, ``tfhub:MODEL`` or ``file:PICTURE``, each with an optional ``=LABEL``;
    `options` override every recipe. The rest, and what is raised, as `sweep`.
    """
    planner = Planner(values=options, judge=judge)
    return _carry_out(plan_comparison(photo, _pairs(painting), columns, planner), folder, ray, controls)


def again(
    folder: PathLike,
    into: PathLike | None = None,
    *,
    judge: str | None = None,
    trust: bool = False,
    ray: str | None = None,
    controls: Controls | None = None,
) -> LabRun:
    """Carry a run folder's list out again: what is missing or failed, or with `into` the whole in a new folder.

    `trust`: use any file that the list names, as for one of your own; without it those in the folder that holds the
    run folder, or below. Raises `RecordError` for others, and as `sweep` does.
    """
    manifest = reopen(Path(folder), judge, trusts_all if trust else trusts_none)
    return _carry_out(manifest, folder if into is None else into, ray, controls)


def drafts(
    photos: Sequence[PathLike],
    paintings: Sequence[PathLike],
    folder: PathLike,
    *,
    regions: Sequence[Region] = (),
    overwrite: bool = False,
    **options: Unpack[DraftKeywords],
) -> tuple[list[Path], dict[Path, str]]:
    """Draft each of many photos in the manner of each of many paintings, into a folder, with a contact sheet.

    Takes what `draft` takes and raises what `DraftFolder` does. Returns the drafts' paths, and for each file that
    could not be used the reason.
    """
    draft_folder = DraftFolder(
        photos, paintings, Path(folder), build_draft_options(options), regions, overwrite=overwrite
    )
    events = list(draft_folder.run())
    draft_folder.write_sheets()
    failed = {event.file: event.error for event in events if isinstance(event, DraftFailed)}
    return [event.path for event in events if isinstance(event, DraftWritten)], failed


def _carry_out(manifest: LabManifest, folder: PathLike, ray: str | None, controls: Controls | None) -> LabRun:
    for _ in iter_jobs(Path(folder), manifest, ray=ray, controls=controls):
        pass
    return read_run(Path(folder))


def _places(places: PathLike | Sequence[PathLike]) -> list[PathLike]:
    return [places] if isinstance(places, str | os.PathLike) else list(places)


def _pairs(painting: Paintings) -> list[Weighted]:
    several = [painting] if isinstance(painting, str | os.PathLike | Painting) else painting
    return [item if isinstance(item, tuple | Painting) else (item, 1.0) for item in several]
