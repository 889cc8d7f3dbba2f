"""Which codec a film is written in."""

from __future__ import annotations

import pytest

from impasto.errors import OptionError
from impasto.video.codecs import CODECS, choose_codec


@pytest.mark.parametrize(
    ("ending", "bits", "alpha", "name"),
    [
        (".mp4", 8, False, "h264"),
        (".mp4", 10, False, "hevc"),
        (".mp4", 8, True, "h264"),
        (".mov", 8, True, "prores"),
        (".mkv", 8, True, "vp9"),
        (".webm", 8, True, "vp9"),
        (".webm", 8, False, "vp9"),
        (".webm", 10, False, "av1"),
    ],
)
def test_the_default_fits_ending_depth_and_alpha(ending: str, bits: int, alpha: bool, name: str) -> None:
    assert choose_codec(ending, None, bits=bits, alpha=alpha) is CODECS[name]


def test_a_name_that_is_none_leads_on() -> None:
    with pytest.raises(OptionError, match="no codec 'h265'; did you mean 'hevc'"):
        choose_codec(".mp4", "h265")
    with pytest.raises(OptionError, match=r"\.webm cannot hold h264 here: it holds av1, vp9; h264 is for"):
        choose_codec(".webm", "h264")


def test_quality_is_a_rate_factor_of_each_encoder() -> None:
    h264 = CODECS["h264"]
    rates = [int(h264.encoder_options(quality)["crf"]) for quality in (0, 50, 80, 100)]
    assert rates == [45, 28, 17, 10]
    assert h264.encoder_options(None) == h264.encoder_options(80)
    with pytest.raises(OptionError, match="0 to 100, got 101"):
        h264.encoder_options(101)
    with pytest.raises(OptionError, match="no choice of quality"):
        CODECS["prores"].encoder_options(50)
    assert "crf" not in CODECS["ffv1"].encoder_options(None)


def test_alpha_comes_before_depth() -> None:
    assert CODECS["vp9"].pixel_format(10, True) == "yuva420p"
    assert CODECS["vp9"].pixel_format(10, False) == "yuv420p"
    assert CODECS["prores"].pixel_format(8, True) == "yuva444p10le"
    assert CODECS["h264"].pixel_format(8, True) == "yuv420p"
