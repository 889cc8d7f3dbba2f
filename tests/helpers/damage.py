"""Damaged picture files: number i of a seeded series is always the same file.

An even number is damaged behind a sound header, so that it is refused only once its pixels are decoded; an odd
one in any other way that we could think of. `write_damaged(index, folder)` writes it and says what it is.
"""

from __future__ import annotations

import io
import os
import random
import re
import socket
import struct
import warnings
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pyvips
from PIL import Image, ImageCms

PNG_START = b"\x89PNG\r\n\x1a\n"
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description xmlns:i="urn:impasto:record:1"><i:record>%s</i:record></rdf:Description></rdf:RDF></x:xmpmeta>'
)

# ------------------------------------------------------------------------------------- sound files


@cache
def sound_files() -> dict[str, bytes]:
    """Small sound pictures by "<suffix> <what it is>": every format, 8 and 16 bit, with profile, EXIF and XMP."""
    rows, columns = np.mgrid[0:72, 0:90]
    grain = np.random.default_rng(0).integers(0, 40, (72, 90, 3))
    pixels = (np.stack([rows * 2, columns * 2, rows + columns], axis=-1) + grain).astype(np.uint8)
    image = Image.fromarray(pixels)
    exif = Image.Exif()
    exif[0x013B], exif[0x0112], exif[0x0132] = "Ann", 6, "2001:02:03 04:05:06"
    exif.get_ifd(0x8769)[0x9003] = "2020:01:02 03:04:05"
    beside = {"exif": exif.tobytes(), "icc_profile": _profile(swapped=True), "xmp": XMP % b"{}"}
    files = {}

    def add(name: str, kind: str, mode: str = "RGB", **options: object) -> None:
        stream = io.BytesIO()
        image.convert(mode).save(stream, kind, **options)
        files[name] = stream.getvalue()

    for mode in ("RGB", "RGBA", "L", "LA", "P", "1"):
        add(f"png {mode}", "PNG", mode)
    add("png with all", "PNG", **beside)
    for name, options in {
        "baseline": {},
        "progressive": {"progressive": True},
        "with all": beside,
        "restarts": {"restart_marker_rows": 1},
    }.items():
        add(f"jpg {name}", "JPEG", **options)
    add("jpg grey", "JPEG", "L")
    add("jpg CMYK", "JPEG", "CMYK")
    add("webp lossy", "WEBP", **beside)
    add("webp lossless", "WEBP", lossless=True)
    add("webp alpha", "WEBP", "RGBA")
    add("webp animated", "WEBP", save_all=True, append_images=[image.rotate(90), image.rotate(180)], duration=50)
    for compression in ("raw", "tiff_lzw", "tiff_adobe_deflate", "jpeg", "packbits"):
        add(f"tif {compression}", "TIFF", compression=compression)
    add("tif with all", "TIFF", **{k: v for k, v in beside.items() if k != "xmp"})
    add("tif CMYK", "TIFF", "CMYK")
    add("tif pages", "TIFF", save_all=True, append_images=[image.resize((20, 30))])
    add("gif still", "GIF", "P")
    add("gif animated", "GIF", "P", save_all=True, append_images=[image.rotate(n).convert("P") for n in range(9)])
    add("avif lossy", "AVIF", **beside)
    add("avif alpha", "AVIF", "RGBA", quality=60)
    deep = pyvips.Image.new_from_memory((pixels.astype(np.uint16) * 257).tobytes(), 90, 72, 3, "ushort")
    deep = deep.copy(interpretation="rgb16")
    deep.set_type(pyvips.GValue.blob_type, "icc-profile-data", _profile(swapped=True))
    for name, options in {
        "png 16": {},
        "png 16 interlaced": {"interlace": True},
        "tif 16": {"compression": "deflate"},
        "tif 16 tiled": {"tile": True, "tile_width": 32, "tile_height": 32, "bigtiff": True},
        "avif 10": {"bitdepth": 10, "effort": 0},
        "avif 12": {"bitdepth": 12, "lossless": True, "effort": 0},
    }.items():
        files[name] = deep.write_to_buffer("." + name.split()[0], **options)
    files |= _heic_files(image)
    return files


def _heic_files(image: Image.Image) -> dict[str, bytes]:
    """HEIC, where its writer is there: with it this many more files are HEIC."""
    try:
        import pillow_heif
    except ImportError:
        return {}
    stream, deep = io.BytesIO(), io.BytesIO()
    pillow_heif.from_pillow(image).save(stream, quality=80, format="HEIF")
    samples = np.asarray(image).astype(np.uint16) * 257
    pillow_heif.from_bytes(mode="RGB;16", size=image.size, data=samples.tobytes()).save(deep, quality=80)
    return {"heic 8": stream.getvalue(), "heic 10": deep.getvalue()}


def _profile(*, swapped: bool = False) -> bytes:
    """An sRGB profile; `swapped`: one that exchanges red and blue."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    if swapped:
        for entry in range(132, 132 + 12 * int.from_bytes(profile[128:132], "big"), 12):
            tag = bytes(profile[entry : entry + 4])
            profile[entry : entry + 4] = {b"rXYZ": b"bXYZ", b"bXYZ": b"rXYZ"}.get(tag, tag)
    return bytes(profile)


def body_start(name: str, data: bytes) -> int:
    """Where a sound file's header ends and its coded pixels begin."""
    suffix = name.split()[0]
    if suffix == "png":
        return data.index(b"IDAT") + 4
    if suffix == "jpg":
        return data.index(b"\xff\xda") + 14
    if suffix == "webp":
        chunk = re.search(rb"VP8[ L]", data)
        assert chunk
        return chunk.end() + 4 + 10
    if suffix == "tif":
        image = Image.open(io.BytesIO(data))
        return int((image.tag_v2.get(273) or image.tag_v2[324])[0])
    if suffix == "gif":
        image_descriptor = re.search(rb"\x2c\0\0\0\0Z\0H\0", data)
        assert image_descriptor
        return image_descriptor.end() + 2
    return data.rindex(b"mdat") + 4


# ----------------------------------------------------------------------- damage of the coded pixels


def damage_body(random_state: random.Random, name: str, data: bytes) -> tuple[str, bytes]:
    """Damage behind a sound header; in a PNG the checksums are set right, so that the damage goes deeper."""
    start, stop = body_start(name, data), len(data)
    if name.startswith("png") and random_state.random() < 0.7:
        return _damage_png_body(random_state, data)
    kinds = ["flips", "flips", "zeros", "noise"]
    if name.startswith("tif"):  # its folder of tags may come last, and has to stay where it is
        tags = Image.open(io.BytesIO(data)).tag_v2
        stop = start + sum(tags.get(279) or tags[325])
    elif name.startswith(("png", "jpg", "gif")):  # the headers of the others tell the length
        kinds += ["cut", "gone", "twice"]
    what = random_state.choice(kinds)
    return what, data[:start] + damaged_bytes(random_state, what, data[start:stop]) + data[stop:]


def damaged_bytes(random_state: random.Random, what: str, data: bytes) -> bytes:
    place = random_state.randrange(max(1, len(data)))
    length = random_state.randint(1, max(1, len(data) // 4))
    if what == "cut":
        return data[:place]
    if what in ("zeros", "noise"):
        length = min(length, len(data) - place)
        instead = bytes(length) if what == "zeros" else random_state.randbytes(length)
        return data[:place] + instead + data[place + length :]
    if what == "gone":
        return data[:place] + data[place + length :]
    if what == "twice":
        return data[: place + length] + data[place:]
    damaged = bytearray(data)
    for _ in range(random_state.choice([1, 1, 2, 5, 20]) if data else 0):
        damaged[random_state.randrange(len(data))] ^= 1 << random_state.randrange(8)
    return bytes(damaged)


def png_chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png_chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    chunks, place = [], len(PNG_START)
    while place < len(data):
        (length,) = struct.unpack_from(">I", data, place)
        chunks.append((data[place + 4 : place + 8], data[place + 8 : place + 8 + length]))
        place += 12 + length
    return chunks


def _damage_png_body(random_state: random.Random, data: bytes) -> tuple[str, bytes]:
    chunks = png_chunks(data)
    packed = b"".join(body for name, body in chunks if name == b"IDAT")
    what = random_state.choice(["stream", "filters", "too few rows", "too many rows", "empty", "split"])
    rows = zlib.decompress(packed)
    if what == "stream":
        packed = damaged_bytes(random_state, "flips", packed)
    elif what == "filters":
        packed = zlib.compress(damaged_bytes(random_state, "noise", rows))
    elif what == "too few rows":
        packed = zlib.compress(rows[: random_state.randrange(len(rows))])
    elif what == "too many rows":
        packed = zlib.compress(rows * random_state.choice([2, 50]))
    pieces = [packed]
    if what == "empty":
        pieces = [b""] * random_state.choice([1, 5000])
    elif what == "split":
        cuts = sorted(random_state.sample(range(1, len(packed)), 20))
        pieces = [packed[a:b] for a, b in zip([0, *cuts], [*cuts, len(packed)], strict=True)]
        pieces.pop(random_state.randrange(len(pieces)))
    first = next(index for index, chunk in enumerate(chunks) if chunk[0] == b"IDAT")
    kept = [chunk for chunk in chunks if chunk[0] != b"IDAT"]
    kept[first:first] = [(b"IDAT", piece) for piece in pieces]
    return f"PNG {what}", PNG_START + b"".join(png_chunk(*chunk) for chunk in kept)


# ------------------------------------------------------------------------------- damage of all else


def _any_bytes(random_state: random.Random, name: str, data: bytes) -> tuple[str, bytes]:
    what = random_state.choice(["cut", "flips", "zeros", "noise", "gone", "twice"])
    return what, damaged_bytes(random_state, what, data)


def _header_bytes(random_state: random.Random, name: str, data: bytes) -> tuple[str, bytes]:
    """Damage before the coded pixels; a PNG's checksums are set right again, half of the time."""
    start = min(body_start(name, data), 4096)
    what = random_state.choice(["flips", "flips", "zeros", "noise", "gone"])
    damaged = damaged_bytes(random_state, what, data[:start]) + data[start:]
    if name.startswith("png") and random_state.random() < 0.5:
        chunks = png_chunks(data)
        at = random_state.randrange(len(chunks))
        chunks[at] = (chunks[at][0], damaged_bytes(random_state, what, chunks[at][1]))
        damaged = PNG_START + b"".join(png_chunk(*chunk) for chunk in chunks)
    return f"header {what}", damaged


def _other_name(random_state: random.Random, name: str, data: bytes) -> tuple[str, bytes]:
    """A sound or damaged file under any name; see `write_damaged`, which chooses the suffix."""
    if random_state.random() < 0.5:
        return "sound", data
    return _any_bytes(random_state, name, data)


SIDES = [0, 1, 91, 500, 9_000, 15_000, 16_383, 40_000, 65_535, 2**31 - 1, 2**32 - 1]


def _giant(random_state: random.Random, name: str, data: bytes) -> tuple[str, bytes]:
    """Other sides declared than the pixels have, up to as many as the format can say."""
    suffix = name.split()[0]
    width, height = random_state.choice(SIDES[2:]), random_state.choice(SIDES)
    damaged = bytearray(data)
    if suffix == "png":
        struct.pack_into(">II", damaged, 16, width, height)
        struct.pack_into(">I", damaged, 29, zlib.crc32(damaged[12:29]))
    elif suffix == "jpg":
        place = next(m.start() for m in re.finditer(rb"\xff[\xc0\xc1\xc2]\0.\x08", data, re.DOTALL))
        struct.pack_into(">HH", damaged, place + 5, height & 0xFFFF, width & 0xFFFF)
    elif suffix == "webp":
        _giant_webp(damaged, width, height)
    elif suffix == "gif":
        for place in {6, body_start(name, data) - 6} if random_state.random() < 0.7 else {6}:
            struct.pack_into("<HH", damaged, place, width & 0xFFFF, height & 0xFFFF)
    elif suffix == "tif":
        _giant_tiff(random_state, damaged, width, height)
    else:
        for box in re.finditer(rb"ispe\0\0\0\0", data):
            struct.pack_into(">II", damaged, box.end(), width, height)
    return f"giant {width} x {height}", bytes(damaged)


def _giant_webp(damaged: bytearray, width: int, height: int) -> None:
    if (canvas := damaged.find(b"VP8X")) >= 0:
        damaged[canvas + 12 : canvas + 18] = (
            struct.pack("<I", (width - 1) & 0xFFFFFF)[:3] + struct.pack("<I", (height - 1) & 0xFFFFFF)[:3]
        )
    if (lossless := damaged.find(b"VP8L")) >= 0:
        (bits,) = struct.unpack_from("<I", damaged, lossless + 9)
        sides = ((width - 1) & 0x3FFF) | ((height - 1) & 0x3FFF) << 14
        struct.pack_into("<I", damaged, lossless + 9, bits & ~0xFFFFFFF | sides)
    elif (lossy := damaged.find(b"VP8 ")) >= 0:
        struct.pack_into("<HH", damaged, lossy + 14, width & 0x3FFF, height & 0x3FFF)


TIFF_TAGS = {256: "width", 257: "height", 258: "bits", 259: "compression", 262: "colours", 277: "bands",
             278: "rows per strip", 279: "strip bytes", 273: "strips", 322: "tile width", 323: "tile height",
             284: "planes", 317: "predictor", 339: "sample format", 330: "sub-folders"}  # fmt: skip


def _giant_tiff(random_state: random.Random, damaged: bytearray, width: int, height: int) -> None:
    """Rewrite the sides or, half of the time, any other numbers of the first folder."""
    big = damaged[2] == 43
    layout, size, first = ("<HHQQ", 20, 8) if big else ("<HHII", 12, 2)
    (folder,) = struct.unpack_from("<Q" if big else "<I", damaged, 8 if big else 4)
    (count,) = struct.unpack_from("<Q" if big else "<H", damaged, folder)
    chosen = {256: width, 257: height}
    if random_state.random() < 0.5:
        number = random_state.choice([0, 1, 2, 8, 16, 32, 255, 65_535, 2**20, 2**31 - 1])
        chosen = dict.fromkeys(random_state.sample(list(TIFF_TAGS), 2), number)
    for entry in range(folder + first, folder + first + size * count, size):
        tag, kind, number, _ = struct.unpack_from(layout, damaged, entry)
        if tag in chosen:
            kind, limit = (3, 0xFFFF) if random_state.random() < 0.2 else (4, 0xFFFFFFFF)
            number = random_state.choice([number, 1])
            struct.pack_into(layout, damaged, entry, tag, kind, number, chosen[tag] & limit)


def _wrong_profile(random_state: random.Random, name: str, data: bytes) -> tuple[str, bytes]:
    """A profile that is damaged, of other colours, of another kind, or no profile at all."""
    profile, what = bytearray(_profile(swapped=True)), random_state.choice(
        ["flips", "cut", "noise", "class", "tags", "size", "CMYK", "Lab", "text", "long"]
    )  # fmt: skip
    if what in ("flips", "cut", "noise"):
        profile = bytearray(damaged_bytes(random_state, what, bytes(profile)))
    elif what == "class":
        profile[12:16] = random_state.choice([b"link", b"nmcl", b"abst", b"scnr", b"spac", b"????"])
    elif what == "tags":
        struct.pack_into(">I", profile, 128, random_state.choice([0, 100, 2**31, 2**32 - 1]))
        struct.pack_into(">II", profile, 136, random_state.choice([0, 2**31]), random_state.choice([0, 2**32 - 1]))
    elif what == "size":
        struct.pack_into(">I", profile, 0, random_state.choice([0, 127, 2**32 - 1]))
    elif what in ("CMYK", "Lab"):
        profile[16:20] = what.encode().ljust(4)
    elif what == "text":
        profile = bytearray(b"this is no profile, whatever was written before it")
    else:
        profile += random_state.randbytes(2**18)
    return f"profile {what}", _saved(random_state, name, icc_profile=bytes(profile))


def _wrong_metadata(random_state: random.Random, name: str, data: bytes) -> tuple[str, bytes]:
    """EXIF and XMP that are damaged, endless, deep, or of other bytes than text."""
    exif = Image.Exif()
    exif[0x013B], exif[0x0112] = "Ann", random_state.choice([0, 5, 9, 65_535])
    exif.get_ifd(0x8769)[0x9003] = "2020:01:02 03:04:05"
    whole = exif.tobytes()
    start = whole.index(b"II*\0") if b"II*\0" in whole else whole.index(b"MM\0*")
    order = "<" if whole[start : start + 2] == b"II" else ">"
    looped = bytearray(whole)
    struct.pack_into(f"{order}I", looped, start + 4, random_state.choice([8, 0, 2**32 - 1, len(whole)]))
    struct.pack_into(f"{order}H", looped, start + 8, 65_535)
    exifs = {
        "loop": bytes(looped),
        **{what: damaged_bytes(random_state, what, whole) for what in ("flips", "noise", "cut", "twice")},
    }
    xmps = {
        "cut": (XMP % b"{}")[: random_state.randrange(200)],
        "flips": damaged_bytes(random_state, "flips", XMP % b'{"format_version": 1}'),
        "no text": random_state.randbytes(300),
        "UTF-16": (XMP % b"{}").decode().encode("utf-16"),
        "deep": XMP % (b"<a>" * 5_000 + b"</a>" * 5_000),
        "deep record": XMP % (b"[" * 20_000),
        "digits": XMP % (b'{"format_version": ' + b"9" * 10_000 + b"}"),
        "entities": b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>' + XMP % b"&b;",
        "surrogates": XMP % b'{"format_version": 1, "impasto": "\\ud800\\u001b[2J"}',
    }
    exif_name, xmp_name = random_state.choice(list(exifs)), random_state.choice(list(xmps))
    return f"EXIF {exif_name}, XMP {xmp_name}", _saved(random_state, name, exif=exifs[exif_name], xmp=xmps[xmp_name])


def _saved(random_state: random.Random, name: str, **beside: bytes) -> bytes:
    """A small sound picture in the format of `name` with things beside its pixels."""
    kind = {"jpg": "JPEG", "tif": "TIFF", "heic": "PNG"}.get(name.split()[0], name.split()[0].upper())
    mode = random_state.choice(["RGB", "L"]) if kind in ("PNG", "JPEG", "TIFF") else "RGB"
    colours = tuple(random_state.randbytes(3))
    stream = io.BytesIO()
    if kind == "TIFF":  # Pillow writes EXIF into TIFF only tag by tag
        beside.pop("exif", None)
    if kind == "GIF":
        kind = "WEBP"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow looks at the damaged EXIF that it is to write
        image = Image.new("RGB", (17, 11), colours).convert(mode)
        try:
            image.save(stream, kind, **beside)
        except (ValueError, SyntaxError, struct.error):  # for some formats it parses it first
            beside.pop("exif", None)
            image.save(stream, kind, **beside)
    return stream.getvalue()


def _spliced(random_state: random.Random, name: str, data: bytes) -> tuple[str, bytes]:
    """The head of one picture on the body of another."""
    other_name, other = random_state.choice(list(sound_files().items()))
    head = random_state.choice([len(data) // 2, body_start(name, data), 16, len(data)])
    return f"spliced onto {other_name}", data[:head] + other[random_state.choice([0, body_start(other_name, other)]) :]


# ------------------------------------------------------------------------------------------ bombs


def zeros_packed(length: int) -> bytes:
    """A zlib stream of (about) `length` zero bytes, made without compressing them all."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(bytes(2**20)) + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(bytes(2**20)) + packer.flush(zlib.Z_FULL_FLUSH)
    count = -(-length // 2**20)
    adler = (count * 2**20 % 65_521) << 16 | 1
    return b"\x78\xda" + block * count + packer.flush(zlib.Z_FINISH) + struct.pack(">I", adler)


def _png(width: int, height: int, bits: int, colours: int, *chunks: bytes, interlaced: bool = False) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, bits, colours, 0, 0, interlaced)
    return PNG_START + png_chunk(b"IHDR", header) + b"".join(chunks) + png_chunk(b"IEND", b"")


def _bomb(random_state: random.Random, name: str, data: bytes) -> tuple[str, bytes]:
    """Small files that unpack to very much."""
    small = png_chunk(b"IDAT", zlib.compress(bytes(10 * 31)))
    one_gb = random_state.choice([2**27, 2**30])
    what = random_state.choice(["pixels", "behind", "profile", "text", "XMP", "chunks", "WebP", "GIF"])
    if what == "pixels":
        side, bits = random_state.choice([9_000, 13_000, 15_800]), random_state.choice([8, 16])
        colours = random_state.choice([0, 2, 6])
        length = side * (1 + side * {0: 1, 2: 3, 6: 4}[colours] * bits // 8)
        interlaced = random_state.random() < 0.3
        what = f"{side} x {side}, {bits} bit, type {colours}, {interlaced=}"
        bomb = _png(side, side, bits, colours, png_chunk(b"IDAT", zeros_packed(length)), interlaced=interlaced)
    elif what == "behind":
        bomb = _png(10, 10, 8, 2, png_chunk(b"IDAT", zeros_packed(one_gb)))
    elif what == "profile":
        bomb = _png(10, 10, 8, 2, png_chunk(b"iCCP", b"bomb\0\0" + zeros_packed(one_gb)), small)
    elif what == "text":
        texts = [png_chunk(b"zTXt", b"key%d\0\0" % n + zeros_packed(2**26)) for n in range(16)]
        bomb = _png(10, 10, 8, 2, *texts, small)
    elif what == "XMP":
        packet = b"XML:com.adobe.xmp\0\1\0\0\0" + zeros_packed(one_gb)
        bomb = _png(10, 10, 8, 2, png_chunk(b"iTXt", packet), small)
    elif what == "chunks":
        bomb = _png(10, 10, 8, 2, *[png_chunk(b"tEXt", b"k\0v")] * 100_000, small)
    elif what == "WebP":  # of one colour only: no bits per pixel
        stream = io.BytesIO()
        Image.new("RGB", (64, 64), (9, 9, 9)).save(stream, "WEBP", lossless=True)
        damaged = bytearray(stream.getvalue())
        _giant_webp(damaged, random_state.choice([9_000, 16_383]), random_state.choice([9_000, 15_200]))
        bomb = bytes(damaged)
    else:
        frame = b"\x2c\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0"
        screen = struct.pack("<HH", *random_state.choice([(1, 1), (15_000, 15_000), (65_535, 3_000)]))
        bomb = b"GIF89a" + screen + b"\x80\0\0" + bytes(6) + frame * 50_000 + b";"
    return f"bomb {what}", bomb


# --------------------------------------------------------------------------------- what is no file


TEXTS = {
    "page": b"<!DOCTYPE html><html><body>404: not found</body></html>" * 20,
    "pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
    "empty": b"",
    "one byte": b"\x89",
    "SVG": b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"></svg>',
    "PDF": b"%PDF-1.4\n" + bytes(200),
    "zeros": bytes(5_000),
    "BMP": b"BM" + bytes(200),
    "PNG start": PNG_START,
    "JPEG start": b"\xff\xd8\xff\xe0",
    "TIFF start": b"II*\0\x08\0\0\0",
    "GIF start": b"GIF89a",
    "WebP start": b"RIFF\xff\xff\xff\x7fWEBPVP8X",
    "AVIF start": b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf",
    "HEIC start": b"\0\0\0\x1cftypheic\0\0\0\0mif1heicmiaf",
}


def _text(random_state: random.Random, name: str, data: bytes) -> tuple[str, bytes]:
    what = random_state.choice(list(TEXTS))
    return what, TEXTS[what]


def _write_no_file(random_state: random.Random, path: Path) -> str:
    """A folder, pipe, socket, link, or file of gigabytes (sparse: it takes no room) at `path`."""
    what = random_state.choice(["folder", "pipe", "socket", "zero", "null", "nowhere", "loop", "proc", "sparse"])
    links = {"zero": "/dev/zero", "null": "/dev/null", "nowhere": "/no/where.png", "loop": path.name}
    if what == "folder":
        path.mkdir()
    elif what == "pipe":
        os.mkfifo(path)
    elif what == "socket":
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(path))
    elif what == "proc":
        path.symlink_to(random_state.choice(["/proc/self/status", "/proc/kmsg", "/proc/kcore"]))
    elif what == "sparse":
        head = random_state.choice([*sound_files().values(), *TEXTS.values()])
        path.write_bytes(head)
        os.truncate(path, random_state.choice([2**29, 3 * 2**29, 2**32, 2**40]))
    else:
        path.symlink_to(links[what])
    return what


DAMAGES: dict[Callable[[random.Random, str, bytes], tuple[str, bytes]], int] = {
    _any_bytes: 20,
    _header_bytes: 25,
    _other_name: 8,
    _giant: 15,
    _wrong_profile: 8,
    _wrong_metadata: 8,
    _spliced: 6,
    _bomb: 4,
    _text: 3,
}


def write_damaged(index: int, folder: Path) -> tuple[Path, str]:
    """Write damaged file number `index` into `folder`; returns its path and what is wrong with it."""
    random_state = random.Random(index)
    files = sound_files()
    suffix = random_state.choice(sorted({name.split()[0] for name in files}))  # formats alike, not files
    name = random_state.choice([name for name in files if name.split()[0] == suffix])
    path = folder / f"{index:05}.{suffix}"
    if index % 2 == 0:
        what, data = damage_body(random_state, name, files[name])
    elif random_state.random() < 0.03:
        return path, _write_no_file(random_state, path)
    else:
        damage = random_state.choices(list(DAMAGES), list(DAMAGES.values()))[0]
        what, data = damage(random_state, name, files[name])
        if damage is _other_name or random_state.random() < 0.1:
            suffix = random_state.choice(["png", "jpg", "tif", "webp", "avif", "gif", "heic", "txt", "PNG", "v"])
            path = path.with_suffix(f".{suffix}")
    path.write_bytes(data)
    return path, f"{name}: {what}"
