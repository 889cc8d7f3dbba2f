"""The addresses of the studio's API, and the application."""

from __future__ import annotations

import contextlib
import importlib.util
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI
from fastapi import Query as InQuery
from fastapi import Request as HttpRequest
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse

from impasto.errors import OutputError
from impasto.options.fields import PaintOptions
from impasto.storage.installed import install_command
from impasto.studio.answerer import Answerer, Here, JobId, Name
from impasto.studio.answers import (
    AddedClip,
    AddedPicture,
    CellAnswer,
    DraftAnswer,
    DraftQuestion,
    Fault,
    FinalSize,
    GridAxes,
    JobAnswer,
    JobLine,
    Label,
    OtherPhotos,
    PictureAnswer,
    PriceAnswer,
    Restoration,
    ShelfAnswer,
    Space,
    Start,
    Steering,
    Title,
    describe_cells,
    describe_line,
    describe_option,
    describe_request,
    recipes_for_pairs,
)
from impasto.studio.faults import answer_faults
from impasto.studio.file_routes import files
from impasto.studio.job import Loss
from impasto.studio.request import FINAL_SIZE_PX, Request
from impasto.studio.stream import iter_events
from impasto.studio.thumbnails import has_record
from impasto.version import __version__

VIDEO = all(importlib.util.find_spec(name) for name in ("av", "cv2"))
FAULTS: dict[int | str, dict[str, Any]] = {"4XX": {"model": Fault}}
api = APIRouter(prefix="/api", responses=FAULTS)


@api.get("/start")
def start(here: Here) -> Start:
    """Everything that the page needs at first: the shelf, recipes, options, limits."""
    return Start(
        version=__version__,
        shelf=[ShelfAnswer(name=p.path.name, title=p.name, bundled=p.bundled) for p in here.store.shelf()],
        recipes=recipes_for_pairs(),
        options=[describe_option(name) for name in PaintOptions.model_fields],
        given=here.given,
        limits=here.limits,
        final_size_px=FINAL_SIZE_PX,
        video_missing=None if VIDEO else install_command("video"),
    )


# -------------------------------------------------------------------------------------------- pictures


@api.post("/pictures", status_code=201)
async def add(
    http: HttpRequest, here: Here, title: Annotated[str, InQuery(description="file name")] = "picture.png"
) -> AddedPicture:
    """Keep a picture or a style file, which is the body of the request; the same bytes are kept once."""
    await run_in_threadpool(here.store.make_room)
    with here.store.uploads.begin(title) as upload:
        async for piece in http.stream():
            await run_in_threadpool(upload.write, piece)
        path = await run_in_threadpool(upload.keep)
    with contextlib.suppress(OutputError):  # the first draft reports it
        here.store.drafts.prepare()  # a person who adds a picture will look at drafts of it
    picture = await run_in_threadpool(here.measure, path.name)
    return AddedPicture(**picture.model_dump(), pastiche=await run_in_threadpool(has_record, path))


@api.post("/clips", status_code=201)
async def add_clip(
    http: HttpRequest, here: Here, title: Annotated[str, InQuery(description="file name")] = "clip.mp4"
) -> AddedClip:
    """Keep a clip, which is the body of the request, and a frame of it as a picture to draft on."""
    await run_in_threadpool(here.store.make_room)
    with here.store.uploads.begin(title, clip=True) as upload:
        async for piece in http.stream():
            await run_in_threadpool(upload.write, piece)
        path = await run_in_threadpool(upload.keep)
    still, facts = await run_in_threadpool(here.store.look_at_clip, path)
    picture = await run_in_threadpool(here.measure, still.name)
    name = here.store.uploads.name_of(path)
    return AddedClip(name=path.name, title=name, frames=facts.frames, seconds=facts.seconds, still=picture)


@api.get("/pictures/{name}")
def measure(name: Name, here: Here) -> PictureAnswer:
    """Title and size of a picture."""
    return here.measure(name)


@api.put("/pictures/{name}/title")
def rename(name: Name, title: Title, here: Here) -> PictureAnswer:
    """Call a picture of yours something else."""
    here.store.uploads.rename(here.store.find(name), title.title)
    return here.measure(name)


@api.get("/pictures/{name}/settings")
def restore(name: Name, here: Here) -> Restoration:
    """The settings that a pastiche was painted with, and the names of the inputs that are not here."""
    restored = here.store.restore(here.store.find(name))
    return Restoration(request=describe_request(restored.request, here.store), missing=list(restored.missing))


@api.put("/shelf/{name}", status_code=204)
def shelve(name: Name, here: Here) -> None:
    """Put an uploaded painting or style file on the shelf."""
    here.store.shelve(here.store.find(name))


@api.delete("/shelf/{name}", status_code=204)
def unshelve(name: Name, here: Here) -> None:
    """Take a painting off the shelf."""
    here.store.unshelve(here.store.find(name))


# ------------------------------------------------------------------------------------- drafts and jobs


@api.post("/drafts")
def draft(question: DraftQuestion, here: Here) -> DraftAnswer | None:
    """Draft what a request would paint; answers when the draft is made."""
    made = here.store.draft(here.parse(question.request), question.client_id, question.sequence)
    return None if made is None else DraftAnswer(picture=f"/drafts/{made.path.name}", left_out=list(made.left_out))


@api.post("/prices")
def price(question: DraftQuestion, here: Here) -> PriceAnswer | None:
    """What painting a request would take, by the program's own plan: size, seconds, memory."""
    found = here.store.price(here.parse(question.request), question.client_id, question.sequence)
    return None if found is None else PriceAnswer.model_validate(found.model_dump())


@api.post("/jobs", status_code=201)
def paint(request: Request, here: Here) -> JobAnswer:
    """Put a painting into the queue."""
    return here.job(here.store.submit(here.parse(request)))


@api.get("/jobs")
def history(here: Here) -> list[JobLine]:
    """All jobs in brief, newest first."""
    return [describe_line(view) for view in here.store.queue.history()]


@api.get("/jobs/{job_id}")
def view(job_id: JobId, here: Here) -> JobAnswer:
    """A job: state, progress, pictures, and what was asked for."""
    return here.job(job_id)


@api.get("/jobs/{job_id}/losses")
def losses(job_id: JobId, here: Here) -> list[Loss]:
    """The losses of a job by step."""
    return list(here.store.queue.losses(job_id))


@api.post("/jobs/{job_id}/stop")
def stop(job_id: JobId, here: Here) -> JobAnswer:
    """End a job after this step, with its picture and a checkpoint to continue from."""
    here.store.queue.stop(job_id)
    return here.job(job_id)


@api.post("/jobs/{job_id}/cancel")
def cancel(job_id: JobId, here: Here) -> JobAnswer:
    """End a job at once, without a picture; of one that has ended, drop the checkpoint."""
    here.store.queue.cancel(job_id)
    return here.job(job_id)


@api.post("/jobs/{job_id}/continue")
def go_on(job_id: JobId, here: Here) -> JobAnswer:
    """Put a job that has ended early back into the queue, as it was ordered."""
    here.store.queue.go_on(job_id)
    return here.job(job_id)


@api.post("/jobs/{job_id}/steer")
def steer(job_id: JobId, steering: Steering, here: Here) -> JobAnswer:
    """Change the picture that is being painted, from its next step on."""
    here.store.queue.steer(job_id, steering.strength, steering.color_strength)
    return here.job(job_id)


@api.put("/jobs/{job_id}/label")
def label(job_id: JobId, label: Label, here: Here) -> JobAnswer:
    """Call a job something else, or mark it, or no longer."""
    here.store.queue.label(job_id, label.title, label.starred)
    return here.job(job_id)


@api.post("/jobs/{job_id}/again", status_code=201)
def again(job_id: JobId, other: OtherPhotos, here: Here) -> list[JobAnswer]:
    """Queue other photos with the settings of a job, as one batch; notices say what belongs to its own photo alone."""
    photos = [here.store.find(name) for name in other.photos]
    return [here.job(made) for made in here.store.paint_again(job_id, photos)]


@api.post("/jobs/{job_id}/grid", status_code=201)
def grid(job_id: JobId, varied: GridAxes, here: Here) -> JobAnswer:
    """Queue a grid of small pictures of a job, in which one or two things vary."""
    request = here.store.queue.view(job_id).request
    return here.job(here.store.submit(request.as_grid(varied.axes)))


@api.get("/jobs/{job_id}/cells")
def cells(job_id: JobId, here: Here) -> list[CellAnswer]:
    """The pictures of a grid, row by row, as far as they are painted, and the request that each goes on as."""
    return describe_cells(here.store.queue.view(job_id), here.store)


@api.post("/jobs/{job_id}/final", status_code=201)
def final(job_id: JobId, size: FinalSize, here: Here) -> JobAnswer:
    """Queue a larger version of a job that has a picture."""
    request = here.store.queue.view(job_id).request
    return here.job(here.store.submit(request.as_final(job_id, size.size_px)))


@api.delete("/jobs/{job_id}", status_code=204)
def remove(job_id: JobId, here: Here) -> None:
    """Remove a job with its pictures; within a minute it can be brought back."""
    here.store.queue.remove(job_id)


@api.post("/jobs/{job_id}/undo")
def bring_back(job_id: JobId, here: Here) -> JobAnswer:
    """Bring back a job that was just removed."""
    here.store.queue.bring_back(job_id)
    return here.job(job_id)


@api.get("/space")
def space(here: Here) -> Space:
    """How much is kept, and how much is free."""
    kept, free = here.store.space()
    return Space(kept_bytes=kept, free_bytes=free)


@api.get("/events", response_class=StreamingResponse)
async def events(here: Here) -> StreamingResponse:
    """Server-sent events: ``jobs`` (all, in brief), then ``job`` (one that has changed) and ``gone`` (an id)."""
    return StreamingResponse(iter_events(here.store), media_type="text/event-stream")


def build_app(studio: Answerer) -> FastAPI:
    """The application; every fault that a person can mend is answered with one line, worded as on the command line."""

    app = FastAPI(
        title="impasto studio", version=__version__, openapi_url="/api/openapi.json", docs_url=None, redoc_url=None
    )
    app.state.studio = studio
    app.include_router(api)
    app.include_router(files)
    answer_faults(app)
    return app
