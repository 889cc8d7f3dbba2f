"""What holds the frames of a clip is found by its content, and by the name of what is written."""

from __future__ import annotations

from pathlib import Path

from clips import make_clip

from impasto.video.clip import open_clip


def test_a_film_is_known_by_its_content(tmp_path: Path) -> None:
    make_clip(tmp_path / "clip.mp4").rename(tmp_path / "clip.png")
    assert open_clip(tmp_path / "clip.png").info.codec == "h264"
