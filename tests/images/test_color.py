"""The sRGB curve against IEC 61966-2-1 written out; profiles against arithmetic and LittleCMS in Pillow."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
import pyvips
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageCms

from impasto.images.color import convert_to_srgb, linear_to_srgb, luma, srgb_to_linear

# Columns are the red, green and blue primaries in XYZ, adapted to D50 as profiles hold them.
SRGB_D50 = np.array([[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]])
ADOBE_D50 = np.array([[0.60974, 0.20528, 0.14919], [0.31111, 0.62567, 0.06322], [0.01947, 0.06087, 0.74457]])
P3_D50 = np.array([[0.51512, 0.29198, 0.15710], [0.24120, 0.69225, 0.06657], [-0.00105, 0.04189, 0.78407]])


def build_profile(primaries: NDArray[np.float64] | None, gamma: float) -> bytes:
    """Build an ICC v2 profile by hand: three primaries and one gamma, or grey with a gamma."""

    def xyz(values: NDArray[np.float64]) -> bytes:
        return b"XYZ " + bytes(4) + struct.pack(">3i", *(round(v * 65536) for v in values))

    text = b"made for a test\0"
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256)) + bytes(2)
    tags = {
        b"desc": b"desc" + bytes(4) + struct.pack(">I", len(text)) + text + bytes(78 + 4),
        b"cprt": b"text" + bytes(4) + text,
        b"wtpt": xyz(np.array([0.9642, 1.0, 0.8249])),
    }
    if primaries is None:
        tags[b"kTRC"] = curve
    else:
        tags |= {name + b"XYZ": xyz(primaries[:, i]) for i, name in enumerate((b"r", b"g", b"b"))}
        tags |= {name + b"TRC": curve for name in (b"r", b"g", b"b")}
    table, body = b"", b""
    start = 128 + 4 + 12 * len(tags)
    for name, value in tags.items():
        value += bytes(-len(value) % 4)
        table += name + struct.pack(">II", start + len(body), len(value))
        body += value
    space = b"GRAY" if primaries is None else b"RGB "
    size = start + len(body)
    header = struct.pack(">I", size) + bytes(4) + bytes([2, 0x20, 0, 0]) + b"mntr" + space + b"XYZ "
    header += bytes(12) + b"acsp" + bytes(28) + struct.pack(">3i", 63190, 65536, 54061) + bytes(48)
    return header + struct.pack(">I", len(tags)) + table + body


def vips_image(samples: NDArray[np.unsignedinteger], profile: bytes = b"", space: str = "") -> pyvips.Image:
    height, width, bands = samples.shape
    wide = samples.dtype == np.uint16
    image = pyvips.Image.new_from_memory(samples.tobytes(), width, height, bands, "ushort" if wide else "uchar")
    spaces = {1: "grey16" if wide else "b-w", 3: "rgb16" if wide else "srgb", 4: "cmyk"}
    image = image.copy(interpretation=space or spaces[bands])
    if profile:
        image.set_type(pyvips.GValue.blob_type, "icc-profile-data", profile)
    return image


def random_samples(bands: int, dtype: type = np.uint8) -> NDArray[np.unsignedinteger]:
    return np.random.default_rng(7).integers(0, np.iinfo(dtype).max, (24, 32, bands), dtype, endpoint=True)


def by_arithmetic(
    samples: NDArray[np.unsignedinteger], primaries: NDArray[np.float64], gamma: float
) -> NDArray[np.float64]:
    linear = (samples / np.iinfo(samples.dtype).max) ** gamma
    return linear_to_srgb(linear @ (np.linalg.inv(SRGB_D50) @ primaries).T)  # not clipped


# -------------------------------------------------------------------------------------------- curve


@pytest.mark.parametrize(
    ("encoded", "linear"),
    [(0, 0), (1, 1), (0.04045, 0.04045 / 12.92), (0.5, 0.21404114048), (188 / 255, 0.50288646)],
)
def test_curve_has_the_known_values(encoded: float, linear: float) -> None:
    assert srgb_to_linear(np.array([encoded]))[0] == pytest.approx(linear, abs=1e-8)
    assert linear_to_srgb(np.array([linear]))[0] == pytest.approx(encoded, abs=1e-7)


def test_curve_is_the_standard_written_out() -> None:
    for x in np.linspace(0, 1, 1001):
        expected = x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4
        assert srgb_to_linear(np.array(x)) == pytest.approx(expected, abs=1e-15)
        expected = x * 12.92 if x <= 0.0031308 else 1.055 * x ** (1 / 2.4) - 0.055
        assert linear_to_srgb(np.array(x)) == pytest.approx(expected, abs=1e-15)


@given(st.floats(-1, 4))
def test_curve_inverts(x: float) -> None:
    assert linear_to_srgb(srgb_to_linear(np.array([x])))[0] == pytest.approx(x, abs=2e-7)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("convert", [srgb_to_linear, linear_to_srgb])
def test_curve_keeps_type_and_shape_and_rises(convert, dtype) -> None:
    x = np.linspace(0, 1, 4096, dtype=dtype).reshape(64, 64)
    y = convert(x)
    assert y.dtype == dtype
    assert y.shape == x.shape
    assert (np.diff(y.ravel()) > 0).all()


# ----------------------------------------------------------------------------------------- profiles


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize(("primaries", "gamma"), [(ADOBE_D50, 563 / 256), (P3_D50, 1.8), (SRGB_D50, 1.0)])
def test_rgb_profiles_agree_with_arithmetic(primaries, gamma, dtype) -> None:
    samples = random_samples(3, dtype)
    converted = convert_to_srgb(vips_image(samples, build_profile(primaries, gamma))).numpy()
    assert converted.dtype == dtype
    exact = by_arithmetic(samples, primaries, gamma)
    difference = np.abs(converted / np.iinfo(dtype).max - np.clip(exact, 0, 1)) * 255
    assert difference.max() < (1 if dtype is np.uint8 else 1.5)
    assert np.median(difference) < (0.3 if dtype is np.uint8 else 0.03)


def test_rgb_profile_agrees_with_littlecms_in_pillow() -> None:
    samples, profile = random_samples(3), build_profile(ADOBE_D50, 563 / 256)
    expected = ImageCms.profileToProfile(
        Image.fromarray(samples),
        ImageCms.ImageCmsProfile(io.BytesIO(profile)),
        ImageCms.createProfile("sRGB"),
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
    )
    converted = convert_to_srgb(vips_image(samples, profile)).numpy().astype(int)
    assert np.abs(converted - np.asarray(expected)).max() <= 2


def test_cmyk_agrees_with_littlecms_in_pillow() -> None:
    samples = random_samples(4)
    profile = pyvips.Operation.call("profile_load", "cmyk")
    expected = ImageCms.profileToProfile(
        Image.fromarray(samples, "CMYK"),
        ImageCms.ImageCmsProfile(io.BytesIO(profile)),
        ImageCms.createProfile("sRGB"),
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        outputMode="RGB",
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    for image in (vips_image(samples), vips_image(samples, profile)):
        assert np.abs(convert_to_srgb(image).numpy().astype(int) - np.asarray(expected)).max() <= 3


def test_16_bit_cmyk_agrees_with_8_bit() -> None:
    samples = random_samples(4)
    narrow = convert_to_srgb(vips_image(samples)).numpy() / 255
    wide = convert_to_srgb(vips_image(samples.astype(np.uint16) * 257)).numpy()
    assert wide.dtype == np.uint16
    assert np.abs(wide / 65535 - narrow).max() < 2 / 255


def test_grey_profile() -> None:
    samples = random_samples(1)
    converted = convert_to_srgb(vips_image(samples, build_profile(None, 1.75))).numpy()
    expected = linear_to_srgb((samples / 255) ** 1.75).repeat(3, axis=2)
    assert np.abs(converted / 255 - expected).max() < 2 / 255
    assert np.abs(samples / 255 - expected).max() > 10 / 255  # the profile does say something


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("bands", [1, 3])
@pytest.mark.parametrize(
    "profile", ["none", "pillow's sRGB", "libvips' sRGB", "cut short", "damaged", "other channels"]
)
def test_values_stay_exact_without_a_profile_of_another_colour(profile: str, bands: int, dtype: type) -> None:
    blob = {
        "none": b"",
        "pillow's sRGB": ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
        "libvips' sRGB": pyvips.Operation.call("profile_load", "srgb"),
        "cut short": build_profile(ADOBE_D50, 2.2)[:200],
        "damaged": build_profile(None if bands == 1 else ADOBE_D50, 2.2).replace(b"curv", b"????"),
        "other channels": build_profile(None if bands == 3 else ADOBE_D50, 1.0),
    }[profile]
    samples = random_samples(bands, dtype)
    converted = convert_to_srgb(vips_image(samples, blob)).numpy()
    assert converted.dtype == dtype
    assert (converted == samples).all()
    assert converted.shape == (24, 32, 3)


def test_luma_is_that_of_rec_709() -> None:
    pixels = np.array([[[1, 0, 0], [0, 1, 0], [0, 0, 1]], [[1, 1, 1], [0, 0, 0], [0.5, 0.25, 1]]], np.float32)
    expected = [[0.2126, 0.7152, 0.0722], [1, 0, 0.5 * 0.2126 + 0.25 * 0.7152 + 0.0722]]
    assert luma(pixels).dtype == np.float32
    np.testing.assert_allclose(luma(pixels), expected, atol=1e-6)
