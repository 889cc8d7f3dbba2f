"""impasto repaints a photograph in the manner of a painting (neural style transfer).

>>> import impasto
>>> pastiche = impasto.paint("photo.jpg", "painting.jpg", size_px=512)  # doctest: +SKIP
>>> pastiche.save("pastiche.png")  # doctest: +SKIP

Everything below is loaded when it is first used; `import impasto` itself loads nothing heavy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from impasto.version import __version__

if TYPE_CHECKING:
    from impasto.api import enlarge, iter_paint, paint, replay, resume
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
    from impasto.images.picture import Picture, picture_from_array
    from impasto.images.reading import load_picture, read_record
    from impasto.images.writing import save_picture
    from impasto.inputs.paintings import Painting, Region
    from impasto.lab.drafts import drafts
    from impasto.lab.face import again, batch, compare, sweep
    from impasto.lab.run import LabRun
    from impasto.options.fields import PaintOptions
    from impasto.options.recipes import load_recipe, recipe_names
    from impasto.runs.draft import draft
    from impasto.runs.run import Pastiche
    from impasto.runs.save_style import save_style


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
    "impasto.runs.draft": ["draft"],
    "impasto.errors": [
        "CheckpointError", "ImpastoError", "InputError", "OptionError", "OutputError", "RecordError", "WeightsError",
    ],
    "impasto.events": [
        "CheckpointSaved", "Controls", "Event", "FetchProgressed", "Notice", "PreviewReady", "Resumed", "RunDone",
        "RunStarted", "ScaleStarted", "Steered", "StepDone",
    ],
    "impasto.images.picture": ["Picture", "picture_from_array"],
    "impasto.images.reading": ["load_picture", "read_record"],
    "impasto.images.writing": ["save_picture"],
    "impasto.inputs.paintings": ["Painting", "Region"],
    "impasto.lab.face": ["again", "batch", "compare", "sweep"],
    "impasto.lab.drafts": ["drafts"],
    "impasto.lab.run": ["LabRun"],
    "impasto.options.fields": ["PaintOptions"],
    "impasto.options.recipes": ["load_recipe", "recipe_names"],
    "impasto.runs.run": ["Pastiche"],
    "impasto.runs.save_style": ["save_style"],
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
