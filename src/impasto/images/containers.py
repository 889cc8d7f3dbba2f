"""What picture files say of themselves beside what libvips passes on.

That is the meaning of colours, which page is the picture, which channel is opacity, and what cannot be read.

Everything here comes from strangers: counts and places are checked, and what is damaged counts as not said.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from mmap import mmap
from typing import Final

from impasto.images.color_meaning import (
    BT709,
    SRGB,
    Chromaticities,
    ColorMeaning,
    are_primaries,
    meaning_of,
)
from impasto.images.tiff_tags import Tags, iter_directories, read_directory

Bytes = bytes | mmap
FOUND_BY_VIPS = -1
LIMIT = 4096  # chunks, boxes and directories that are looked at

HDR_NOTICE = "its light above white (HDR) is reduced to that of an ordinary screen"
GAIN_MAP_NOTICE = "it has a gain map for HDR screens; its base picture is read, as on an ordinary screen"
UNKNOWN_NOTICE = "its colours have a meaning that is not known here (H.273 code points {}); they are read as sRGB"
EXTRA_NOTICE = "its channel {} is not marked as opacity, and is left out"


@dataclass(frozen=True)
class Declared:
    """What a file says.

    Attributes
    ----------
    meaning: of its colours, before any profile; None where the profile decides, or nobody.
    code_points: of H.273, where they say it: primaries and transfer.
    narrow: whether black is 16 and white 235 of 255, as in television (PNG alone; others are decoded to full range).
    notices: what a person should know.
    options: for libvips: which page or directory is the picture.
    alpha_band: where opacity is, counted from 0; None: nowhere.
    premultiplied: whether colours are multiplied by opacity, and libvips leaves them so.
    luma_weights: the colours are YCbCr of these, from black to white at `reference`.
    refused: why the file cannot be read; empty: it can, or decoding will tell.
    codec: what its data are packed by, where that is seldom built in.
    """

    meaning: ColorMeaning | None = None
    code_points: tuple[int, int] | None = None
    narrow: bool = False
    notices: tuple[str, ...] = ()
    options: Mapping[str, int] = field(default_factory=dict)
    alpha_band: int | None = FOUND_BY_VIPS
    premultiplied: bool = False
    luma_weights: tuple[float, float] | None = None
    reference: tuple[float, ...] = (0, 255, 128, 255, 128, 255)
    refused: str = ""
    codec: str = ""


def read_declared(loader: str, data: Bytes) -> Declared:
    """What a file says, by the name of its loader."""
    read = {"png": _read_png, "jpeg": _read_jpeg, "heif": _read_heif, "tiff": _read_tiff}.get(loader)
    try:
        return read(data) if read else Declared()
    except (struct.error, IndexError, ValueError, OverflowError):
        return Declared()  # damaged; decoding will tell


# -------------------------------------------------------------------------------- files of other kinds

_OTHERS: Final = {  # by the first bytes of a file
    rb"BM": "BMP",
    rb"8BPS": "Photoshop",
    rb"\xff\x0a|\0\0\0\x0cJXL ": "JPEG XL",
    rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51": "JPEG 2000",
    rb"%PDF": "PDF",
    rb"%!PS": "PostScript",
    rb"\s*(<\?xml.{0,400})?<svg": "SVG",
    rb"v/1\x01": "OpenEXR",
    rb"#\?(RADIANCE|RGBE)": "Radiance HDR",
    rb"\0\0\x01\0": "icon",
    rb"P[1-7]\s": "Netpbm",
    rb"DDS ": "DDS",
    rb"gimp xcf": "GIMP",
    rb"....ftypcrx": "camera raw (Canon CR3)",
    rb"FUJIFILMCCD-RAW": "camera raw (Fujifilm RAF)",
    rb"IIR[OS]\x08|MMOR": "camera raw (Olympus ORF)",
    rb"IIU\0": "camera raw (Panasonic RW2)",
    rb"FOVb": "camera raw (Sigma X3F)",
    rb"\0MRM": "camera raw (Minolta MRW)",
    rb"....ftyp|\x1aE\xdf\xa3|RIFF....AVI ": "film",
}
RAW_ADVICE = "develop it in a program for camera raws, such as darktable, and give the TIFF or JPEG that it saves"


def name_other(head: bytes) -> str:
    """What kind of file begins so, of those that are not read; empty for one that is not known."""
    return next((name for pattern, name in _OTHERS.items() if re.match(pattern, head, re.DOTALL)), "")


# ------------------------------------------------------------------------------------------------- PNG


def _read_png(data: Bytes) -> Declared:
    """cICP before iCCP before sRGB before gAMA and cHRM, as PNG (third edition, 4.3) has it."""
    chunks = dict(_iter_chunks(data))
    if len(code_points := chunks.get(b"cICP", b"")) == 4:
        return replace(_by_code_points(code_points[0], code_points[1]), narrow=code_points[3] == 0)
    if b"iCCP" in chunks:
        return Declared()
    gamma = int.from_bytes(chunks.get(b"gAMA", b""))
    if b"sRGB" in chunks or not 10_000 <= gamma <= 1_000_000:
        return Declared(SRGB)  # chromaticities alone say nothing: every program ignores them
    primaries = BT709
    if len(white_and_colours := chunks.get(b"cHRM", b"")) == 32:
        numbers = [number / 100_000 for number in struct.unpack(">8I", white_and_colours)]
        said: Chromaticities = (*numbers,)
        primaries = said if are_primaries(said) else BT709
    if primaries == BT709 and abs(gamma - 45_455) <= 1:
        return Declared(SRGB)  # what writers of sRGB put there for readers of old
    return Declared(ColorMeaning(primaries, 100_000 / gamma))


def _iter_chunks(data: Bytes) -> Iterator[tuple[bytes, bytes]]:
    """The chunks that say what colours are: before the pixels."""
    place = 8
    for _ in range(LIMIT):
        length, name = struct.unpack_from(">I4s", data, place)
        if name in (b"IDAT", b"IEND"):
            return
        if name in (b"cICP", b"iCCP", b"sRGB", b"gAMA", b"cHRM"):
            yield name, bytes(data[place + 8 : place + 8 + min(length, 32)])
        place += 12 + length


def _by_code_points(primaries: int, transfer: int) -> Declared:
    meaning = meaning_of(primaries, transfer)
    said = primaries, transfer
    if meaning is None:
        return Declared(SRGB, said, notices=(UNKNOWN_NOTICE.format(f"{primaries} and {transfer}"),))
    return Declared(meaning, said, notices=(HDR_NOTICE,) * meaning.is_hdr)


# ------------------------------------------------------------------------------------------------ JPEG


def _read_jpeg(data: Bytes) -> Declared:
    gain_map = any(
        payload.startswith(b"urn:iso:std:iso:ts:21496:-1\0")
        or (payload.startswith(b"http://ns.adobe.com/xap/1.0/\0") and b"hdrgm:Version" in payload)
        for payload in _iter_segments(data)
    )
    return Declared(notices=(GAIN_MAP_NOTICE,) * gain_map)


def _iter_segments(data: Bytes) -> Iterator[bytes]:
    """What programs have put before the pixels (APP1 and APP2)."""
    place = 2
    for _ in range(LIMIT):
        marker, length = struct.unpack_from(">HH", data, place)
        if not 0xFFC0 <= marker < 0xFFFF or marker == 0xFFDA:
            return
        if marker in (0xFFE1, 0xFFE2):
            yield bytes(data[place + 4 : place + 2 + length])
        place += 2 + length


# ---------------------------------------------------------------------------------------- AVIF and HEIC


def _read_heif(data: Bytes) -> Declared:
    """The code points of the primary item (ISO/IEC 23008-12), where it has no profile.

    Where it has none its colours are sRGB, whatever its bitstream says (ISO/IEC 23000-22, 7.3.6.4).
    """
    meta = next((body for name, body in _iter_boxes(data, 0, len(data)) if name == b"meta"), None)
    if meta is None:
        return Declared()
    boxes = dict(_iter_boxes(data, meta[0] + 4, meta[1]))
    said = _primary_meaning(data, boxes)
    items, properties = (bytes(data[slice(*boxes.get(name, (0, 0)))][: 2**20]) for name in (b"iinf", b"iprp"))
    gain_map = b"tmap" in items or b"hdrgainmap" in properties  # ISO 21496-1; Apple
    references = _iter_boxes(data, boxes[b"iref"][0] + 4, boxes[b"iref"][1]) if b"iref" in boxes else ()
    return replace(
        said,
        notices=said.notices + (GAIN_MAP_NOTICE,) * gain_map,
        premultiplied=any(name == b"prem" for name, _ in references),
    )


def _primary_meaning(data: Bytes, boxes: Mapping[bytes, tuple[int, int]]) -> Declared:
    start, _ = boxes.get(b"pitm", (-1, 0))
    if start < 0 or b"iprp" not in boxes:
        return Declared()
    primary = struct.unpack_from(">I" if data[start] else ">H", data, start + 4)[0]
    parts = list(_iter_boxes(data, *boxes[b"iprp"]))
    colours = {}  # by the number of the property, which counts from 1
    for name, body in parts:
        if name == b"ipco":
            for number, (kind, (at, _)) in enumerate(_iter_boxes(data, *body), start=1):
                if kind == b"colr":
                    colours[number] = (bytes(data[at : at + 4]), at + 4)
    mine = [number for name, body in parts if name == b"ipma" for number in _properties_of(data, body[0], primary)]
    found = dict(colours[number] for number in mine if number in colours) or dict(colours.values())
    if b"prof" in found or b"rICC" in found or b"nclx" not in found:
        return Declared()
    return _by_code_points(*struct.unpack_from(">HH", data, found[b"nclx"]))


def _properties_of(data: Bytes, place: int, item: int) -> list[int]:
    """The numbers of an item's properties, from a box ``ipma``."""
    version, wide = data[place], data[place + 3] & 1
    (entries,) = struct.unpack_from(">I", data, place + 4)
    place += 8
    for _ in range(min(entries, LIMIT)):
        item_format = ">IB" if version else ">HB"
        number, count = struct.unpack_from(item_format, data, place)
        place += struct.calcsize(item_format)
        associations = struct.unpack_from(f">{count}{'H' if wide else 'B'}", data, place)
        place += count * (1 + wide)
        if number == item:
            return [association & (0x7FFF if wide else 0x7F) for association in associations]
    return []


def _iter_boxes(data: Bytes, start: int, end: int) -> Iterator[tuple[bytes, tuple[int, int]]]:
    """Names of boxes, and where their bodies begin and end."""
    for _ in range(LIMIT):
        if start + 8 > end:
            return
        size, name = struct.unpack_from(">I4s", data, start)
        header = 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, start + 8)
            header = 16
        size = size or end - start
        if size < header:
            return
        yield name, (start + header, min(start + size, end))
        start += size


# ------------------------------------------------------------------------------------------------ TIFF

_PHOTOMETRICS: Final = {
    4: "a transparency mask",
    8: "CIELAB",
    9: "ICCLAB",
    10: "ITULAB",
    32844: "LogL",
    32845: "LogLuv",
}
_CODECS: Final = {
    6: "old-style JPEG",
    32809: "ThunderScan",
    33003: "JPEG 2000",
    33004: "JPEG 2000",
    33005: "JPEG 2000",
    34661: "JBIG",
    34676: "SGI LogLuv",
    34677: "SGI LogLuv",
    34712: "JPEG 2000",
    34887: "LERC",
    34892: "lossy JPEG of camera raws",
    34925: "LZMA",
    34933: "PNG",
    50000: "ZSTD",
    50001: "WebP",
    50002: "JPEG XL",
    52546: "JPEG XL",
}
_COMMON_CODECS: Final = (1, 2, 3, 4, 5, 7, 8, 32773, 32946)
_RAW_CODECS: Final = {34713: "Nikon NEF", 32767: "Sony ARW", 32769: "Epson ERF", 32770: "Samsung SRW", 65000: "Kodak"}
_REDUCED: Final = 1  # bits of NewSubfileType
_MASK: Final = 4


def _read_tiff(data: Bytes) -> Declared:
    pages = list(iter_directories(data))
    inner = [[read_directory(data, place)[0] for place in page.get(330, ())[:16]] for page in pages[:16]]
    if raw := _raw_name(data, [*pages, *(tags for page in inner for tags in page)]):
        return Declared(refused=f"it is a camera raw ({raw}); {RAW_ADVICE}")
    page = next((number for number, tags in enumerate(pages) if _is_whole(tags)), None)
    if page is not None:
        return _read_tags(pages[page], {"page": page} if page else {})
    for number, tags in enumerate(inner[0] if inner else []):
        if _is_whole(tags):
            return _read_tags(tags, {"page": 0, "subifd": number})
    return _read_tags(pages[0], {}) if pages else Declared()


def _is_whole(tags: Tags) -> bool:
    """Whether it is neither a reduced copy of another page nor a mask for one."""
    kind = tags.get(254, (0,))[0]
    return bool(tags) and not kind & (_REDUCED | _MASK) and tags.get(255, (1,))[0] != 2


def _raw_name(data: Bytes, directories: list[Tags]) -> str:
    if bytes(data[8:10]) == b"CR" and bytes(data[:2]) == b"II":
        return "Canon CR2"
    make = next((tags[271][0] for tags in directories if 271 in tags), "")
    for tags in directories:
        if 50706 in tags:
            return "DNG"
        if tags.get(259, (1,))[0] in _RAW_CODECS:
            return _RAW_CODECS[tags[259][0]]
        if tags.get(262, (1,))[0] in (32803, 34892):  # the mosaic of a sensor, its light
            return make or "the mosaic of a sensor"
    return ""


def _read_tags(tags: Tags, options: Mapping[str, int]) -> Declared:
    """What the picture's directory says: its photometric, bits, codec and channels."""
    photometric, compression = tags.get(262, (2,))[0], tags.get(259, (1,))[0]
    bits, samples = set(tags.get(258, (1,))), tags.get(277, (1,))[0]
    codec = "" if compression in _COMMON_CODECS else _CODECS.get(compression, f"compression {compression}")
    refused = ""
    if photometric in _PHOTOMETRICS:
        refused = f"its colours are {_PHOTOMETRICS[photometric]}; save it as RGB, grey or CMYK"
    elif len(bits) > 1 or not bits & {1, 2, 4, 8, 16, 32, 64}:
        refused = f"it has {' and '.join(map(str, sorted(bits)))} bits a channel; save it with 8 or 16"
    elif photometric == 5 and tags.get(332, (1,))[0] != 1:
        refused = "its inks are not those of CMYK; save it as CMYK or RGB"
    elif photometric < 2 and samples > 2:
        refused = f"it has {samples} channels, and does not say which colours they are; save it as RGB"
    weights = None
    if photometric == 6 and compression not in (6, 7):  # JPEG is turned to RGB where it is decoded
        if tags.get(530, (2, 2)) != (1, 1) or bits != {8} or samples != 3:
            refused = "it is YCbCr with colours of fewer pixels, packed otherwise than by JPEG; save it as RGB"
        red, green, blue = tags.get(529, (0.299, 0.587, 0.114))[:3]
        weights = (red, blue) if min(red, green, blue) > 0 else (0.299, 0.114)
    own: int = {0: 1, 1: 1, 2: 3, 3: 1, 5: 4, 6: 3}.get(photometric) or samples
    kinds = (*tags.get(338, ()), *[0] * LIMIT)[: max(0, samples - own)]
    alpha = next((own + place for place, kind in enumerate(kinds) if kind in (1, 2)), None)
    left_out = (
        "" if photometric == 3 else ", ".join(str(own + place + 1) for place, kind in enumerate(kinds) if not kind)
    )
    return Declared(
        notices=(EXTRA_NOTICE.format(left_out),) * bool(left_out),
        options=options,
        alpha_band=alpha if kinds else FOUND_BY_VIPS,
        luma_weights=weights,
        reference=_reference(tags),
        refused=refused,
        codec=codec,
    )


def _reference(tags: Tags) -> tuple[float, ...]:
    """Black and white of Y, Cb and Cr."""
    said = tags.get(532, ())
    sound = len(said) == 6 and all(white > black for black, white in zip(said[::2], said[1::2], strict=True))
    return said if sound else Declared.reference
