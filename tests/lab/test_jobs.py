"""Jobs and lists of them: what makes two jobs the same, and what makes a list unusable."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from impasto.errors import OptionError, RecordError
from impasto.lab.jobs import LabJob, Role, build_manifest, check_inputs
from impasto.lab.plan import Planner
from impasto.options.fields import PaintOptions


def make_job(folder_with_pictures: Path, name: str = "a", **options: object) -> LabJob:
    files = Planner()
    inputs = (
        files.describe(Role.PHOTO, folder_with_pictures / "photo.png"),
        files.describe(Role.PAINTING, folder_with_pictures / "painting.png"),
    )
    return LabJob(name=name, labels={"seed": name}, inputs=inputs, options=PaintOptions.model_validate(options))


def test_identity_is_of_inputs_options_and_version(folder_with_pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = make_job(folder_with_pictures)
    identities = {job.identity, make_job(folder_with_pictures, seed=1).identity}
    identities.add(job.model_copy(update={"inputs": job.inputs[::-1]}).identity)
    identities.add(job.model_copy(update={"recipe": "patient"}).identity)
    heavier = job.inputs[1].model_copy(update={"weight": 2.0})
    identities.add(job.model_copy(update={"inputs": (job.inputs[0], heavier)}).identity)
    (folder_with_pictures / "photo.png").write_bytes((folder_with_pictures / "photo.png").read_bytes() + b"\0")
    identities.add(make_job(folder_with_pictures).identity)
    monkeypatch.setattr("impasto.lab.jobs.__version__", "9.9")
    identities.add(job.identity)
    assert len(identities) == 7


def test_identity_is_not_of_names_and_places(folder_with_pictures: Path) -> None:
    job = make_job(folder_with_pictures)
    elsewhere = folder_with_pictures / "elsewhere"
    elsewhere.mkdir()
    for name in ("photo.png", "painting.png"):
        shutil.copy(folder_with_pictures / name, elsewhere / name)
    assert make_job(elsewhere, "b").identity == job.identity


def test_inputs_that_changed_or_are_gone_are_named(folder_with_pictures: Path) -> None:
    job = make_job(folder_with_pictures)
    check_inputs([job])
    (folder_with_pictures / "photo.png").write_bytes(b"other")
    with pytest.raises(RecordError, match=r"photo .*photo\.png.* is not the file it was"):
        check_inputs([job])
    (folder_with_pictures / "photo.png").unlink()
    with pytest.raises(RecordError, match=r"photo\.png.* cannot be read \(there is no such file\)"):
        check_inputs([job])


def test_names_that_collide_are_refused(folder_with_pictures: Path) -> None:
    with pytest.raises(OptionError, match="twice"):
        build_manifest(
            "sweep",
            ["seed"],
            "lite",
            [make_job(folder_with_pictures, "a"), make_job(folder_with_pictures, "A", seed=1)],
        )


def test_an_empty_list_is_refused() -> None:
    with pytest.raises(OptionError, match="this sweep has no jobs"):
        build_manifest("sweep", ["seed"], "lite", [])


def test_axes_hold_each_value_once_in_order(folder_with_pictures: Path) -> None:
    jobs = [
        make_job(folder_with_pictures, f"{first}-{second}").model_copy(update={"labels": {"a": first, "b": second}})
        for first in ("x", "y")
        for second in ("2", "1")
    ]
    manifest = build_manifest("sweep", ["a", "b"], "lite", jobs)
    assert [(axis.name, axis.values) for axis in manifest.axes] == [("a", ("x", "y")), ("b", ("2", "1"))]
