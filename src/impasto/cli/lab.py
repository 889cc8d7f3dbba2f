"""The commands that make many pictures: ``impasto sweep``, ``batch``, ``compare``, ``again``.

Exit codes as `cli.main`'s; 1 also where a job failed, after the others were done.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from impasto.cli.encoders import provide_encoder
from impasto.cli.streams import say, tell
from impasto.cli.syntax import (
    FAILED,
    EachPainting,
    Photo,
    Quiet,
    Ray,
    Recipe,
    Regions,
    Trust,
    asks,
    given_options,
    note_stop,
    output_flag,
    parse_painting,
    parse_region,
    stop_on_signal,
    with_option_flags,
)
from impasto.errors import OptionError
from impasto.events import Controls
from impasto.options.spelling import flag_name
from impasto.storage.places import trusts_all

if TYPE_CHECKING:
    from impasto.lab.jobs import LabManifest
    from impasto.lab.plan import Planner
    from impasto.lab.runner import LabRun

Painting = Annotated[str, Parameter(help="the painting whose style to use, or a style file")]
Paintings = Annotated[str, Parameter(help="further ones blend; weights as painting.jpg:0.7")]


@Parameter(name="*")
@dataclass
class Lab:
    """Where the run folder goes, who measures, who runs; the flags that sweep, batch and compare share."""

    output: Annotated[Path, output_flag("the run folder; started again, it goes on")]
    judge: Annotated[str, Parameter(help="encoder that measures the pictures", metavar="ENCODER")] = "lite"
    ray: Ray = None
    quiet: Quiet = False


@with_option_flags
def sweep(
    photo: Photo,
    painting: Painting,
    /,
    *paintings: Paintings,
    to: Lab,
    vary: Annotated[
        list[str],
        Parameter(
            consume_multiple=True,
            help="an option, photo, painting or recipe and its values: rows, columns, then pages of the contact sheet; "
            "; between values that hold commas",
            metavar="NAME=VALUE,...",
        ),
    ],
    region: Regions = None,
    recipe: Recipe = None,
    **options: str | None,
) -> int:
    """Paint one pair over a grid of options, with contact sheet, table and report."""
    from impasto.lab.sweep import parse_vary, plan_sweep

    planner = _planner(to, options, recipe, region)
    pair = photo, [parse_painting(text) for text in (painting, *paintings)]
    return _carry_out(plan_sweep(*pair, parse_vary(vary), planner), planner, to)


@with_option_flags
def batch(
    *photos: Annotated[str, Parameter(help="files, folders, globs; or one CSV of pairs and options")],
    to: Lab,
    paintings: EachPainting = None,
    region: Regions = None,
    recipe: Recipe = None,
    trust: Trust = False,
    **options: str | None,
) -> int:
    """Paint each of many photos in the style of each of many paintings."""
    from impasto.lab.batch import plan_batch, plan_pairs

    if not photos:
        raise OptionError("PHOTOS are missing; impasto batch --help shows how it is used")
    planner = _planner(to, options, recipe, region)
    if len(photos) == 1 and photos[0].lower().endswith(".csv"):
        if paintings:
            raise OptionError(f"{photos[0]!r} names the paintings itself; leave --paintings out")
        return _carry_out(plan_pairs(photos[0], planner, trusts_all if trust else asks), planner, to)
    if not paintings:
        raise OptionError("--paintings is missing; name files, folders or globs after it")
    return _carry_out(plan_batch(photos, paintings, planner), planner, to)


@with_option_flags
def compare(
    photo: Photo,
    painting: Painting,
    /,
    *paintings: Paintings,
    to: Lab,
    columns: Annotated[
        list[str],
        Parameter(
            consume_multiple=True,
            name="--with",
            help="recipes, tfhub (Google's one-pass model, by TensorFlow or as ONNX) or tfhub:MODEL, file:PICTURE; "
            "=LABEL names a column",
            metavar="COLUMN",
        ),
    ],
    **options: str | None,
) -> int:
    """Paint one pair by several recipes, beside other programs' pictures of it."""
    from impasto.lab.compare import plan_comparison

    planner = _planner(to, options)
    pair = photo, [parse_painting(text) for text in (painting, *paintings)]
    return _carry_out(plan_comparison(*pair, columns, planner), planner, to)


def again(
    folder: Annotated[Path, Parameter(help="a run folder of sweep, batch or compare")],
    /,
    *,
    output: Annotated[Path | None, output_flag("do all of it again in another folder")] = None,
    judge: Annotated[str | None, Parameter(help="measure by another encoder", metavar="ENCODER")] = None,
    trust: Trust = False,
    ray: Ray = None,
    quiet: Quiet = False,
) -> int:
    """Carry out a run folder's list again: what is missing or failed, or the whole elsewhere."""
    from impasto.lab.plan import reopen

    return _run(reopen(folder, judge, trusts_all if trust else asks), output or folder, ray, quiet)


def _planner(
    to: Lab, options: dict[str, str | None], recipe: str | None = None, regions: Sequence[str] | None = None
) -> Planner:
    from impasto.lab.plan import Planner

    return Planner(recipe, given_options(options), [*map(parse_region, regions or ())], to.judge, flag_name)


def _carry_out(manifest: LabManifest, planner: Planner, to: Lab) -> int:
    if not to.quiet:
        for note in planner.notes:
            say(f"note: {note}")
    return _run(manifest, to.output, to.ray, to.quiet)


def _run(manifest: LabManifest, folder: Path, ray: str | None, quiet: bool) -> int:
    """Do the jobs, show what happens, sum up; returns the exit code."""
    from impasto.cli.display_jobs import choose_jobs_display
    from impasto.lab.runner import iter_jobs, read_run

    provide_encoder(manifest.judge, quiet)
    controls = Controls()
    with stop_on_signal(controls) as received:
        with choose_jobs_display(manifest, quiet) as display:
            events = iter_jobs(folder, manifest, ray=ray, controls=controls)
            text = "stopping; what is finished stays; once more to quit at once"
            for event in note_stop(events, received, display, text):
                display.show(event)
        run = read_run(folder)
    _sum_up(run, quiet)
    if received:
        return 128 + received[0]
    return FAILED if run.failed else 0


def _sum_up(run: LabRun, quiet: bool) -> None:
    if not quiet:
        counts = [f"{len(run.results) - len(run.failed) - len(run.missing)} of {len(run.results)} pictures"]
        counts += [f"{len(run.failed)} failed"] if run.failed else []
        counts += [f"{len(run.missing)} not run"] if run.missing else []
        tell(f"{run.folder}: {', '.join(counts)}; see {run.folder / 'report.html'}")
    if run.failed:
        say(f"{len(run.failed)} of {len(run.results)} jobs failed; impasto again {run.folder} tries them again")
