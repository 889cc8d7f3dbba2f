"""The inbox of a worker."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

from impasto.studio.protocol import JobCommand, Order, WorkerInput
from impasto.studio.request import Request
from impasto.studio.worker.main import Inbox


def orders(tmp_path: Path, *ids: str) -> list[Order]:
    return [Order(id=id, folder=tmp_path, request=Request(photo=None)) for id in ids]


def lines(*said: Order | JobCommand) -> BytesIO:
    wrapped = [WorkerInput(order=s) if isinstance(s, Order) else WorkerInput(command=s) for s in said]
    return BytesIO(b"".join(line.model_dump_json().encode() + b"\n" for line in wrapped))


def test_commands_change_the_job_and_no_other(tmp_path: Path) -> None:
    first, second = orders(tmp_path, "1", "2")
    inbox = Inbox()
    inbox.listen(
        lines(
            JobCommand(id="1", stop=True),  # too early
            first,
            JobCommand(id="1", strength=70, color_strength=20),
            JobCommand(id="1", strength=0),
            second,
            JobCommand(id="1", cancel=True),  # too late
            JobCommand(id="2", cancel=True),
        )
    )
    one, two, end = inbox.jobs.get(), inbox.jobs.get(), inbox.jobs.get()
    assert one is not None and two is not None and end is None
    assert (one.controls.stop, one.cancelled) == (False, False)
    assert (vars(one.controls)["strength"], vars(one.controls)["color_strength"]) == (0, 20)
    assert (two.controls.stop, two.cancelled) == (True, True)


def test_a_studio_that_is_gone_stops_its_job(tmp_path: Path) -> None:
    inbox = Inbox()
    inbox.listen(lines(*orders(tmp_path, "1")))
    work = inbox.jobs.get()
    assert work is not None and work.controls.stop and not work.cancelled
    assert inbox.jobs.get() is None
