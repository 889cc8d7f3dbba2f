"""SHA-256 of files, by which inputs, weights and results are known."""

from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path

from impasto.storage.files import why_not_a_file

SENT_BYTES = 10_000_000_000  # of a picture, a style file or an encoder: none has more


def hash_file(path: str | os.PathLike[str], most_bytes: int | None = None) -> str:
    """SHA-256 of a file's bytes, in hexadecimal.

    Raises `OSError`, whose `strerror` says why it cannot be read, or that it has more than `most_bytes`: a file with
    holes may be sent that takes no room and hours to read.
    """
    why = why_not_a_file(path)
    if not why and most_bytes is not None and Path(path).stat().st_size > most_bytes:
        why = f"it has more than {most_bytes} bytes"
    if why:
        raise OSError(errno.EINVAL, why, os.fspath(path))
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
