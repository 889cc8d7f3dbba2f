"""Samples of a frame of FFmpeg as tensors, and a frame made of tensors. No number is changed on the way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

# Formats that carry Cb and Cr side by side in one plane, as hardware and raw video have them.
_PAIRED: Final = ("nv12", "nv16", "nv24", "p010le", "p012le", "p016le", "p210le", "p212le", "p216le", "p410le")
# Formats with all samples in one plane, and what holds the same samples in planes.
_PACKED: Final = dict.fromkeys(("yuyv422", "uyvy422", "yvyu422"), "yuv422p")
# Formats that are made by way of planes.
_BY_WAY_OF: Final = {"bgr0": "gbrp", "bgra": "gbrap"}


def read_planes(frame: VideoFrame) -> tuple[list[Tensor], Tensor | None, int]:
    """The samples of a frame as whole numbers: planes (red, green, blue for RGB), alpha, and their bits."""
    name = frame.format.name
    bits = max(component.bits for component in frame.format.components)
    rgb = frame.format.is_rgb or frame.format.has_palette
    alpha = any(component.is_alpha for component in frame.format.components) or frame.format.has_palette
    planar = len({component.plane for component in frame.format.components}) == len(frame.format.components)
    if name in _PAIRED:
        luma, pairs = _samples(frame.planes[0], bits), _samples(frame.planes[1], bits, channels=2)
        top = 1.0 if bits == 8 else float(1 << (16 - bits))  # more than 8 bits stand at the upper end of 16
        return [luma / top, pairs[..., 0::2] / top, pairs[..., 1::2] / top], None, bits
    if name in _PACKED:
        frame = frame.reformat(format=_PACKED[name])
    elif rgb and not (name.startswith(("gbrp", "gbrap")) and name.endswith(("p", "le")) and bits <= 16):
        bits = 8 if bits <= 8 else 16
        frame = frame.reformat(format=f"gbr{'a' if alpha else ''}p{'' if bits == 8 else '16le'}")
    elif not rgb and (not planar or frame.format.is_big_endian):
        bits = 16
        same = {"src_colorspace": 1, "dst_colorspace": 1, "src_color_range": 1, "dst_color_range": 1}
        frame = frame.reformat(format=f"yuv{'a' if alpha else ''}444p16le", **same)
    samples = [_samples(plane, bits) for plane in frame.planes[:4]]
    opacity = samples.pop() if alpha and len(samples) in (2, 4) else None
    if rgb:
        samples = [samples[2], samples[0], samples[1]]
    return samples, opacity, bits


def _samples(plane: Any, bits: int, channels: int = 1) -> Tensor:
    values = np.frombuffer(plane, np.uint8 if bits <= 8 else np.dtype("<u2"))
    rows = values.reshape(plane.height, -1)[:, : plane.width * channels]
    return torch.from_numpy(rows.astype(np.float32))[None, None]


def build_frame(planes: Sequence[Tensor], pixel_format: str, height_px: int, width_px: int) -> VideoFrame:
    """A frame of planes [1, 1, rows, columns] of whole numbers: luma and chroma, or red, green and blue; then alpha.

    Where the frame is larger than the planes, their last row and column are repeated.
    """
    import av

    made_as = _BY_WAY_OF.get(pixel_format, pixel_format)
    frame = av.VideoFrame(width_px, height_px, made_as)
    if frame.format.is_rgb:
        planes = [planes[1], planes[2], planes[0], *planes[3:]]
    dtype = np.dtype(np.uint8 if frame.format.components[0].bits <= 8 else "<u2")
    for plane, values in zip(frame.planes, planes, strict=True):
        rows, columns = values.shape[-2:]
        padded = F.pad(values, (0, plane.width - columns, 0, plane.height - rows), mode="replicate")
        buffer = np.zeros((plane.height, plane.line_size // dtype.itemsize), dtype)
        buffer[:, : plane.width] = padded[0, 0].numpy()
        plane.update(buffer.tobytes())
    return frame if made_as == pixel_format else frame.reformat(format=pixel_format)
