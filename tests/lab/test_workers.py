"""Jobs one after another; the same on a Ray cluster of two nodes, one of which dies."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import impasto
from impasto.errors import InputError, OptionError
from impasto.events import Controls, Event, RunStarted, StepDone
from impasto.lab.jobs import LabJob, Role
from impasto.lab.paint_job import iter_painting
from impasto.lab.plan import Planner
from impasto.lab.run_folder import Outcome, done
from impasto.lab.workers import (
    RETRIES,
    JobEnded,
    JobProgress,
    JobStarted,
    WorkerEvent,
    _follow,
    report_painting,
    run_here,
    run_on_ray,
)
from impasto.storage.installed import install_command


def ended(events: list[WorkerEvent[LabJob]]) -> dict[str, Outcome]:
    return {event.job.name: event.outcome for event in events if isinstance(event, JobEnded)}


def test_jobs_run_in_order_and_a_failed_one_does_not_stop_the_rest(make_job: Any) -> None:
    def work(job: LabJob) -> Iterator[Event | Outcome]:
        if job.name == "bad":
            raise InputError("no such picture")
        if job.name == "bug":
            raise KeyError("surprise")
        yield done(job, b"")

    jobs = [make_job(name) for name in ("a", "bad", "bug", "b")]
    events = list(run_here(jobs, work, Controls()))
    assert [event.job.name for event in events if isinstance(event, JobStarted)] == ["a", "bad", "bug", "b"]
    results = ended(events)
    assert [results[job.name].result.status for job in jobs] == ["done", "failed", "failed", "done"]
    bad, bug = results["bad"].result, results["bug"].result
    assert (bad.error, bad.traceback) == ("no such picture", None)
    assert bug.error == "KeyError: 'surprise'"
    assert 'raise KeyError("surprise")' in (bug.traceback or "")


def test_stop_ends_the_list_without_the_job_in_hand(make_job: Any) -> None:
    controls, events = Controls(), []
    for event in run_here([make_job("a"), make_job("b"), make_job("c")], iter_painting, controls):
        events.append(event)
        controls.stop = isinstance(event, JobProgress) and event.job.name == "b" and isinstance(event.event, StepDone)
        if controls.stop:
            break
    events += list(run_here([make_job("c")], iter_painting, controls))
    assert list(ended(events)) == ["a"]


def test_without_ray_one_line(make_job: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(OptionError, match="Ray is not installed.*" + re.escape(install_command("ray"))):
        list(run_on_ray([make_job("a")], report_painting, "auto", Controls()))


@pytest.mark.filterwarnings("default")  # Ray's own
@pytest.mark.parametrize(
    ("address", "words"),
    [("ray://somewhere:10001", "HOST:PORT"), ("somewhere", "HOST:PORT"), ("127.0.0.1:9", "no Ray cluster answers")],
)
def test_ray_addresses_that_cannot_be_used(make_job: Any, address: str, words: str) -> None:
    pytest.importorskip("ray", reason="Ray is not installed")
    with pytest.raises(OptionError, match=words):
        list(run_on_ray([make_job("a")], report_painting, address, Controls()))


def test_a_stream_that_ends_early_is_begun_anew_but_not_for_ever(make_job: Any) -> None:
    """As Ray behaves where a job is tried again and tells less than had been heard."""
    job, submitted, wanted = make_job("a"), 0, 0

    class FakeRay:
        exceptions = SimpleNamespace(RayError=RuntimeError)

        @staticmethod
        def wait(streams: list[Any], **_: Any) -> tuple[list[Any], list[Any]]:
            return streams[:1], streams[1:]

        @staticmethod
        def get(item: Any) -> Any:
            return item

    def submit(_: LabJob) -> Iterator[Any]:
        nonlocal submitted
        submitted += 1
        return iter([] if submitted < wanted else [done(job, b"")])

    for limit, ends_well in ((3, True), (100, False)):
        wanted, submitted = limit, 0
        events = list(_follow(FakeRay, {submit(job): job}, submit, Controls()))  # type: ignore[arg-type]
        assert [type(event) for event in events] == [JobStarted, JobEnded]
        assert ended(events)["a"].result.status == ("done" if ends_well else "failed")
        assert submitted == (3 if ends_well else 1 + RETRIES)


class TwoNodes:
    """A Ray cluster of two node processes on this machine, each with one core."""

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster

        self._cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
        self._second = self._cluster.add_node(num_cpus=1)
        self.address = self._cluster.address

    def kill_second(self) -> None:
        self._cluster.remove_node(self._second, allow_graceful=False)

    def shut_down(self) -> None:
        self._cluster.shutdown()


@pytest.fixture
def two_nodes(monkeypatch: pytest.MonkeyPatch) -> Iterator[TwoNodes]:
    pytest.importorskip("ray", reason="Ray is not installed")
    source = str(Path(impasto.__file__).parents[1])
    monkeypatch.setenv("PYTHONPATH", source)
    monkeypatch.setenv("RAY_DISABLE_IMPORT_WARNING", "1")
    cluster = TwoNodes()
    yield cluster
    cluster.shut_down()


@pytest.mark.cluster
@pytest.mark.filterwarnings("default")  # Ray's own
def test_a_cluster_that_loses_a_node_paints_the_same_bytes(
    make_job: Any, two_nodes: TwoNodes, folder_with_pictures: Path
) -> None:
    """Both nodes paint; one is killed while it does; every job comes back as the local runner makes it."""
    jobs = [make_job(f"job-{seed}", starting_point="noise", seed=seed, steps=(60, 6)) for seed in range(4)]
    broken = make_job("broken")
    (folder_with_pictures / "broken.png").write_bytes(b"no picture")
    bad_photo = Planner().describe(Role.PHOTO, "broken.png")
    broken = broken.model_copy(update={"inputs": (bad_photo, *broken.inputs[1:])})
    events: list[WorkerEvent[LabJob]] = []
    at_work: set[str] = set()
    killed = False
    for event in run_on_ray([*jobs, broken], report_painting, two_nodes.address, Controls()):
        events.append(event)
        if isinstance(event, JobProgress) and isinstance(event.event, RunStarted):
            at_work.add(event.job.name)
        elif isinstance(event, JobEnded):
            at_work.discard(event.job.name)
        if len(at_work) == 2 and not killed:
            killed = True
            two_nodes.kill_second()
    assert killed, "never were two jobs at work at once"
    remote = ended(events)
    assert remote.pop("broken").result.status == "failed"
    here = ended(list(run_here(jobs, iter_painting, Controls())))
    assert sorted(remote) == sorted(here)
    for name, outcome in here.items():
        other = remote[name]
        assert other.picture == outcome.picture, name
        assert other.result.model_copy(update={"seconds": None}) == outcome.result.model_copy(update={"seconds": None})


@pytest.mark.cluster
@pytest.mark.filterwarnings("default")
def test_a_cluster_can_be_stopped_and_is_not_asked_for_more_than_it_has(make_job: Any, two_nodes: TwoNodes) -> None:
    jobs = [make_job(f"job-{seed}", seed=seed, steps=(2 if seed == 0 else 500, 2), stop_tolerance=0) for seed in (0, 1)]
    controls, events = Controls(), []
    for event in run_on_ray(jobs, report_painting, two_nodes.address, controls):
        events.append(event)
        controls.stop = controls.stop or isinstance(event, JobEnded)
    assert list(ended(events)) == ["job-0"]
    with pytest.raises(OptionError, match=r"3 threads.*1 cores"):
        list(run_on_ray([make_job("a", threads=3)], report_painting, two_nodes.address, Controls()))
    with pytest.raises(OptionError, match="no machine of the cluster has a GPU"):
        list(run_on_ray([make_job("a", device="cuda")], report_painting, two_nodes.address, Controls()))


@pytest.mark.cluster
@pytest.mark.filterwarnings("default")
def test_a_gpu_has_one_job_at_a_time(make_job: Any) -> None:
    """Ray hands out what a machine says it has: one GPU for two cores, painted on by the processor here."""
    cluster_utils = pytest.importorskip("ray.cluster_utils", reason="Ray is not installed")
    cluster = cluster_utils.Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "num_gpus": 1})
    try:
        at_work, most = 0, 0
        for event in run_on_ray(
            [make_job(f"job-{seed}", seed=seed) for seed in (0, 1, 2)], report_painting, cluster.address, Controls()
        ):
            at_work += isinstance(event, JobStarted) - isinstance(event, JobEnded)
            most = max(most, at_work)
        assert most == 1
    finally:
        cluster.shutdown()
