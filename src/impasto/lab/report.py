"""Files beside the pictures of a run: results.csv, contact sheets, loss curves, and the HTML report."""

from __future__ import annotations

import base64
import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from PIL import Image

from impasto.errors import ImpastoError
from impasto.images.reading import load_picture
from impasto.images.resize import fit_long_edge
from impasto.images.sheet import Cell, draw_sheet, encode_png
from impasto.lab.curves import PARTS, draw_curves, read_curve
from impasto.lab.jobs import LabJob, LabManifest, Role
from impasto.lab.layout import Page, axis_title, describe_labels, lay_out, shared_inputs
from impasto.lab.metrics import METRICS, who_judges
from impasto.lab.run_folder import LabResult, RunFolder
from impasto.options.fields import PaintOptions
from impasto.options.spelling import format_value
from impasto.version import __version__

EMBEDDED_PX, MANY_EMBEDDED_PX, MANY = 1024, 640, 60  # long edge in the report; smaller when there are many
WEBP_QUALITY = 84
NOT_RUN = "not run"
FIGURES = {"content_distance": "content", "style_sliced": "style"}  # what sheets say under a picture
OF_STYLE_FILES = {"content_distance": "content", "style_gram": "Gram"}  # which hold no feature distributions


def write_report(folder: RunFolder, judge: str) -> None:
    """Write all of it from what the folder holds; raises `OutputError`."""
    manifest, results = folder.manifest, {job.name: folder.result(job) for job in folder.manifest.jobs}
    folder.write("results.csv", build_table(folder, results).encode())
    title, subtitle = _title(manifest), _subtitle(results, judge)
    pages = lay_out(manifest)
    for stale in folder.path.glob("contact-sheet-*.png"):
        stale.unlink()
    for number, page in enumerate(pages, start=1):
        cells = [[_cell(folder, page, job, results[job.name]) if job else None for job in row] for row in page.cells]
        sheet = page.sheet(cells, title, subtitle, shared_inputs(manifest.jobs))
        folder.write(f"contact-sheet{f'-{number}' if number > 1 else ''}.png", encode_png(draw_sheet(sheet)))
    curves = [read_curve(_describe(job), folder.events_path(job), _group(manifest, job))
              for job in manifest.jobs if results[job.name]]  # fmt: skip
    plot = draw_curves([curve for curve in curves if curve])
    if plot:
        folder.write("loss-curves.png", plot)
    words = {"title": title, "subtitle": subtitle, "judge": judge}
    folder.write("report.html", build_page(folder, pages, results, words, plot).encode())


def build_table(folder: RunFolder, results: Mapping[str, LabResult | None]) -> str:
    """results.csv: a row for every job, with inputs, every option, losses, metrics and the encoder that judged."""
    file = io.StringIO()
    columns = [
        "job", "status", "photo", "painting", "recipe", *PaintOptions.model_fields, "final_content_weight",
        *(f"loss_{part}" for part in PARTS), "judge", *METRICS,
        "seconds", "steps_done", "width_px", "height_px", "file", "error",
    ]  # fmt: skip
    # An axis of a comparison is no option: it has a column of its own.
    extra = [axis.name for axis in folder.manifest.axes if axis.name not in columns]
    writer = csv.DictWriter(file, [*columns[:2], *extra, *columns[2:]], lineterminator="\n")
    writer.writeheader()
    for job in folder.manifest.jobs:
        result = results[job.name]
        row: dict[str, object] = {
            "job": job.name,
            "status": result.status if result else NOT_RUN,
            "photo": "+".join(file.path.name for file in job.files(Role.PHOTO)),
            "painting": "+".join(file.path.name for file in job.files(Role.PAINTING)),
            "recipe": job.recipe or "",
        }
        row |= {name: job.labels[name] for name in extra}
        if job.kind == "paint":
            row |= {name: format_value(value) for name, value in job.options if value is not None}
        if result and result.status == "done":
            row |= {f"loss_{part}": result.losses.get(part) for part in PARTS}
            row |= {name: result.metrics.get(name) for name in METRICS}
            row |= {name: getattr(result, name) for name in ("judge", "seconds", "width_px", "height_px")}
            row |= {"steps_done": result.steps, "final_content_weight": result.content_weight}
            row["file"] = folder.picture_path(job).relative_to(folder.path).as_posix()
        elif result:
            row["error"] = result.error
        writer.writerow(row)
    return file.getvalue()


def _cell(folder: RunFolder, page: Page, job: LabJob, result: LabResult | None) -> Cell:
    if result is None or result.status == "failed":
        return Cell(None, page.caption(job), fault=f"failed: {result.error}" if result else NOT_RUN)
    return Cell(folder.picture_path(job), page.caption(job), _figures(result))


def _figures(result: LabResult) -> str:
    figures = FIGURES if result.metrics.get("style_sliced") is not None else OF_STYLE_FILES
    values = [(word, result.metrics.get(name)) for name, word in figures.items()]
    return "   ".join(f"{word} {value:.2f}" for word, value in values if value is not None)


def _title(manifest: LabManifest) -> str:
    axes = " × ".join(axis_title(axis.name) for axis in manifest.axes)
    return {"sweep": f"Sweep over {axes}", "batch": f"Batch: {axes}", "compare": "Comparison"}[manifest.command]


def _subtitle(results: Mapping[str, LabResult | None], judge: str) -> str:
    states = [result.status if result else NOT_RUN for result in results.values()]
    counts = [f"{states.count(state)} {state}" for state in ("failed", NOT_RUN) if state in states]
    pictures = "1 picture" if states.count("done") == 1 else f"{states.count('done')} pictures"
    return ", ".join([pictures, *counts]) + f"  ·  distances judged by {judge}  ·  impasto {__version__}"


def _group(manifest: LabManifest, job: LabJob) -> tuple[int, int]:
    """Places of a job's values on the first two axes: colour and dashes of its curve."""
    places = [axis.values.index(job.labels[axis.name]) for axis in manifest.axes[:2]]
    return places[0], places[1] if len(places) > 1 else 0


def _describe(job: LabJob) -> str:
    return ", ".join(describe_labels(job))


@dataclass(frozen=True)
class ReportJob:
    """A job as the report shows it; `number` is its name in the report's scripts."""

    number: int
    name: str
    labels: list[str]
    status: str
    error: str
    picture: str | None
    figures: str
    cells: list[tuple[str, float | None]]


def build_page(
    folder: RunFolder,
    pages: Sequence[Page],
    results: Mapping[str, LabResult | None],
    words: Mapping[str, str],
    plot: bytes | None,
) -> str:
    """report.html: one file that loads nothing else, not even a font. `words`: title, subtitle and judge."""
    jobs = folder.manifest.jobs
    edge = EMBEDDED_PX if len(jobs) <= MANY else MANY_EMBEDDED_PX
    rows = [_report_job(folder, number, job, results[job.name], edge) for number, job in enumerate(jobs)]
    environment = Environment(
        loader=PackageLoader("impasto.lab", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2").render(
        words,
        pages=pages,
        cell_px=lambda page: max(150, min(340, (1160 - 150 * bool(page.rows)) // len(page.cells[0]) - 12)),
        axis_title=axis_title,
        axes=[axis_title(axis.name) for axis in folder.manifest.axes],
        jobs=rows,
        job_of={job.name: row for job, row in zip(jobs, rows, strict=True)},
        shared=shared_inputs(jobs),
        embed=lambda path: _embed(path, edge),
        metrics=METRICS,
        judge_of=lambda metric: who_judges(metric, words["judge"]),
        figures=[name for name, _ in rows[0].cells],
        plot=_data_uri("png", plot) if plot else None,
        options=_common_options([job for job in jobs if job.kind == "paint"]),
    )


def _report_job(folder: RunFolder, number: int, job: LabJob, result: LabResult | None, edge: int) -> ReportJob:
    done = result if result and result.status == "done" else None
    figures: dict[str, float | None] = {name: done.metrics.get(name) if done else None for name in METRICS}
    figures |= {f"{part} loss": done.losses.get(name) if done else None for name, part in PARTS.items()}
    figures |= {"seconds": done.seconds if done else None, "steps": done.steps if done else None}
    return ReportJob(
        number=number,
        name=_describe(job),
        labels=[job.labels[axis.name] for axis in folder.manifest.axes],
        status=result.status if result else NOT_RUN,
        error=(result.error or "") if result else "",
        picture=_embed(folder.picture_path(job), edge) if done else None,
        figures=_figures(done) if done else "",
        cells=list(figures.items()),
    )


def _embed(path: Path, long_edge_px: int) -> str | None:
    """A picture as a data URI, never enlarged; None where it cannot be read."""
    try:
        picture = load_picture(path)
    except ImpastoError:
        return None
    edge = min(long_edge_px, max(picture.height_px, picture.width_px))
    pixels = picture.pixels(*fit_long_edge(picture.height_px, picture.width_px, edge))
    file = io.BytesIO()
    Image.fromarray(np.rint(pixels * 255).astype(np.uint8)).save(file, "WEBP", quality=WEBP_QUALITY)
    return _data_uri("webp", file.getvalue())


def _data_uri(kind: str, data: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def _common_options(jobs: Sequence[LabJob]) -> dict[str, str]:
    """Options that all painting jobs share."""
    tables = [{name: format_value(value) for name, value in job.options} for job in jobs]
    return {name: value for name, value in tables[0].items() if all(t[name] == value for t in tables)} if tables else {}
