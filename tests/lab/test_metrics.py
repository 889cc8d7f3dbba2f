"""Metrics against other people's implementations of them, and against what must hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import ndimage, stats
from skimage.metrics import structural_similarity as their_ssim

from impasto.encoders import Encoder, load_encoder
from impasto.images.picture import Picture, picture_from_array
from impasto.lab.metrics import (
    HUB_JUDGE,
    METRICS,
    STYLE_LAYERS,
    chroma_noise,
    color_distance,
    content_distance,
    directions,
    measure,
    name_judges,
    noise_ratio,
    picture_luma,
    sliced_wasserstein,
    ssim,
    structural_similarity,
    style_gram,
    style_sliced,
    who_judges,
)


@pytest.fixture(scope="module")
def judge(tiny_encoder_file: Path) -> Encoder:
    return load_encoder(str(tiny_encoder_file))


@pytest.fixture(scope="module")
def photo(photo_pixels: np.ndarray) -> Picture:
    return picture_from_array(photo_pixels)


@pytest.fixture(scope="module")
def painting(painting_pixels: np.ndarray) -> Picture:
    return picture_from_array(painting_pixels)


@pytest.fixture(scope="module")
def pastiche(photo_pixels: np.ndarray) -> Picture:
    noise = np.random.default_rng(0).normal(0, 30, photo_pixels.shape)
    return picture_from_array(np.clip(photo_pixels + noise, 0, 255).astype(np.uint8))


def features(encoder: Encoder, picture: Picture) -> dict[str, np.ndarray]:
    """Feature maps as rows of positions, float64."""
    pixels = torch.from_numpy(picture.pixels()).permute(2, 0, 1)[None]
    with torch.no_grad():
        maps = encoder(pixels, STYLE_LAYERS)
    return {name: maps[name][0].flatten(1).T.double().numpy() for name in STYLE_LAYERS}


@pytest.mark.parametrize(("n", "m"), [(50, 50), (37, 91), (1, 8), (64, 16)])
def test_sliced_distance_along_one_direction_is_scipys(n: int, m: int) -> None:
    random = np.random.default_rng(n)
    ours, theirs = random.normal(0, 2, (n, 3)), random.gamma(2, size=(m, 3))
    for along in np.eye(3):
        found = sliced_wasserstein(*(torch.from_numpy(x) for x in (ours, theirs, along[None])))
        assert float(found) == pytest.approx(stats.wasserstein_distance(ours @ along, theirs @ along), rel=1e-12)


def test_sliced_distance_of_a_shift_is_its_mean_projection() -> None:
    points, shift = torch.randn(200, 4, dtype=torch.float64), torch.tensor([1.0, -2.0, 0.5, 0.0], dtype=torch.float64)
    along = directions(4).double()
    found = sliced_wasserstein(points, points + shift, along)
    assert float(found) == pytest.approx(float((along @ shift).abs().mean()))


def test_directions_are_spread_unit_vectors() -> None:
    along = directions(3)
    assert torch.allclose(along.norm(dim=1), torch.ones(len(along)))
    assert along.mean(0).norm() < 0.3
    assert torch.equal(along, directions(3))


def test_style_sliced_is_scipys_over_all_layers_and_directions(
    judge: Encoder, painting: Picture, pastiche: Picture
) -> None:
    size = picture_from_array(painting.pixels(60, 60))  # the pastiche's long edge
    ours, theirs = features(judge, pastiche), features(judge, size)
    layers = []
    for name in STYLE_LAYERS:
        along = directions(ours[name].shape[1]).double().numpy()
        distances = [stats.wasserstein_distance(ours[name] @ a, theirs[name] @ a) for a in along]
        layers.append(np.mean(distances) / np.mean([(theirs[name] @ a).std() for a in along]))
    assert style_sliced(judge, painting, pastiche) == pytest.approx(np.mean(layers), rel=1e-3)


def test_style_gram_is_numpys(judge: Encoder, painting: Picture, pastiche: Picture) -> None:
    ours, theirs = features(judge, pastiche), features(judge, picture_from_array(painting.pixels(60, 60)))
    layers = []
    for name in STYLE_LAYERS:
        first, second = (f.T @ f / len(f) for f in (ours[name], theirs[name]))
        layers.append(((first - second) ** 2).sum() / (second**2).sum())
    assert style_gram(judge, painting, pastiche) == pytest.approx(np.mean(layers), rel=1e-3)


@pytest.mark.parametrize("size", [(48, 60), (11, 40)])
def test_ssim_is_skimages(size: tuple[int, int]) -> None:
    random = np.random.default_rng(1)
    first = ndimage.gaussian_filter(random.random(size), 1.5).astype(np.float32)
    second = np.clip(first + random.normal(0, 0.05, size), 0, 1).astype(np.float32)
    wanted = their_ssim(
        first.astype(float), second.astype(float), data_range=1.0, gaussian_weights=True, use_sample_covariance=False
    )
    assert structural_similarity(first, second) == pytest.approx(wanted, abs=1e-9)


def test_ssim_compares_at_the_pastiches_size(photo: Picture) -> None:
    smaller = picture_from_array(photo.pixels(24, 30))
    planes = picture_luma(picture_from_array(photo.pixels(24, 30))), picture_luma(smaller)
    assert ssim(photo, smaller) == pytest.approx(structural_similarity(*planes), abs=1e-3)
    assert ssim(photo, picture_from_array(photo.pixels(8, 10))) is None


def test_noise_ratios_are_those_of_scipys_laplacian(painting: Picture) -> None:
    noise = picture_from_array(np.random.default_rng(3).random((50, 60, 3), np.float32))

    def energies(pixels: np.ndarray) -> tuple[float, float]:
        gray = pixels @ [0.2126, 0.7152, 0.0722]
        planes = [gray, *np.moveaxis(pixels - gray[..., None], 2, 0)]
        luma, *colours = (np.square(ndimage.laplace(p)[1:-1, 1:-1]).mean() for p in planes)
        rounding = 20 / 12 / 255**2  # an error of variance 1/12 level, by the kernel's 4² + 4 · 1²
        return luma + rounding, sum(colours) + rounding

    ours, theirs = energies(noise.pixels().astype(float)), energies(painting.pixels(60, 60).astype(float))
    assert noise_ratio(painting, noise) == pytest.approx(ours[0] / theirs[0], rel=1e-3)
    assert chroma_noise(painting, noise) == pytest.approx(ours[1] / theirs[1], rel=1e-3)


def test_chroma_noise_sees_speckle_of_one_luma_alone(painting: Picture) -> None:
    tint = np.random.default_rng(4).normal(0, 0.05, (60, 60, 1)) * [0.7152, -0.2126, 0.0]
    speckled = picture_from_array(np.float32(np.clip(0.2 + 0.6 * painting.pixels(60, 60) + tint, 0, 1)))
    plain = picture_from_array(np.float32(0.2 + 0.6 * painting.pixels(60, 60)))
    assert (chroma_noise(painting, speckled) or 0) > 2 * (chroma_noise(painting, plain) or 0)
    assert noise_ratio(painting, speckled) == pytest.approx(noise_ratio(painting, plain), rel=0.02)


def test_a_flat_grey_painting_has_the_noise_of_rounding(painting: Picture) -> None:
    grey = picture_from_array(np.full((60, 60, 3), 100, np.uint8))
    rounded = picture_from_array(np.random.default_rng(5).choice([100, 101], (60, 60, 3)).astype(np.uint8))
    assert chroma_noise(grey, grey) == pytest.approx(1)
    assert 1 < (chroma_noise(grey, rounded) or 0) < 10


def test_the_style_vector_is_judged_where_the_model_is(
    judge: Encoder, photo: Picture, painting: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("impasto.lab.magenta.is_installed", lambda: False)
    assert measure(judge, photo, [(painting, 1.0)], photo)["style_vector"] is None
    assert HUB_JUDGE not in name_judges(judge)
    monkeypatch.setattr("impasto.lab.magenta.is_installed", lambda: True)
    monkeypatch.setattr("impasto.lab.magenta.style_vector", lambda picture: np.float32([picture.width_px, 0]))
    expected = abs(photo.width_px - painting.width_px) / painting.width_px
    assert measure(judge, photo, [(painting, 1.0)], photo)["style_vector"] == pytest.approx(expected)
    assert name_judges(judge) == f"{judge.name} {judge.sha256[:12]} and TF-Hub's predictor"


def test_each_metric_has_its_judge() -> None:
    judges = {name: who_judges(name, "lite") for name in METRICS}
    assert judges["content_distance"] == judges["style_gram"] == judges["style_sliced"] == "lite"
    assert (judges["style_vector"], judges["chroma_noise"]) == ("TF-Hub's predictor", "the pixels")


def test_color_distance_is_scipys(painting: Picture, pastiche: Picture) -> None:
    ours, theirs = (p.reshape(-1, 3).astype(float) for p in (pastiche.pixels(), painting.pixels(60, 60)))
    along = directions(3).double().numpy()
    wanted = np.mean([stats.wasserstein_distance(ours @ a, theirs @ a) for a in along])
    assert color_distance(painting, pastiche) == pytest.approx(wanted, rel=1e-4)


def test_noise_ratio_tells_smeared_from_crisp(painting: Picture) -> None:
    smeared = picture_from_array(np.float32(ndimage.gaussian_filter(painting.pixels(), (2, 2, 0))))
    assert noise_ratio(painting, painting) == pytest.approx(1)
    assert noise_ratio(painting, smeared) < 0.2


def test_the_photo_itself_and_the_painting_itself(judge: Encoder, photo: Picture, painting: Picture) -> None:
    near = measure(judge, photo, [(painting, 1.0)], photo)
    assert list(near) == list(METRICS)
    assert near["content_distance"] == pytest.approx(0, abs=1e-5)
    assert near["ssim"] == pytest.approx(1)
    there = measure(judge, painting, [(painting, 1.0)], painting)
    for name in ("style_gram", "style_sliced", "color_distance"):
        assert there[name] == pytest.approx(0, abs=1e-6)
        assert (near[name] or 0) > 0.01


def test_several_paintings_count_by_weight(
    judge: Encoder, photo: Picture, painting: Picture, pastiche: Picture
) -> None:
    first, second = (measure(judge, photo, [(p, 1.0)], pastiche) for p in (painting, photo))
    both = measure(judge, photo, [(painting, 3.0), (photo, 1.0)], pastiche)
    for name in ("style_gram", "style_sliced", "color_distance", "noise_ratio"):
        assert both[name] == pytest.approx(0.75 * first[name] + 0.25 * second[name])  # type: ignore[operator]


def test_too_small_is_not_measured(judge: Encoder, photo: Picture, painting: Picture) -> None:
    tiny = measure(judge, photo, [(painting, 1.0)], picture_from_array(photo.pixels(10, 12)))
    assert tiny["style_gram"] is tiny["style_sliced"] is tiny["content_distance"] is tiny["ssim"] is None
    assert tiny["color_distance"] is not None


def test_content_distance_grows_from_darker_over_noisy_to_unrelated(
    judge: Encoder, photo: Picture, painting: Picture, pastiche: Picture
) -> None:
    darker = picture_from_array(np.float32(photo.pixels() * 0.85))
    unrelated = picture_from_array(painting.pixels(48, 60))
    distances = [content_distance(judge, photo, p) or 0.0 for p in (photo, darker, pastiche, unrelated)]
    assert distances == sorted(distances)
    assert distances[1] < distances[3] / 4


def test_large_maps_are_thinned_evenly(monkeypatch: pytest.MonkeyPatch, painting: Picture, pastiche: Picture) -> None:
    whole = color_distance(painting, pastiche)
    monkeypatch.setattr("impasto.lab.metrics.MAX_POSITIONS", 700)
    assert color_distance(painting, pastiche) == pytest.approx(whole, rel=0.1)
