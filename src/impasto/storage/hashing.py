"""SHA-256 of files, by which inputs, weights and results are known."""

from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path

from impasto.storage.files import why_not_a_file


def hash_file(path: str | os.PathLike[str]) -> str:
    """SHA-256 of a file's bytes, in hexadecimal; raises `OSError`, whose `strerror` says why it cannot be read."""
    if why := why_not_a_file(path):
        raise OSError(errno.EINVAL, why, os.fspath(path))
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
