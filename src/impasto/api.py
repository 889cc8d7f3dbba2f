"""The Python functions: paint, iterate a run's events, paint a picture again from its record."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, TypeAlias, Unpack

from impasto.errors import OptionError
from impasto.events import Controls, Event
from impasto.images.print_size import Print
from impasto.images.reading import DEFAULT_MAX_PIXELS, read_record
from impasto.inputs.paintings import PaintingLike, PictureLike, Region
from impasto.options.fields import CHECKPOINT_SECONDS
from impasto.options.keywords import DraftKeywords, PaintKeywords
from impasto.runs.build import build_enlargement, build_replay, build_resume, build_run
from impasto.runs.draft import build_draft_options, draft_picture, replay_draft
from impasto.runs.interrupted import holds_run
from impasto.runs.notebook import LiveCell
from impasto.runs.pastiche import Pastiche
from impasto.runs.record import is_draft
from impasto.runs.run import LOGGER
from impasto.storage.places import trusts_all, trusts_none

if TYPE_CHECKING:
    pass

OnEvent: TypeAlias = Callable[[Event], object]


def paint(
    photo: PictureLike | None,
    painting: PaintingLike | None,
    *,
    regions: Sequence[Region] = (),
    recipe: str | None = None,
    controls: Controls | None = None,
    on_event: OnEvent | None = None,
    run_folder: str | os.PathLike[str] | None = None,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
    **options: Unpack[PaintKeywords],
) -> Pastiche:
    """Repaint `photo` in the style of `painting`.

    Parameters
    ----------
    photo: path of a picture, bytes of its file, a file opened in binary mode, a PIL image, an array or tensor (as
        `picture_from_array` takes), a `Picture` or a `Pastiche`. None, without content layers: a texture of
        `painting`, as the recipe ``texture`` paints.
    painting: one of the same, the name of a bundled painting (``flow``), or a `Painting`; or several, which blend: a
        sequence of them, or of pairs (picture, weight), or ``{picture: weight}``. None, with `regions`: the rest
        stays the photo; without style layers: `photo` reconstructed from its feature maps, as the recipe
        ``reconstruct-content`` does.
    regions: parts of the photo with paintings of their own; `painting` applies to the rest.
    recipe: name of a recipe or path of a .toml file; `options` override it.
    controls: `controls.stop = True` ends the run at the next step with the picture as it stands.
    on_event: called with every event of the run, as `iter_paint` yields them; what it raises ends the run.
    run_folder: where a checkpoint is written every `checkpoint_seconds` (0: never), and when the run is stopped, by
        Ctrl-C too; `resume` goes on from there. It is removed when the run is complete. Default: none are written.
    options: fields of `PaintOptions`, such as ``size_px=800``; ``starting_point`` may be a picture too.

    Raises
    ------
    OptionError: for an option, recipe, layer or weight that cannot be used.
    InputError: for a picture or recipe that cannot be read.
    WeightsError: for missing or damaged encoder weights.
    """
    run = build_run(photo, painting, regions=regions, recipe=recipe, controls=controls, options=options)
    if run_folder is not None:
        run.checkpoint_folder, run.checkpoint_seconds = Path(run_folder), checkpoint_seconds
        if holds_run(run.checkpoint_folder):
            raise OptionError(f"{str(run_folder)!r} holds an interrupted run: resume it, or give another run folder")
    with _stop_before_interrupt(run.controls) if run_folder is not None else nullcontext():
        return run.paint(on_event)


async def apaint(
    photo: PictureLike | None,
    painting: PaintingLike | None,
    *,
    regions: Sequence[Region] = (),
    recipe: str | None = None,
    controls: Controls | None = None,
    on_event: OnEvent | None = None,
    **options: Unpack[PaintKeywords],
) -> Pastiche:
    """Paint as `paint` does, in a thread of its own, while the event loop goes on.

    `on_event`, if given, is called from that thread. When the task is cancelled the run ends at its next step.
    """
    import asyncio  # here: a program that has no event loop need not load it

    controls = controls or Controls()
    try:
        return await asyncio.to_thread(
            paint, photo, painting, regions=regions, recipe=recipe, controls=controls, on_event=on_event, **options
        )
    except asyncio.CancelledError:
        controls.stop = True
        raise


def show(
    photo: PictureLike | None,
    painting: PaintingLike | None,
    *,
    regions: Sequence[Region] = (),
    recipe: str | None = None,
    controls: Controls | None = None,
    **options: Unpack[PaintKeywords],
) -> Pastiche:
    """Paint as `paint` does, in a cell of a notebook that shows the picture and the time left meanwhile.

    Keep what it returns, ``pastiche = impasto.show(...)``: a cell that ends with the call alone shows the pastiche
    twice. Raises `OptionError` outside a notebook too.
    """
    run = build_run(photo, painting, regions=regions, recipe=recipe, controls=controls, options=options)
    return run.paint(LiveCell(run.controls).show)


def iter_paint(
    photo: PictureLike | None,
    painting: PaintingLike | None,
    *,
    regions: Sequence[Region] = (),
    recipe: str | None = None,
    controls: Controls | None = None,
    **options: Unpack[PaintKeywords],
) -> Iterator[Event]:
    """Paint as `paint` does, yielding the run's events; the last, `RunDone`, holds the pastiche.

    Takes and raises what `paint` does; options and pictures are checked at once, before the first event.
    """
    return iter(build_run(photo, painting, regions=regions, recipe=recipe, controls=controls, options=options))


def resume(
    run_folder: str | os.PathLike[str],
    inputs: Sequence[str | os.PathLike[str]] | None = None,
    *,
    trust: bool = False,
    controls: Controls | None = None,
    on_event: OnEvent | None = None,
) -> Pastiche:
    """Go on with an interrupted run from its last checkpoint.

    On the same machine's processor the pastiche is, bit for bit, the one that the run would have ended with.

    Parameters
    ----------
    inputs: files of the run, known by their SHA-256, which are taken in place of the paths that the run names.
    trust: read files from any path that the run names, as for a run of your own. Without it they must be given, or
        lie in the folder that holds the run folder, or below.

    Raises
    ------
    CheckpointError: where there is no usable checkpoint: none, damaged, or of another format or encoder, or
        with inputs that have changed since, or lie elsewhere.
    """
    run = build_resume(run_folder, inputs or (), trusts=trusts_all if trust else trusts_none, controls=controls)[0]
    with _stop_before_interrupt(run.controls):
        return run.paint(on_event)


def replay(
    path: str | os.PathLike[str],
    inputs: Sequence[str | os.PathLike[str]] | None = None,
    *,
    on_event: OnEvent | None = None,
    **overrides: Unpack[PaintKeywords],
) -> Pastiche:
    """Paint a picture again from the record that it carries: a pastiche, or a draft.

    Its inputs are found by SHA-256 among `inputs`, beside the picture and in the working directory. On the
    same machine the pixels are the same, bit for bit, unless `overrides` (`PaintOptions`, or options that a draft
    has) change them.

    Raises
    ------
    RecordError: for a picture without a usable record, for an input that is not found, and for a draft by another
        stylizer.
    InputError, OptionError, WeightsError: as `paint` does.
    """
    if is_draft(read_record(path)):
        return replay_draft(path, inputs or (), overrides)
    return build_replay(path, inputs or (), overrides=overrides).paint(on_event)


def enlarge(
    path: str | os.PathLike[str],
    size_px: int,
    inputs: Sequence[str | os.PathLike[str]] | None = None,
    *,
    on_event: OnEvent | None = None,
    **overrides: Any,  # `PaintKeywords` but `size_px`, which no type can say
) -> Pastiche:
    """Paint a finished pastiche larger: through the stylizer again, or of pixels the scales above its size.

    The inputs are found as `replay` finds them; of pixels the pastiche itself becomes the starting point. Its record
    says how it was painted. Raises what `replay` does, and `OptionError` for a size that is not larger.
    """
    return build_enlargement(path, inputs or (), size_px=size_px, overrides=overrides).paint(on_event)


def draft(
    photo: PictureLike,
    painting: PaintingLike | None,
    *,
    regions: Sequence[Region] = (),
    sheet: Print | None = None,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    **options: Unpack[DraftKeywords],
) -> Pastiche:
    """Repaint `photo` in the style of `painting` in one pass of the bundled stylizer: a second, not minutes.

    Parameters
    ----------
    photo, painting: as `paint` takes them; several paintings blend.
    regions: as `paint` takes them; each is drafted alone, and soft edges join them.
    sheet: a sheet of paper that the draft fits, in place of ``size_px``.
    options: fields of `DraftOptions`, such as ``size_px=800``, ``strength=60``, ``color="photo"``.

    Raises
    ------
    OptionError: for an option or weight that cannot be used, and a picture under 16 px a side.
    InputError: for a picture that cannot be read, and a mask that does not fit.
    WeightsError: for a missing or damaged stylizer file.
    """
    resolved = build_draft_options(options)
    pastiche = draft_picture(photo, painting, resolved, regions=regions, sheet=sheet, max_pixels=max_pixels)
    for notice in pastiche.notices:
        LOGGER.warning(notice)
    return pastiche


@contextmanager
def _stop_before_interrupt(controls: Controls) -> Iterator[None]:
    """Let the first Ctrl-C stop the run, so that its checkpoint is written, before it is a KeyboardInterrupt.

    The second one is that at once. Only where Ctrl-C means what Python makes of it, and in the main thread.
    """
    interrupted = False

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal interrupted
        if interrupted:
            raise KeyboardInterrupt
        interrupted = controls.stop = True

    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if interrupted:
            raise KeyboardInterrupt
