"""What a run leaves beside its pictures: results.csv, contact sheets, loss curves, and the HTML report."""

from __future__ import annotations

import base64
import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from PIL import Image

from impasto.errors import ImpastoError
from impasto.images.reading import load_picture
from impasto.images.sheet import Cell, Sheet, draw_sheet, encode_png
from impasto.images.tensors import fit_long_edge
from impasto.lab.curves import PARTS, draw_curves, read_curve
from impasto.lab.jobs import LabJob, Role
from impasto.lab.layout import Page, axis_title, describe_labels, lay_out, shared_inputs
from impasto.lab.metrics import METRICS
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
    results = {job.name: folder.result(job) for job in folder.manifest.jobs}
    folder.write("results.csv", build_table(folder, results).encode())
    pages = lay_out(folder.manifest)
    for stale in folder.path.glob("contact-sheet-*.png"):
        stale.unlink()
    for number, page in enumerate(pages, start=1):
        name = "contact-sheet.png" if number == 1 else f"contact-sheet-{number}.png"
        folder.write(name, encode_png(draw_sheet(_sheet(folder, page, results, judge))))
    curves = [
        curve
        for job in folder.manifest.jobs
        if results[job.name] and (curve := read_curve(_name_of(job), folder.events_path(job), _group(folder, job)))
    ]
    plot = draw_curves(curves) if curves else None
    if plot:
        folder.write("loss-curves.png", plot)
    folder.write("report.html", build_page(folder, pages, results, judge, plot).encode())


# --- the table ----------------------------------------------------------------------------------------------


def build_table(folder: RunFolder, results: Mapping[str, LabResult | None]) -> str:
    """results.csv: a line a job, with inputs, every option, losses, metrics and the encoder that judged."""
    file = io.StringIO()
    losses = [f"loss_{part}" for part in PARTS]
    inputs = ["photo", "painting", "recipe"]
    columns = [
        "job", "status", *inputs, *PaintOptions.model_fields, "final_content_weight", *losses, "judge", *METRICS,
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
            row |= {f"loss_{part}": value for part, value in result.losses.items()}
            row |= {**result.metrics, "judge": result.judge, "seconds": result.seconds, "steps_done": result.steps}
            row |= {"final_content_weight": result.content_weight}
            row |= {"width_px": result.width_px, "height_px": result.height_px}
            row["file"] = folder.picture_path(job).relative_to(folder.path).as_posix()
        elif result:
            row["error"] = result.error
        writer.writerow(row)
    return file.getvalue()


# --- contact sheets -----------------------------------------------------------------------------------------


def _sheet(folder: RunFolder, page: Page, results: Mapping[str, LabResult | None], judge: str) -> Sheet:
    cells = [[_cell(folder, page, job, results[job.name]) if job else None for job in row] for row in page.cells]
    return page.sheet(cells, _title(folder), _subtitle(folder, results, judge), shared_inputs(folder.manifest.jobs))


def _cell(folder: RunFolder, page: Page, job: LabJob, result: LabResult | None) -> Cell:
    if result is None:
        return Cell(None, page.caption(job), fault=NOT_RUN)
    if result.status == "failed":
        return Cell(None, page.caption(job), fault=f"failed: {result.error}")
    return Cell(folder.picture_path(job), page.caption(job), _figures(result))


def _figures(result: LabResult) -> str:
    figures = FIGURES if result.metrics.get("style_sliced") is not None else OF_STYLE_FILES
    shown = [(word, result.metrics.get(name)) for name, word in figures.items()]
    return "   ".join(f"{word} {value:.2f}" for word, value in shown if value is not None)


def _title(folder: RunFolder) -> str:
    axes = [axis_title(axis.name) for axis in folder.manifest.axes]
    words = {"sweep": "Sweep over ", "batch": "Batch: ", "compare": "Comparison"}[folder.manifest.command]
    return words if folder.manifest.command == "compare" else words + " × ".join(axes)


def _subtitle(folder: RunFolder, results: Mapping[str, LabResult | None], judge: str) -> str:
    states = [result.status if result else NOT_RUN for result in results.values()]
    counts = [f"{states.count(state)} {state}" for state in ("failed", NOT_RUN) if state in states]
    pictures = "1 picture" if states.count("done") == 1 else f"{states.count('done')} pictures"
    return ", ".join([pictures, *counts]) + f"  ·  distances judged by {judge}  ·  impasto {__version__}"


def _group(folder: RunFolder, job: LabJob) -> tuple[int, int]:
    """Places of a job's values on the first two axes: colour and dashes of its curve."""
    places = [axis.values.index(job.labels[axis.name]) for axis in folder.manifest.axes[:2]]
    return places[0], places[1] if len(places) > 1 else 0


def _name_of(job: LabJob) -> str:
    return ", ".join(describe_labels(job))


# --- the report ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ReportJob:
    """A job as the report shows it; `number` is what its scripts call it."""

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
    judge: str,
    plot: bytes | None,
) -> str:
    """report.html: one file that asks for nothing else, not even a font."""
    jobs = folder.manifest.jobs
    edge = EMBEDDED_PX if len(jobs) <= MANY else MANY_EMBEDDED_PX
    shown = {job.name: _shown(folder, number, job, results[job.name], edge) for number, job in enumerate(jobs)}
    environment = Environment(
        loader=PackageLoader("impasto.lab", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2").render(
        title=_title(folder),
        subtitle=_subtitle(folder, results, judge),
        judge=judge,
        pages=pages,
        cell_px=lambda page: max(150, min(340, (1160 - 150 * bool(page.rows)) // len(page.cells[0]) - 12)),
        axis_title=axis_title,
        axes=[axis_title(axis.name) for axis in folder.manifest.axes],
        jobs=list(shown.values()),
        job_of=shown,
        shared=shared_inputs(jobs),
        embed=lambda path: _embed(path, edge),
        metrics=METRICS,
        figures=[name for name, _ in next(iter(shown.values())).cells],
        plot=_data_uri("png", plot) if plot else None,
        options=_common_options([job for job in jobs if job.kind == "paint"]),
    )


def _shown(folder: RunFolder, number: int, job: LabJob, result: LabResult | None, edge: int) -> ReportJob:
    done = result if result and result.status == "done" else None
    figures: dict[str, Any] = {name: done.metrics.get(name) if done else None for name in METRICS}
    figures |= {f"{part} loss": done.losses.get(name) if done else None for name, part in PARTS.items()}
    figures |= {"seconds": done.seconds if done else None, "steps": done.steps if done else None}
    return ReportJob(
        number=number,
        name=_name_of(job),
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
