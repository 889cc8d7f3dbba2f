"""impasto repaints a photograph in the manner of a painting (neural style transfer).

>>> import impasto
>>> pastiche = impasto.paint("photo.jpg", "painting.jpg", size_px=512)  # doctest: +SKIP
>>> pastiche.save("pastiche.png")  # doctest: +SKIP

Everything below is loaded when it is first used; `import impasto` itself loads nothing heavy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from impasto.api import enlarge, iter_paint, paint, replay, resume
    from impasto.drafting import draft
    from impasto.errors import (
        CheckpointError,
        ImpastoError,
        InputError,
        OptionError,
        OutputError,
        RecordError,
        WeightsError,
    )
    from impasto.events import (
        CheckpointSaved,
        Controls,
        Event,
        FetchProgressed,
        Notice,
        PreviewReady,
        Resumed,
        RunDone,
        RunStarted,
        ScaleStarted,
        Steered,
        StepDone,
    )
    from impasto.images.io import Picture, load_picture, picture_from_array, read_record, save_picture
    from impasto.inputs import Painting, Region
    from impasto.lab.drafts import drafts
    from impasto.lab.face import again, batch, compare, sweep
    from impasto.lab.run import LabRun
    from impasto.options import PaintOptions, load_recipe, recipe_names
    from impasto.runs import Pastiche
    from impasto.styles import save_style

__version__ = "0.1.0"

__all__ = [
    "CheckpointError",
    "CheckpointSaved",
    "Controls",
    "Event",
    "FetchProgressed",
    "ImpastoError",
    "InputError",
    "LabRun",
    "Notice",
    "OptionError",
    "OutputError",
    "PaintOptions",
    "Painting",
    "Pastiche",
    "Picture",
    "PreviewReady",
    "RecordError",
    "Region",
    "Resumed",
    "RunDone",
    "RunStarted",
    "ScaleStarted",
    "Steered",
    "StepDone",
    "WeightsError",
    "__version__",
    "again",
    "batch",
    "compare",
    "draft",
    "drafts",
    "enlarge",
    "iter_paint",
    "load_picture",
    "load_recipe",
    "paint",
    "picture_from_array",
    "read_record",
    "recipe_names",
    "replay",
    "resume",
    "save_picture",
    "save_style",
    "sweep",
]

_HOMES = {
    "impasto.api": ["enlarge", "iter_paint", "paint", "replay", "resume"],
    "impasto.drafting": ["draft"],
    "impasto.errors": [
        "CheckpointError", "ImpastoError", "InputError", "OptionError", "OutputError", "RecordError", "WeightsError",
    ],
    "impasto.events": [
        "CheckpointSaved", "Controls", "Event", "FetchProgressed", "Notice", "PreviewReady", "Resumed", "RunDone",
        "RunStarted", "ScaleStarted", "Steered", "StepDone",
    ],
    "impasto.images.io": ["Picture", "load_picture", "picture_from_array", "read_record", "save_picture"],
    "impasto.inputs": ["Painting", "Region"],
    "impasto.lab.face": ["again", "batch", "compare", "sweep"],
    "impasto.lab.drafts": ["drafts"],
    "impasto.lab.run": ["LabRun"],
    "impasto.options": ["PaintOptions", "load_recipe", "recipe_names"],
    "impasto.runs": ["Pastiche"],
    "impasto.styles": ["save_style"],
}  # fmt: skip
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    """Load a public name from its module when it is first asked for (PEP 562)."""
    if name not in _HOME_OF:
        raise AttributeError(f"module 'impasto' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(globals().keys() | _HOME_OF.keys())
