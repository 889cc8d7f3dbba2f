"""What is kept of a photo beside its pixels: EXIF and XMP."""

from __future__ import annotations

import struct
import tracemalloc
from pathlib import Path

import pytest
from PIL import Image
from sample_pictures import smooth

from impasto.images.metadata import PhotoMetadata, read_metadata
from impasto.images.reading import load_picture
from impasto.images.writing import save_picture


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tiff", "avif"])
def test_photo_metadata_is_kept_and_the_position_is_not(tmp_path: Path, suffix: str) -> None:
    exif = Image.Exif()
    exif[0x013B], exif[0x8298], exif[0x0110] = "Ann", "by Ann", "SecretPhone 9"
    exif.get_ifd(0x8769)[0x9003] = "2020:01:02 03:04:05"
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 51.0, 24.0), 29: "2020:01:02"})
    photo, out = tmp_path / f"photo.{suffix}", tmp_path / f"out.{suffix}"
    Image.fromarray(smooth()).save(photo, exif=exif.tobytes())
    with Image.open(photo) as stored:
        assert stored.getexif().get_ifd(0x8825)  # the test does hold a position
    picture = load_picture(photo)
    assert picture.metadata == PhotoMetadata("2020:01:02 03:04:05", "by Ann", "Ann")
    save_picture(out, picture.pixels(), metadata=picture.metadata)
    assert load_picture(out).metadata == picture.metadata
    with Image.open(out) as stored:
        written = stored.getexif()
        assert not written.get_ifd(0x8825)
        assert 0x0110 not in written
        if suffix != "tiff":  # libvips writes none there; the texts are in XMP
            assert (written[0x013B], written[0x8298]) == ("Ann", "by Ann")
            assert written.get_ifd(0x8769)[0x9003] == "2020:01:02 03:04:05"
    assert b"SecretPhone" not in out.read_bytes()


@pytest.mark.parametrize(
    "metadata",
    [
        PhotoMetadata(artist="Al"),
        PhotoMetadata(copyright="c", artist="Max Mustermann"),
        PhotoMetadata(date_taken="1999:12:31 23:59:59"),
        PhotoMetadata("1999:12:31 23:59:59", "abc", "abcd"),
        PhotoMetadata(copyright="x" * 1000, artist="(a) [b] {c}"),
    ],
)
def test_exif_of_any_part_is_valid(tmp_path: Path, metadata: PhotoMetadata) -> None:
    save_picture(tmp_path / "a.jpg", smooth() / 255, metadata=metadata)
    with Image.open(tmp_path / "a.jpg") as stored:
        exif = stored.getexif()
        found = PhotoMetadata(exif.get_ifd(0x8769).get(0x9003), exif.get(0x8298), exif.get(0x013B))
    assert found == metadata == load_picture(tmp_path / "a.jpg").metadata


def test_metadata_is_brought_to_one_clean_line() -> None:
    assert PhotoMetadata("yesterday", "a\n b\x00\x07c", "  ") == PhotoMetadata(None, "a bc", None)


def test_date_of_the_file_stands_in_for_the_date_taken(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0132] = "2001:02:03 04:05:06"
    Image.fromarray(smooth()).save(tmp_path / "a.jpg", exif=exif)
    assert load_picture(tmp_path / "a.jpg").metadata.date_taken == "2001:02:03 04:05:06"


def test_damaged_exif_is_no_reason_to_refuse(tmp_path: Path) -> None:
    whole = Image.Exif()
    whole[0x013B] = "somebody with a long name"
    for blob in (b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0junk", whole.tobytes()[:30]):
        Image.fromarray(smooth()).save(tmp_path / "a.jpg", exif=blob)
        assert load_picture(tmp_path / "a.jpg").width_px == 60


def test_tags_that_all_claim_the_whole_block_take_little_memory() -> None:
    tags, value_bytes = 300, 2**20
    artist = struct.pack("<HHI4s", 0x013B, 2, 4, b"Ann\0")
    greedy = b"".join(struct.pack("<HHII", 0x9000 + tag, 1, value_bytes, 0) for tag in range(tags))
    table = struct.pack("<H", tags + 1) + artist + greedy + bytes(4)
    blob = (b"II*\0" + struct.pack("<I", 8) + table).ljust(value_bytes, b"\0")
    tracemalloc.start()
    metadata = read_metadata(blob, b"")
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert metadata.artist == "Ann"
    assert peak_bytes < 60 * value_bytes
