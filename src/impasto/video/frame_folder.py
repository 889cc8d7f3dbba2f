"""Folders of numbered frames, read and written: what effects programs and editors exchange."""

from __future__ import annotations

import itertools
import re
import shutil
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Final

from impasto.errors import OptionError, OutputError
from impasto.images.picture import Picture, unreadable
from impasto.images.reading import load_picture, read_size
from impasto.images.tensors import pixels_to_tensor, resize, tensor_to_pixels
from impasto.images.writing import save_picture
from impasto.storage.atomic import unfinished, unwritable
from impasto.video.frames import Clip, ClipInfo, ClipWriter, Frame, exact

_NUMBERED: Final = re.compile(
    r"(?P<stem>[^.].*?|)(?P<number>\d+)\.(?P<ending>png|jpe?g|webp|avif|tiff?|heic|heif)", re.I
)


class FrameFolder(Clip):
    """A clip in a folder of numbered frames. Its frames have the size, depth and alpha of the first."""

    def __init__(self, path: Path, frame_rate: Fraction) -> None:
        if not 0 < frame_rate <= 1000:
            raise OptionError(f"a film has up to 1000 frames a second, got {float(frame_rate):g}")
        self._files = numbered_frames(path)
        first = load_picture(self._files[0])
        super().__init__(
            ClipInfo(
                path=path.absolute(),
                kind="folder",
                width_px=first.width_px,
                height_px=first.height_px,
                frames=len(self._files),
                duration_seconds=float(len(self._files) / frame_rate),
                frame_rate=frame_rate,
                variable_rate=False,
                time_base=1 / frame_rate,
                has_alpha=first.alpha() is not None,
                bit_depth=first.bit_depth,
                container="folder",
                codec=self._files[0].suffix.lower().removeprefix("."),
            )
        )
        for file in self._files[1:]:  # before hours are spent on those before it
            if read_size(file) != (first.height_px, first.width_px):
                width_px, height_px = read_size(file)[::-1]
                raise unreadable(
                    file,
                    f"it has {width_px} x {height_px} px, and the first frame {first.width_px} x {first.height_px}; "
                    "bring all to one size",
                )

    def frames(self, from_seconds: float | None = None, to_seconds: float | None = None) -> Iterator[Frame]:
        self.info.check_piece(from_seconds, to_seconds)
        return self._frames(exact(from_seconds) or Fraction(0), exact(to_seconds))

    def _frames(self, begin: Fraction, end: Fraction | None) -> Iterator[Frame]:
        duration = 1 / self.info.frame_rate
        for index, file in enumerate(self._files):
            time = index * duration
            if time < begin:
                continue
            if end is not None and time >= end:
                return
            yield picture_frame(load_picture(file), index, time, duration)


def picture_frame(picture: Picture, index: int, time: Fraction, duration: Fraction) -> Frame:
    """A picture as a frame."""
    alpha = picture.alpha()
    return Frame(
        index,
        time,
        duration,
        pixels_to_tensor(picture.pixels()).contiguous(),
        None if alpha is None else pixels_to_tensor(alpha[..., None]).contiguous(),
    )


def numbered_frames(folder: Path) -> list[Path]:
    """The frames in a folder, by their numbers; other files are left alone.

    Raises `InputError` where there are none, or two series, or a number is missing or twice.
    """
    series: dict[tuple[str, str], dict[int, Path]] = {}
    try:
        names = sorted(file.name for file in folder.iterdir())
    except OSError as error:
        raise unreadable(folder, f"{error.strerror or error}; check the name and its permissions") from error
    for name in names:
        if match := _NUMBERED.fullmatch(name):
            frames = series.setdefault((match["stem"], match["ending"].lower()), {})
            number = int(match["number"])
            if number in frames:
                raise unreadable(folder, f"frame {number} is there twice ({frames[number].name}, {name})")
            frames[number] = folder / name
    if not series:
        raise unreadable(folder, "there are no numbered frames in it; name them as in frame_0001.png")
    if len(series) > 1:
        examples = ", ".join(next(iter(frames.values())).name for frames in series.values())
        raise unreadable(folder, f"there are {len(series)} films in it ({examples}); give each its own folder")
    (frames,) = series.values()
    numbers = sorted(frames)
    for number, following in itertools.pairwise(numbers):
        if following != number + 1:
            more = numbers[-1] - numbers[0] - len(numbers)
            others = f", and {more} more" if more else ""
            between = f"between {frames[number].name} and {frames[following].name}"
            raise unreadable(folder, f"frame {number + 1} is missing {between}{others}")
    return [frames[number] for number in numbers]


class FrameFolderWriter(ClipWriter):
    """A folder of PNG frames that is being written; 16 bit where the clip it comes from has more than 8."""

    def __init__(self, path: Path, like: ClipInfo, *, overwrite: bool) -> None:
        super().__init__(path)
        self._overwrite = overwrite
        self._check_place()
        self._names = [file.stem for file in numbered_frames(like.path)] if like.kind == "folder" else []
        self._bit_depth = 16 if like.bit_depth > 8 else 8
        self._temporary = unfinished(path)
        self._size: tuple[int, int] | None = None
        self._done = False
        if like.has_audio:
            self.notices.append("a folder of frames has no sound: it is left out")

    def write(self, frame: Frame) -> None:
        name = self._names[frame.index] if frame.index < len(self._names) else f"frame_{frame.index:06d}"
        size = frame.pixels.shape[-2], frame.pixels.shape[-1]
        alpha = None if frame.alpha is None else resize(frame.alpha, *size).clamp(0, 1)
        try:
            self._size = self._size or size
            if size != self._size:
                raise unwritable(self.path, f"frame {frame.index} is of another size than the first")
            self._temporary.mkdir(exist_ok=True)
            save_picture(
                self._temporary / f"{name}.png",
                tensor_to_pixels(frame.pixels),
                alpha=None if alpha is None else tensor_to_pixels(alpha)[..., 0],
                bit_depth=self._bit_depth,
            )
        except OSError as error:
            self.discard()
            raise unwritable(self.path, f"{error.strerror or error}; check the free space") from error
        except OutputError as error:
            self.discard()
            raise OutputError(str(error).replace(str(self._temporary), str(self.path))) from error
        except BaseException:
            self.discard()
            raise

    def close(self) -> None:
        if self._done:
            return
        try:
            if self._size is None:
                raise unwritable(self.path, "there is no frame in it")
            self._check_place()
            if self.path.is_dir():
                self._replace_frames()
            else:
                self._temporary.rename(self.path)
        except OSError as error:
            raise unwritable(self.path, f"{error.strerror or error}; check the free space") from error
        finally:
            self.discard()

    def finish(self) -> None:
        self.close()

    def discard(self) -> None:
        if not self._done:
            self._done = True
            shutil.rmtree(self._temporary, ignore_errors=True)

    def _check_place(self) -> None:
        """Refuse a place where no folder can be, or where there are files already."""
        path = self.path
        if path.is_dir():
            if any(path.iterdir()) and not self._overwrite:
                raise unwritable(path, "the folder is not empty; give another name, or --overwrite")
        elif path.exists():
            raise unwritable(path, "it is a file; give the name of a folder")
        elif not path.parent.is_dir():
            raise unwritable(path, f"there is no folder {str(path.parent)!r}; create it")

    def _replace_frames(self) -> None:
        """Put the new frames in the place of those of an earlier film; other files stay."""
        new = {file.name for file in self._temporary.iterdir()}
        endings = {(match["stem"], match["ending"]) for name in new if (match := _NUMBERED.fullmatch(name))}
        for file in list(self.path.iterdir()):
            match = _NUMBERED.fullmatch(file.name)
            if match and (match["stem"], match["ending"]) in endings and file.name not in new:
                file.unlink()
        for name in sorted(new):
            (self._temporary / name).replace(self.path / name)
