"""A film from Python, painted here or on the machines of a Ray cluster."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from impasto.events import Event, FilmDone
from impasto.inputs.paintings import PaintingLike, PictureLike, Region
from impasto.video.build import build_film, build_film_options

if TYPE_CHECKING:
    from impasto.video.masks import MovingRegion


def film(  # noqa: PLR0913 (public)
    clip: str | os.PathLike[str],
    painting: PaintingLike | None,
    output: str | os.PathLike[str],
    *,
    quality: Literal["draft", "paint"] = "draft",
    regions: Sequence[Region | MovingRegion] = (),
    keys: Mapping[int, PictureLike] | None = None,
    piece: tuple[float | None, float | None] = (None, None),
    overwrite: bool = False,
    ray: str | None = None,
    on_event: Callable[[Event], object] | None = None,
    **options: Any,  # `DraftKeywords` or `PaintKeywords`, by the quality
) -> FilmDone:
    """Repaint a clip in the style of `painting`, so that it holds still, with the clip's sound and times.

    Begun again after it was ended, whatever ended it, it goes on where it was: what is finished is kept beside
    `output`, in a folder of its name with ``.run``, until the film is written.

    Parameters
    ----------
    clip: a video file, a folder of numbered frames, a GIF or WebP animation.
    painting, regions: as `paint` takes them; masks hold for every frame, but those of `video.masks.MovingRegion`.
    keys: frames painted by hand, by their number in the clip, from 0. Their shots are spread from them, and need no
        `painting`; between two keys of a shot frames are mixed of both.
    output: .mp4, .mov, .mkv, .webm, .gif, .webp, or a folder of PNG frames (a name without ending).
    piece: from and to which second of the clip; None: its beginning, its end.
    overwrite: whether `output` may be there.
    ray: ``auto`` or the address of a Ray cluster, on whose machines shots are painted, long ones in pieces; default:
        one frame after another, here.
    quality: ``draft``: one pass a frame; ``paint``: the stylizer is first tuned for each shot.
    on_event: called with every event: `FramesRead`, `FilmStarted`, `ShotStarted`, `FrameDone`, `FilmDone`, `Notice`.
    options: fields of `DraftOptions`, such as ``size_px=960``, ``strength=60``; of the quality ``paint`` those of
        `PaintOptions`, and ``recipe``.

    Raises
    ------
    OptionError: for an option that cannot be used, and without the extra ``video``.
    InputError: for a clip or picture that cannot be read. OutputError: for a film that cannot be written.
    CheckpointError: where the folder beside `output` holds another film, unless `overwrite`.
    """
    resolved = build_film_options(quality, options)
    made = build_film(
        clip, painting, output, regions=regions, keys=keys, piece=piece, overwrite=overwrite, options=resolved
    )
    if ray is not None:
        from impasto.lab.film_jobs import on_ray

        made.elsewhere = on_ray(ray)
    return made.paint(on_event)
