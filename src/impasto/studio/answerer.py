"""What the studio's addresses answer from."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends
from fastapi import Path as InPath
from fastapi import Request as HttpRequest

from impasto.options.fields import PaintOptions
from impasto.studio.answers import JobAnswer, Limits, PictureAnswer, describe_job
from impasto.studio.request import Request
from impasto.studio.store import Store
from impasto.studio.thumbnails import Thumbnails


class Answerer:
    """What the addresses answer from: the store, reduced copies, and what the studio was started with."""

    def __init__(self, store: Store, thumbnails: Thumbnails, limits: Limits, given: dict[str, Any]) -> None:
        self.store, self.thumbnails, self.limits = store, thumbnails, limits
        self.given = {name: value for name, value in given.items() if name in PaintOptions.model_fields}

    def measure(self, name: str) -> PictureAnswer:
        """Name, title and size of a picture."""
        path = self.store.find(name)
        width, height = self.thumbnails.size_of(path)
        return PictureAnswer(name=path.name, title=self.store.uploads.name_of(path), width=width, height=height)

    def parse(self, request: Request) -> Request:
        """A request of the page, with paths for names."""
        return request.with_paths(lambda path: self.store.find(str(path)))

    def job(self, job_id: str) -> JobAnswer:
        """A job as it stands."""
        return describe_job(self.store.queue.view(job_id), self.store)


async def _studio(request: HttpRequest) -> Answerer:
    studio: Answerer = request.app.state.studio
    return studio


Here = Annotated[Answerer, Depends(_studio)]
Name = Annotated[str, InPath(description="the name of a picture in the studio", max_length=100)]
JobId = Annotated[str, InPath(description="the id of a job", max_length=60)]
