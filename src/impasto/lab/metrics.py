"""Measures of a finished 8-bit picture against its photo and its painting, and who judges each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from impasto.encoders import Encoder
from impasto.engine.readability import READING_LONG_EDGE_PX, Readability
from impasto.engine.style_files import read_style_file
from impasto.images.color import luma
from impasto.images.picture import Picture
from impasto.images.resize import fit_long_edge
from impasto.images.tensors import pixels_to_tensor
from impasto.inputs.style_file import StyleFile
from impasto.lab import magenta
from impasto.losses.laplacian import crispness
from impasto.losses.statistics import Moments
from impasto.losses.style import GramLoss
from impasto.losses.style_targets import style_statistics

# By name: what it measures, and the values that mean the photo or the painting.
METRICS = {
    "content_distance": "from the photo's structure: 0 the photo, about 1 unrelated",
    "style_gram": "from the painting's Gram matrices, relative: 0 the painting",
    "style_sliced": "from the painting's feature distributions, in their standard deviations: 0 the painting",
    "ssim": "structural similarity to the photo: 1 the photo",
    "color_distance": "from the painting's colours, as a share of the range: 0 the same palette",
    "noise_ratio": "high-frequency energy of the luma over the painting's: 1 as crisp, 0 smeared",
    "chroma_noise": "the same of the colours without the luma: 1 as the painting's, 2 and more coloured noise",
    "style_vector": "from TF-Hub's own description of the painting, relative: 0 the painting",
}
BY_ENCODER = ("content_distance", "style_gram", "style_sliced")  # the others are judged by pixels, or by `HUB_JUDGE`
HUB_JUDGE = "TF-Hub's predictor"  # whose files the extra ``magenta`` installs
STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
PROJECTIONS = 64
MAX_POSITIONS = 16_384  # of a feature map, evenly spaced, that sliced distances look at
MIN_SIDE_PX = 32  # below, the deepest style layer has a single position
ROUNDING = 20 / 12 / 255**2  # mean squared Laplacian of what rounding to 8 bits takes or adds
SSIM_SIGMA, SSIM_RADIUS = 1.5, 5
Plane = NDArray[np.float32]


def measure(
    judge: Encoder, photo: Picture, paintings: Sequence[tuple[Picture | StyleFile, float]], pastiche: Picture
) -> dict[str, float | None]:
    """All of `METRICS` of a pastiche; None where a picture is too small, or a style file holds too little.

    ``style_vector`` is None without the extra ``magenta``.

    The painting is brought to the pastiche's long edge, never enlarged; several paintings count by weight. A style
    file has no picture, and Gram matrices of one encoder only.
    """
    total = sum(weight for _, weight in paintings)

    def blend(
        of_picture: Callable[[Picture], float | None], of_file: Callable[[StyleFile], float | None] = lambda _: None
    ) -> float | None:
        """The weighted mean of the paintings' distances; None where one of them cannot be measured."""
        mean = 0.0
        for painting, weight in paintings:
            distance = of_picture(painting) if isinstance(painting, Picture) else of_file(painting)
            if distance is None:
                return None
            mean += distance * weight / total
        return mean

    sizes = [(pastiche.height_px, pastiche.width_px), *(_size_beside(painting, pastiche) for painting, _ in paintings)]
    large = min(map(min, sizes)) >= MIN_SIDE_PX
    gram, sliced = None, None
    if large:
        gram = blend(lambda p: style_gram(judge, p, pastiche), lambda p: style_file_gram(judge, p, pastiche))
        sliced = blend(lambda p: style_sliced(judge, p, pastiche))
    return {
        "content_distance": content_distance(judge, photo, pastiche),
        "style_gram": gram,
        "style_sliced": sliced,
        "ssim": ssim(photo, pastiche),
        "color_distance": blend(lambda p: color_distance(p, pastiche)),
        "noise_ratio": blend(lambda p: noise_ratio(p, pastiche)),
        "chroma_noise": blend(lambda p: chroma_noise(p, pastiche)),
        "style_vector": blend(lambda p: magenta.style_vector_distance(p, pastiche)) if magenta.is_installed() else None,
    }


def name_judges(encoder: Encoder) -> str:
    """Who measured `METRICS`, as results keep it: an encoder and the start of its SHA-256, and `HUB_JUDGE` if here."""
    return f"{encoder.name} {encoder.sha256[:12]}" + (f" and {HUB_JUDGE}" if magenta.is_installed() else "")


def who_judges(metric: str, encoder: str) -> str:
    """Who measures one of `METRICS`, `encoder` being the judge of the list."""
    return encoder if metric in BY_ENCODER else HUB_JUDGE if metric == "style_vector" else "the pixels"


def content_distance(encoder: Encoder, photo: Picture, pastiche: Picture) -> float | None:
    """Readability as the engine measures it (`Readability`), by this encoder: blind to colour and contrast."""
    long_edge = min(READING_LONG_EDGE_PX, max(pastiche.height_px, pastiche.width_px))
    reading = Readability(encoder, to_tensor(photo, long_edge))
    return reading.distance(to_tensor(pastiche)) if reading.usable else None


def style_gram(encoder: Encoder, painting: Picture, pastiche: Picture) -> float:
    """Mean over the style layers of |G - G*|^2 / |G*|^2, G the Gram matrices per position (`GramLoss`)."""
    target = style_statistics(encoder, _at_size_of(painting, pastiche), STYLE_LAYERS)
    return _gram_distance(encoder, target, pastiche)


def style_file_gram(encoder: Encoder, style: StyleFile, pastiche: Picture) -> float | None:
    """As `style_gram`, of the moments that a style file holds; None where they are not this encoder's."""
    if style.encoder_sha256 != encoder.sha256 or not set(STYLE_LAYERS) <= set(style.layers):
        return None
    target, _ = read_style_file(style, encoder, STYLE_LAYERS, max(_size_beside(style, pastiche)), 1.0)
    return _gram_distance(encoder, target, pastiche)


def _gram_distance(encoder: Encoder, target: Mapping[str, Moments], pastiche: Picture) -> float:
    reached = style_statistics(encoder, to_tensor(pastiche), STYLE_LAYERS)
    return sum(float(GramLoss(target[name])(reached[name])) for name in STYLE_LAYERS) / len(STYLE_LAYERS)


def style_sliced(encoder: Encoder, painting: Picture, pastiche: Picture) -> float:
    """Mean over the style layers of the sliced Wasserstein-1 distance between the two maps' feature vectors.

    In units of the painting's mean deviation along the same directions. Sees what Gram matrices and Gaussians
    do not: the shape of the distributions (Heitz et al. 2021, arXiv 2006.07229; there squared, as a loss).
    """
    with torch.no_grad():
        maps = [encoder(picture, STYLE_LAYERS) for picture in (to_tensor(pastiche), _at_size_of(painting, pastiche))]
    total = 0.0
    for name in STYLE_LAYERS:
        ours, theirs = (_positions(encoder.in_geometry(name, features[name])) for features in maps)
        along = directions(ours.shape[1])
        spread = (theirs @ along.T).std(0, correction=0).mean()
        total += float(sliced_wasserstein(ours, theirs, along) / spread.clamp_min(1e-12))
    return total / len(STYLE_LAYERS)


def color_distance(painting: Picture, pastiche: Picture) -> float:
    """Sliced Wasserstein-1 distance between the pixels of both, in units of the sRGB range."""
    ours, theirs = (_positions(picture) for picture in (to_tensor(pastiche), _at_size_of(painting, pastiche)))
    return float(sliced_wasserstein(ours, theirs, directions(3)))


def ssim(photo: Picture, pastiche: Picture) -> float | None:
    """Structural similarity of the luma at the pastiche's size; None where it is under 11 px wide or high."""
    planes = luma(photo.pixels(pastiche.height_px, pastiche.width_px)), picture_luma(pastiche)
    return structural_similarity(*planes) if min(planes[0].shape) > 2 * SSIM_RADIUS else None


def noise_ratio(painting: Picture, pastiche: Picture) -> float | None:
    """Crispness of the luma (`losses.laplacian.crispness`) over the painting's at the same long edge."""
    return _crispness_ratio(painting, pastiche)[0]


def chroma_noise(painting: Picture, pastiche: Picture) -> float | None:
    """As `noise_ratio`, of the colours without the luma: coloured fringes and speckle."""
    return _crispness_ratio(painting, pastiche)[1]


def _crispness_ratio(painting: Picture, pastiche: Picture) -> tuple[float | None, float | None]:
    """Of luma and colours. What rounding to 8 bits leaves of a flat picture is added to both sides of the ratio."""
    edge = min(max(p.height_px, p.width_px) for p in (painting, pastiche))  # neither is ever enlarged
    pixels = [to_tensor(picture, edge) for picture in (pastiche, painting)]
    if min(side for tensor in pixels for side in tensor.shape[2:]) < 3:
        return None, None  # no pixel has four neighbours
    ours, theirs = (crispness(tensor)[0].double() + ROUNDING for tensor in pixels)
    luma, colours = (ours / theirs).tolist()
    return luma, colours


# --- the parts of them ----------------------------------------------------------------------------------------


def sliced_wasserstein(
    ours: Float[Tensor, "n channels"], theirs: Float[Tensor, "m channels"], along: Float[Tensor, "k channels"]
) -> Float[Tensor, ""]:
    """Wasserstein-1 distance between two sets of points, exact along each direction, averaged over them.

    Along one direction it is the mean difference of the quantile functions, which are steps at i/n and j/m
    (Rabin et al., "Wasserstein Barycenter and Its Application to Texture Mixing", 2011).
    """
    n, m = len(ours), len(theirs)
    # In units of 1 / (n m); a step that both take has a width of 0 the second time.
    ends = torch.cat([torch.arange(1, n + 1) * m, torch.arange(1, m + 1) * n]).sort().values
    widths = torch.diff(ends, prepend=ends.new_zeros(1)).double() / (n * m)
    quantiles = [(points @ along.T).sort(0).values for points in (ours, theirs)]
    gaps = quantiles[0][(ends - 1) // m] - quantiles[1][(ends - 1) // n]
    return (widths[:, None] * gaps.abs()).sum(0).mean()


def directions(channels: int) -> Float[Tensor, "k channels"]:
    """The same `PROJECTIONS` unit vectors every time, spread over all directions."""
    random = torch.randn(PROJECTIONS, channels, generator=torch.Generator().manual_seed(0))
    return F.normalize(random, dim=1)


def structural_similarity(first: Plane, second: Plane) -> float:
    """Mean SSIM of planes in [0, 1] (Wang et al. 2004): Gaussian window, sigma 1.5, 11 px; whole windows only."""
    offsets = torch.arange(-SSIM_RADIUS, SSIM_RADIUS + 1, dtype=torch.float64)
    window = torch.exp(-offsets.square() / (2 * SSIM_SIGMA**2))
    window /= window.sum()
    a, b = (torch.from_numpy(np.asarray(plane, np.float64)) for plane in (first, second))
    planes = torch.stack([a, b, a * a, b * b, a * b])[:, None]
    rows = F.conv2d(planes, window.view(1, 1, -1, 1))
    mean_a, mean_b, square_a, square_b, product = F.conv2d(rows, window.view(1, 1, 1, -1))[:, 0]
    luminance = (2 * mean_a * mean_b + 0.01**2) / (mean_a.square() + mean_b.square() + 0.01**2)
    variances = square_a - mean_a.square() + square_b - mean_b.square()
    structure = (2 * (product - mean_a * mean_b) + 0.03**2) / (variances + 0.03**2)
    return float((luminance * structure).mean())


def picture_luma(picture: Picture, long_edge_px: int | None = None) -> Plane:
    """[height, width] of the sRGB-encoded values, in [0, 1]."""
    edge = long_edge_px or max(picture.height_px, picture.width_px)
    return luma(picture.pixels(*fit_long_edge(picture.height_px, picture.width_px, edge)))


def to_tensor(picture: Picture, long_edge_px: int | None = None) -> Float[Tensor, "1 3 height width"]:
    """A picture in [0, 1], at its own size or at the given long edge."""
    size = fit_long_edge(picture.height_px, picture.width_px, long_edge_px) if long_edge_px else (None, None)
    return pixels_to_tensor(picture.pixels(*size)).contiguous()


def _size_beside(painting: Picture | StyleFile, pastiche: Picture) -> tuple[int, int]:
    """Height and width of a painting at the pastiche's long edge, never enlarged."""
    edge = min(max(picture.height_px, picture.width_px) for picture in (painting, pastiche))
    return fit_long_edge(painting.height_px, painting.width_px, edge)


def _at_size_of(painting: Picture, pastiche: Picture) -> Tensor:
    return to_tensor(painting, max(_size_beside(painting, pastiche)))


def _positions(features: Float[Tensor, "1 channels height width"]) -> Float[Tensor, "n channels"]:
    """Feature vectors as rows, at most `MAX_POSITIONS` of them."""
    rows = features[0].flatten(1).T
    if len(rows) <= MAX_POSITIONS:
        return rows
    return rows[torch.linspace(0, len(rows) - 1, MAX_POSITIONS).round().long()]
