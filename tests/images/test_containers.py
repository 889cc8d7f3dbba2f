"""What files say of their pixels, against Chromium, libtiff, Pillow, ImageMagick's files and the standards."""

from __future__ import annotations

import io
import random
import struct
import sys
from pathlib import Path

import numpy as np
import pytest
import pyvips
import tifffile
from numpy.typing import NDArray
from picture_cases import (
    CARD,
    CHROMIUM,
    FILES,
    avif,
    card,
    encoded,
    exif_of,
    jpeg,
    squares,
    swapped_srgb,
    with_chunks,
    with_nclx,
)
from PIL import Image
from sample_pictures import as_bytes, noise, one_line, smooth

from impasto.errors import InputError
from impasto.images import reading
from impasto.images.color import linear_to_srgb
from impasto.images.containers import read_declared
from impasto.images.picture import Picture
from impasto.images.reading import decode_picture, load_picture

NOTICED = {  # every other file is read without a word
    "cicp-pq.png": "HDR",
    "cicp-hlg.png": "HDR",
    "nclx-pq.avif": "HDR",
    "nclx-hlg.avif": "HDR",
    "nclx-pq-10.avif": "HDR",
    "cicp-logarithm.png": "code points 1 and 9",
    "gain-map.jpg": "gain map",
    "gain-map-iso.jpg": "gain map",
}


@pytest.mark.parametrize("name", FILES)
def test_files_are_read_as_chromium_reads_them(name: str) -> None:
    picture = decode_picture(FILES[name](), name=name)
    shown = squares(as_bytes(picture.pixels()))
    # lossy formats differ by a level from decoder to decoder; near black one before the conversion is six after it
    deep_p3 = name.startswith("nclx-p3-1")
    assert np.abs(shown - CHROMIUM[name]).max() <= (1 if name.endswith((".png", ".webp")) else 6 if deep_p3 else 3)
    assert picture.bit_depth == (16 if name[-8:-5] in ("-10", "-12") else 8)
    if name in NOTICED:
        (notice,) = picture.notices
        assert NOTICED[name] in notice
    else:
        assert picture.notices == ()


@pytest.mark.parametrize("name", ["nclx-srgb-10.avif", "nclx-p3-10.avif", "nclx-p3-12.avif"])
def test_deep_avif_is_the_same_picture_as_png_of_its_meaning(name: str) -> None:
    shown = squares(as_bytes(decode_picture(FILES[name](), name=name).pixels()))
    assert np.abs(shown - CHROMIUM["cicp-p3.png" if "p3" in name else "plain.png"]).max() <= 3


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize(("primaries", "transfer", "like"), [(1, 13, "plain.png"), (12, 13, "cicp-p3.png")])
def test_narrow_range_by_h273(depth: int, primaries: int, transfer: int, like: str) -> None:
    # H.273, equations 20 to 22: (219 E + 16) 2^(bits - 8); Chromium leaves a cICP that says so out
    unit = 2 ** (depth - 8)
    coded = np.rint((16 + card().astype(float) * 219 / 255) * unit).astype(np.uint8 if depth == 8 else np.uint16)
    height, width, _ = coded.shape
    image = pyvips.Image.new_from_memory(coded.tobytes(), width, height, 3, "uchar" if depth == 8 else "ushort")
    plain = image.copy(interpretation="srgb" if depth == 8 else "rgb16").pngsave_buffer()
    data = with_chunks((b"cICP", bytes([primaries, transfer, 0, 0])), data=plain)
    shown = squares(as_bytes(decode_picture(data).pixels()))
    # of 220 levels, one before the conversion is several after it near black
    assert np.abs(shown - CHROMIUM[like]).max() <= (1 if depth == 16 or like == "plain.png" else 7)


def test_alpha_that_colours_are_multiplied_by() -> None:
    half = np.dstack([card(), np.full_like(card()[..., :1], 128)])
    data = encoded("AVIF", half, quality=100, subsampling="4:4:4", alpha_premultiplied=True)
    picture = decode_picture(data)
    alpha = picture.alpha()
    assert alpha is not None
    assert (as_bytes(alpha) == 128).all()
    by_pillow = np.asarray(Image.open(io.BytesIO(data)))  # libavif
    assert np.abs(as_bytes(picture.pixels()) - by_pillow[..., :3]).max() <= 2


@pytest.mark.parametrize(
    ("color_space", "interoperability", "adobe"),
    [(0xFFFF, "R03", True), (2, None, True), (1, "R98", False), (1, "R03", False), (0xFFFF, None, False)],
)
def test_adobe_rgb_by_exif(color_space: int, interoperability: str | None, adobe: bool) -> None:
    # DCF 2.0: "R03" with an uncalibrated colour space; Adobe RGB (1998): exponent 563/256 and these primaries
    data = jpeg(exif=exif_of(color_space, interoperability))
    plain = squares(np.asarray(Image.open(io.BytesIO(data)).convert("RGB")))
    expected = plain.astype(float)
    if adobe:
        to_srgb = np.array([[1.39836, -0.39836, 0], [0, 1, 0], [0, -0.04293, 1.04293]])
        linear = np.clip((plain / 255) ** (563 / 256) @ to_srgb.T, 0, 1)
        expected = 255 * linear_to_srgb(linear)
    assert np.abs(squares(as_bytes(decode_picture(data).pixels())) - expected).max() <= 1


def test_a_profile_comes_before_exif() -> None:
    data = jpeg(exif=exif_of(0xFFFF, "R03"), icc_profile=swapped_srgb())
    shown = squares(as_bytes(decode_picture(data).pixels()))
    assert np.abs(shown - squares(card())[:, ::-1]).max() <= 2


@pytest.mark.parametrize("bit_depth", [8, 16])
@pytest.mark.parametrize(("primaries", "transfer"), [(1, 13), (12, 13), (9, 16)])
def test_heic_is_read_as_avif(primaries: int, transfer: int, bit_depth: int) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    file, size = io.BytesIO(), card().shape[1::-1]
    mode, samples = ("RGB", card()) if bit_depth == 8 else ("RGB;16", card().astype(np.uint16) * 257)
    image = pillow_heif.from_bytes(mode=mode, size=size, data=samples.tobytes())
    image.save(file, quality=100, chroma=444, format="HEIF")
    picture = decode_picture(with_nclx(file.getvalue(), primaries, transfer))
    assert picture.bit_depth == bit_depth
    shown = picture.pixels()
    expected = decode_picture(avif(primaries, transfer)).pixels()
    # near black, one level before the conversion is ten after it
    assert np.abs(squares(as_bytes(shown)) - squares(as_bytes(expected))).max() <= 12


def box(name: bytes, *bodies: bytes) -> bytes:
    body = b"".join(bodies)
    return struct.pack(">I4s", 8 + len(body), name) + body


@pytest.mark.parametrize(
    ("parts", "noticed"),
    [
        (box(b"iinf", bytes(6), box(b"infe", b"\2\0\0\0\0\2\0\0tmap\0")), True),
        (box(b"iprp", box(b"ipco", box(b"auxC", bytes(4), b"urn:com:apple:photo:2020:aux:hdrgainmap\0"))), True),
        (box(b"iinf", bytes(6), box(b"infe", b"\2\0\0\0\0\2\0\0av01\0")), False),
        (box(b"idat", b"tmap hdrgainmap"), False),
    ],
)
def test_gain_maps_of_avif_and_heic(parts: bytes, noticed: bool) -> None:
    data = box(b"ftyp", b"avif") + box(b"meta", bytes(4), parts)
    assert ("gain map" in "".join(read_declared("heif", data).notices)) == noticed


def test_a_profile_of_heic_comes_before_code_points() -> None:
    profile, code_points = box(b"colr", b"prof", bytes(8)), box(b"colr", b"nclx", struct.pack(">HHHB", 9, 16, 9, 128))
    for version, wide in ((0, 0), (1, 0), (0, 1), (1, 1)):  # of the box that joins items and properties
        item, number = (">I" if version else ">H"), (">H" if wide else ">B")
        for mine, expected in (((2,), True), ((1, 2), False), ((1,), False)):
            joined = struct.pack(item, 7) + bytes([len(mine)]) + b"".join(struct.pack(number, m) for m in mine)
            data = box(
                b"meta",
                bytes(4),
                box(b"pitm", bytes(4), struct.pack(">H", 7)),
                box(
                    b"iprp",
                    box(b"ipco", profile, code_points),
                    box(b"ipma", bytes([version, 0, 0, wide]), struct.pack(">I", 1), joined),
                ),
            )
            declared = read_declared("heif", data)
            assert (declared.meaning is not None and declared.meaning.is_hdr) == expected


# ------------------------------------------------------------------------------------------------ JPEG


def test_ycck_and_cmyk_are_what_pillow_decodes() -> None:
    image = Image.fromarray(smooth()).convert("CMYK")
    data = encoded("JPEG", image, quality=100, subsampling=0)
    place = data.index(b"Adobe")
    assert data[place + 11] == 0  # no transform: CMYK
    for transform in (0, 2):
        changed = data[: place + 11] + bytes([transform]) + data[place + 12 :]
        inks = np.asarray(Image.open(io.BytesIO(changed)))
        height, width, _ = inks.shape
        expected = pyvips.Image.new_from_memory(inks.tobytes(), width, height, 4, "uchar").copy(interpretation="cmyk")
        shown = as_bytes(decode_picture(changed).pixels())
        assert np.abs(shown - reading.convert_to_srgb(expected).numpy()).max() <= 3


@pytest.mark.parametrize("missing", [1, 2])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_without_its_end_marker_is_whole(progressive: bool, missing: int) -> None:
    data = encoded("JPEG", noise(64, 64, 3), progressive=progressive)
    picture = decode_picture(data[:-missing])
    assert (picture.samples == decode_picture(data).samples).all()
    assert picture.notices == ("its end marker is missing; nothing else is",)


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("kept", [0.3, 0.6, 0.97])
def test_a_jpeg_cut_short_is_refused(progressive: bool, kept: float) -> None:
    data = encoded("JPEG", noise(64, 64, 3), progressive=progressive)
    with pytest.raises(InputError) as error:
        decode_picture(data[: int(len(data) * kept)], name="a.jpg")
    one_line(error, "a.jpg", "cut short")


def test_a_jpeg_that_was_cut_and_closed_is_noticed() -> None:
    data = encoded("JPEG", noise(64, 64, 3))
    picture = decode_picture(data[: len(data) // 2] + b"\xff\xd9")
    assert "look whether the picture is whole" in "".join(picture.notices)


# ------------------------------------------------------------------------------------------------ TIFF


def tiff(samples: NDArray, **options: object) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, samples, metadata=None, **{"photometric": "rgb"} | options)
    return file.getvalue()


def shown_of(data: bytes) -> NDArray[np.int64]:
    return as_bytes(decode_picture(data, name="a.tif").pixels())


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"])
def test_ycbcr_tiff(compression: str) -> None:
    data = encoded("TIFF", Image.fromarray(card()).convert("YCbCr"), compression=compression)
    by_libtiff = encoded("TIFF", Image.fromarray(card()).convert("YCbCr"), compression="tiff_lzw")
    expected = np.asarray(Image.open(io.BytesIO(by_libtiff)).convert("RGB"))  # libtiff's own conversion
    assert np.abs(shown_of(data) - expected).max() <= 3


def test_ycbcr_tiff_between_16_and_235() -> None:
    # TIFF 6.0, section 21: ReferenceBlackWhite as ITU-R BT.601 has it
    black_and_white = (16, 1, 235, 1, 128, 1, 240, 1, 128, 1, 240, 1)
    luma = card() @ (0.299, 0.587, 0.114)
    chroma = [(card()[..., 2] - luma) / 1.772, (card()[..., 0] - luma) / 1.402]
    coded = np.stack([16 + luma * 219 / 255, *(128 + c * 224 / 255 for c in chroma)], axis=2)
    extra = [(532, 5, 6, black_and_white, True), (530, 3, 2, (1, 1), True)]
    data = tiff(np.rint(coded).astype(np.uint8), photometric="ycbcr", extratags=extra, subsampling=(1, 1))
    assert np.abs(shown_of(data) - card()).max() <= 3


def test_ycbcr_tiff_of_fewer_colours_is_refused() -> None:
    data = tiff(card(), extratags=[(530, 3, 2, (2, 2), True)])
    place = data.index(struct.pack("<HHIH", 262, 3, 1, 2)) + 8
    with pytest.raises(InputError) as error:
        decode_picture(data[:place] + b"\6" + data[place + 1 :], name="a.tif")
    one_line(error, "a.tif", "YCbCr")


def pages(*written: tuple[NDArray, dict[str, object]]) -> bytes:
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        for samples, options in written:
            writer.write(samples, photometric="rgb", metadata=None, **options)
    return file.getvalue()


SMALL = card()[::4, ::4]
MASK = 3


@pytest.mark.parametrize(
    "layout",
    [
        [(SMALL, {"subfiletype": 1}), (card(), {})],
        [(SMALL, {"subfiletype": MASK}), (SMALL, {"subfiletype": 1}), (card(), {})],
        [(card(), {}), (SMALL, {})],
        [(SMALL, {"subfiletype": 1, "subifds": 2}), (SMALL, {"subfiletype": 1}), (card(), {})],
        [(card(), {"subifds": 1}), (SMALL, {"subfiletype": 1})],
        [(card(), {"subfiletype": 1})],
    ],
    ids=["thumbnail first", "mask first", "second page", "in a SubIFD", "thumbnail in a SubIFD", "nothing else"],
)
def test_the_whole_picture_of_a_tiff_is_read(layout: list[tuple[NDArray, dict[str, object]]]) -> None:
    data = pages(*layout)
    place = data.find(struct.pack("<HHII", 254, 4, 1, MASK))
    if place > 0:  # tifffile writes no such masks
        data = data[: place + 8] + b"\4" + data[place + 9 :]
    assert (shown_of(data) == card()).all()


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
@pytest.mark.parametrize(
    ("kinds", "opacity", "left_out"),
    [
        (["unspecified"], None, "channel 4"),
        (["unassalpha"], 0, ""),
        (["assocalpha"], 0, ""),
        (["unspecified", "unassalpha"], 1, "channel 4"),
        (["unassalpha", "unspecified"], 0, "channel 5"),
    ],
)
def test_extra_samples(depth: type, kinds: list[str], opacity: int | None, left_out: str) -> None:
    top = np.iinfo(depth).max
    unit = top // 255
    planes = [np.full(card().shape[:2], value * unit, depth) for value in (0, 0)]
    if opacity is not None:
        planes[opacity][:] = 128 * unit
    samples = card().astype(depth) * depth(unit)
    if kinds == ["assocalpha"]:
        samples = np.rint(samples * (128 / 255)).astype(depth)
    picture = decode_picture(tiff(np.dstack([samples, *planes[: len(kinds)]]), extrasamples=kinds))
    alpha = picture.alpha()
    assert (alpha is None) == (opacity is None)
    assert alpha is None or (as_bytes(alpha) == 128).all()
    assert np.abs(as_bytes(picture.pixels()) - card()).max() <= (2 if kinds == ["assocalpha"] else 0)
    assert left_out in "".join(picture.notices)
    assert bool(picture.notices) == bool(left_out)


def test_grey_and_cmyk_with_a_channel_more() -> None:
    grey = card()[..., 1]
    twofold = np.dstack([grey, np.zeros_like(grey)])
    picture = decode_picture(tiff(twofold, photometric="minisblack", extrasamples=["unspecified"]))
    assert picture.alpha() is None
    assert (as_bytes(picture.pixels()) == grey[..., None]).all()
    inks = np.dstack([255 - card(), np.zeros_like(grey)])
    plain = shown_of(tiff(inks, photometric="separated"))
    more = tiff(np.dstack([inks, grey]), photometric="separated", extrasamples=["unspecified"])
    assert (shown_of(more) == plain).all()


@pytest.mark.parametrize(
    ("options", "samples"),
    [
        ({"photometric": "miniswhite"}, 255 - card()[..., 1]),
        ({"photometric": "miniswhite"}, 65535 - card()[..., 1].astype(np.uint16) * 257),
        ({"photometric": "minisblack", "byteorder": ">"}, card()[..., 1].astype(np.uint16) * 257),
        ({"photometric": "minisblack", "bigtiff": True}, card()[..., 1]),
        ({"photometric": "minisblack", "tile": (16, 16)}, card()[..., 1]),
    ],
)
def test_plain_layouts_of_grey(options: dict[str, object], samples: NDArray) -> None:
    assert (shown_of(tiff(samples, **options)) == card()[..., 1:2]).all()


def test_planes_apart() -> None:
    assert (shown_of(tiff(np.moveaxis(card(), 2, 0), planarconfig="separate")) == card()).all()


@pytest.mark.parametrize(
    ("samples", "options", "part"),
    [
        (card(), {"photometric": "cielab"}, "CIELAB"),
        (card().astype(np.int16), {"photometric": "cielab"}, "CIELAB"),
        (card(), {"photometric": "icclab"}, "ICCLAB"),
        (card()[..., 0], {"photometric": "mask"}, "transparency mask"),
        (card()[..., 0].astype(np.uint16), {"photometric": "cfa"}, "camera raw (the mosaic of a sensor)"),
        (
            card()[..., 0].astype(np.uint16),
            {"photometric": "cfa", "extratags": [(271, 2, 0, "NIKON CORPORATION", True)]},
            "camera raw (NIKON CORPORATION)",
        ),
        (card().astype(np.uint16), {"photometric": 34892}, "camera raw"),
        (card(), {"extratags": [(50706, 1, 4, (1, 4, 0, 0), True)]}, "camera raw (DNG)"),
        (np.dstack([255 - card(), card()[..., 0]]), {"photometric": "separated", "extratags": [(332, 3, 1, 2, True)]},
         "inks"),
        ((card() / 255).astype(np.float32), {}, "8 or 16 bit"),
        ((card() / 255).astype(np.float16), {}, "8 or 16 bit"),
        (card().astype(np.uint32), {}, "8 or 16 bit"),
        (card()[..., 0].astype(np.int16), {"photometric": "minisblack"}, "8 or 16 bit"),
        (np.dstack([card(), card()]), {"photometric": "minisblack", "planarconfig": "contig"}, "6 channels"),
    ],
)  # fmt: skip
def test_tiffs_that_are_refused_by_name(samples: NDArray, options: dict[str, object], part: str) -> None:
    with pytest.raises(InputError) as error:
        decode_picture(tiff(samples, **options), name="a.tif")
    one_line(error, "a.tif", part)
    assert "damaged" not in str(error.value)


def with_tag(data: bytes, tag: int, old: int, new: int) -> bytes:
    place = data.index(struct.pack("<HHIH", tag, 3, 1, old)) + 8
    return data[:place] + struct.pack("<H", new) + data[place + 2 :]


@pytest.mark.parametrize(
    ("compression", "part"),
    [
        (6, "old-style JPEG"),
        (34887, "LERC"),
        (34925, "LZMA"),
        (50000, "ZSTD"),
        (50002, "JPEG XL"),
        (34712, "JPEG 2000"),
        (34661, "JBIG"),
        (9999, "compression 9999"),
        (34713, "camera raw (Nikon NEF)"),
        (32767, "camera raw (Sony ARW)"),
        (1, ""),
    ],
)
def test_codecs_that_are_not_built_in_are_named(compression: int, part: str) -> None:
    data = with_tag(tiff(card()), 259, 1, compression)
    if not part:
        assert (shown_of(data) == card()).all()
        return
    with pytest.raises(InputError) as error:
        decode_picture(data, name="a.tif")
    one_line(error, "a.tif", part)
    assert "get it again" not in str(error.value)


def test_odd_depths_are_named() -> None:
    data = with_tag(tiff(card()[..., 0], photometric="minisblack"), 258, 8, 12)
    with pytest.raises(InputError) as error:
        decode_picture(data, name="a.tif")
    one_line(error, "12 bits a channel")


# ------------------------------------------------------------------------------------------ other kinds


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"BM" + bytes(60), "BMP"),
        (b"8BPS\0\1", "Photoshop"),
        (b"\xff\x0a\0\0", "JPEG XL"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
        (b"%PDF-1.7", "PDF"),
        (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg">', "SVG"),
        (b"v/1\x01\2\0\0\0", "OpenEXR"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1", "camera raw (Canon CR3)"),
        (b"FUJIFILMCCD-RAW 0201", "camera raw (Fujifilm RAF)"),
        (b"IIRO\x08\0\0\0", "camera raw (Olympus ORF)"),
        (b"IIU\0\x18\0\0\0", "camera raw (Panasonic RW2)"),
        (b"FOVb\0\0\2\0", "camera raw (Sigma X3F)"),
        (b"II*\0\x10\0\0\0CR\2\0" + bytes(100), "camera raw (Canon CR2)"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0", "film"),
        (b"\x1aE\xdf\xa3\1\0\0\0", "film"),
    ],
)
def test_files_of_other_kinds_are_named(head: bytes, name: str) -> None:
    with pytest.raises(InputError) as error:
        decode_picture(head, name="what.jpg")
    one_line(error, "what.jpg", name)
    assert ("develop it" in str(error.value)) == ("raw" in name)


# ------------------------------------------------------------------------------------- damage, notices


def test_a_transparent_photo_is_noticed() -> None:
    nothing = np.dstack([card(), np.zeros_like(card()[..., :1])])
    picture = decode_picture(encoded("PNG", nothing))
    assert "transparent everywhere" in "".join(picture.notices)
    nothing[0, 0, 3] = 1
    assert decode_picture(encoded("PNG", nothing)).notices == ()


@pytest.mark.parametrize("loader", ["png", "jpeg", "heif", "tiff", "gif", "webp"])
def test_damaged_files_say_something_or_nothing(loader: str) -> None:
    generator = random.Random(loader)
    names = {"png": "cicp-pq.png", "jpeg": "gain-map.jpg", "heif": "nclx-pq.avif"}
    data = FILES[names[loader]]() if loader in names else tiff(card())
    for length in range(0, min(len(data), 400), 7):
        read_declared(loader, data[:length])
    for _ in range(400):
        damaged = bytearray(data)
        for _ in range(6):
            damaged[generator.randrange(min(len(data), 500))] = generator.choice([0, 1, 127, 128, 255])
        read_declared(loader, bytes(damaged))


def test_notices_go_with_a_run_and_a_picture_of_pillow(tmp_path: Path, quick: dict[str, object]) -> None:
    import impasto

    (tmp_path / "hdr.png").write_bytes(FILES["cicp-pq.png"]())
    assert "HDR" in "".join(load_picture(tmp_path / "hdr.png").notices)
    pastiche = impasto.paint(tmp_path / "hdr.png", card(), **quick)
    assert any(notice.startswith("hdr.png: ") for notice in pastiche.notices)


def test_gamma_of_a_pillow_image_counts(tmp_path: Path) -> None:
    from impasto.images.in_memory import picture_in_memory

    (tmp_path / "a.png").write_bytes(FILES["gamma-chromaticities.png"]())
    with Image.open(tmp_path / "a.png") as image:
        picture = picture_in_memory(image)
    assert isinstance(picture, Picture)
    assert (picture.samples == load_picture(tmp_path / "a.png").samples).all()
    with pytest.raises(InputError) as error:
        picture_in_memory(Image.fromarray(card()).convert("LAB"))
    one_line(error, "CIELAB")


def test_what_pillow_heif_cannot_be_had_for_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    file = io.BytesIO()
    pillow_heif.from_pillow(Image.fromarray(card())).save(file, format="HEIF")
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(InputError) as error:
        decode_picture(file.getvalue(), name="phone.heic")
    one_line(error, "phone.heic", "HEIC")


def test_the_card_is_what_its_values_say() -> None:
    assert (squares(card()) == CARD).all()
    assert set(CHROMIUM) == set(FILES)
