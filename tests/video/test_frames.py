"""What is common to all clips, whatever holds their frames."""

from __future__ import annotations

from pathlib import Path

import pytest
from clips import make_clip

from impasto.errors import OptionError
from impasto.video.clip import open_clip


@pytest.mark.parametrize(("begin", "end"), [(-1, None), (0.4, None), (0.2, 0.2), (0.2, 0.1)])
def test_a_piece_outside_the_clip_is_refused(tmp_path: Path, begin: float, end: float | None) -> None:
    with (
        open_clip(make_clip(tmp_path / "clip.mp4")) as clip,
        pytest.raises(OptionError, match=r"lasts 0\.4 s|ends after"),
    ):
        clip.frames(begin, end)
