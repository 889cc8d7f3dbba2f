"""Uploaded pictures and style files: checked, copied under names that the studio gives, found by their SHA-256."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import re
import secrets
import threading
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import BinaryIO

from impasto.errors import ImpastoError, InputError, OutputError, printable
from impasto.images.reading import load_picture
from impasto.inputs.bundled import bundled_by_hash
from impasto.inputs.style_file import is_style_file, read_style_file
from impasto.runs.record import PAINTING_SUFFIXES
from impasto.storage.atomic import write_whole
from impasto.storage.files import make_private, read_own, why_not_a_file

CLIP_SUFFIXES = (".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi")
KEPT_SECONDS = 24 * 3600.0  # for which an upload that no job reads is kept
MAX_TOTAL_BYTES = 10_000_000_000
NAME_LETTERS = 16  # of the SHA-256
MAX_NAME = 100
MAX_NOTE_BYTES = 10_000
_PIECE_BYTES = 2**20
OUR_NAME = re.compile(rf"[0-9a-f]{{{NAME_LETTERS}}}\.")
_PART = "part-*.part"


class Uploads:
    """A folder of pictures and style files, each with a note beside it that holds its name and SHA-256.

    Parameters
    ----------
    folder: made if need be. max_bytes, max_pixels: of one picture. max_total_bytes: of all.
    """

    def __init__(self, folder: Path, max_bytes: int, max_pixels: int, max_total_bytes: int = MAX_TOTAL_BYTES) -> None:
        self.folder, self._max_bytes, self._max_pixels = folder, max_bytes, max_pixels
        self._max_total_bytes, self._placing = max_total_bytes, threading.Lock()
        make_private(folder)
        for path in folder.glob(_PART):  # of a studio that was killed
            path.unlink(missing_ok=True)

    def keep(self, picture: Path | bytes, name: str) -> Path:
        """Copy a picture, or a style file, into the folder, and return its path there, see `begin`."""
        try:
            if isinstance(picture, Path) and (why := why_not_a_file(picture)):
                raise InputError(f"cannot read {clean_name(name)!r}: {why}")
            source = picture.open("rb") if isinstance(picture, Path) else io.BytesIO(picture)
        except OSError as error:
            raise InputError(f"cannot read {clean_name(name)!r}: {error.strerror}") from error
        with source, self.begin(name, clip=is_clip(name)) as upload:
            while piece := source.read(_PIECE_BYTES):
                upload.write(piece)
            return upload.keep()

    @contextlib.contextmanager
    def begin(self, name: str, *, clip: bool = False) -> Iterator[Upload]:
        """An upload that comes in pieces; what is not kept at the end is removed. `clip`: it is one, no picture.

        `name` is what the person calls it: it is shown and goes into the run record, and becomes no path. Raises
        `InputError`, one line, for a file that is too large (bytes, or pixels, before it is decoded), damaged, or no
        picture, and where too much is kept already; `OutputError` where it cannot be written.
        """
        part, name = self.folder / _PART.replace("*", secrets.token_hex(8)), clean_name(name)
        if clip and not is_clip(name):
            raise InputError(f"{name!r} is no clip: a clip is one of {', '.join(CLIP_SUFFIXES)}")
        try:
            with part.open("xb") as file:
                yield Upload(self, part, file, name, clip)
        except OSError as error:
            raise OutputError(f"cannot keep {name!r}: {error.strerror}; look for free space") from error
        finally:
            part.unlink(missing_ok=True)

    @property
    def total_bytes(self) -> int:
        """Size of all uploads, those included that are on their way."""
        total = 0
        for path in self.folder.iterdir():
            with contextlib.suppress(OSError):  # removed meanwhile
                total += path.stat().st_size
        return total

    @property
    def is_full(self) -> bool:
        """Whether a file of the largest size might not be taken."""
        return self.total_bytes + self._max_bytes > self._max_total_bytes

    def _check(self, part: Path, name: str) -> None:
        """Raise `InputError` for what is no picture and no style file."""
        try:
            if is_style_file(name):
                read_style_file(part)
            else:
                load_picture(part, max_pixels=self._max_pixels)
        except ImpastoError as error:
            line = str(error).replace(repr(str(part)), repr(name))
            flag = "start the studio with a larger --max-pixels"
            raise type(error)(line.replace("raise max_pixels if you trust it", flag)) from error

    def _place(self, part: Path, name: str, sha256: str) -> Path:
        """Give checked bytes their place: that of the same bytes if they are there, under the name that they have."""
        if sha256 in bundled_by_hash():
            return bundled_by_hash()[sha256]  # nothing is written beside the package's own file
        with self._placing:
            upload = self.find(sha256)
            if upload is None:
                suffix = Path(name).suffix.lower()
                upload = (
                    self.folder
                    / f"{sha256[:NAME_LETTERS]}{suffix if suffix in (*PAINTING_SUFFIXES, *CLIP_SUFFIXES) else '.png'}"
                )
                part.replace(upload)
                self._write_note(upload, name, sha256)
            upload.touch()
        return upload

    def rename(self, path: Path, name: str) -> None:
        """Call an upload by another name; its ending stays. Raises `InputError` for a bundled painting."""
        sha256 = self._note(path).get("sha256")
        if sha256 is None:
            raise InputError("a bundled painting keeps its name")
        name = clean_name(name)
        if not name.lower().endswith(path.suffix):
            name = clean_name(name + path.suffix)
        try:
            self._write_note(path, name, sha256)
        except OSError as error:
            raise OutputError(f"cannot write down the name {name!r}: {error.strerror}") from error

    def _write_note(self, path: Path, name: str, sha256: str) -> None:
        write_whole(path.with_suffix(".json"), json.dumps({"name": name, "sha256": sha256}).encode())

    def name_of(self, path: Path) -> str:
        """The name that the person gave to an upload; the file name of anything else."""
        return self._note(path).get("name") or path.name

    def find(self, sha256: str) -> Path | None:
        """The upload, or bundled sample, with this SHA-256."""
        if not sha256.isalnum():  # it comes from a picture's record, and becomes part of a path
            return None
        for path in self.folder.glob(f"{sha256[:NAME_LETTERS]}.*"):
            if path.suffix != ".json" and self._note(path).get("sha256") == sha256:
                return path
        return bundled_by_hash().get(sha256)

    def claim(self, path: Path) -> bool:
        """Whether a path is that of an upload or a sample; the upload then counts as just used."""
        if path in bundled_by_hash().values():
            return True
        if path.parent != self.folder or path.suffix not in (*PAINTING_SUFFIXES, *CLIP_SUFFIXES):
            return False
        if path.is_symlink() or not path.is_file():
            return False
        path.touch()
        return True

    def clean(self, used: Collection[Path], kept_seconds: float = KEPT_SECONDS) -> None:
        """Remove uploads that no job reads and that were not asked for within `kept_seconds`."""
        old = time.time() - kept_seconds
        try:
            for path in self.folder.iterdir():
                if path.suffix == ".json" or path in used or not OUR_NAME.match(path.name):
                    continue
                with self._placing:
                    if path.stat().st_mtime < old:
                        path.unlink(missing_ok=True)
                        path.with_suffix(".json").unlink(missing_ok=True)
        except OSError:
            return  # the next cleaning may succeed

    def discard(self, path: Path) -> None:
        """Remove an upload that turned out to be nothing."""
        path.unlink(missing_ok=True)
        path.with_suffix(".json").unlink(missing_ok=True)

    def _note(self, path: Path) -> dict[str, str]:
        try:
            note = json.loads(read_own(path.with_suffix(".json"), MAX_NOTE_BYTES))
        except (OSError, ValueError, RecursionError):
            return {}
        return {key: text for key, text in note.items() if isinstance(text, str)} if isinstance(note, dict) else {}


class Upload:
    """A file on its way into the folder; made by `Uploads.begin`, which says what is raised."""

    def __init__(self, uploads: Uploads, part: Path, file: BinaryIO, name: str, clip: bool) -> None:
        self._uploads, self._part, self._file, self._name, self._clip = uploads, part, file, name, clip
        self._digest, self._bytes = hashlib.sha256(), 0
        self._room = uploads._max_total_bytes - uploads.total_bytes

    def write(self, piece: bytes) -> None:
        """Add a piece."""
        self._bytes += len(piece)
        if self._bytes > self._uploads._max_bytes:
            limit = f"the {self._uploads._max_bytes} that may be uploaded"
            raise InputError(f"{self._name!r} has more bytes than {limit}; make it smaller")
        if self._bytes > self._room:
            raise InputError(
                f"the studio has no room for {self._name!r}: it keeps {self._uploads.total_bytes} bytes of uploads; "
                "remove paintings from the shelf and pictures from the history"
            )
        self._digest.update(piece)
        self._file.write(piece)

    def keep(self) -> Path:
        """Check what has come, keep it, and return its path; the same bytes are kept once."""
        self._file.flush()
        if not self._clip:  # that, the drafting process looks at
            self._uploads._check(self._part, self._name)
        return self._uploads._place(self._part, self._name, self._digest.hexdigest())


def is_clip(name: str) -> bool:
    """Whether a file is a clip, by its name."""
    return Path(name).suffix.lower() in CLIP_SUFFIXES


def clean_name(name: str) -> str:
    """A name fit to be shown: no folders, one printable line, not too long."""
    line = printable(" ".join(name.replace("\\", "/").rsplit("/", 1)[-1].split()))
    line = line.lstrip(".") or "picture"  # hidden ones have no ending to tell a style file by
    if len(line) <= MAX_NAME:
        return line
    suffix = Path(line).suffix[:10]
    return line[: MAX_NAME - len(suffix)] + suffix
