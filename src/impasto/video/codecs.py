"""The codecs that films are written in, and which one by default.

By default a film is H.264, which plays everywhere; HEVC for a source of more than 8 bits a channel, since hardly
anything plays H.264 of 10 bits; in WebM VP9, or AV1 for more than 8 bits; for frames with alpha ProRes 4444 in .mov
and VP9 in .mkv. The encoders are those that the package `av` carries: libx264 and libx265 are under the GPL; SVT-AV1,
libvpx and FFmpeg's own (ProRes, FFV1) are under the BSD licence and the LGPL.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from impasto.errors import OptionError, did_you_mean

DEFAULT_QUALITY: Final = 80
FORMATS: Final = {".mp4": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"}  # as FFmpeg calls them


@dataclass(frozen=True)
class Codec:
    """One way of coding a film.

    Attributes
    ----------
    encoder: as FFmpeg calls it.
    endings: of the files that can hold it.
    pixel_formats: by bits (8 or 10) and whether there is alpha; what is missing cannot be coded.
    rates: the constant rate factor for quality 0 and 100; None where there is no choice of quality.
    multiple, least_px: width and height are multiples of the one, and not below the other.
    tag: what players ask for in .mp4 and .mov.
    """

    encoder: str
    endings: tuple[str, ...]
    pixel_formats: Mapping[tuple[int, bool], str]
    rates: tuple[int, int] | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    multiple: int = 1
    least_px: int = 1
    tag: str = ""

    def pixel_format(self, bits: int, alpha: bool) -> str:
        """What comes nearest: alpha before depth."""
        wanted = 10 if bits > 8 else 8
        choices = [(wanted, alpha), (8, alpha), (10, alpha), (wanted, False), (8, False), (10, False)]
        return next(self.pixel_formats[choice] for choice in choices if choice in self.pixel_formats)

    @property
    def has_alpha(self) -> bool:
        """Whether it can code alpha."""
        return any(alpha for _, alpha in self.pixel_formats)

    def encoder_options(self, quality: int | None) -> dict[str, str]:
        """The encoder's options for a quality of 0 to 100; raises `OptionError`."""
        if quality is not None and not 0 <= quality <= 100:
            raise OptionError(f"the quality of a film is 0 to 100, got {quality}")
        if self.rates is None:
            if quality is not None:
                raise OptionError(f"{self.encoder} has no choice of quality; leave it out")
            return dict(self.options)
        worst, best = self.rates
        rate = worst + (best - worst) * (DEFAULT_QUALITY if quality is None else quality) / 100
        return {"crf": str(round(rate)), **self.options}


# One thread each: a film is then the same on every machine, and painting a frame takes far longer than coding it.
CODECS: Final[Mapping[str, Codec]] = {
    "h264": Codec(
        "libx264",
        (".mp4", ".mov", ".mkv"),
        {(8, False): "yuv420p", (10, False): "yuv420p10le"},
        rates=(45, 10),
        options={"preset": "medium", "rc-lookahead": "10"},  # of 40 frames in memory nothing would be seen
        multiple=2,
        least_px=2,
    ),
    "hevc": Codec(
        "libx265",
        (".mp4", ".mov", ".mkv"),
        {(8, False): "yuv420p", (10, False): "yuv420p10le"},
        rates=(45, 12),
        options={"preset": "fast", "x265-params": "log-level=none:pools=none:frame-threads=1:rc-lookahead=10"},
        multiple=2,
        least_px=16,
        tag="hvc1",
    ),
    "av1": Codec(
        "libsvtav1",
        (".mp4", ".mkv", ".webm"),
        {(8, False): "yuv420p", (10, False): "yuv420p10le"},
        rates=(60, 12),
        options={"preset": "8", "svtav1-params": "lp=1"},
        least_px=4,
    ),
    "vp9": Codec(
        "libvpx-vp9",
        (".webm", ".mkv", ".mp4"),
        {(8, False): "yuv420p", (8, True): "yuva420p"},
        rates=(60, 10),
        options={"b": "0", "deadline": "good", "cpu-used": "4", "auto-alt-ref": "0"},  # alpha allows no such frames
    ),
    "prores": Codec(
        "prores_ks",
        (".mov", ".mkv"),
        {(10, False): "yuv422p10le", (10, True): "yuva444p10le"},
        options={"vendor": "apl0"},
    ),
    "ffv1": Codec(
        "ffv1", (".mkv",), {(8, False): "bgr0", (8, True): "bgra", (10, False): "gbrp16le", (10, True): "gbrap16le"}
    ),
}  # fmt: skip


_ALSO_CALLED: Final = {"h265": "hevc", "h.265": "hevc", "x265": "hevc", "x264": "h264", "avc": "h264", "h.264": "h264"}


def choose_codec(ending: str, name: str | None, *, bits: int = 8, alpha: bool = False) -> Codec:
    """The codec of that name, or the default, for a file with this ending; raises `OptionError`."""
    if name is None:
        return CODECS[_default(ending, bits, alpha)]
    if name not in CODECS:
        raise OptionError(f"there is no codec {name!r}{did_you_mean(_ALSO_CALLED.get(name.lower(), name), CODECS)}")
    if ending not in CODECS[name].endings:
        fitting = ", ".join(codec for codec, one in CODECS.items() if ending in one.endings)
        raise OptionError(
            f"{ending} cannot hold {name} here: it holds {fitting}; {name} is for {', '.join(CODECS[name].endings)}"
        )
    return CODECS[name]


def _default(ending: str, bits: int, alpha: bool) -> str:
    deep = bits > 8
    if ending == ".webm":
        return "av1" if deep and not alpha else "vp9"
    if alpha and ending != ".mp4":
        return "prores" if ending == ".mov" else "vp9"
    return "hevc" if deep else "h264"
