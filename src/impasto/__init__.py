"""impasto repaints a photo in the style of a painting (neural style transfer).

>>> import impasto
>>> pastiche = impasto.paint("photo.jpg", "painting.jpg", size_px=512)  # doctest: +SKIP
>>> pastiche.save("pastiche.png")  # doctest: +SKIP

A public name is loaded from its module when it is first used: `import impasto` itself loads nothing heavy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from impasto.storage import forking as _forking  # noqa: F401 (sees every fork from here on)
from impasto.version import __version__ as __version__

_MODULES_OF_NAMES = {
    "impasto.api": "apaint draft enlarge iter_paint paint replay resume show",
    "impasto.errors": "CheckpointError ImpastoError InputError OptionError OutputError RecordError WeightsError",
    "impasto.events": (
        "CheckpointSaved Controls Event FetchProgressed FilmDone FilmStarted FrameDone FramesRead Notice PreviewReady "
        "Resumed RunDone RunStarted ScaleStarted ShotStarted Steered StepDone"
    ),
    "impasto.images.picture": "Picture picture_from_array",
    "impasto.images.reading": "load_picture read_record",
    "impasto.images.writing": "save_picture",
    "impasto.inputs.bundled": "bundled_paintings",
    "impasto.inputs.paintings": "Painting Region",
    "impasto.lab.api": "again batch compare drafts sweep",
    "impasto.lab.film": "film",
    "impasto.lab.runner": "LabRun",
    "impasto.options.fields": "PaintOptions",
    "impasto.options.recipes": "load_recipe recipe_names",
    "impasto.runs.pastiche": "Pastiche",
    "impasto.runs.save_style": "save_style",
}
_MODULE_OF = {name: module for module, names in _MODULES_OF_NAMES.items() for name in names.split()}

# For type checkers and editors, which cannot read the table; tests/test_api.py compares the two.
# isort: off
if TYPE_CHECKING:
    from impasto.api import enlarge as enlarge, iter_paint as iter_paint, paint as paint, replay as replay
    from impasto.api import apaint as apaint, draft as draft, resume as resume, show as show
    from impasto.errors import CheckpointError as CheckpointError, ImpastoError as ImpastoError
    from impasto.errors import InputError as InputError, OptionError as OptionError, OutputError as OutputError
    from impasto.errors import RecordError as RecordError, WeightsError as WeightsError
    from impasto.events import CheckpointSaved as CheckpointSaved, Controls as Controls, Event as Event
    from impasto.events import FetchProgressed as FetchProgressed, Notice as Notice, PreviewReady as PreviewReady
    from impasto.events import FilmDone as FilmDone, FilmStarted as FilmStarted, FrameDone as FrameDone
    from impasto.events import FramesRead as FramesRead, ShotStarted as ShotStarted
    from impasto.events import Resumed as Resumed, RunDone as RunDone, RunStarted as RunStarted
    from impasto.events import ScaleStarted as ScaleStarted, Steered as Steered, StepDone as StepDone
    from impasto.images.picture import Picture as Picture, picture_from_array as picture_from_array
    from impasto.images.reading import load_picture as load_picture, read_record as read_record
    from impasto.images.writing import save_picture as save_picture
    from impasto.inputs.bundled import bundled_paintings as bundled_paintings
    from impasto.inputs.paintings import Painting as Painting, Region as Region
    from impasto.lab.api import again as again, batch as batch, compare as compare, drafts as drafts, sweep as sweep
    from impasto.lab.film import film as film
    from impasto.lab.runner import LabRun as LabRun
    from impasto.options.fields import PaintOptions as PaintOptions
    from impasto.options.recipes import load_recipe as load_recipe, recipe_names as recipe_names
    from impasto.runs.pastiche import Pastiche as Pastiche
    from impasto.runs.save_style import save_style as save_style
else:
    __all__ = ["__version__", *_MODULE_OF]

    def __getattr__(name: str) -> object:
        """Load a public name from its module when it is first used (PEP 562)."""
        if name not in _MODULE_OF:
            raise AttributeError(f"module 'impasto' has no attribute {name!r}")
        from importlib import import_module

        value = getattr(import_module(_MODULE_OF[name]), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted(globals().keys() | _MODULE_OF.keys())
