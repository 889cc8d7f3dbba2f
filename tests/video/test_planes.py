"""Samples go into FFmpeg's frames and come out as they were."""

from __future__ import annotations

import av
import numpy as np
import pytest
import torch

from impasto.video.planes import build_frame, read_planes

FORMATS = {
    "yuv420p": (8, 3), "yuv420p10le": (10, 3), "yuv422p10le": (10, 3), "yuva420p": (8, 4), "yuva444p10le": (10, 4),
    "gbrp16le": (16, 3), "gbrap16le": (16, 4), "bgr0": (8, 3), "bgra": (8, 4), "gbrp": (8, 3),
}  # fmt: skip


@pytest.mark.parametrize("pixel_format", FORMATS)
@pytest.mark.parametrize(("height", "width"), [(6, 8), (5, 7), (1, 1)])
def test_what_goes_in_comes_out(pixel_format: str, height: int, width: int) -> None:
    bits, count = FORMATS[pixel_format]
    torch.manual_seed(0)
    planes = []
    for place in range(count):
        small = place in (1, 2) and ("420" in pixel_format or "422" in pixel_format)
        rows = -(-height // 2) if small and "420" in pixel_format else height
        planes.append(torch.randint(0, 1 << bits, (1, 1, rows, -(-width // 2) if small else width)).float())
    samples, alpha, found = read_planes(build_frame(planes, pixel_format, height, width))
    assert found == bits
    assert (alpha is not None) == (count == 4)
    for before, after in zip(planes, [*samples, *([] if alpha is None else [alpha])], strict=True):
        assert torch.equal(before, after)


def test_a_larger_frame_repeats_the_last_row_and_column() -> None:
    luma = torch.arange(6.0).reshape(1, 1, 2, 3)
    chroma = torch.ones(1, 1, 1, 2)
    samples, _, _ = read_planes(build_frame([luma, chroma, chroma], "yuv420p", 4, 4))
    assert samples[0][0, 0].tolist() == [[0, 1, 2, 2], [3, 4, 5, 5], [3, 4, 5, 5], [3, 4, 5, 5]]


@pytest.mark.parametrize(("paired", "bits"), [("nv12", 8), ("p010le", 10)])
def test_chroma_in_pairs_is_taken_apart(paired: str, bits: int) -> None:
    rng = np.random.default_rng(0)
    luma, pairs = rng.integers(0, 1 << bits, (6, 8)), rng.integers(0, 1 << bits, (3, 8))
    frame = av.VideoFrame(8, 6, paired)
    dtype, shift = (np.uint8, 0) if bits == 8 else ("<u2", 6)
    for plane, values in zip(frame.planes, (luma, pairs), strict=True):
        buffer = np.zeros((plane.height, plane.line_size // np.dtype(dtype).itemsize), dtype)
        buffer[:, :8] = values << shift
        plane.update(buffer.tobytes())
    samples, alpha, found = read_planes(frame)
    assert (alpha, found) == (None, bits)
    for before, after in zip((luma, pairs[:, ::2], pairs[:, 1::2]), samples, strict=True):
        assert np.array_equal(before, after[0, 0].numpy())


def test_packed_samples_are_the_same_numbers() -> None:
    planes = [torch.randint(16, 200, (1, 1, 6, columns)).float() for columns in (64, 32, 32)]
    samples, _, _ = read_planes(build_frame(planes, "yuv422p", 6, 64).reformat(format="yuyv422"))
    assert all(torch.equal(before, after) for before, after in zip(planes, samples, strict=True))
