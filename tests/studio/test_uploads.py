"""Uploads: whole, checked, limited, and under names of ours."""

from __future__ import annotations

import hashlib
import io
import os
import struct
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import impasto
from impasto.errors import InputError
from impasto.inputs.bundled import bundled_by_hash
from impasto.studio.uploads import KEPT_SECONDS, Uploads, clean_name


@pytest.fixture
def uploads(tmp_path: Path) -> Uploads:
    return Uploads(tmp_path / "uploads", max_bytes=100_000, max_pixels=10_000)


def png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def huge_png() -> bytes:
    """Declares 60,000 x 60,000 px and has none of them."""
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "..",
        "/",
        "",
        "a\\..\\b.png",
        "x" * 5000 + ".png",
        "a\nb\x1b[31m.png",
        "con.png\0.sh",
        "Ω.PNG",
    ],
)
def test_a_name_touches_no_path(uploads: Uploads, photo_pixels: np.ndarray, name: str) -> None:
    data = png(photo_pixels)
    kept = uploads.keep(data, name)
    assert kept.name == hashlib.sha256(data).hexdigest()[:16] + ".png"
    assert kept.parent == uploads.folder
    assert {path.name for path in uploads.folder.iterdir()} == {kept.name, kept.with_suffix(".json").name}
    shown = uploads.name_of(kept)
    assert shown.isprintable() and "/" not in shown and 0 < len(shown) <= 100


def test_names_are_shown_without_folders() -> None:
    assert clean_name("C:\\pictures\\my  lion.jpg") == "my lion.jpg"
    assert clean_name("x" * 200 + ".jpeg") == "x" * 95 + ".jpeg"


def test_the_same_bytes_are_kept_once_under_their_first_name(uploads: Uploads, photo_pixels: np.ndarray) -> None:
    data = png(photo_pixels)
    first, second = uploads.keep(data, "one.png"), uploads.keep(data, "two.jpg")
    assert first == second and first.read_bytes() == data
    assert uploads.name_of(first) == "one.png", "nobody's picture gets another name by an upload"
    uploads.rename(first, "Lion")
    assert uploads.name_of(first) == "Lion.png"
    assert uploads.find(hashlib.sha256(data).hexdigest()) == first
    assert uploads.find(hashlib.sha256(b"").hexdigest()) is None
    assert uploads.find("*") is None


def test_a_file_is_copied_and_stays(uploads: Uploads, folder_with_pictures: Path) -> None:
    kept = uploads.keep(folder_with_pictures / "photo.png", "photo.png")
    assert kept.read_bytes() == (folder_with_pictures / "photo.png").read_bytes()


@pytest.mark.parametrize(
    ("data", "telling"),
    [
        (b"not a picture at all", "not a picture that impasto reads"),
        (b"", "the file is empty"),
        (huge_png(), "more than the limit of 10000 pixels; make it smaller, or start the studio with a larger"),
        (bytes(100_001), "more bytes than the 100000"),
    ],
)
def test_what_is_no_picture_is_refused_in_one_line(uploads: Uploads, data: bytes, telling: str) -> None:
    with pytest.raises(InputError) as caught:
        uploads.keep(data, "holiday.png")
    assert telling in str(caught.value)
    assert "'holiday.png'" in str(caught.value)
    assert "part-" not in str(caught.value)
    assert not list(uploads.folder.iterdir())


def test_a_style_file_stands_in_for_a_painting(uploads: Uploads, folder_with_pictures: Path) -> None:
    uploads._max_bytes = 2_000_000
    impasto.save_style(folder_with_pictures / "painting.png", folder_with_pictures / "waves.style")
    data = (folder_with_pictures / "waves.style").read_bytes()
    kept = uploads.keep(data, "Waves.STYLE")
    assert kept.name == hashlib.sha256(data).hexdigest()[:16] + ".style"
    assert uploads.name_of(kept) == "Waves.STYLE" and uploads.claim(kept)
    picture = (folder_with_pictures / "photo.png").read_bytes()
    for damaged, name in ((data[:-1], "cut.style"), (data, "waves.png"), (picture, "a.style")):
        with pytest.raises(InputError, match=repr(name)):
            uploads.keep(damaged, name)
    assert len(list(uploads.folder.iterdir())) == 2


def test_a_picture_cut_short_is_refused(uploads: Uploads) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    with pytest.raises(InputError, match="damaged or cut short"):
        uploads.keep(png(noise)[:-4000], "cut.png")


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="needs a device without an end")
def test_only_files_are_read(uploads: Uploads, tmp_path: Path) -> None:
    for path in (Path("/dev/zero"), tmp_path, tmp_path / "nowhere"):
        with pytest.raises(InputError):
            uploads.keep(path, "a.png")
    (tmp_path / "large").touch()
    os.truncate(tmp_path / "large", 200_000)
    with pytest.raises(InputError, match="more bytes"):
        uploads.keep(tmp_path / "large", "large.png")


def test_only_old_uploads_that_no_job_reads_are_removed(uploads: Uploads, photo_pixels: np.ndarray) -> None:
    old, used, fresh = (uploads.keep(png(photo_pixels + add), f"{add}.png") for add in range(3))
    before = time.time() - KEPT_SECONDS - 60
    for path in (old, used):
        os.utime(path, (before, before))
    uploads.clean({used})
    assert {path.name for path in uploads.folder.glob("*.png")} == {used.name, fresh.name}
    assert not old.with_suffix(".json").exists()
    assert uploads.name_of(used) == "1.png"
    os.utime(fresh, (before, before))
    assert uploads.claim(fresh)  # a request counts as use
    uploads.clean({used})
    assert fresh.exists()


def test_only_uploads_and_samples_are_read(uploads: Uploads, folder_with_pictures: Path) -> None:
    kept = uploads.keep(folder_with_pictures / "photo.png", "photo.png")
    assert uploads.claim(kept)
    assert all(map(uploads.claim, bundled_by_hash().values()))
    for path in (
        folder_with_pictures / "photo.png",
        kept.with_suffix(".json"),
        uploads.folder / ".." / "photo.png",
        Path("/etc/passwd"),
    ):
        assert not uploads.claim(path)


def test_parts_of_a_killed_studio_are_removed_and_damaged_notes_do_no_harm(
    uploads: Uploads, photo_pixels: np.ndarray
) -> None:
    kept = uploads.keep(png(photo_pixels), "a.png")
    (uploads.folder / "part-0123.part").write_bytes(b"half")
    for damage in ("", "[]", '{"name": 3, "sha256": null}', "{"):
        kept.with_suffix(".json").write_text(damage)
        again = Uploads(uploads.folder, 100_000, 10_000)
        assert again.name_of(kept) == kept.name
        assert again.find("0" * 64) is None
    assert not list(uploads.folder.glob("*.part"))


def test_the_same_picture_twice_at_once_is_one(uploads: Uploads, photo_pixels: np.ndarray) -> None:
    data = [png(photo_pixels + number % 2) for number in range(16)]
    with ThreadPoolExecutor(8) as pool:
        kept = list(pool.map(uploads.keep, data, ["a.png"] * 16))
    assert all(path.read_bytes() == data[number] for number, path in enumerate(kept))
    assert len(set(kept)) == 2 and len(list(uploads.folder.iterdir())) == 4


def test_all_uploads_together_have_a_limit(tmp_path: Path, photo_pixels: np.ndarray) -> None:
    data = png(photo_pixels)
    uploads = Uploads(tmp_path / "uploads", 100_000, 10_000, max_total_bytes=len(data) + 500)
    uploads.keep(data, "a.png")
    assert uploads.is_full
    with pytest.raises(InputError, match=r"no room for 'b.png': it keeps \d+ bytes of uploads; remove paintings"):
        uploads.keep(png(np.random.default_rng(0).integers(0, 255, photo_pixels.shape, np.uint8)), "b.png")
    assert len(list(uploads.folder.iterdir())) == 2
