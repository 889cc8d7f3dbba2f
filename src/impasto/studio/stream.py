"""What happens to the jobs, as a stream of server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from pydantic import TypeAdapter

from impasto.studio.answers import JobLine, describe_job, describe_line
from impasto.studio.store import Store

EVENT_SECONDS = 0.2  # from one look at the jobs to the next at least
QUIET_SECONDS = 15.0  # after which a line says that the studio is still there
_LINES = TypeAdapter(list[JobLine])


async def iter_events(store: Store) -> AsyncIterator[str]:
    """All jobs in brief, then every job that changes and the id of every job that goes, until the studio ends."""
    loop, changed = asyncio.get_running_loop(), asyncio.Event()

    def tell() -> None:
        loop.call_soon_threadsafe(changed.set)

    end_listening = store.queue.listen(tell)
    try:
        last, views, known = await asyncio.to_thread(store.queue.changes, -1)
        yield _event("jobs", _LINES.dump_json([describe_line(view) for view in views]).decode())
        while not store.queue.closing:
            try:
                await asyncio.wait_for(changed.wait(), QUIET_SECONDS)
            except TimeoutError:
                yield ": still here\n\n"
                continue
            changed.clear()
            last, views, ids = await asyncio.to_thread(store.queue.changes, last)
            for view in views:
                yield _event("job", describe_job(view, store).model_dump_json())
            for job_id in known - ids:
                yield _event("gone", f'"{job_id}"')
            known = ids
            await asyncio.sleep(EVENT_SECONDS)
    finally:
        end_listening()


def _event(kind: str, data: str) -> str:
    return f"event: {kind}\ndata: {data}\n\n"
