"""Small JPEGs of uploads and samples for the browser, which cannot show every format or size."""

from __future__ import annotations

from pathlib import Path

from impasto.errors import InputError, OptionError, RecordError
from impasto.images.reading import load_picture, read_record
from impasto.images.resize import fit_long_edge
from impasto.images.writing import save_picture
from impasto.inputs.style_file import is_style_file, read_style_file
from impasto.storage.atomic import PARTS

EDGES_PX = (320, 1600)


class Thumbnails:
    """Reduced copies, each made when it is first needed.

    Parameters
    ----------
    folder: made if need be; what an earlier studio reduced is removed.
    max_pixels: of a picture that is reduced.
    """

    def __init__(self, folder: Path, max_pixels: int) -> None:
        self._folder, self._max_pixels = folder, max_pixels
        folder.mkdir(parents=True, exist_ok=True)
        for pattern in ("impasto-*.jpg", PARTS):
            for path in folder.glob(pattern):
                path.unlink(missing_ok=True)

    def copy_of(self, source: Path, edge_px: int) -> Path:
        """The JPEG of a picture, its long edge `edge_px` at most; raises `InputError` for an unreadable one."""
        if edge_px not in EDGES_PX:
            raise OptionError(f"pictures are shown with a long edge of {EDGES_PX} px, not {edge_px}")
        copy = self._folder / f"impasto-{source.stem}-{edge_px}.jpg"
        if not copy.exists():
            self._reduce(source, copy, edge_px)
        return copy

    def size_of(self, source: Path) -> tuple[int, int]:
        """Width and height in pixels, of a style file those of its painting; the largest copy is made on the way."""
        if is_style_file(source):
            style = read_style_file(source)
            return style.width_px, style.height_px
        return self._reduce(source, self._folder / f"impasto-{source.stem}-{EDGES_PX[-1]}.jpg", EDGES_PX[-1])

    def _reduce(self, source: Path, copy: Path, edge_px: int) -> tuple[int, int]:
        picture = load_picture(source, max_pixels=self._max_pixels)
        edge_px = min(edge_px, max(picture.height_px, picture.width_px))
        size = fit_long_edge(picture.height_px, picture.width_px, edge_px)
        save_picture(copy, picture.pixels(*size), alpha=picture.alpha(*size), overwrite=True)
        return picture.width_px, picture.height_px


def has_record(path: Path) -> bool:
    """Whether a picture carries a run record, so that its settings can be restored."""
    try:
        return bool(read_record(path))
    except (InputError, RecordError):
        return False
