"""Events as they are logged."""

from __future__ import annotations

import numpy as np

from impasto.events import RunDone, event_fields


def test_arrays_are_left_out_of_the_log() -> None:
    done = RunDone(np.zeros((2, 2, 3), np.float32), False, 1.5, 12.0)
    assert event_fields(done) == {"event": "RunDone", "stopped": False, "seconds": 1.5, "pixel_steps": 12.0}
