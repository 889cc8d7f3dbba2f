"""Pictures in memory mean what their files mean."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from picture_cases import FILES
from PIL import Image, ImageCms
from sample_pictures import one_line, smooth

from impasto.errors import InputError, OptionError
from impasto.images.in_memory import picture_in_memory
from impasto.images.picture import Picture
from impasto.images.reading import decode_picture, load_picture


def encoded(format: str, image: Image.Image | None = None, **settings: Any) -> bytes:
    file = io.BytesIO()
    (image or Image.fromarray(smooth())).save(file, format, **settings)
    return file.getvalue()


def turned_exif() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112], exif[0x8298] = 6, "nobody"  # a quarter turn; copyright
    return exif


@pytest.mark.parametrize("form", [bytes, bytearray, memoryview, io.BytesIO])
def test_bytes_and_open_files_are_read_as_their_file_is(tmp_path: Path, form: Any) -> None:
    data = encoded("JPEG", exif=turned_exif())
    (tmp_path / "file.jpg").write_bytes(data)
    picture, file = picture_in_memory(form(data)), load_picture(tmp_path / "file.jpg")
    assert np.array_equal(picture.samples, file.samples)
    assert (picture.sha256, picture.metadata, picture.path) == (file.sha256, file.metadata, None)
    with (tmp_path / "file.jpg").open("rb") as stream:
        assert picture_in_memory(stream).name == "file.jpg"


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (io.StringIO("text"), "binary mode"),
        (io.BytesIO(), "seek"),
        (io.BytesIO(b"no picture"), "not a picture"),
    ],
)
def test_files_that_cannot_be_read(file: Any, words: str) -> None:
    with pytest.raises(InputError) as error:
        picture_in_memory(file)
    one_line(error, words)


def test_closed_files_and_those_for_writing(tmp_path: Path) -> None:
    closed = io.BytesIO(b"x")
    closed.close()
    with (tmp_path / "w").open("wb") as writing:
        for file in (closed, writing):
            with pytest.raises(InputError, match="binary mode"):
                picture_in_memory(file)


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "LA", "1", "P", "YCbCr"])
def test_pillow_images_of_every_mode(mode: str) -> None:
    image = Image.fromarray(smooth()).convert(mode)
    picture = picture_in_memory(image)
    expected = np.asarray(image.convert("RGBA" if mode in ("RGBA", "LA") else "RGB"))
    assert picture.samples.shape == expected.shape
    assert np.array_equal(picture.samples, expected)


def test_cmyk_as_in_its_file() -> None:
    image = Image.fromarray(smooth()).convert("CMYK")
    assert np.array_equal(picture_in_memory(image).samples, picture_in_memory(encoded("TIFF", image)).samples)


def test_sixteen_bits_are_kept() -> None:
    levels = np.arange(60 * 40, dtype=np.uint16).reshape(40, 60) * 27
    picture = picture_in_memory(Image.fromarray(levels))
    assert picture.bit_depth == 16
    assert np.array_equal(picture.samples[..., 0], levels)


def test_a_pillow_image_from_a_file_is_upright_and_one_that_was_worked_on_stays() -> None:
    data = encoded("JPEG", exif=turned_exif())
    with Image.open(io.BytesIO(data)) as image:
        picture, copy = picture_in_memory(image), picture_in_memory(image.copy())
        assert picture.metadata == copy.metadata == picture_in_memory(data).metadata
    assert np.array_equal(picture.samples, picture_in_memory(data).samples)
    assert picture.size == copy.size[::-1]


def test_a_profile_is_followed() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    image = Image.new("RGB", (8, 8), (200, 100, 50))
    image.info["icc_profile"] = profile
    assert np.array_equal(
        picture_in_memory(image).samples, picture_in_memory(encoded("PNG", image, icc_profile=profile)).samples
    )


@pytest.mark.parametrize("name", ["cicp-p3.png", "cicp-pq.png", "nclx-p3.avif", "nclx-pq.avif", "cicp-profile.png"])
def test_code_points_that_pillow_hides_are_followed(name: str, tmp_path: Path) -> None:
    data = FILES[name]()
    picture = decode_picture(data)
    (tmp_path / name).write_bytes(data)
    with Image.open(io.BytesIO(data)) as unread, Image.open(tmp_path / name) as loaded:
        loaded.load()
        for image in (unread, loaded):
            again = picture_in_memory(image)
            assert np.abs(again.samples.astype(int) - picture.samples).max() <= 1  # of another decoder
            assert again.notices == picture.notices


def test_the_hash_is_of_the_samples_not_of_a_file() -> None:
    assert picture_in_memory(Image.fromarray(smooth())).sha256 == picture_in_memory(smooth()).sha256


def test_a_damaged_pillow_image_ends_in_one_line() -> None:
    with Image.open(io.BytesIO(encoded("JPEG")[:-200])) as image, pytest.raises(InputError) as error:
        picture_in_memory(image)
    one_line(error, "PIL image")
    with pytest.raises(InputError, match="limit of 100"):
        picture_in_memory(Image.new("L", (20, 20)), max_pixels=100)


def test_what_offers_a_picture_or_an_array() -> None:
    class Holder:
        def picture(self) -> Picture:
            return picture_in_memory(smooth())

    class Table:
        def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
            return smooth()

    for value in (Holder(), Table()):
        assert np.array_equal(picture_in_memory(value).samples, smooth())
    with pytest.raises(OptionError, match="a picture is a path, bytes"):
        picture_in_memory(7)


def test_without_a_folder_of_temporary_files_bytes_are_refused(
    folder_with_pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = Path("photo.png").read_bytes()
    monkeypatch.setattr("tempfile.tempdir", str(folder_with_pictures / "gone"))
    with pytest.raises(InputError, match=r"cannot take it \(No such file or directory\); TMPDIR names another"):
        decode_picture(data)
