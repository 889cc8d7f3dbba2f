"""EXIF and XMP, which a picture file carries beside its pixels: read and built.

libvips moves both as blobs; its own way of setting single EXIF texts loses accents and brackets.
"""

from __future__ import annotations

import io
import json
import mmap
import re
import struct
import warnings
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Final, cast
from xml.sax.saxutils import escape


@dataclass(frozen=True)
class PhotoMetadata:
    """Date, copyright and artist of a photograph. Nothing else is kept, its position least of all.

    Texts are brought to one printable line; an empty text, or a date of another form, becomes None.
    """

    date_taken: str | None = None  # as in EXIF: "YYYY:MM:DD HH:MM:SS"
    copyright: str | None = None
    artist: str | None = None

    def __post_init__(self) -> None:
        for name in ("date_taken", "copyright", "artist"):
            text = " ".join((getattr(self, name) or "").split())
            text = "".join(letter for letter in text if letter.isprintable())[:1000]
            object.__setattr__(self, name, text or None)
        if not re.fullmatch(r"\d{4}(:\d\d){2} \d\d(:\d\d){2}", self.date_taken or ""):
            object.__setattr__(self, "date_taken", None)


# What Pillow raises for EXIF that is damaged, or is none.
_DAMAGED: Final = (OSError, SyntaxError, ValueError, TypeError, LookupError, OverflowError, struct.error)
_EXIF_DATE_TAKEN, _EXIF_COPYRIGHT, _EXIF_ARTIST = 0x9003, 0x8298, 0x013B
_EXIF_DATE_OF_FILE: Final = 0x0132  # second choice for the date taken
_EXIF_SUB_IFD: Final = 0x8769  # holds the date taken
_EXIF_COLOR_SPACE, _EXIF_INTEROP_IFD = 0xA001, 0xA005
_EXIF_MAX_BYTES: Final = 2**25  # that are read in all; a few thousand hold everything that is kept

_XMP_NAMES: Final = {
    "x": "adobe:ns:meta/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "dc": "http://purl.org/dc/elements/1.1/",
    "exif": "http://ns.adobe.com/exif/1.0/",
    "impasto": "urn:impasto:record:1",
}
_XMP_PHOTO: Final = {"date_taken": "exif:DateTimeOriginal", "copyright": "dc:rights", "artist": "dc:creator"}


def read_metadata(exif: bytes | mmap.mmap, xmp: bytes) -> PhotoMetadata:
    """Read what is kept from an EXIF block, or a TIFF file, and from XMP what is not there.

    A TIFF file (mapped: it may be large) is laid out as an EXIF block is. libvips writes no EXIF to TIFF,
    hence XMP.
    """
    texts = _read_exif(exif)
    try:
        root = parse_xmp(xmp)
    except ValueError:
        root = ET.Element("none")  # somebody else's damaged XMP is no reason to refuse a photo
    for name, qualified in _XMP_PHOTO.items():
        text = xmp_property(root, qualified)
        if text and not texts.get(name):
            texts[name] = text[:19].replace("-", ":").replace("T", " ") if name == "date_taken" else text
    return PhotoMetadata(**texts)


def _read_exif(blob: bytes | mmap.mmap) -> dict[str, str]:
    """Read the texts that are kept from an EXIF block; a damaged one gives what could be read before the damage."""
    from PIL import Image

    exif = Image.Exif()
    texts: dict[int, object] = {}
    stream = io.BytesIO(blob.removeprefix(b"Exif\0\0")) if isinstance(blob, bytes) else blob
    with warnings.catch_warnings(), suppress(*_DAMAGED):
        warnings.simplefilter("ignore")  # Pillow warns of every damage
        exif.load_from_fp(cast("IO[bytes]", _BoundedStream(stream)))
        texts.update({tag: exif.get(tag) for tag in (_EXIF_COPYRIGHT, _EXIF_ARTIST, _EXIF_DATE_OF_FILE)})
        texts.update(exif.get_ifd(_EXIF_SUB_IFD))
    date = _exif_text(texts.get(_EXIF_DATE_TAKEN)) or _exif_text(texts.get(_EXIF_DATE_OF_FILE))
    copyright_, artist = (_exif_text(texts.get(tag)) for tag in (_EXIF_COPYRIGHT, _EXIF_ARTIST))
    return {"date_taken": date, "copyright": copyright_, "artist": artist}


def is_adobe_rgb(exif: bytes) -> bool:
    """Whether an EXIF block says that colours are Adobe RGB: by DCF 2.0, or as some cameras write it."""
    from PIL import Image

    block = Image.Exif()
    color_space = interoperability = None
    with warnings.catch_warnings(), suppress(*_DAMAGED):
        warnings.simplefilter("ignore")
        block.load_from_fp(cast("IO[bytes]", _BoundedStream(io.BytesIO(exif.removeprefix(b"Exif\0\0")))))
        color_space = block.get_ifd(_EXIF_SUB_IFD).get(_EXIF_COLOR_SPACE)
        interoperability = block.get_ifd(_EXIF_INTEROP_IFD).get(1)
    return color_space == 2 or (color_space == 0xFFFF and _exif_text(interoperability) == "R03")


class _BoundedStream:
    """A stream that fails past `_EXIF_MAX_BYTES`: each of 65,535 tags may claim all of a large file as its value."""

    def __init__(self, stream: io.BytesIO | mmap.mmap) -> None:
        self.seek, self.tell = stream.seek, stream.tell
        self._stream, self._left = stream, _EXIF_MAX_BYTES

    def read(self, count: int) -> bytes:
        self._left -= count
        if self._left < 0:
            raise OSError("too many bytes for EXIF")
        return self._stream.read(count)


def _exif_text(value: object) -> str:
    raw = value.encode("latin-1", "replace") if isinstance(value, str) else value  # as Pillow decodes it
    if not isinstance(raw, bytes):
        return ""
    raw = raw[:4000].rstrip(b"\0").replace(b"\0", b" ")
    try:
        return raw.decode()  # EXIF says ASCII, cameras write UTF-8
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def build_exif(metadata: PhotoMetadata) -> bytes:
    """Build an EXIF block of the texts that are kept."""
    from PIL import Image

    exif = Image.Exif()
    if metadata.date_taken:
        exif.get_ifd(_EXIF_SUB_IFD)[_EXIF_DATE_TAKEN] = metadata.date_taken
    for tag, text in ((_EXIF_COPYRIGHT, metadata.copyright), (_EXIF_ARTIST, metadata.artist)):
        if text:
            exif[tag] = text.encode()  # Pillow would write accents as question marks
    return exif.tobytes()


def build_xmp(record: Mapping[str, object] | None, metadata: PhotoMetadata) -> bytes:
    """Build the XMP packet: the run record as JSON in one property, and the kept texts of the photo."""
    parts = []
    if record is not None:
        parts.append(f"<impasto:record>{escape(json.dumps(record, allow_nan=False))}</impasto:record>")
    if metadata.date_taken:
        day, time = metadata.date_taken.split()
        parts.append(f"<exif:DateTimeOriginal>{day.replace(':', '-')}T{time}</exif:DateTimeOriginal>")
    if metadata.copyright:
        text = f'<rdf:li xml:lang="x-default">{escape(metadata.copyright)}</rdf:li>'
        parts.append(f"<dc:rights><rdf:Alt>{text}</rdf:Alt></dc:rights>")
    if metadata.artist:
        text = f"<rdf:li>{escape(metadata.artist)}</rdf:li>"
        parts.append(f"<dc:creator><rdf:Seq>{text}</rdf:Seq></dc:creator>")
    names = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in _XMP_NAMES.items() if prefix != "x")
    return (
        f'<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="{_XMP_NAMES["x"]}">'
        f'<rdf:RDF {names}><rdf:Description rdf:about="">{"".join(parts)}</rdf:Description></rdf:RDF>'
        f'</x:xmpmeta><?xpacket end="w"?>'
    ).encode()


def parse_xmp(packet: bytes) -> ET.Element:
    """Parse an XMP packet; ValueError when there is none, it is damaged, or it defines entities."""
    text = packet.decode().strip("\0 \r\n\t")
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise ValueError("a document type has no place in XMP")
    try:
        return ET.fromstring(text)
    except ET.ParseError as error:
        raise ValueError(str(error)) from error


def xmp_property(root: ET.Element, qualified: str) -> str | None:
    """Find a property's text, written as an element, as an element with a list, or as an attribute."""
    prefix, _, name = qualified.partition(":")
    tag = f"{{{_XMP_NAMES[prefix]}}}{name}"
    for element in root.iter():
        if element.tag == tag:
            return " ".join(element.itertext())
        if tag in element.attrib:
            return element.attrib[tag]
    return None
