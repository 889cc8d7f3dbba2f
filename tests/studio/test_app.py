"""Files that the server sends."""

from __future__ import annotations

from pathlib import Path

from impasto.studio.app import PIECE_BYTES, in_pieces


def test_a_picture_replaced_while_it_is_sent_arrives_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "picture.png").write_bytes(bytes(PIECE_BYTES) + b"old")
    (tmp_path / "newer.png").write_bytes(b"new")
    opened = (tmp_path / "picture.png").open("rb")
    pieces = in_pieces(opened)
    first = next(pieces)
    (tmp_path / "newer.png").replace(tmp_path / "picture.png")
    assert (len(first), b"".join(pieces), opened.closed) == (PIECE_BYTES, b"old", True)
