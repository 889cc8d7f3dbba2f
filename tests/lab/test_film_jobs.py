"""Films as jobs: their files travel; on a cluster they become the frames that they are here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from clips import make_clip
from numpy.typing import NDArray

import impasto
from impasto.errors import OutputError
from impasto.events import Controls
from impasto.images.tensors import tensor_to_pixels
from impasto.inputs.paintings import Painting, Region
from impasto.lab import film_jobs
from impasto.lab.film_jobs import FilmJob, do_job, on_ray
from impasto.lab.jobs import InputFile
from impasto.lab.run_folder import Outcome, failed
from impasto.lab.workers import JobEnded, JobProgress, WorkerEvent
from impasto.video.build import build_film
from impasto.video.clip import open_clip
from impasto.video.masks import MovingRegion

FRAMES, CUT = 6, 4


def drawn(index: int) -> NDArray[np.uint8]:
    """A pan over waves, then another place, [48, 64, 3]."""
    rows, columns = np.mgrid[0:48, 0:64]
    waves = np.sin(rows / 5) + np.sin((columns + 2 * index) / 6)
    board = 2 * ((rows // 8 + (columns + index) // 8) % 2) - 1
    one = (waves if index < CUT else board)[..., None] * np.array([50, 20, -40]) + (128 if index < CUT else 90)
    return one.clip(0, 255).astype(np.uint8)


def mask(index: int) -> NDArray[np.uint8]:
    white = np.zeros((48, 64, 3), np.uint8)
    white[:, 4 * index : 4 * index + 24] = 255
    return white


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """As workers have: what the frames of a shot have in common is found here, and threads change its last bits."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    make_clip(tmp_path / "clip.mkv", FRAMES, draw=drawn, options={"crf": "5"})
    make_clip(tmp_path / "mask.mkv", FRAMES, draw=mask, options={"crf": "5"})
    return tmp_path


def paint(output: str, elsewhere: Any = None) -> list[NDArray[np.float32]]:
    paintings = np.random.default_rng(1).integers(0, 256, (2, 64, 64, 3), np.uint8)
    regions = [MovingRegion(Path("mask.mkv"), Region(None, Painting(paintings[1])))]
    list(build_film("clip.mkv", paintings[0], output, regions=regions, elsewhere=elsewhere))
    with open_clip(Path(output)) as opened:
        return [tensor_to_pixels(frame.pixels) for frame in opened.frames()]


def far_away(sent: list[FilmJob], folder: Path) -> Any:
    """Stands for `run_on_ray`: files travel to a place of their own, and names here lead nowhere."""

    def run(jobs: list[FilmJob], work: Any, address: str, controls: Controls) -> Iterator[WorkerEvent[FilmJob]]:
        for number, job in enumerate(jobs):
            sent.append(job)
            moved = []
            for place, file in enumerate(job.inputs):
                path = folder / f"{number}" / f"{place}" / file.path.name
                path.parent.mkdir(parents=True)
                path.write_bytes(file.path.read_bytes())
                moved.append(InputFile(role=file.role, path=path, sha256=file.sha256))
            with pytest.MonkeyPatch.context() as elsewhere:
                (folder / "nowhere").mkdir(exist_ok=True)
                elsewhere.chdir(folder / "nowhere")
                items = list(work(job.with_inputs(tuple(moved))))
            for item in items:
                yield JobEnded(job, item) if isinstance(item, Outcome) else JobProgress(job, item)

    return run


def test_pieces_are_painted_from_files_that_travelled(
    in_folder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[FilmJob] = []
    monkeypatch.setattr(film_jobs, "run_on_ray", far_away(sent, tmp_path_factory.mktemp("far")))
    apart = paint("apart", on_ray("auto"))
    assert [[file.path.name for file in job.inputs] for job in sent] == [
        ["shot-00001.safetensors", "clip.mkv", "mask.mkv"],
        ["shot-00002.safetensors", "clip.mkv", "mask.mkv"],
    ]
    assert len({job.identity for job in sent}) == len({job.name for job in sent}) == 2
    for ours, theirs in zip(apart, paint("here"), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_piece_that_fails_is_said_and_what_is_finished_stays(
    in_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(jobs: list[FilmJob], work: Any, *_: object) -> Iterator[WorkerEvent[FilmJob]]:
        for item in do_job(work.args[0], jobs[0]):
            if not isinstance(item, Outcome):
                yield JobProgress(jobs[0], item)
        yield JobEnded(jobs[1], failed(jobs[1].identity, "lost by the cluster"))

    monkeypatch.setattr(film_jobs, "run_on_ray", run)
    with pytest.raises(OutputError, match=r"frames 4 to 5 could not be painted: lost by the cluster"):
        paint("film", on_ray("auto"))
    assert len(list((in_folder / "film.run").glob("frame-*.png"))) == CUT


@pytest.mark.cluster
@pytest.mark.filterwarnings("default")  # Ray's own
def test_a_cluster_paints_the_same_frames(in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster_utils = pytest.importorskip("ray.cluster_utils", reason="Ray is not installed")
    monkeypatch.setenv("PYTHONPATH", str(Path(impasto.__file__).parents[1]))
    cluster = cluster_utils.Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    cluster.add_node(num_cpus=1)
    try:
        apart, here = paint("apart", on_ray(cluster.address)), paint("here")
    finally:
        cluster.shutdown()
    for ours, theirs in zip(apart, here, strict=True):
        np.testing.assert_array_equal(ours, theirs)
