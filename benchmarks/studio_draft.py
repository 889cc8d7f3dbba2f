"""Seconds from choosing a painting to its draft in the studio, through the store: first, later, kept, beside a job."""

from __future__ import annotations

import statistics
import tempfile
from contextlib import closing
from functools import partial
from pathlib import Path

from common import Report, gallery_files, new_parser, parse, run, seconds_of
from impasto.studio.request import PaintingChoice, Request
from impasto.studio.store import Store

PAINTINGS = 20


def main() -> None:
    args = parse(new_parser(__doc__, size=512))
    report = Report("studio_draft", args)
    files = gallery_files(args, "style")[:PAINTINGS]
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(Store(Path(folder), options={"threads": args.threads, "size_px": args.size})) as store,
    ):
        photo = store.keep_upload(gallery_files(args, "content")[0], "photo.jpg")
        paintings = [store.keep_upload(file, file.name) for file in files]

        def request(number: int, **options: object) -> Request:
            return Request(photo=photo, paintings=(PaintingChoice(path=paintings[number]),), options=options)

        def page(**options: object) -> list[float]:
            return [seconds_of(partial(store.draft, request(number, **options))) for number in range(len(paintings))]

        first, *others = page()
        rows = [("the first: its process starts and loads", first), ("a painting not seen before", others)]
        rows += [("a painting seen before, at another strength", page(strength=40)), ("kept", page())]
        job = store.submit(request(0, steps="100000", stop_tolerance=0))
        while not store.queue.losses(job):
            pass
        rows.append(("seen before, at another strength, beside a job", page(strength=30)))
        store.queue.cancel(job)
    medians = [(name, statistics.median(taken) if isinstance(taken, list) else taken) for name, taken in rows]
    report.table(
        f"Drafts of {args.size} px at most, medians over {len(paintings)} paintings", ("draft", "seconds"), medians
    )
    report.save()


if __name__ == "__main__":
    run(main)
