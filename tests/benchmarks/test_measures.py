"""Measures of finished pictures, on pictures whose answer is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from skimage import data

import measures
from impasto.encoders import Encoder, load_encoder
from impasto.images.picture import Picture, picture_from_array
from impasto.lab.metrics import STYLE_LAYERS, style_gram


def quarters(colours: list[tuple[float, float, float]]) -> np.ndarray:
    """Four fields of 96 x 128 px."""
    field = np.float32(colours).reshape(2, 2, 3)
    return field.repeat(96, 0).repeat(128, 1)


PHOTO = quarters([(0.9, 0.1, 0.1), (0.1, 0.8, 0.2), (0.1, 0.2, 0.9), (0.9, 0.9, 0.2)])


def test_one_colour_a_thing_is_coherent() -> None:
    photo = picture_from_array(PHOTO)
    others = picture_from_array(quarters([(0.2, 0.2, 0.2), (0.6, 0.3, 0.1), (0.3, 0.6, 0.8), (0.8, 0.8, 0.8)]))
    assert measures.coherence(photo, others) < 0.03  # boxes that lie across a border
    noise = np.random.default_rng(0).random((24, 32, 3), np.float32).repeat(8, 0).repeat(8, 1)
    anywhere = measures.coherence(photo, picture_from_array(noise))
    assert 0.8 < anywhere <= 1
    mixed = picture_from_array(np.float32(0.5 * others.pixels() + 0.5 * noise))
    assert 0.03 < measures.coherence(photo, mixed) < anywhere


def test_strokes_finer_than_a_box_hardly_count() -> None:
    photo, strokes = picture_from_array(PHOTO), np.random.default_rng(1).normal(0, 0.1, PHOTO.shape)
    assert measures.coherence(photo, picture_from_array(np.float32(np.clip(PHOTO + strokes, 0, 1)))) < 0.03


def test_overlap() -> None:
    assert measures.overlap((0, 0, 4, 4), (0, 0, 4, 4)) == 1
    assert measures.overlap((0, 0, 4, 4), (2, 0, 4, 4)) == pytest.approx(8 / 24)
    assert measures.overlap((0, 0, 4, 4), (4, 4, 4, 4)) == 0
    assert measures.overlap((0, 0, 4, 4), (9, 9, 4, 4)) == 0


@pytest.mark.skipif(measures.face_finder() is None, reason="no OpenCV 4, whose detector finds faces")
def test_faces_are_found_again_where_they_were() -> None:
    finder, astronaut = measures.face_finder(), data.astronaut()
    photo = picture_from_array(astronaut)
    darker = picture_from_array((astronaut * 0.8).astype(np.uint8))
    assert measures.faces_found(finder, photo, darker) == 1
    assert measures.faces_found(finder, photo, picture_from_array(np.ascontiguousarray(astronaut[:, ::-1]))) == 0
    assert measures.faces_found(finder, picture_from_array(np.full_like(astronaut, 90)), photo) is None


@pytest.fixture(scope="module")
def encoder(tiny_encoder_file: Path) -> Encoder:
    return load_encoder(str(tiny_encoder_file))


def soft(seed: int) -> Picture:
    coarse = np.random.default_rng(seed).random((10, 12, 3), np.float32)
    return picture_from_array(coarse.repeat(8, 0).repeat(8, 1))


def maps(encoder: Encoder, picture: Picture, layer: str) -> np.ndarray:
    pixels = torch.from_numpy(picture.pixels()).permute(2, 0, 1)[None]
    with torch.no_grad():
        return encoder(pixels, [layer])[layer][0].flatten(1).double().numpy()


def test_content_is_numpys(encoder: Encoder) -> None:
    judge = measures.PairJudge(encoder, soft(0), soft(1))
    assert judge.content(soft(0)) == pytest.approx(0, abs=1e-6)
    normal = []
    for seed in (2, 0):
        found = maps(encoder, soft(seed), "relu4_2")
        centred = found - found.mean(1, keepdims=True)
        deviation = centred.std(1, keepdims=True)
        normal.append(centred / (deviation + 0.01 * deviation.mean() + 1e-8))
    wanted = np.linalg.norm(normal[0] - normal[1]) / np.linalg.norm(normal[1]) / np.sqrt(2)
    assert judge.content(soft(2)) == pytest.approx(wanted, rel=1e-4)


def test_style_distances_are_those_of_the_formulas(encoder: Encoder) -> None:
    judge = measures.PairJudge(encoder, soft(0), soft(1))
    assert judge.gram(soft(1)) == pytest.approx(0, abs=1e-6)
    assert judge.wasserstein(soft(1)) == pytest.approx(0, abs=1e-3)
    assert judge.gram(soft(2)) == pytest.approx(style_gram(encoder, soft(1), soft(2)), rel=1e-6)
    distances = []
    for layer in STYLE_LAYERS:
        ours, theirs = (maps(encoder, soft(seed), layer) for seed in (2, 1))
        first, second = (np.cov(found, bias=True) for found in (ours, theirs))
        root = np.linalg.cholesky(second + 1e-9 * np.trace(second) * np.eye(len(second)))
        overlap = np.sqrt(
            np.clip(np.linalg.eigvalsh(root.T @ first @ root), 0, None)
        ).sum()  # that of the symmetric root
        between = np.trace(first + second) - 2 * overlap
        distances.append((np.square(ours.mean(1) - theirs.mean(1)).sum() + between) / np.trace(second))
    assert judge.wasserstein(soft(2)) == pytest.approx(np.mean(distances), rel=0.05)  # ours has a ridge
