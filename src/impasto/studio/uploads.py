"""Uploaded pictures and style files: checked, copied under names that the studio gives, found by their SHA-256."""

from __future__ import annotations

import hashlib
import io
import json
import secrets
import time
from collections.abc import Collection
from pathlib import Path

from impasto.errors import ImpastoError, InputError, OutputError, printable
from impasto.images.reading import load_picture
from impasto.inputs.bundled import bundled_by_hash
from impasto.inputs.style_file import is_style_file, read_style_file
from impasto.runs.record import PAINTING_SUFFIXES
from impasto.storage.atomic import write_whole
from impasto.storage.files import make_private, why_not_a_file

KEPT_SECONDS = 24 * 3600.0  # for which an upload that no job reads is kept
NAME_LETTERS = 16  # of the SHA-256
MAX_NAME = 100
_CHUNK_BYTES = 2**20
_PART = "part-*.part"


class Uploads:
    """A folder of pictures and style files, each with a note beside it that holds its name and SHA-256.

    Parameters
    ----------
    folder: made if need be. max_bytes, max_pixels: of one picture.
    """

    def __init__(self, folder: Path, max_bytes: int, max_pixels: int) -> None:
        self.folder, self._max_bytes, self._max_pixels = folder, max_bytes, max_pixels
        make_private(folder)
        for path in folder.glob(_PART):  # of a studio that was killed
            path.unlink(missing_ok=True)

    def keep(self, picture: Path | bytes, name: str) -> Path:
        """Copy a picture, or a style file, into the folder, and return its path there; the same bytes are kept once.

        `name` is what the person calls it: it is shown and goes into the run record, and becomes no path. Raises
        `InputError`, one line, for a file that is too large (bytes, or pixels, before it is decoded), damaged, or no
        picture; `OutputError` where it cannot be copied.
        """
        name = clean_name(name)
        part = self.folder / _PART.replace("*", secrets.token_hex(8))
        try:
            sha256 = self._copy(picture, part, name)
            try:
                if is_style_file(name):
                    read_style_file(part)
                else:
                    load_picture(part, max_pixels=self._max_pixels)
            except ImpastoError as error:
                line = str(error).replace(repr(str(part)), repr(name))
                flag = "start the studio with a larger --max-pixels"
                raise type(error)(line.replace("raise max_pixels if you trust it", flag)) from error
            if sha256 in bundled_by_hash():
                return bundled_by_hash()[sha256]  # nothing is written beside the package's own file
            upload = self.find(sha256)
            if upload is None:
                suffix = Path(name).suffix.lower()
                upload = self.folder / f"{sha256[:NAME_LETTERS]}{suffix if suffix in PAINTING_SUFFIXES else '.png'}"
                part.replace(upload)
            upload.touch()
            note = json.dumps({"name": name, "sha256": sha256})
            write_whole(upload.with_suffix(".json"), note.encode())
        except OSError as error:
            raise OutputError(f"cannot keep {name!r}: {error.strerror}; look for free space") from error
        finally:
            part.unlink(missing_ok=True)
        return upload

    def _copy(self, picture: Path | bytes, part: Path, name: str) -> str:
        """Copy a picture within the limit of bytes; returns its SHA-256."""
        try:
            if isinstance(picture, Path) and (why := why_not_a_file(picture)):
                raise InputError(f"cannot read {name!r}: {why}")
            source = picture.open("rb") if isinstance(picture, Path) else io.BytesIO(picture)
        except OSError as error:
            raise InputError(f"cannot read {name!r}: {error.strerror}") from error
        digest, total_bytes = hashlib.sha256(), 0
        with source, part.open("xb") as target:
            while chunk := source.read(_CHUNK_BYTES):
                total_bytes += len(chunk)
                if total_bytes > self._max_bytes:
                    limit = f"the {self._max_bytes} that may be uploaded"
                    raise InputError(f"{name!r} has more bytes than {limit}; make it smaller")
                digest.update(chunk)
                target.write(chunk)
        return digest.hexdigest()

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
        if path.parent != self.folder or path.suffix not in PAINTING_SUFFIXES or not path.is_file():
            return False
        path.touch()
        return True

    def clean(self, used: Collection[Path]) -> None:
        """Remove uploads that no job reads and that are older than `KEPT_SECONDS`."""
        old = time.time() - KEPT_SECONDS
        try:
            for path in self.folder.iterdir():
                if path.suffix != ".json" and path not in used and path.stat().st_mtime < old:
                    path.unlink(missing_ok=True)
                    path.with_suffix(".json").unlink(missing_ok=True)
        except OSError:
            return  # the next cleaning may succeed

    def _note(self, path: Path) -> dict[str, str]:
        try:
            note = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return {}
        return {key: text for key, text in note.items() if isinstance(text, str)} if isinstance(note, dict) else {}


def clean_name(name: str) -> str:
    """A name fit to be shown: no folders, one printable line, not too long."""
    line = printable(" ".join(name.replace("\\", "/").rsplit("/", 1)[-1].split()))
    line = line.lstrip(".") or "picture"  # hidden ones have no ending to tell a style file by
    if len(line) <= MAX_NAME:
        return line
    suffix = Path(line).suffix[:10]
    return line[: MAX_NAME - len(suffix)] + suffix
