"""Distillation: crops, split, the folded student, and a training run that can be continued."""

from __future__ import annotations

import argparse
import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open

import distill_encoder
from augment import augment, load_images
from distill_encoder import Student, learning_rate, split, train
from impasto.encoders import LITE, Encoder, load_encoder


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def images(pictures_folder: Path) -> list[torch.Tensor]:
    return load_images(sorted(pictures_folder.iterdir()))


def crops(images: list[torch.Tensor], seed: int) -> torch.Tensor:
    return augment(images, 6, 64, torch.Generator().manual_seed(seed))


def test_images_are_bytes_with_three_channels(images: list[torch.Tensor]) -> None:
    assert [tuple(image.shape) for image in images] == [(3, 144, 192)] * 5
    assert {image.dtype for image in images} == {torch.uint8}
    assert torch.equal(images[0][0], images[0][1])  # the grey one
    assert not torch.equal(images[1][0], images[1][1])


def test_crops_are_pictures(images: list[torch.Tensor]) -> None:
    for seed in range(8):
        found = crops(images, seed)
        assert found.shape == (6, 3, 64, 64)
        assert torch.isfinite(found).all()
        assert found.min() >= 0
        assert found.max() <= 1
        assert found.std() > 0.02


def test_crops_depend_on_the_generator_alone(images: list[torch.Tensor]) -> None:
    before = [image.clone() for image in images]
    torch.manual_seed(1)
    first = crops(images, 3)
    torch.manual_seed(2)
    assert torch.equal(first, crops(images, 3))
    assert not torch.equal(first, crops(images, 4))
    assert all(torch.equal(image, copy) for image, copy in zip(images, before, strict=True))


def test_crops_of_images_smaller_than_the_crop() -> None:
    assert crops([torch.full((3, 20, 30), 128, dtype=torch.uint8)], 0).shape == (6, 3, 64, 64)


def test_split_is_stable_and_disjoint() -> None:
    paths = [Path(f"/data/photo/{n}.jpg") for n in range(50)]
    kept, held_out = split(paths, 10, seed=0)
    assert len(held_out) == 10
    assert not set(kept) & set(held_out)
    assert set(kept) | set(held_out) == set(paths)
    assert split(paths[::-1], 10, seed=0) == (kept, held_out)
    elsewhere = [Path("/other/disk/photo") / path.name for path in paths]
    assert [path.name for path in split(elsewhere, 10, seed=0)[1]] == [path.name for path in held_out]
    assert split(paths, 10, seed=1)[1] != held_out
    # an image more moves no image from training to validation but itself
    more = split([*paths, Path("/data/photo/new.jpg")], 10, seed=0)[1]
    assert set(more) <= set(held_out) | {Path("/data/photo/new.jpg")}


def test_learning_rate_warms_up_holds_and_decays_to_nothing() -> None:
    args = argparse.Namespace(steps=1000, decay=0.4, learning_rate=1.0)
    rates = [learning_rate(step, args) for step in range(1000)]
    assert rates[:300] == sorted(rates[:300])
    assert rates[0] < 0.01
    assert set(rates[300:600]) == {1.0}
    assert rates[600:] == sorted(rates[600:], reverse=True)
    assert 0 < rates[-1] < 0.01


def test_folded_student_is_the_student(images: list[torch.Tensor]) -> None:
    torch.manual_seed(0)
    student = Student()
    with torch.no_grad():
        for norm in student.norms.values():
            norm.weight.uniform_(0.5, 1.5)
            norm.bias.uniform_(-0.3, 0.3)
        for seed in range(3):
            student(crops(images, seed))  # moves the running statistics
        student.eval()
        picture = crops(images, 9)[:1]
        expected = student(picture)
    encoder = Encoder("student", "", LITE, student.folded(), mean=distill_encoder.MEAN)
    found = encoder(picture, list(expected))
    for name, features in expected.items():
        scale = float(features.std())
        assert scale > 0
        torch.testing.assert_close(found[name] / scale, features / scale, rtol=0, atol=1e-4, msg=name)


def run(folder: Path, teacher_file: Path, pictures_folder: Path, **changes: Any) -> argparse.Namespace:
    values: dict[str, Any] = {
        "teacher": teacher_file,
        "data": [pictures_folder],
        "extra": [],
        "out": folder,
        "steps": 3,
        "batch": 2,
        "crop": 64,
        "positions": 50,
        "learning_rate": 3e-3,
        "decay": 0.0,
        "validation": 1,
        "every": 2,
        "seed": 0,
        "threads": 1,
        "bf16": False,
        "resume": False,
    }
    args = argparse.Namespace(**values | changes)
    train(args)
    return args


@pytest.fixture(autouse=True)
def few_scale_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distill_encoder, "SCALE_BATCHES", 4)


def read_log(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def test_a_run_leaves_log_checkpoint_and_encoder(
    tmp_path: Path, teacher_file: Path, pictures_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["tools/distill_encoder.py", "--teacher", str(teacher_file), "--data", str(pictures_folder), "--steps", "3"]
    monkeypatch.setattr("sys.argv", words)
    run(tmp_path, teacher_file, pictures_folder, decay=0.4)
    log = read_log(tmp_path)
    assert [record["step"] for record in log] == [2, 3]
    for record in log:
        assert set(record["training"]) == set(record["validation"])
        assert {"relu1_1", "relu4_2", "relu5_1"} <= set(record["validation"])
        assert all(0 < value < math.inf for value in record["validation"].values())
    assert torch.load(tmp_path / "checkpoint.pt", weights_only=True)["step"] == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint.pt", "encoder.safetensors", "log.jsonl"]

    encoder = load_encoder(str(tmp_path / "encoder.safetensors"))
    assert encoder.architecture == LITE
    assert set(encoder.geometry) == set(log[-1]["validation"])
    features = encoder(torch.rand(1, 3, 64, 64), ["relu1_1", "relu5_1"])
    assert all(torch.isfinite(f).all() and f.std() > 0 for f in features.values())
    with safe_open(str(tmp_path / "encoder.safetensors"), framework="pt") as file:
        about = file.metadata()
    assert about["licence"] == "Apache-2.0"
    assert "Huan Wang" in about["credits"]
    assert re.search(r"SHA-256 [0-9a-f]{64}$", about["source"])
    name = pictures_folder.name
    assert about["command"] == f"python distill_encoder.py --teacher compact.safetensors --data {name} --steps 3"
    assert about["steps"] == "3"
    assert json.loads(about["validation"]) == log[-1]["validation"]
    # nothing of the machine it was trained on
    assert not any("/" in value.removeprefix("tools/") or "\\" in value for value in about.values())


def test_a_continued_run_is_an_uninterrupted_one(tmp_path: Path, teacher_file: Path, pictures_folder: Path) -> None:
    run(tmp_path / "whole", teacher_file, pictures_folder, steps=4)
    run(tmp_path / "parts", teacher_file, pictures_folder, steps=2)
    halfway = torch.load(tmp_path / "parts" / "checkpoint.pt", weights_only=True)
    torch.manual_seed(99)  # the process that continues is another one
    run(tmp_path / "parts", teacher_file, pictures_folder, steps=4, resume=True)
    whole, parts = (torch.load(tmp_path / name / "checkpoint.pt", weights_only=True) for name in ("whole", "parts"))
    assert halfway["step"] == 2
    assert whole["step"] == parts["step"] == 4
    for part in ("student", "heads"):
        assert all(torch.equal(whole[part][key], parts[part][key]) for key in whole[part])
        assert not all(torch.equal(halfway[part][key], parts[part][key]) for key in whole[part])
    for key, scales in whole["scales"].items():
        assert all(torch.equal(one, other) for one, other in zip(scales, parts["scales"][key], strict=True))
    ours, theirs = ([{k: v for k, v in r.items() if k in ("step", "training", "validation")} for r in read_log(folder)]
                    for folder in (tmp_path / "whole", tmp_path / "parts"))  # fmt: skip
    assert ours == theirs


def test_a_run_does_not_overwrite_another(tmp_path: Path, teacher_file: Path, pictures_folder: Path) -> None:
    (tmp_path / "checkpoint.pt").write_bytes(b"precious")
    with pytest.raises(SystemExit, match="continue it with --resume"):
        run(tmp_path, teacher_file, pictures_folder)
    assert (tmp_path / "checkpoint.pt").read_bytes() == b"precious"


def test_a_run_needs_images_to_train_on(tmp_path: Path, teacher_file: Path, pictures_folder: Path) -> None:
    with pytest.raises(SystemExit, match="0 images to train on, 5 held out"):
        run(tmp_path, teacher_file, pictures_folder, validation=200)
