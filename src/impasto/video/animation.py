"""GIF and WebP animations as clips, read and written."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import torch
from numpy.typing import NDArray

from impasto.errors import OptionError, OutputError
from impasto.images.animation import iter_animation, read_header, save_animation
from impasto.images.picture import quantise, unreadable
from impasto.images.tensors import pixels_to_tensor, resize, tensor_to_pixels
from impasto.storage.atomic import move_whole, unfinished, unwritable, written_file
from impasto.video.frames import MAX_FRAME_PIXELS, Clip, ClipInfo, ClipWriter, Frame, exact

ENDINGS: Final = (".gif", ".webp")
_SHOWN_MS: Final = 100  # what browsers make of a delay of 10 ms or less
_UNIT_MS: Final = {".gif": 10, ".webp": 1}  # in which delays are kept
_LEAST_MS: Final = 20  # the shortest delay that is shown as it stands


class Animation(Clip):
    """A clip in a GIF or an animated WebP, shown as browsers show it."""

    def __init__(self, path: Path) -> None:
        header = read_header(path)
        if header.height_px * header.width_px > MAX_FRAME_PIXELS:
            raise unreadable(path, f"its frames of {header.width_px} x {header.height_px} px are too large")
        self._path = path
        delays = [_SHOWN_MS if delay <= 10 else delay for delay in header.delays_ms]
        self._starts_ms = [0, *accumulate(delays)]
        with path.open("rb") as file:
            codec = "gif" if file.read(4) == b"GIF8" else "webp"
        seconds = Fraction(self._starts_ms[-1], 1000)
        super().__init__(
            ClipInfo(
                path=path.absolute(),
                kind="animation",
                width_px=header.width_px,
                height_px=header.height_px,
                frames=len(delays),
                duration_seconds=float(seconds),
                frame_rate=len(delays) / seconds,
                variable_rate=len(set(delays)) > 1,
                time_base=Fraction(1, 1000),
                has_alpha=header.has_alpha,
                container=codec,
                codec=codec,
            )
        )

    def frames(self, from_seconds: float | None = None, to_seconds: float | None = None) -> Iterator[Frame]:
        self.info.check_piece(from_seconds, to_seconds)
        return self._frames(exact(from_seconds) or Fraction(0), exact(to_seconds))

    def _frames(self, begin: Fraction, end: Fraction | None) -> Iterator[Frame]:
        times = [Fraction(start, 1000) for start in self._starts_ms]
        for index, samples in enumerate(iter_animation(self._path)):
            time = times[index]
            if end is not None and time >= end:
                return
            if time >= begin:
                picture = pixels_to_tensor(samples.astype(np.float32) / np.float32(255)).contiguous()
                alpha = picture[:, 3:] if picture.shape[1] == 4 else None
                yield Frame(index, time, times[index + 1] - time, picture[:, :3], alpha)


class AnimationWriter(ClipWriter):
    """A GIF or WebP that is being written. Its frames wait in a file, for the encoder wants them all at the end."""

    def __init__(self, path: Path, like: ClipInfo, *, quality: int | None, overwrite: bool) -> None:
        super().__init__(path)
        self._ending = path.suffix.lower()
        if quality is not None and (self._ending == ".gif" or not 0 <= quality <= 100):
            raise OptionError(
                "a GIF has no choice of quality; leave it out"
                if self._ending == ".gif"
                else f"the quality of a film is 0 to 100, got {quality}"
            )
        self._quality, self._overwrite = 80 if quality is None else quality, overwrite
        self._target = written_file(path, overwrite=overwrite)
        self._raw, self._temporary = unfinished(self._target), unfinished(self._target)
        self._file: BinaryIO | None = None
        self._alpha = like.has_alpha
        self._shape: tuple[int, int, int] = (0, 0, 0)
        self._starts_ms: list[int] = []
        self._begin, self._end_ms = Fraction(0), 0
        self._done = False
        if like.has_audio:
            self.notices.append(f"{self._ending} has no sound: it is left out")
        if like.frame_rate * _LEAST_MS > 1000:
            self.notices.append(
                f"{self._ending} shows at most {1000 // _LEAST_MS} frames a second: others are left out"
            )

    def write(self, frame: Frame) -> None:
        try:
            if self._file is None:
                self._shape = (*(int(side) for side in frame.pixels.shape[-2:]), 4 if self._alpha else 3)  # type: ignore[assignment]
                self._begin = frame.time
                self._file = self._raw.open("xb")
            if tuple(frame.pixels.shape[-2:]) != self._shape[:2]:
                raise unwritable(self.path, f"frame {frame.index} is of another size than the first")
            start = self._to_ms(frame.time)
            if not self._starts_ms or start - self._starts_ms[-1] >= _LEAST_MS:
                self._file.write(self._samples(frame).tobytes())
                self._starts_ms.append(start)
            self._end_ms = max(self._to_ms(frame.time + frame.duration), self._starts_ms[-1] + _LEAST_MS)
        except OSError as error:
            self.discard()
            raise unwritable(self.path, f"{error.strerror or error}; check the free space") from error
        except BaseException:
            self.discard()
            raise

    def close(self) -> None:
        if self._done:
            return
        try:
            if self._file is None:
                raise unwritable(self.path, "there is no frame in it")
            self._file.close()
            delays = [later - start for start, later in pairwise([*self._starts_ms, self._end_ms])]
            save_animation(self._raw, self._shape, delays, self._temporary, ending=self._ending, quality=self._quality)
            move_whole(self._temporary, self._target, overwrite=self._overwrite)
        except OutputError as error:
            raise OutputError(str(error).replace(str(self._temporary), str(self.path))) from error
        except FileExistsError as error:
            raise unwritable(self.path, "it appeared meanwhile; give another name, or --overwrite") from error
        except OSError as error:
            raise unwritable(self.path, f"{error.strerror or error}; check the free space") from error
        finally:
            self.discard()

    def finish(self) -> None:
        self.close()

    def discard(self) -> None:
        if not self._done:
            self._done = True
            if self._file is not None:
                self._file.close()
            self._raw.unlink(missing_ok=True)
            self._temporary.unlink(missing_ok=True)

    def _to_ms(self, time: Fraction) -> int:
        unit = _UNIT_MS[self._ending]
        return round((time - self._begin) * 1000 / unit) * unit

    def _samples(self, frame: Frame) -> NDArray[np.unsignedinteger[Any]]:
        picture = frame.pixels
        if self._alpha:
            alpha = torch.ones_like(picture[:, :1]) if frame.alpha is None else frame.alpha
            picture = torch.cat([picture, resize(alpha, *self._shape[:2])], dim=1)
        elif frame.alpha is not None:
            alpha = resize(frame.alpha, *self._shape[:2])
            picture = picture * alpha + (1 - alpha)
        return quantise(tensor_to_pixels(picture), 8)
