"""A web service that paints uploads: one picture at a time, limits, and an end when the browser goes away.

pip install fastapi python-multipart uvicorn
uvicorn web_service:service --app-dir examples
curl -F photo=@photo.jpg -F painting=flow http://127.0.0.1:8000/paint -o pastiche.png
"""

import asyncio
from typing import Annotated

from fastapi import FastAPI, Form, HTTPException, Request, Response, UploadFile

import impasto

MAX_BYTES = 20_000_000  # of an upload
MAX_SIZE_PX = 1024
MAX_WAITING = 8

service = FastAPI()
turn = asyncio.Semaphore(1)  # a picture takes all cores
waiting = 0


@service.post("/paint")
async def paint(
    request: Request,
    photo: UploadFile,
    painting: Annotated[str, Form()] = "flow",
    size_px: Annotated[int, Form(ge=32, le=MAX_SIZE_PX)] = 512,
    strength: Annotated[float, Form(ge=0, le=100)] = 50.0,
) -> Response:
    """Paint an upload in the style of a bundled painting; answers with a PNG that can be replayed."""
    global waiting
    if painting not in impasto.bundled_paintings():  # never a path that somebody sent
        raise HTTPException(422, f"painting is one of {', '.join(impasto.bundled_paintings())}")
    if (photo.size or 0) > MAX_BYTES:
        raise HTTPException(413, f"a photo has at most {MAX_BYTES} bytes")
    if waiting >= MAX_WAITING:
        raise HTTPException(503, "too many pictures are waiting; try again in a minute")
    data, waiting = await photo.read(), waiting + 1
    try:
        async with turn:
            painting_task = asyncio.create_task(impasto.apaint(data, painting, size_px=size_px, strength=strength))
            while not painting_task.done():
                if await request.is_disconnected():
                    painting_task.cancel()  # ends the run at its next step
                await asyncio.wait([painting_task], timeout=0.5)
            if painting_task.cancelled():
                return Response(status_code=499)
            pastiche = painting_task.result()
    except impasto.ImpastoError as error:  # no picture, too small, ...: one line that may be shown
        raise HTTPException(422, str(error)) from error
    finally:
        waiting -= 1
    return Response(await asyncio.to_thread(pastiche.to_bytes, "png"), media_type="image/png")
