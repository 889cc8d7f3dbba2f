"""A run watched in a notebook: its picture and its progress in the cell, while it is painted."""

from __future__ import annotations

import base64
import time
from typing import Any

from impasto.errors import OptionError
from impasto.events import Controls, Event, PreviewReady, RunDone, ScaleStarted, StepDone
from impasto.images.picture import encode_small, to_pillow
from impasto.runs.progress import Clock

UPDATE_SECONDS = 0.5  # from one picture to the next, at least


class LiveCell:
    """Shows the events of a run, one after another, in the cell that runs; at the end the pastiche.

    Raises `OptionError` where there is no cell.
    """

    def __init__(self, controls: Controls) -> None:
        self._controls, self._clock = controls, Clock()
        self._picture, self._state, self._shown_at = "", "loading", 0.0
        self._cell = _new_output(self)

    def show(self, event: Event) -> None:
        """Take an event in, and change the cell where there is something to see."""
        self._clock.tick(event)
        if isinstance(event, RunDone):
            self._cell.update(event.pastiche)
        elif isinstance(event, PreviewReady):
            self._picture = base64.b64encode(encode_small(to_pillow(event.pixels))).decode()
            self._shown_at = time.monotonic()
            self._cell.update(self)
        elif isinstance(event, ScaleStarted):
            self._state = f"scale {event.scale + 1} of {self._clock.scales}, {event.width_px}x{event.height_px} px"
            self._cell.update(self)
        elif isinstance(event, StepDone):
            self._controls.preview = time.monotonic() - self._shown_at >= UPDATE_SECONDS

    def __repr__(self) -> str:
        return f"<{self._state}>"

    def _repr_html_(self) -> str:
        image = (
            f'<img src="data:image/png;base64,{self._picture}" alt="" style="max-width:100%">' if self._picture else ""
        )
        return (
            f'<figure style="margin:0">{image}<figcaption><progress max="1" value="{self._clock.share_done:.3f}" '
            f'aria-label="painted"></progress> {self._state} {self._clock.format_time_left()}</figcaption></figure>'
        )


def _new_output(shown: LiveCell) -> Any:
    """An output of the cell that runs, which can be changed later."""
    try:
        from IPython import get_ipython
        from IPython.display import display
    except ImportError:
        kernel = None
    else:
        kernel = getattr(get_ipython(), "kernel", None)
    if kernel is None:
        raise OptionError("show paints in a cell of a notebook, and this is none: use paint")
    return display(shown, display_id=True)
