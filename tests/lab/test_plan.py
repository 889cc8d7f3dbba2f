"""Names of jobs and files."""

from __future__ import annotations

from impasto.lab.plan import file_labels, job_name


def test_long_names_stay_short_and_different() -> None:
    names = {job_name({"style_layers": ",".join(f"relu{i}_1:{weight}" for i in range(20))}) for weight in (1, 2)}
    assert len(names) == 2
    assert all(len(name) <= 80 for name in names)
    assert job_name({"painting": "../a b/ü:x"}) == "a-b-ü-x"


def test_files_are_called_as_shortly_as_tells_them_apart() -> None:
    labels = file_labels(["a/x.jpg", "a/y.jpg", "a/y.png", "b/z.jpg", "c/z.jpg"])
    assert list(labels.values()) == ["x", "y.jpg", "y.png", "b/z.jpg", "c/z.jpg"]
