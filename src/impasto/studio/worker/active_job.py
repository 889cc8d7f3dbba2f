"""The job that a worker does, and the commands that change it."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass, field

from impasto.errors import ImpastoError, first_line
from impasto.events import Controls
from impasto.studio.protocol import Ended, JobCommand, Message, Order

Report = Callable[[Message], None]


@dataclass
class ActiveJob:
    """An order and what changes it while it is carried out."""

    order: Order
    controls: Controls = field(default_factory=Controls)
    cancelled: bool = False

    def obey(self, command: JobCommand) -> None:
        """Change the job; the engine reads its controls at the next step."""
        for name in ("strength", "color_strength"):
            if (value := getattr(command, name)) is not None:
                setattr(self.controls, name, value)
        self.cancelled = self.cancelled or command.cancel
        self.controls.stop = self.controls.stop or command.stop or command.cancel


def end_of(do_job: Callable[[], Ended]) -> Ended:
    """Do a job, and return how it ended, whatever is raised."""
    try:
        return do_job()
    except ImpastoError as error:
        return Ended(state="failed", error=str(error))
    except Exception as error:  # noqa: BLE001 (a bug, or memory that ran out, must not take the others along)
        line = f"{type(error).__name__}: {first_line(error)}"
        return Ended(state="failed", error=line[:500], traceback=traceback.format_exc())
